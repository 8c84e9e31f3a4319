"""Does with PyPI's altcha what it is told on standard input: a list of jobs, answered by a list of results."""

import base64
import datetime
import json
import sys

import altcha
from altcha import v1


def make1(options, secret):
    expires = datetime.datetime.fromtimestamp(options["expires"], datetime.timezone.utc)
    made = v1.create_challenge(
        algorithm=options["algorithm"],
        max_number=options["maxnumber"],
        hmac_key=secret,
        expires=expires,
        params=options["params"],
    )
    return made.to_dict()


def solve1(challenge):
    read = v1.Challenge(*(challenge[name] for name in ("algorithm", "challenge", "maxnumber", "salt", "signature")))
    solution = v1.solve_challenge(read)
    return v1.Payload(read.algorithm, read.challenge, solution.number, read.salt, read.signature).to_base64()


def verify1(payload, secret):
    return v1.verify_solution(payload, secret)[0]


def make2(options, secret, keySecret=None):
    names = {
        "keyLength": "key_length",
        "keyPrefix": "key_prefix",
        "memoryCost": "memory_cost",
        "expiresAt": "expires_at",
    }
    options = {names.get(name, name): value for name, value in options.items()}
    return altcha.create_challenge(hmac_secret=secret, hmac_key_secret=keySecret, **options).to_dict()


def solve2(challenge):
    read = altcha.Challenge.from_dict(challenge)
    return altcha.Payload(read, altcha.solve_challenge(read)).to_base64()


def verify2(payload, secret, keySecret=None):
    return altcha.verify_solution(payload, secret, hmac_key_secret=keySecret).verified


def verifyServer(payload, secret):
    algorithm = json.loads(base64.b64decode(payload))["algorithm"]
    if algorithm == "SHA-1":
        return v1.verify_server_signature(payload, secret)[0]
    return altcha.verify_server_signature(payload, secret, hmac_algorithm=algorithm).verified


known = {job.__name__: job for job in (make1, solve1, verify1, make2, solve2, verify2, verifyServer)}
print(json.dumps([known[job.pop("job")](**job) for job in json.load(sys.stdin)]))
