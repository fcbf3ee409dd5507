"""The transport and login under a client that does not play by the rules."""
import os
import socket
import struct
import time

from parts import (LOG, WHO, Skip, eq, eventually, log_has, logged, read_all,
                   run_parts, string, tcp)
from wire import (CHANNEL_OPEN, CHANNEL_REQUEST, DATA, DEBUG, DISCONNECT,
                  ECDH_INIT, EXT_INFO, GLOBAL_REQUEST, IGNORE, INFO_RESPONSE,
                  KEXINIT, NEWKEYS, PING, PK_OK, PONG, SERVICE_ACCEPT,
                  SERVICE_REQUEST, UNIMPLEMENTED, USERAUTH_FAILURE,
                  USERAUTH_REQUEST, USERAUTH_SUCCESS, Ended, Ssh, logged_in,
                  take, u32)


def well():
    """The server still serves."""
    c = logged_in()
    c.sftp()
    c.close()


# ---- identification ----

def t_ident_garbage():
    for junk in (b"GET / HTTP/1.0\r\n\r\n", b"\0" * 4096, b"SSH-1.5-old\r\n",
                 b"SSH-\r\n", b"SSH-2.0\r\n", os.urandom(2000),
                 b"x" * 100000, b"\n" * 5000, b"SSH-2.0-" + b"y" * 300 +
                 b"\r\n", b"SSH-2.0-nul\0inside\r\n"):
        s = tcp()
        try:
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass
        said = read_all(s)
        assert len(said) < 10000, "too much said"
        s.close()
    well()


def t_ident_byte_by_byte():
    c = Ssh(start=False)
    for b in b"SSH-2.0-slow_typist with a comment\r\n":
        c.sock.sendall(bytes([b]))
        time.sleep(0.002)
    c.ident = b"SSH-2.0-slow_typist with a comment"
    c.read_ident()
    c.kex()
    c.login()
    c.close()


def t_ident_lf_only():
    c = Ssh(start=False)
    c.raw(c.ident + b"\n")
    c.read_ident()
    c.kex()
    c.login()
    c.close()


def t_ident_and_kexinit_in_one_piece():
    c = Ssh(start=False)
    mine = c.kexinit()
    c.raw(c.ident + b"\r\n" + c.seal(mine))
    c.read_ident()
    theirs = c.recv_kex(KEXINIT)
    c.strict = True
    c.kex_rest(mine, theirs)
    c.login()
    c.close()


def t_whole_login_byte_by_byte():
    c = Ssh(start=False)

    def dribble(data):
        for i in range(len(data)):
            c.sock.sendall(data[i:i + 1])
    c.raw = dribble
    c.idents()
    c.kex()
    c.login()
    c.close()


# ---- key exchange ----

def t_kexinit_10k_algorithms():
    """Bounded time and memory: refused, or taken and used."""
    c = Ssh(start=False)
    c.idents()
    names = ",".join("alg%d@example.com" % i for i in range(10000))
    try:
        c.kex(mine=c.kexinit(kex=names[:200000] + ",curve25519-sha256"))
    except Ended as e:
        print(e)
    c.close()
    well()


def t_kexinit_malformed():
    good = Ssh(start=False)
    good.idents()
    whole = good.kexinit()
    good.close()
    for cut in (1, 5, 16, 17, 20, 40, len(whole) - 5, len(whole) - 1):
        c = Ssh(start=False)
        c.idents()
        c.send(whole[:cut])
        c.ends()
        c.close()
    c = Ssh(start=False)
    c.idents()
    c.send(whole[:17] + b"\xff\xff\xff\xff" + whole[21:])
    c.ends()
    c.close()
    well()


def t_kexinit_twice():
    c = Ssh(start=False)
    c.idents()
    c.send(c.kexinit())
    c.send(c.kexinit())
    c.ends()
    well()


def t_kexinit_flood_in_an_exchange():
    c = Ssh(start=False)
    c.idents()
    big = c.kexinit(extra="," + "x" * 30000)
    for i in range(200):
        c.send(big)
    c.ends()
    well()


def t_guess_wrong_is_skipped():
    c = Ssh(start=False)
    c.idents()
    mine = c.kexinit(kex="ecdh-sha2-nistp256,curve25519-sha256", guess=True)
    # the guess: a packet that is not what curve25519 needs.  The server
    # prefers curve25519 or not; either way the exchange must not hang.
    c.send(mine)
    c.send(ECDH_INIT, string(b"\4" + b"\1" * 64))
    try:
        theirs = c.recv_kex(KEXINIT)
        c.strict = True
        c.kex_rest(mine, theirs)
        c.login()
    except Ended as e:
        print(e)
    c.close()
    well()


def t_bad_points():
    for point in (b"\0" * 32, b"\1" + b"\0" * 31, b"\xff" * 31, b"",
                  b"\x5a" * 33, bytes.fromhex(
                      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205"
                      "165f49b800")):
        c = Ssh(start=False)
        c.idents()
        mine = c.kexinit()
        c.send(mine)
        c.recv_kex(KEXINIT)
        c.send(ECDH_INIT, string(point))
        c.ends()
        c.close()
    well()


def t_strict_nothing_before_kexinit():
    for kind in (IGNORE, DEBUG, UNIMPLEMENTED):
        c = Ssh(start=False)
        c.idents()
        body = {IGNORE: string(b"x"), DEBUG: b"\0" + string(b"x") +
                string(b""), UNIMPLEMENTED: u32(0)}[kind]
        c.send(kind, body)
        c.send(c.kexinit())
        c.ends()
        c.close()


def t_strict_nothing_inside():
    c = Ssh(start=False)
    c.idents()
    c.send(c.kexinit())
    c.recv_kex(KEXINIT)
    c.send(IGNORE, string(b"terrapin"))
    c.ends()
    well()


def t_no_newkeys():
    """Nothing that belongs behind NEWKEYS is heard before it."""
    for kind, body in ((SERVICE_REQUEST, string(b"ssh-userauth")),
                       (USERAUTH_REQUEST, string(b"root") * 3),
                       (CHANNEL_OPEN, string(b"session") + u32(0) * 3),
                       (GLOBAL_REQUEST, string(b"x") + b"\0"),
                       (NEWKEYS, b"")):
        c = Ssh(start=False)
        c.idents()
        c.send(c.kexinit())
        c.recv_kex(KEXINIT)
        c.send(kind, body)
        c.ends()
        c.close()
    well()


# ---- packets ----

def t_length_lies_in_clear():
    for n in (0, 1, 4, 7, 0x7fffffff, 0xffffffff, 300000):
        c = Ssh(start=False)
        c.idents()
        c.raw(u32(n) + os.urandom(64))
        try:
            c.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        c.ends()
        c.close()
    well()


def t_length_lies_encrypted():
    for cipher in ("gcm", "ctr", "etm"):
        for n in (0, 8, 0xfffffff0, 400000):
            c = Ssh(cipher)
            c.send(IGNORE, string(b"x"), length=n)
            c.raw(os.urandom(200000))
            c.ends()
            c.close()
    well()


def t_padding_lies():
    for cipher in ("gcm", "ctr", "etm"):
        for pad in (0, 3, 255):
            c = Ssh(cipher)
            c.send(IGNORE, string(b"x"), pad=pad)
            c.send(SERVICE_REQUEST, string(b"ssh-userauth"))
            c.ends()
            c.close()


def t_flipped_bits():
    for cipher in ("gcm", "ctr", "etm"):
        c = logged_in(cipher=cipher)
        ch = c.sftp()
        for where in (4, 10, -1):
            c2 = logged_in(cipher=cipher)
            p = bytearray(c2.seal(bytes([GLOBAL_REQUEST]) +
                                  string(b"nothing@example.com") + b"\1"))
            p[where] ^= 0x40
            c2.raw(bytes(p))
            c2.raw(os.urandom(40000))
            c2.ends()
            c2.close()
        # the other connection has seen nothing of it
        c.data(ch, struct.pack(">IBI", 5, 1, 3))
        c.recv(DATA)
        c.close()
    logged("event=disconnect", "src=127.0.0.1")


def t_replayed_packet():
    c = logged_in()
    p = c.seal(bytes([IGNORE]) + string(b"again"))
    c.raw(p + p)
    c.ends()
    well()


# ---- before the login ----

def t_channel_before_login():
    for stage in ("kex", "service", "query"):
        for body in (bytes([CHANNEL_OPEN]) + string(b"session") + u32(0) +
                     u32(1 << 20) + u32(32768),
                     bytes([CHANNEL_REQUEST]) + u32(0) + string(b"exec") +
                     b"\1" + string(b"id"),
                     bytes([DATA]) + u32(0) + string(b"x"),
                     bytes([GLOBAL_REQUEST]) + string(b"tcpip-forward") +
                     b"\1" + string(b"") + u32(0)):
            c = Ssh()
            if stage != "kex":
                c.service()
            if stage == "query":
                key, blob = c.load_key()
                c.send(USERAUTH_REQUEST, string(WHO.encode()),
                       string(b"ssh-connection"), string(b"publickey"),
                       b"\0", string(b"ssh-ed25519"), string(blob))
                c.recv(PK_OK)
            c.send(body)
            c.ends()
            c.close()
    well()


def t_servers_own_messages():
    for kind, body in ((USERAUTH_SUCCESS, b""), (SERVICE_ACCEPT,
                       string(b"ssh-connection")), (PK_OK, b""),
                       (USERAUTH_FAILURE, string(b"") + b"\0")):
        c = Ssh()
        c.service()
        c.send(kind, body)
        try:
            c.send(CHANNEL_OPEN, string(b"session"), u32(0), u32(1 << 20),
                   u32(32768))
            while True:
                p = c.recv_any()
                assert p[0] in (UNIMPLEMENTED, EXT_INFO), \
                    f"message {p[0]} after {kind}"
        except Ended:
            pass
        c.close()
    well()


def t_every_number_before_login():
    """No number but those of the phase gets an answer that helps."""
    for kind in range(256):
        if kind in (0, DISCONNECT, IGNORE, DEBUG, UNIMPLEMENTED):
            continue
        c = Ssh()
        c.service()
        c.send(kind, u32(0), u32(0))
        c.send(CHANNEL_OPEN, string(b"session"), u32(0), u32(1 << 20),
               u32(32768))
        try:
            while True:
                p = c.recv_any()
                assert p[0] not in (91, 99, 52, 81), f"{kind} opened a door"
        except Ended:
            pass
        c.close()
    well()


def t_service_connection_without_login():
    c = Ssh()
    c.send(SERVICE_REQUEST, string(b"ssh-connection"))
    c.ends()
    c.close()


def t_signature_of_another_session():
    c = Ssh()
    c.service()
    c.send(c.auth_body(WHO.encode(), sid=b"\0" * 32))
    c.recv(USERAUTH_FAILURE)
    c.close()
    logged("event=login-failed", "user=" + WHO)


def t_signature_for_another_user():
    c = Ssh()
    c.service()
    c.send(c.auth_body(WHO.encode(), signed_user=b"mallory"))
    c.recv(USERAUTH_FAILURE)
    c.close()


def t_change_of_user():
    c = Ssh()
    c.service()
    c.send(USERAUTH_REQUEST, string(b"mallory"), string(b"ssh-connection"),
           string(b"none"))
    c.recv(USERAUTH_FAILURE)
    c.send(c.auth_body(WHO.encode()))
    try:
        p = c.recv(USERAUTH_FAILURE)
        raise AssertionError("asked again instead of ended")
    except Ended as e:
        print(e)
    c.close()


def t_query_then_other_key():
    """PK_OK changes no state: success comes from a signature alone."""
    c = Ssh()
    c.service()
    key, blob = c.load_key()
    c.send(USERAUTH_REQUEST, string(WHO.encode()), string(b"ssh-connection"),
           string(b"publickey"), b"\0", string(b"ssh-ed25519"), string(blob))
    c.recv(PK_OK)
    c.send(CHANNEL_OPEN, string(b"session"), u32(0), u32(1 << 20), u32(32768))
    c.ends()
    c.close()


def t_none_names_methods():
    c = Ssh()
    c.service()
    c.send(USERAUTH_REQUEST, string(WHO.encode()), string(b"ssh-connection"),
           string(b"none"))
    p = c.recv(USERAUTH_FAILURE)
    names, at = take(p, 1)
    eq("methods", names, b"publickey")
    eq("partial", p[at], 0)
    c.close()


def t_known_and_unknown_users_look_alike():
    replies = {}
    for user in (WHO.encode(), b"nobody-of-that-name"):
        out = []
        for method in (string(b"none"), string(b"password") + b"\0" +
                       string(b"x"), string(b"publickey") + b"\0" +
                       string(b"ssh-ed25519") + string(
                           string(b"ssh-ed25519") + string(b"\7" * 32)),
                       string(b"publickey") + b"\0" + string(b"nonsense") +
                       string(b"\0\0"), string(b"hostbased")):
            c = Ssh()
            c.service()
            c.send(USERAUTH_REQUEST, string(user), string(b"ssh-connection"),
                   method)
            try:
                out.append(c.recv(USERAUTH_FAILURE))
            except Ended as e:
                out.append(("ended", e.reason, e.text))
            c.close()
        replies[user] = out
    a, b = replies.values()
    eq("replies", b, a)


def t_names_with_nul_and_long_names():
    for user in (b"", b"alice\0x", b"a" * 5000, b"\xff\xfe",
                 b"x\n2026-01-01T00:00:00.000Z info event=login user=root",
                 b"\x1b[31mred",
                 b"../alice", b"a" * 200000):
        c = Ssh()
        c.service()
        c.send(USERAUTH_REQUEST, string(user), string(b"ssh-connection"),
               string(b"none"))
        try:
            c.recv(USERAUTH_FAILURE)
        except Ended as e:
            print(e)
        c.close()
    well()
    logged("event=login ", "user=" + WHO)
    with open(LOG, "rb") as f:
        text = f.read()
    assert b"\x1b" not in text, "an escape sequence in the log"
    assert not any(x.startswith(b"2026-01-01T00") for x in
                   text.splitlines()), "a forged line"


def t_pipelined_attempts_are_counted():
    c = Ssh()
    c.service()
    body = (bytes([USERAUTH_REQUEST]) + string(WHO.encode()) +
            string(b"ssh-connection") + string(b"password") + b"\0" +
            string(b"guess"))
    c.raw(b"".join(c.seal(body) for i in range(200)))
    failures = 0
    try:
        while True:
            if c.recv_any()[0] == USERAUTH_FAILURE:
                failures += 1
    except Ended as e:
        print(failures, e)
    assert failures <= 10, f"{failures} guesses in one connection"
    c.close()


def t_info_response_without_request():
    c = Ssh()
    c.service()
    c.send(INFO_RESPONSE, u32(1), string(b"x"))
    try:
        p = c.recv_any()
        assert p[0] in (UNIMPLEMENTED, USERAUTH_FAILURE), p[0]
    except Ended as e:
        print(e)
    c.close()
    well()


# ---- after the login ----

def t_ping():
    c = logged_in()
    c.send(PING, string(b"hello"))
    p = c.recv(PONG, UNIMPLEMENTED)
    eq("pong", (p[0], take(p, 1)[0]), (PONG, b"hello"))
    c.close()


def t_unknown_message_is_unimplemented():
    c = logged_in()
    c.send(IGNORE, string(b"x"))
    seq = c.tx_seq
    c.send(199, b"whatever")
    p = c.recv(UNIMPLEMENTED)
    eq("sequence number", struct.unpack(">I", p[1:5])[0], seq)
    c.close()


def t_global_requests():
    c = logged_in()
    for name in (b"nothing@example.com", b"tcpip-forward"):
        c.send(GLOBAL_REQUEST, string(name), b"\1", string(b""), u32(0))
        p = c.recv(81, 82)
        eq("answer", p[0], 82)
    c.close()


def t_rekey_whenever():
    c = logged_in()
    ch = c.sftp()
    for i in range(20):
        c.kex()
    c.data(ch, struct.pack(">IBI", 5, 1, 3))
    p = c.recv(DATA)
    c.close()


def t_data_in_an_exchange_is_fatal():
    c = logged_in()
    ch = c.sftp()
    c.send(c.kexinit())
    c.data(ch, struct.pack(">IBI", 5, 1, 3))
    c.ends()
    well()


def t_rekey_never_finished():
    """A peer that begins and does not end is not waited for without end,
    nor does anything pile up; it is enough that others are served."""
    cs = [logged_in() for i in range(10)]
    for c in cs:
        c.send(c.kexinit())
    well()
    for c in cs:
        c.close()


def t_disconnect_is_logged():
    c = logged_in()
    c.send(DISCONNECT, u32(11), string(b"good bye\x1b[31m \xff"), string(b""))
    c.close()
    logged("event=disconnect", "good bye")


def t_reset_in_every_state():
    import socket as so
    for stage in range(6):
        for i in range(3):
            if stage == 0:
                c = Ssh(start=False)
            elif stage == 1:
                c = Ssh(start=False)
                c.idents()
                c.send(c.kexinit())
            elif stage == 2:
                c = Ssh()
            elif stage == 3:
                c = Ssh()
                c.service()
                c.send(c.auth_body(WHO.encode()))
            elif stage == 4:
                c = logged_in()
            else:
                c = logged_in()
                c.sftp()
            c.sock.setsockopt(so.SOL_SOCKET, so.SO_LINGER,
                              struct.pack("ii", 1, 0))
            c.close()
    well()


def t_half_closed():
    c = logged_in()
    c.sftp()
    c.sock.shutdown(socket.SHUT_WR)
    c.ends()
    c.close()
    well()


run_parts(globals())
