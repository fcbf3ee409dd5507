"""An SSH-2 client of our own, written so that it can misbehave.

Nothing here keeps to the protocol by itself: every packet is sealed and sent
where a test says so, and each field of it may lie.  RFC 4251-4254, 4419
numbers, 5647, 5656, 8308, 8731; OpenSSH's PROTOCOL for names with an @.
"""
import hashlib
import hmac
import os
import select
import socket
import struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey, Ed25519PublicKey)
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature)
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

(DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT,
 EXT_INFO) = range(1, 8)
KEXINIT, NEWKEYS, KEX_INIT, KEX_REPLY = 20, 21, 30, 31
(USERAUTH_REQUEST, USERAUTH_FAILURE, USERAUTH_SUCCESS,
 USERAUTH_BANNER) = range(50, 54)
PK_OK, INFO_RESPONSE = 60, 61
GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
(CHANNEL_OPEN, OPEN_CONFIRMATION, OPEN_FAILURE, WINDOW_ADJUST, DATA,
 EXTENDED_DATA, EOF, CLOSE, CHANNEL_REQUEST, CHANNEL_SUCCESS,
 CHANNEL_FAILURE) = range(90, 101)
PING, PONG = 192, 193

CURVE, NIST, GROUP14 = ("curve25519-sha256", "ecdh-sha2-nistp256",
                        "diffie-hellman-group14-sha256")
STRICT = "kex-strict-c-v00@openssh.com"
CIPHERS = {  # what a test calls it: cipher, MAC
    "gcm": ("aes128-gcm@openssh.com", "hmac-sha2-256"),
    "ctr": ("aes128-ctr", "hmac-sha2-256"),
    "etm": ("aes128-ctr", "hmac-sha2-256-etm@openssh.com"),
    "chacha": ("chacha20-poly1305@openssh.com", "hmac-sha2-256"),
}
# RFC 3526, section 3
P14 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16)

PATIENCE = 90  # seconds until silence counts as an answer, a wrong one


class Ended(Exception):
    """The server has closed.  reason and text are its DISCONNECT's."""

    def __init__(self, reason=None, text=""):
        super().__init__(f"ended: {reason} {text}")
        self.reason, self.text = reason, text


def u32(n):
    return struct.pack(">I", n & 0xffffffff)


def u64(n):
    return struct.pack(">Q", n & 0xffffffffffffffff)


def string(b):
    b = b.encode() if isinstance(b, str) else b
    return u32(len(b)) + b


def mpint(n):
    b = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return string((b"\0" if b and b[0] & 0x80 else b"") + b)


def get_u32(b, at=0):
    return struct.unpack_from(">I", b, at)[0]


def take(b, at=0):
    """The string at `at`, and where it ends."""
    n = get_u32(b, at)
    if at + 4 + n > len(b):
        raise ValueError("string is cut")
    return b[at + 4:at + 4 + n], at + 4 + n


def flip(b, i, bit=1):
    i %= len(b)
    return b[:i] + bytes([b[i] ^ bit]) + b[i + 1:]


# ---- packets ----

class Half:
    """The protection of one direction."""

    block, overhead, outside = 8, 0, 0

    def __init__(self, kind=None, iv=b"", key=b"", mac=b""):
        self.kind, self.iv, self.mac = kind, iv, mac[:32]
        if kind is None:
            return
        self.block = 8 if kind == "chacha" else 16
        self.overhead = 16 if kind in ("gcm", "chacha") else 32
        self.outside = 0 if kind == "ctr" else 4  # the length field
        if kind == "gcm":
            self.aead = AESGCM(key[:16])
            self.count = int.from_bytes(iv[4:12], "big")
        elif kind == "chacha":
            self.k_main, self.k_len = key[:32], key[32:64]
        else:
            self.stream = Cipher(algorithms.AES(key[:16]),
                                 modes.CTR(iv[:16])).encryptor()

    def nonce(self):
        n = self.iv[:4] + u64(self.count)
        self.count += 1
        return n

    @staticmethod
    def chacha(key, seq, block, data):
        nonce = block.to_bytes(8, "little") + u64(seq)
        return Cipher(algorithms.ChaCha20(key, nonce),
                      None).encryptor().update(data)

    def poly(self, seq, data):
        p = Poly1305(self.chacha(self.k_main, seq, 0, bytes(32)))
        p.update(data)
        return p.finalize()

    def tag(self, seq, data):
        return hmac.new(self.mac, u32(seq) + data, hashlib.sha256).digest()

    def seal(self, seq, size, body):
        """size: four bytes of length, body: padding length and the rest."""
        if self.kind is None:
            return size + body
        if self.kind == "gcm":
            return size + self.aead.encrypt(self.nonce(), body, size)
        if self.kind == "chacha":
            out = self.chacha(self.k_len, seq, 0, size) + \
                self.chacha(self.k_main, seq, 1, body)
            return out + self.poly(seq, out)
        if self.kind == "etm":
            out = size + self.stream.update(body)
            return out + self.tag(seq, out)
        return self.stream.update(size + body) + self.tag(seq, size + body)


def payload_of(body):
    return body[1:len(body) - body[0]]


class Ssh:
    """A connection.  Ssh() has exchanged keys; Ssh(start=False) is a bare
    socket behind which everything is yours."""

    def __init__(self, addr, cipher="gcm", kex=CURVE, strict=True,
                 host="ssh-ed25519", ident=b"SSH-2.0-hostile_1.0",
                 start=True, source=None):
        self.cipher, self.kex_name, self.host_name = cipher, kex, host
        self.wish, self.ident = strict, ident
        self.sock = socket.create_connection(
            addr, timeout=PATIENCE, source_address=source)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = bytearray()
        self.tx, self.rx = Half(), Half()
        self.tx_seq = self.rx_seq = 0
        self.sid = None          # session id
        self.strict = False      # agreed
        self.server_ident = None
        self.kexinit_seen = None  # the server's last
        self.ext = {}            # EXT_INFO
        self.late = []           # arrived in the middle of a key exchange
        if start:
            self.idents()
            self.kex()

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *x):
        self.close()

    # ---- bytes ----

    def raw(self, data):
        """Sends; if the server has gone, reading will tell."""
        try:
            self.sock.sendall(data)
        except (ConnectionError, BrokenPipeError):
            pass

    def more(self):
        try:
            b = self.sock.recv(1 << 18)
        except ConnectionError:
            b = b""
        if not b:
            raise Ended()
        self.buf += b

    def eat(self, n):
        while len(self.buf) < n:
            self.more()
        out = bytes(self.buf[:n])
        del self.buf[:n]
        return out

    def stuff(self, data, idle=2.0):
        """Sends what the server takes without reading what it answers:
        how many bytes that was before it took nothing for `idle` seconds."""
        sent = 0
        self.sock.setblocking(False)
        try:
            while sent < len(data):
                if not select.select([], [self.sock], [], idle)[1]:
                    break
                sent += self.sock.send(data[sent:sent + (1 << 18)])
        except (ConnectionError, BrokenPipeError):
            pass
        finally:
            self.sock.settimeout(PATIENCE)
        return sent

    def pour(self, data):
        """Sends all and drops what comes back; False: the server closed."""
        sent = 0
        self.sock.setblocking(False)
        try:
            while sent < len(data):
                r, w, _ = select.select([self.sock], [self.sock], [],
                                        PATIENCE)
                if not r and not w:
                    raise AssertionError("the server neither takes nor "
                                         "gives")
                if r:
                    got = self.sock.recv(1 << 18)
                    if not got:
                        return False
                    self.buf += got
                if w:
                    sent += self.sock.send(data[sent:sent + (1 << 18)])
        except BlockingIOError:
            return self.pour(data[sent:])
        except (ConnectionError, BrokenPipeError):
            return False
        finally:
            self.sock.settimeout(PATIENCE)
        return True

    def line(self):
        out = b""
        while not out.endswith(b"\n"):
            out += self.eat(1)
        return out.rstrip(b"\r\n")

    def idents(self):
        self.raw(self.ident + b"\r\n")
        self.read_ident()

    def read_ident(self):
        while True:
            line = self.line()
            if line.startswith(b"SSH-"):
                self.server_ident = line
                return

    # ---- packets ----

    def seal(self, *parts, pad=None, length=None, fill=None, whole=None):
        """The bytes of one packet.  pad and length may lie, fill is the
        number of padding bytes really there, whole replaces everything
        behind the length."""
        payload = b"".join(
            bytes([p]) if isinstance(p, int) else p for p in parts)
        h = self.tx
        n = -(5 - h.outside + len(payload)) % h.block
        n += h.block if n < 4 else 0
        n = n if fill is None else fill
        body = bytes([n if pad is None else pad]) + payload + os.urandom(n)
        body = body if whole is None else whole
        size = u32(len(body) if length is None else length)
        seq, self.tx_seq = self.tx_seq, (self.tx_seq + 1) & 0xffffffff
        return h.seal(seq, size, body)

    def send(self, *parts, **lies):
        self.raw(self.seal(*parts, **lies))

    def open_packet(self):
        h, seq = self.rx, self.rx_seq
        first = self.eat(16 if h.kind == "ctr" else 4)
        if h.kind == "ctr":
            plain = h.stream.update(first)
            n = get_u32(plain) + 4 - 16
            plain += h.stream.update(self.eat(n))
            assert self.eat(32) == h.tag(seq, plain), "server's MAC"
            body = plain[4:]
        elif h.kind == "gcm":
            body = h.aead.decrypt(
                h.nonce(), self.eat(get_u32(first) + 16), first)
        elif h.kind == "etm":
            data = self.eat(get_u32(first))
            assert self.eat(32) == h.tag(seq, first + data), "server's MAC"
            body = h.stream.update(data)
        elif h.kind == "chacha":
            n = get_u32(h.chacha(h.k_len, seq, 0, first))
            data = self.eat(n)
            assert self.eat(16) == h.poly(seq, first + data), "server's tag"
            body = h.chacha(h.k_main, seq, 1, data)
        else:
            body = self.eat(get_u32(first))
        self.rx_seq = (self.rx_seq + 1) & 0xffffffff
        return payload_of(body)

    def recv_any(self):
        """The next packet whatever it is; a DISCONNECT raises Ended."""
        p = self.open_packet()
        if p[0] == DISCONNECT:
            raise Ended(get_u32(p, 1),
                        take(p, 5)[0].decode("utf-8", "replace"))
        if p[0] == EXT_INFO:
            at = 5
            for i in range(get_u32(p, 1)):
                k, at = take(p, at)
                self.ext[k], at = take(p, at)
        return p

    def recv(self, *types):
        """The next packet that matters: probes are answered, and a key
        exchange that the server begins is gone along with."""
        while True:
            p = self.late.pop(0) if self.late else self.recv_any()
            if types and p[0] in types:
                return p
            if p[0] in (IGNORE, DEBUG, EXT_INFO, USERAUTH_BANNER,
                        WINDOW_ADJUST, CHANNEL_REQUEST):
                continue
            if p[0] == GLOBAL_REQUEST:
                name, at = take(p, 1)
                if p[at]:
                    self.send(REQUEST_FAILURE)
                continue
            if p[0] == KEXINIT:
                self.kex(theirs=p)
                continue
            if types:
                raise AssertionError(f"got message {p[0]}, wanted {types}")
            return p

    def end(self):
        """The server has to close now: what it said."""
        try:
            while True:
                self.recv_any()
        except Ended as e:
            return e

    # ---- key exchange ----

    def kexinit(self, names=None, guess=False, lists=None, tail=None,
                cookie=None):
        """The payload of a KEXINIT; lists replaces single ones by index
        (RFC 4253 7.1), tail what comes behind the lists."""
        kex = names if names is not None else self.kex_name
        if self.sid is None and names is None:
            kex += ",ext-info-c"
            kex += "," + STRICT if self.wish else ""
        c, m = CIPHERS[self.cipher]
        ten = [kex, self.host_name, c, c, m, m, "none", "none", "", ""]
        for i, x in (lists or {}).items():
            ten[i] = x
        out = bytes([KEXINIT]) + (cookie or os.urandom(16))
        out += b"".join(string(x) for x in ten)
        return out + (bytes([guess]) + u32(0) if tail is None else tail)

    def kex(self, theirs=None, mine=None):
        """A whole key exchange; theirs: the server began it."""
        mine = mine or self.kexinit()
        self.send(mine)
        self.kex_rest(mine, theirs or self.recv_kex(KEXINIT))

    def note_strict(self, theirs):
        self.kexinit_seen = theirs
        if self.sid is None:
            names = take(theirs, 17)[0].split(b",")
            self.strict = self.wish and \
                b"kex-strict-s-v00@openssh.com" in names

    def recv_kex(self, kind):
        while True:
            p = self.recv_any()
            if p[0] == KEXINIT:
                self.note_strict(p)
            if p[0] == kind:
                return p
            if p[0] >= 50:  # was under way before the server heard ours
                self.late.append(p)
            elif p[0] not in (IGNORE, DEBUG, EXT_INFO):
                raise AssertionError(f"message {p[0]} in a key exchange")

    def make_share(self):
        if self.kex_name == CURVE:
            self.priv = X25519PrivateKey.generate()
            self.pub = self.priv.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        elif self.kex_name == NIST:
            self.priv = ec.generate_private_key(ec.SECP256R1())
            self.pub = self.priv.public_key().public_bytes(
                serialization.Encoding.X962,
                serialization.PublicFormat.UncompressedPoint)
        else:
            self.priv = int.from_bytes(os.urandom(64), "big")
            self.pub = mpint(pow(2, self.priv, P14))[4:]

    def shared(self, q):
        if self.kex_name == CURVE:
            k = self.priv.exchange(X25519PublicKey.from_public_bytes(q))
        elif self.kex_name == NIST:
            k = self.priv.exchange(
                ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(
                    ec.SECP256R1(), q))
        else:
            return pow(int.from_bytes(q, "big"), self.priv, P14)
        return int.from_bytes(k, "big")

    def kex_rest(self, mine, theirs):
        self.make_share()
        self.send(KEX_INIT, string(self.pub))
        self.kex_reply(mine, theirs)
        self.kex_newkeys()

    def kex_reply(self, mine, theirs):
        """Takes the reply, checks its signature, makes the keys."""
        p = self.recv_kex(KEX_REPLY)
        host, at = take(p, 1)
        q, at = take(p, at)
        sig, at = take(p, at)
        k = mpint(self.shared(q))
        self.hash = hashlib.sha256(
            string(self.ident) + string(self.server_ident) + string(mine) +
            string(theirs) + string(host) + string(self.pub) + string(q) + k
        ).digest()
        check_host(host, sig, self.hash)
        if self.sid is None:
            self.sid = self.hash
        self.secret = k

    def derive(self, letter):
        out = hashlib.sha256(
            self.secret + self.hash + letter + self.sid).digest()
        return out + hashlib.sha256(self.secret + self.hash + out).digest()

    def turn_tx(self):
        d = self.derive
        self.tx = Half(self.cipher, d(b"A"), d(b"C"), d(b"E"))
        if self.strict:
            self.tx_seq = 0

    def turn_rx(self):
        d = self.derive
        self.rx = Half(self.cipher, d(b"B"), d(b"D"), d(b"F"))
        if self.strict:
            self.rx_seq = 0

    def kex_newkeys(self):
        self.send(NEWKEYS)
        self.turn_tx()
        self.recv_kex(NEWKEYS)
        self.turn_rx()

    # ---- login ----

    def service(self):
        self.send(SERVICE_REQUEST, string("ssh-userauth"))
        self.recv(SERVICE_ACCEPT)

    def auth(self, *fields):
        """Sends a USERAUTH_REQUEST: the server's answer."""
        self.send(USERAUTH_REQUEST, *fields)
        return self.recv(USERAUTH_FAILURE, USERAUTH_SUCCESS, PK_OK)

    def login(self, user, key, alg=None):
        self.service()
        self.send(signed(self.sid, user, key, alg))
        self.recv(USERAUTH_SUCCESS)
        return self

    # ---- channels ----

    def open(self, mine=0, window=1 << 21, packet=32768, kind="session",
             extra=b""):
        """The server's number of a new channel, None if refused."""
        self.send(CHANNEL_OPEN, string(kind), u32(mine), u32(window),
                  u32(packet), extra)
        p = self.recv(OPEN_CONFIRMATION, OPEN_FAILURE)
        if p[0] == OPEN_FAILURE:
            return None
        return get_u32(p, 5)

    def request(self, ch, name, *fields, want=True):
        self.send(CHANNEL_REQUEST, u32(ch), string(name), bytes([want]),
                  *fields)

    def ask(self, ch, name, *fields):
        """A channel request: was it granted?"""
        self.request(ch, name, *fields)
        return self.recv(CHANNEL_SUCCESS,
                         CHANNEL_FAILURE)[0] == CHANNEL_SUCCESS

    def sftp_channel(self, mine=0, **kw):
        ch = self.open(mine, **kw)
        assert ch is not None, "channel refused"
        assert self.ask(ch, "subsystem", string("sftp")), "sftp refused"
        return ch

    def data(self, ch, data):
        self.send(DATA, u32(ch), string(data))

    def breathes(self):
        """Behind login: everything sent so far has been dealt with, and
        the connection lives."""
        self.send(201)
        while self.recv_any()[0] != UNIMPLEMENTED:
            pass


# ---- keys and signatures ----

def load_key(path):
    with open(path, "rb") as f:
        return serialization.load_ssh_private_key(f.read(), None)


def key_blob(key):
    pub = key.public_key()
    if isinstance(pub, Ed25519PublicKey):
        return string("ssh-ed25519") + string(pub.public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    if isinstance(pub, rsa.RSAPublicKey):
        n = pub.public_numbers()
        return string("ssh-rsa") + mpint(n.e) + mpint(n.n)
    name = "nistp%d" % pub.curve.key_size
    return string("ecdsa-sha2-" + name) + string(name) + string(
        pub.public_bytes(serialization.Encoding.X962,
                         serialization.PublicFormat.UncompressedPoint))


def key_alg(key):
    if isinstance(key, Ed25519PrivateKey):
        return "ssh-ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "rsa-sha2-512"
    return "ecdsa-sha2-nistp%d" % key.curve.key_size


def sign(key, alg, data):
    """The inner signature bytes of algorithm alg."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        h = {"ssh-rsa": hashes.SHA1, "rsa-sha2-256": hashes.SHA256,
             "rsa-sha2-512": hashes.SHA512}[alg]
        return key.sign(data, padding.PKCS1v15(), h())
    h = {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}
    r, s = decode_dss_signature(key.sign(
        data, ec.ECDSA(h[key.curve.key_size]())))
    return mpint(r) + mpint(s)


def check_host(blob, sig, data):
    kind, at = take(blob)
    alg, sat = take(sig)
    inner, sat = take(sig, sat)
    assert sat == len(sig), "bytes behind the host's signature"
    if kind == b"ssh-ed25519":
        Ed25519PublicKey.from_public_bytes(take(blob, at)[0]).verify(
            inner, data)
    elif kind == b"ssh-rsa":
        e, at = take(blob, at)
        n, at = take(blob, at)
        rsa.RSAPublicNumbers(
            int.from_bytes(e, "big"), int.from_bytes(n, "big")
        ).public_key().verify(
            inner, data, padding.PKCS1v15(),
            {b"rsa-sha2-256": hashes.SHA256,
             b"rsa-sha2-512": hashes.SHA512}[alg]())
    else:
        raise AssertionError(f"host key {kind!r} was not asked for")


def request(user, method, *fields, service="ssh-connection"):
    """The payload of a USERAUTH_REQUEST."""
    return bytes([USERAUTH_REQUEST]) + string(user) + string(service) + \
        string(method) + b"".join(fields)


def query(user, alg, blob, **kw):
    return request(user, "publickey", b"\0", string(alg), string(blob), **kw)


def signed(sid, user, key, alg=None, signed_user=None, signed_alg=None,
           signed_service=None, inner_alg=None, blob=None, spoil=None,
           service="ssh-connection"):
    """A publickey request with a signature; what it covers may differ from
    what it says."""
    alg = alg or key_alg(key)
    blob = blob or key_blob(key)

    def covered(u, a, s):
        return request(u, "publickey", b"\1", string(a), string(blob),
                       service=s)
    data = covered(user if signed_user is None else signed_user,
                   signed_alg or alg, signed_service or service)
    sig = sign(key, inner_alg or alg, string(sid) + data)
    outer = string(inner_alg or alg) + string(sig)
    outer = spoil(outer) if spoil else outer
    return covered(user, alg, service) + string(outer)
