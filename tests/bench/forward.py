"""forward.py down|up MIB: what a forwarded connection costs the server.

OpenSSH's client connects with HOST, PORT, WHO, KEY, and forwards a port to a
socket of ours; MIB go through it, from there (down) or to there (up).  Prints
the server's CPU time, of GROUP, a cgroup, or of TREE, a pid and all below it.
"""
import os
import socket
import subprocess
import sys
import threading
import time

from counter import cpu

BLOCK = os.urandom(1 << 20)


def sink(s, got):
    buf = bytearray(1 << 20)
    while True:
        n = s.recv_into(buf)
        if not n:
            return
        got.append(n)


def source(s, n):
    for _ in range(n):
        s.sendall(BLOCK)
    s.shutdown(socket.SHUT_WR)


def client(port):
    e = os.environ
    return subprocess.Popen([
        "ssh", "-F", "none", "-N", "-p", e["PORT"], "-i", e["KEY"],
        "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        "-o", "Ciphers=aes128-gcm@openssh.com",
        "-L", "%d:127.0.0.1:%d" % (port[0], port[1]),
        "%s@%s" % (e["WHO"], e.get("HOST", "127.0.0.1"))])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def connect(port):
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("no forward")


def quiet():
    """The CPU time once it does not grow any more."""
    a = cpu()
    while True:
        time.sleep(0.2)
        b = cpu()
        if b - a < 0.002:
            return b
        a = b


def main(way, mib):
    far = socket.create_server(("127.0.0.1", 0))
    port = free_port(), far.getsockname()[1]
    ssh = client(port)
    near = connect(port[0])
    there = far.accept()[0]
    before, began, got = quiet(), time.monotonic(), []
    ends = (there, near) if way == "down" else (near, there)
    t = threading.Thread(target=source, args=(ends[0], mib))
    t.start()
    sink(ends[1], got)
    took = time.monotonic() - began
    t.join()
    assert sum(got) == mib << 20
    used = quiet() - before
    print("- %s: cpu_s_gib=%.3f mib_s=%.0f" %
          (way, used * 1024 / mib, mib / took))
    near.close()
    there.close()
    ssh.terminate()
    ssh.wait()


main(sys.argv[1], int(sys.argv[2]))
