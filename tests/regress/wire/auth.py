"""Logging in: who may not, and what is told to those who try."""
import os

import ssh
from ssh import (CHANNEL_OPEN, CHANNEL_REQUEST, DATA, INFO_RESPONSE,
                 OPEN_CONFIRMATION, PK_OK, SERVICE_REQUEST, UNIMPLEMENTED,
                 USERAUTH_FAILURE, USERAUTH_REQUEST, USERAUTH_SUCCESS, Ended,
                 flip, key_blob, load_key, mpint, query, request, signed,
                 string, u32)
from world import (KEY, KEYS, STRANGER, WHO, bare, case, eq, fatal, keyed,
                   logged_in, main, serviced)
import parts

PASSWORD = os.environ["PASSWORD"]
OPEN_SESSION = bytes([CHANNEL_OPEN]) + string("session") + u32(0) + \
    u32(1 << 21) + u32(32768)
EXEC = bytes([CHANNEL_REQUEST]) + u32(0) + string("exec") + b"\1" + \
    string("id > /tmp/sallyport-was-here")
SFTP = bytes([CHANNEL_REQUEST]) + u32(0) + string("subsystem") + b"\1" + \
    string("sftp")
ATTEMPTS = 6    # limits.auth_attempts


def password(user, word, change=None):
    more = b"" if change is None else string(change)
    return request(user, "password", bytes([change is not None]),
                   string(word), more)


def ask(c, payload):
    """The answer to one request, None when the connection ended."""
    c.send(payload)
    try:
        return c.recv(USERAUTH_FAILURE, USERAUTH_SUCCESS, PK_OK)
    except Ended:
        return None


def not_in(c, what):
    """Nobody is logged in on this connection: a channel is an offence."""
    c.send(OPEN_SESSION)
    try:
        while True:
            p = c.recv_any()
            assert p[0] != OPEN_CONFIRMATION, what + ": a channel opened"
            assert p[0] != USERAUTH_SUCCESS, what + ": logged in"
    except Ended:
        pass
    c.close()


def fails(what, payload, c=None):
    """Refused, and the connection stays as it was; may end instead."""
    c = c or serviced()
    p = ask(c, payload(c) if callable(payload) else payload)
    assert p is None or p[0] == USERAUTH_FAILURE, f"{what}: message {p[0]}"
    not_in(c, what)


def failure(what, payload, c=None):
    """Refused with FAILURE."""
    c = c or serviced()
    p = ask(c, payload(c) if callable(payload) else payload)
    assert p is not None, f"{what}: the connection ended"
    eq(what, p[0], USERAUTH_FAILURE)
    eq(what + ": partial", p[-1], 0)
    not_in(c, what)


def succeeds(what, payload):
    c = serviced()
    p = ask(c, payload(c) if callable(payload) else payload)
    assert p is not None and p[0] == USERAUTH_SUCCESS, what
    assert c.open() is not None
    c.close()


# ---- messages before their time ----

STAGES = {"service": keyed, "auth": serviced}


def asked(**kw):
    c = serviced(**kw)
    eq("none", c.auth(request(WHO, "none")[1:])[0], USERAUTH_FAILURE)
    return c


STAGES["tried"] = asked


def before_login(name, *messages):
    for stage, make in STAGES.items():
        @case(f"{name}-{stage}")
        def _(make=make, stage=stage):
            for cipher in ("gcm", "etm"):
                c = make(cipher=cipher)
                c.raw(b"".join(c.seal(m) for m in messages))
                fatal(c, f"{name} at {stage}", (2,))


before_login("preauth-success", bytes([USERAUTH_SUCCESS]), OPEN_SESSION,
             SFTP)
before_login("preauth-channel-open", OPEN_SESSION, SFTP, EXEC)
before_login("preauth-channel-direct-tcpip",
             bytes([CHANNEL_OPEN]) + string("direct-tcpip") + u32(0) +
             u32(1 << 20) + u32(1 << 15) + string("127.0.0.1") + u32(22) +
             string("127.0.0.1") + u32(1))
before_login("preauth-exec-without-open", EXEC)
before_login("preauth-channel-sftp-without-open", SFTP)
before_login("preauth-channel-data",
             bytes([DATA]) + u32(0) + string(b"\0\0\0\5\1\0\0\0\3"))
before_login("preauth-channel-close", bytes([ssh.CLOSE]) + u32(0))
before_login("preauth-channel-window", bytes([ssh.WINDOW_ADJUST]) + u32(0) +
             u32(1))
before_login("preauth-channel-confirmation", bytes([OPEN_CONFIRMATION]) +
             u32(0) * 2 + u32(1 << 20) * 2)
before_login("preauth-global", bytes([ssh.GLOBAL_REQUEST]) +
             string("tcpip-forward") + b"\1" + string("") + u32(0))
before_login("preauth-pk-ok", bytes([PK_OK]) + string("ssh-ed25519") +
             string(key_blob(KEY)))


@case("preauth-service-connection")
def _():
    """ssh-connection is no service that could be asked for."""
    for make in (keyed, serviced):
        for name in ("ssh-connection", "", "ssh-userauth\0", "shell",
                     "x" * 30000):
            c = make()
            c.send(SERVICE_REQUEST, string(name))
            fatal(c, f"service {name[:20]!r}")


@case("preauth-auth-without-service")
def _():
    c = keyed()
    c.send(signed(c.sid, WHO, KEY))
    fatal(c, "authentication without the service", (2,))


def sweep(make, body):
    """What each message number does, as a word."""
    out = {}
    for n in range(256):
        c = make()
        c.send(bytes([n]) + body)
        c.send(255)   # a stranger: who lives, answers... or dies of it
        try:
            p = c.recv_any()
            while p[0] in (ssh.EXT_INFO, ssh.KEXINIT, ssh.IGNORE):
                p = c.recv_any()
            out[n] = p[0]
        except Ended:
            out[n] = "end"
        c.close()
    return out


def check_sweep(make, body, allowed):
    """Before login the only answer to any number is UNIMPLEMENTED, and all
    of the connection protocol is the end, but for PING, which is dropped."""
    got = sweep(make, body)
    for n, what in got.items():
        assert what in ("end",) + allowed, f"message {n}: {what}"
        if 80 <= n < 255 and n != ssh.PING or n in (
                ssh.USERAUTH_SUCCESS, USERAUTH_FAILURE, PK_OK, ssh.NEWKEYS,
                ssh.SERVICE_ACCEPT):
            eq(f"message {n}", what, "end")


def clear_start():
    c = bare(strict=False)
    c.idents()
    return c


@case("preauth-types-sweep-clear")
def _():
    for body in (b"", b"\0" * 64):
        for n, what in sweep(clear_start, body).items():
            eq(f"message {n}", what, "end")


@case("preauth-types-sweep-service")
def _():
    for body in (b"", b"\0" * 64):
        check_sweep(keyed, body, (UNIMPLEMENTED,))


@case("preauth-types-sweep-auth")
def _():
    for body in (b"", b"\0" * 64):
        check_sweep(serviced, body, (UNIMPLEMENTED, USERAUTH_FAILURE))


@case("open-types-sweep")
def _():
    """Behind login: nothing crashes, and nothing is answered that is not a
    request."""
    for body in (b"", b"\0" * 64):
        got = sweep(logged_in, body)
        for n in (ssh.SERVICE_ACCEPT, USERAUTH_SUCCESS, USERAUTH_FAILURE,
                  PK_OK, ssh.KEX_INIT, ssh.NEWKEYS, ssh.KEX_REPLY,
                  SERVICE_REQUEST, ssh.DATA, ssh.CHANNEL_REQUEST):
            eq(f"message {n}", got[n], "end")
        for n in (8, 19, 70, 102, 191, 200, 255, 0):
            eq(f"message {n}", got[n], UNIMPLEMENTED)


@case("auth-after-success")
def _():
    """Further requests are dropped without a word."""
    c = logged_in()
    c.send(request(WHO, "none"))
    c.send(signed(c.sid, "bob", STRANGER))
    c.send(request("root", "none"))
    c.breathes()
    assert c.open() is not None
    c.close()


@case("auth-channel-behind-success")
def _():
    """A client that is sure of itself does not wait."""
    c = serviced()
    c.raw(c.seal(signed(c.sid, WHO, KEY)) + c.seal(OPEN_SESSION) +
          c.seal(SFTP))
    c.recv(USERAUTH_SUCCESS)
    c.recv(OPEN_CONFIRMATION)
    c.recv(ssh.CHANNEL_SUCCESS)
    c.close()


@case("auth-channel-behind-failure")
def _():
    c = serviced()
    c.raw(c.seal(signed(c.sid, WHO, STRANGER)) + c.seal(OPEN_SESSION) +
          c.seal(SFTP))
    eq("answer", c.recv_any()[0], USERAUTH_FAILURE)
    fatal(c, "channel behind a failure", (2,))


# ---- key blobs ----

def odd_blobs():
    good = key_blob(KEY)
    raw = good[-32:]
    ed = string("ssh-ed25519")
    ec = load_key(os.path.join(KEYS, "user_ecdsa256"))
    point = key_blob(ec)[-65:]
    curve = string("ecdsa-sha2-nistp256") + string("nistp256")
    return {
        "empty": b"", "garbage": os.urandom(51), "text": b"ssh-ed25519",
        "a path": b"/etc/passwd", "a path up": b"../../../etc/shadow",
        "device": b"/dev/stdin", "only a name": ed,
        "31 bytes": ed + string(raw[:31]), "33 bytes": ed + string(raw + b"x"),
        "no bytes": ed + string(b""), "bytes behind": good + b"x",
        "cut": good[:-1], "lying name": u32(0xffffffff) + good[4:],
        "lying key": ed + u32(0x7fffffff) + raw,
        "zero name": string(b"") + string(raw),
        "unknown kind": string("ssh-ed448") + string(b"x" * 57),
        "dss": string("ssh-dss") + mpint(5) * 4,
        "certificate": string("ssh-ed25519-cert-v01@openssh.com") +
        string(raw) * 3,
        "zero point": ed + string(b"\0" * 32),
        "ec infinity": curve + string(b"\0"),
        "ec off curve": curve + string(flip(point, -1)),
        "ec other curve": string("ecdsa-sha2-nistp256") +
        string("nistp521") + string(point),
        "ec compressed": curve + string(b"\2" + point[1:33]),
        "huge": ed + string(b"x" * 40000), "nested": string(string(good)),
        "many": good * 200,
    }


def each_blob(alg_of):
    for what, blob in odd_blobs().items():
        for has in (b"\0", b"\1"):
            c = serviced()
            sig = string(string("ssh-ed25519") + string(b"\0" * 64))
            p = ask(c, request(
                WHO, "publickey", has, string(alg_of(blob)), string(blob),
                sig if has == b"\1" else b""))
            assert p is None or p[0] == USERAUTH_FAILURE, (what, p)
            not_in(c, what)


@case("auth-blob-garbage")
def _():
    each_blob(lambda blob: "ssh-ed25519")


@case("auth-blob-other-algorithm")
def _():
    for alg in ("ecdsa-sha2-nistp256", "rsa-sha2-512", "", "ssh-rsa",
                "ssh-ed25519,ssh-rsa", "x" * 5000):
        each_blob(lambda blob: alg)


@case("auth-blob-signature-lies")
def _():
    sig = string("ssh-ed25519")
    for what, outer in {
        "empty": b"", "only a name": sig, "cut": sig + u32(64) + b"x" * 63,
        "63 bytes": sig + string(b"x" * 63),
        "65 bytes": sig + string(b"x" * 65),
        "zero": sig + string(b"\0" * 64),
        "lying": sig + u32(0xffffffff) + b"x" * 64,
        "huge": sig + string(b"x" * 50000),
        "ff": sig + string(b"\xff" * 64),
        "behind": sig + string(b"x" * 64) + b"y" * 10,
    }.items():
        failure(what, request(WHO, "publickey", b"\1", string("ssh-ed25519"),
                              string(key_blob(KEY)), string(outer)))


@case("auth-blob-ecdsa-signature-lies")
def _():
    key = load_key(os.path.join(KEYS, "user_ecdsa256"))
    alg = "ecdsa-sha2-nistp256"
    n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
    for what, inner in {
        "empty": b"", "zeros": mpint(0) + mpint(0),
        "ones": mpint(1) + mpint(1), "n": mpint(n) + mpint(n),
        "negative": string(b"\x80") * 2, "huge": mpint(1 << 4096) * 2,
        "lying": u32(0xffffffff) + b"x" * 40,
        "behind": mpint(5) + mpint(7) + b"x",
    }.items():
        failure(what, request(
            WHO, "publickey", b"\1", string(alg), string(key_blob(key)),
            string(string(alg) + string(inner))))


@case("auth-request-cut-short")
def _():
    """Every request, cut at every place, and with bytes behind."""
    for whole in (query(WHO, "ssh-ed25519", key_blob(KEY)),
                  password("bob", "x"), request("bob", "none")):
        for n in list(range(1, len(whole), 3)):
            c = serviced()
            p = ask(c, whole[:n])
            assert p is None or p[0] == USERAUTH_FAILURE, (n, p)
            c.close()
        c = serviced()
        p = ask(c, whole + b"x")
        assert p is None or p[0] == USERAUTH_FAILURE, p
        c.close()


@case("auth-request-lying-lengths")
def _():
    whole = query(WHO, "ssh-ed25519", key_blob(KEY))
    for at in range(1, len(whole) - 4):
        for lie in (0xffffffff, 0x7fffffff, 65536):
            if at % 5 and lie != 0xffffffff:
                continue
            c = serviced()
            p = ask(c, whole[:at] + u32(lie) + whole[at + 4:])
            assert p is None or p[0] in (USERAUTH_FAILURE, PK_OK), (at, p)
            c.close()


# ---- names ----

def user_fails(name, *users):
    @case(name)
    def _():
        for user in users:
            for p in (request(user, "none"), password(user, PASSWORD),
                      query(user, "ssh-ed25519", key_blob(KEY))):
                fails(repr(user)[:40], p)
            fails(repr(user)[:40], lambda c: signed(c.sid, user, KEY))


user_fails("auth-user-slashes", "../alice", "alice/", "/alice", "alice/../bob",
           "../../../../etc/passwd", "/etc/passwd", ".", "..", "%u", "./alice",
           "users/alice", "alice\\..")
user_fails("auth-user-nul", b"alice\0", b"alice\0root", b"\0alice", b"\0",
           b"bob\0", b"root\0alice")
user_fails("auth-user-format", "%n%n%n%n", "%s%s%s%s%s", "%999999999d",
           "alice%n", "%*.*x")
user_fails("auth-user-newline", "alice\n", "x\nevent=login user=alice",
           "x\r\nlogin", "x\x1b[31m", "x\x00y", "\x7f", "\xff\xfe",
           b"\xff\xfe\x80", "x event=login", 'x" event="login', "x\\n")
user_fails("auth-user-root", "root", "0", "Alice", "ALICE", " alice",
           "alice ", "bobby", "bo", "daemon", "_sallyport", "#0")
user_fails("auth-user-long", "", "a" * 255, "a" * 256, "a" * 257, "a" * 4096,
           "alice" * 6000)


@case("auth-user-log-is-clean")
def _():
    """What is in the log is escaped: one line for one event."""
    fails("newline", request("x\nevent=forged user=root", "none"))
    fails("escape", request("x\x1b[31mred", "password", b"\0", string("p")))
    fails("ident", request("none", "none"))
    with open(parts.LOG, "rb") as f:
        for line in f:
            assert not line.startswith(b"event=forged"), line
            for b in line[:-1]:
                assert b >= 0x20 and b != 0x7f, line


@case("auth-user-never-opens-a-file")
def _():
    """The blob of a key and the user's name are no paths: a FIFO of that
    name would be opened, and block, if they were."""
    path = os.path.join(parts.T, "bait")
    if not os.path.exists(path):
        os.mkfifo(path)
    for x in (path, path.encode() + b"\0"):
        fails("user", request(x, "none"))
        fails("blob", query(WHO, "ssh-ed25519", x if isinstance(x, bytes)
                            else x.encode()))
        fails("algorithm", query(WHO, x, key_blob(KEY)))
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        raise AssertionError("somebody has the file open")
    except OSError:
        pass


# ---- who was asked about, and who signs ----

@case("auth-query-then-other-user")
def _():
    c = serviced()
    eq("query", ask(c, query(WHO, "ssh-ed25519", key_blob(KEY)))[0], PK_OK)
    c.send(signed(c.sid, "bob", KEY))
    fatal(c, "another user")


@case("auth-query-then-other-key")
def _():
    c = serviced()
    eq("query", ask(c, query(WHO, "ssh-ed25519", key_blob(KEY)))[0], PK_OK)
    failure("stranger's key", signed(c.sid, WHO, STRANGER), c)
    # alice's blob, the stranger's signature
    c = serviced()
    eq("query", ask(c, query(WHO, "ssh-ed25519", key_blob(KEY)))[0], PK_OK)
    failure("stranger's signature",
            signed(c.sid, WHO, STRANGER, blob=key_blob(KEY)), c)
    # the stranger's blob last queried
    c = serviced()
    eq("query", ask(c, query(WHO, "ssh-ed25519",
                             key_blob(STRANGER)))[0], USERAUTH_FAILURE)
    eq("query", ask(c, query(WHO, "ssh-ed25519", key_blob(KEY)))[0], PK_OK)
    failure("stranger signs", signed(c.sid, WHO, STRANGER), c)


@case("auth-query-changes-nothing")
def _():
    c = serviced()
    for i in range(5):
        eq("query", ask(c, query(WHO, "ssh-ed25519",
                                 key_blob(KEY)))[0], PK_OK)
    not_in(c, "queries")


@case("auth-change-of-user")
def _():
    for first in (request("bob", "none"), request("nobody", "none"),
                  query("bob", "ssh-ed25519", key_blob(KEY)),
                  password("bob", "wrong")):
        c = serviced()
        p = ask(c, first)
        eq("first", p[0], USERAUTH_FAILURE)
        c.send(signed(c.sid, WHO, KEY))
        fatal(c, "change of user")
    c = serviced()
    ask(c, request(WHO, "none"))
    c.send(password("bob", PASSWORD))
    fatal(c, "change of user")


@case("auth-change-of-service")
def _():
    for first in (True, False):
        for name in ("ssh-userauth", "", "x", "ssh-connection\0",
                     "none", "ssh-connection "):
            c = serviced()
            if first:
                eq("none", ask(c, request(WHO, "none"))[0],
                   USERAUTH_FAILURE)
            c.send(signed(c.sid, WHO, KEY, service=name))
            fatal(c, f"service {name!r}")


@case("auth-service-none")
def _():
    """A signature over another service than the one asked for."""
    failure("service", lambda c: signed(
        c.sid, WHO, KEY, signed_service="none"))
    failure("service", lambda c: signed(
        c.sid, WHO, KEY, signed_service="ssh-userauth"))


# ---- what the signature covers ----

@case("auth-sig-wrong-session")
def _():
    other = keyed()
    failure("other session", lambda c: signed(other.sid, WHO, KEY))
    failure("no session", lambda c: signed(b"", WHO, KEY))
    failure("zeros", lambda c: signed(b"\0" * 32, WHO, KEY))
    failure("cut", lambda c: signed(c.sid[:31], WHO, KEY))
    other.close()


@case("auth-sig-session-is-the-first-hash")
def _():
    """After a re-key the session id stays, the new hash is none."""
    c = serviced()
    c.kex()
    assert c.hash != c.sid
    failure("new hash", signed(c.hash, WHO, KEY), c)
    c = serviced()
    c.kex()
    eq("old id", ask(c, signed(c.sid, WHO, KEY))[0], USERAUTH_SUCCESS)
    c.close()


@case("auth-sig-wrong-user")
def _():
    for user in ("bob", "", "alicf", "alice "):
        failure(user, lambda c: signed(c.sid, WHO, KEY, signed_user=user))


@case("auth-sig-wrong-algorithm-name")
def _():
    failure("name", lambda c: signed(
        c.sid, WHO, KEY, signed_alg="ssh-ed25519-x"))


@case("auth-sig-spoiled")
def _():
    for i in (-1, -32, -64, -33):
        failure(f"bit {i}", lambda c: signed(
            c.sid, WHO, KEY, spoil=lambda s: flip(s, i)))
    failure("cut", lambda c: signed(
        c.sid, WHO, KEY, spoil=lambda s: s[:-1]))
    failure("behind", lambda c: signed(
        c.sid, WHO, KEY, spoil=lambda s: s + b"\0"))
    # s + L, which a lax verifier takes for the same signature
    order = 2 ** 252 + 27742317777372353535851937790883648493

    def malleable(outer):
        s = int.from_bytes(outer[-32:], "little") + order
        return outer[:-32] + s.to_bytes(32, "little")
    failure("s + L", lambda c: signed(c.sid, WHO, KEY, spoil=malleable))


@case("auth-sig-replayed")
def _():
    """What was good on one connection is nothing on the next."""
    c = serviced()
    good = signed(c.sid, WHO, KEY)
    eq("first", ask(c, good)[0], USERAUTH_SUCCESS)
    failure("replayed", good)
    c.close()


@case("auth-sig-key-not-listed")
def _():
    failure("stranger", lambda c: signed(c.sid, WHO, STRANGER))
    failure("bob has no key", lambda c: signed(c.sid, "bob", KEY))


def rsa_key(name="user_rsa3072"):
    return load_key(os.path.join(KEYS, name))


@case("auth-good-of-each-kind")
def _():
    for name, alg in (("user_ed25519", None), ("user_rsa3072",
                                               "rsa-sha2-256"),
                      ("user_rsa3072", "rsa-sha2-512"),
                      ("user_ecdsa256", None)):
        key = rsa_key(name)
        succeeds(name, lambda c: signed(c.sid, WHO, key, alg))
    succeeds("password", password("bob", PASSWORD))


@case("auth-rsa-sha1")
def _():
    failure("ssh-rsa", lambda c: signed(c.sid, WHO, rsa_key(), "ssh-rsa"))
    failure("query", query(WHO, "ssh-rsa", key_blob(rsa_key())))


@case("auth-rsa-sha1-in-sha2")
def _():
    for alg in ("rsa-sha2-256", "rsa-sha2-512"):
        failure(alg, lambda c: signed(c.sid, WHO, rsa_key(), alg,
                                      inner_alg="ssh-rsa"))


@case("auth-sig-type-mismatch")
def _():
    key = rsa_key()
    failure("256 in 512", lambda c: signed(
        c.sid, WHO, key, "rsa-sha2-512", inner_alg="rsa-sha2-256"))
    failure("512 in 256", lambda c: signed(
        c.sid, WHO, key, "rsa-sha2-256", inner_alg="rsa-sha2-512"))
    failure("ed25519 called rsa", lambda c: signed(
        c.sid, WHO, KEY, "rsa-sha2-512"))
    failure("ed25519 called ecdsa", lambda c: signed(
        c.sid, WHO, KEY, "ecdsa-sha2-nistp256"))
    failure("rsa blob signed by ed25519", lambda c: signed(
        c.sid, WHO, KEY, "ssh-ed25519", blob=key_blob(key)))
    ec = rsa_key("user_ecdsa256")
    for alg in ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"):
        failure(alg, lambda c: signed(c.sid, WHO, ec, alg))
        failure(alg, lambda c: signed(c.sid, WHO, ec, inner_alg=alg))


@case("auth-rsa-1024")
def _():
    """The key is listed, and too short."""
    key = rsa_key("short_rsa1024")
    for alg in ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"):
        failure("query", query(WHO, alg, key_blob(key)))
        failure("signed", lambda c: signed(c.sid, WHO, key, alg))


@case("auth-rsa-odd-keys")
def _():
    n = rsa_key().public_key().public_numbers().n
    sig = string(string("rsa-sha2-512") + string(b"\1" * 384))
    blobs = {
        "e = 0": (0, n), "e = 1": (1, n), "e = 2": (2, n),
        "e = n": (n, n), "e huge": (1 << 20000 | 1, n), "n = 0": (3, 0),
        "n = 1": (3, 1), "n even": (3, n - 1), "n = 2^3071": (3, 1 << 3071),
        "n of 16385 bits": (3, 1 << 16384 | 1),
        "n of 200000 bits": (3, 1 << 200000 | 1),
        "n of 16384 bits, e of 16000": (1 << 16000 | 1, 1 << 16383 | 1),
        "n of 16384 bits": (65537, 1 << 16383 | 1),
    }
    for what, (e, m) in blobs.items():
        blob = string("ssh-rsa") + mpint(e) + mpint(m)
        for x in (query(WHO, "rsa-sha2-512", blob),
                  request(WHO, "publickey", b"\1", string("rsa-sha2-512"),
                          string(blob), sig)):
            failure(what, x)
    for what, rest in {
        "negative n": mpint(3) + string(b"\x80" + b"\1" * 255),
        "negative e": string(b"\x83") + mpint(n), "no n": mpint(3),
        "nothing": b"", "zeros before": string(b"\0" * 300 + b"\3") +
        mpint(n), "third": mpint(3) + mpint(n) + mpint(7),
    }.items():
        failure(what, query(WHO, "rsa-sha2-512", string("ssh-rsa") + rest))


# ---- passwords and dialogues ----

@case("auth-password-wrong")
def _():
    for what, word in {
        "wrong": "wrong", "empty": "", "prefix": PASSWORD[:-1],
        "longer": PASSWORD + "x", "case": PASSWORD.upper(),
        "hash": "$6$rounds=1000$saltsaltsalt", "star": "*", "x": "x",
        "format": "%n%s%n%s", "bytes": b"\xff\xfe\x80",
    }.items():
        failure(what, password("bob", word))
    failure("alice has none", password(WHO, PASSWORD))


@case("auth-password-nul")
def _():
    word = PASSWORD.encode()
    for x in (word + b"\0", word + b"\0x", b"\0" + word, b"\0"):
        fails(repr(x), password("bob", x))


@case("auth-password-200k")
def _():
    for n in (512, 1023, 1024, 1025, 4096, 30000, 60000, 65536, 200000,
              255000):
        for user in ("bob", WHO, "nobody-such"):
            fails(f"{n} bytes", password(user, "x" * n))


@case("auth-password-change")
def _():
    """A change is refused, and changes nothing."""
    for old in (PASSWORD, "wrong"):
        failure("change", password("bob", old, "new"))
    succeeds("old one", password("bob", PASSWORD))
    fails("new one", password("bob", "new"))


@case("auth-kbdint-counts")
def _():
    for user in (WHO, "bob", "nobody-such"):
        fails("kbdint", request(user, "keyboard-interactive", string(""),
                                string("")))
        fails("devices", request(user, "keyboard-interactive", string(""),
                                 string("pam," * 10000)))
    for n in (0, 1, 2, 100, 0x10000000, 0x40000000, 0x7fffffff, 0xffffffff):
        for more in (b"", string(PASSWORD), string(b"x") * 200):
            c = serviced()
            c.send(request("bob", "keyboard-interactive", string(""),
                           string("")))
            c.send(INFO_RESPONSE, u32(n), more)
            eq("answer", c.recv_any()[0], USERAUTH_FAILURE)
            fatal(c, f"{n} answers nobody asked for")


@case("auth-other-methods")
def _():
    for method in ("hostbased", "gssapi-with-mic", "gssapi-keyex", "", "x",
                   "x" * 64, "none,password", "PASSWORD", b"none\0"):
        for more in (b"", string("x") * 5, os.urandom(40)):
            fails(method, request(WHO, method, more))


# ---- what strangers may learn ----

def transcript(user, probes):
    """Everything the server says to one client, without times."""
    out = []
    c = serviced()
    for p in probes:
        c.send(p(c, user) if callable(p) else p)
        try:
            out.append(bytes(c.recv_any()))
        except Ended as e:
            out.append((e.reason, e.text))
            break
    c.close()
    return out


@case("enum-replies")
def _():
    """Users that are there, users that are not: the same words."""
    blob = key_blob(STRANGER)
    sets = {
        "none": [lambda c, u: request(u, "none")] * 3,
        "password": [lambda c, u: password(u, "wrong")] * 2,
        "password again and again":
            [lambda c, u: password(u, "wrong")] * (ATTEMPTS + 1),
        "empty password": [lambda c, u: password(u, "")],
        "long password": [lambda c, u: password(u, "x" * 2000)],
        "huge password": [lambda c, u: password(u, "x" * 100000)],
        "NUL": [lambda c, u: password(u, b"x\0")],
        "change": [lambda c, u: password(u, "a", "b")],
        "query": [lambda c, u: query(u, "ssh-ed25519", blob)] * 3,
        "signed": [lambda c, u: signed(c.sid, u, STRANGER)] * 3,
        "bad signature": [lambda c, u: signed(
            c.sid, u, STRANGER, spoil=lambda s: s[:-1])],
        "garbage blob": [lambda c, u: query(u, "ssh-ed25519", b"garbage")],
        "no blob": [lambda c, u: request(u, "publickey", b"\0")],
        "cut blob": [lambda c, u: query(u, "ssh-ed25519", blob)[:-1]],
        "bytes behind": [lambda c, u: query(u, "ssh-ed25519", blob) + b"x"],
        "other algorithm": [lambda c, u: query(u, "ssh-rsa", blob)],
        "kbdint": [lambda c, u: request(u, "keyboard-interactive",
                                        string(""), string(""))] * 2,
        "hostbased": [lambda c, u: request(
            u, "hostbased", string("ssh-ed25519"), string(blob),
            string("host"), string("user"), string("sig"))],
        "unknown method": [lambda c, u: request(u, "x", string("x"))],
        "mixture": [lambda c, u: request(u, "none"),
                    lambda c, u: query(u, "ssh-ed25519", blob),
                    lambda c, u: password(u, "wrong"),
                    lambda c, u: signed(c.sid, u, STRANGER)],
    }
    for what, probes in sets.items():
        seen = {u: transcript(u, probes)
                for u in (WHO, "bob", "nobody-such", "root", "x" * 200)}
        for u, t in seen.items():
            eq(f"{what}: what {u[:20]} is told", t, seen["nobody-such"])


# ---- how often ----

def attempts(what, make, limit=ATTEMPTS):
    """At most `limit` tries; how many there were."""
    c = serviced()
    n = 0
    while n < 200:
        p = ask(c, make(c, n))
        if p is None:
            break
        eq(what, p[0], USERAUTH_FAILURE)
        n += 1
    c.close()
    assert n <= limit, f"{what}: {n} tries"
    return n


@case("auth-limit-password")
def _():
    n = attempts("password", lambda c, i: password("bob", f"wrong{i}"))
    assert n >= ATTEMPTS - 1, n


@case("auth-limit-publickey")
def _():
    attempts("signed", lambda c, i: signed(c.sid, WHO, STRANGER))
    attempts("query", lambda c, i: query(WHO, "ssh-ed25519",
                                         key_blob(STRANGER)))


@case("auth-limit-unknown-user")
def _():
    attempts("password", lambda c, i: password("nobody-such", "x"))
    attempts("query", lambda c, i: query("nobody-such", "ssh-ed25519",
                                         key_blob(STRANGER)))


@case("auth-limit-kbdint")
def _():
    attempts("kbdint", lambda c, i: request(
        "bob", "keyboard-interactive", string(""), string("pam")))


@case("auth-limit-mixed")
def _():
    """Counted for the connection, not for the method."""
    make = [lambda c: password("bob", "x"),
            lambda c: signed(c.sid, "bob", STRANGER),
            lambda c: request("bob", "keyboard-interactive", string(""),
                              string("")),
            lambda c: request("bob", "hostbased", string("ssh-ed25519"),
                              string("x"), string("h"), string("u"),
                              string("s")),
            lambda c: request("bob", "x")]
    attempts("mixed", lambda c, i: make[i % len(make)](c))


@case("auth-limit-none")
def _():
    attempts("none", lambda c, i: request(WHO, "none"), 64)
    attempts("none and password", lambda c, i: password("bob", "x") if i % 2
             else request("bob", "none"), 2 * ATTEMPTS)


@case("auth-limit-survives-rekey")
def _():
    def make(c, i):
        c.kex()
        return password("bob", "x")
    attempts("rekey between", make)


@case("auth-limit-last-try-counts")
def _():
    """The right word behind too many wrong ones is too late."""
    c = serviced()
    for i in range(ATTEMPTS):
        p = ask(c, password("bob", f"wrong{i}"))
        if p is None:
            break
    if p is not None:
        p = ask(c, password("bob", PASSWORD))
        assert p is None, "let in behind too many tries"
    c.close()


def flood(what, n, make, limit):
    c = serviced()
    c.pour(b"".join(c.seal(make(c, i)) for i in range(n)))
    got = 0
    try:
        while True:
            p = c.recv_any()
            assert p[0] not in (USERAUTH_SUCCESS, OPEN_CONFIRMATION), what
            got += p[0] == USERAUTH_FAILURE
    except Ended:
        pass
    assert got <= limit, f"{what}: {got} answers"
    c.close()


@case("auth-pipelined-flood")
def _():
    """Sent without waiting, the right word last."""
    flood("passwords", 500, lambda c, i: password(
        "bob", PASSWORD if i == 499 else f"wrong{i}"), ATTEMPTS)
    flood("keys", 500, lambda c, i: signed(
        c.sid, WHO, KEY if i == 499 else STRANGER), ATTEMPTS)
    flood("none", 500, lambda c, i: request(WHO, "none"), 64)
    flood("queries", 500, lambda c, i: query(
        WHO, "ssh-ed25519", key_blob(STRANGER)), ATTEMPTS)


@case("auth-pipelined-good-queries")
def _():
    """Even what costs no attempt has a bound."""
    c = serviced()
    c.pour(b"".join(c.seal(query(WHO, "ssh-ed25519", key_blob(KEY)))
                    for i in range(500)))
    n = 0
    try:
        while True:
            n += c.recv_any()[0] == PK_OK
    except Ended:
        pass
    assert n <= 100, n
    c.close()


if __name__ == "__main__":
    main()
