"""Floods: bounded in count here, and in memory over there."""
import threading
import time

import ssh
import world
from ssh import (CHANNEL_OPEN, CHANNEL_REQUEST, DEBUG, EXT_INFO,
                 GLOBAL_REQUEST, IGNORE, KEXINIT, PING, PONG,
                 REQUEST_FAILURE, SERVICE_REQUEST, UNIMPLEMENTED,
                 USERAUTH_REQUEST, WINDOW_ADJUST, Ended, string, u32)
from world import (ASAN, KEY, WHO, Sftp, bare, case, check_well,
                   does_not_grow, does_not_spin, eq, fatal, keyed, logged_in,
                   main, net_process, refused_by, rss, serviced)

N = 5000 if ASAN else 40000     # packets of a flood
ROOM = 16                       # MiB that the server may grow


def noise(c, n, *parts):
    return b"".join(c.seal(*parts) for i in range(n))


def absorbed(c, n, *parts):
    """A flood that wants no answer: swallowed, nothing kept."""
    net = net_process()
    before = rss(net)
    left = n
    while left > 0:
        assert c.pour(noise(c, min(left, 2000), *parts)), "closed"
        left -= 2000
    does_not_grow("server", net, before, ROOM)


def unread(c, n, *parts):
    """A flood that wants answers nobody reads: the server stops reading,
    keeps little, spins not, and serves others."""
    net = net_process()
    before = rss(net)
    sent = total = 0
    for i in range(n // 2000):
        data = noise(c, 2000, *parts)
        total += len(data)
        took = c.stuff(data, 1.0)
        sent += took
        if took < len(data):
            break
    does_not_grow("server", net, before, ROOM)
    does_not_spin()
    check_well()
    return sent, total


# ---- before login ----

@case("flood-ignore-preauth")
def _():
    for make in (keyed, serviced):
        c = make()
        absorbed(c, N, IGNORE, string(b"x" * 500))
        c.close()


@case("flood-ignore-in-clear")
def _():
    c = bare(strict=False)
    c.idents()
    absorbed(c, N // 4, IGNORE, string(b"x" * 3000))
    c.kex()
    c.login(WHO, KEY)
    c.close()


@case("flood-ignore-mid-kex")
def _():
    c = bare(strict=False)
    c.idents()
    mine = c.kexinit()
    c.send(mine)
    theirs = c.recv_kex(KEXINIT)
    absorbed(c, N // 4, IGNORE, string(b"x" * 3000))
    c.kex_rest(mine, theirs)
    c.close()


@case("flood-ping-preauth")
def _():
    """Not answered before login."""
    for make in (keyed, serviced):
        c = make()
        absorbed(c, N, PING, string(b"x" * 500))
        c.send(255)
        try:
            p = c.recv_any()
            while p[0] in (EXT_INFO, IGNORE):
                p = c.recv_any()
            assert p[0] != PONG, "answered"
        except Ended:
            pass
        c.close()


@case("flood-ping-mid-kex")
def _():
    """In the first exchange it is fatal; in a later one, too, behind our
    KEXINIT, and not answered."""
    c = bare(strict=False)
    c.idents()
    c.send(c.kexinit())
    net = net_process()
    before = rss(net)
    c.pour(noise(c, N // 4, PING, string(b"x" * 16)))
    fatal(c, "ping in a key exchange", (2,))
    c = logged_in()
    c.send(c.kexinit())
    c.pour(noise(c, N // 4, PING, string(b"x" * 16)))
    pongs = 0
    try:
        while True:
            pongs += c.recv_any()[0] == PONG
    except Ended:
        pass
    eq("pongs", pongs, 0)
    does_not_grow("server", net, before, ROOM)


@case("flood-unknown-preauth")
def _():
    """Each is answered UNIMPLEMENTED; unread, the server stops."""
    c = serviced()
    unread(c, N * 2, 70)
    c.close()


@case("flood-ext-info-preauth")
def _():
    c = keyed()
    net = net_process()
    before = rss(net)
    c.pour(noise(c, N // 4, EXT_INFO, u32(1), string("x") * 2))
    does_not_grow("server", net, before, ROOM)
    c.close()


@case("flood-userauth-large")
def _():
    """Requests of 60 KB, many in one piece."""
    c = serviced()
    net = net_process()
    before = rss(net)
    c.pour(noise(c, 200, ssh.request(WHO, "x", b"y" * 60000)))
    c.end()
    does_not_grow("server", net, before, ROOM)
    c.close()


@case("flood-service-requests")
def _():
    c = keyed()
    c.pour(noise(c, 1000, SERVICE_REQUEST, string("ssh-userauth")))
    refused_by(c, "service requests")


@case("flood-connections-and-gone")
def _():
    """Opened and left at once."""
    net = net_process()
    before = rss(net)
    for i in range(1000):
        c = bare()
        c.reset() if i % 2 else c.close()
    check_well()
    does_not_grow("server", net, before, ROOM)


# ---- behind login ----

@case("flood-ignore")
def _():
    c = logged_in()
    absorbed(c, N, IGNORE, string(b"x" * 1000))
    c.breathes()
    c.close()


@case("flood-debug")
def _():
    c = logged_in()
    absorbed(c, N, DEBUG, b"\1" + string("%n%s" * 100) + string(""))
    c.breathes()
    c.close()


@case("flood-unimplemented")
def _():
    c = logged_in()
    absorbed(c, N, UNIMPLEMENTED, u32(7))
    c.breathes()
    c.close()


@case("flood-unknown")
def _():
    c = logged_in()
    unread(c, N * 2, 200)
    c.close()


@case("flood-ping")
def _():
    """Answered while somebody reads; unread, not kept."""
    c = logged_in()
    c.pour(noise(c, 3000, PING, string(b"x" * 100)))
    c.send(GLOBAL_REQUEST, string("keepalive@openssh.com"), b"\1")
    n = 0
    while True:
        p = c.recv_any()
        if p[0] == REQUEST_FAILURE:
            break
        n += p[0] == PONG
    eq("pongs", n, 3000)
    unread(c, N, PING, string(b"x" * 2000))
    c.close()


@case("flood-ping-large")
def _():
    c = logged_in()
    unread(c, 4000, PING, string(b"x" * 200000))
    c.close()


@case("flood-window-adjust")
def _():
    c = logged_in()
    ch = c.open(window=0)
    absorbed(c, N, WINDOW_ADJUST, u32(ch), u32(1))
    c.breathes()
    c.close()


@case("flood-window-adjust-in-a-download")
def _():
    with Sftp(window=5000) as s:
        h = s.open("big")
        s.grow = False
        s.raw(s.message(world.READ, string(h), ssh.u64(0), u32(250000)) * 8)
        absorbed(s.c, N // 4, WINDOW_ADJUST, u32(s.ch), u32(1))
        s.c.breathes()


@case("flood-global-requests")
def _():
    c = logged_in()
    absorbed(c, N, GLOBAL_REQUEST, string("keepalive@openssh.com"), b"\0")
    absorbed(c, N // 8, GLOBAL_REQUEST, string("nothing@example.com"), b"\0",
             b"x" * 500)
    c.breathes()
    unread(c, N * 2, GLOBAL_REQUEST, string("keepalive@openssh.com"), b"\1")
    c.close()


@case("flood-channel-requests")
def _():
    c = logged_in()
    ch = c.open()
    absorbed(c, N // 8, CHANNEL_REQUEST, u32(ch), string("shell"), b"\0")
    c.breathes()
    unread(c, N * 2, CHANNEL_REQUEST, u32(ch),
           string("keepalive@openssh.com"), b"\1")
    c.close()


@case("flood-channel-opens-refused")
def _():
    c = logged_in()
    unread(c, N * 2, CHANNEL_OPEN, string("x"), u32(0), u32(1), u32(1))
    c.close()


@case("flood-userauth-behind-login")
def _():
    c = logged_in()
    absorbed(c, N, USERAUTH_REQUEST, string("x"), string("y"), string("z"))
    c.breathes()
    c.close()


@case("flood-signals")
def _():
    with Sftp() as s:
        c = s.c
        absorbed(c, N // 8, CHANNEL_REQUEST, u32(s.ch), string("signal"),
                 b"\0", string("KILL"))
        absorbed(c, N // 8, CHANNEL_REQUEST, u32(s.ch),
                 string("window-change"), b"\0", u32(80) * 4)
        assert b"d" in s.names("/")


@case("flood-tiny-data")
def _():
    """One byte in a packet, a whole request of it."""
    with Sftp() as s:
        m = s.message(world.MKDIR, string(b"/" + b"x" * 5000), u32(0))
        s.raw(m, 1)
        eq("answer", s.answer()[0], world.STATUS)


@case("flood-log-lines")
def _():
    """What is refused is logged; the log never holds the server up."""
    net = net_process()
    before = rss(net)
    c = logged_in()
    t = time.monotonic()
    for i in range(10):
        c.pour(noise(c, 500, CHANNEL_OPEN, string("direct-tcpip"), u32(0),
                     u32(1), u32(1), string("h" * 200), u32(1), string("o"),
                     u32(1)))
    n = 0
    while n < 5000:
        n += c.recv(ssh.OPEN_FAILURE)[0] == ssh.OPEN_FAILURE
    print(f"-- {time.monotonic() - t:.1f} s for 5,000 lines")
    does_not_grow("server", net, before, ROOM)
    c.close()


# ---- re-keys that one side does not end ----

@case("rekey-never-finished")
def _():
    """At every stage: the key exchange has its own deadline, others are
    served meanwhile."""
    net = net_process()
    before = rss(net)
    held = []
    for stage in range(3):
        c = logged_in()
        s = Sftp(c)
        h = s.open("big")
        s.grow = False
        s.raw(s.message(world.READ, string(h), ssh.u64(0),
                        u32(250000)) * 100)
        mine = c.kexinit()
        c.send(mine)
        if stage > 0:
            theirs = c.recv_kex(KEXINIT)
            c.make_share()
            c.send(ssh.KEX_INIT, string(c.pub))
        if stage > 1:
            c.kex_reply(mine, theirs)
        held.append(c)
    does_not_grow("server", net, before, ROOM)
    does_not_spin()
    check_well()
    ends = []

    def wait(c):
        try:
            while True:
                c.more()
                c.buf.clear()
        except Ended:
            ends.append(c)
    threads = [threading.Thread(target=wait, args=(c,)) for c in held]
    for t in threads:
        t.start()
    for t in threads:
        t.join(200)
    eq("connections ended", len(ends), len(held))
    for c in held:
        c.close()


if __name__ == "__main__":
    main()
