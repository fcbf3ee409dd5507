"""A small SSH client that can misbehave: every packet is in the test's hand.

curve25519-sha256 and ed25519 only; ciphers gcm (aes128-gcm@openssh.com), ctr
(aes128-ctr with hmac-sha2-256) and etm (the same with -etm).
"""
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import \
    Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parts import KEY, WHO, string, tcp

(DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT,
 EXT_INFO) = range(1, 8)
KEXINIT, NEWKEYS, ECDH_INIT, ECDH_REPLY = 20, 21, 30, 31
(USERAUTH_REQUEST, USERAUTH_FAILURE, USERAUTH_SUCCESS,
 USERAUTH_BANNER) = range(50, 54)
PK_OK, INFO_RESPONSE = 60, 61
GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
(CHANNEL_OPEN, OPEN_CONFIRMATION, OPEN_FAILURE, WINDOW_ADJUST, DATA,
 EXTENDED_DATA, EOF, CLOSE, CHANNEL_REQUEST, CHANNEL_SUCCESS,
 CHANNEL_FAILURE) = range(90, 101)
PING, PONG = 192, 193

CIPHERS = {"gcm": "aes128-gcm@openssh.com", "ctr": "aes128-ctr",
           "etm": "aes128-ctr"}
MACS = {"gcm": "hmac-sha2-256", "ctr": "hmac-sha2-256",
        "etm": "hmac-sha2-256-etm@openssh.com"}


class Ended(Exception):
    """The server has closed; reason and text of its DISCONNECT, if any."""

    def __init__(self, reason=None, text=""):
        super().__init__(f"ended: {reason} {text}")
        self.reason, self.text = reason, text


def u32(n):
    return struct.pack(">I", n)


def mpint(n):
    b = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return string((b"\0" if b and b[0] & 0x80 else b"") + b)


def take(b, at=0):
    """The string at `at`, and where it ends."""
    n = struct.unpack_from(">I", b, at)[0]
    if at + 4 + n > len(b):
        raise ValueError("string too long")
    return b[at + 4:at + 4 + n], at + 4 + n


class Half:
    """One direction."""

    def __init__(self, kind=None, iv=b"", key=b"", mac=b""):
        self.kind, self.iv, self.mac = kind, iv, mac
        if kind == "gcm":
            self.aead = AESGCM(key[:16])
            self.count = int.from_bytes(iv[4:12], "big")
        elif kind:
            c = Cipher(algorithms.AES(key[:16]), modes.CTR(iv[:16]))
            self.stream = c.encryptor()

    def nonce(self):
        n = self.iv[:4] + (self.count % (1 << 64)).to_bytes(8, "big")
        self.count += 1
        return n

    def tag(self, seq, data):
        return hmac.new(self.mac[:32], u32(seq) + data,
                        hashlib.sha256).digest()


class Ssh:
    def __init__(self, cipher="gcm", strict=True, ident=b"SSH-2.0-raw_1.0",
                 start=True):
        self.cipher, self.strict_wish, self.ident = cipher, strict, ident
        self.sock = tcp()
        self.buf = b""
        self.tx, self.rx = Half(), Half()
        self.tx_seq = self.rx_seq = 0
        self.sid = None
        self.strict = False
        self.server_ident = None
        if start:
            self.idents()
            self.kex()

    def close(self):
        self.sock.close()

    # ---- bytes ----

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, BrokenPipeError):
            pass  # the reader will find out, with the reason

    def need(self, n):
        while len(self.buf) < n:
            try:
                b = self.sock.recv(1 << 18)
            except ConnectionError:
                b = b""
            if not b:
                raise Ended()
            self.buf += b

    def eat(self, n):
        self.need(n)
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def idents(self):
        self.raw(self.ident + b"\r\n")
        self.read_ident()

    def read_ident(self):
        while True:
            line = b""
            while not line.endswith(b"\n"):
                line += self.eat(1)
            if line.startswith(b"SSH-"):
                self.server_ident = line.rstrip(b"\r\n")
                return

    # ---- packets ----

    def seal(self, payload, pad=None, length=None):
        """The bytes of one packet; pad and length may lie."""
        h = self.tx
        block = 16 if h.kind else 8
        head = 1 if h.kind in ("gcm", "etm") else 5
        n = block - (head + len(payload)) % block
        if n < 4:
            n += block
        body = bytes([n if pad is None else pad]) + payload + os.urandom(n)
        size = u32(len(body) if length is None else length)
        seq, self.tx_seq = self.tx_seq, (self.tx_seq + 1) & 0xffffffff
        if not h.kind:
            return size + body
        if h.kind == "gcm":
            return size + h.aead.encrypt(h.nonce(), body, size)
        if h.kind == "etm":
            body = size + h.stream.update(body)
            return body + h.tag(seq, body)
        return h.stream.update(size + body) + h.tag(seq, size + body)

    def send(self, *parts, **lies):
        self.raw(self.seal(b"".join(
            bytes([p]) if isinstance(p, int) else p for p in parts), **lies))

    def recv_any(self):
        h = self.rx
        if h.kind == "ctr":
            first = h.stream.update(self.eat(16))
            n = struct.unpack(">I", first[:4])[0]
            plain = first + h.stream.update(self.eat(n + 4 - 16))
            assert self.eat(32) == h.tag(self.rx_seq, plain), "server's MAC"
            body = plain[4:]
        else:
            size = self.eat(4)
            n = struct.unpack(">I", size)[0]
            if h.kind == "gcm":
                body = h.aead.decrypt(h.nonce(), self.eat(n + 16), size)
            elif h.kind == "etm":
                data = self.eat(n)
                assert self.eat(32) == h.tag(self.rx_seq, size + data), \
                    "server's MAC"
                body = h.stream.update(data)
            else:
                body = self.eat(n)
        self.rx_seq = (self.rx_seq + 1) & 0xffffffff
        payload = body[1:len(body) - body[0]]
        if payload[0] == DISCONNECT:
            text, _ = take(payload, 5)
            raise Ended(struct.unpack_from(">I", payload, 1)[0],
                        text.decode("utf-8", "replace"))
        return payload

    def recv(self, *types):
        """The next packet that matters: global requests get an answer,
        a key exchange the server begins is gone along with."""
        while True:
            p = self.recv_any()
            if types and p[0] in types:
                return p
            if p[0] in (IGNORE, DEBUG, EXT_INFO, USERAUTH_BANNER):
                continue
            if p[0] == GLOBAL_REQUEST:
                name, at = take(p, 1)
                if p[at]:
                    self.send(REQUEST_FAILURE)
                continue
            if p[0] in (CHANNEL_REQUEST, WINDOW_ADJUST):  # not asked for
                continue
            if p[0] == KEXINIT:
                self.kex(p)
                continue
            if types:
                raise AssertionError(f"got message {p[0]}, wanted {types}")
            return p

    def ends(self):
        """The server must close now; what it said in its DISCONNECT."""
        try:
            while True:
                self.recv_any()
        except Ended as e:
            return e

    # ---- key exchange ----

    def kexinit(self, kex=None, host="ssh-ed25519", cipher=None, mac=None,
                guess=False, extra=""):
        names = kex or "curve25519-sha256"
        if self.strict_wish and self.sid is None:
            names += ",kex-strict-c-v00@openssh.com,ext-info-c"
        names += extra
        c, m = cipher or CIPHERS[self.cipher], mac or MACS[self.cipher]
        out = bytes([KEXINIT]) + os.urandom(16)
        for x in (names, host, c, c, m, m, "none", "none", "", ""):
            out += string(x.encode() if isinstance(x, str) else x)
        return out + bytes([1 if guess else 0]) + u32(0)

    def kex(self, theirs=None, mine=None):
        if mine is None:
            mine = self.kexinit()
        self.send(mine)
        if theirs is None:
            theirs = self.recv_kex(KEXINIT)
        if self.sid is None:
            names, _ = take(theirs, 17)
            self.strict = self.strict_wish and \
                b"kex-strict-s-v00@openssh.com" in names.split(b",")
        self.kex_rest(mine, theirs)

    def recv_kex(self, kind):
        while True:
            p = self.recv_any()
            if p[0] == kind:
                return p
            # what was under way before the server saw our KEXINIT
            if p[0] in (IGNORE, DEBUG) or p[0] >= 50:
                self.late = getattr(self, "late", []) + [p]
                continue
            raise AssertionError(f"message {p[0]} in the key exchange")

    def kex_rest(self, mine, theirs):
        priv = X25519PrivateKey.generate()
        pub = priv.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.send(ECDH_INIT, string(pub))
        self.kex_done(mine, theirs, priv, pub)

    def kex_done(self, mine, theirs, priv, pub):
        p = self.recv_kex(ECDH_REPLY)
        host, at = take(p, 1)
        q, at = take(p, at)
        sig, at = take(p, at)
        k = mpint(int.from_bytes(
            priv.exchange(X25519PublicKey.from_public_bytes(q)), "big"))
        h = hashlib.sha256(
            string(self.ident) + string(self.server_ident) + string(mine) +
            string(theirs) + string(host) + string(pub) + string(q) + k
        ).digest()
        Ed25519PublicKey.from_public_bytes(host[-32:]).verify(sig[-64:], h)
        if self.sid is None:
            self.sid = h
        self.send(NEWKEYS)

        def key(letter):
            out = hashlib.sha256(k + h + letter + self.sid).digest()
            return out + hashlib.sha256(k + h + out).digest()
        self.tx = Half(self.cipher, key(b"A"), key(b"C"), key(b"E"))
        if self.strict:
            self.tx_seq = 0
        p = self.recv_kex(NEWKEYS)
        self.rx = Half(self.cipher, key(b"B"), key(b"D"), key(b"F"))
        if self.strict:
            self.rx_seq = 0

    # ---- login and channels ----

    def service(self):
        self.send(SERVICE_REQUEST, string(b"ssh-userauth"))
        self.recv(SERVICE_ACCEPT)

    def load_key(self):
        with open(KEY, "rb") as f:
            key = serialization.load_ssh_private_key(f.read(), None)
        blob = string(b"ssh-ed25519") + string(key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw))
        return key, blob

    def auth_body(self, user, sid=None, signed_user=None):
        key, blob = self.load_key()

        def body(u):
            return (bytes([USERAUTH_REQUEST]) + string(u) +
                    string(b"ssh-connection") + string(b"publickey") +
                    b"\1" + string(b"ssh-ed25519") + string(blob))
        sig = key.sign(string(sid or self.sid) + body(signed_user or user))
        return body(user) + string(string(b"ssh-ed25519") + string(sig))

    def login(self, user=None):
        self.service()
        self.send(self.auth_body((user or WHO).encode()))
        self.recv(USERAUTH_SUCCESS)

    def open(self, mine=0, window=1 << 21, packet=32768, kind=b"session"):
        self.send(CHANNEL_OPEN, string(kind), u32(mine), u32(window),
                  u32(packet))
        p = self.recv(OPEN_CONFIRMATION, OPEN_FAILURE)
        if p[0] == OPEN_FAILURE:
            return None
        return struct.unpack_from(">I", p, 5)[0]

    def sftp(self, mine=0, **kw):
        """A session with the SFTP subsystem, before SSH_FXP_INIT."""
        ch = self.open(mine, **kw)
        assert ch is not None, "channel refused"
        self.send(CHANNEL_REQUEST, u32(ch), string(b"subsystem"), b"\1",
                  string(b"sftp"))
        self.recv(CHANNEL_SUCCESS)
        return ch

    def data(self, ch, data):
        self.send(DATA, u32(ch), string(data))


def logged_in(**kw):
    c = Ssh(**kw)
    c.login()
    return c
