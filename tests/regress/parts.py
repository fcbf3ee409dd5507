"""What the Python parts of the tests share: results, connections."""
import os
import socket
import struct
import sys
import time
import traceback

HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT", "0"))
KEY = os.environ.get("KEY")
T = os.environ.get("T")
JAIL = os.environ.get("JAIL")
LOG = os.environ.get("LOG")
SRC = os.environ.get("SRC")
WHO = os.environ.get("WHO", "alice")


class Skip(Exception):
    pass


def result(what, part, why=""):
    line = f"{what} {part}" + (f" {why}" if why else "")
    print("==", line, flush=True)
    if os.environ.get("TEST_RESULTS"):
        with open(os.environ["TEST_RESULTS"], "a") as f:
            f.write(line + "\n")


def run_parts(names):
    """Runs every t_NAME function in `names` (a module's globals), or the
    one s_NAME that the command line asks for, which is part of another
    test and has no result of its own."""
    if len(sys.argv) > 1:
        names["s_" + sys.argv[1]](*sys.argv[2:])
        sys.exit(0)
    bad = 0
    only = os.environ.get("ONLY_PART")
    for name, f in list(names.items()):
        if not name.startswith("t_") or only not in (None, "", name[2:]):
            continue
        print("====", name[2:], flush=True)
        began = time.monotonic()
        try:
            f()
            result("ok", name[2:])
        except Skip as e:
            result("skip", name[2:], str(e))
        except Exception as e:
            traceback.print_exc()
            result("FAIL", name[2:], f"{type(e).__name__}: {e}"
                   .replace("\n", " ")[:200])
            bad = 1
        print("-- %.1f s" % (time.monotonic() - began), flush=True)
    sys.exit(bad)


def eq(what, got, wanted):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def eventually(f, what):
    """Patience is long on purpose: no test depends on speed."""
    for i in range(600):
        x = f()
        if x:
            return x
        time.sleep(0.05)
    raise AssertionError("never: " + what)


def log_has(*words):
    with open(LOG, "rb") as f:
        for line in f:
            if all(w.encode() in line for w in words):
                return line.decode("utf-8", "replace")
    return None


def logged(*words):
    return eventually(lambda: log_has(*words), "logged " + " ".join(words))


def tcp():
    s = socket.create_connection((HOST, PORT), timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_all(s):
    """Everything until the peer closes; a reset counts as that."""
    out = b""
    try:
        while True:
            b = s.recv(65536)
            if not b:
                return out
            out += b
    except ConnectionError:
        return out


def string(b):
    return struct.pack(">I", len(b)) + b
