"""SFTP by hand: lengths that lie, handles of nobody, answers unread."""
import os
import select
import socket
import stat
import time

import world
import parts
import ssh
from ssh import Ended, get_u32, string, take, u32, u64
from world import (ATTRS, CLOSE, CREAT, DATA, EXTENDED, EXTENDED_REPLY,
                   FSETSTAT, FSTAT, FX_BAD, FX_DENIED, FX_EOF, FX_FAILURE,
                   FX_NO_FILE, FX_OK, FX_UNSUPPORTED, HANDLE, LSTAT, MIB,
                   MKDIR, NAME, OPEN, OPENDIR, R, READ, READDIR, READLINK,
                   REALPATH, REMOVE, RENAME, RMDIR, SETSTAT, STAT, STATUS,
                   SYMLINK, TRUNC, W, WRITE, Sftp, Skip, case, does_not_grow,
                   does_not_spin, eq, eventually, logged_in, main,
                   net_process, rss)

JAIL = parts.JAIL
FRAME_MAX = 256 * 1024   # what limits@openssh.com tells
HANDLES = 256
NOTHING = u32(0)         # ATTRS without any


def session_ends(what, data, init=True):
    """The session cannot go on, the connection can: another channel."""
    s = Sftp(init=init)
    s.raw(data)
    s.ended()
    assert s.closed, what + ": the connection ended"
    s.c.send(ssh.CLOSE, u32(s.ch))
    other = Sftp(s.c, mine=7)
    assert b"d" in other.names("/"), what
    other.close()


def lives(s):
    assert b"d" in s.names("/")


# ---- frames ----

@case("sftp-len-lies")
def _():
    for n in (0, FRAME_MAX + 1, FRAME_MAX * 2, 0x7fffffff, 0x80000000,
              0xfffffffb, 0xfffffffc, 0xffffffff):
        session_ends(f"frame of {n}", u32(n) + b"\5" * 64)


@case("sftp-len-lies-first")
def _():
    for n in (0, FRAME_MAX + 1, 0x7fffffff, 0xffffffff):
        session_ends(f"frame of {n}", u32(n) + b"\1" * 64, init=False)


@case("sftp-len-short")
def _():
    """Too short to have an id."""
    for body in (b"\5", b"\5\0", b"\5\0\0\0", b"\1", b"\1\0\0\0", b"\xc8"):
        session_ends(f"{body!r}", u32(len(body)) + body, init=False)
        if body[:1] != b"\1":
            session_ends(f"{body!r}", u32(len(body)) + body)


@case("sftp-len-largest")
def _():
    with Sftp() as s:
        h = s.open("d/largest", W | CREAT | TRUNC)
        head = 1 + 4 + 4 + 4 + 8 + 4
        eq("255 KiB", s.write(h, 0, b"x" * (255 * 1024)), FX_OK)
        eq("frame of 256 KiB", s.write(h, 0, b"y" * (FRAME_MAX - head)),
           FX_OK)
        eq("close", s.shut(h), FX_OK)
        h = s.open("d/largest")
        data = s.read(h, 0, 0xffffffff)
        assert len(data) <= 255 * 1024 + 512, len(data)
        s.shut(h)
        s.status(REMOVE, string("d/largest"))
    session_ends("a byte more", u32(FRAME_MAX + 1) +
                 b"\6" * (FRAME_MAX + 1))


@case("sftp-cut-short")
def _():
    """Requests that end in the middle, with the end of the channel there."""
    whole = Sftp().message(OPEN, string("/ro/note"), u32(1), NOTHING)
    for n in range(1, len(whole)):
        with Sftp() as s:
            s.raw(whole[:n])
            s.c.send(ssh.EOF, u32(s.ch))
            s.ended()


@case("sftp-cut-in-fragments")
def _():
    """A request in packets of every size."""
    for size in (1, 2, 3, 4, 5, 7, 100, 4095, 4096, 4097):
        with Sftp() as s:
            data = b"".join(s.message(STAT, string("/" + "x" * k))
                            for k in range(40))
            s.raw(data, size)
            for k in range(40):
                eq("answer", s.answer()[0], STATUS if k else ATTRS)
            lives(s)


@case("sftp-byte-by-byte")
def _():
    with Sftp(cipher="etm") as s:
        data = s.message(REALPATH, string("/d/..")) + \
            s.message(OPENDIR, string("/"))
        s.raw(data, 1)
        eq("realpath", world.names_of(s.answer()[5:]), [b"/"])
        eq("opendir", s.answer()[0], HANDLE)


@case("sftp-no-init")
def _():
    for kind in (OPEN, REALPATH, STAT, CLOSE, EXTENDED, 255):
        m = bytes([kind]) + u32(1) + string("/")
        session_ends(f"request {kind}", u32(len(m)) + m, init=False)


@case("sftp-init-twice")
def _():
    session_ends("second init", u32(5) + b"\1" + u32(3))


@case("sftp-init-versions")
def _():
    for version in (0, 1, 2, 3, 4, 6, 0x7fffffff, 0xffffffff):
        s = Sftp(init=False)
        s.raw(u32(5) + b"\1" + u32(version))
        p = s.answer()
        assert p is not None, version
        eq("version", p[:5], b"\2" + u32(3))
        s.close()


@case("sftp-init-extensions")
def _():
    for more in (string("x") * 2, string("x" * 100000) * 2, b"\xff" * 100,
                 u32(0xffffffff), b"\0" * 7):
        s = Sftp(init=False)
        body = b"\1" + u32(3) + more
        s.raw(u32(len(body)) + body)
        s.answer()      # VERSION, or the end
        s.close()


# ---- requests ----

REQUESTS = {
    OPEN: string("/ro/note") + u32(R) + NOTHING, CLOSE: string(b"\0" * 4),
    READ: string(b"\0" * 4) + u64(0) + u32(1),
    WRITE: string(b"\0" * 4) + u64(0) + string(b"x"),
    LSTAT: string("/"), FSTAT: string(b"\0" * 4),
    SETSTAT: string("/nothing") + u32(0xd) + u64(0) + u32(0) + u32(0) * 2,
    FSETSTAT: string(b"\0" * 4) + u32(4) + u32(0o600),
    OPENDIR: string("/"), READDIR: string(b"\0" * 4),
    REMOVE: string("/nothing"), MKDIR: string("/ro/x") + NOTHING,
    RMDIR: string("/nothing"), REALPATH: string("/"), STAT: string("/"),
    RENAME: string("/nothing") + string("/other"),
    READLINK: string("/nothing"),
    SYMLINK: string("/nothing") + string("/ro/link"),
}
EXTENSIONS = {
    "posix-rename@openssh.com": string("/nothing") + string("/other"),
    "statvfs@openssh.com": string("/"),
    "fstatvfs@openssh.com": string(b"\0" * 4),
    "hardlink@openssh.com": string("/nothing") + string("/other"),
    "fsync@openssh.com": string(b"\0" * 4),
    "lsetstat@openssh.com": string("/nothing") + u32(4) + u32(0o600),
    "limits@openssh.com": b"", "expand-path@openssh.com": string("~"),
    "copy-data": string(b"\0" * 4) + u64(0) * 2 + string(b"\0" * 4) + u64(0),
    "home-directory": string("alice"),
    "users-groups-by-id@openssh.com": string(u32(0)) + string(u32(0)),
}


@case("sftp-types-sweep")
def _():
    """All 256 numbers; only INIT, repeated, ends the session."""
    for body in (b"", b"\0" * 40, os.urandom(40), string("/") * 3):
        with Sftp() as s:
            for kind in range(256):
                if kind == 1:
                    continue
                t, answer = s.ask(kind, body)
                if kind not in REQUESTS and kind != EXTENDED:
                    eq(f"kind {kind}", (t, get_u32(answer)),
                       (STATUS, FX_UNSUPPORTED))
            lives(s)


@case("sftp-string-length-lies")
def _():
    """Each length in each request, too long and too short."""
    for lie in (0xffffffff, 0x7fffffff, 0x80000000, 1 << 20, 5000):
        with Sftp() as s:
            for kind, body in REQUESTS.items():
                for at in range(0, len(body) - 3):
                    bad = body[:at] + u32(lie) + body[at + 4:]
                    t, answer = s.ask(kind, bad)
                    if at == 0:
                        eq(f"{kind}", (t, get_u32(answer)),
                           (STATUS, FX_BAD))
            for name, body in EXTENSIONS.items():
                eq(name, s.status(EXTENDED, u32(lie), name.encode(), body),
                   FX_BAD)
                for at in range(0, len(body) - 3):
                    s.ask(EXTENDED, string(name), body[:at] + u32(lie) +
                          body[at + 4:])
            lives(s)


@case("sftp-request-cut-short")
def _():
    """A whole frame with half a request in it."""
    with Sftp() as s:
        for kind, body in REQUESTS.items():
            for n in range(len(body)):
                eq(f"{kind} cut at {n}", s.status(kind, body[:n]), FX_BAD)
            # Bytes behind may pass, or not: answered like any other.
            t, answer = s.ask(kind, body, b"x")
            if t == HANDLE:
                s.shut(take(answer)[0])
        for name, body in EXTENSIONS.items():
            for n in range(len(body)):
                eq(f"{name} cut at {n}",
                   s.status(EXTENDED, string(name), body[:n]), FX_BAD)
        for name in ("", "x", "copy-data@openssh.com", "check-file",
                     "md5-hash", "vendor-id", "x" * 60000, "limits"):
            eq(name, s.status(EXTENDED, string(name)), FX_UNSUPPORTED)
        lives(s)


@case("sftp-attrs-lies")
def _():
    """ATTRS whose flags and counts promise more than there is."""
    with Sftp() as s:
        for flags in (1, 2, 4, 8, 0x80000000, 0xffffffff, 0x7fffffff, 0xf):
            for more in (b"", b"\0" * 3, u32(0xffffffff)):
                t, body = s.ask(SETSTAT, string("/nothing"), u32(flags),
                                more)
                eq("kind", t, STATUS)
        eq("pairs", s.status(MKDIR, string("/d/x"), u32(0x80000000),
                             u32(0xffffffff), string("a") * 100), FX_BAD)
        eq("many pairs", s.status(
            SETSTAT, string("/ro"), u32(0x80000000), u32(30000),
            (string("") * 2) * 30000) in (FX_OK, FX_DENIED), True)
        # Unknown flags, legal values at their edges
        h = s.open("d/attrs", R | W | CREAT)
        for body in (u32(1) + u64(1 << 63), u32(1) + u64((1 << 64) - 1),
                     u32(2) + u32(0) * 2, u32(2) + u32(0xffffffff) * 2,
                     u32(4) + u32(0xffffffff), u32(4) + u32(0o7777),
                     u32(8) + u32(0xffffffff) * 2, u32(8) + u32(0) * 2):
            s.status(FSETSTAT, string(h), body)
            s.status(SETSTAT, string("d/attrs"), body)
        s.shut(h)
        eq("remove", s.status(REMOVE, string("d/attrs")), FX_OK)
        lives(s)


# ---- handles ----

def use_handle(s, h):
    """Everything that takes a handle: the codes."""
    return [s.status(CLOSE, h), s.status(READ, h, u64(0), u32(9)),
            s.status(WRITE, h, u64(0), string(b"x")), s.status(FSTAT, h),
            s.status(FSETSTAT, h, u32(4), u32(0o600)),
            s.status(READDIR, h),
            s.status(EXTENDED, string("fstatvfs@openssh.com"), h),
            s.status(EXTENDED, string("fsync@openssh.com"), h),
            s.status(EXTENDED, string("copy-data"), h, u64(0), u64(0), h,
                     u64(0))]


@case("sftp-handle-invalid")
def _():
    """Of any length and value: refused, never taken for another."""
    with Sftp() as s:
        keep = s.open("ro/note")
        for h in [b"", b"\0", b"\0" * 3, b"\0" * 5, b"\0" * 8, b"\0" * 256,
                  b"x" * 100000, keep + b"\0", keep[:3], b"\0" + keep,
                  b"\xff" * 4, u32(0x7fffffff), u32(0x80000000), u32(256),
                  u32(65536)] + [u32(i) for i in range(1, 300, 7)] + \
                [os.urandom(4) for i in range(50)]:
            if h == keep:
                continue
            for code in use_handle(s, string(h)):
                eq(f"handle {h[:20]!r}", code, FX_FAILURE)
        eq("the real one", s.read(keep, 0, 4), b"read")


@case("sftp-handle-closed")
def _():
    with Sftp() as s:
        for make in (lambda: s.open("ro/note"), lambda: s.opendir("/")):
            h = make()
            eq("close", s.shut(h), FX_OK)
            for code in use_handle(s, string(h)):
                eq("closed handle", code, FX_FAILURE)
            again = make()
            assert again != h, "a closed handle is a new one's"
            s.shut(again)


@case("sftp-handle-of-other-kind")
def _():
    with Sftp() as s:
        f, d = s.open("ro/note"), s.opendir("/")
        for code in (s.status(READDIR, string(f)),
                     s.status(READ, string(d), u64(0), u32(9)),
                     s.status(WRITE, string(d), u64(0), string("x")),
                     s.status(WRITE, string(f), u64(0), string("x")),
                     s.status(EXTENDED, string("fsync@openssh.com"),
                              string(d))):
            eq("code", code, FX_FAILURE)


@case("sftp-handle-of-other-session")
def _():
    """Handles belong to their channel."""
    with Sftp() as a:
        b = Sftp(a.c, mine=1)
        h = [a.open("ro/note") for i in range(10)]
        for code in use_handle(b, string(h[9])):
            eq("other channel's handle", code, FX_FAILURE)
        eq("its own", a.read(h[9], 0, 4), b"read")


def open_10k(make):
    net = net_process()
    with Sftp() as s:
        worker = world.workers()[-1]
        opened = []
        n = 10000
        for i in range(0, n, 100):
            s.raw(make(s) * 100)
            for k in range(100):
                p = s.answer()
                if p[0] == HANDLE:
                    opened.append(take(p, 5)[0])
                else:
                    eq("refusal", (p[0], get_u32(p, 5)),
                       (STATUS, FX_FAILURE))
        eq("handles", len(set(opened)), HANDLES)
        assert world.fds(worker) <= HANDLES + 20, world.fds(worker)
        eq("full", s.open("ro/note"), FX_FAILURE)
        eq("still", s.realpath("/d"), b"/d")
        eq("close", s.shut(opened[100]), FX_OK)
        h = s.open("ro/note")
        assert isinstance(h, bytes), h
    assert net == net_process()


@case("sftp-open-10k-files")
def _():
    open_10k(lambda s: s.message(OPEN, string("ro/note"), u32(R), NOTHING))


@case("sftp-open-10k-dirs")
def _():
    open_10k(lambda s: s.message(OPENDIR, string("/")))


@case("sftp-open-10k-full-makes-no-file")
def _():
    with Sftp() as s:
        for i in range(HANDLES):
            assert isinstance(s.open("ro/note"), bytes)
        eq("full", s.open("d/never", W | CREAT), FX_FAILURE)
        eq("not made", s.status(STAT, string("d/never")), FX_NO_FILE)


# ---- paths ----

PATH_REQUESTS = {
    OPEN: lambda p: string(p) + u32(R) + NOTHING, LSTAT: string, STAT: string,
    SETSTAT: lambda p: string(p) + NOTHING, OPENDIR: string,
    REMOVE: string, MKDIR: lambda p: string(p) + NOTHING, RMDIR: string,
    REALPATH: string, READLINK: string,
    RENAME: lambda p: string(p) + string(p),
    SYMLINK: lambda p: string(p) + string(p),
}


@case("sftp-path-nul")
def _():
    """Refused, not cut: what stands before the NUL is another file."""
    with Sftp() as s:
        for p in (b"/ro/note\0", b"/ro/note\0.txt", b"\0", b"/\0",
                  b"/d\0/x"):
            for kind, make in PATH_REQUESTS.items():
                eq(f"{kind} of {p!r}", s.status(kind, make(p)), FX_BAD)
            for name in ("posix-rename@openssh.com", "hardlink@openssh.com"):
                eq(name, s.status(EXTENDED, string(name), string(p),
                                  string("/d/x")), FX_BAD)
                eq(name, s.status(EXTENDED, string(name), string("/ro/note"),
                                  string(p)), FX_BAD)
            for name in ("statvfs@openssh.com", "expand-path@openssh.com",
                         "home-directory"):
                eq(name, s.status(EXTENDED, string(name), string(p)), FX_BAD)
        lives(s)


@case("sftp-path-long")
def _():
    with Sftp() as s:
        for n in (255, 256, 4094, 4095, 4096, 4097, 65536, 200000):
            for p in (b"/" + b"x" * (n - 1), b"/x" * (n // 2), b"/" * n,
                      b"/d/.." * (n // 5)):
                for kind, make in PATH_REQUESTS.items():
                    if kind in (MKDIR, SYMLINK, REMOVE, RMDIR, RENAME) and \
                            n < 256:
                        continue
                    if len(make(p)) > 250000:
                        continue
                    s.code(kind, make(p))
        lives(s)


@case("sftp-path-odd")
def _():
    with Sftp() as s:
        for p in (b"", b".", b"..", b"/", b"//", b"/..", b"/../..", b"~",
                  b"~root", b"%s%n", b"\xff\xfe", b"\n", b"\x1b[2J", b"-rf",
                  b"*", b"$(id)", b"`id`", b"a\tb", b"\\", b"/proc/self/root",
                  b"/dev/fd/0", b"/dev/stdin"):
            for kind, make in PATH_REQUESTS.items():
                if kind == MKDIR or kind == SYMLINK:
                    continue
                s.code(kind, make(p))
        for p in (b"%s%n", b"\xff\xfe", b"\n", b"\x1b[2J", b"a\tb", b"-rf",
                  b"$(id)", b"x" * 255):
            name = b"d/" + p
            h = s.open(name, W | CREAT | world.EXCL)
            assert isinstance(h, bytes), (p, h, s.text)
            s.shut(h)
            assert p in s.names("d"), p
            eq("remove", s.status(REMOVE, string(name)), FX_OK)
        lives(s)


# ---- numbers ----

@case("sftp-read-odd")
def _():
    with Sftp() as s:
        h = s.open("ro/note")
        for at in (0, 8, 9, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63,
                   (1 << 64) - 1):
            for n in (0, 1, 255 * 1024, 1 << 20, 0x7fffffff, 0xffffffff):
                got = s.read(h, at, n)
                if at >= 8 or n == 0:
                    assert got in (FX_EOF, FX_FAILURE, b""), (at, n, got)
                else:
                    eq("bytes", got, b"read me\n"[:n])
        lives(s)


@case("sftp-write-odd")
def _():
    with Sftp() as s:
        h = s.open("d/odd", R | W | CREAT | TRUNC)
        for at in ((1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 62)):
            code = s.write(h, at, b"x")
            assert code in (FX_FAILURE, FX_OK), code
        eq("truncate", s.status(FSETSTAT, string(h), u32(1), u64(0)), FX_OK)
        for data in (b"", b"x"):
            eq("write", s.write(h, 0, data), FX_OK)
        eq("read", s.read(h, 0, 10), b"x")
        s.shut(h)
        s.status(REMOVE, string("d/odd"))


@case("sftp-ids-alike")
def _():
    """The client's id is echoed, whatever it is."""
    with Sftp() as s:
        for id in (0, 1, 0xffffffff, 0x80000000, 7, 7, 7):
            s.raw(s.message(STAT, string("/"), id=id))
        for id in (0, 1, 0xffffffff, 0x80000000, 7, 7, 7):
            eq("id", get_u32(s.answer(), 1), id)


@case("sftp-pipelined-20k")
def _():
    """Sent without waiting, read as it comes; answers in order."""
    net = net_process()
    with Sftp() as s:
        worker = world.workers()[-1]
        before, mem = rss(worker), rss(net)
        one = b"".join(s.message(STAT, string("/d"), id=i)
                       for i in range(20000))
        s.raw(one)
        for i in range(20000):
            eq("id", get_u32(s.answer(), 1), i)
        does_not_grow("worker", worker, before, 8)
        does_not_grow("server", net, mem, 8)


@case("sftp-names-by-id-flood")
def _():
    with Sftp() as s:
        for n in (1, 512, 513, 10000, 30000):
            ids = string(b"\0\0\0\1" * n)
            t, body = s.extended("users-groups-by-id@openssh.com", ids, ids)
            if n <= 512:
                eq(f"{n} numbers", t, EXTENDED_REPLY)
        for ids in (b"\0", b"\0" * 3, b"\0" * 5):
            eq("odd", s.status(EXTENDED, string(
                "users-groups-by-id@openssh.com"), string(ids),
                string("")), FX_BAD)
        lives(s)


# ---- answers unread ----

def unread(window, n=2000):
    """Asks for a download of n times 200 KB and reads nothing: server and
    worker keep little of it, and stop reading requests."""
    net = net_process()
    s = Sftp(window=1 << 20)
    worker = world.workers()[-1]
    h = s.open("big")
    assert isinstance(h, bytes), h
    s.grow = False
    if window:
        s.c.send(ssh.WINDOW_ADJUST, u32(s.ch), u32(window))
    mem, mine = rss(net), rss(worker)
    one = s.message(READ, string(h), u64(0), u32(200000))
    data = b"".join(s.c.seal(ssh.DATA, u32(s.ch), string(one * 200))
                    for i in range(n // 200))
    s.c.stuff(data, 1.0)
    time.sleep(0.5)
    does_not_grow("server", net, mem, 12)
    does_not_grow("worker", worker, mine, 12)
    does_not_spin()
    return s


@case("sftp-unread-download")
def _():
    """The window would let it all through, but nobody reads the socket."""
    s = unread(0xf0000000)
    # Others are served meanwhile, and this one when it reads again.
    world.check_well()
    got = 0
    while got < 4 * MIB:
        p = s.answer()
        eq("data", p[0], DATA)
        got += len(p)
    s.close()


@case("sftp-window-zero-download")
def _():
    """The socket is read, but the window is never opened again."""
    s = unread(0)
    world.check_well()
    while select.select([s.c.sock], [], [], 1.0)[0]:
        s.c.recv_any()
    does_not_spin()
    s.c.send(ssh.WINDOW_ADJUST, u32(s.ch), u32(100000))
    s.c.recv(ssh.DATA)
    s.close()


@case("sftp-unread-many")
def _():
    """Ten such connections at once."""
    net = net_process()
    before = rss(net)
    held = [unread(0xf0000000, 400) for i in range(10)]
    does_not_grow("server", net, before, 40)
    world.check_well()
    for s in held:
        s.c.reset()


@case("sftp-upload-and-unread-answers")
def _():
    """Writes whose answers are not read: the upload stops, not the
    server."""
    net = net_process()
    s = Sftp(window=1000)
    before = rss(net)
    h = s.open("d/unread", W | CREAT | TRUNC)
    one = s.message(WRITE, string(h), u64(0), string(b"x" * 20000))
    data = s.c.seal(ssh.DATA, u32(s.ch), string(one))
    try:
        for i in range(60):
            data += s.c.seal(ssh.DATA, u32(s.ch), string(one))
        s.c.stuff(data, 1.0)
        does_not_grow("server", net, before, 12)
        does_not_spin()
    finally:
        s.close()
    with Sftp() as s:
        eq("remove", s.status(REMOVE, string("d/unread")), FX_OK)


@case("sftp-session-ends-with-answers-unread")
def _():
    for i in range(10):
        s = unread(0, 400) if i == 0 else Sftp(window=1000)
        s.raw(b"".join(s.message(STAT, string("/")) for k in range(100)))
        s.c.send(ssh.EOF if i % 2 else ssh.CLOSE, u32(s.ch))
        s.c.breathes()
        s.close()


# ---- special files ----

def node(name, mode, dev=0):
    path = os.path.join(JAIL, "d", name)
    if not os.path.lexists(path):
        try:
            os.mknod(path, mode | 0o666, dev)
            os.chmod(path, 0o666)
        except PermissionError:
            raise Skip("needs root to make devices")
    return path


def open_every_way(s, path):
    out = []
    for flags in (R, W, R | W, R | W | CREAT, W | TRUNC, W | CREAT | TRUNC,
                  W | world.APPEND):
        h = s.open(path, flags)
        out.append(h)
        if isinstance(h, bytes):
            s.shut(h)
    return out


@case("sftp-fifo")
def _():
    """Never blocks, with or without another end."""
    path = node("fifo", stat.S_IFIFO)
    other = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        with Sftp() as s:
            for i in range(2):
                for x in open_every_way(s, "d/fifo"):
                    eq("a FIFO opens", x, FX_FAILURE)
                eq("stat", s.ask(STAT, string("d/fifo"))[0], ATTRS)
                for kind in (SETSTAT,):
                    s.code(kind, string("d/fifo"), u32(1), u64(0))
                eq("opendir", isinstance(s.opendir("d/fifo"), bytes), False)
                if i == 0:
                    os.close(other)
                    other = -1
            lives(s)
    finally:
        if other != -1:
            os.close(other)
        os.unlink(path)


@case("sftp-fifo-many")
def _():
    """No process stays behind for each."""
    path = node("fifo", stat.S_IFIFO)
    for i in range(20):
        s = Sftp()
        s.raw(s.message(OPEN, string("d/fifo"), u32(R), NOTHING) * 20)
        s.c.reset()
    eventually(lambda: not world.workers(), "no process left")
    os.unlink(path)


@case("sftp-special-files")
def _():
    made = []
    try:
        made.append(node("null", stat.S_IFCHR, os.makedev(1, 3)))
        made.append(node("zero", stat.S_IFCHR, os.makedev(1, 5)))
        made.append(node("tty", stat.S_IFCHR, os.makedev(5, 0)))
        made.append(node("full", stat.S_IFCHR, os.makedev(1, 7)))
        made.append(node("loop", stat.S_IFBLK, os.makedev(7, 99)))
        path = os.path.join(JAIL, "d", "sock")
        if not os.path.lexists(path):
            with socket.socket(socket.AF_UNIX) as u:
                u.bind(path)
            os.chmod(path, 0o666)
        made.append(path)
        with Sftp() as s:
            for p in made:
                for x in open_every_way(s, "d/" + os.path.basename(p)):
                    assert not isinstance(x, bytes), f"{p} was opened"
            lives(s)
    finally:
        for p in made:
            os.unlink(p)


@case("sftp-directory-as-file")
def _():
    with Sftp() as s:
        for x in open_every_way(s, "/d"):
            assert not isinstance(x, bytes)
        for x in ("/", "/d"):
            assert s.code(SETSTAT, string(x), u32(1), u64(0)) != FX_OK
            assert s.code(REMOVE, string(x)) != FX_OK
        lives(s)


# ---- copy-data ----

def copy(s, a, at, n, b, to):
    return s.status(EXTENDED, string("copy-data"), string(a), u64(at),
                    u64(n), string(b), u64(to))


@case("sftp-copy-data-abuse")
def _():
    with Sftp() as s:
        src = s.open("ro/note")
        out = s.open("d/copy", R | W | CREAT | TRUNC)
        eq("good", copy(s, src, 0, 0, out, 0), FX_OK)
        eq("read", s.read(out, 0, 100), b"read me\n")
        top = (1 << 64) - 1
        for at, n, to in ((top, 0, 0), (0, top, top), (1 << 63, 1, 0),
                          (0, 0, 1 << 63), (0, top, (1 << 63) - 4),
                          (top, top, top), (0, 8, (1 << 63) - 1)):
            code = copy(s, src, at, n, out, to)
            assert code in (FX_FAILURE, FX_EOF), (at, n, to, code)
        eq("to what is read only", copy(s, out, 0, 0, src, 0), FX_FAILURE)
        eq("from what is written only",
           copy(s, s.open("d/copy", W), 0, 0, out, 0), FX_FAILURE)
        d = s.opendir("/")
        for a, b in ((d, out), (src, d), (b"", out), (src, b"xxxxx"),
                     (src, src)):
            eq("handles", copy(s, a, 0, 0, b, 0), FX_FAILURE)
        eq("beyond the end", copy(s, src, 100, 0, out, 0), FX_OK)
        eq("untouched", s.read(src, 0, 100), b"read me\n")
        eq("remove", s.status(REMOVE, string("d/copy")), FX_OK)
        lives(s)


@case("sftp-copy-data-same-file")
def _():
    """A file onto itself, by one handle, two handles, two names."""
    with Sftp() as s:
        h = s.open("d/one", R | W | CREAT | TRUNC)
        eq("write", s.write(h, 0, b"x" * 1000), FX_OK)
        eq("link", s.status(EXTENDED, string("hardlink@openssh.com"),
                            string("d/one"), string("d/two")), FX_OK)
        two, again = s.open("d/two", R | W), s.open("d/one", R)
        tail = s.open("d/two", W | world.APPEND)
        for a, b in ((h, h), (h, two), (two, h), (again, h), (again, two),
                     (again, tail), (h, tail)):
            for n in (0, 1000, 1 << 62):
                eq("same file", copy(s, a, 0, n, b, 1000), FX_FAILURE)
        t, body = s.ask(STAT, string("d/one"))
        eq("size", ssh.struct.unpack_from(">Q", body, 4)[0], 1000)
        for p in ("d/one", "d/two"):
            s.status(REMOVE, string(p))
        lives(s)


@case("sftp-copy-data-and-gone")
def _():
    """A long copy stops when its client has gone."""
    for i in range(4):
        s = Sftp()
        a = s.open("sparse")
        assert isinstance(a, bytes), a
        b = s.open("d/sink", W | CREAT | TRUNC)
        s.raw(s.message(EXTENDED, string("copy-data"), string(a), u64(0),
                        u64(0), string(b), u64(0)))
        time.sleep(0.05 * i)
        s.c.reset() if i % 2 else s.close()
        eventually(lambda: not world.workers(), "the worker ends")
    with Sftp() as s:
        s.status(REMOVE, string("d/sink"))


@case("sftp-copy-data-and-others")
def _():
    """While one session copies, another of the same process is served."""
    with Sftp() as s:
        a = s.open("sparse")
        b = s.open("d/sink", W | CREAT | TRUNC)
        s.raw(s.message(EXTENDED, string("copy-data"), string(a), u64(0),
                        u64(0), string(b), u64(0)))
        other = Sftp(s.c, mine=5)
        lives(other)
        s.c.send(ssh.CLOSE, u32(s.ch))
        other.c.breathes()
        eq("remove", other.status(REMOVE, string("d/sink")), FX_OK)


@case("sftp-rename-abuse")
def _():
    with Sftp() as s:
        eq("mkdir", s.status(MKDIR, string("d/m"), NOTHING), FX_OK)
        for kind in (RENAME, None):
            def mv(a, b):
                if kind:
                    return s.status(RENAME, string(a), string(b))
                return s.status(EXTENDED, string("posix-rename@openssh.com"),
                                string(a), string(b))
            for a, b in (("d/m", "d/m/in"), ("/", "/d/x"), ("d", "d/m/d"),
                         ("/d/m", "/"), ("/d/..", "/d/m/x"), (".", ".."),
                         ("d/m", "d/m/../m/y"), ("ro/note", "d/note"),
                         ("d/m", "ro/m")):
                assert mv(a, b) != FX_OK, (a, b)
        eq("rmdir", s.status(RMDIR, string("d/m")), FX_OK)
        lives(s)


@case("sftp-symlink-loops")
def _():
    with Sftp() as s:
        eq("a", s.status(SYMLINK, string("b"), string("d/a")), FX_OK)
        eq("b", s.status(SYMLINK, string("a"), string("d/b")), FX_OK)
        eq("self", s.status(SYMLINK, string("s/s"), string("d/s")), FX_OK)
        for p in ("d/a", "d/b/x", "d/s", "d/s/s/s/s", "d/s/../s"):
            for kind, make in PATH_REQUESTS.items():
                if kind in (OPEN, STAT, OPENDIR, REALPATH):
                    assert s.code(kind, make(p)) != FX_OK, (kind, p)
        for i in range(60):
            s.status(SYMLINK, string(f"l{i}/" + "x/../" * 100), string(
                f"d/l{i + 1}"))
        s.code(REALPATH, string("d/l60"))
        for p in ["a", "b", "s"] + [f"l{i + 1}" for i in range(60)]:
            s.status(REMOVE, string("d/" + p))
        lives(s)


if __name__ == "__main__":
    main()
