#!/usr/bin/env python3
"""Judge: connection and subscription tokens (JWT), made here with the standard library and a shared secret."""

import base64
import hashlib
import hmac
import json
import time

from lib import http
from lib.cases import case, each, expect, run, same
from lib.raw import Raw
from lib.server import Server

SECRET = "correct horse battery staple, and then some more of it to be long"
GUARDED = f'token_hmac_secret = "{SECRET}"\napi_key = "k"\n'
HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def token(claims, secret=SECRET, alg="HS256", signed_with=None):
    """A JWT; `signed_with` signs with another algorithm than the header says."""

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = part(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    used = HASHES.get(signed_with or alg)
    signature = hmac.new(secret.encode(), head, used).digest() if used else b""
    return (head + b"." + part(signature)).decode()


def outcome(server, *commands):
    """What commands in one frame lead to: the last one's reply, or the close code."""
    client = Raw(server)
    client.commands(*commands)
    try:
        return client.reply(commands[-1]["id"])
    except EOFError as closed:
        return int(str(closed).rpartition(" ")[2])
    finally:
        client.close()


def connect(server, text):
    return outcome(server, {"id": 1, "connect": {"token": text}})


@case("with a secret set, a valid token connects and says when it expires; none is refused with 3501")
def valid():
    with Server(config=GUARDED) as server:
        same(outcome(server, {"id": 1, "connect": {}}), 3501, "outcome without a token")
        for alg in HASHES:
            welcome = connect(server, token({"sub": "42"}, alg=alg))
            expect(isinstance(welcome, dict) and welcome.get("connect", {}).get("client"), f"{alg}: {welcome}")
            expect(not welcome["connect"].get("expires"), f"a token without exp expires: {welcome}")
        welcome = connect(server, token({"sub": "42", "exp": int(time.time()) + 600}))
        same(welcome["connect"].get("expires"), True, "expires")
        expect(500 <= welcome["connect"]["ttl"] <= 600, f"ttl {welcome['connect']['ttl']} of a token for 600 s")


@case("forged, foreign, early and misused tokens are refused with 3500")
def forged():
    good = token({"sub": "42"})
    head, claims, signature = good.split(".")
    other = token({"sub": "admin"}).split(".")[1]
    rows = {
        "garbage": "garbage",
        "three empty parts": "..",
        "another secret": token({"sub": "42"}, secret="wrong"),
        "changed claims": f"{head}.{other}.{signature}",
        "no signature": f"{head}.{claims}.",
        "the algorithm none": token({"sub": "42"}, alg="none"),
        "the algorithm None, signed": token({"sub": "42"}, alg="None", signed_with="HS256"),
        "another algorithm than it says": token({"sub": "42"}, alg="HS512", signed_with="HS256"),
        "not valid yet": token({"sub": "42", "nbf": int(time.time()) + 3600}),
        "a subscription token": token({"sub": "42", "channel": "c"}),
        "a number for a user": token({"sub": 42}),
        "expiry that is text": token({"sub": "42", "exp": "tomorrow"}),
    }
    with Server(config=GUARDED) as server:
        each(rows.items(), lambda row: same(connect(server, row[1]), 3500, f"outcome of {row[0]}"))


@case("an expired token is error 109, so that the SDK fetches a new one")
def expired():
    with Server(config=GUARDED) as server:
        reply = connect(server, token({"sub": "42", "exp": int(time.time()) - 60}))
        expect(isinstance(reply, dict) and reply.get("error", {}).get("code") == 109, f"outcome {reply}")


@case("a private channel is opened by a token for exactly that channel and user")
def private():
    with Server(config=GUARDED) as server:
        mine = token({"sub": "42"})

        def subscribe(**fields):
            got = outcome(server, {"id": 1, "connect": {"token": mine}}, {"id": 2, "subscribe": {"channel": "$room", **fields}})
            return got if isinstance(got, int) else got.get("error", {}).get("code", "subscribed")

        rows = [
            ("the right token", token({"sub": "42", "channel": "$room"}), "subscribed"),
            ("another channel", token({"sub": "42", "channel": "$other"}), 3500),
            ("another user", token({"sub": "43", "channel": "$room"}), 3500),
            ("another secret", token({"sub": "42", "channel": "$room"}, secret="wrong"), 103),
            ("an expired token", token({"sub": "42", "channel": "$room", "exp": int(time.time()) - 60}), 109),
        ]
        each(rows, lambda row: same(subscribe(token=row[1]), row[2], f"outcome with {row[0]}"))
        same(subscribe(), 103, "outcome without a token")


@case("publications of a private channel reach who was let in")
def delivery():
    with Server(config=GUARDED) as server:
        client = Raw(server)
        client.commands(
            {"id": 1, "connect": {"token": token({"sub": "42"})}},
            {"id": 2, "subscribe": {"channel": "$room", "token": token({"sub": "42", "channel": "$room"})}},
        )
        expect("error" not in client.reply(2), "the subscription was refused")
        answer = http.api(server, "publish", {"channel": "$room", "data": "hush"}, {"X-API-Key": "k"})
        same(answer.status, 200, "status of the publication")
        same(client.push()[1]["data"], "hush", "data")
        client.close()


run()
