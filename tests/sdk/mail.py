"""A mail server that takes mail, or does not, as the recipient's name asks for; prints what happens, a line of JSON each.

    mail.py CERTIFICATE KEY implicit|starttls|none
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# It warns of what is asked for here: sign-in over TLS from the first byte.
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

seen = {}


def tell(**what):
    print(json.dumps(what), flush=True)


def times(name):
    seen[name] = seen.get(name, 0) + 1
    return seen[name]


def name(address):
    return address.partition("@")[0]


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        tell(event="rcpt", to=address, time=times("rcpt " + address))
        who = name(address)
        if who == "gone":
            return f"550 5.1.1 <{address}> no such user"
        if who == "relay":
            return f"554 5.7.1 <{address}>: Relay access denied"
        if who == "blocked":
            return f"550 5.7.1 <{address}>: sender is blocked"
        if who == "down" or (who == "busy" and seen["rcpt " + address] == 1):
            return f"451 4.3.0 <{address}> try again later"
        if who == "slow":
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        (to,) = envelope.rcpt_tos
        who = name(to)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.strict)
        tell(event="data", to=to, id=mail["message-id"])
        if who == "full" and times("data " + to) == 1:
            return "452 4.3.1 no room right now"
        if who == "spam":
            return "554 5.7.1 looks like spam"
        html = mail.get_body(("html",))
        tell(
            event="mail",
            envelope=[envelope.mail_from, to],
            headers={name.lower(): str(value) for name, value in mail.items()},
            kind=mail.get_content_type(),
            text=mail.get_body(("plain",)).get_content(),
            html=html and html.get_content(),
            defects=[str(defect) for part in mail.walk() for defect in part.defects],
            raw=envelope.content.decode("ascii"),
            tls=session.ssl is not None or implicit,
            user=session.auth_data,
        )
        if who == "mute":
            # It has the mail, and nobody hears of that.
            server.transport.abort()
        return "250 OK"


class Server(SMTP):
    async def smtp_DATA(self, arg):
        if any(name(to) == "cut" for to in self.envelope.rcpt_tos):
            tell(event="cut")
            await self.push("354 go on")
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and data == LoginPassword(b"bank", b"hunter:2")
    return AuthResult(success=known, auth_data="bank" if known else None)


async def main():
    global implicit
    certificate, key, mode = sys.argv[1:]
    implicit = mode == "implicit"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def connect():
        tell(event="connect")
        return Server(
            Handler(),
            hostname="localhost",
            tls_context=context if mode == "starttls" else None,
            require_starttls=mode == "starttls",
            authenticator=authenticate,
            auth_required=mode != "none",
            auth_require_tls=mode == "starttls",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connect, "127.0.0.1", 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
