"""How long answers take: see times.inc."""
import math
import os
import random
import selectors
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "wire"))
import parts  # noqa: E402
import ssh  # noqa: E402
from ssh import Ssh, USERAUTH_FAILURE, USERAUTH_SUCCESS, string  # noqa: E402

TRIES = int(os.environ.get("RANK_TRIES", "500"))
PER_NAME = 5            # less than limits.auth_attempts
NAMES = 100             # that are there
FLOOR = 0.001           # seconds: a difference that nobody can use
P_LEAST = 0.001         # chances of a false alarm
HELD = 200
ROUNDS = 10             # at most; three at least
ADDR = (parts.HOST, parts.PORT)
STRANGER = ssh.load_key(os.path.join(parts.T, "keys", "stranger"))
KEY = ssh.load_key(parts.KEY)


def serviced():
    c = Ssh(ADDR)
    c.service()
    return c


def password(user):
    return ssh.request(user, "password", b"\0", string("wrong"))


# ---- who exists ----

def by_password(c, user):
    return password(user)


def by_query(c, user):
    return ssh.query(user, ssh.key_alg(STRANGER), ssh.key_blob(STRANGER))


def by_signature(c, user):
    return ssh.signed(c.sid, user, STRANGER)


def answer_times(make, user):
    """Of PER_NAME tries on one connection, as it may be used."""
    c = serviced()
    out = []
    for _ in range(PER_NAME):
        payload = make(c, user)
        began = time.monotonic()
        c.send(payload)
        c.recv(USERAUTH_FAILURE)
        out.append(time.monotonic() - began)
    c.close()
    return out


def ranks(x, y):
    """Two-sided p of the rank test by Mann and Whitney, ties and all."""
    both = sorted([(v, 0) for v in x] + [(v, 1) for v in y])
    n, m, total, ties, i = len(x), len(y), 0.0, 0, 0
    while i < len(both):
        k = i
        while k < len(both) and both[k][0] == both[i][0]:
            k += 1
        rank = (i + k + 1) / 2
        total += rank * sum(1 for v in both[i:k] if v[1] == 0)
        ties += (k - i) ** 3 - (k - i)
        i = k
    u = total - n * (n + 1) / 2
    all_ = n + m
    var = n * m / 12 * (all_ + 1 - ties / (all_ * (all_ - 1)))
    z = (abs(u - n * m / 2) - 0.5) / math.sqrt(var)
    return math.erfc(max(z, 0) / math.sqrt(2))


def shift(x, y):
    """By how much x is later than y (Hodges and Lehmann)."""
    return statistics.median(a - b for a in x for b in y)


def rank_test(make):
    there, nobody = [], []
    turns = [(f"there{i:02d}", there) for i in range(NAMES)] + \
        [(f"nobody{i:02d}", nobody) for i in range(NAMES)]
    answer_times(make, "there00")
    while len(there) < TRIES or len(nobody) < TRIES:
        random.shuffle(turns)
        for user, into in turns:
            if len(into) < TRIES:
                into += answer_times(make, user)
    by = shift(there, nobody)
    near = math.copysign(min(abs(by), FLOOR), by)
    p = ranks([v - near for v in there], nobody)
    print("-- %d tries each: median %.2f ms for users, %.2f ms for nobody, "
          "shift %.2f ms, p beyond %.0f ms: %.3f" %
          (len(there), 1e3 * statistics.median(there),
           1e3 * statistics.median(nobody), 1e3 * by, 1e3 * FLOOR, p),
          flush=True)
    assert p >= P_LEAST, "the answers' times tell who exists"


def t_rank_password():
    rank_test(by_password)


def t_rank_query():
    rank_test(by_query)


def t_rank_signature():
    rank_test(by_signature)


def t_rank_tells():
    """The test itself: what differs by 2 ms is told apart, by 0.5 not."""
    random.seed(1)

    def sample(extra):
        return [random.choice((0, 1, 2, 3, 4)) / 1e3 +
                random.gauss(0.05 + extra, 0.0005) for _ in range(500)]
    for extra, told in ((0, False), (0.0005, False), (0.002, True)):
        x, y = sample(extra), sample(0)
        by = shift(x, y)
        p = ranks([v - math.copysign(min(abs(by), FLOOR), by) for v in x], y)
        assert (p < P_LEAST) == told, (extra, p)


# ---- who waits for whom ----

def login_times(n):
    out = []
    for _ in range(n):
        began = time.monotonic()
        c = Ssh(ADDR)
        c.login("alice", KEY)
        out.append(time.monotonic() - began)
        c.close()
    return out


def hold(n):
    """A process of its own with n connections on each of which a password
    is being checked, for ever; says so when it has them."""
    r, w = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(w)
        assert os.read(r, 1) == b"x", "they could not be held"
        return pid
    try:
        sel = selectors.DefaultSelector()

        def one():
            c = serviced()
            c.send(password("alice"))
            c.tries = 1
            sel.register(c.sock, selectors.EVENT_READ, c)
        for _ in range(n):
            one()
        os.write(w, b"x")
        while True:
            for k, _ in sel.select():
                c = k.data
                c.recv(USERAUTH_FAILURE)
                if c.tries < PER_NAME:
                    c.tries += 1
                    c.send(password("alice"))
                else:
                    sel.unregister(c.sock)
                    c.close()
                    one()
    finally:
        os._exit(1)


def t_key_login_among_passwords():
    login_times(5)
    best = [1e9, 1e9]   # what the machine does beside cannot make less
    for turn in range(ROUNDS):
        usual = statistics.median(login_times(40))
        pid = hold(HELD)
        try:
            time.sleep(3)   # they have waited for a while
            among = statistics.median(login_times(40))
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        print("-- key login: %.1f ms usually, %.1f ms while %d passwords "
              "are checked: %.2f times" % (1e3 * usual, 1e3 * among, HELD,
                                           among / usual), flush=True)
        best = [min(best[0], usual), min(best[1], among)]
        if turn >= 2 and best[1] <= 2 * best[0]:
            break
        time.sleep(2)   # for those who were held to be gone
    print("-- at best %.1f ms and %.1f ms: %.2f times" %
          (1e3 * best[0], 1e3 * best[1], best[1] / best[0]), flush=True)
    assert best[1] <= 2 * best[0], "%.2f times" % (best[1] / best[0])


if __name__ == "__main__":
    parts.run_parts(dict(globals()))
