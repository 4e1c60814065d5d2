# SPDX-License-Identifier: BSD-3-Clause
"""Bring-up and give-back of hugepages on a real kernel: libtce, one pair of calls for each page as
DPDK's EAL does it, and the fewest calls that the kernel can be asked with.

On one processor: instructions under icount, with a program beside that takes and counts what is
left (bringup.c), and time by the clock in a guest without icount, sleeps included."""
import os
import re

from packets import ICOUNT
from report import counted, guest_program, place
from rig import Device, Guest

MODES = {"libtce": "libtce", "raw calls": "raw", "a pair for each page": "pages"}
CALLS = ("unmap", "close")
# What the kernel does only after a grace period, in whatever runs then; only where it is counted.
LATER = ("unpin", "rest")
STEPS = {"bring-up": ("open", "map"),
         "give-back, until the calls are over": CALLS,
         "give-back, with what the kernel does after the calls": CALLS + LATER,
         "bring-up, registering and mapping alone": ("map",),
         "give-back, unmapping and releasing alone": ("unmap",)}
REPEATS = 4  # the least counts: the kernel does other things meanwhile
PAGES = (64, 512, 2048, 4096)
SMALL = (4,)
MB = 2  # of each page
SPARE = 2048  # MB that a guest needs beside its hugepages


def affordable(pages):
    """Those numbers of pages for which this host has memory now."""
    with open("/proc/meminfo", encoding="ascii") as f:
        free = int(re.search(r"MemAvailable:\s*(\d+)", f.read()).group(1)) // 1024
    return [n for n in pages if n * MB + SPARE + 3072 < free]


def edu(guest):
    """The address of a device that does nothing meanwhile."""
    return next(device.addr for device in guest.devices if device.spec == "edu")


def least(runs, *names):
    """The least of several runs, of the sum of some figures."""
    return min(sum(run[name] for name in names) for run in runs)


def measure(guest, program, mode, pages, count):
    """{figure: value} of one run. What the one before it had comes back a moment after its end."""
    count = " count" if count else ""
    free = "$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)"
    said = guest.run(f"until [ {free} -ge {pages} ]; do sleep 0.1; done; "
                     f"exec {program} {mode} {edu(guest)} {pages}{count}", timeout=900, check=True)
    return {name: float(value) for name, value in
            (line.split("\t") for line in said.out.splitlines())}


def ioctls(guest, program, mode, pages):
    """How many ioctls a run makes, all of them."""
    said = guest.run(f"strace -f -e trace=ioctl -o /tmp/trace {program} {mode} "
                     f"{edu(guest)} {pages} >/dev/null; grep -c 'ioctl(' /tmp/trace",
                     timeout=300, check=True)
    return int(said.out)


def times(report, guest, program, found):
    """One table for each direction, and for what there is to the memory alone."""
    unit, count = counted(guest), " count" if guest.icount else ""
    some = next(iter(next(iter(found.values())).values()))
    waits = max(run["sleeps"] for modes in found.values() for runs in modes.values()
                for run in runs)
    for title, steps in STEPS.items():
        if not set(steps) <= set(some[0]):
            continue
        s = report.section(f"{title}, hugepages of 2M, {guest.machine}", unit=unit,
                           axis="hugepages", place=place(guest),
                           command=f"{os.path.basename(program)} MODE DEVICE HUGEPAGES{count}")
        # By the clock it is only reported.
        if guest.icount and "alone" not in title:
            s.goal("raw calls", 1.05, at=2048)
        for pages, modes in found.items():
            s.row(pages, {name: least(runs, *steps) for name, runs in modes.items()})
        if "unmap" in steps and not set(LATER) <= set(steps):
            s.note("Page by page, part of the unpinning is in it: grace periods are over before "
                   "the calls are.")
        if steps == CALLS:
            s.note(f"The calls of a run, bring-up included, slept {waits:.0f} times at most.")


def table(report, guest, program, found):
    """Kernel calls, and what the library keeps."""
    s = report.section(f"calls of the kernel, {guest.machine}", unit="ioctls", axis="hugepages",
                       place=place(guest), command=f"{os.path.basename(program)} MODE DEVICE "
                       "HUGEPAGES; those that change windows, registrations and TCEs")
    s.goal("raw calls", 1)
    for pages, modes in found.items():
        s.row(pages, {name: least(runs, "calls") for name, runs in modes.items()})
    few = min(found)
    s.note(", ".join(f"{name}: {ioctls(guest, program, mode, few)}"
                     for name, mode in MODES.items() if mode != "pages")
           + " ioctls in all, questions included (strace)")
    s = report.section(f"memory of the library, {guest.machine}", unit="bytes", axis="hugepages",
                       place=place(guest), command=f"{os.path.basename(program)} libtce DEVICE "
                       "HUGEPAGES")
    for pages, modes in found.items():
        runs = modes["libtce"]
        tables, tces = ([key for key in runs[0] if key.startswith(x)] for x in ("table", "tces"))
        s.row(pages, {"tables": least(runs, *tables),
                      "8 per TCE, a page per window": 8 * least(runs, *tces) + 4096 * len(tables),
                      "all that became resident": least(runs, "resident")})
    s.goal("8 per TCE, a page per window", 1)


def in_guest(report, guest, pages, small):
    program = guest_program(guest, "bench-bringup")
    count = guest.icount or small
    found = {n: {name: [] for name in MODES} for n in pages}
    # In turns, so that what else the host does falls on all alike.
    for n in pages:
        for _ in range(1 if small else REPEATS):
            for name, mode in MODES.items():
                found[n][name].append(measure(guest, program, mode, n, count))
    times(report, guest, program, found)
    if count:
        table(report, guest, program, found)


def run(report, small):
    if small:
        in_guest(report, small, SMALL, small)
        return
    pages = affordable(PAGES)
    for machine in ("lpar", "p9"):
        for icount in (ICOUNT, ""):
            with Guest(machine, devices=[Device("edu")], mem=pages[-1] * MB + SPARE, smp=1,
                       icount=icount, hugepages=pages[-1] + 4) as guest:
                in_guest(report, guest, pages, small)
