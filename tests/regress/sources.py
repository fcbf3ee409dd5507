"""sources.py N: a file of N penalised sources, for state_dir."""
import struct
import sys
import time

n = int(sys.argv[1])
until = int(time.time() * 1000) + 500000
b = struct.pack(">II", 0x53505001, n)
b += b"".join(struct.pack(">BBIBBQ", 4, 32, 0x0A000000 + i, 1, 1, until)
              for i in range(n))
h = 14695981039346656037
for c in b:
    h = ((h ^ c) * 1099511628211) & (1 << 64) - 1
sys.stdout.buffer.write(b + struct.pack(">Q", h))
