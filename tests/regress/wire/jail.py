"""Out of the jail: by names, links, races; and what its processes hold."""
import os
import pwd
import stat
import time

import world
import parts
from ssh import get_u32, string, take, u32, u64
from world import (APPEND, ASAN, CREAT, EXTENDED, FX_DENIED,
                   FX_NO_FILE, FX_OK, HANDLE, LSTAT, MKDIR, NAME, OPEN,
                   OPENDIR, R, READLINK, REALPATH, REMOVE, RENAME, RMDIR,
                   SETSTAT, STAT, STATUS, SYMLINK, TRUNC, W, WARDEN, Sftp,
                   case, eq, main, names_of, net_process, status)

T, JAIL = parts.T, parts.JAIL
UID, GID = int(os.environ["ACCT_UID"]), int(os.environ["ACCT_GID"])
OUT = os.path.join(T, "out")         # the user's own, but outside
SECRET = b"this is outside of the jail"
RACE = 3.0                           # seconds of trying
NOTHING = u32(0)


def outside():
    """A directory of the user's own, outside: nothing but the jail keeps
    the user from it."""
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, "secret")
    with open(path, "wb") as f:
        f.write(SECRET)
    for p in (OUT, path):
        os.chown(p, UID, GID)
        os.chmod(p, 0o777)
    os.utime(path, (1000, 1000))
    return os.stat(path)


def untouched(before):
    now = os.stat(os.path.join(OUT, "secret"))
    for what in ("st_mode", "st_uid", "st_gid", "st_size", "st_nlink",
                 "st_mtime", "st_ctime"):
        eq(f"outside: {what}", getattr(now, what), getattr(before, what))
    eq("outside", sorted(os.listdir(OUT)), ["secret"])


def into(path):
    """Ways to write a path of the host as seen from inside."""
    up = "../" * 20
    rest = path.lstrip("/")
    return [path, "/" + up + rest, up + rest, "d/" + up + rest,
            "/d/.." + "/.." * 20 + "/" + rest, "/." * 20 + "/" + up + rest,
            "//" + rest, "/../" * 3 + rest, "d/./../.././../" + up + rest]


def paths_out():
    for p in (os.path.join(OUT, "secret"), OUT, "/etc/passwd", "/etc",
              "/root", "/proc/self/root", "/proc/1/root/etc/passwd",
              "/proc/self/cwd", "/dev/fd/3", "/dev/null", "/tmp", T):
        yield from into(p)


EVERY = {
    "open": lambda s, p: s.code(OPEN, string(p), u32(R), NOTHING),
    "write": lambda s, p: s.code(OPEN, string(p), u32(W), NOTHING),
    "truncate": lambda s, p: s.code(OPEN, string(p), u32(W | TRUNC),
                                    NOTHING),
    "append": lambda s, p: s.code(OPEN, string(p), u32(W | APPEND), NOTHING),
    "stat": lambda s, p: s.code(STAT, string(p)),
    "lstat": lambda s, p: s.code(LSTAT, string(p)),
    "opendir": lambda s, p: s.code(OPENDIR, string(p)),
    "readlink": lambda s, p: s.code(READLINK, string(p)),
    "remove": lambda s, p: s.code(REMOVE, string(p)),
    "rmdir": lambda s, p: s.code(RMDIR, string(p)),
    "setstat": lambda s, p: s.code(SETSTAT, string(p), u32(4), u32(0o600)),
    "lsetstat": lambda s, p: s.code(EXTENDED, string("lsetstat@openssh.com"),
                                    string(p), u32(8), u32(5), u32(5)),
    "size": lambda s, p: s.code(SETSTAT, string(p), u32(1), u64(0)),
    "rename": lambda s, p: s.code(RENAME, string(p), string("/d/got")),
    "posix-rename": lambda s, p: s.code(
        EXTENDED, string("posix-rename@openssh.com"), string(p),
        string("/d/got")),
    "hardlink": lambda s, p: s.code(
        EXTENDED, string("hardlink@openssh.com"), string(p),
        string("/d/got")),
    "statvfs": lambda s, p: s.code(
        EXTENDED, string("statvfs@openssh.com"), string(p)),
}


@case("jail-dotdot")
def _():
    before = outside()
    with Sftp() as s:
        for p in paths_out():
            for name, act in EVERY.items():
                eq(f"{name} {p}", act(s, p), FX_NO_FILE)
        for p in ("..", "/..", "../..", "/../../..", "d/../..", "/d/../../.",
                  ".", "", "/", "//", "d/..", "/ro/../.."):
            eq(f"realpath {p}", s.realpath(p), b"/")
            eq(f"names of {p}", sorted(s.names(p)), sorted(s.names("/")))
        assert b"out" not in s.names("..")
    untouched(before)


@case("jail-dotdot-makes-nothing-outside")
def _():
    before = outside()
    with Sftp() as s:
        for p in into(os.path.join(OUT, "new")):
            for code in (s.code(OPEN, string(p), u32(W | CREAT), NOTHING),
                         s.code(MKDIR, string(p), NOTHING),
                         s.code(SYMLINK, string("x"), string(p)),
                         s.code(RENAME, string("/d"), string(p)),
                         s.code(EXTENDED, string("hardlink@openssh.com"),
                                string("/ro/note"), string(p))):
                assert code in (FX_NO_FILE, FX_DENIED), (p, code)
    untouched(before)


@case("jail-existence-oracle")
def _():
    """What exists outside and what does not is answered in the same
    words."""
    outside()
    with Sftp() as s:
        def answers(p):
            out = {}
            for kind, fields in {
                OPEN: string(p) + u32(R) + NOTHING, STAT: string(p),
                LSTAT: string(p), OPENDIR: string(p), READLINK: string(p),
                REMOVE: string(p), RMDIR: string(p),
                SETSTAT: string(p) + u32(4) + u32(0o600),
                RENAME: string(p) + string("/d/got"),
                REALPATH: string(p + "/deeper"),
            }.items():
                out[kind] = s.ask(kind, fields)
            for name, fields in {
                "statvfs@openssh.com": string(p),
                "hardlink@openssh.com": string(p) + string("/d/got"),
                "expand-path@openssh.com": string(p + "/deeper"),
            }.items():
                out[name] = s.extended(name, fields)
            return out
        for there, nowhere in ((os.path.join(OUT, "secret"),
                                os.path.join(OUT, "nosuch")),
                               ("/etc/passwd", "/etc/nosuch"),
                               ("/root", "/nosuch"),
                               ("/proc/self/root", "/nosuch/self/root"),
                               ("/home", "/nosuch")):
            for a, b in zip(into(there), into(nowhere)):
                eq(f"{a} and {b}", answers(a), answers(b))


def link(s, target, path):
    eq(f"symlink to {target}", s.status(SYMLINK, string(target),
                                        string(path)), FX_OK)


def unlink(s, *paths):
    for p in paths:
        s.status(REMOVE, string(p))


@case("jail-symlink-file")
def _():
    before = outside()
    with Sftp() as s:
        for target in paths_out():
            link(s, target, "/d/link")
            for name in ("open", "write", "truncate", "append", "stat",
                         "opendir", "setstat", "size", "statvfs"):
                eq(f"{name} through a link to {target}",
                   EVERY[name](s, "/d/link"), FX_NO_FILE)
            code = s.code(OPEN, string("/d/link"), u32(W | CREAT), NOTHING)
            assert code in (FX_NO_FILE, FX_DENIED), (target, code)
            eq("lstat", EVERY["lstat"](s, "/d/link"), FX_OK)
            unlink(s, "/d/link")
    untouched(before)


@case("jail-symlink-made-outside")
def _():
    """Links that the administrator's tools left in the jail."""
    before = outside()
    made = []
    for i, target in enumerate((os.path.join(OUT, "secret"), "/etc/passwd",
                                "../../out/secret", "/proc/self/root")):
        path = os.path.join(JAIL, "d", f"left{i}")
        os.symlink(target, path)
        made.append(path)
    with Sftp() as s:
        for i in range(len(made)):
            for name in ("open", "write", "truncate", "stat", "opendir"):
                eq(name, EVERY[name](s, f"/d/left{i}"), FX_NO_FILE)
    for p in made:
        os.unlink(p)
    untouched(before)


@case("jail-symlink-dir")
def _():
    before = outside()
    with Sftp() as s:
        for target in ("/", "..", "../..", "../../../..", "/../..",
                       "/d/../..", "./../../."):
            link(s, target, "/d/up")
            eq(f"names of {target}", sorted(s.names("/d/up")),
               sorted(s.names("/")))
            eq("realpath", s.realpath("/d/up"), b"/")
            eq("realpath", s.realpath("/d/up/../../x"), b"/x")
            for p in ("/d/up/out", "/d/up/out/secret", "/d/up" + T,
                      "/d/up/etc/passwd", "/d/up/../../etc/passwd",
                      "/d/up/proc/self/root"):
                for name, act in EVERY.items():
                    eq(f"{name} {p}", act(s, p), FX_NO_FILE)
            unlink(s, "/d/up")
    untouched(before)


@case("jail-setstat-through-link")
def _():
    """setstat follows inside of the jail alone; lsetstat never follows."""
    before = outside()
    with Sftp() as s:
        h = s.open("/d/mine", W | CREAT | TRUNC)
        s.shut(h)
        mine = os.path.join(JAIL, "d", "mine")
        link(s, "mine", "/d/link")
        link(s, os.path.join(OUT, "secret"), "/d/far")
        link(s, "../../out/secret", "/d/far2")
        link(s, "/ro/note", "/d/roots")
        eq("setstat", s.status(SETSTAT, string("/d/link"), u32(4),
                               u32(0o640)), FX_OK)
        eq("mode", os.stat(mine).st_mode & 0o7777, 0o640)
        eq("times", s.status(SETSTAT, string("/d/link"), u32(8), u32(77),
                             u32(88)), FX_OK)
        eq("mtime", os.stat(mine).st_mtime, 88)
        lset = "lsetstat@openssh.com"
        eq("times of the link", s.status(
            EXTENDED, string(lset), string("/d/link"), u32(8), u32(5),
            u32(6)), FX_OK)
        eq("mtime", os.stat(mine).st_mtime, 88)
        eq("mtime", os.lstat(os.path.join(JAIL, "d", "link")).st_mtime, 6)
        s.status(EXTENDED, string(lset), string("/d/link"), u32(4),
                 u32(0o777))
        eq("mode", os.stat(mine).st_mode & 0o7777, 0o640)
        s.status(EXTENDED, string(lset), string("/d/link"), u32(1), u64(5))
        eq("size", os.stat(mine).st_size, 0)
        for flags, fields in ((1, u64(0)), (2, u32(UID) + u32(GID)),
                              (4, u32(0o666)), (8, u32(1) * 2)):
            for p in ("/d/far", "/d/far2"):
                eq("outside", s.status(SETSTAT, string(p), u32(flags),
                                       fields), FX_NO_FILE)
            eq("root's", s.status(SETSTAT, string("/d/roots"), u32(flags),
                                  fields), FX_DENIED)
            s.status(EXTENDED, string(lset), string("/d/far"), u32(flags),
                     fields)
        note = os.stat(os.path.join(JAIL, "ro", "note"))
        eq("root's file", (note.st_mode & 0o777, note.st_uid, note.st_size),
           (0o644, 0, 8))
        unlink(s, "/d/mine", "/d/link", "/d/far", "/d/far2", "/d/roots")
    untouched(before)


@case("jail-hardlink-to-symlink")
def _():
    """A hard link of a link is the link itself."""
    before = outside()
    with Sftp() as s:
        for target in (os.path.join(OUT, "secret"), "/ro/note", "nowhere",
                       "../../out/secret"):
            link(s, target, "/d/link")
            code = s.status(EXTENDED, string("hardlink@openssh.com"),
                            string("/d/link"), string("/d/hard"))
            if code == FX_OK:
                st = os.lstat(os.path.join(JAIL, "d", "hard"))
                assert stat.S_ISLNK(st.st_mode), "the link was followed"
                eq("target", names_of(s.ask(READLINK, string(
                    "/d/hard"))[1]), [target.encode()])
                unlink(s, "/d/hard")
            unlink(s, "/d/link")
    note = os.stat(os.path.join(JAIL, "ro", "note"))
    eq("links of root's file", note.st_nlink, 1)
    untouched(before)


@case("jail-hardlink-to-roots")
def _():
    """Where the kernel protects hard links, it does."""
    with open("/proc/sys/fs/protected_hardlinks") as f:
        protected = f.read().strip() == "1"
    with Sftp() as s:
        code = s.status(EXTENDED, string("hardlink@openssh.com"),
                        string("/ro/note"), string("/d/note"))
        unlink(s, "/d/note")
    if protected:
        eq("hard link", code, FX_DENIED)


@case("jail-owner-of-others")
def _():
    """Nothing is given to others, nothing of others is changed."""
    with Sftp() as s:
        s.shut(s.open("/d/mine", W | CREAT | TRUNC))
        mine = os.path.join(JAIL, "d", "mine")
        for uid, gid in ((0, 0), (UID, 0), (0, GID), (1, 1),
                         (0xffffffff, 0), (0xfffffffe, 0xfffffffe)):
            code = s.status(SETSTAT, string("/d/mine"), u32(2), u32(uid),
                            u32(gid))
            assert code != FX_OK, (uid, gid)
            st = os.stat(mine)
            eq("owner", (st.st_uid, st.st_gid), (UID, GID))
        for p, act in (("/ro/note", "write"), ("/ro/note", "truncate"),
                       ("/ro/note", "remove"), ("/ro/note", "setstat"),
                       ("/ro", "setstat"), ("/", "setstat"), ("/ro", "rename")):
            eq(f"{act} {p}", EVERY[act](s, p), FX_DENIED)
        eq("mkdir", s.status(MKDIR, string("/new"), NOTHING), FX_DENIED)
        unlink(s, "/d/mine")


# ---- races ----

def swapping(a, swap, tries):
    """Runs swap on one connection and tries on another, in turn and
    without waiting for each other, for a while."""
    end = time.monotonic() + RACE
    n = 0
    while time.monotonic() < end:
        swap(n)
        tries(n)
        n += 1
    print(f"-- {n} rounds", flush=True)
    assert n > 3


def ahead(s, *messages):
    """Requests that are not waited for; their answers are taken later."""
    s.raw(b"".join(messages))
    return len(messages)


def posix_rename(s, a, b):
    return s.message(EXTENDED, string("posix-rename@openssh.com"), string(a),
                     string(b))


@case("jail-swap-race-dir")
def _():
    """A directory that is a link to the outside every other moment."""
    before = outside()
    a, b = Sftp(), Sftp()
    for d in ("/d/real", "/d/spare"):
        a.status(MKDIR, string(d), NOTHING)
        h = a.open(d + "/secret", W | CREAT | TRUNC)
        a.write(h, 0, b"inside")
        a.shut(h)
    link(a, OUT, "/d/evil")
    link(a, "../../out", "/d/evil2")
    seen = set()

    def swap(n):
        evil = "/d/evil" if n % 2 else "/d/evil2"
        ahead(a, *[m for i in range(20) for m in (
            posix_rename(a, "/d/real", "/d/swap"),
            posix_rename(a, "/d/swap", "/d/real"),
            posix_rename(a, evil, "/d/swap"),
            posix_rename(a, "/d/swap", evil))])

    def tries(n):
        k = ahead(b, *[m for i in range(20) for m in (
            b.message(OPEN, string("/d/swap/secret"), u32(R), NOTHING),
            b.message(OPEN, string("/d/swap/made"), u32(W | CREAT), NOTHING),
            b.message(SETSTAT, string("/d/swap/secret"), u32(8), u32(9) * 2),
            b.message(REMOVE, string("/d/swap/made")),
            b.message(REALPATH, string("/d/swap")),
            b.message(OPENDIR, string("/d/swap")))])
        handles = []
        for i in range(k):
            p = b.answer()
            if p[0] == HANDLE:
                handles.append(take(p, 5)[0])
            elif p[0] == NAME:
                seen.update(names_of(p[5:]))
        for h in handles:
            got = b.read(h, 0, 100)
            assert got != SECRET, "read from outside"
            b.shut(h)
        for i in range(80):
            a.answer()
    swapping(a, swap, tries)
    assert seen <= {b"/d/swap", b"/d/real", OUT.encode(), b"/out"}, seen
    a.close()
    b.close()
    untouched(before)
    with Sftp() as s:
        for p in ("real", "swap", "spare"):
            unlink(s, f"/d/{p}/secret", f"/d/{p}/made")
            s.status(RMDIR, string("/d/" + p))
        unlink(s, "/d/evil", "/d/evil2", "/d/swap")


@case("jail-swap-race-file")
def _():
    """A file that is a link to the outside every other moment."""
    before = outside()
    a, b = Sftp(), Sftp()
    h = a.open("/d/good", W | CREAT | TRUNC)
    a.write(h, 0, b"inside")
    a.shut(h)
    link(a, os.path.join(OUT, "secret"), "/d/bad")

    def swap(n):
        ahead(a, *[m for i in range(20) for m in (
            posix_rename(a, "/d/good", "/d/file"),
            posix_rename(a, "/d/file", "/d/good"),
            posix_rename(a, "/d/bad", "/d/file"),
            posix_rename(a, "/d/file", "/d/bad"))])

    def tries(n):
        k = ahead(b, *[m for i in range(20) for m in (
            b.message(OPEN, string("/d/file"), u32(R), NOTHING),
            b.message(OPEN, string("/d/file"), u32(R | W), NOTHING),
            b.message(SETSTAT, string("/d/file"), u32(4), u32(0o600)),
            b.message(SETSTAT, string("/d/file"), u32(1), u64(6)),
            b.message(EXTENDED, string("hardlink@openssh.com"),
                      string("/d/file"), string("/d/hard")),
            b.message(OPEN, string("/d/hard"), u32(R), NOTHING),
            b.message(REMOVE, string("/d/hard")))])
        handles = []
        for i in range(k):
            p = b.answer()
            if p[0] == HANDLE:
                handles.append(take(p, 5)[0])
        for h in handles:
            got = b.read(h, 0, 100)
            assert got != SECRET, "read from outside"
            b.shut(h)
        for i in range(80):
            a.answer()
    swapping(a, swap, tries)
    a.close()
    b.close()
    untouched(before)
    with Sftp() as s:
        unlink(s, "/d/good", "/d/bad", "/d/file", "/d/hard")


@case("jail-swap-race-moved")
def _():
    """Directories that are moved up while they are walked down and up."""
    before = outside()
    a, b = Sftp(), Sftp()
    for d in ("/d/1", "/d/1/2", "/d/1/2/3", "/d/1/2/3/4"):
        a.status(MKDIR, string(d), NOTHING)
    walk = "/d/1/2/3/4/../../../../"

    def swap(n):
        ahead(a, *[m for i in range(20) for m in (
            posix_rename(a, "/d/1/2/3", "/d/3"),
            posix_rename(a, "/d/3", "/d/1/2/3"))])

    def tries(n):
        k = ahead(b, *[m for i in range(20) for m in (
            b.message(OPEN, string(walk + "../../out/secret"), u32(R),
                      NOTHING),
            b.message(OPEN, string(walk + "../out/secret"), u32(R), NOTHING),
            b.message(STAT, string(walk + "../../../.." + OUT)),
            b.message(MKDIR, string(walk + "../../out/made"), NOTHING))])
        for i in range(k):
            p = b.answer()
            eq("answer", p[0], STATUS)
            assert get_u32(p, 5) != FX_OK
        for i in range(40):
            a.answer()
    swapping(a, swap, tries)
    a.close()
    b.close()
    untouched(before)
    with Sftp() as s:
        for d in ("/d/3/4", "/d/3", "/d/1/2/3/4", "/d/1/2/3", "/d/1/2",
                  "/d/1"):
            s.status(RMDIR, string(d))


# ---- what is told, and what is held ----

@case("jail-leaks-no-real-path")
def _():
    """No byte of an answer names the host's path to the jail."""
    outside()
    heard = []
    with Sftp() as s:
        whole = s.answer

        def listen():
            p = whole()
            heard.append(p)
            return p
        s.answer = listen
        link(s, os.path.join("..", "nosuch"), "/d/link")
        for p in ("", ".", "..", "/", "/d", "/nosuch", "/nosuch/x",
                  "/ro/note/x", "/d/link", "/d/link/x", "x" * 300,
                  "/" + "y/" * 2100, "~", "~root", "~alice", "~/x"):
            for act in EVERY.values():
                if act is not EVERY["rmdir"] or p not in ("/d",):
                    act(s, p)
            for kind in (REALPATH, MKDIR):
                if p:
                    s.ask(kind, string(p), NOTHING if kind == MKDIR else b"")
            for name in ("expand-path@openssh.com", "home-directory"):
                s.extended(name, string(p))
        s.names("/")
        s.names("/d")
        for name in ("limits@openssh.com", "nothing@example.com"):
            s.extended(name)
        unlink(s, "/d/link")
    for p in heard:
        # a host's name of two letters stands in many a number by chance
        for word in (T, JAIL, os.path.basename(T), "/tmp/", "regress",
                     os.uname().nodename):
            assert len(word) < 5 or word.encode() not in p, (word, p[:200])
    if not os.path.isdir(os.path.join(JAIL, "d")):
        os.mkdir(os.path.join(JAIL, "d"))
        os.chown(os.path.join(JAIL, "d"), UID, GID)


def ids(text):
    return [int(x) for x in text.split()]


def no_caps(st, bounding):
    for what in ("CapEff", "CapPrm", "CapInh", "CapAmb") + (
            ("CapBnd",) if bounding else ()):
        eq(what, int(st[what], 16), 0)


def held(pid):
    """What the descriptors of a process are."""
    out = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            out.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    return out


@case("jail-worker-privileges")
def _():
    with Sftp() as s:
        h = s.open("/ro/note")
        pids = world.workers()
        eq("workers", len(pids), 1)
        st = status(pids[0])
        eq("uids", ids(st["Uid"]), [UID] * 4)
        eq("gids", ids(st["Gid"]), [GID] * 4)
        assert set(ids(st["Groups"])) <= {GID}, st["Groups"]
        no_caps(st, False)
        eq("no_new_privs", int(st["NoNewPrivs"]), 1)
        eq("seccomp", int(st["Seccomp"]), 2)
        root = os.readlink(f"/proc/{pids[0]}/root")
        eq("root", root, JAIL)
        cwd = os.readlink(f"/proc/{pids[0]}/cwd")
        assert (cwd + "/").startswith(JAIL + "/"), cwd
        for what in held(pids[0]):
            assert what.startswith(("socket:", "/dev/null", "anon_inode:",
                                    "pipe:")) or \
                what == os.path.join(JAIL, "ro/note") or \
                (world.ASAN and what == parts.LOG), what
        with open(f"/proc/{pids[0]}/limits") as f:
            limits = f.read()
        core = [x for x in limits.splitlines() if "core file" in x][0]
        eq("core", core.split()[4:6], ["0", "0"])
        with open(f"/proc/{pids[0]}/environ", "rb") as f:
            env = f.read()
        for word in (b"SALLYPORT", b"PASSWORD", b"HOME=", b"LD_"):
            assert word not in env, env
        assert isinstance(h, bytes)


@case("jail-server-privileges")
def _():
    """The process that reads the network."""
    pid = net_process()
    st = status(pid)
    want = pwd.getpwnam("_sallyport")
    eq("uids", ids(st["Uid"]), [want.pw_uid] * 4)
    eq("gids", ids(st["Gid"]), [want.pw_gid] * 4)
    eq("groups", set(ids(st["Groups"])) - {want.pw_gid}, set())
    no_caps(st, False)
    eq("no_new_privs", int(st["NoNewPrivs"]), 1)
    eq("seccomp", int(st["Seccomp"]), 2)
    assert os.readlink(f"/proc/{pid}/root") != "/", "not in a chroot"
    eq("what is in its root", os.listdir(f"/proc/{pid}/root/."), [])
    for what in held(pid):
        assert what.startswith(("socket:", "/dev/null", "anon_inode:",
                                "pipe:")) or what == parts.LOG, what


@case("jail-warden-listens-not")
def _():
    """Nobody but the server reads from the network: the warden has no
    connection open."""
    with Sftp() as s:
        assert b"d" in s.names("/")
        inodes = set()
        with open("/proc/net/tcp") as f:
            for line in list(f)[1:]:
                x = line.split()
                if x[3] == "01" and int(x[1].split(":")[1],
                                        16) == world.PORT:
                    inodes.add(f"socket:[{x[9]}]")
        assert inodes, "no connection is open?"
        for pid in [WARDEN] + world.workers():
            assert not inodes & set(held(pid)), \
                f"{pid} holds the client's socket"
        assert inodes & set(held(net_process()))


@case("jail-worker-before-login")
def _():
    """A login process that has proved nothing serves nothing, and one of a
    user that does not exist is no different."""
    for user in ("alice", "nobody-such"):
        c = world.serviced()
        c.send(world.ssh.request(user, "none"))
        eq("answer", c.recv_any()[0], 51)
        pids = world.workers()
        eq("login processes", len(pids), 1)
        for what in held(pids[0]):
            assert not what.startswith(JAIL), what
        c.close()
        world.eventually(lambda: not world.workers(), "it goes")


if __name__ == "__main__":
    main()
