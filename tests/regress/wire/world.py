"""What the hostile clients' tests share: the server from outside, the cases
and what is looked at behind each of them.

A case is a function under @case("name").  Behind each one the server must be
the same process, and a client that keeps to the protocol must get in and list
its directory.  At the end of a file the server's descriptors and the number of
processes must be what they were (case "back-to-rest").
"""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                ".."))
import parts  # noqa: E402
from parts import Skip, eq, eventually, log_has  # noqa: E402,F401

import ssh  # noqa: E402
from ssh import Ended, Ssh, get_u32, string, take, u32, u64  # noqa: E402,F401

HOST, PORT = parts.HOST, parts.PORT
WARDEN = int(os.environ["SERVER"])
ASAN = os.environ.get("TEST_KIND") == "asan"
KEYS = os.path.join(parts.T, "keys")
WHO = "alice"
KEY = ssh.load_key(parts.KEY)
STRANGER = ssh.load_key(os.path.join(KEYS, "stranger"))
MIB = 1 << 20
CASES = {}
CASE_SECONDS = 240  # far beyond what any case needs: something hangs


def hangs(signum, frame):
    raise AssertionError(f"not done after {CASE_SECONDS} s")


signal.signal(signal.SIGALRM, hangs)


def case(name):
    def register(f):
        def run():
            before = net_process()
            signal.alarm(CASE_SECONDS)
            try:
                f()
                check_same(before)
                check_well()
            finally:
                signal.alarm(0)
        assert "t_" + name not in CASES, name
        CASES["t_" + name] = run
        return f
    return register


# ---- the server from outside ----

def children(pid):
    out = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                out += [int(x) for x in f.read().split()]
    except OSError:
        pass
    return out


def status(pid):
    """/proc/PID/status as a dictionary, empty if it has gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return dict(x.rstrip("\n").split(":", 1) for x in f)
    except OSError:
        return {}


def is_zombie(pid):
    return status(pid).get("State", "Z").strip().startswith("Z")


def tree(pid=None):
    """Living processes of the server, the warden among them."""
    pid = pid or WARDEN
    out = [] if is_zombie(pid) else [pid]
    for c in children(pid):
        out += tree(c)
    return out


def sockets(pid):
    n = 0
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                n += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket")
            except OSError:
                pass
    except OSError:
        pass
    return n


def listeners():
    """Inodes of the sockets that listen on the port."""
    out = set()
    for name in ("tcp", "tcp6"):
        with open("/proc/net/" + name) as f:
            for line in list(f)[1:]:
                x = line.split()
                if x[3] == "0A" and int(x[1].split(":")[1], 16) == PORT:
                    out.add(x[9])
    return out


def net_process():
    """The process that serves the network: it listens and is not the
    warden."""
    want = {f"socket:[{i}]" for i in listeners()}
    for pid in tree():
        if pid == WARDEN:
            continue
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{fd}") in want:
                    return pid
        except OSError:
            pass
    raise AssertionError("no process of the server listens")


def fds(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def rss(pid):
    """Resident bytes."""
    return int(status(pid).get("VmRSS", "0 kB").split()[0]) * 1024


def cpu(pid):
    """Seconds of processor time so far."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            x = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(x[11]) + int(x[12])) / os.sysconf("SC_CLK_TCK")


def check_same(net):
    assert not is_zombie(WARDEN), "the warden has gone"
    eq("process that serves the network", net_process(), net)


def rest():
    """What must not grow: processes, and descriptors of the lasting two."""
    return len(tree()), fds(WARDEN), fds(net_process())


def check_rest(before):
    try:
        eventually(lambda: rest() <= before and
                   all(a <= b for a, b in zip(rest(), before)), "at rest")
    except AssertionError:
        raise AssertionError(
            f"processes, descriptors of warden and server: {before} became "
            f"{rest()}") from None


def does_not_grow(what, pid, before, mib):
    """Resident memory: under AddressSanitizer, which keeps what is freed,
    this says nothing."""
    if not ASAN:
        grown = rss(pid) - before
        print(f"-- {what}: {grown / MIB:+.1f} MiB", flush=True)
        assert grown < mib * MIB, f"{what} grew by {grown // MIB} MiB"


def does_not_spin(seconds=1.0):
    """With nothing to do no process uses processor time to speak of."""
    def total():
        return {pid: cpu(pid) for pid in tree()}
    a = total()
    time.sleep(seconds)
    for pid, used in total().items():
        used -= a.get(pid, used)
        assert used < 0.5 * seconds, f"{pid} used {used} s of {seconds} s"


def workers():
    """Login processes and what became of them."""
    net = net_process()
    return [p for p in tree() if p not in (WARDEN, net) and
            not command(p).endswith(": log")]


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


# ---- clients ----

def bare(**kw):
    """A connection on which nothing has been said."""
    return Ssh((HOST, PORT), start=False, **kw)


def keyed(**kw):
    """Keys are exchanged."""
    return Ssh((HOST, PORT), **kw)


def serviced(**kw):
    """... and the authentication service is accepted."""
    c = keyed(**kw)
    c.service()
    return c


def logged_in(user=WHO, key=None, **kw):
    return keyed(**kw).login(user, key or KEY)


class Sftp:
    """An SFTP session, one request at a time unless told otherwise."""

    def __init__(self, c=None, user=WHO, window=1 << 21, packet=32768,
                 init=True, mine=0, **kw):
        self.c = c or logged_in(user, **kw)
        self.ch = self.c.sftp_channel(mine=mine, window=window,
                                      packet=packet)
        self.mine, self.buf = mine, bytearray()
        self.eof = self.closed = False
        self.room = 2 << 20   # what the server takes
        self.given = 0        # of our window
        self.grow = True      # give window back
        self.id = 0
        if init:
            self.raw(u32(5) + b"\1" + u32(3))
            p = self.answer()
            eq("version", p[:5], b"\2" + u32(3))
            self.extensions, at = {}, 5
            while at < len(p):
                k, at = take(p, at)
                self.extensions[k], at = take(p, at)

    def close(self):
        self.c.close()

    def __enter__(self):
        return self

    def __exit__(self, *x):
        self.close()

    def raw(self, data, piece=32000):
        """Bytes on the channel, as fast as the window lets them."""
        for i in range(0, len(data), piece):
            part = data[i:i + piece]
            while self.room < len(part):
                self.pump()
            self.room -= len(part)
            self.c.data(self.ch, part)

    def pump(self):
        """One packet of the server's."""
        c = self.c
        p = c.recv(ssh.DATA, ssh.WINDOW_ADJUST, ssh.EOF, ssh.CLOSE)
        eq("channel", get_u32(p, 1), self.mine)
        if p[0] == ssh.WINDOW_ADJUST:
            self.room += get_u32(p, 5)
        elif p[0] == ssh.DATA:
            data, at = take(p, 5)
            eq("data's end", at, len(p))
            self.buf += data
            self.given += len(data)
            if self.grow and self.given >= 1 << 20:
                c.send(ssh.WINDOW_ADJUST, u32(self.ch), u32(self.given))
                self.given = 0
        else:
            self.eof = True
            self.closed = p[0] == ssh.CLOSE

    def answer(self):
        """The next message, without its length; None: the session ended."""
        while len(self.buf) < 4 or len(self.buf) < 4 + get_u32(self.buf):
            if self.eof:
                return None
            self.pump()
        n = get_u32(self.buf)
        out = bytes(self.buf[4:4 + n])
        del self.buf[:4 + n]
        return out

    def ended(self):
        """The session must end now, the connection need not."""
        try:
            while not self.closed:
                self.pump()
        except Ended:
            pass

    def message(self, kind, *fields, id=None):
        body = bytes([kind]) + u32(self.next() if id is None else id)
        body += b"".join(fields)
        return u32(len(body)) + body

    def next(self):
        self.id += 1
        return self.id

    def ask(self, kind, *fields):
        """One request: type and body of its answer."""
        m = self.message(kind, *fields)
        self.raw(m)
        p = self.answer()
        assert p is not None, f"the session ended at request {kind}"
        eq("id", p[1:5], m[5:9])
        return p[0], p[5:]

    def status(self, kind, *fields):
        """A request answered by a STATUS: its code."""
        t, body = self.ask(kind, *fields)
        eq(f"kind of the answer to {kind}", t, STATUS)
        self.text = take(body, 4)[0]
        return get_u32(body)

    def extended(self, name, *fields):
        return self.ask(EXTENDED, string(name), *fields)

    def open(self, path, flags=1, attrs=b"\0\0\0\0"):
        """A handle, or the code of the refusal."""
        return handle_of(self, self.ask(
            OPEN, string(path), u32(flags), attrs))

    def opendir(self, path):
        return handle_of(self, self.ask(OPENDIR, string(path)))

    def shut(self, h):
        return self.status(CLOSE, string(h))

    def read(self, h, at, n):
        t, body = self.ask(READ, string(h), u64(at), u32(n))
        return take(body)[0] if t == DATA else get_u32(body)

    def write(self, h, at, data):
        return self.status(WRITE, string(h), u64(at), string(data))

    def names(self, path):
        h = self.opendir(path)
        assert isinstance(h, bytes), f"opendir {path}: {h}"
        out = []
        while True:
            t, body = self.ask(READDIR, string(h))
            if t == STATUS:
                eq("end of the directory", get_u32(body), 1)
                self.shut(h)
                return out
            out += names_of(body)

    def realpath(self, path):
        t, body = self.ask(REALPATH, string(path))
        return names_of(body)[0] if t == NAME else get_u32(body)

    def code(self, kind, *fields):
        """0 for any answer that is not a refusal, else its code."""
        t, body = self.ask(kind, *fields)
        if t == HANDLE:
            self.shut(take(body)[0])
        return get_u32(body) if t == STATUS else 0


(INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT,
 OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK,
 SYMLINK) = range(1, 21)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201
FX_OK, FX_EOF, FX_NO_FILE, FX_DENIED, FX_FAILURE, FX_BAD = range(6)
FX_UNSUPPORTED = 8
R, W, APPEND, CREAT, TRUNC, EXCL = 1, 2, 4, 8, 16, 32


def handle_of(s, answer):
    t, body = answer
    if t == HANDLE:
        return take(body)[0]
    eq("kind of the answer", t, STATUS)
    s.text = take(body, 4)[0]
    return get_u32(body)


def names_of(body):
    out, at = [], 4
    for i in range(get_u32(body)):
        name, at = take(body, at)
        line, at = take(body, at)
        flags, at = get_u32(body, at), at + 4
        for bit, n in ((1, 8), (2, 8), (4, 4), (8, 8)):
            at += n if flags & bit else 0
        out.append(name)
    eq("end of the names", at, len(body))
    return out


def check_well(user=WHO, source=None):
    """A client that keeps to the protocol gets in and sees its files."""
    with Sftp(user=user, source=source) as s:
        assert b"d" in s.names("/"), "the directory is not what it was"


# ---- how a connection may go on ----

def refused_by(c, what):
    """The server closes; tells what it said."""
    try:
        e = c.end()
    except socket.timeout:
        raise AssertionError(f"{what}: the server neither closed nor "
                             "answered") from None
    c.close()
    return e


def fatal(c, what, reasons=None):
    """The server says why and closes."""
    e = refused_by(c, what)
    assert e.reason is not None, f"{what}: closed without a word"
    if reasons:
        assert e.reason in reasons, f"{what}: reason {e.reason} {e.text}"
    return e


def main():
    """Runs the cases of the file that calls it, then looks that the server
    has come to rest."""
    if "t_back-to-rest" not in CASES and len(sys.argv) == 1:
        check_well()
        before = eventually_still()
        CASES["t_back-to-rest"] = lambda: check_rest(before)
    parts.run_parts(CASES)


def eventually_still():
    """The state of rest, once it has not changed for a while."""
    last, same = rest(), 0
    while same < 10:
        time.sleep(0.05)
        now = rest()
        same = same + 1 if now == last else 0
        last = now
    return last
