"""What a session channel is asked for, and all that comes of it."""
from parts import string
from wire import (CHANNEL_FAILURE, CHANNEL_REQUEST, CHANNEL_SUCCESS, CLOSE,
                  DATA, EOF, EXTENDED_DATA, WINDOW_ADJUST, take, u32)


def request(c, ch, kind, *body, reply=True):
    c.send(CHANNEL_REQUEST, u32(ch), string(kind), bytes([reply]), *body)
    if reply:
        return c.recv(CHANNEL_SUCCESS, CHANNEL_FAILURE)[0] == CHANNEL_SUCCESS
    return None


def run(c, ch, command):
    assert request(c, ch, b"exec", string(command)), command


def pty(term=b"vt100", size=(80, 24, 0, 0), modes=b"\0"):
    return (string(term), *map(u32, size), string(modes))


def collect(c, ch):
    """Everything up to CLOSE: out, err, requests in order."""
    out, err, seen = b"", b"", []
    while True:
        p = c.recv_any()
        if p[0] == DATA:
            out += take(p, 5)[0]
            c.send(WINDOW_ADJUST, u32(ch), u32(len(p)))
        elif p[0] == EXTENDED_DATA:
            err += take(p, 9)[0]
        elif p[0] == CHANNEL_REQUEST:
            name, at = take(p, 5)
            seen.append((name.decode(), p[at:]))
        elif p[0] == EOF:
            seen.append(("eof", b""))
        elif p[0] == CLOSE:
            return out, err, seen
