"""Programs of users: what only a client that we drive byte by byte can ask,
and what paramiko does."""
import hashlib
import os
import re
import struct
import subprocess
import sys
import time

from parts import Skip, eq, string
from starts import collect, pty, request, run
from wire import (CHANNEL_REQUEST, CLOSE, DATA, EOF, EXTENDED_DATA,
                  WINDOW_ADJUST, logged_in, take, u32)

HOST, PORT, KEY = "127.0.0.1", int(os.environ["PORT"]), os.environ["KEY"]


# ---- a client of our own ----

def status(seen):
    """Exit status, which comes once, after all data, before EOF."""
    names = [n for n, _ in seen]
    eq("what comes last", names[-2:], ["exit-status", "eof"])
    return struct.unpack(">I", dict(seen)["exit-status"][1:])[0]


def finish(c, ch):
    c.send(CLOSE, u32(ch))
    c.close()


def r_order():
    """All output, then how it ended, then the end."""
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"head -c 300000 /dev/zero; echo err >&2; exit 6")
    out, err, seen = collect(c, ch)
    eq("bytes", len(out), 300000)
    eq("stderr", err, b"err\n")
    eq("status", status(seen), 6)
    finish(c, ch)


def r_exit_signal():
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"kill -USR1 $$")
    _, _, seen = collect(c, ch)
    name, rest = seen[0]
    eq("request", name, "exit-signal")
    signal, at = take(rest, 1)
    eq("signal", signal, b"USR1")
    eq("core", rest[at], 0)
    finish(c, ch)


def r_twice():
    """One program for a channel, whatever the second is."""
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"read a; echo $a")
    for kind, body in ((b"exec", string(b"id")), (b"shell", b""),
                       (b"subsystem", string(b"sftp")),
                       (b"pty-req", b"".join(pty()))):
        assert not request(c, ch, kind, body), kind
    assert not request(c, ch, b"env", string(b"FOO"), string(b"1"))
    c.data(ch, b"still\n")
    out, _, seen = collect(c, ch)
    eq("out", out, b"still\n")
    eq("status", status(seen), 0)
    finish(c, ch)
    c = logged_in()
    ch = c.open(0)
    assert request(c, ch, b"pty-req", *pty())
    assert not request(c, ch, b"pty-req", *pty())
    finish(c, ch)


def r_without_replies():
    c = logged_in()
    ch = c.open(0)
    request(c, ch, b"pty-req", *pty(), reply=False)
    request(c, ch, b"env", string(b"FOO"), string(b"x"), reply=False)
    request(c, ch, b"exec", string(b"echo $FOO; tty"), reply=False)
    out, _, seen = collect(c, ch)
    eq("lines", len(out.split(b"\r\n")), 3)
    assert out.startswith(b"x\r\n/dev/pts/"), out
    eq("status", status(seen), 0)
    finish(c, ch)


def r_absurd_terminals():
    for size, want in (((0, 0, 0, 0), b"0 0"),
                       ((1, 1, 1, 1), b"1 1"),
                       ((65536, 100000, 1, 1), b"65535 65535"),
                       ((0xffffffff,) * 4, b"65535 65535")):
        c = logged_in()
        ch = c.open(0)
        assert request(c, ch, b"pty-req", *pty(size=size))
        run(c, ch, b"stty size")
        out, _, _ = collect(c, ch)
        eq("size", out.strip(), want)
        finish(c, ch)
    c = logged_in()
    ch = c.open(0)
    assert not request(c, ch, b"pty-req", *pty(term=b"x" * 129))
    assert request(c, ch, b"pty-req", *pty(term=b"x" * 128))
    run(c, ch, b"echo $TERM")
    out, _, _ = collect(c, ch)
    eq("term", out.strip(), b"x" * 128)
    finish(c, ch)


def modes(*pairs, end=b"\0"):
    return b"".join(bytes([op]) + u32(v) for op, v in pairs) + end


def r_modes():
    """What the client's terminal does, ours does (RFC 4254 8)."""
    c = logged_in()
    ch = c.open(0)
    m = modes((1, 5), (2, 255), (38, 0), (36, 0), (51, 1), (53, 0), (72, 0),
              (128, 9600), (129, 9600), (99, 1), (42, 1))
    assert request(c, ch, b"pty-req", *pty(modes=m))
    run(c, ch, b"stty -a")
    out, _, _ = collect(c, ch)
    text = out.decode()
    for word in ("intr = ^E", "quit = <undef>", "-ixon", "-icrnl", " icanon",
                 "-echo ", "-onlcr", "speed 9600", " iutf8"):
        assert word in text.replace("\n", " "), f"no {word} in {text}"
    assert "\r\n" not in text
    finish(c, ch)
    # Too many, or cut short: an offence, and no harm to others.
    for m in (modes(*[(53, 1)] * 257), b"\x35\0\0"):
        c = logged_in()
        ch = c.open(0)
        c.send(CHANNEL_REQUEST, u32(ch), string(b"pty-req"), b"\1",
               *pty(modes=m))
        c.ends()


def r_window_change():
    c = logged_in()
    ch = c.open(0)
    assert request(c, ch, b"pty-req", *pty())
    # before the start it is the size to start with
    request(c, ch, b"window-change", *map(u32, (100, 30, 0, 0)), reply=False)
    run(c, ch, b"trap 'stty size; exit' WINCH; stty size; "
        b"while :; do sleep 0.02; done")
    out = b""
    while not out.endswith(b"\n"):
        out += take(c.recv(DATA), 5)[0]
    eq("size", out, b"30 100\r\n")
    request(c, ch, b"window-change", *map(u32, (90, 25, 900, 500)),
            reply=False)
    out, _, seen = collect(c, ch)
    eq("size", out, b"25 90\r\n")
    eq("status", status(seen), 0)
    finish(c, ch)


def r_signal_and_break():
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"trap 'echo usr2; exit 3' USR2; echo; "
        b"while :; do sleep 0.02; done")
    c.recv(DATA)
    for bad in (b"", b"SIGTERM", b"NOTHING", b"STOP", b"x" * 1000):
        request(c, ch, b"signal", string(bad), reply=False)
    request(c, ch, b"signal", string(b"USR2"), reply=False)
    out, _, seen = collect(c, ch)
    eq("out", out, b"usr2\n")
    eq("status", status(seen), 3)
    c.send(CLOSE, u32(ch))
    ch = c.open(1)
    assert request(c, ch, b"pty-req", *pty(modes=modes((53, 0))))
    run(c, ch, b"stty brkint; trap 'echo int; exit 4' INT; echo; "
        b"while :; do sleep 0.02; done")
    c.recv(DATA)
    assert request(c, ch, b"break", u32(500))
    out, _, seen = collect(c, ch)
    assert b"int" in out, out
    eq("status", status(seen), 4)
    c.send(CLOSE, u32(ch))
    # without a program, or a terminal
    ch = c.open(2)
    assert not request(c, ch, b"break", u32(1))
    assert not request(c, ch, b"window-change", *map(u32, (1, 1, 1, 1)))
    finish(c, ch)


def r_env_flood():
    c = logged_in()
    ch = c.open(0)
    taken = sum(request(c, ch, b"env", string(b"LC_%d" % i), string(b"v"))
                for i in range(500))
    eq("names", taken, 64)
    run(c, ch, b"env | grep -c ^LC_")
    out, _, _ = collect(c, ch)
    eq("set", out, b"64\n")
    c.send(CLOSE, u32(ch))
    ch = c.open(1)
    big = b"x" * 15000
    assert request(c, ch, b"env", string(b"LC_A"), string(big))
    assert not request(c, ch, b"env", string(b"LC_B"), string(big))
    for name in (b"LD_PRELOAD", b"PATH", b"", b"LC_A=B", b"BASH_ENV",
                 b"LC-1", b"x" * 300):
        assert not request(c, ch, b"env", string(name), string(b"v")), name
    run(c, ch, b"echo ${#LC_A}; env | grep -c LD_PRELOAD")
    out, _, _ = collect(c, ch)
    eq("out", out, b"15000\n0\n")
    finish(c, ch)


def r_long_commands():
    c = logged_in()
    ch = c.open(0)
    assert not request(c, ch, b"exec", string(b"#" * (49 * 1024)))
    run(c, ch, b"echo ok #" + b"x" * (48 * 1024 - 9))
    out, _, _ = collect(c, ch)
    eq("out", out, b"ok\n")
    finish(c, ch)


def r_half_closed():
    """The client's end of input is the program's, and the other way round."""
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"cat; echo end")
    c.data(ch, b"x" * 1000)
    c.send(EOF, u32(ch))
    out, _, seen = collect(c, ch)
    eq("out", out, b"x" * 1000 + b"end\n")
    eq("status", status(seen), 0)
    c.send(CLOSE, u32(ch))
    # It closes its output and goes on: no CLOSE before it has ended.
    ch = c.open(1)
    run(c, ch, b"exec >&- 2>&-; read a; exit 7")
    c.data(ch, b"on\n")
    out, _, seen = collect(c, ch)
    eq("status", status(seen), 7)
    finish(c, ch)


def r_nobody_reads():
    """A program that is deaf holds nothing up, one that is not heard waits."""
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"sleep 0.3; echo done")
    for _ in range(64):
        c.data(ch, b"x" * 32768)
    out, _, seen = collect(c, ch)
    eq("out", out, b"done\n")
    c.send(CLOSE, u32(ch))
    ch = c.open(1, window=1000)
    run(c, ch, b"head -c 1000000 /dev/zero; echo over >&2")
    got = 0
    while got < 1000:
        got += len(take(c.recv(DATA), 5)[0])
    eq("window", got, 1000)
    time.sleep(0.2)
    c.send(WINDOW_ADJUST, u32(ch), u32(2 << 20))
    out, err, _ = collect(c, ch)
    eq("rest", len(out) + got, 1000000)
    eq("err", err, b"over\n")
    finish(c, ch)


def r_eow():
    """A client that will read no more: the program hears of it."""
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"trap '' PIPE; while echo y; do :; done 2>/dev/null; "
        b"echo heard >&2")
    c.recv(DATA)
    request(c, ch, b"eow@openssh.com", reply=False)
    while True:
        p = c.recv_any()
        if p[0] == EXTENDED_DATA:
            eq("err", take(p, 9)[0], b"heard\n")
            break
        if p[0] == DATA:
            c.send(WINDOW_ADJUST, u32(ch), u32(len(p)))
    finish(c, ch)


def r_closed_early():
    """Channels closed before their program, or their terminal, is there."""
    c = logged_in()
    for i in range(100):
        ch = c.open(i)
        if i % 2:
            request(c, ch, b"pty-req", *pty(), reply=False)
        request(c, ch, b"exec", string(b"cat"), reply=False)
        c.send(CLOSE, u32(ch))
        while c.recv_any()[0] != CLOSE:
            pass
    ch = c.open(200)
    run(c, ch, b"echo well")
    out, _, _ = collect(c, ch)
    eq("out", out, b"well\n")
    finish(c, ch)


def server_pids():
    """The warden's children, by name; and what bob's sessions hold."""
    text = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True,
                          text=True, check=True).stdout
    return re.findall(r"(\d+) sallyportd: bob session", text)


def resident(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"Private_Dirty:\s+(\d+)", f.read())[1])


def r_a_thousand():
    """1,000 programs on one connection: nothing is left of them."""
    before = set(server_pids())
    c = logged_in()
    ch = c.open(0)
    run(c, ch, b"true")
    collect(c, ch)
    c.send(CLOSE, u32(ch))
    mine, = set(server_pids()) - before
    server = os.environ["SERVER_PID"]

    def look():
        time.sleep(0.2)
        kids = open(f"/proc/{mine}/task/{mine}/children",
                    encoding="ascii").read().split()
        return (len(os.listdir(f"/proc/{mine}/fd")), len(kids),
                len(os.listdir(f"/proc/{server}/fd")))

    def loop(n):
        for i in range(n):
            ch = c.open(i)
            run(c, ch, b"true")
            _, _, seen = collect(c, ch)
            eq("status", status(seen), 0)
            c.send(CLOSE, u32(ch))

    loop(50)
    was, kb = look(), resident(mine) + resident(server)
    loop(1000)
    eq("descriptors and children", look(), was)
    grown = resident(mine) + resident(server) - kb
    # The sanitizer keeps what was freed.
    assert grown < 300 or os.environ.get("TEST_KIND") == "asan", \
        f"{grown} KiB more"
    c.close()


# ---- paramiko ----

def p_paramiko():
    import paramiko
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, "bob", key_filename=KEY, look_for_keys=False,
                   allow_agent=False)
    i, o, e = client.exec_command("cat; echo err >&2; exit 3")
    data = os.urandom(1 << 20)
    i.write(data)
    i.channel.shutdown_write()
    eq("out", hashlib.sha256(o.read()).digest(),
       hashlib.sha256(data).digest())
    eq("err", e.read(), b"err\n")
    eq("status", o.channel.recv_exit_status(), 3)
    i, o, e = client.exec_command("echo $FOO", environment={"FOO": "bar"})
    eq("env", o.read(), b"bar\n")
    ch = client.invoke_shell("xterm", 111, 33)
    ch.send("stty size; exit 2\n")
    out = b""
    while True:
        p = ch.recv(4096)
        if not p:
            break
        out += p
    assert b"33 111" in out, out
    eq("status", ch.recv_exit_status(), 2)
    sftp = client.open_sftp()
    sftp.listdir(".")
    client.close()


def main():
    os.environ["WHO"] = "bob"
    import parts
    parts.WHO = "bob"
    import wire
    wire.WHO = "bob"
    bad = 0
    for name, f in list(globals().items()):
        if not name.startswith(sys.argv[1][0] + "_") or not callable(f):
            continue
        try:
            f()
            print("-- ok", name[2:], flush=True)
        except Skip as e:
            print("-- skip", name[2:], e, flush=True)
        except Exception as e:
            import traceback
            traceback.print_exc()
            print("FAILED:", name[2:], type(e).__name__, e, flush=True)
            bad = 1
    sys.exit(bad)


main()
