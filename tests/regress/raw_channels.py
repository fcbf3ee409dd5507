"""Channels: windows, limits, requests out of order."""
import struct

from parts import Skip, eq, run_parts, string
from wire import (CHANNEL_FAILURE, CHANNEL_OPEN, CHANNEL_REQUEST,
                  CHANNEL_SUCCESS, CLOSE, DATA, EOF, EXTENDED_DATA,
                  OPEN_FAILURE, UNIMPLEMENTED, WINDOW_ADJUST, Ended,
                  Ssh, logged_in, take, u32)

INIT = struct.pack(">IBI", 5, 1, 3)


def well():
    c = logged_in()
    ch = c.sftp()
    c.data(ch, INIT)
    c.recv(DATA)
    c.close()


def s_limit():
    """limits.channels: 2"""
    c = logged_in()
    a, b = c.open(0), c.open(1)
    assert a is not None and b is not None
    c.send(CHANNEL_OPEN, string(b"session"), u32(2), u32(1 << 20), u32(32768))
    p = c.recv(OPEN_FAILURE)
    eq("reason", struct.unpack_from(">I", p, 5)[0], 4)
    c.send(CLOSE, u32(a))
    c.recv(CLOSE)
    assert c.open(2) is not None
    c.close()


def s_many():
    """limits.channels: 1024, the most there is"""
    c = logged_in()
    for i in range(1024):
        eq("number", c.sftp(i), i)
    assert c.open(1024) is None
    for i in range(1024):
        c.data(i, INIT)
        p = c.recv(DATA)
        eq("channel", struct.unpack_from(">I", p, 1)[0], i)
    c.close()


def t_unknown_kinds():
    c = logged_in()
    tcp = string(b"127.0.0.1") + u32(22)
    for kind, body, reason in (
            (b"x", b"", (3, 1)), (b"direct-tcpip", tcp + tcp, (1,)),
            (b"forwarded-tcpip", tcp + tcp, (1, 3)), (b"x11", tcp, (1, 3)),
            (b"direct-streamlocal@openssh.com",
             string(b"/s") + string(b"") + u32(0), (1,)),
            (b"auth-agent@openssh.com", b"", (1, 3))):
        c.send(CHANNEL_OPEN, string(kind), u32(0), u32(1 << 20), u32(32768),
               body)
        p = c.recv(OPEN_FAILURE)
        got = struct.unpack_from(">I", p, 5)[0]
        assert got in reason, f"{kind}: reason {got}"
    c.close()
    well()


def t_open_close_3000():
    c = logged_in()
    for i in range(3000):
        ch = c.open(i)
        assert ch is not None, f"refused at {i}"
        c.send(CLOSE, u32(ch))
        c.recv(CLOSE)
    c.close()


def t_open_and_serve_300():
    c = logged_in()
    for i in range(300):
        ch = c.sftp(i)
        c.data(ch, INIT)
        c.recv(DATA)
        c.send(EOF, u32(ch))
        c.send(CLOSE, u32(ch))
        while c.recv(DATA, EOF, CLOSE)[0] != CLOSE:
            pass
    c.close()


def t_messages_for_no_channel():
    for body in (bytes([DATA]) + u32(77) + string(b"x"),
                 bytes([EOF]) + u32(77), bytes([CLOSE]) + u32(77),
                 bytes([WINDOW_ADJUST]) + u32(77) + u32(1),
                 bytes([CHANNEL_REQUEST]) + u32(77) + string(b"exec") +
                 b"\1" + string(b"id"),
                 bytes([CHANNEL_SUCCESS]) + u32(0)):
        c = logged_in()
        c.send(body)
        c.send(CHANNEL_OPEN, string(b"session"), u32(0), u32(1 << 20),
               u32(32768))
        try:
            while c.recv_any()[0] != 91:
                pass
        except Ended as e:
            print(e)
        c.close()
    well()


def t_second_subsystem():
    c = logged_in()
    ch = c.sftp()
    for name in (b"subsystem", b"exec", b"shell"):
        c.send(CHANNEL_REQUEST, u32(ch), string(name), b"\1",
               b"" if name == b"shell" else string(b"sftp"))
        try:
            c.recv(CHANNEL_FAILURE)
        except Ended as e:
            print(name, e)
            break
    c.close()
    well()


def t_requests_refused():
    c = logged_in()
    ch = c.open()
    for name, body in ((b"pty-req", string(b"xterm") + u32(80) + u32(24) +
                        u32(0) + u32(0) + string(b"\0")),
                       (b"x11-req", b"\0" + string(b"MIT-MAGIC-COOKIE-1") +
                        string(b"00") + u32(0)),
                       (b"auth-agent-req@openssh.com", b""),
                       (b"shell", b""), (b"exec", string(b"id")),
                       (b"subsystem", string(b"nosuch")),
                       (b"no-such-request@example.com", b"rest")):
        c.send(CHANNEL_REQUEST, u32(ch), string(name), b"\1", body)
        p = c.recv(CHANNEL_SUCCESS, CHANNEL_FAILURE, CLOSE)
        eq(name, p[0], CHANNEL_FAILURE)
    c.close()


def t_malformed_requests():
    for name, body in ((b"pty-req", string(b"xterm")), (b"exec", b"\0\0"),
                       (b"subsystem", b""), (b"env", string(b"A"))):
        c = logged_in()
        ch = c.open()
        c.send(CHANNEL_REQUEST, u32(ch), string(name), b"\1", body)
        try:
            p = c.recv(CHANNEL_SUCCESS, CHANNEL_FAILURE)
            eq(name, p[0], CHANNEL_FAILURE)
        except Ended as e:
            print(name, e)
        c.close()
    well()


def t_data_past_the_window():
    """A client may send no more than the window it was given: here nothing
    is taken, because the answers cannot leave."""
    c = logged_in()
    ch = c.sftp(window=0)
    stat = struct.pack(">IBI", 11, 16, 1) + string(b"/d")
    c.data(ch, INIT)
    ask = stat * 2000
    try:
        for i in range(400):
            c.data(ch, ask)
    except OSError as e:
        print(e)
    e = c.ends()
    print(e)
    c.close()
    well()


def t_data_for_nobody():
    """A channel without a program: what comes is dropped, not kept."""
    c = logged_in()
    ch = c.open()
    for i in range(1000):
        c.data(ch, b"\0" * 32768)
    other = c.sftp(1)
    c.data(other, INIT)
    c.recv(DATA)
    c.close()


def t_packet_over_the_maximum():
    c = logged_in()
    ch = c.sftp()
    c.data(ch, b"\0" * 200000)
    c.ends()
    c.close()
    well()


def t_window_adjust_overflow():
    c = logged_in()
    ch = c.sftp()
    for i in range(3):
        c.send(WINDOW_ADJUST, u32(ch), u32(0xffffffff))
    c.ends()
    c.close()
    well()


def t_odd_windows():
    for window, packet in ((0, 0), (0, 32768), (1, 1), (0xffffffff, 1),
                           (1 << 20, 0), (0xffffffff, 0xffffffff)):
        c = logged_in()
        c.send(CHANNEL_OPEN, string(b"session"), u32(0), u32(window),
               u32(packet))
        try:
            p = c.recv(91, OPEN_FAILURE)
            if p[0] == 91:
                ch = struct.unpack_from(">I", p, 5)[0]
                c.send(CHANNEL_REQUEST, u32(ch), string(b"subsystem"), b"\1",
                       string(b"sftp"))
                c.recv(CHANNEL_SUCCESS)
                c.data(ch, INIT)
                if packet and window:
                    c.recv(DATA)
        except Ended as e:
            print(window, packet, e)
        c.close()
    well()


def t_data_one_byte_at_a_time():
    c = logged_in()
    ch = c.sftp()
    for b in INIT:
        c.data(ch, bytes([b]))
    c.recv(DATA)
    c.close()


def t_extended_data():
    c = logged_in()
    ch = c.sftp()
    for kind in (0, 1, 2, 0xffffffff):
        c.send(EXTENDED_DATA, u32(ch), u32(kind), string(b"noise" * 1000))
    c.data(ch, INIT)
    try:
        c.recv(DATA)
    except Ended as e:
        print(e)
    c.close()
    well()


def t_data_after_eof_and_close():
    c = logged_in()
    ch = c.sftp()
    c.send(EOF, u32(ch))
    c.data(ch, INIT)
    try:
        while c.recv(DATA, EOF, CLOSE)[0] != CLOSE:
            pass
    except Ended as e:
        print(e)
    c.close()
    c = logged_in()
    ch = c.sftp()
    c.send(CLOSE, u32(ch))
    c.send(CLOSE, u32(ch))
    c.data(ch, INIT)
    try:
        while True:
            c.recv(DATA, EOF, CLOSE, 91)
            c.send(CHANNEL_OPEN, string(b"session"), u32(9), u32(9), u32(9))
    except Ended as e:
        print(e)
    c.close()
    well()


def t_exit_status():
    """EOF of the client ends SFTP in order: EOF, status 0, CLOSE."""
    c = logged_in()
    ch = c.sftp()
    c.data(ch, INIT)
    c.recv(DATA)
    c.send(EOF, u32(ch))
    seen = []
    while True:
        p = c.recv(DATA, EOF, CLOSE, CHANNEL_REQUEST)
        if p[0] == CHANNEL_REQUEST:
            name, at = take(p, 5)
            if name == b"exit-status":
                seen.append(struct.unpack_from(">I", p, at + 1)[0])
        if p[0] == CLOSE:
            break
    eq("exit status", seen, [0])
    c.close()


run_parts(globals())
