"""Whoever may use SFTP and nothing else can do nothing else: every channel,
request and global request of RFC 4254, 4335, 4819 and OpenSSH's PROTOCOL."""
import os
import struct

from parts import T, eq, logged, run_parts, string
from wire import (CHANNEL_FAILURE, CHANNEL_OPEN, CHANNEL_REQUEST,
                  CHANNEL_SUCCESS, CLOSE, DATA, EOF, GLOBAL_REQUEST,
                  OPEN_CONFIRMATION, OPEN_FAILURE, REQUEST_FAILURE,
                  REQUEST_SUCCESS, logged_in, u32)

TCP = string(b"127.0.0.1") + u32(int(os.environ["TARGET"])) + \
    string(b"10.0.0.1") + u32(5)
PATH = string(b"/d/target.sock") + string(b"") + u32(0)
MARK = os.path.join(T, "mark")

CHANNELS = {
    b"direct-tcpip": TCP, b"forwarded-tcpip": TCP, b"x11": TCP[4 + 9 + 4:],
    b"direct-streamlocal@openssh.com": PATH,
    b"forwarded-streamlocal@openssh.com": string(b"/d/s") + string(b""),
    b"auth-agent@openssh.com": b"", b"agent-connect": b"",
    b"auth-agent": b"", b"tun@openssh.com": u32(1) + u32(0x7fffffff),
    b"direct-streamlocal": PATH, b"mux@openssh.com": b"", b"": b"",
    b"Session": b"", b"session ": b"", b"session@openssh.com": b"",
}
X11 = b"\0" + string(b"MIT-MAGIC-COOKIE-1") + string(b"00" * 16) + u32(0)
PTY = string(b"xterm") + u32(80) + u32(24) + u32(0) + u32(0) + string(b"\0")
TOUCH = b"touch " + MARK.encode()
REQUESTS = [
    (b"pty-req", PTY), (b"x11-req", X11),
    (b"env", string(b"LANG") + string(b"C")),
    (b"env", string(b"LD_PRELOAD") + string(b"/x")),
    (b"shell", b""), (b"exec", string(TOUCH)), (b"exec", string(b"")),
    (b"exec", string(b"scp -t /d")), (b"exec", string(b"scp -f /ro/note")),
    (b"exec", string(b"md5sum /ro/note")), (b"exec", string(b"pwd")),
    (b"exec", string(b"/bin/sh")), (b"exec", string(b"internal-sftp")),
    (b"exec", string(b"sftp-server")), (b"exec", string(b"rsync --server")),
    (b"subsystem", string(b"shell")), (b"subsystem", string(b"")),
    (b"subsystem", string(b"publickey")), (b"subsystem", string(b"SFTP")),
    (b"subsystem", string(b"sftp ")), (b"subsystem", string(b"netconf")),
    (b"window-change", u32(1) * 4), (b"xon-xoff", b"\1"),
    (b"signal", string(b"KILL")), (b"exit-status", u32(0)),
    (b"exit-signal", string(b"TERM") + b"\0" + string(b"") + string(b"")),
    (b"break", u32(500)), (b"auth-agent-req@openssh.com", b""),
    (b"agent-req", b""), (b"auth-agent-req", b""),
    (b"keepalive@openssh.com", b""), (b"simple@putty.projects.tartarus.org",
                                      b""),
    (b"winadj@putty.projects.tartarus.org", b""), (b"", b""),
]
GLOBALS = [
    (b"tcpip-forward", string(b"") + u32(0)),
    (b"tcpip-forward", string(b"localhost") + u32(0)),
    (b"tcpip-forward", string(b"127.0.0.1") + u32(0)),
    (b"cancel-tcpip-forward", string(b"") + u32(22)),
    (b"streamlocal-forward@openssh.com", string(b"/d/made.sock")),
    (b"cancel-streamlocal-forward@openssh.com", string(b"/d/target.sock")),
    (b"keepalive@openssh.com", b""), (b"hostkeys-00@openssh.com", b""),
    (b"hostkeys-prove-00@openssh.com", string(b"x")),
    (b"elevation", b"\1"), (b"session-id@putty", b""),
    (b"no-more-sessions", b""), (b"", b""),
]
# Answered by the protocol's own rules, and no right of anybody's.
QUIET = {b"keepalive@openssh.com"}


def word(name):
    return "request=" + (name.decode() if name and b" " not in name else
                         '"%s"' % name.decode())


def well(c):
    """SFTP goes on as if nothing had been asked."""
    ch = c.sftp(9)
    c.data(ch, struct.pack(">IBI", 5, 1, 3))
    c.recv(DATA)
    c.send(EOF, u32(ch))
    c.recv(EOF)
    c.recv(CLOSE)
    c.send(CLOSE, u32(ch))


def t_channels():
    c = logged_in()
    for kind, rest in CHANNELS.items():
        c.send(CHANNEL_OPEN, string(kind), u32(3), u32(1 << 20), u32(32768),
               rest)
        p = c.recv(OPEN_FAILURE, OPEN_CONFIRMATION)
        eq("answer to %s" % kind, p[0], OPEN_FAILURE)
        assert struct.unpack_from(">I", p, 5)[0] in (1, 3), kind
        logged("event=request-refused", "user=alice", word(kind), "rule=",
               "sallyport.yaml:")
    well(c)
    c.close()


def t_requests():
    for name, rest in REQUESTS:
        c = logged_in()
        ch = c.open(0)
        c.send(CHANNEL_REQUEST, u32(ch), string(name), b"\1", rest)
        p = c.recv(CHANNEL_FAILURE, CHANNEL_SUCCESS)
        eq("answer to %s %s" % (name, rest), p[0], CHANNEL_FAILURE)
        if name not in QUIET and name != b"env":
            logged("event=request-refused", "user=alice", word(name),
                   "rule=", "sallyport.yaml:")
        well(c)
        c.close()
    assert not os.path.exists(MARK), "something was run"


def t_requests_to_sftp():
    """The same beside SFTP, on its own channel."""
    for name, rest in REQUESTS:
        c = logged_in()
        ch = c.sftp()
        c.send(CHANNEL_REQUEST, u32(ch), string(name), b"\1", rest)
        p = c.recv(CHANNEL_FAILURE, CHANNEL_SUCCESS)
        eq("answer to %s %s" % (name, rest), p[0], CHANNEL_FAILURE)
        c.data(ch, struct.pack(">IBI", 5, 1, 3))
        c.recv(DATA)
        c.close()
    assert not os.path.exists(MARK), "something was run"


def t_globals():
    c = logged_in()
    for name, rest in GLOBALS:
        c.send(GLOBAL_REQUEST, string(name), b"\1", rest)
        p = c.recv(REQUEST_FAILURE, REQUEST_SUCCESS)
        eq("answer to %s" % name, p[0], REQUEST_FAILURE)
        if name not in QUIET:
            logged("event=request-refused", "user=alice", word(name),
                   "rule=", "sallyport.yaml:")
    # without a wish for an answer there is none
    for name, rest in GLOBALS:
        c.send(GLOBAL_REQUEST, string(name), b"\0", rest)
    well(c)
    c.close()
    assert not os.path.exists(os.environ["JAIL"] + "/d/made.sock")


def t_floods():
    """Refusals without end: answered one by one, and logged in a bounded
    way."""
    c = logged_in()
    n = 20000
    for i in range(0, n, 500):
        for _ in range(500):
            c.send(GLOBAL_REQUEST, string(b"flood@example.org"), b"\1")
        for _ in range(500):
            c.recv(REQUEST_FAILURE)
    for i in range(2000):
        c.send(CHANNEL_OPEN, string(b"flood-open"), u32(3), u32(1), u32(1))
        c.recv(OPEN_FAILURE)
    well(c)
    c.close()
    line = logged("event=disconnect", "refusals_hidden=")
    with open(os.environ["LOG"], "rb") as f:
        told = sum(b"flood" in line for line in f)
    assert told <= 100 * 30, told
    print("-- %d refusals, %d lines; %s" % (n + 2000, told, line.strip()))


run_parts(globals())
