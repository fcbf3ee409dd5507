#!/usr/bin/python3
"""Both ends of connections, for tests of forwarding.

net.py serve MODE ADDRESS    prints the port (of a path: the path), serves
	digest	reads to the end, answers with length and SHA-256, closes
	source	sends 64 MiB of known bytes, closes
	echo	gives back what comes, ends when the client ends
	hold	says "hello", then neither reads nor writes
	count	prints a line for each connection and for its end
net.py ask ADDRESS [N]       sends N bytes (or standard input), ends that
	direction, prints the answer
net.py take ADDRESS          reads to the end, prints length and SHA-256

ADDRESS is HOST:PORT, [HOST]:PORT or a path.
"""
import hashlib
import os
import socket
import sys
import threading

BLOCK = hashlib.shake_256(b"sallyport").digest(1 << 20)


def parse(text):
    if text.startswith("/"):
        return socket.AF_UNIX, text
    host, port = text.rsplit(":", 1)
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, (host, int(port))


def call(text):
    family, where = parse(text)
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(60)
    s.connect(where)
    return s


def summary(s):
    h, n = hashlib.sha256(), 0
    while True:
        b = s.recv(1 << 18)
        if not b:
            return "%d %s" % (n, h.hexdigest())
        h.update(b)
        n += len(b)


def digest(s):
    s.sendall((summary(s) + "\n").encode())


def source(s):
    for _ in range(64):
        s.sendall(BLOCK)


def echo(s):
    while True:
        b = s.recv(65536)
        if not b:
            return
        s.sendall(b)


def hold(s):
    s.sendall(b"hello\n")
    threading.Event().wait()


def count(s):
    print("open", flush=True)
    try:
        while s.recv(65536):
            pass
        print("end", flush=True)
    except OSError:
        print("reset", flush=True)


def one(mode, s):
    try:
        mode(s)
    except OSError:
        pass
    s.close()


def serve(mode, text):
    family, where = parse(text)
    s = socket.socket(family, socket.SOCK_STREAM)
    if family != socket.AF_UNIX:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(where)
    s.listen(256)
    if family == socket.AF_UNIX:
        os.chmod(where, 0o777)
        print(where, flush=True)
    else:
        print(s.getsockname()[1], flush=True)
    while True:
        c, _ = s.accept()
        threading.Thread(target=one, args=(globals()[mode], c),
                         daemon=True).start()


def send(s, n):
    while n > 0:
        s.sendall(BLOCK[:n])
        n -= len(BLOCK)


def ask(text, n=None):
    s = call(text)
    if n is None:
        s.sendall(sys.stdin.buffer.read())
    else:
        send(s, int(n))
    s.shutdown(socket.SHUT_WR)
    while True:
        b = s.recv(65536)
        if not b:
            return
        sys.stdout.buffer.write(b)


def take(text):
    print(summary(call(text)))


if __name__ == "__main__":
    {"serve": serve, "ask": ask, "take": take}[sys.argv[1]](*sys.argv[2:])
