"""Deadlines: of those who do not log in, and of those who are gone.  The
server has login_grace 4 s and keepalive 2 s twice."""
import select
import time

import ssh
import world
from ssh import (IGNORE, KEX_INIT, KEXINIT, NEWKEYS, PK_OK,
                 USERAUTH_FAILURE, Ended, key_blob, query, request, string,
                 u32, u64)
from world import (KEY, WHO, Sftp, bare, case, check_well, does_not_spin, eq,
                   eventually, keyed, logged_in, main, serviced, workers)

GRACE = 4.0
KEEPALIVE = 2.0 * 3


def begun(c):
    c.idents()
    return c


def reply(c):
    mine = c.kexinit()
    c.send(mine)
    c.make_share()
    theirs = c.recv_kex(KEXINIT)
    c.send(KEX_INIT, string(c.pub))
    c.kex_reply(mine, theirs)
    return c


def half(c, *parts):
    data = c.seal(*parts)
    c.raw(data[:len(data) // 2])
    return c


def raw(c, data):
    c.raw(data)
    return c


STAGES = {
    "nothing": bare,
    "half an ident": lambda: raw(bare(), b"SSH-2.0-"),
    "one byte": lambda: raw(bare(), b"S"),
    "ident": lambda: begun(bare()),
    "half a length": lambda: raw(begun(bare()), b"\0\0"),
    "length": lambda: raw(begun(bare()), u32(1000)),
    "large length": lambda: raw(begun(bare()), u32(262140)),
    "half a kexinit": lambda: half(begun(bare()), bare().kexinit()),
    "kexinit": lambda: raw(begun(bare()), bare().seal(bare().kexinit())),
    "half a share": lambda: half(
        raw(begun(bare()), bare().seal(bare().kexinit())), KEX_INIT,
        string(b"x" * 32)),
    "reply": lambda: reply(begun(bare(strict=False))),
    "half a newkeys": lambda: half(reply(begun(bare(strict=False))),
                                   NEWKEYS),
    "keys": keyed,
    "half a length behind keys": lambda: raw(keyed(), b"\0\0"),
    "length behind keys": lambda: raw(keyed(), u32(4096)),
    "half a service request": lambda: half(
        keyed(), ssh.SERVICE_REQUEST, string("ssh-userauth")),
    "service": serviced,
    "half a request": lambda: half(serviced(), request(WHO, "none")),
    "query": lambda: raw(
        (c := serviced()), c.seal(query(WHO, "ssh-ed25519", key_blob(KEY)))),
    "wrong": lambda: raw((c := serviced()), c.seal(request("bob", "none"))),
}


def ends_at(c, began, least, what):
    """Ended by the server, and not before its time."""
    try:
        while True:
            c.more()
    except Ended:
        pass
    took = time.monotonic() - began
    assert took >= least - 0.1, f"{what}: ended after {took:.1f} s"
    c.close()


@case("trunc-hold")
def _():
    """Everything cut off in the middle, and held: all of them go when the
    grace time is over, none before; others are served meanwhile."""
    held = []
    for what, make in STAGES.items():
        began = time.monotonic()
        held.append((what, make(), began))
    check_well()
    does_not_spin(0.5)
    for what, c, began in held:
        ends_at(c, began, GRACE, what)
    eventually(lambda: not workers(), "login processes are gone")


@case("ver-silent")
def _():
    began = time.monotonic()
    c = bare()
    c.read_ident()
    ends_at(c, began, GRACE, "silence")


@case("auth-grace-trickle")
def _():
    """Bytes that come do not move the deadline."""
    began = time.monotonic()
    a, b, d = bare(), keyed(), serviced()
    a.raw(b"SSH-2.0-")
    try:
        while time.monotonic() - began < 60:
            a.sock.send(b"x")
            b.raw(b.seal(IGNORE, string(b"x")))
            d.raw(d.seal(IGNORE, string(b"x")))
            for c in (a, b, d):
                if select.select([c.sock], [], [], 0.05)[0]:
                    c.more()
    except (Ended, ConnectionError):
        pass
    for c in (a, b, d):
        ends_at(c, began, GRACE, "trickle")
    assert time.monotonic() - began < 60


@case("auth-grace-requests")
def _():
    """Nor do requests, re-keys or answers."""
    began = time.monotonic()
    c = serviced()
    n = 0
    try:
        while time.monotonic() - began < 60:
            eq("answer", c.auth(query(WHO, "ssh-ed25519",
                                      key_blob(KEY))[1:])[0], PK_OK)
            c.kex()
            n += 1
            time.sleep(0.2)
    except Ended as e:
        took = time.monotonic() - began
        assert took >= GRACE - 0.1 or n > 60, (took, n)
        assert e.reason is not None
    else:
        raise AssertionError("still there after 60 s")
    c.close()


@case("auth-grace-none")
def _():
    began = time.monotonic()
    c = serviced()
    try:
        while time.monotonic() - began < 60:
            eq("answer", c.auth(request(WHO, "none")[1:])[0],
               USERAUTH_FAILURE)
            time.sleep(0.2)
    except Ended:
        assert time.monotonic() - began >= GRACE - 0.1
    else:
        raise AssertionError("still there after 60 s")
    c.close()


@case("auth-grace-ends-with-login")
def _():
    """Who is in stays in."""
    began = time.monotonic()
    with Sftp() as s:
        while time.monotonic() - began < GRACE * 2:
            assert b"d" in s.names("/")
            time.sleep(0.5)


@case("auth-grace-many")
def _():
    """Fifty that hold a login process each: all of them go."""
    held = []
    for i in range(50):
        c = serviced()
        c.send(request(WHO, "none"))
        held.append(c)
    assert len(workers()) > 0
    check_well()
    for c in held:
        c.end()
        c.close()
    eventually(lambda: not workers(), "login processes are gone")


# ---- dead peers ----

def gone(c, began, what):
    """The server lets go, but not before its probes went unanswered."""
    took = 0
    while select.select([c.sock], [], [], 0.1)[0]:
        try:
            if not c.sock.recv(1 << 20):
                break
        except ConnectionError:
            break
    else:
        took = time.monotonic() - began
        raise AssertionError(f"{what}: still there after {took:.0f} s")
    c.close()


@case("load-dead-peer")
def _():
    """Neither reads nor answers: its probes are what the deadline counts."""
    s = Sftp()
    n = len(workers())
    began = time.monotonic()
    eventually(lambda: len(workers()) < n, "the session ends")
    assert time.monotonic() - began >= KEEPALIVE - 2.1
    gone(s.c, began, "dead peer")


@case("load-dead-peer-unread")
def _():
    """The same with a download that nobody reads."""
    s = Sftp(window=0x7fffffff)
    h = s.open("big")
    s.raw(s.message(world.READ, string(h), u64(0), u32(250000)) * 200)
    eventually(lambda: not workers(), "the session ends")
    s.close()


@case("load-dead-peer-unread-window-zero")
def _():
    """... that it gave no window for, and answers no probe."""
    s = Sftp(window=4000)
    h = s.open("big")
    s.raw(s.message(world.READ, string(h), u64(0), u32(250000)) * 50)
    eventually(lambda: not workers(), "the session ends")
    s.close()


@case("load-slow-reader-lives")
def _():
    """Who takes a little now and then is alive: the answer to a probe
    stands behind everything that is not read yet."""
    s = Sftp(window=0x7fffffff)
    h = s.open("big")
    s.raw(s.message(world.READ, string(h), u64(0), u32(250000)) * 160)
    began = time.monotonic()
    while time.monotonic() - began < KEEPALIVE * 2:
        s.c.more()
        time.sleep(0.3)
    for i in range(160):
        eq("answer", s.answer()[0], world.DATA)
    s.close()


@case("load-idle-peer-lives")
def _():
    """Probes that are answered keep an idle session open."""
    c = logged_in()
    began = time.monotonic()
    while time.monotonic() - began < KEEPALIVE * 2:
        if select.select([c.sock], [], [], 0.2)[0]:
            p = c.recv_any()
            if p[0] == ssh.GLOBAL_REQUEST:
                c.send(ssh.REQUEST_FAILURE)
    c.breathes()
    c.close()


@case("load-half-closed")
def _():
    """The client's side shut: all goes."""
    import socket
    for make in (keyed, serviced, logged_in):
        c = make()
        c.sock.shutdown(socket.SHUT_WR)
        try:
            while True:
                c.more()
        except Ended:
            c.close()
    eventually(lambda: not workers(), "login processes are gone")


if __name__ == "__main__":
    main()
