"""Agents and displays by hand: what OpenSSH's client does not say."""
import struct

from parts import eq, run_parts, string
from wire import (CHANNEL_FAILURE, CHANNEL_OPEN, CHANNEL_REQUEST,
                  CHANNEL_SUCCESS, CLOSE, DATA, EOF, EXTENDED_DATA,
                  GLOBAL_REQUEST, OPEN_CONFIRMATION, OPEN_FAILURE,
                  REQUEST_FAILURE, logged_in, take, u32)

NO_KEYS = struct.pack(">IBI", 5, 12, 0)


def ask(c, ch, name, rest=b""):
    c.send(CHANNEL_REQUEST, u32(ch), string(name), b"\1", rest)
    return c.recv(CHANNEL_SUCCESS, CHANNEL_FAILURE)[0] == CHANNEL_SUCCESS


def run(c, ch, command, on_open, agent=b""):
    """Runs it; on_open answers what the server opens.  What it prints."""
    assert ask(c, ch, b"exec", string(command))
    out, theirs = b"", None
    while True:
        p = c.recv(CHANNEL_OPEN, DATA, EXTENDED_DATA, EOF, CLOSE)
        if p[0] == CHANNEL_OPEN:
            kind, at = take(p, 1)
            theirs = on_open(kind, struct.unpack_from(">I", p, at)[0], p, at)
        elif p[0] == DATA:
            to = struct.unpack_from(">I", p, 1)[0]
            text, _ = take(p, 5)
            if to == 0:
                out += text
            else:
                c.data(theirs, agent)
        elif p[0] == CLOSE and struct.unpack_from(">I", p, 1)[0] == 0:
            c.send(CLOSE, u32(ch))
            return out.decode()
        elif p[0] == CLOSE:
            c.send(CLOSE, u32(theirs))


def session(c):
    ch = c.open(0)
    assert ch is not None
    return ch


def accept(c, wanted, seen):
    def on_open(kind, theirs, p, at):
        eq("kind", kind, wanted)
        seen.append(p[at + 12:])
        c.send(OPEN_CONFIRMATION, u32(theirs), u32(7), u32(1 << 20),
               u32(32768))
        return theirs
    return on_open


def t_agent_names():
    for request, kind in ((b"auth-agent-req@openssh.com",
                           b"auth-agent@openssh.com"),
                          (b"agent-req", b"agent-connect")):
        c = logged_in()
        ch, seen = session(c), []
        assert ask(c, ch, request)
        assert ask(c, ch, request), "asked twice"
        out = run(c, ch, b"ssh-add -l", accept(c, kind, seen), NO_KEYS)
        assert "no identities" in out, out
        eq("fields", seen, [b""])
        c.close()


def t_agent_refused():
    c = logged_in()
    ch = session(c)
    assert ask(c, ch, b"agent-req")

    def on_open(kind, theirs, p, at):
        c.send(OPEN_FAILURE, u32(theirs), u32(1), string(b"no\n\x1b[31m"),
               string(b""))
    out = run(c, ch, b"ssh-add -l; echo went on", on_open)
    assert out.endswith("went on\n"), out
    c.close()


def t_agent_late():
    c = logged_in()
    ch = session(c)
    assert ask(c, ch, b"exec", string(b"read a; env"))
    assert not ask(c, ch, b"agent-req"), "given to a program that runs"
    assert not ask(c, ch, b"x11-req", x11())
    c.close()


def x11(single=False, protocol=b"MIT-MAGIC-COOKIE-1",
        cookie=b"00112233445566778899aabbccddeeff", screen=0):
    return (bytes([single]) + string(protocol) + string(cookie) +
            u32(screen))


def t_x11_fields():
    c = logged_in()
    ch = session(c)
    for bad in (x11(cookie=b""), x11(cookie=b"0"), x11(cookie=b"0g"),
                x11(protocol=b""), x11(protocol=b"a b"),
                x11(protocol=b"a;reboot"), x11(cookie=b"00" * 129),
                x11(protocol=b"A" * 257)):
        assert not ask(c, ch, b"x11-req", bad), bad
    assert ask(c, ch, b"x11-req", x11(screen=3, cookie=b"AbCd"))
    assert not ask(c, ch, b"x11-req", x11()), "a second display"
    out = run(c, ch, b"echo $DISPLAY; od -An -tx1 $XAUTHORITY", None)
    display, rest = out.split("\n", 1)
    assert display.startswith("localhost:") and display.endswith(".3"), out
    assert rest.replace(" ", "").replace("\n", "").endswith("0002abcd"), out
    c.close()


def call(n):
    """A command that connects n times, one after the other."""
    return (b"d=${DISPLAY#*:}; d=${d%.*}; exec bash -c '"
            b"for i in $(seq N); do "
            b"if exec 3<>/dev/tcp/127.0.0.1/$((6000 + $0)); then "
            b"echo there; cat <&3; exec 3>&-; else echo none; fi; "
            b"done 2>/dev/null' $d").replace(b"N)", b"%d)" % n)


def t_x11_single():
    for single, there in ((False, 3), (True, 1)):
        c = logged_in()
        ch, seen = session(c), []
        assert ask(c, ch, b"x11-req", x11(single))

        def on_open(kind, theirs, p, at):
            eq("kind", kind, b"x11")
            src, end = take(p, at + 12)
            eq("from", src, b"127.0.0.1")
            assert struct.unpack_from(">I", p, end)[0] != 0
            eq("end", end + 4, len(p))
            seen.append(src)
            c.send(OPEN_CONFIRMATION, u32(theirs), u32(7), u32(1 << 20),
                   u32(32768))
            c.send(EOF, u32(theirs))
            return theirs
        out = run(c, ch, call(3), on_open)
        eq("single %s" % single, out.count("there"), there)
        eq("opened", len(seen), there)
        c.close()


def t_server_opens_what_clients_may_not():
    """Kinds that are the server's own."""
    c = logged_in()
    for kind in (b"auth-agent@openssh.com", b"agent-connect", b"x11",
                 b"forwarded-tcpip", b"forwarded-streamlocal@openssh.com"):
        c.send(CHANNEL_OPEN, string(kind), u32(5), u32(1 << 20), u32(32768),
               string(b"127.0.0.1"), u32(22), string(b"::1"), u32(5))
        p = c.recv(OPEN_FAILURE, OPEN_CONFIRMATION)
        eq("answer", p[0], OPEN_FAILURE)
        eq("reason of %s" % kind, struct.unpack_from(">I", p, 5)[0], 1)
    # and the connection is as it was
    c.send(GLOBAL_REQUEST, string(b"nothing@example.org"), b"\1")
    c.recv(REQUEST_FAILURE)
    c.close()


run_parts(globals())
