"""Sessions that are counted, and policies that change under a login."""
import os
import signal

from parts import KEY, T, eq, eventually, log_has, logged, run_parts, string
from wire import (USERAUTH_BANNER, USERAUTH_FAILURE, USERAUTH_REQUEST,
                  USERAUTH_SUCCESS, Ssh)

CONF = os.environ["CONF"]
SERVER = int(os.environ["SERVER"])
PASSWORD = os.environ["PWORD"]
STRANGER = T + "/keys/stranger"


def request(user, method, *rest):
    return (bytes([USERAUTH_REQUEST]) + string(user.encode()) +
            string(b"ssh-connection") + string(method.encode()) +
            b"".join(rest))


def serviced():
    c = Ssh()
    c.service()
    return c


def by_key(c, user):
    return c.auth_body(user.encode())


def by_password(c, user, word=PASSWORD):
    return request(user, "password", b"\0", string(word.encode()))


def ask(c, payload):
    """The answer to one request and the banners before it."""
    c.send(payload)
    said = []
    while True:
        p = c.recv_any()
        if p[0] == USERAUTH_BANNER:
            said.append(p)
        elif p[0] in (USERAUTH_FAILURE, USERAUTH_SUCCESS):
            return p, said


def get_in(user, how=by_key):
    c = serviced()
    p, _ = ask(c, how(c, user))
    if p[0] == USERAUTH_SUCCESS:
        return c
    c.close()
    return None


def wrong():
    """What a wrong password of a user that is not there is answered with."""
    c = serviced()
    p, said = ask(c, by_password(c, "nobody-here"))
    eq("wrong password", p[0], USERAUTH_FAILURE)
    eq("banners", said, [])
    c.close()
    return p


def t_sessions():
    no = wrong()
    a, b = get_in("two"), get_in("two", by_password)
    assert a and b
    c = serviced()
    for how in by_key, by_password:
        p, said = ask(c, how(c, "two"))
        eq("the third", (p, said), (no, []))
    logged("event=login-failed", "user=two", "method=publickey",
           'reason="user has as many sessions as allowed"')
    logged("event=login-failed", "user=two", "method=password",
           'reason="user has as many sessions as allowed"')
    # others are not concerned
    get_in("alice").close()
    # a place that comes free is for whoever asks next, also by this login
    a.close()
    d = eventually(lambda: get_in("two"), "a place after one has gone")
    d.close()
    eventually(lambda: (x := get_in("two")) and (x.close() or True), "again")
    eventually(lambda: ask(c, by_key(c, "two"))[0][0] == USERAUTH_SUCCESS,
               "the third gets in")
    c.close()
    b.close()


def t_refused_are_attempts():
    held = [eventually(lambda: get_in("two"), "a place") for _ in range(2)]
    c = serviced()
    n = 0
    try:
        while n < 20:
            p, _ = ask(c, by_key(c, "two"))
            eq("answer", p[0], USERAUTH_FAILURE)
            n += 1
    except Exception as e:
        assert "Too many" in str(e), e
    eq("attempts", n, 5)
    for x in held:
        x.close()


def change(old, new):
    with open(CONF) as f:
        text = f.read()
    assert old in text
    with open(CONF, "w") as f:
        f.write(text.replace(old, new))
    n = reloads()
    os.kill(SERVER, signal.SIGHUP)
    eventually(lambda: reloads() > n, "reload")


def reloads():
    with open(os.environ["LOG"], "rb") as f:
        return f.read().count(b"event=reload ")


def t_reload_under_way():
    no = wrong()
    c = serviced()
    p, _ = ask(c, request("moved", "none"))
    eq("none", p[0], USERAUTH_FAILURE)
    # the login has its policy; now it changes
    change('umask: "0077"\n    expires: 9999-01-01',
           'umask: "0077"\n    expires: 2020-01-01')
    p, _ = ask(c, by_key(c, "moved"))
    eq("expired meanwhile", p, no)
    logged("event=login-failed", "user=moved", 'reason="user has expired"')
    p, _ = ask(c, by_password(c, "moved"))
    eq("expired, by password", p, no)
    c.close()
    # less is allowed than before
    change('umask: "0077"\n    expires: 2020-01-01', 'umask: "0077"')
    c = serviced()
    ask(c, request("moved", "none"))
    change('umask: "0077"', 'umask: "0077"\n    allow: []')
    p, _ = ask(c, by_key(c, "moved"))
    eq("still allowed", p[0], USERAUTH_SUCCESS)
    assert c.open() is not None
    c.send(bytes([98]), b"\0\0\0\0", string(b"subsystem"), b"\1",
           string(b"sftp"))
    eq("sftp", c.recv(99, 100)[0], 100)
    c.close()


def t_removed_under_way():
    no = wrong()
    c = serviced()
    ask(c, request("moved", "none"))
    change("\n  moved:\n", "\n  removed:\n")
    p, _ = ask(c, by_key(c, "moved"))
    eq("removed", p, no)
    logged("event=login-failed", "user=moved",
           'reason="the user has been removed"')
    c.close()
    change("\n  removed:\n", "\n  moved:\n")


assert KEY and STRANGER and log_has
run_parts(globals())
