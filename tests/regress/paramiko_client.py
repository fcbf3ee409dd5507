"""A client's day with paramiko."""
import filecmp
import os
import stat

import paramiko

from parts import (HOST, JAIL, KEY, PORT, SRC, T, WHO, eq, run_parts)

ssh = paramiko.SSHClient()
ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
ssh.connect(HOST, PORT, WHO, key_filename=KEY, look_for_keys=False,
            allow_agent=False, timeout=60, banner_timeout=60, auth_timeout=60)
sftp = ssh.open_sftp()
SIZES = (0, 1, 4095, 65537, 5242880, 67108864)


def same(a, b):
    assert filecmp.cmp(a, b, shallow=False), f"{a} and {b} differ"


def failing(errno_or_type, f, *args):
    try:
        f(*args)
    except OSError as e:
        return e
    raise AssertionError(f"succeeded: {f.__name__} {args}")


def t_put_get():
    for n in SIZES:
        sftp.put(f"{SRC}/f{n}", f"/d/f{n}")
        same(f"{SRC}/f{n}", f"{JAIL}/d/f{n}")
        sftp.get(f"/d/f{n}", f"{T}/f{n}")
        same(f"{SRC}/f{n}", f"{T}/f{n}")


def t_list():
    os.mkdir(f"{JAIL}/d/l")
    for n in range(300):
        open(f"{JAIL}/d/l/{n}", "w").close()
    names = sftp.listdir_attr("/d/l")
    eq("names", sorted(a.filename for a in names if a.filename[0] != "."),
       sorted(str(n) for n in range(300)))
    assert all(stat.S_ISREG(a.st_mode) for a in names
               if a.filename[0] != ".")
    eq("iterated", len([a for a in sftp.listdir_iter("/d/l")
                        if a.filename[0] != "."]), 300)


def t_rename():
    with sftp.open("/d/a", "w") as f:
        f.write(b"a")
    with sftp.open("/d/b", "w") as f:
        f.write(b"b")
    failing(OSError, sftp.rename, "/d/a", "/d/b")
    eq("target", open(f"{JAIL}/d/b").read(), "b")
    sftp.posix_rename("/d/a", "/d/b")
    eq("target", open(f"{JAIL}/d/b").read(), "a")
    sftp.rename("/d/b", "/d/c")
    sftp.remove("/d/c")
    failing(OSError, sftp.stat, "/d/c")


def t_resume():
    data = open(f"{SRC}/f65537", "rb").read()
    with sftp.open("/d/part", "wb") as f:
        f.write(data[:30000])
    with sftp.open("/d/part", "ab") as f:
        f.write(data[30000:50000])
    with sftp.open("/d/part", "r+b") as f:
        f.seek(50000)
        f.write(data[50000:])
    same(f"{SRC}/f65537", f"{JAIL}/d/part")
    with sftp.open("/d/part", "rb") as f:
        f.seek(60000)
        eq("tail", f.read(), data[60000:])
        eq("pieces", f.readv([(1, 10), (65530, 7), (100, 40000)]).__class__
           .__name__, "generator")
        eq("readv", list(f.readv([(1, 10), (65530, 7), (100, 40000)])),
           [data[1:11], data[65530:65537], data[100:40100]])


def t_exclusive_and_truncate():
    with sftp.open("/d/x", "wx") as f:
        f.write(b"0123456789")
    failing(OSError, sftp.open, "/d/x", "wx")
    sftp.truncate("/d/x", 4)
    eq("content", open(f"{JAIL}/d/x").read(), "0123")
    with sftp.open("/d/x", "r+") as f:
        f.truncate(2)
        eq("fstat", f.stat().st_size, 2)
    with sftp.open("/d/x", "w") as f:
        pass
    eq("size", os.path.getsize(f"{JAIL}/d/x"), 0)


def t_links():
    with sftp.open("/d/t", "w") as f:
        f.write(b"t")
    sftp.symlink("t", "/d/s")
    eq("host's readlink", os.readlink(f"{JAIL}/d/s"), "t")
    eq("readlink", sftp.readlink("/d/s"), "t")
    assert stat.S_ISLNK(sftp.lstat("/d/s").st_mode)
    assert stat.S_ISREG(sftp.stat("/d/s").st_mode)
    # hardlink@openssh.com through the client's own machinery
    sftp._request(paramiko.sftp.CMD_EXTENDED, "hardlink@openssh.com",
                  "/d/t", "/d/h")
    assert os.path.samefile(f"{JAIL}/d/t", f"{JAIL}/d/h")


def t_statvfs():
    t, msg = sftp._request(paramiko.sftp.CMD_EXTENDED,
                           "statvfs@openssh.com", "/d")
    eq("reply", t, paramiko.sftp.CMD_EXTENDED_REPLY)
    v = [msg.get_int64() for _ in range(11)]
    real = os.statvfs(JAIL + "/d")
    eq("frsize, blocks", (v[1], v[2]), (real.f_frsize, real.f_blocks))
    eq("name length", v[10], real.f_namemax)


def t_attributes():
    with sftp.open("/d/at", "w") as f:
        f.chmod(0o600)
        f.utime((1, 981173106))
    st = os.stat(f"{JAIL}/d/at")
    eq("mode", stat.S_IMODE(st.st_mode), 0o600)
    eq("times", (int(st.st_atime), int(st.st_mtime)), (1, 981173106))
    sftp.chmod("/d/at", 0o644)
    sftp.utime("/d/at", (5, 6))
    st = sftp.stat("/d/at")
    eq("seen", (stat.S_IMODE(st.st_mode), st.st_atime, st.st_mtime),
       (0o644, 5, 6))


def t_directories():
    sftp.mkdir("/d/dir", 0o700)
    eq("mode", stat.S_IMODE(os.stat(f"{JAIL}/d/dir").st_mode), 0o700)
    failing(OSError, sftp.mkdir, "/d/dir")
    sftp.chdir("/d/dir")
    eq("cwd", sftp.getcwd(), "/d/dir")
    eq("normalize", sftp.normalize("../.././d//dir/."), "/d/dir")
    sftp.chdir(None)
    sftp.rmdir("/d/dir")
    e = failing(OSError, sftp.rmdir, "/d/dir")
    eq("errno", e.errno, 2)


def t_denied():
    if os.getuid() == 0:
        e = failing(OSError, sftp.open, "/ro/new", "w")
        eq("errno", e.errno, 13)
    e = failing(OSError, sftp.open, "/d/none", "r")
    eq("errno", e.errno, 2)


def t_many_handles_and_channels():
    others = [ssh.open_sftp() for _ in range(5)]
    for i, s in enumerate(others):
        with s.open(f"/d/ch{i}", "w") as f:
            f.write(b"%d" % i)
    for i, s in enumerate(others):
        eq("content", open(f"{JAIL}/d/ch{i}").read(), str(i))
        s.close()


run_parts(globals())
