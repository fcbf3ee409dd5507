"""Many at once, many in a row, and many that go in the middle."""
import time

import ssh
import world
from ssh import KEXINIT, Ended, request, string, u32, u64
from world import (ASAN, CREAT, TRUNC, W, WARDEN, Sftp, bare, case,
                   check_well, does_not_grow, does_not_spin, eq, eventually,
                   fds, keyed, logged_in, main, net_process, rss, serviced,
                   workers)

TIMES = 10 if ASAN else 25


def resets(name, make):
    @case("load-reset-" + name)
    def _():
        net = net_process()
        check_well()
        eventually(lambda: not workers(), "at rest")
        before = fds(net), fds(WARDEN)
        for i in range(TIMES):
            c = make()
            c = getattr(c, "c", c)
            c.reset() if i % 2 else c.close()
        eventually(lambda: not workers(), "login processes are gone")
        eventually(lambda: fds(net) <= before[0] and
                   fds(WARDEN) <= before[1], "descriptors are closed")


def sent(c, *payloads):
    c.raw(b"".join(c.seal(p) for p in payloads))
    return c


def ident():
    c = bare()
    c.idents()
    return c


def kexinit():
    c = ident()
    return sent(c, c.kexinit())


def share():
    c = ident()
    c.send(c.kexinit())
    c.make_share()
    c.send(ssh.KEX_INIT, string(c.pub))
    return c


def rekey():
    c = logged_in()
    return sent(c, c.kexinit())


def signing():
    """An RSA host key, which signs in a process of its own."""
    c = bare(host="rsa-sha2-512")
    c.idents()
    c.send(c.kexinit())
    c.recv_kex(KEXINIT)
    c.make_share()
    c.send(ssh.KEX_INIT, string(c.pub))
    return c


def open_channel():
    c = logged_in()
    c.open()
    return c


def subsystem():
    """Asked for, the answer not awaited."""
    c = logged_in()
    c.request(c.open(), "subsystem", string("sftp"))
    return c


def upload():
    s = Sftp()
    h = s.open("d/reset", W | CREAT | TRUNC)
    for i in range(10):
        s.raw(s.message(world.WRITE, string(h), u64(i * 30000),
                        string(b"x" * 30000)))
    return s


def download():
    s = Sftp()
    h = s.open("big")
    s.raw(s.message(world.READ, string(h), u64(0), u32(250000)) * 40)
    return s


def listing():
    s = Sftp()
    h = s.opendir("/")
    s.raw(s.message(world.READDIR, string(h)) * 100)
    return s


PASSWORD = request("bob", "password", b"\0", string("wrong"))
for _name, _make in {
    "connect": bare, "ident": ident, "kexinit": kexinit, "share": share,
    "signing": signing, "keys": keyed, "service": serviced,
    "auth": lambda: sent(serviced(), request("alice", "none")),
    "password": lambda: sent(serviced(), PASSWORD),
    "login": lambda: sent(
        (c := serviced()), ssh.signed(c.sid, "alice", world.KEY)),
    "open": logged_in, "channel": open_channel, "subsystem": subsystem,
    "sftp": Sftp, "upload": upload, "download": download,
    "listing": listing, "rekey": rekey,
}.items():
    resets(_name, _make)


@case("load-half-open-auth-100")
def _():
    """A hundred passwords to be checked at once: others log in."""
    held = [sent(serviced(), PASSWORD) for i in range(100)]
    for i in range(5):
        check_well()
    for c in held:
        eq("answer", c.recv_any()[0], ssh.USERAUTH_FAILURE)
        c.close()
    eventually(lambda: not workers(), "login processes are gone")


@case("load-half-open-auth-100-gone")
def _():
    """... and who asked has gone before the answer."""
    held = [sent(serviced(), PASSWORD) for i in range(100)]
    for c in held:
        c.reset()
    check_well()
    eventually(lambda: not workers(), "login processes are gone")


@case("load-half-open-500")
def _():
    held = [bare() for i in range(500)]
    for i in range(20):
        check_well()
    does_not_spin()
    for c in held:
        c.close()


@case("load-sessions-100")
def _():
    """A hundred sessions at once, each with its process; then none."""
    net = net_process()
    before = fds(net)
    held = [Sftp() for i in range(100)]
    eq("processes", len(workers()), 100)
    does_not_spin()
    for s in held:
        assert b"d" in s.names("/")
    for i, s in enumerate(held):
        s.c.reset() if i % 2 else s.close()
    eventually(lambda: not workers(), "processes are gone")
    eventually(lambda: fds(net) <= before, "descriptors are closed")


@case("load-drift-200")
def _():
    """Nothing stays behind from one session to the next."""
    net = net_process()

    def round(n):
        for i in range(n):
            with Sftp() as s:
                s.names("/")
                h = s.open("d/drift", W | CREAT | TRUNC)
                s.write(h, 0, b"x" * 100000)
                s.shut(h)
                s.status(world.REMOVE, string("d/drift"))
    round(50)
    before = rss(net), rss(WARDEN)
    round(200)
    does_not_grow("server", net, before[0], 2)
    does_not_grow("warden", WARDEN, before[1], 2)


@case("load-drift-failed-200")
def _():
    """Nor from those who did not get in."""
    net = net_process()

    def round(n):
        for i in range(n):
            c = serviced()
            c.send(request(f"user{i}", "none"))
            c.recv_any()
            if i % 2:
                c.send(request(f"other{i}", "none"))
                c.end()
            c.close()
    round(50)
    before = rss(net), rss(WARDEN)
    round(200)
    does_not_grow("server", net, before[0], 2)
    does_not_grow("warden", WARDEN, before[1], 2)


@case("load-mixture")
def _():
    """Everything at once, ended in the middle."""
    held = []
    for i in range(12 if ASAN else 40):
        for make in (bare, ident, kexinit, keyed, serviced, logged_in, Sftp,
                     download, rekey):
            held.append(make())
    check_well()
    began = time.monotonic()
    for i, c in enumerate(held):
        c = getattr(c, "c", c)
        c.reset() if i % 2 else c.close()
    eventually(lambda: not workers(), "processes are gone")
    print(f"-- {len(held)} gone in {time.monotonic() - began:.1f} s")
    try:
        bare().close()
    except Ended:
        pass


if __name__ == "__main__":
    main()
