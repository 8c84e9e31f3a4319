"""A whole session of the official Python SDK, unmodified, with a gateway.

    python session.py http://127.0.0.1:3900 ACCOUNT TOKEN
"""

import json
import re
import sys
import urllib.request
from datetime import datetime

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

gateway, account, token = sys.argv[1:]


def connect(token):
    # The SDK reads regions from the environment unless it is given another one, and an empty one does not count.
    client = Client(account, token, environment={"_": ""})
    client.verify.base_url = gateway
    return client


client = connect(token)
verify = client.verify.v2


def code_for(to):
    request = urllib.request.Request(f"{gateway}/inbox", headers={"Accept": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        letters = json.load(answer)
    return next(letter["code"] for letter in letters if letter["to"] == to)


def other_than(code):
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


def refused(status, code, call, message=""):
    try:
        call()
    except TwilioRestException as error:
        assert (error.status, error.code) == (status, code), f"{error.status}/{error.code}: {error.msg}"
        assert re.search(message, error.msg), error.msg
    else:
        raise AssertionError(f"{status}/{code} was expected, and nothing was refused")


def is_sid(prefix, sid):
    return re.fullmatch(prefix + "[0-9a-f]{32}", sid) is not None


def services():
    service = verify.services.create(friendly_name="Owl Bank", code_length=6)
    assert is_sid("VA", service.sid) and service.account_sid == account, service.sid
    assert service.code_length == 6 and service.psd2_enabled is False
    assert isinstance(service.date_created, datetime), service.date_created
    assert len(service.links) == 7, service.links
    changed = verify.services(service.sid).update(friendly_name="Owl Bank Two", code_length=8)
    assert (changed.friendly_name, changed.code_length) == ("Owl Bank Two", 8)
    fetched = verify.services(service.sid).fetch()
    assert (fetched.friendly_name, fetched.code_length) == ("Owl Bank Two", 8)
    others = {verify.services.create(friendly_name=f"Owl {name}").sid for name in ("North", "South")}
    listed = [each.sid for each in verify.services.stream(page_size=1)]
    assert len(listed) == len(set(listed)) and others | {service.sid} <= set(listed), listed
    for sid in others | {service.sid}:
        assert verify.services(sid).delete() is True
    refused(404, 20404, verify.services(service.sid).fetch, "was not found")
    refused(400, 60200, lambda: verify.services.create(friendly_name="Owl", code_length=11))
    refused(400, 60200, lambda: verify.services.create(friendly_name="Owl 12345"))
    refused(401, 20003, connect("wrong").verify.v2.services(service.sid).fetch)


def limits(service):
    limit = service.rate_limits.create(unique_name="end_user_ip", description="by address")
    assert is_sid("RK", limit.sid) and limit.description == "by address"
    refused(400, 60208, lambda: service.rate_limits.create(unique_name="end_user_ip"))
    refused(400, 60209, lambda: service.rate_limits.create(unique_name="end user"))
    assert service.rate_limits(limit.sid).update(description="by peer").description == "by peer"
    buckets = service.rate_limits(limit.sid).buckets
    bucket = buckets.create(max=4, interval=60)
    assert is_sid("BL", bucket.sid) and (bucket.max, bucket.interval) == (4, 60)
    refused(400, 60211, lambda: buckets.create(max=9, interval=60))
    assert buckets(bucket.sid).update(max=2).max == 2
    buckets.create(max=100, interval=3600)
    assert sorted(each.interval for each in buckets.list()) == [60, 3600]
    assert [each.sid for each in service.rate_limits.list()] == [limit.sid]

    def start(number, address):
        return service.verifications.create(
            to=f"+1202555011{number}", channel="sms", rate_limits=json.dumps({"end_user_ip": address})
        )

    start(0, "127.0.0.1")
    start(1, "127.0.0.1")
    refused(429, 20429, lambda: start(2, "127.0.0.1"))
    start(2, "127.0.0.2")
    assert service.rate_limits(limit.sid).delete() is True
    start(3, "127.0.0.1")


def one_code(service):
    to = "+12025550100"
    started = service.verifications.create(to=to, channel="sms")
    assert is_sid("VE", started.sid) and started.to == to and started.channel == "sms"
    assert (started.status, started.valid, started.lookup, started.sna) == ("pending", False, {}, None)
    assert len(started.send_code_attempts) == 1 and isinstance(started.date_created, datetime)
    code = code_for(to)
    again = service.verifications.create(to=to, channel="sms")
    assert again.sid == started.sid and len(again.send_code_attempts) == 2 and code_for(to) == code
    called = service.verifications.create(to=to, channel="call")
    assert called.sid == started.sid and code_for(to) == code
    assert service.verifications(to).fetch().sid == started.sid
    wrong = service.verification_checks.create(to=to, code=other_than(code))
    assert (wrong.status, wrong.valid) == ("pending", False)
    refused(400, 60200, lambda: service.verification_checks.create(to=to, code="123"))
    refused(400, 60221, lambda: service.verification_checks.create(code=code))
    right = service.verification_checks.create(verification_sid=started.sid, code=code)
    assert (right.status, right.valid, right.sid) == ("approved", True, started.sid)
    gone = r"The requested resource /v2/Services/.*/VerificationCheck was not found"
    refused(404, 20404, lambda: service.verification_checks.create(to=to, code=code), gone)
    refused(404, 20404, service.verifications(started.sid).fetch)
    refused(400, 60200, lambda: service.verifications.create(to="12025550100", channel="sms"))
    refused(400, 60200, lambda: service.verifications.create(to=to, channel="pigeon"))
    mail = service.verifications.create(to="owl@example.com", channel="email")
    assert mail.channel == "email"
    assert service.verification_checks.create(to=mail.to, code=code_for(mail.to)).valid is True


def caps(service):
    to = "+12025550101"
    for _ in range(5):
        service.verifications.create(to=to, channel="sms")
    refused(429, 60203, lambda: service.verifications.create(to=to, channel="sms"), "Max send attempts reached")
    to = "+12025550102"
    started = service.verifications.create(to=to, channel="sms")
    code = code_for(to)
    for _ in range(5):
        assert service.verification_checks.create(to=to, code=other_than(code)).valid is False
    last = lambda: service.verification_checks.create(to=to, code=code)
    refused(429, 60202, last, "Max check attempts reached")
    assert service.verifications(started.sid).fetch().status == "max_attempts_reached"


def cancelling(service):
    to = "+12025550103"
    started = service.verifications.create(to=to, channel="sms")
    code = code_for(to)
    assert service.verifications(started.sid).update(status="canceled").status == "canceled"
    assert service.verifications(started.sid).fetch().status == "canceled"
    refused(404, 20404, lambda: service.verification_checks.create(to=to, code=code))
    anew = service.verifications.create(to=to, channel="sms")
    assert anew.sid != started.sid
    assert service.verifications(anew.sid).update(status="approved").valid is True


def payments():
    made = verify.services.create(friendly_name="Owl Payments", psd2_enabled=True)
    service, to = verify.services(made.sid), "+12025550104"
    pair = {"amount": "€39.99", "payee": "Acme Inc."}
    refused(400, 60206, lambda: service.verifications.create(to=to, channel="sms"))
    refused(400, 60206, lambda: service.verifications.create(to=to, channel="sms", amount="€39.99"))
    refused(400, 60214, lambda: service.verifications.create(to=to, channel="call", **pair))
    started = service.verifications.create(to=to, channel="sms", **pair)
    assert (started.amount, started.payee) == ("€39.99", "Acme Inc."), started.amount
    code = code_for(to)
    other = service.verifications.create(to=to, channel="sms", amount="€40.00", payee="Acme Inc.")
    assert other.sid != started.sid
    refused(400, 60206, lambda: service.verification_checks.create(to=to, code=code))
    for change in ({"amount": "€139.99"}, {"payee": "Acme Ltd."}):
        assert not approves(service, to=to, code=code, **{**pair, **change}), change
    right = service.verification_checks.create(to=to, code=code, **pair)
    assert (right.status, right.amount, right.payee) == ("approved", "€39.99", "Acme Inc.")


def approves(service, **check):
    try:
        return service.verification_checks.create(**check).valid
    except TwilioRestException as error:
        assert error.code in (20404, 60202), error
        return False


def own_codes():
    made = verify.services.create(friendly_name="Owl Codes", custom_code_enabled=True)
    service, to = verify.services(made.sid), "+12025550105"
    service.verifications.create(to=to, channel="sms", custom_code="471147")
    assert service.verification_checks.create(to=to, code="471147").valid is True


def second_tier(service):
    number = verify.safelist.create(phone_number="+12025550106")
    assert is_sid("GN", number.sid) and verify.safelist("+12025550106").fetch().sid == number.sid
    assert verify.safelist("+12025550106").delete() is True
    to = "+12025550107"
    started = service.verifications.create(to=to, channel="sms")
    attempts = verify.verification_attempts.list(verification_sid=started.sid)
    assert [attempt.verification_sid for attempt in attempts] == [started.sid], attempts
    one = verify.verification_attempts(attempts[0].sid).fetch()
    assert one.conversion_status == "unconverted", one.conversion_status
    service.verification_checks.create(to=to, code=code_for(to))
    summary = verify.verification_attempts_summary().fetch(verify_service_sid=started.service_sid)
    assert summary.total_attempts >= 1 and summary.total_converted >= 1
    assert re.fullmatch(r"\d+(\.\d+)?", summary.conversion_rate_percentage), summary.conversion_rate_percentage


services()
made = verify.services.create(friendly_name="Owl Session")
service = verify.services(made.sid)
refused(403, 60204, lambda: service.verifications.create(to="+12025550108", channel="sms", custom_code="471147"))
limits(service)
one_code(service)
caps(service)
cancelling(service)
payments()
own_codes()
second_tier(service)
print("the session is over, and all of it was as it should be")
