"""Identification, key exchange, protection of packets: before login."""
import os

import ssh
from ssh import (CHANNEL_OPEN, DEBUG, EXT_INFO, IGNORE, KEX_INIT, KEX_REPLY,
                 KEXINIT, NEWKEYS, P14, SERVICE_REQUEST, STRICT,
                 UNIMPLEMENTED, USERAUTH_REQUEST, Ended, flip, get_u32, mpint,
                 string, take, u32)
from world import (KEY, WHO, Sftp, bare, case, eq, fatal, keyed, logged_in,
                   main, refused_by)

OPEN_SESSION = bytes([CHANNEL_OPEN]) + string("session") + u32(0) + \
    u32(1 << 21) + u32(32768)
SERVICE = bytes([SERVICE_REQUEST]) + string("ssh-userauth")


# ---- identification ----

def answered(line, **kw):
    """The server takes this as an identification: the whole way in."""
    c = bare(ident=line.rstrip(b"\r\n"), **kw)
    c.raw(line)
    c.read_ident()
    c.kex()
    c.login(WHO, KEY)
    c.breathes()
    c.close()


def turned_away(data):
    c = bare()
    c.raw(data)
    c.read_ident()
    try:
        while True:     # a line of text, and the end
            c.more()
    except Ended:
        pass
    assert b"\n" in c.buf, "no word of why"
    assert b"\x14" not in c.buf, "answered with a KEXINIT"
    c.close()


def t_ver(name, data):
    case("ver-" + name)(lambda: turned_away(data))


for _name, _data in {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 505,
    "smtp": b"EHLO there\r\n",
    "nul": b"\0" * 64,
    "binary": bytes(range(128, 256)) + b"\n",
    "only-newlines": b"\r\n" * 8,
    "line-before": b"hello\r\nSSH-2.0-x\r\n",
    "1.5": b"SSH-1.5-old\r\n",
    "3.0": b"SSH-3.0-new\r\n",
    "empty-protocol": b"SSH--x\r\n",
    "empty-software": b"SSH-2.0-\r\n",
    "no-software": b"SSH-2.0\r\n",
    "nul-inside": b"SSH-2.0-a\0b\r\n",
    "escape-inside": b"SSH-2.0-a\x1b[2Jb\r\n",
    "cr-inside": b"SSH-2.0-a\rb\r\n",
    "long-line": b"SSH-2.0-" + b"x" * 248 + b"\r\n",
    "very-long-line": b"SSH-2.0-" + b"x" * 500000 + b"\r\n",
    "long-without-end": b"SSH-2.0-" + b"x" * 500000,
    "lower-case": b"ssh-2.0-x\r\n",
}.items():
    t_ver(_name, _data)


@case("ver-good-forms")
def _():
    for line in (b"SSH-2.0-x\r\n", b"SSH-2.0-x\n", b"SSH-1.99-x\r\n",
                 b"SSH-2.0-a-b-c d e f\r\n", b"SSH-2.0-%n%s%n%s%x\r\n",
                 b"SSH-2.0-\xc3\xa4\xff\xfe x\r\n",
                 b"SSH-2.0-" + b"x" * 245 + b"\r\n"):
        answered(line)


@case("ver-byte-by-byte")
def _():
    c = bare()
    for b in c.ident + b"\r\n":
        c.raw(bytes([b]))
    c.read_ident()
    c.kex()
    c.close()


@case("ver-with-everything-behind")
def _():
    """Identification, KEXINIT and the guess in one piece."""
    c = bare()
    mine = c.kexinit(guess=True)
    c.make_share()
    c.raw(c.ident + b"\r\n" + c.seal(mine) +
          c.seal(KEX_INIT, string(c.pub)))
    c.read_ident()
    c.kex_reply(mine, c.recv_kex(KEXINIT))
    c.kex_newkeys()
    c.login(WHO, KEY)
    c.close()


@case("ver-half-and-gone")
def _():
    for n in range(12):
        c = bare()
        c.raw(b"SSH-2.0-half"[:n])
        c.close() if n % 2 else c.reset()


# ---- KEXINIT ----

def started(**kw):
    """Identifications are exchanged."""
    c = bare(**kw)
    c.idents()
    return c


def kexinit_refused(what, *payload):
    c = started()
    c.send(*payload)
    fatal(c, what)


@case("kexinit-offer-policy")
def _():
    """What the server offers by default, in every list."""
    c = keyed()
    lists, at = [], 17
    for i in range(10):
        x, at = take(c.kexinit_seen, at)
        lists.append(x.decode().split(","))
    kex, host, *ciphers = lists
    assert "curve25519-sha256" in kex, kex
    for name in kex:
        assert "sha1" not in name and "group1-" not in name, name
    for name in host:
        assert name not in ("ssh-rsa", "ssh-dss"), name
    for name in ciphers[0] + ciphers[1]:
        assert "cbc" not in name and "arcfour" not in name and \
            name != "none", name
    for name in ciphers[2] + ciphers[3]:
        assert "sha1" not in name and "md5" not in name and \
            "none" != name and "-96" not in name, name
    for name in ciphers[4] + ciphers[5]:
        assert name in ("none", "zlib@openssh.com"), name
    c.close()


@case("kexinit-no-common")
def _():
    for i in range(8):
        c = started()
        # An AEAD needs no MAC: ask for one.
        lists = {i: "nothing@example.com"}
        if i in (4, 5):
            lists[i - 2] = "aes128-ctr"
        c.send(c.kexinit(lists=lists))
        fatal(c, f"nothing common in list {i}", (3,))


@case("kexinit-empty-lists")
def _():
    for i in range(8):
        c = started()
        lists = {i: ""}
        if i in (4, 5):
            lists[i - 2] = "aes128-ctr"
        c.send(c.kexinit(lists=lists))
        fatal(c, f"empty list {i}")


@case("kexinit-weak-only")
def _():
    for i, name in ((0, "diffie-hellman-group1-sha1"),
                    (0, "diffie-hellman-group14-sha1"),
                    (1, "ssh-rsa"), (1, "ssh-dss"), (2, "none"),
                    (2, "aes128-cbc"), (2, "3des-cbc"), (3, "arcfour"),
                    (6, "zlib")):
        c = started()
        c.send(c.kexinit(lists={i: name}))
        fatal(c, name, (3,))


@case("kexinit-cut-short")
def _():
    whole = bytes(started().kexinit())
    for n in [1, 2, 16, 17, 20, 21] + list(range(22, len(whole), 29)):
        kexinit_refused(f"kexinit of {n} bytes", whole[:n])


@case("kexinit-lying-lengths")
def _():
    whole = started().kexinit()
    for n in (0x7fffffff, 0xffffffff, len(whole), 0x10000):
        kexinit_refused(f"list of {n}", whole[:17] + u32(n) + whole[21:])
    kexinit_refused("bytes behind", whole + b"x")


@case("kexinit-odd-names")
def _():
    for name in (b"a\0b", b"a b", b"\xff\xfe", b"a\nb", b"\x7f"):
        c = started()
        c.send(c.kexinit(b"curve25519-sha256," + name))
        fatal(c, f"name {name!r}")


@case("kexinit-odd-commas")
def _():
    """Empty names are in no common list; they may be refused, or not."""
    for name in (b",curve25519-sha256", b"curve25519-sha256,",
                 b",,,,curve25519-sha256,,", b","):
        c = started()
        c.send(c.kexinit(name))
        try:
            while c.recv_any()[0] == KEXINIT:
                c.send(KEX_INIT, string(b"short"))
        except Ended:
            pass
        c.close()


@case("kexinit-10k-algorithms")
def _():
    many = ",".join("x%d@example.com" % i for i in range(10000))
    for i in (0, 2, 8):
        c = started()
        c.send(c.kexinit(lists={i: many}))
        refused_by(c, f"10,000 names in list {i}")


@case("kexinit-10k-commas")
def _():
    c = started()
    c.send(c.kexinit("," * 10000 + "curve25519-sha256"))
    refused_by(c, "10,000 commas")


@case("kexinit-10k-long-name")
def _():
    c = started()
    c.kex(mine=c.kexinit("curve25519-sha256," + "x" * 10000))
    c.close()


@case("kexinit-10k-reserved-bytes")
def _():
    kexinit_refused("tail", started().kexinit(tail=b"\0" * 10000))


@case("kexinit-largest-packet")
def _():
    c = started()
    c.send(c.kexinit(lists={8: "x" * 250000}))
    refused_by(c, "a list of 250,000 bytes")


@case("kexinit-twice")
def _():
    c = started()
    c.send(c.kexinit())
    c.send(c.kexinit())
    fatal(c, "second kexinit")


@case("kexinit-twice-behind-init")
def _():
    c = started()
    c.send(c.kexinit())
    c.make_share()
    c.raw(c.seal(KEX_INIT, string(c.pub)) + c.seal(c.kexinit()))
    fatal(c, "kexinit behind the share")


@case("kexinit-flood-mid-kex")
def _():
    c = started(strict=False)
    one = c.kexinit(lists={8: "x" * 15000})
    c.pour(b"".join(c.seal(one) for i in range(300)))
    refused_by(c, "300 kexinits")


# ---- guesses ----

@case("kexinit-guess-right")
def _():
    c = started()
    mine = c.kexinit(guess=True)
    c.make_share()
    c.raw(c.seal(mine) + c.seal(KEX_INIT, string(c.pub)))
    c.kex_reply(mine, c.recv_kex(KEXINIT))
    c.kex_newkeys()
    c.login(WHO, KEY)
    c.close()


@case("kexinit-guess-wrong")
def _():
    """Exactly one packet is skipped, whatever is in it."""
    for garbage in (b"", b"\0" * 40, string(os.urandom(32)), b"\xff" * 3000):
        c = started()
        mine = c.kexinit("x@example.com,curve25519-sha256", guess=True)
        c.wish = False
        c.raw(c.seal(mine) + c.seal(KEX_INIT, garbage))
        c.kex_rest(mine, c.recv_kex(KEXINIT))
        c.login(WHO, KEY)
        c.close()


@case("kexinit-guess-wrong-host-key")
def _():
    c = started()
    mine = c.kexinit(guess=True, lists={1: "ssh-dss,ssh-ed25519"})
    c.raw(c.seal(mine) + c.seal(KEX_INIT, string(b"x" * 7)))
    c.kex_rest(mine, c.recv_kex(KEXINIT))
    c.close()


@case("kexinit-guess-wrong-twice")
def _():
    c = started()
    bad = string(b"too short")
    c.raw(c.seal(c.kexinit("x@example.com,curve25519-sha256", guess=True)) +
          c.seal(KEX_INIT, bad) + c.seal(KEX_INIT, bad))
    fatal(c, "second packet of a wrong guess")


@case("kexinit-guess-none-follows")
def _():
    """A wrong guess announced, another message in its place."""
    c = started(strict=False)
    c.raw(c.seal(c.kexinit("x@example.com,curve25519-sha256", guess=True)) +
          c.seal(NEWKEYS))
    fatal(c, "newkeys as a guess")


@case("kexinit-guess-wrong-in-rekey")
def _():
    c = logged_in()
    for i in range(20):
        mine = c.kexinit("x@example.com,curve25519-sha256", guess=True)
        c.raw(c.seal(mine) + c.seal(KEX_INIT, b"garbage"))
        c.kex_rest(mine, c.recv_kex(KEXINIT))
    c.breathes()
    c.close()


# ---- strict key exchange ----

@case("strict-first-packet")
def _():
    """KEXINIT must be the first packet."""
    for first in (bytes([IGNORE]) + string(b"x"),
                  bytes([DEBUG]) + b"\0" + string(b"") + string(b""),
                  bytes([UNIMPLEMENTED]) + u32(0)):
        c = started()
        c.raw(c.seal(first) + c.seal(c.kexinit()))
        fatal(c, f"message {first[0]} before kexinit")


@case("strict-nothing-between")
def _():
    """Nothing extra between KEXINIT and NEWKEYS, at either place."""
    for extra in (bytes([IGNORE]) + string(b"x"),
                  bytes([DEBUG]) + b"\0" + string(b"") + string(b""),
                  bytes([UNIMPLEMENTED]) + u32(0),
                  bytes([EXT_INFO]) + u32(0), bytes([ssh.PING]) + string(b"")):
        c = started()
        c.raw(c.seal(c.kexinit()) + c.seal(extra))
        fatal(c, f"message {extra[0]} behind kexinit")
        c = started()
        mine = c.kexinit()
        c.send(mine)
        c.make_share()
        theirs = c.recv_kex(KEXINIT)
        c.send(KEX_INIT, string(c.pub))
        c.kex_reply(mine, theirs)
        c.send(extra)
        # The server's keys are in use now.
        c.recv_kex(NEWKEYS)
        c.turn_rx()
        fatal(c, f"message {extra[0]} before newkeys")


@case("strict-sequence-reset")
def _():
    """Both numbers begin at 0 behind NEWKEYS: the MAC covers them."""
    for cipher in ("ctr", "etm", "chacha"):
        c = keyed(cipher=cipher)
        assert c.strict
        c.kex()
        c.login(WHO, KEY)
        c.close()


@case("strict-sequence-kept-is-fatal")
def _():
    c = started(cipher="etm")
    mine = c.kexinit()
    c.send(mine)
    theirs = c.recv_kex(KEXINIT)
    c.make_share()
    c.send(KEX_INIT, string(c.pub))
    c.kex_reply(mine, theirs)
    c.send(NEWKEYS)
    seq = c.tx_seq
    c.turn_tx()
    c.tx_seq = seq
    c.recv_kex(NEWKEYS)
    c.turn_rx()
    c.send(SERVICE)
    fatal(c, "sequence number kept", (5,))


@case("strict-marker-late")
def _():
    """In a re-key the marker has no meaning: numbers go on."""
    c = keyed(strict=False, cipher="etm")
    assert not c.strict
    for i in range(3):
        c.kex(mine=c.kexinit("curve25519-sha256," + STRICT))
    c.login(WHO, KEY)
    c.kex(mine=c.kexinit("curve25519-sha256," + STRICT))
    c.breathes()
    c.close()


@case("strict-marker-gone-in-rekey")
def _():
    """Once agreed it stays, whatever later KEXINITs say."""
    c = keyed(cipher="etm")
    assert c.strict
    c.login(WHO, KEY)
    for i in range(3):
        c.kex(mine=c.kexinit("curve25519-sha256"))
    c.breathes()
    c.close()


@case("strict-offered-once")
def _():
    """The server's own marker is in its first KEXINIT alone."""
    c = keyed()
    assert b"kex-strict-s-v00@openssh.com" in c.kexinit_seen
    c.kex()
    assert b"kex-strict-s-v00@openssh.com" not in c.kexinit_seen
    c.close()


@case("strict-off-ignore-passes")
def _():
    """Without the marker RFC 4253's rules hold."""
    c = started(strict=False)
    noise = c.seal(IGNORE, string(b"x")) + \
        c.seal(DEBUG, b"\0" + string(b"") + string(b""))
    c.raw(noise)
    mine = c.kexinit()
    c.send(mine)
    theirs = c.recv_kex(KEXINIT)
    c.send(IGNORE, string(b"x"))
    c.kex_rest(mine, theirs)
    c.login(WHO, KEY)
    c.close()


# ---- messages in clear that belong behind the key exchange ----

def in_clear(strict, stage, payload):
    """A message in clear: behind the identifications (0), the KEXINITs (1),
    or the server's reply (2), before our NEWKEYS."""
    c = started(strict=strict)
    if stage == 0:
        c.raw(c.seal(payload))
        return fatal(c, f"message {payload[0]} first")
    mine = c.kexinit()
    c.send(mine)
    theirs = c.recv_kex(KEXINIT)
    if stage == 2:
        c.make_share()
        c.send(KEX_INIT, string(c.pub))
        c.kex_reply(mine, theirs)
        c.recv_kex(NEWKEYS)
        c.turn_rx()
    c.send(payload)
    return fatal(c, f"message {payload[0]} at stage {stage}")


def clear(name, payload):
    @case(name)
    def _():
        for strict in (True, False):
            for stage in range(3):
                in_clear(strict, stage, payload)


clear("clear-service-before-newkeys", SERVICE)
clear("clear-userauth-before-newkeys", ssh.request(WHO, "none"))
clear("clear-ext-info-before-newkeys", bytes([EXT_INFO]) + u32(1) +
      string("no-flow-control") + string("p"))
clear("preauth-open-in-clear", OPEN_SESSION)
clear("preauth-request-in-clear", bytes([ssh.CHANNEL_REQUEST]) + u32(0) +
      string("exec") + b"\1" + string("id"))
clear("preauth-global-in-clear", bytes([ssh.GLOBAL_REQUEST]) +
      string("keepalive@openssh.com") + b"\1")
clear("preauth-success-in-clear", bytes([ssh.USERAUTH_SUCCESS]))


@case("newkeys-out-of-place")
def _():
    c = started()
    c.send(NEWKEYS)
    fatal(c, "newkeys first")
    c = started()
    c.raw(c.seal(c.kexinit()) + c.seal(NEWKEYS))
    fatal(c, "newkeys instead of a share")
    c = keyed()
    c.send(NEWKEYS)
    fatal(c, "second newkeys")
    c = logged_in()
    c.send(NEWKEYS)
    fatal(c, "newkeys behind login")
    c = logged_in()
    c.raw(c.seal(c.kexinit()) + c.seal(NEWKEYS))
    fatal(c, "newkeys instead of a share in a re-key")


@case("newkeys-with-content")
def _():
    c = started()
    mine = c.kexinit()
    c.send(mine)
    c.make_share()
    theirs = c.recv_kex(KEXINIT)
    c.send(KEX_INIT, string(c.pub))
    c.kex_reply(mine, theirs)
    c.send(NEWKEYS, b"more")
    c.recv_kex(NEWKEYS)
    c.turn_rx()
    fatal(c, "newkeys with content")


@case("newkeys-skipped")
def _():
    """Sealed with the new keys, but NEWKEYS itself was never sent."""
    c = started()
    mine = c.kexinit()
    c.send(mine)
    c.make_share()
    theirs = c.recv_kex(KEXINIT)
    c.send(KEX_INIT, string(c.pub))
    c.kex_reply(mine, theirs)
    c.recv_kex(NEWKEYS)
    c.turn_rx()
    c.turn_tx()
    c.raw(c.seal(SERVICE) + c.seal(ssh.signed(c.sid, WHO, KEY)))
    refused_by(c, "no newkeys")


@case("reply-from-client")
def _():
    for n in (KEX_REPLY, 32, 33, 34, 49):
        c = started()
        c.send(c.kexinit())
        c.send(n, string(b"x" * 32) * 3)
        fatal(c, f"message {n}")


@case("share-before-kexinit")
def _():
    c = started()
    c.make_share()
    c.send(KEX_INIT, string(c.pub))
    fatal(c, "share before kexinit")
    c = keyed()
    c.make_share()
    c.send(KEX_INIT, string(c.pub))
    fatal(c, "share without an exchange")


@case("share-twice")
def _():
    for i in range(20):
        c = started()
        c.send(c.kexinit())
        c.make_share()
        share = string(c.pub)
        c.raw(c.seal(KEX_INIT, share) + c.seal(KEX_INIT, share))
        refused_by(c, "second share")


# ---- public values ----

def bad_share(kex, what, *body):
    c = started(kex=kex)
    c.send(c.kexinit())
    c.recv_kex(KEXINIT)
    c.send(KEX_INIT, *body)
    fatal(c, what, (2, 3))


@case("ecdh-length")
def _():
    for n in (0, 1, 31, 33, 64, 65, 1000, 30000):
        bad_share(ssh.CURVE, f"share of {n} bytes", string(b"\x09" * n))
    bad_share(ssh.CURVE, "no share")
    bad_share(ssh.CURVE, "lying length", u32(0xffffffff) + b"x" * 32)
    bad_share(ssh.CURVE, "bytes behind", string(b"\x09" * 32) + b"x")


@case("ecdh-small-order")
def _():
    """The points of small order on Curve25519 and their other forms."""
    p = 2 ** 255 - 19
    points = [0, 1, p - 1, p, p + 1, 2 ** 255 - 1 - 18,
              int("00b8495f16056286fdb1329ceb8d09da"
                  "6ac49ff1fae35616aeb8413b7c7aebe0", 16),
              int("57119fd0dd4e22d8868e1c58c45c4404"
                  "5bef839c55b1d0b1248c50a3bc959c5f", 16)]
    for x in points:
        for top in (0, 1 << 255):
            v = (x % 2 ** 255) | top
            bad_share(ssh.CURVE, f"point {x}",
                      string(v.to_bytes(32, "little")))


@case("nistp256-bad-points")
def _():
    c = started(kex=ssh.NIST)
    c.make_share()
    good = c.pub
    c.close()
    prime = 2 ** 256 - 2 ** 224 + 2 ** 192 + 2 ** 96 - 1
    x, y = good[1:33], good[33:]
    odd = bytes([2 + (y[-1] & 1)])
    for what, point in {
        "infinity": b"\0", "infinity long": b"\0" * 65, "empty": b"",
        "off curve": flip(good, -1), "compressed": odd + x,
        "hybrid": bytes([6 + (y[-1] & 1)]) + x + y,
        "zero": b"\4" + b"\0" * 64,
        "x = p": b"\4" + prime.to_bytes(32, "big") + y,
        "x too large": b"\4" + b"\xff" * 64, "short": good[:-1],
        "long": good + b"\0", "p384 long": b"\4" + b"\x11" * 96,
        "kind 5": b"\5" + x + y, "huge": b"\4" * 20000,
    }.items():
        bad_share(ssh.NIST, what, string(point))


@case("dh-bad-values")
def _():
    for what, e in {
        "0": string(b""), "0 as a byte": string(b"\0"), "1": mpint(1),
        "p - 1": mpint(P14 - 1), "p": mpint(P14), "p + 1": mpint(P14 + 1),
        "-1": string(b"\xff"), "negative": string(b"\x80" + b"\x11" * 255),
        "2^4096": mpint(1 << 4096), "2^131072": mpint(1 << 131072),
        "2^2000000": mpint(1 << 2000000),
        "cut": u32(256) + b"\x11" * 20,
    }.items():
        bad_share(ssh.GROUP14, "e = " + what, e)


@case("dh-and-nistp256-good")
def _():
    for kex in (ssh.GROUP14, ssh.NIST):
        c = keyed(kex=kex)
        c.kex()
        c.login(WHO, KEY)
        c.close()


# ---- lengths and padding ----

LENGTHS = (0, 1, 2, 4, 5, 7, 11, 13, 17, 255, 262144, 262160, 1 << 20,
           0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff)


@case("clear-len-lies")
def _():
    for n in LENGTHS:
        if n == 11:
            continue
        c = started()
        c.raw(u32(n) + b"\4" + b"\x14" * 300000)
        refused_by(c, f"length {n} in clear")


def sealed_length_lies(cipher):
    @case(f"enc-len-{cipher}")
    def _():
        for n in LENGTHS:
            c = keyed(cipher=cipher)
            c.send(whole=b"\4" + os.urandom(31), length=n)
            # A length that fits makes the server wait for more: give it.
            c.pour(os.urandom(300000))
            e = refused_by(c, f"length {n}, {cipher}")
            assert e.reason in (None, 2, 5), e

    @case(f"enc-pad-{cipher}")
    def _():
        for pad in (0, 1, 2, 3, 27, 28, 40, 128, 255):
            c = keyed(cipher=cipher)
            n = 28 if cipher == "ctr" else 32
            n = 24 if cipher == "chacha" else n
            c.send(whole=bytes([pad]) + b"\2" * (n - 1))
            if 4 <= pad <= n - 2:
                c.service()     # a rule was kept: goes on
                c.close()
            else:
                fatal(c, f"padding {pad}, {cipher}", (2,))

    @case(f"enc-mac-{cipher}")
    def _():
        for i in (0, 3, 4, 5, 20, -1, -16, -17, -32):
            c = keyed(cipher=cipher)
            good = c.seal(SERVICE)
            if i >= len(good) or -i > len(good):
                continue
            c.pour(flip(good, i) + os.urandom(300000))
            refused_by(c, f"bit flipped at {i}, {cipher}")

    @case(f"enc-replay-{cipher}")
    def _():
        c = keyed(cipher=cipher)
        one = c.seal(SERVICE)
        c.pour(one + one + os.urandom(300000))
        try:
            while True:
                p = c.recv_any()
                assert p[0] in (EXT_INFO, ssh.SERVICE_ACCEPT), p
        except Ended:
            pass
        c.close()

    @case(f"enc-byte-by-byte-{cipher}")
    def _():
        c = bare(cipher=cipher)
        whole = c.raw

        def drip(data):
            for b in data:
                whole(bytes([b]))
        c.raw = drip
        c.idents()
        c.kex()
        c.login(WHO, KEY)
        with Sftp(c) as s:
            assert b"d" in s.names("/")

    @case(f"enc-largest-{cipher}")
    def _():
        """The longest packet that is allowed, and one block more."""
        c = keyed(cipher=cipher)
        block = c.tx.block
        n = 262144 // block * block
        n = n - 4 if cipher == "ctr" else n
        c.send(whole=b"\4\2" + b"\0" * (n - 2))
        c.service()
        c.send(whole=b"\4\2" + b"\0" * (n - 2 + block))
        fatal(c, "a block over the largest packet", (2,))


for _c in ssh.CIPHERS:
    sealed_length_lies(_c)


@case("enc-clear-behind-newkeys")
def _():
    c = keyed()
    c.tx = ssh.Half()
    c.pour(c.seal(SERVICE) + b"\0" * 300000)
    refused_by(c, "clear text behind newkeys")


@case("enc-no-payload")
def _():
    for cipher in ssh.CIPHERS:
        c = keyed(cipher=cipher)
        n = c.tx.block * 2 - (4 if cipher == "ctr" else 0)
        c.send(whole=bytes([n - 1]) + b"\0" * (n - 1))
        fatal(c, "packet without payload", (2,))


@case("enc-cut-off")
def _():
    """A packet that is cut by the end of the connection, everywhere."""
    for cipher in ssh.CIPHERS:
        one = None
        for n in range(1, 60, 7):
            c = keyed(cipher=cipher)
            one = c.seal(SERVICE)
            c.raw(one[:n])
            c.close() if n % 2 else c.reset()


# ---- keys again ----

@case("rekey-storm")
def _():
    """Nothing is left over from one exchange to the next."""
    for cipher in ("gcm", "etm"):
        c = logged_in(cipher=cipher)
        for i in range(150):
            c.kex()
        c.breathes()
        c.close()


@case("rekey-storm-before-login")
def _():
    c = keyed(strict=False, cipher="ctr")
    for i in range(100):
        c.kex()
    c.login(WHO, KEY)
    c.close()


@case("rekey-other-algorithms")
def _():
    """Every exchange may agree on something else."""
    c = logged_in()
    for kex in (ssh.NIST, ssh.GROUP14, ssh.CURVE):
        for cipher in ssh.CIPHERS:
            c.kex_name, c.cipher = kex, cipher
            c.kex()
            c.breathes()
    c.close()


@case("rekey-data-in-exchange")
def _():
    """Behind the client's KEXINIT nothing but key exchange is heard."""
    for payload in (bytes([ssh.DATA]) + u32(0) + string(b"x"), OPEN_SESSION,
                    bytes([ssh.GLOBAL_REQUEST]) + string("x") + b"\1",
                    bytes([ssh.PING]) + string(b"x"), SERVICE,
                    bytes([USERAUTH_REQUEST]) + string("x") * 3,
                    bytes([ssh.WINDOW_ADJUST]) + u32(0) + u32(1)):
        c = logged_in()
        s = Sftp(c)
        c.raw(c.seal(c.kexinit()) + c.seal(payload))
        fatal(c, f"message {payload[0]} in a re-key")
        s.close()


@case("rekey-ignore-in-exchange")
def _():
    """1 to 4 may be said in a re-key."""
    c = logged_in()
    mine = c.kexinit()
    c.send(mine)
    c.send(IGNORE, string(b"x"))
    c.send(UNIMPLEMENTED, u32(0))
    c.kex_rest(mine, c.recv_kex(KEXINIT))
    c.breathes()
    c.close()


@case("rekey-reply-queue")
def _():
    """Requests that came before the KEXINIT are answered behind it, those
    that come after it end the connection."""
    c = logged_in()
    ping = b"".join(c.seal(ssh.PING, string(b"x" * 1000))
                    for i in range(200))
    c.pour(ping + c.seal(c.kexinit()))
    c.pour(b"".join(c.seal(ssh.PING, string(b"x" * 1000))
                    for i in range(2000)))
    fatal(c, "ping in a re-key")


@case("rekey-kexinit-flood")
def _():
    c = logged_in()
    c.pour(b"".join(c.seal(c.kexinit(lists={8: "x" * 15000}))
                    for i in range(200)))
    refused_by(c, "200 kexinits behind login")


@case("rekey-mid-request")
def _():
    """In the middle of an upload, of one request even."""
    with Sftp() as s:
        h = s.open("d/rekey", 2 | 8 | 16)
        data = os.urandom(200000)
        m = s.message(6, string(h), ssh.u64(0), string(data))
        for i in range(0, len(m), 20000):
            s.raw(m[i:i + 20000])
            s.c.kex()
        p = s.answer()
        eq("write", get_u32(p, 5), 0)
        s.shut(h)
        h = s.open("d/rekey")
        got = b""
        while len(got) < len(data):
            part = s.read(h, len(got), 50000)
            assert isinstance(part, bytes)
            got += part
            s.c.kex()
        eq("bytes", got, data)
        eq("remove", s.status(13, string("d/rekey")), 0)


if __name__ == "__main__":
    main()
