"""Requests that are bound to a host key, by hand; EXT_INFO with the user."""
from cryptography.hazmat.primitives import serialization

from parts import T, WHO, eq, logged, run_parts, string
from wire import (EXT_INFO, PK_OK, USERAUTH_FAILURE, USERAUTH_REQUEST,
                  USERAUTH_SUCCESS, Ended, Ssh, take, u32)

METHOD = b"publickey-hostbound-v00@openssh.com"


def host_key(name):
    with open(f"{T}/keys/{name}.pub", "rb") as f:
        import base64
        return base64.b64decode(f.read().split()[1])


def ask(host, query=False, signed_host=None, method=METHOD,
        user=WHO.encode(), tail=b""):
    c = Ssh()
    c.service()
    key, blob = c.load_key()

    def body(flag, host):
        return (bytes([USERAUTH_REQUEST]) + string(user) +
                string(b"ssh-connection") + string(METHOD) +
                bytes([flag]) + string(b"ssh-ed25519") + string(blob) +
                string(host))
    if query:
        c.send(body(0, host) + tail)
    else:
        over = body(1, signed_host or host).replace(string(METHOD),
                                                    string(method))
        sig = key.sign(string(c.sid) + over)
        c.send(body(1, host) + string(string(b"ssh-ed25519") + string(sig)) +
               tail)
    p = c.recv(USERAUTH_FAILURE, USERAUTH_SUCCESS, PK_OK)
    c.close()
    return p[0]


HERE, THERE = host_key("host_ed25519"), host_key("stranger")


def t_good():
    eq("query", ask(HERE, query=True), PK_OK)
    eq("signed", ask(HERE), USERAUTH_SUCCESS)


def t_bound_elsewhere():
    eq("query", ask(THERE, query=True), USERAUTH_FAILURE)
    eq("signed", ask(THERE), USERAUTH_FAILURE)
    eq("nothing", ask(b""), USERAUTH_FAILURE)
    eq("another key of the same server", ask(host_key("host_rsa3072")),
       USERAUTH_FAILURE)
    logged("user=" + WHO, "bound to another host key")


def t_signature_over_something_else():
    eq("another host", ask(HERE, signed_host=THERE), USERAUTH_FAILURE)
    eq("the plain method", ask(HERE, method=b"publickey"), USERAUTH_FAILURE)


def t_nobody():
    eq("nobody", ask(HERE, user=b"nobody-here"), USERAUTH_FAILURE)
    eq("nobody elsewhere", ask(THERE, user=b"nobody-here"),
       USERAUTH_FAILURE)


def t_malformed():
    try:
        raise AssertionError(f"answered {ask(HERE, tail=string(b'x'))}")
    except Ended:
        pass


def t_ext_info_in_auth():
    """Who asks for it hears of signatures once more, whoever they are."""
    for user in (WHO.encode(), b"nobody-here"):
        for asks in (b"0", b"1", None):
            c = Ssh()
            if asks is not None:
                c.send(EXT_INFO, u32(1),
                       string(b"ext-info-in-auth@openssh.com"), string(asks))
            c.service()
            got = []
            for _ in range(2):
                c.send(USERAUTH_REQUEST, string(user),
                       string(b"ssh-connection"), string(b"none"))
                while True:
                    p = c.recv_any()
                    if p[0] == USERAUTH_FAILURE:
                        break
                    if p[0] == EXT_INFO:
                        got.append(p)
            # the first one comes behind the key exchange
            got = [p for p in got if take(p, 5)[0] == b"server-sig-algs" and
                   p[1:5] == u32(1)]
            eq(f"{user} {asks}", len(got), 1 if asks == b"0" else 0)
            c.close()


run_parts(globals())
