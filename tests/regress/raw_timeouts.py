"""What silence ends.  The limits are 1 s; that something is not ended is only
asked where we know that we were not silent for so long ourselves."""
import struct
import time

from parts import eq, run_parts, string
from starts import collect, request, run
from wire import (CHANNEL_OPEN, CLOSE, DATA, EOF, OPEN_FAILURE, Ended,
                  logged_in, take, u32)

INIT = struct.pack(">IBI", 5, 1, 3)
LIMIT = 1.0


def s_sessions():
    c = logged_in()
    a, b = c.open(0), c.open(1)
    assert a is not None and b is not None
    c.send(CHANNEL_OPEN, string(b"session"), u32(2), u32(1 << 20), u32(32768))
    eq("reason", struct.unpack_from(">I", c.recv(OPEN_FAILURE), 5)[0], 4)
    other = logged_in()     # they are counted for each connection
    assert other.open(0) is not None
    c.send(CLOSE, u32(a))
    c.recv(CLOSE)
    assert c.open(2) is not None
    assert c.open(3) is None
    c.close()
    other.close()


def until_ended(c):
    """As ends(), but answers what the server asks meanwhile."""
    while True:
        try:
            c.recv(CLOSE)
        except Ended as e:
            return e


def s_idle():
    """With a program, and before there is a channel."""
    for start in False, True:
        began = time.monotonic()
        c = logged_in()
        if start:
            run(c, c.open(0), b"cat")
        e = until_ended(c)
        assert time.monotonic() - began >= LIMIT
        eq("reason", e.reason, 11)
        assert "idle" in e.text, e.text


def busy(step):
    """Calls step() for three limits; if we ourselves were late, again."""
    for _ in range(20):
        it = step()
        began = last = time.monotonic()
        late = 0
        try:
            while last - began < 3 * LIMIT:
                time.sleep(LIMIT / 10)
                next(it)
                now = time.monotonic()
                late, last = max(late, now - last), now
            return
        except Ended as e:
            late = max(late, time.monotonic() - last)
            assert late > LIMIT / 2, f"{e} after {late} s"
    raise AssertionError("this machine never has time")


def s_not_idle():
    def step():
        c = logged_in()
        ch = c.sftp()
        c.data(ch, INIT)
        c.recv(DATA)
        n = 0
        while True:
            n += 1
            c.data(ch, struct.pack(">IBI", 10, 16, n) + string(b"/"))
            c.recv(DATA)
            yield
    busy(step)


def s_idle_one_way():
    """A program that only writes keeps its connection."""
    def step():
        c = logged_in()
        run(c, c.open(0), b"while sleep 0.1; do echo x; done")
        while True:
            yield c.recv(DATA)
    busy(step)


def s_unused():
    """A connection on which there is no channel, before and after one; a
    silent channel is use."""
    c = logged_in()
    e = until_ended(c)
    eq("reason", e.reason, 11)
    assert "not used" in e.text, e.text
    for _ in range(20):
        began = time.monotonic()
        c = logged_in()
        try:
            ch = c.open(0)
        except Ended:
            assert time.monotonic() - began > LIMIT
            continue
        break
    c.data(ch, b"")
    time.sleep(2.5 * LIMIT)
    run(c, ch, b"cat")
    c.data(ch, b"well")
    eq("echo", take(c.recv(DATA), 5)[0], b"well")
    c.send(CLOSE, u32(ch))
    c.recv(CLOSE)
    e = until_ended(c)
    assert "not used" in e.text, e.text



def s_channel_idle():
    """The channel is closed and its program hung up on, not the others."""
    c = logged_in()
    a = c.open(0)
    run(c, a, b"exec cat -")
    collect(c, a)
    c.send(CLOSE, u32(a))

    b = c.open(1)
    assert request(c, b, b"subsystem", string(b"sftp"))
    c.data(b, INIT)
    c.recv(DATA)
    collect(c, b)
    c.send(CLOSE, u32(b))

    d = c.open(2)           # which has not even started anything
    collect(c, d)
    c.send(CLOSE, u32(d))

    def step():
        e = c.open(step.n)
        step.n += 1
        run(c, e, b"cat")
        while True:
            c.data(e, b"x")
            p = c.recv(DATA, EOF, CLOSE)
            if p[0] != DATA:
                c.send(CLOSE, u32(e))
                raise Ended(0, "the channel")
            yield
    step.n = 3
    busy(step)
    c.close()


def s_unlimited():
    c = logged_in()
    time.sleep(1.5 * LIMIT)
    ch = c.open(0)
    time.sleep(1.5 * LIMIT)
    run(c, ch, b"cat")
    time.sleep(1.5 * LIMIT)
    c.data(ch, b"well")
    eq("echo", take(c.recv(DATA), 5)[0], b"well")
    c.close()


run_parts(globals())
