"""The CPU time of a server: of GROUP, a cgroup, or of TREE, a pid and all
below it with what ended children have left."""
import os

TICK = os.sysconf("SC_CLK_TCK")


def tree_cpu(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            kids = f.read().split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) / TICK + sum(map(tree_cpu, kids))


def cpu():
    group = os.environ.get("GROUP")
    if not group:
        return tree_cpu(os.environ["TREE"])
    try:
        with open(group + "/cpuacct.usage", encoding="ascii") as f:
            return int(f.read()) / 1e9
    except OSError:
        with open(group + "/cpu.stat", encoding="ascii") as f:
            return int(f.readline().split()[1]) / 1e6
