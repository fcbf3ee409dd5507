"""A server that wants new keys after few bytes, against clients that do not
answer it, or do so all the time."""
import os

import ssh
import world
from ssh import GLOBAL_REQUEST, KEXINIT, NEWKEYS, string, u32, u64
from world import (ASAN, WHO, Sftp, case, check_well, does_not_grow,
                   does_not_spin, eq, fatal, keyed, logged_in, main,
                   net_process, rss)


@case("rekey-server-begins")
def _():
    """Through a whole download and upload."""
    with Sftp() as s:
        h = s.open("big")
        got = bytearray()
        sid = s.c.sid
        while len(got) < 2 << 20:
            part = s.read(h, len(got), 60000)
            assert isinstance(part, bytes)
            got += part
        with open(os.path.join(world.parts.JAIL, "big"), "rb") as f:
            assert f.read(len(got)) == got, "bytes differ"
        assert s.c.hash != sid, "no new keys"
        h = s.open("d/up", 2 | 8 | 16)
        for i in range(20):
            eq("write", s.write(h, i * 60000, got[:60000]), 0)
        eq("remove", s.status(world.REMOVE, string("d/up")), 0)


def wanted(c):
    """Goes on until the server asks for new keys; takes its KEXINIT."""
    for i in range(2000):
        c.send(ssh.PING, string(b"x" * 20000))
        p = c.recv_any()
        while p[0] not in (KEXINIT, ssh.PONG):
            p = c.recv_any()
        if p[0] == KEXINIT:
            c.note_strict(p)
            return p
    raise AssertionError("never asked for new keys")


@case("rekey-reply-queue-before-kexinit")
def _():
    """The server has sent its KEXINIT, the client none: what it asks
    meanwhile is not answered without bound."""
    net = net_process()
    c = logged_in()
    wanted(c)
    before = rss(net)
    n = 5000 if ASAN else 40000
    one = b"".join(c.seal(GLOBAL_REQUEST, string("x@example.com"), b"\1")
                   for i in range(n))
    c.pour(one)
    does_not_grow("server", net, before, 8)
    does_not_spin()
    check_well()
    c.close()


@case("rekey-reply-queue-answered-later")
def _():
    """A few such questions are answered behind the exchange."""
    c = logged_in()
    theirs = wanted(c)
    for i in range(50):
        c.send(GLOBAL_REQUEST, string("x@example.com"), b"\1")
    c.kex(theirs=theirs)
    for i in range(50):
        c.recv(ssh.REQUEST_FAILURE)
    c.breathes()
    c.close()


@case("rekey-requests-before-kexinit")
def _():
    """SFTP requests go on; their answers wait, and nothing is kept."""
    net = net_process()
    s = Sftp()
    h = s.open("big")
    theirs = wanted(s.c)
    before = rss(net)
    n = 1500
    for i in range(n):
        s.c.data(s.ch, s.message(world.READ, string(h), u64(0), u32(200000)))
    does_not_grow("server", net, before, 8)
    does_not_spin()
    check_well()
    s.c.kex(theirs=theirs)
    for i in range(20):
        eq("answer", s.answer()[0], world.DATA)
    s.close()


@case("rekey-answered-with-newkeys")
def _():
    c = logged_in()
    wanted(c)
    c.send(NEWKEYS)
    fatal(c, "newkeys instead of kexinit", (2,))


@case("rekey-crossing")
def _():
    """Both sides begin at once."""
    c = logged_in()
    for i in range(30):
        mine = c.kexinit()
        c.pour(c.seal(ssh.PING, string(b"x" * 30000)) + c.seal(mine))
        c.kex_rest(mine, c.recv_kex(KEXINIT))
        c.late.clear()
    c.breathes()
    c.close()


@case("rekey-algorithms-taken-away")
def _():
    """A client that in a later exchange has nothing in common any more."""
    c = logged_in()
    wanted(c)
    c.send(c.kexinit(lists={2: "none", 3: "none"}))
    fatal(c, "no cipher any more", (3,))


@case("rekey-before-login")
def _():
    """Bytes count before login, too."""
    c = keyed()
    c.service()
    seen = 0
    for i in range(200):
        c.send(ssh.IGNORE, string(b"x" * 30000))
    c.send(ssh.request(WHO, "none"))
    while True:
        p = c.recv_any()
        if p[0] == KEXINIT:
            seen += 1
            c.note_strict(p)
            c.kex(theirs=p)
        elif p[0] == ssh.USERAUTH_FAILURE or c.late:
            break
    assert seen, "never asked for new keys"
    c.close()


@case("rekey-wanted-and-gone")
def _():
    for i in range(20):
        c = logged_in()
        wanted(c)
        if i % 3 == 0:
            c.send(c.kexinit())
        c.reset() if i % 2 else c.close()


if __name__ == "__main__":
    main()
