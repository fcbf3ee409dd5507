"""SFTP version 3 by hand: framing, odd requests, answers not read."""
import ctypes
import errno
import os
import select
import stat
import struct
import time

from parts import JAIL, Skip, eq, eventually, run_parts, string
from wire import (CLOSE, DATA, EOF, WINDOW_ADJUST, Ended, Ssh, logged_in,
                  take, u32)

(INIT, VERSION, OPEN, FCLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT,
 OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK,
 SYMLINK) = range(1, 21)
STATUS, HANDLE, FDATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201
OK, FX_EOF, NO_FILE, DENIED, FAILURE, BAD_MESSAGE = range(6)
UNSUPPORTED = 8
(R, W, APPEND, CREAT, TRUNC, EXCL) = (1, 2, 4, 8, 16, 32)


def u64(n):
    return struct.pack(">Q", n)


class Sftp:
    """One SFTP channel; windows are given back as bytes are read."""

    def __init__(self, user=None, window=1 << 21, packet=32768, adjust=True,
                 init=True):
        self.c = Ssh()
        self.c.login(user)
        self.ch = self.c.sftp(window=window, packet=packet)
        self.adjust = adjust
        self.buf = b""
        self.room = 2 << 20  # their window, at least; see pump
        if init:
            self.raw(struct.pack(">IBI", 5, INIT, 3))
            t, body = self.msg()
            eq("version", (t, body[:4]), (VERSION, u32(3)))
            self.extensions = {}
            at = 4
            while at < len(body):
                k, at = take(body, at)
                v, at = take(body, at)
                self.extensions[k] = v

    def raw(self, data):
        for i in range(0, len(data), 32000):
            part = data[i:i + 32000]
            while self.room < len(part):
                self.pump()
            self.room -= len(part)
            self.c.data(self.ch, part)

    def pump(self):
        p = self.c.recv(DATA, WINDOW_ADJUST, EOF, CLOSE)
        if p[0] == WINDOW_ADJUST:
            self.room += struct.unpack_from(">I", p, 5)[0]
        elif p[0] == DATA:
            data, _ = take(p, 5)
            self.buf += data
            if self.adjust:
                self.c.send(WINDOW_ADJUST, u32(self.ch), u32(len(data)))
        elif p[0] == CLOSE:
            raise Ended(None, "channel closed")

    def msg(self):
        while len(self.buf) < 4 or \
                len(self.buf) < 4 + struct.unpack(">I", self.buf[:4])[0]:
            self.pump()
        n = struct.unpack(">I", self.buf[:4])[0]
        m, self.buf = self.buf[4:4 + n], self.buf[4 + n:]
        return m[0], m[1:]

    def post(self, kind, body, id=1):
        self.raw(u32(5 + len(body)) + bytes([kind]) + u32(id) + body)

    def ask(self, kind, body, id=1):
        self.post(kind, body, id)
        t, m = self.msg()
        eq("id", m[:4], u32(id))
        return t, m[4:]

    def status(self, kind, body):
        t, m = self.ask(kind, body)
        eq("reply", t, STATUS)
        text, _ = take(m, 4)
        return struct.unpack(">I", m[:4])[0], text.decode()

    def open(self, path, flags, attrs=u32(0)):
        t, m = self.ask(OPEN, string(path) + u32(flags) + attrs)
        if t == STATUS:
            return struct.unpack(">I", m[:4])[0]
        eq("reply", t, HANDLE)
        return take(m)[0]

    def close(self):
        self.c.close()


def well(s=None):
    s = s or Sftp()
    t, m = s.ask(REALPATH, string(b"."))
    eq("realpath", t, NAME)
    s.close()


# ---- called by other tests ----

def s_diskfull(user):
    s = Sftp(user)
    h = s.open(b"/d/raw", W | CREAT | TRUNC)
    code, text = OK, ""
    for i in range(200):
        code, text = s.status(WRITE, string(h) + u64(i * 32000) +
                              string(b"\1" * 32000))
        if code != OK:
            break
    assert code != OK, "never full"
    assert "space" in text.lower() or "full" in text.lower(), text
    s.status(FCLOSE, string(h))
    eq("remove", s.status(REMOVE, string(b"/d/raw"))[0], OK)
    s.close()


def s_noread(flag):
    """Asks for more than the pipes hold and does not read it, until the
    server ends the connection."""
    s = Sftp(window=0xffffffff, adjust=False)
    h = s.open(b"/d/y", R)
    for i in range(200):
        s.post(READ, string(h) + u64(0) + u32(255 * 1024))
    with open(flag + ".new", "w") as f:
        f.write(str(os.getpid()))
    os.rename(flag + ".new", flag)
    s.c.sock.settimeout(None)
    poll = select.poll()
    poll.register(s.c.sock, select.POLLHUP | select.POLLERR |
                  select.POLLRDHUP)
    poll.poll(60000)
    s.close()


def s_busy(flag):
    """Writes until the server ends the connection."""
    s = Sftp()
    h = s.open(b"/d/busy", W | CREAT)
    try:
        for i in range(100000):
            t, m = s.ask(WRITE, string(h) + u64(0) + string(b"x" * 30000))
            if i == 20:
                open(flag, "w").close()
    except Ended as e:
        print(e)
    s.close()


def pids_in_jail():
    """Processes whose root is the jail, and their resident kilobytes."""
    out = {}
    want = os.stat(JAIL)
    for p in os.listdir("/proc"):
        if not p.isdigit():
            continue
        try:
            st = os.stat(f"/proc/{p}/root/")
            if (st.st_dev, st.st_ino) == (want.st_dev, want.st_ino):
                with open(f"/proc/{p}/status") as f:
                    out[p] = int([x for x in f if x.startswith("VmRSS")][0]
                                 .split()[1])
        except (OSError, IndexError):
            pass
    return out


def s_bigdir(n):
    s = Sftp()
    t, m = s.ask(OPENDIR, string(b"/d/many"))
    eq("reply", t, HANDLE)
    h = take(m)[0]
    first, most, names, replies = None, 0, 0, 0
    while True:
        t, m = s.ask(READDIR, string(h))
        if t == STATUS:
            eq("end", struct.unpack(">I", m[:4])[0], FX_EOF)
            break
        eq("reply", t, NAME)
        assert len(m) <= 256 << 10, "an answer of %d bytes" % len(m)
        names += struct.unpack(">I", m[:4])[0]
        replies += 1
        if replies % 50 == 1:
            rss = max(pids_in_jail().values(), default=0)
            first = first or rss
            most = max(most, rss)
    print(names, "names,", replies, "replies, RSS", first, "to", most, "kB")
    assert names in (int(n), int(n) + 2), f"{names} names"
    assert most - first <= 2048, f"grew from {first} to {most} kB"
    s.close()


# ---- framing ----

def t_length_lies():
    for n in (0, 1, 4, 0xffffffff, 0x7fffffff, 300000, 1 << 20):
        s = Sftp(init=False)
        s.raw(u32(n) + b"\1" * 64)
        s.c.send(EOF, u32(s.ch))
        try:
            while True:
                s.pump()
        except Ended as e:
            print(n, e)
        s.close()
    well()


def t_no_init():
    s = Sftp(init=False)
    try:
        s.post(REALPATH, string(b"."))
        t, m = s.msg()
        assert t != NAME, "served without INIT"
    except Ended as e:
        print(e)
    s.close()


def t_init_twice():
    s = Sftp()
    s.raw(struct.pack(">IBI", 5, INIT, 3))
    try:
        s.msg()
    except Ended as e:
        print(e)
    s.close()
    well()


def t_higher_version():
    s = Sftp(init=False)
    s.raw(struct.pack(">IBI", 5, INIT, 6))
    t, m = s.msg()
    eq("version", (t, m[:4]), (VERSION, u32(3)))
    well(s)


def t_one_byte_at_a_time():
    s = Sftp(init=False)
    for b in struct.pack(">IBI", 5, INIT, 3):
        s.raw(bytes([b]))
    eq("reply", s.msg()[0], VERSION)
    for b in u32(10) + bytes([REALPATH]) + u32(9) + string(b"."):
        s.raw(bytes([b]))
    eq("reply", s.msg()[0], NAME)
    s.close()


def t_cut_short():
    s = Sftp()
    s.raw(u32(100) + bytes([OPEN]) + u32(1) + u32(50) + b"half")
    s.c.send(EOF, u32(s.ch))
    try:
        while True:
            s.pump()
    except Ended:
        pass
    s.close()
    well()


# ---- requests ----

def t_unknown_requests():
    s = Sftp()
    for kind in (0, 21, 50, 100, 150, 199, 202, 255):
        code, text = s.status(kind, string(b"x"))
        eq(f"answer to {kind}", code, UNSUPPORTED)
    code, text = s.status(EXTENDED, string(b"no-such@example.com") +
                          string(b"x"))
    eq("extension", code, UNSUPPORTED)
    well(s)


def t_malformed_requests():
    """Answered BAD_MESSAGE; the session lives."""
    s = Sftp()
    for kind in list(range(OPEN, SYMLINK + 1)):
        for body in (b"", b"\0", u32(100) + b"short", u32(0xffffffff),
                     string(b"/d")[:-1]):
            code, text = s.status(kind, body)
            eq(f"{kind} {body}", code, BAD_MESSAGE)
    for name in (b"statvfs@openssh.com", b"posix-rename@openssh.com",
                 b"hardlink@openssh.com", b"fsync@openssh.com",
                 b"lsetstat@openssh.com", b"copy-data",
                 b"expand-path@openssh.com"):
        code, text = s.status(EXTENDED, string(name) + u32(77))
        eq(name, code, BAD_MESSAGE)
    well(s)


def t_handles():
    s = Sftp()
    h = s.open(b"/ro/note", R)
    for bad in (b"", b"\0", h[:-1], h + b"\0", b"\xff" * len(h), b"x" * 256,
                b"y" * 100000):
        for kind, tail in ((READ, u64(0) + u32(10)), (FSTAT, b""),
                           (FCLOSE, b""), (READDIR, b""),
                           (WRITE, u64(0) + string(b"x")),
                           (FSETSTAT, u32(0))):
            code, text = s.status(kind, string(bad) + tail)
            assert code in (FAILURE, BAD_MESSAGE), (kind, bad, code)
    # a file is no directory, reading is not writing
    eq("readdir", s.status(READDIR, string(h))[0] != OK, True)
    code, _ = s.status(WRITE, string(h) + u64(0) + string(b"x"))
    assert code != OK
    eq("close", s.status(FCLOSE, string(h))[0], OK)
    assert s.status(FCLOSE, string(h))[0] != OK
    well(s)


def t_open_10k():
    """Handles are bounded, and those that are there go on working."""
    s = Sftp()
    hs = []
    for i in range(10000):
        h = s.open(b"/ro/note", R)
        if isinstance(h, int):
            break
        hs.append(h)
    print(len(hs), "handles")
    assert 100 <= len(hs) < 10000
    t, m = s.ask(READ, string(hs[0]) + u64(0) + u32(100))
    eq("content", take(m)[0], b"read me\n")
    for h in hs:
        eq("close", s.status(FCLOSE, string(h))[0], OK)
    h = s.open(b"/ro/note", R)
    assert not isinstance(h, int)
    well(s)


def t_paths():
    s = Sftp()
    for path in (b"/d/a\0b", b"a" * 5000, b"/" + b"x/" * 3000, b"\0"):
        code, text = s.status(MKDIR, string(path) + u32(0))
        assert code != OK, path[:20]
    for path, want in ((b"", b"/"), (b".", b"/"), (b"..", b"/"),
                       (b"/../../..", b"/"), (b"//d///./../d/", b"/d"),
                       (b"/d/none", b"/d/none")):
        t, m = s.ask(REALPATH, string(path))
        eq("reply", t, NAME)
        eq(path, take(m, 4)[0], want)
    # names are bytes
    name = bytes(range(1, 47)) + bytes(range(48, 200))
    h = s.open(b"/d/" + name, W | CREAT)
    assert not isinstance(h, int), h
    s.status(FCLOSE, string(h))
    assert name in os.listdir(os.fsencode(JAIL) + b"/d")
    eq("remove", s.status(REMOVE, string(b"/d/" + name))[0], OK)
    well(s)


def t_reads():
    s = Sftp()
    with open(JAIL + "/d/rd", "wb") as f:
        f.write(bytes(range(256)) * 2048)
    os.chmod(JAIL + "/d/rd", 0o644)
    h = s.open(b"/d/rd", R)
    for off, n, want in ((0, 1, 1), (524287, 10, 1), (0, 261120, 261120),
                         (100, 32768, 32768)):
        t, m = s.ask(READ, string(h) + u64(off) + u32(n))
        eq("reply", t, FDATA)
        data = take(m)[0]
        eq("bytes", data, (bytes(range(256)) * 2048)[off:off + want])
    # more than is ever given at once: less, never nothing, never all
    t, m = s.ask(READ, string(h) + u64(0) + u32(0xffffffff))
    assert t == FDATA and 0 < len(take(m)[0]) <= 262144
    for off in (524288, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        code, text = s.status(READ, string(h) + u64(off) + u32(10))
        assert code != OK, off
    eq("at the end", s.status(READ, string(h) + u64(524288) + u32(1))[0],
       FX_EOF)
    well(s)


def t_writes():
    s = Sftp()
    h = s.open(b"/d/wr", R | W | CREAT | TRUNC)
    block = os.urandom(261120)
    eq("write", s.status(WRITE, string(h) + u64(5) + string(block))[0], OK)
    eq("nothing", s.status(WRITE, string(h) + u64(9) + string(b""))[0], OK)
    for off in (1 << 63, (1 << 64) - 1, (1 << 63) - 1):
        assert s.status(WRITE, string(h) + u64(off) + string(b"xx"))[0] != OK
    with open(JAIL + "/d/wr", "rb") as f:
        eq("content", f.read(), b"\0" * 5 + block)
    # Go's client, in the hands of rclone, leaves bytes behind the data
    body = string(h) + u64(5) + string(block[:9]) + b"rest of a buffer"
    eq("bytes behind", s.status(WRITE, body)[0], OK)
    a = s.open(b"/d/wr", W | APPEND)
    eq("append", s.status(WRITE, string(a) + u64(0) + string(b"end"))[0], OK)
    with open(JAIL + "/d/wr", "rb") as f:
        eq("tail", f.read()[-3:], b"end")
    eq("exclusive", s.open(b"/d/wr", W | CREAT | EXCL), FAILURE)
    s.status(FCLOSE, string(h))
    well(s)


def t_status_texts():
    s = Sftp()
    for kind, body, code in ((STAT, string(b"/none"), NO_FILE),
                             (RMDIR, string(b"/d"), None),
                             (REMOVE, string(b"/d"), None),
                             (READLINK, string(b"/d"), None),
                             (OPENDIR, string(b"/ro/note"), None),
                             (MKDIR, string(b"/d") + u32(0), None)):
        got, text = s.status(kind, body)
        assert code is None or got == code, (kind, got)
        assert text and "/" not in text, text
    if os.getuid() == 0:
        got, text = s.status(MKDIR, string(b"/ro/x") + u32(0))
        eq("denied", got, DENIED)
    well(s)


def t_extensions_told():
    s = Sftp()
    for name, value in ((b"posix-rename@openssh.com", b"1"),
                        (b"statvfs@openssh.com", b"2"),
                        (b"fstatvfs@openssh.com", b"2"),
                        (b"hardlink@openssh.com", b"1"),
                        (b"fsync@openssh.com", b"1"),
                        (b"lsetstat@openssh.com", b"1"),
                        (b"limits@openssh.com", b"1"),
                        (b"expand-path@openssh.com", b"1"),
                        (b"copy-data", b"1"), (b"home-directory", b"1"),
                        (b"users-groups-by-id@openssh.com", b"1")):
        eq(name, s.extensions.get(name), value)
    s.close()


def t_limits():
    s = Sftp()
    t, m = s.ask(EXTENDED, string(b"limits@openssh.com"))
    eq("reply", t, EXTENDED_REPLY)
    packet, read, write, handles = struct.unpack(">QQQQ", m)
    print(packet, read, write, handles)
    assert packet >= 34000 and read >= 261120 and write >= 261120
    assert 0 < handles < 100000
    well(s)


def t_fsync_and_copy():
    s = Sftp()
    h = s.open(b"/d/cp1", R | W | CREAT | TRUNC)
    g = s.open(b"/d/cp2", R | W | CREAT | TRUNC)
    data = os.urandom(200000)
    eq("write", s.status(WRITE, string(h) + u64(0) + string(data))[0], OK)
    eq("fsync", s.status(EXTENDED, string(b"fsync@openssh.com") +
                         string(h))[0], OK)
    eq("copy", s.status(EXTENDED, string(b"copy-data") + string(h) + u64(0) +
                        u64(0) + string(g) + u64(7))[0], OK)
    with open(JAIL + "/d/cp2", "rb") as f:
        eq("copied", f.read(), b"\0" * 7 + data)
    # a file onto itself, by one handle, by two, by a link
    os.link(JAIL + "/d/cp1", JAIL + "/d/cp3")
    g2 = s.open(b"/d/cp3", R | W)
    for a, b in ((h, h), (h, g2)):
        code, text = s.status(EXTENDED, string(b"copy-data") + string(a) +
                              u64(0) + u64(0) + string(b) + u64(100))
        assert code != OK, "copied onto itself"
    eq("size", os.path.getsize(JAIL + "/d/cp1"), 200000)
    well(s)


def has_fchmodat2():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(452, -1, b"", 0, 0)
    return ctypes.get_errno() != errno.ENOSYS


def t_lsetstat():
    s = Sftp()
    open(JAIL + "/d/lt", "w").close()
    os.chmod(JAIL + "/d/lt", 0o640)
    os.utime(JAIL + "/d/lt", (100, 100))
    os.symlink("lt", JAIL + "/d/ls")
    uid = os.stat(JAIL + "/d").st_uid
    for p in ("/d/lt", "/d/ls"):
        os.lchown(JAIL + p, uid, -1)
    code, _ = s.status(EXTENDED, string(b"lsetstat@openssh.com") +
                       string(b"/d/ls") + u32(8) + u32(5) + u32(6))
    eq("lsetstat", code, OK)
    eq("link", int(os.lstat(JAIL + "/d/ls").st_mtime), 6)
    eq("target", int(os.stat(JAIL + "/d/lt").st_mtime), 100)
    # A file that its owner may not open; before Linux 6.6 there is no way.
    os.chmod(JAIL + "/d/lt", 0)
    code, _ = s.status(EXTENDED, string(b"lsetstat@openssh.com") +
                       string(b"/d/lt") + u32(4) + u32(0o600))
    mode = stat.S_IMODE(os.stat(JAIL + "/d/lt").st_mode)
    eq("unreadable", (code, mode),
       (OK, 0o600) if has_fchmodat2() else (DENIED, 0))
    code, _ = s.status(EXTENDED, string(b"lsetstat@openssh.com") +
                       string(b"/d/ls") + u32(4) + u32(0o600))
    eq("mode of a link", code, UNSUPPORTED)
    well(s)


def t_odd_attributes():
    s = Sftp()
    for flags in (0x80000000, 0xffffffff, 0x10, 0x7fffffff):
        t, m = s.ask(OPEN, string(b"/d/oa") + u32(W | CREAT) + u32(flags))
        assert t == STATUS and struct.unpack(">I", m[:4])[0] == BAD_MESSAGE \
            or t == HANDLE, (flags, t)
    # extended attributes are read over, and their count is bounded
    t, m = s.ask(SETSTAT, string(b"/d") + u32(0x80000000) + u32(0xffffffff))
    eq("count", (t, struct.unpack(">I", m[:4])[0]), (STATUS, BAD_MESSAGE))
    assert s.status(SETSTAT, string(b"/d/none") + u32(4) + u32(0o600))[0] \
        == NO_FILE
    well(s)


# ---- flow ----

def t_pipelined():
    """Requests in flight by the thousand, answered in order of arrival
    for one file, with the right ids."""
    s = Sftp()
    with open(JAIL + "/d/pipe", "wb") as f:
        f.write(os.urandom(1 << 20))
    os.chmod(JAIL + "/d/pipe", 0o644)
    h = s.open(b"/d/pipe", R)
    n = 3000
    for i in range(n):
        s.post(READ, string(h) + u64(i * 300) + u32(300), id=i)
    ids = []
    for i in range(n):
        t, m = s.msg()
        assert t == FDATA, t
        ids.append(struct.unpack(">I", m[:4])[0])
    eq("ids", sorted(ids), list(range(n)))
    well(s)


def t_reads_with_unread_answers():
    """Requests for 1 GiB whose answers are never read cost the server no
    memory to speak of, and others nothing."""
    with open(JAIL + "/d/unread", "wb") as f:
        f.truncate(1 << 20)
    os.chmod(JAIL + "/d/unread", 0o644)
    s = Sftp(adjust=False, window=1 << 20)
    h = s.open(b"/d/unread", R)
    s.c.sock.settimeout(5)
    one = u32(5 + len(h) + 16) + bytes([READ]) + u32(1) + string(h) + \
        u64(0) + u32(255 * 1024)
    sent = 0
    try:
        while sent < 4096 and s.room > 40000:
            batch = one * 256
            s.room -= len(batch)
            s.c.data(s.ch, batch)
            sent += 256
    except OSError:
        pass
    print(sent, "reads asked for")
    time.sleep(1)
    worker = max(pids_in_jail().values(), default=0)
    print("worker's RSS", worker, "kB")
    limit = 32768 if "asan" not in os.environ.get("TEST_KIND", "") else 400000
    assert worker < limit, f"the worker holds {worker} kB"
    well()
    s.close()


def t_window_of_zero():
    s = Sftp(init=False, window=0, adjust=False)
    s.raw(struct.pack(">IBI", 5, INIT, 3))
    for i in range(100):
        s.post(REALPATH, string(b"."), id=i)
    well()
    s.c.send(WINDOW_ADJUST, u32(s.ch), u32(1 << 20))
    eq("reply", s.msg()[0], VERSION)
    for i in range(100):
        eq("reply", s.msg()[0], NAME)
    s.close()


def t_tiny_packets():
    s = Sftp(packet=16)
    t, m = s.ask(REALPATH, string(b"/d"))
    eq("reply", t, NAME)
    well(s)


def t_fifo_does_not_block():
    p = JAIL + "/d/rawfifo"
    os.mkfifo(p)
    os.chmod(p, 0o666)
    s = Sftp()
    for flags in (R, W, R | W, W | CREAT, W | TRUNC):
        h = s.open(b"/d/rawfifo", flags)
        if not isinstance(h, int):
            s.status(READ, string(h) + u64(0) + u32(10))
            s.status(FCLOSE, string(h))
    t, m = s.ask(LSTAT, string(b"/d/rawfifo"))
    eq("lstat", t, ATTRS)
    os.unlink(p)
    well(s)


run_parts(globals())
