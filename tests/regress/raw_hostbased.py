"""Hostbased requests by hand: what is signed is not what is claimed."""
import os

from cryptography.hazmat.primitives import serialization

from parts import T, eq, logged, run_parts, string
from wire import (USERAUTH_FAILURE, USERAUTH_REQUEST, USERAUTH_SUCCESS, Ended,
                  Ssh, take)

HOSTKEY, STRANGER = T + "/hostkeys/ssh_host_ed25519_key", T + "/keys/stranger"


def load(path):
    with open(path, "rb") as f:
        key = serialization.load_ssh_private_key(f.read(), None)
    return key, string(b"ssh-ed25519") + string(
        key.public_key().public_bytes(serialization.Encoding.Raw,
                                      serialization.PublicFormat.Raw))


def body(user, host, client_user, blob, alg=b"ssh-ed25519",
         service=b"ssh-connection", method=b"hostbased"):
    return (bytes([USERAUTH_REQUEST]) + string(user) + string(service) +
            string(method) + string(alg) + string(blob) + string(host) +
            string(client_user))


def ask(claim, signed=None, key=HOSTKEY, sid=None, signer=None, sig=None):
    """The answer to a request for `claim` with a signature over `signed`."""
    c = Ssh()
    c.service()
    private, blob = load(key)
    if signer:
        private = load(signer)[0]
    if sig is None:
        sig = string(b"ssh-ed25519") + string(private.sign(
            string(sid or c.sid) + body(blob=blob, **{**claim,
                                                      **(signed or {})})))
    c.send(body(blob=blob, **claim) + string(sig))
    p = c.recv(USERAUTH_FAILURE, USERAUTH_SUCCESS)
    c.close()
    return p


GOOD = {"user": b"bert", "host": b"localhost.", "client_user": b"robot"}


def refused(*a, **kw):
    p = ask(*a, **kw)
    eq("answer", p[0], USERAUTH_FAILURE)
    methods, at = take(p, 1)
    assert b"hostbased" in methods.split(b","), methods
    eq("partial", p[at], 0)


def t_good():
    eq("answer", ask(GOOD)[0], USERAUTH_SUCCESS)
    eq("without the dot", ask({**GOOD, "host": b"LocalHost"})[0],
       USERAUTH_SUCCESS)


def t_signature_over_something_else():
    refused(GOOD, {"user": b"alice"})
    refused(GOOD, {"host": b"localhost"})
    refused(GOOD, {"client_user": b"root"})
    refused(GOOD, {"service": b"ssh-userauth"})
    refused(GOOD, {"method": b"publickey"})
    refused(GOOD, {"alg": b"rsa-sha2-256"})
    refused(GOOD, sid=os.urandom(32))
    refused(GOOD, signer=STRANGER)
    refused(GOOD, sig=b"")
    refused(GOOD, sig=string(b"ssh-ed25519") + string(b"\0" * 64))
    logged("user=bert", "method=hostbased", "signature is wrong")


def t_other_names():
    for change in ({"host": b"elsewhere."}, {"host": b""},
                   {"host": b"x" * 5000}, {"client_user": b"daemon"},
                   {"client_user": b""}, {"client_user": b"robot\n"},
                   {"client_user": b"%s%n"}, {"host": b"localhost.."}):
        refused({**GOOD, **change})
    logged("user=bert", "client's user may not log in as this one")
    logged("user=bert", "known for another name")


def t_unknown_key():
    refused(GOOD, key=STRANGER)
    logged("user=bert", "host's key is not known")


def t_alike():
    """Nobody, and who must come otherwise, hear the same."""
    want = ask(GOOD, key=STRANGER)
    for user in (b"nobody-here", b"alice", b"x" * 200, b"../etc"):
        eq(repr(user), ask({**GOOD, "user": user}), want)


def t_malformed():
    """A NUL, a field missing or one too many is no request."""
    private, blob = load(HOSTKEY)
    whole = body(blob=blob, **GOOD)
    for bad in (whole, whole + string(b"sig") + b"x",
                body(blob=blob, **{**GOOD, "host": b"a\0b"}) + string(b""),
                body(blob=blob, **{**GOOD, "client_user": b"a\0b"}) +
                string(b"")):
        c = Ssh()
        c.service()
        c.send(bad)
        try:
            p = c.recv(USERAUTH_FAILURE, USERAUTH_SUCCESS)
            raise AssertionError(f"answered with {p[0]}")
        except Ended:
            pass


run_parts(globals())
