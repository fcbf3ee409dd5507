"""What a client says last: it goes without waiting for the answers, and the
whole requests it has sent are done all the same.  The session's process is
stopped meanwhile, so that nothing depends on speed."""
import contextlib
import fcntl
import os
import select
import signal
import struct
import termios
import time

import world
import parts
import ssh
from ssh import get_u32, string, u32, u64
from world import (CLOSE, CREAT, MIB, OPEN, READ, TRUNC, W, WRITE, Sftp, case,
                   cpu, eq, eventually, fds, is_zombie, log_has,
                   main, net_process, rest, status, workers)

JAIL = parts.JAIL
PIECE = 32000
BYTES = os.urandom(1 << 16) * 80


def path(name):
    return os.path.join(JAIL, "d", name)


def session_of(before):
    """The process of the one session that is new."""
    return eventually(lambda: [p for p in workers() if p not in before],
                      "a session")[-1]


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: status(pid).get("State", "").strip()[:1] == "T",
               "stopped")
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def begin(name, **kw):
    """A session with a file open to be written, and its process."""
    before = workers()
    s = Sftp(**kw)
    s.pid = session_of(before)
    s.h = s.open("d/" + name, W | CREAT | TRUNC)
    assert isinstance(s.h, bytes), s.h
    return s


def upload(s, size, h=None):
    """Writes and the close of the handle, as bytes."""
    h = h or s.h
    out = b"".join(
        s.message(WRITE, string(h), u64(at),
                  string(BYTES[at:min(at + PIECE, size)]))
        for at in range(0, size, PIECE))
    return out + s.message(CLOSE, string(h))


def fill(s):
    """Writes until nobody takes more, so that the last of them are still with
    the server, and the close of the handle; says how many bytes."""
    size = 0

    def more_room():
        if s.c.buf or select.select([s.c.sock], [], [], 1.0)[0]:
            s.pump()
            return True
        return False
    while s.room > PIECE + 200 or more_room():
        if s.room > PIECE + 200:
            s.raw(s.message(WRITE, string(s.h), u64(size),
                            string(BYTES[size:size + PIECE])))
            size += PIECE
    s.raw(s.message(CLOSE, string(s.h)))
    return size


def all_out(c):
    b = fcntl.ioctl(c.sock, termios.TIOCOUTQ, b"\0" * 4)
    return struct.unpack("i", b)[0] == 0


def taken(c):
    """All that was sent has been acknowledged by the server's kernel."""
    eventually(lambda: all_out(c), "sent")


def stuff(s, most):
    """Writes for as long as the server's kernel takes them; says how many
    bytes it has taken."""
    size = 0
    while size < most:
        s.raw(s.message(WRITE, string(s.h), u64(size),
                        string(BYTES[size:size + PIECE])))
        for _ in range(40):
            if all_out(s.c):
                break
            time.sleep(0.05)
        else:
            break
        size += PIECE
    return size


def quiet(pid):
    """It has done what it could do for now."""
    seen = [cpu(pid), 0]

    def same():
        now = cpu(pid)
        seen[1] = seen[1] + 1 if now == seen[0] else 0
        seen[0] = now
        return seen[1] > 8
    eventually(same, "quiet")


def complete(name, size):
    def there():
        try:
            return os.path.getsize(path(name)) == size and log_has(
                "event=transfer", "/d/" + name + " ", f"bytes={size} ",
                "result=ok")
        except FileNotFoundError:
            return False
    eventually(there, name + " complete")
    with open(path(name), "rb") as f:
        eq(name, f.read() == BYTES[:size], True)
    os.unlink(path(name))


def gone(pid):
    eventually(lambda: is_zombie(pid), f"the end of session {pid}")


@case("last-close")
def _():
    """... of the channel; the connection goes on."""
    s = begin("close")
    with stopped(s.pid):
        size = fill(s)
        s.c.send(ssh.CLOSE, u32(s.ch))
        s.ended()
        assert s.closed
    complete("close", size)
    other = Sftp(s.c, mine=7)
    assert b"d" in other.names("/")
    s.close()
    gone(s.pid)


@case("last-eof-close")
def _():
    s = begin("eof-close")
    with stopped(s.pid):
        size = fill(s)
        s.c.send(ssh.EOF, u32(s.ch))
        s.c.send(ssh.CLOSE, u32(s.ch))
        s.ended()
    complete("eof-close", size)
    s.close()
    gone(s.pid)


@case("last-disconnect")
def _():
    s = begin("disconnect")
    with stopped(s.pid):
        size = fill(s)
        s.c.send(ssh.DISCONNECT, u32(11), string(""), string(""))
        taken(s.c)
        s.close()
    complete("disconnect", size)
    gone(s.pid)


@case("last-fin")
def _():
    s = begin("fin")
    with stopped(s.pid):
        size = fill(s)
        s.close()
    complete("fin", size)
    gone(s.pid)


@case("last-reset")
def _():
    s = begin("reset")
    with stopped(s.pid):
        size = fill(s)
        taken(s.c)
        s.c.reset()
    complete("reset", size)
    gone(s.pid)


@case("last-reset-unread")
def _():
    """The server learns of the reset when it writes an answer, with more
    than it reads at a time still in the socket."""
    s = begin("warm")
    for _ in range(20):         # lets the socket's buffer grow
        s.raw(upload(s, PIECE * 10)[:-17])
        for _ in range(10):
            s.answer()
    s.h = s.open("d/unread", W | CREAT | TRUNC)
    big = s.open("big")
    net = net_process()
    with stopped(s.pid):
        s.raw(s.message(READ, string(big), u64(0), u32(200000)))
        taken(s.c)
        quiet(net)
        with stopped(net):
            os.kill(s.pid, signal.SIGCONT)
            quiet(s.pid)        # its answer waits for the server
            size = stuff(s, 1000 * 1000)
            s.c.reset()
    # the last may have been cut by the reset
    gone(s.pid)
    assert os.path.getsize(path("unread")) in (size, size + PIECE)
    os.unlink(path("unread"))
    os.unlink(path("warm"))


@case("last-all-at-once")
def _():
    """Not one answer is waited for, not even the subsystem's."""
    first = begin("probe")      # what the numbers will be
    for reset in (False, True):
        before = workers()
        c = first.c.__class__(first.c.sock.getpeername())
        c.login(parts.WHO, ssh.load_key(parts.KEY))
        pid = session_of(before)
        with stopped(pid):
            c.open()
            c.request(first.ch, "subsystem", string("sftp"))
            s = Sftp.__new__(Sftp)
            s.id = 0
            data = u32(5) + b"\1" + u32(3)
            data += s.message(OPEN, string("d/blind"), u32(W | CREAT | TRUNC),
                              u32(0))
            data += upload(s, 50 * 1000, first.h)
            for i in range(0, len(data), PIECE):
                c.data(first.ch, data[i:i + PIECE])
            c.send(ssh.CLOSE, u32(first.ch))
            if reset:
                taken(c)
                c.reset()
            else:
                c.close()
        complete("blind", 50 * 1000)
        gone(pid)
    first.close()


@case("last-part-of-a-request")
def _():
    """Only what is whole is done."""
    s = begin("part")
    one = s.message(WRITE, string(s.h), u64(0), string(BYTES[:1000]))
    two = s.message(WRITE, string(s.h), u64(1000), string(BYTES[1000:2000]))
    with stopped(s.pid):
        s.raw(one + two[:-1])
        s.close()
    eventually(lambda: log_has("event=transfer", "/d/part ", "bytes=1000 ",
                               "result=aborted"), "aborted")
    eq("size", os.path.getsize(path("part")), 1000)
    gone(s.pid)


@case("last-reads-are-not-done")
def _():
    """Two gigabytes of answers that nobody will read."""
    s = begin("reads")
    big = s.open("big")
    s.grow = False
    with stopped(s.pid):
        s.raw(b"".join(s.message(READ, string(big), u64(0), u32(255 * 1024))
                       for _ in range(8000)))
        s.raw(upload(s, 1000))
        s.close()
        before = cpu(s.pid)
    complete("reads", 1000)
    gone(s.pid)
    assert cpu(s.pid) - before < 1


@case("last-copy")
def _():
    s = begin("copy")
    big = s.open("sparse")
    with stopped(s.pid):
        s.raw(s.message(200, string("copy-data"), string(big), u64(0), u64(0),
                        string(s.h), u64(0)) +
              s.message(CLOSE, string(s.h)))
        s.close()
    eventually(lambda: log_has("event=transfer", "/d/copy ", "result=ok"),
               "copied")
    eq("size", os.path.getsize(path("copy")), 64 * MIB)
    os.unlink(path("copy"))
    gone(s.pid)


@case("last-channels-busy")
def _():
    """Channels that are closed, but not taken by the session yet, count: the
    server does not keep more than the limit of them."""
    s = begin("busy0")
    more = [Sftp(s.c, mine=100 + i) for i in range(3)]  # limits.channels: 4
    for i, m in enumerate(more):
        m.h = m.open(f"d/busy{i + 1}", W | CREAT | TRUNC)
    with stopped(s.pid):
        sizes = []
        for m in [s] + more:
            sizes.append(fill(m))
            s.c.send(ssh.CLOSE, u32(m.ch))
            m.ended()
        s.c.send(ssh.CHANNEL_OPEN, string("session"), u32(200), u32(1 << 20),
                 u32(32768))
        p = s.c.recv(ssh.OPEN_FAILURE, ssh.OPEN_CONFIRMATION)
        eq("answer", (p[0], get_u32(p, 5)), (ssh.OPEN_FAILURE, 4))
    for i, size in enumerate(sizes):
        complete(f"busy{i}", size)
    eventually(lambda: s.c.open(mine=201) is not None, "a channel")
    s.close()
    gone(s.pid)


@case("last-never-read")
def _():
    """A session that never takes it: neither the connection, nor its
    descriptors, nor its bytes stay."""
    before = rest()
    s = begin("never")
    net = net_process()
    with stopped(s.pid):
        fill(s)
        s.close()
        eventually(lambda: log_has("event=input-lost", "did not take it"),
                   "lost")
        eventually(lambda: fds(net) <= before[2], "descriptors")
    gone(s.pid)
    os.unlink(path("never"))


if __name__ == "__main__":
    main()
