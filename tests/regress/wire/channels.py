"""Channels and requests behind login: windows, numbers, what is refused."""
import select
import time

import ssh
import world
from ssh import (CHANNEL_FAILURE, CHANNEL_OPEN, CHANNEL_REQUEST,
                 CHANNEL_SUCCESS, CLOSE, DATA, EOF, EXTENDED_DATA,
                 GLOBAL_REQUEST, OPEN_CONFIRMATION, OPEN_FAILURE,
                 REQUEST_FAILURE, REQUEST_SUCCESS, WINDOW_ADJUST, Ended,
                 get_u32, string, take, u32, u64)
from world import (Sftp, case, does_not_grow, does_not_spin, eq, fatal,
                   logged_in, main, net_process, rss, tree)

INIT = b"\0\0\0\5\1\0\0\0\3"
SESSION = bytes([CHANNEL_OPEN]) + string("session")
SUBSYSTEM = string("subsystem") + b"\1" + string("sftp")


def stalled():
    """A session whose process cannot answer, because we give it no window,
    and takes no more requests: what is sent now stays in our window.  The
    room that is left, to the byte."""
    s = Sftp()
    h = s.open("big")
    assert isinstance(h, bytes), h
    s.grow = False
    one = s.message(world.READ, string(h), u64(0), u32(200000))
    more = (one * (32000 // len(one)))
    while s.room > len(more):
        s.raw(more)
        drained(s)
    while drained(s, 1.5) and s.room > len(more):
        s.raw(more)
    return s


def drained(s, idle=0.0):
    """Takes what the server has sent; were there window adjustments?"""
    adjusts = 0
    while s.c.late or s.c.buf or select.select([s.c.sock], [], [], idle)[0]:
        before = s.room
        s.pump()
        adjusts += s.room != before
    return adjusts


# ---- windows ----

def exhausted():
    """A stalled session whose window is used up to the last byte."""
    s = stalled()
    while True:
        while s.room > 0:
            n = min(s.room, 32000)
            s.c.data(s.ch, b"\0" * n)
            s.room -= n
        if not drained(s, 1.5):
            return s


@case("chan-data-past-window")
def _():
    """To the last byte it is taken, one more is fatal."""
    s = exhausted()
    s.c.breathes()
    s.c.data(s.ch, b"x")
    fatal(s.c, "one byte past the window", (2,))


@case("chan-data-past-window-flood")
def _():
    net = net_process()
    before = rss(net)
    s = stalled()
    one = bytes([DATA]) + u32(s.ch) + string(b"\0" * 32000)
    s.c.pour(b"".join(s.c.seal(one) for i in range(1000)))
    fatal(s.c, "32 MB past the window", (2,))
    does_not_grow("server", net, before, 16)


@case("chan-data-past-window-extended")
def _():
    """Extended data counts against the same window."""
    for kind in (1, 2):
        s = exhausted()
        s.c.send(EXTENDED_DATA, u32(s.ch), u32(kind), string(b"x"))
        fatal(s.c, "one byte past the window", (2,))


@case("chan-data-empty")
def _():
    """Data of no length costs nothing and does nothing."""
    with Sftp() as s:
        c = s.c
        c.pour(b"".join(c.seal(DATA, u32(s.ch), string(b""))
                        for i in range(5000)))
        c.breathes()
        assert b"d" in s.names("/")


@case("chan-packet-over-max")
def _():
    for n in (32769, 40000, 100000, 250000):
        with Sftp() as s:
            s.c.data(s.ch, b"\0" * n)
            fatal(s.c, f"data of {n} bytes", (2,))


@case("chan-packet-at-max")
def _():
    with Sftp() as s:
        m = s.message(world.REALPATH, string(".")) * 3000
        m = m[:32768]
        s.raw(m, 32768)
        eq("answer", s.answer()[0], world.NAME)


@case("chan-data-lying-length")
def _():
    for n in (0xffffffff, 0x7fffffff, 5, 3):
        with Sftp() as s:
            s.c.send(DATA, u32(s.ch), u32(n), b"four")
            fatal(s.c, f"length {n}", (2,))


@case("chan-window-adjust-overflow")
def _():
    for first, n in ((0xffffffff, 1), (1, 0xffffffff), (0x80000000,
                                                        0x80000000)):
        c = logged_in()
        ch = c.open(window=first)
        c.send(WINDOW_ADJUST, u32(ch), u32(n))
        fatal(c, f"{first} + {n}", (2,))


@case("chan-window-adjust-to-the-top")
def _():
    c = logged_in()
    ch = c.open(window=0)
    c.send(WINDOW_ADJUST, u32(ch), u32(0xffffffff))
    c.send(WINDOW_ADJUST, u32(ch), u32(0))
    c.breathes()
    assert c.ask(ch, "subsystem", string("sftp"))
    c.close()


@case("chan-window-adjust-malformed")
def _():
    for body in (b"", u32(0), u32(0) + b"\0\0\0", u32(0) + u32(1) + b"x"):
        c = logged_in()
        c.open()
        c.send(WINDOW_ADJUST, body)
        fatal(c, f"{len(body)} bytes", (2,))


@case("chan-open-sizes")
def _():
    """Windows and packets of every size; with nothing to send nobody
    spins."""
    sizes = (0, 1, 9, 13, 1000, 32768, 0x7fffffff, 0xffffffff)
    for window in sizes:
        for packet in sizes:
            c = logged_in()
            ch = c.sftp_channel(window=window, packet=packet)
            c.data(ch, INIT)
            got = b""
            while len(got) < min(window, 9) and packet > 0:
                p = c.recv(DATA)
                data = take(p, 5)[0]
                assert len(data) <= packet, (window, packet, len(data))
                got += data
            assert len(got) <= window, (window, packet, len(got))
            c.breathes()
            c.close()


@case("chan-open-sizes-idle")
def _():
    held = []
    for window, packet in ((0, 32768), (1 << 20, 0), (0, 0), (5, 1)):
        c = logged_in()
        ch = c.sftp_channel(window=window, packet=packet)
        c.data(ch, INIT)
        c.breathes()
        held.append(c)
    does_not_spin()
    for c in held:
        c.close()


@case("chan-window-zero-grows")
def _():
    """Byte by byte window: byte by byte data."""
    c = logged_in()
    ch = c.sftp_channel(window=0)
    c.data(ch, INIT)
    got = b""
    for i in range(40):
        c.send(WINDOW_ADJUST, u32(ch), u32(1))
        data = take(c.recv(DATA), 5)[0]
        eq("bytes", len(data), 1)
        got += data
    eq("version", got[4:9], b"\2\0\0\0\3")
    c.close()


# ---- numbers ----

def replies(c, n, kinds):
    """n messages of these kinds, counted."""
    out = {}
    for i in range(n):
        p = c.recv(*kinds)
        out[p[0]] = out.get(p[0], 0) + 1
    return out


@case("chan-open-10k")
def _():
    """Opened in one breath: no more than limits.channels, no process for
    each."""
    net = net_process()
    c = logged_in()
    before, mem = len(tree()), rss(net)
    c.pour(b"".join(c.seal(SESSION, u32(i), u32(1 << 20), u32(32768))
                    for i in range(10000)))
    got = replies(c, 10000, (OPEN_CONFIRMATION, OPEN_FAILURE))
    eq("opened", got.get(OPEN_CONFIRMATION), 16)
    assert len(tree()) <= before + 16, "processes"
    does_not_grow("server", net, mem, 16)
    c.breathes()
    c.close()


@case("chan-open-10k-sftp")
def _():
    """Each with its subsystem asked for at once."""
    c = logged_in()
    before = len(tree())
    for i in range(16):
        c.raw(c.seal(SESSION, u32(i), u32(1 << 20), u32(32768)) +
              c.seal(CHANNEL_REQUEST, u32(i), SUBSYSTEM))
    eq("granted", replies(c, 32, (OPEN_CONFIRMATION, CHANNEL_SUCCESS)),
       {OPEN_CONFIRMATION: 16, CHANNEL_SUCCESS: 16})
    assert len(tree()) <= before + 16, "processes"
    for i in range(16):
        c.data(i, INIT)
    for i in range(16):
        c.recv(DATA)
    c.close()


@case("chan-open-close-3000")
def _():
    net = net_process()
    c = logged_in()
    for i in range(100):    # what is kept for reuse is there now
        c.send(CLOSE, u32(c.open()))
        c.recv(CLOSE)
    before = rss(net)
    for i in range(3000):
        ch = c.open(mine=i)
        assert ch is not None, f"channel {i} refused"
        c.send(CLOSE, u32(ch))
        c.recv(CLOSE)
    does_not_grow("server", net, before, 4)
    c.close()


@case("chan-open-close-sftp-300")
def _():
    net = net_process()
    c = logged_in()
    fds = world.fds(net)
    for i in range(300):
        ch = c.sftp_channel(mine=i)
        c.data(ch, INIT)
        p = c.recv(DATA)
        if i % 3 == 0:
            c.send(EOF, u32(ch))
            while c.recv(EOF, CLOSE)[0] != CLOSE:
                pass
            c.send(CLOSE, u32(ch))
        else:
            c.send(CLOSE, u32(ch))
            while c.recv(DATA, EOF, CLOSE)[0] != CLOSE:
                pass
        eq("channel", get_u32(p, 1), i)
    c.breathes()
    world.eventually(lambda: world.fds(net) <= fds, "descriptors")
    c.close()


@case("chan-open-close-pipelined")
def _():
    """Open, ask, close, without waiting for any of it."""
    c = logged_in()
    n = 500
    for i in range(n):
        c.raw(c.seal(SESSION, u32(7), u32(1 << 20), u32(32768)) +
              c.seal(CHANNEL_REQUEST, u32(0), SUBSYSTEM) +
              c.seal(DATA, u32(0), string(INIT)) + c.seal(CLOSE, u32(0)))
        while c.recv(OPEN_CONFIRMATION, CHANNEL_SUCCESS, DATA, EOF,
                     CLOSE)[0] != CLOSE:
            pass
    c.breathes()
    c.close()


@case("chan-number-unknown")
def _():
    """Messages for channels that are not there."""
    def each(ch):
        return (bytes([DATA]) + ch + string(b"x"),
                bytes([EXTENDED_DATA]) + ch + u32(1) + string(b"x"),
                bytes([EOF]) + ch, bytes([CLOSE]) + ch,
                bytes([WINDOW_ADJUST]) + ch + u32(1),
                bytes([CHANNEL_REQUEST]) + ch + SUBSYSTEM,
                bytes([CHANNEL_SUCCESS]) + ch,
                bytes([CHANNEL_FAILURE]) + ch,
                bytes([OPEN_CONFIRMATION]) + ch + u32(0) * 3,
                bytes([OPEN_FAILURE]) + ch + u32(1) + string("") * 2)
    for n in (0, 1, 3, 4, 15, 16, 1024, 0x7fffffff, 0xffffffff):
        for m in each(u32(n)):
            c = logged_in()
            if n:
                eq("channel", c.open(), 0)
            c.send(m)
            fatal(c, f"message {m[0]} for channel {n}", (2,))


@case("chan-confirmation-unsolicited")
def _():
    """Answers to an open that the server has not sent, for a channel that
    is there."""
    for m in (bytes([OPEN_CONFIRMATION]) + u32(0) + u32(0) + u32(1 << 20) * 2,
              bytes([OPEN_FAILURE]) + u32(0) + u32(1) + string("") * 2):
        c = logged_in()
        eq("channel", c.open(), 0)
        c.send(m)
        fatal(c, f"message {m[0]}", (2,))


@case("chan-peer-numbers")
def _():
    """The client may number its channels as it likes, even alike."""
    c = logged_in()
    for mine in (0, 0xffffffff, 0x80000000, 0, 0):
        ch = c.sftp_channel(mine=mine)
        c.data(ch, INIT)
        eq("number", get_u32(c.recv(DATA), 1), mine)
    c.close()


@case("chan-open-malformed")
def _():
    whole = SESSION + u32(0) + u32(1 << 20) + u32(32768)
    for n in range(1, len(whole)):
        c = logged_in()
        c.send(whole[:n])
        fatal(c, f"open of {n} bytes", (2,))
    for m in (whole + b"x", bytes([CHANNEL_OPEN]) + u32(0xffffffff) +
              whole[5:]):
        c = logged_in()
        c.send(m)
        fatal(c, "open", (2,))


# ---- the end of a channel ----

@case("chan-behind-eof")
def _():
    c = logged_in()
    s = Sftp(c)
    c.send(EOF, u32(s.ch))
    c.send(EOF, u32(s.ch))
    c.data(s.ch, INIT)
    refused = c.end()
    assert refused.reason in (None, 2), refused
    c.close()


@case("chan-behind-close")
def _():
    for m in (DATA, CLOSE, EOF):
        c = logged_in()
        ch = c.open()
        c.send(CLOSE, u32(ch))
        c.recv(CLOSE)
        c.send(m, u32(ch), string(b"x") if m == DATA else b"")
        fatal(c, f"message {m} behind close", (2,))


@case("chan-close-while-busy")
def _():
    """In the middle of a download, again and again."""
    net = net_process()
    c = logged_in()
    fds = world.fds(net)
    for i in range(60):
        s = Sftp(c, mine=i)
        h = s.open("big")
        for k in range(20):
            s.raw(s.message(world.READ, string(h), u64(0), u32(200000)))
        for k in range(i % 5):
            s.pump()
        c.send(CLOSE, u32(s.ch))
        while c.recv(DATA, EOF, CLOSE, WINDOW_ADJUST)[0] != CLOSE:
            pass
    c.breathes()
    world.eventually(lambda: world.fds(net) <= fds, "descriptors")
    c.close()


@case("chan-end-while-busy")
def _():
    """The connection goes in the middle of it."""
    for i in range(20):
        s = Sftp()
        h = s.open("big")
        for k in range(20):
            s.raw(s.message(world.READ, string(h), u64(0), u32(200000)))
        if i % 3 == 0:
            s.c.reset()
        elif i % 3 == 1:
            s.c.send(ssh.DISCONNECT, u32(11), string("bye"), string(""))
            s.close()
        else:
            s.close()


# ---- data that has no place ----

@case("chan-extended-data")
def _():
    """Extended data never reaches the SFTP server, and does not make it
    spin."""
    for kind in (0, 1, 2, 0xffffffff):
        with Sftp() as s:
            c = s.c
            one = c.seal
            c.raw(b"".join(one(EXTENDED_DATA, u32(s.ch), u32(kind),
                               string(b"\xff" * 30000)) for i in range(20)))
            c.breathes()
            assert b"d" in s.names("/")
            if kind == 1:
                does_not_spin()


@case("chan-extended-data-window")
def _():
    """It is counted and given back: 20 MB of it pass."""
    with Sftp() as s:
        room = s.room
        for i in range(700):
            while room < 30000:
                room += get_u32(s.c.recv(WINDOW_ADJUST), 5)
            s.c.send(EXTENDED_DATA, u32(s.ch), u32(1), string(b"x" * 30000))
            room -= 30000
        s.room = room
        assert b"d" in s.names("/")


@case("chan-data-before-subsystem")
def _():
    """Data on a channel that serves nothing is dropped."""
    net = net_process()
    before = rss(net)
    c = logged_in()
    ch = c.open()
    room = 2 << 20
    for i in range(1000):
        while room < 32000:
            room += get_u32(c.recv(WINDOW_ADJUST), 5)
        c.data(ch, b"\1" * 32000)
        room -= 32000
    assert c.ask(ch, "subsystem", string("sftp"))
    c.data(ch, INIT)
    eq("version", take(c.recv(DATA), 5)[0][4:9], b"\2\0\0\0\3")
    does_not_grow("server", net, before, 8)
    c.close()


# ---- what is refused ----

@case("chan-forward-kinds")
def _():
    c = logged_in()
    tcp = string("127.0.0.1") + u32(world.PORT) + string("127.0.0.1") + u32(9)
    for kind, extra in {
        "direct-tcpip": tcp, "forwarded-tcpip": tcp,
        "direct-streamlocal@openssh.com":
            string("/run/x.sock") + string("") + u32(0),
        "forwarded-streamlocal@openssh.com":
            string("/run/x.sock") + string(""),
        "x11": string("127.0.0.1") + u32(6000),
        "auth-agent@openssh.com": b"", "auth-agent": b"",
        "tun@openssh.com": u32(1) + u32(0), "": b"", "SESSION": b"",
        "x" * 3000: b"", "session\0": b"",
    }.items():
        if "\0" in kind:
            continue
        assert c.open(kind=kind, extra=extra) is None, kind
    c.breathes()
    c.close()
    for port in (65536, 0xffffffff, 0):
        c = logged_in()
        assert c.open(kind="direct-tcpip", extra=string("127.0.0.1") +
                      u32(port) + string("127.0.0.1") + u32(port)) is None
        c.close()


@case("chan-forward-kinds-malformed")
def _():
    for kind in ("direct-tcpip", "direct-streamlocal@openssh.com"):
        for extra in (b"", u32(0xffffffff), string("h"), b"\0" * 7,
                      string("a\0b") + u32(1) + string("a\0b") + u32(1)):
            c = logged_in()
            c.send(CHANNEL_OPEN, string(kind), u32(0), u32(1), u32(1), extra)
            fatal(c, kind, (2,))


@case("glob-forward-denied")
def _():
    c = logged_in()
    for name, extra in {
        "tcpip-forward": string("") + u32(0),
        "cancel-tcpip-forward": string("") + u32(0),
        "streamlocal-forward@openssh.com": string("/tmp/x"),
        "cancel-streamlocal-forward@openssh.com": string("/tmp/x"),
        "hostkeys-prove-00@openssh.com": string("x"), "": b"",
        "x" * 3000: b"", "keepalive@openssh.com": b"",
    }.items():
        c.send(GLOBAL_REQUEST, string(name), b"\1", extra)
        eq(name, c.recv(REQUEST_SUCCESS, REQUEST_FAILURE)[0],
           REQUEST_FAILURE)
        c.send(GLOBAL_REQUEST, string(name), b"\0", extra)
    c.breathes()
    c.close()


@case("glob-malformed")
def _():
    for body in (b"", u32(0xffffffff), string("x"),
                 string("tcpip-forward") + b"\1",
                 string("tcpip-forward") + b"\1" + string("x"),
                 string("tcpip-forward") + b"\1" + string("x") + u32(1) +
                 b"x", string("a\0b") + b"\1"):
        c = logged_in()
        c.send(GLOBAL_REQUEST, body)
        fatal(c, repr(body), (2,))


@case("glob-replies-unsolicited")
def _():
    """Answers nobody waits for change nothing."""
    c = logged_in()
    for i in range(200):
        c.send(REQUEST_SUCCESS, u32(i))
        c.send(REQUEST_FAILURE)
    c.breathes()
    c.close()


@case("chan-request-denied-kinds")
def _():
    c = logged_in()
    pty = string("xterm") + u32(80) * 4 + string(b"\x01" + u32(3) + b"\0")
    for name, extra in {
        "shell": b"", "exec": string("id"), "pty-req": pty,
        "x11-req": b"\0" + string("MIT-MAGIC-COOKIE-1") + string("00") +
        u32(0), "auth-agent-req@openssh.com": b"",
        "auth-agent-req": b"", "env": string("LD_PRELOAD") + string("/x.so"),
        "signal": string("KILL"), "window-change": u32(80) * 4,
        "break": u32(100), "exit-status": u32(0), "xon-xoff": b"\1",
        "exit-signal": string("TERM") + b"\0" + string("") * 2,
        "keepalive@openssh.com": b"", "": b"", "x" * 3000: b"",
        "subsystem": string("netconf"),
    }.items():
        ch = c.open()
        assert not c.ask(ch, name, extra), f"{name} was granted"
        c.request(ch, name, extra, want=False)
        c.send(CLOSE, u32(ch))
        c.recv(CLOSE)
    for name in ("SFTP", "sftp ", " sftp", "", "/bin/sh", "sftp;id", "%s",
                 "internal-sftp", "../sftp", "x" * 30000):
        ch = c.open()
        assert not c.ask(ch, "subsystem", string(name)), name
        c.send(CLOSE, u32(ch))
        c.recv(CLOSE)
    c.close()


@case("chan-request-exec-kinds")
def _():
    """Nothing runs, whatever the command."""
    for command in ("id", "sftp-server", "/usr/lib/openssh/sftp-server",
                    "internal-sftp", "scp -t /", "scp -f /etc/passwd",
                    "scp ", "", "sh -c 'touch /d/ran'", "md5sum /ro/note",
                    "pwd", "x" * 30000, "%n%s"):
        c = logged_in()
        ch = c.open()
        c.request(ch, "exec", string(command))
        c.recv(CHANNEL_FAILURE)
        c.close()
    with Sftp() as s:
        assert b"ran" not in s.names("/d")


@case("chan-request-malformed")
def _():
    full = {
        "pty-req": string("xterm") + u32(80) * 4 + string(b"\0"),
        "x11-req": b"\0" + string("p") + string("c") + u32(0),
        "env": string("A") + string("B"), "signal": string("KILL"),
        "window-change": u32(80) * 4, "break": u32(1),
        "exec": string("id"), "subsystem": string("sftp"), "shell": b"",
    }
    for name, body in full.items():
        for cut in sorted({0, len(body) // 2, max(0, len(body) - 1)}):
            if cut == len(body):
                continue
            c = logged_in()
            ch = c.open()
            c.request(ch, name, body[:cut])
            fatal(c, f"{name} cut at {cut}", (2,))
        c = logged_in()
        ch = c.open()
        c.request(ch, name, body + b"x")
        fatal(c, f"{name} and more", (2,))
    for modes in (b"\1", b"\1\0\0", b"\1\0\0\0\1" * 300, b"\x9f\0\0\0\1\1"):
        c = logged_in()
        ch = c.open()
        c.request(ch, "pty-req", string("x") + u32(80) * 4 + string(modes))
        fatal(c, f"modes {modes[:8]!r}", (2,))


@case("chan-request-nul")
def _():
    for name, body in (("exec", string("id\0")), ("subsystem",
                                                  string("sftp\0")),
                       ("env", string("A\0") + string("B")),
                       ("subsystem\0", string("sftp"))):
        c = logged_in()
        ch = c.open()
        c.request(ch, name, body)
        fatal(c, name, (2,))


@case("chan-second-subsystem")
def _():
    with Sftp() as s:
        c = s.c
        assert not c.ask(s.ch, "subsystem", string("sftp"))
        assert not c.ask(s.ch, "exec", string("id"))
        assert not c.ask(s.ch, "shell")
        assert b"d" in s.names("/")


@case("chan-subsystem-without-reply")
def _():
    c = logged_in()
    ch = c.open()
    c.request(ch, "subsystem", string("sftp"), want=False)
    c.data(ch, INIT)
    eq("version", take(c.recv(DATA), 5)[0][4:9], b"\2\0\0\0\3")
    c.close()


@case("chan-env-flood")
def _():
    net = net_process()
    c = logged_in()
    ch = c.open()
    before = rss(net)
    one = bytes([CHANNEL_REQUEST]) + u32(ch) + string("env") + b"\0" + \
        string("LD_PRELOAD") + string("/evil.so" * 100)
    for i in range(20):
        c.pour(b"".join(c.seal(one) for k in range(500)))
    c.breathes()
    assert c.ask(ch, "subsystem", string("sftp"))
    does_not_grow("server", net, before, 8)
    for pid in world.workers():
        with open(f"/proc/{pid}/environ", "rb") as f:
            assert b"LD_PRELOAD" not in f.read()
    c.close()


@case("chan-no-more-sessions")
def _():
    c = logged_in()
    assert c.open() is not None
    c.send(GLOBAL_REQUEST, string("no-more-sessions@openssh.com"), b"\1")
    eq("granted", c.recv(REQUEST_SUCCESS, REQUEST_FAILURE)[0],
       REQUEST_SUCCESS)
    c.send(SESSION, u32(1), u32(1 << 20), u32(32768))
    fatal(c, "a session more", (2,))


@case("chan-service-again")
def _():
    for name in ("ssh-userauth", "ssh-connection"):
        c = logged_in()
        c.send(ssh.SERVICE_REQUEST, string(name))
        fatal(c, "service request behind login")


@case("chan-idle-costs-nothing")
def _():
    held = [Sftp() for i in range(5)]
    time.sleep(3)    # parked by now
    does_not_spin()
    for s in held:
        assert b"d" in s.names("/")
        s.close()


if __name__ == "__main__":
    main()
