# SPDX-License-Identifier: BSD-3-Clause
"""The library's own work as there is more of everything: regions, window, spaces. On a kernel that
says yes at once, natively. Queues and ports are the drivers' parts."""
from report import here, run_native

TABLES = {
    "regions": ("one region more among many", "ns", "regions"),
    "window": ("a space by the size of its window, I/O pages of 2M", "ns", "TiB"),
    "unmapped": ("what a window costs in which nothing is mapped", "bytes", "TiB"),
    "spaces": ("mapping the same GiB in one space after the other", "ns", "spaces"),
}
MIB = 1 << 20


def run(report, small):
    rounds = "1" if small else "40"
    found = {}
    for line in run_native("bench-growth", rounds).splitlines():
        table, count, what, value = line.split("\t")
        found.setdefault(table, {}).setdefault(int(count), {})[what] = float(value)
    for name, (title, unit, axis) in TABLES.items():
        s = report.section(title, unit=unit, axis=axis, place=f"{here()}, a kernel that says yes",
                           command=f"bench-growth {rounds}")
        if name == "unmapped":
            s.limit(MIB, at=64)
        for count, values in found[name].items():
            s.row(count, values)
