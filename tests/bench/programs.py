"""programs.py exec N | echo N: what programs of users cost a server, and how
long a key takes to come back.

exec	N commands `true` in turn on one connection; the server's CPU time
echo	N keys, one at a time, to a shell on a terminal that echoes them, while
	another session of the same server moves bulk data; latencies in ms

Environment: HOST, PORT, WHO, KEY; GROUP, a cgroup, or TREE, a pid, whose CPU
time counts; BULK, a path to read meanwhile.
"""
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "regress"))
from counter import cpu  # noqa: E402
from parts import string  # noqa: E402
from wire import (CHANNEL_FAILURE, CHANNEL_REQUEST, CHANNEL_SUCCESS,  # noqa
                  CLOSE, DATA, WINDOW_ADJUST, logged_in, take, u32)


def request(c, ch, kind, *body):
    c.send(CHANNEL_REQUEST, u32(ch), string(kind), b"\1", *body)
    while True:
        p = c.recv(CHANNEL_SUCCESS, CHANNEL_FAILURE)
        assert p[0] == CHANNEL_SUCCESS, kind
        return


def command(c, number, text):
    ch = c.open(number)
    request(c, ch, b"exec", string(text))
    status = None
    while True:
        p = c.recv_any()
        if p[0] == CHANNEL_REQUEST:
            name, at = take(p, 5)
            if name == b"exit-status":
                status = struct.unpack_from(">I", p, at + 1)[0]
        elif p[0] == CLOSE:
            c.send(CLOSE, u32(ch))
            return status


def bench_exec(n):
    c = logged_in()
    for i in range(20):
        command(c, i, b"true")
    time.sleep(0.3)
    began, wall = cpu(), time.monotonic()
    for i in range(n):
        assert command(c, i, b"true") == 0
    wall = time.monotonic() - wall
    time.sleep(0.3)
    print(f"mode=exec n={n} cpu_ms={(cpu() - began) * 1e3 / n:.4f} "
          f"wall_ms={wall * 1e3 / n:.3f}")


def typed(c, ch, byte):
    began = time.monotonic()
    c.data(ch, byte)
    got = b""
    while byte not in got:
        p = c.recv(DATA, WINDOW_ADJUST)
        if p[0] == DATA:
            got += take(p, 5)[0]
    return time.monotonic() - began


def bulk():
    """Reads one file again and again, in a process of its own."""
    return subprocess.Popen([sys.executable, __file__, "bulk", "0"])


def bench_bulk(_):
    c = logged_in()
    ch = c.open(0, window=1 << 30)
    request(c, ch, b"exec", string(
        f"while cat {os.environ['BULK']}; do :; done".encode()))
    got = 0
    while True:
        p = c.recv(DATA)
        got += len(p)
        if got > 1 << 28:
            c.send(WINDOW_ADJUST, u32(ch), u32(got))
            got = 0


def bench_echo(n):
    other = bulk() if os.environ.get("BULK") else None
    c = logged_in()
    ch = c.open(0)
    request(c, ch, b"pty-req", string(b"xterm"), *map(u32, (80, 24, 0, 0)),
            string(b"\0"))
    request(c, ch, b"exec", string(b"stty -icanon; echo ready; cat >/dev/null"))
    got = b""
    while b"ready" not in got:
        p = c.recv(DATA, WINDOW_ADJUST)
        got += take(p, 5)[0] if p[0] == DATA else b""
    time.sleep(0.5)
    ms = []
    for i in range(n):
        ms.append(typed(c, ch, b"%c" % (97 + i % 26)) * 1e3)
        time.sleep(0.005)
    if other:
        other.kill()
        other.wait()
    ms.sort()
    print(f"mode=echo n={n} p50_ms={ms[n // 2]:.3f} "
          f"p99_ms={ms[n * 99 // 100]:.3f}")


{"exec": bench_exec, "echo": bench_echo,
 "bulk": bench_bulk}[sys.argv[1]](int(sys.argv[2]))
