#!/usr/bin/python3
"""An ssh-agent whose keys live on security tokens that do not exist.

token_agent.py SOCKET DIR: makes DIR/sk_ed25519.pub and DIR/sk_ecdsa.pub,
listens, prints "ready".  DIR/flags, if there, holds the number that the next
signatures carry as flags (1: touched, 4: verified); without it they say 1.
"""
import base64
import hashlib
import os
import socket
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import \
    decode_dss_signature

APP = b"ssh:"
FAILURE, LIST, KEYS, SIGN, SIGNED = 5, 11, 12, 13, 14


def s(b):
    return struct.pack(">I", len(b)) + b


def mpint(n):
    return s(n.to_bytes(n.bit_length() // 8 + 1, "big"))


def take(b):
    n, = struct.unpack(">I", b[:4])
    return b[4:4 + n], b[4 + n:]


class Ed25519:
    name = b"sk-ssh-ed25519@openssh.com"

    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        raw = self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.blob = s(self.name) + s(raw) + s(APP)

    def sign(self, data):
        return self.key.sign(data)


class Ecdsa:
    name = b"sk-ecdsa-sha2-nistp256@openssh.com"

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        raw = self.key.public_key().public_bytes(
            serialization.Encoding.X962,
            serialization.PublicFormat.UncompressedPoint)
        self.blob = s(self.name) + s(b"nistp256") + s(raw) + s(APP)

    def sign(self, data):
        sig = self.key.sign(data, ec.ECDSA(hashes.SHA256()))
        r, t = decode_dss_signature(sig)
        return mpint(r) + mpint(t)


class Agent:
    def __init__(self, folder):
        self.folder, self.counter = folder, 0
        self.keys = {"sk_ed25519": Ed25519(), "sk_ecdsa": Ecdsa()}
        for name, k in self.keys.items():
            with open(f"{folder}/{name}.pub", "wb") as f:
                f.write(k.name + b" " + base64.b64encode(k.blob) + b" t\n")

    def flags(self):
        try:
            with open(self.folder + "/flags") as f:
                return int(f.read())
        except FileNotFoundError:
            return 1

    def sign(self, rest):
        blob, rest = take(rest)
        data, _ = take(rest)
        for k in self.keys.values():
            if k.blob != blob:
                continue
            self.counter += 1
            tail = struct.pack(">BI", self.flags(), self.counter)
            raw = k.sign(hashlib.sha256(APP).digest() + tail +
                         hashlib.sha256(data).digest())
            return bytes([SIGNED]) + s(s(k.name) + s(raw) + tail)
        return bytes([FAILURE])

    def answer(self, msg):
        if msg[0] == LIST:
            return bytes([KEYS]) + struct.pack(">I", len(self.keys)) + \
                b"".join(s(k.blob) + s(n.encode())
                         for n, k in self.keys.items())
        if msg[0] == SIGN:
            return self.sign(msg[1:])
        return bytes([FAILURE])

    def serve(self, c):
        f = c.makefile("rwb")
        while True:
            head = f.read(4)
            if len(head) < 4:
                return
            f.write(s(self.answer(f.read(struct.unpack(">I", head)[0]))))
            f.flush()


def main():
    agent = Agent(sys.argv[2])
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(sys.argv[1])
    sock.listen(8)
    print("ready", flush=True)
    while True:
        c, _ = sock.accept()
        if os.fork() == 0:
            agent.serve(c)
            os._exit(0)
        c.close()


if __name__ == "__main__":
    import signal
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    main()
