"""Few places: 12 for each source before login, 40 in all, 60 connections.
Sources are addresses of the loopback network."""
import time

import world
from ssh import Ended, request, string
from world import (Sftp, WHO, Ssh, case, check_well, eq, eventually, HOST,
                   KEY, PORT, main)

PER_SOURCE, UNAUTH, ALL = 12, 40, 60


def at(n):
    """An address to come from."""
    return (f"127.0.1.{n}", 0)


def come(n, **kw):
    return Ssh((HOST, PORT), start=False, source=at(n), **kw)


def is_open(c):
    """Is it served?  Those over a limit are closed without a word."""
    try:
        c.read_ident()
        return True
    except Ended:
        return False


def fill(source, n, prepare):
    out = []
    for i in range(n):
        c = come(source)
        if is_open(c):
            prepare(c)
            out.append(c)
        else:
            c.close()
    return out


def ident(c):
    c.raw(b"SSH-2.0-slow")


def kex(c):
    c.raw(c.ident + b"\r\n" + c.seal(c.kexinit())[:100])


def auth(c):
    c.raw(c.ident + b"\r\n")
    c.kex()
    c.service()


def asked(c):
    auth(c)
    c.send(request(WHO, "none"))


def let_go(held):
    for c in held:
        c.close()
    eventually(lambda: served(1), "places are free again")


def served(n):
    c = come(n)
    ok = is_open(c)
    c.close()
    return ok


def slowloris(name, prepare):
    @case("load-slowloris-" + name)
    def _():
        with Sftp(source=at(7)) as inside:
            held = fill(1, PER_SOURCE + 10, prepare)
            eq("places of one source", len(held), PER_SOURCE)
            assert not served(1)
            check_well(source=at(2))
            assert b"d" in inside.names("/")
            let_go(held)
            check_well(source=at(1))


for _name, _f in (("silent", lambda c: None), ("ident", ident),
                  ("kex", kex), ("auth", auth), ("asked", asked)):
    slowloris(_name, _f)


@case("load-half-open-100")
def _():
    """Many that say nothing, of one source: the others notice nothing."""
    held = fill(1, 100, lambda c: None)
    eq("places", len(held), PER_SOURCE)
    for i in range(20):
        check_well(source=at(2))
    let_go(held)


@case("load-half-open-sources")
def _():
    """From many sources: no more than limits.unauthenticated, those who are
    in stay in, and when they go there are places again."""
    with Sftp(source=at(7)) as inside:
        held = []
        for n in range(10, 20):
            held += fill(n, PER_SOURCE, lambda c: None)
        eq("places", len(held), UNAUTH)
        assert b"d" in inside.names("/")
        let_go(held)
        check_well(source=at(3))


@case("load-logged-in-frees-its-place")
def _():
    """Sessions do not count against those who are not in yet."""
    held = [Sftp(source=at(1)) for i in range(PER_SOURCE * 2)]
    check_well(source=at(1))
    for s in held:
        assert b"d" in s.names("/")
        s.close()


@case("load-connections")
def _():
    """limits.connections; who is over it is closed, the rest lives."""
    held = []
    for i in range(ALL):
        held.append(Ssh((HOST, PORT), source=at(1 + i % 5)).login(WHO, KEY))
    for i in range(20):
        c = come(9)
        assert not is_open(c), "one too many"
        c.close()
    for c in held:
        c.breathes()
    held.pop().close()
    eventually(lambda: served(9), "a place is free again")
    for c in held:
        c.breathes()
        c.close()
    eventually(lambda: served(9), "places are free again")


@case("load-refused-flood")
def _():
    """What is over the limit costs an accept and a line."""
    held = fill(1, PER_SOURCE, lambda c: None)
    net = world.net_process()
    before = world.rss(net)
    for i in range(1000):
        come(1).close()
    world.does_not_grow("server", net, before, 8)
    check_well(source=at(2))
    let_go(held)


@case("load-connections-come-and-go")
def _():
    """Places are counted right whatever the end."""
    for i in range(200):
        c = come(1)
        try:
            c.read_ident()
            if i % 4 == 1:
                c.raw(b"GET / HTTP/1.0\r\n\r\n")
                while True:
                    c.more()
            elif i % 4 == 2:
                kex(c)
            elif i % 4 == 3:
                auth(c)
                c.send(request(WHO, "password", b"\0", string("x")))
        except Ended:
            pass
        c.reset() if i % 3 == 0 else c.close()
        if i % 8 == 7:
            time.sleep(0.01)
    eventually(lambda: len(fill_all()) == PER_SOURCE, "all places again")
    check_well(source=at(1))


def fill_all():
    held = fill(1, PER_SOURCE + 1, lambda c: None)
    for c in held:
        c.close()
    eventually(lambda: served(2), "served")
    return held


if __name__ == "__main__":
    main()
