#!/usr/bin/python3
"""run.py [-j N] [-d LOGDIR] [PATTERN...]: runs tests and counts.

Standard input has one test per line: NAME, seconds allowed, shell command,
separated by tabs.  Each runs in its own session with its log in
LOGDIR/NAME.log; a test may write result lines for its parts to the file named
by $TEST_RESULTS ("ok PART", "FAIL PART WHY", "skip PART WHY"; "-" is the test
itself); without any its exit status is its one result.  What a test leaves
running is ended by its process id and makes the test fail.  Results go to
standard output and are appended to LOGDIR/results.
"""
import ctypes
import fnmatch
import getopt
import os
import signal
import subprocess
import sys
import time


def children(pid):
    """All descendants of pid, without zombies."""
    out = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return out
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children") as f:
                kids = f.read().split()
        except OSError:
            continue
        for kid in kids:
            try:
                with open(f"/proc/{kid}/stat") as f:
                    state = f.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state != "Z":
                out.append(int(kid))
            out += children(kid)
    return out


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def name_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f"{pid} ({f.read().replace(chr(0), ' ').strip()})"
    except OSError:
        return str(pid)


def one(seconds, results, command):
    """Runs one test; orphans of it come to us (PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    why = None
    p = subprocess.Popen(["/bin/bash", "-c", command], stdin=subprocess.DEVNULL,
                         start_new_session=True)

    def ended(signum, frame):
        for pid in children(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        os._exit(1)
    signal.signal(signal.SIGTERM, ended)
    try:
        status = p.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        why = f"took more than {seconds} s"
        os.killpg(p.pid, signal.SIGTERM)  # its exit trap tidies up
        try:
            p.wait(timeout=15)
        except subprocess.TimeoutExpired:
            pass
        status = 1
    left = []
    for wait in range(100):
        reap()
        left = children(os.getpid())
        if not left:
            break
        time.sleep(0.05)
    for pid in left:
        print("left running:", name_of(pid), flush=True)
    while left:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
        reap()
        why = why or "left processes running"
        left = children(os.getpid())
    with open(results, "a+") as f:
        f.seek(0)
        lines = [x.split(" ", 1)[0] for x in f]
        if why:
            f.write(f"FAIL - {why}\n")
        elif status != 0 and "FAIL" not in lines:
            f.write(f"FAIL - ended with status {status}\n")
        elif not lines:
            f.write("ok -\n")


def start(test, logdir):
    name, seconds, command = test
    flat = name.replace("/", "-")
    results = os.path.join(logdir, flat + ".part")
    log = os.path.join(logdir, flat + ".log")
    if os.path.exists(results):
        os.unlink(results)
    env = dict(os.environ, TEST_RESULTS=os.path.abspath(results),
               TEST_NAME=name, TEST_LOG=os.path.abspath(log))
    with open(log, "w") as f:
        p = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--one", seconds,
             os.path.abspath(results), command],
            stdin=subprocess.DEVNULL, stdout=f, stderr=f, env=env)
    return p, name, results, log, time.monotonic()


def report(run, out):
    """Prints the lines of a test that has ended; True if nothing failed."""
    p, name, results, log, began = run
    good = True
    try:
        with open(results) as f:
            lines = f.read().splitlines()
        os.unlink(results)
    except OSError:
        lines = ["FAIL - the runner itself failed"]
    for line in lines:
        what, part, why = (line.split(" ", 2) + ["", ""])[:3]
        full = name if part == "-" else f"{name}/{part}"
        if what == "FAIL":
            good = False
            why = (why + "; " if why else "") + "see " + log
        text = f"{what} {full}" + (f" ({why})" if why else "")
        print(text, flush=True)
        out.write(text + "\n")
    out.flush()
    with open(log, "a") as f:
        f.write(f"-- {time.monotonic() - began:.1f} s\n")
    return good


def main():
    if sys.argv[1:2] == ["--one"]:
        one(int(sys.argv[2]), sys.argv[3], sys.argv[4])
        return 0
    opts, patterns = getopt.getopt(sys.argv[1:], "j:d:")
    opts = dict(opts)
    jobs, logdir = int(opts.get("-j", "2")), opts.get("-d", "build/log")
    os.makedirs(logdir, exist_ok=True)
    todo = [x.rstrip("\n").split("\t", 2) for x in sys.stdin if x.strip()]
    todo = [x for x in todo if not patterns or
            any(fnmatch.fnmatch(x[0], p) for p in patterns)]
    running, good = [], True

    def ended(signum, frame):
        for run in running:
            run[0].terminate()
        for run in running:
            run[0].wait()
        sys.exit(1)
    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGINT, ended)
    with open(os.path.join(logdir, "results"), "a") as out:
        while todo or running:
            while todo and len(running) < jobs:
                running.append(start(todo.pop(0), logdir))
            time.sleep(0.02)
            for run in [r for r in running if r[0].poll() is not None]:
                running.remove(run)
                good = report(run, out) and good
    return 0 if good else 1


sys.exit(main())
