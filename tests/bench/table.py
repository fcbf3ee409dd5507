#!/usr/bin/python3
"""table.py RAW NAME=TITLE...: medians of RAW's lines (server, test, value) as
a markdown table; ratios are of the first server to each of the others."""
import collections
import statistics
import sys

ROWS = (  # test, title, unit, target ratio
    ("get-aes128-gcm", "download, AES-128-GCM", "CPU s/GiB", 0.8),
    ("put-aes128-gcm", "upload, AES-128-GCM", "CPU s/GiB", 0.8),
    ("get-chacha20-poly1305", "download, ChaCha20", "CPU s/GiB", None),
    ("put-chacha20-poly1305", "upload, ChaCha20", "CPU s/GiB", None),
    ("rate-get-aes128-gcm", "download, AES-128-GCM", "MiB/s", None),
    ("rate-put-aes128-gcm", "upload, AES-128-GCM", "MiB/s", None),
    ("forward-down", "forward, to the client", "CPU s/GiB", 0.6),
    ("forward-up", "forward, from the client", "CPU s/GiB", 0.6),
    ("rate-forward-down", "forward, to the client", "MiB/s", None),
    ("rate-forward-up", "forward, from the client", "MiB/s", None),
    ("login", "login and logout", "CPU ms", 0.2),
    ("login-p50", "login, 4 at a time, median", "ms", None),
    ("stat", "stat", "CPU us", 0.8),
    ("smallput", "put 1 KiB (open, write, close)", "CPU us", 0.8),
    ("smallget", "get 1 KiB (open, read, close)", "CPU us", 0.8),
    ("idle-pss", "idle session, PSS", "kB", 0.2),
    ("idle-all", "idle session, with the kernel's", "kB", 0.2),
)

values = collections.defaultdict(list)
with open(sys.argv[1]) as f:
    for line in f:
        server, test, value = line.rstrip("\n").split("\t")
        try:
            values[server, test].append(float(value))
        except ValueError:
            pass
names = [x.split("=")[0] for x in sys.argv[2:]]
titles = [x.split("=")[1].replace("_", " ") for x in sys.argv[2:]]


def median(server, test):
    v = values.get((server, test))
    return statistics.median(v) if v else None


def fmt(x):
    return "-" if x is None else f"{x:.0f}" if x >= 100 else f"{x:.3g}"


print("| | unit |", " | ".join(titles), "|",
      " | ".join("ratio to " + t for t in titles[1:]), "| target |")
print("|---" * (3 + len(names) + len(names[1:])) + "|")
for test, title, unit, target in ROWS:
    m = [median(n, test) for n in names]
    if not any(x is not None for x in m):
        continue
    ratios = [f"{m[0] / x:.2f}" if m[0] is not None and x else "-"
              for x in m[1:]]
    print("|", title, "|", unit, "|", " | ".join(map(fmt, m)), "|",
          " | ".join(ratios), "|", f"<= {target}" if target else "", "|")
