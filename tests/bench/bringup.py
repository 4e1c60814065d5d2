# SPDX-License-Identifier: BSD-3-Clause
"""Bring-up and give-back of hugepages on a real kernel: libtce, one pair of calls for each page as
DPDK's EAL does it, and the fewest calls that the kernel can be asked with."""
import os
import re

from packets import ICOUNT
from report import counted, guest_program, place
from rig import Device, Guest

MODES = {"libtce": "libtce", "raw calls": "raw", "a pair for each page": "pages"}
STEPS = {"bring-up": ("open", "map"), "give-back": ("unmap", "close"),
         "bring-up, registering and mapping alone": ("map",),
         "give-back, unmapping and releasing alone": ("unmap",)}
REPEATS = 4  # the least of each figure counts: the kernel does other things meanwhile
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


def least(runs):
    """The least of each figure of several runs."""
    return {name: min(run[name] for run in runs) for name in runs[0]}


def measure(guest, program, mode, pages):
    """{figure: value} of one run. What the one before it had comes back a moment after its end."""
    free = "$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)"
    said = guest.run(f"until [ {free} -ge {pages} ]; do sleep 0.1; done; "
                     f"exec {program} {mode} {edu(guest)} {pages}", timeout=900, check=True)
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
    unit = counted(guest)
    for title, steps in STEPS.items():
        s = report.section(f"{title} of hugepages of 2M, {guest.machine}", unit=unit,
                           axis="hugepages", place=place(guest),
                           command=f"{os.path.basename(program)} MODE DEVICE HUGEPAGES")
        # By the clock it is only reported.
        if guest.icount and "alone" not in title:
            s.goal("raw calls", 1.05, at=2048)
        for pages, modes in found.items():
            s.row(pages, {name: sum(run[x] for x in steps) for name, run in modes.items()})


def table(report, guest, program, found):
    """Kernel calls, and what the library keeps."""
    s = report.section(f"calls of the kernel, {guest.machine}", unit="ioctls", axis="hugepages",
                       place=place(guest), command=f"{os.path.basename(program)} MODE DEVICE "
                       "HUGEPAGES; those that change windows, registrations and TCEs")
    s.goal("raw calls", 1)
    for pages, modes in found.items():
        s.row(pages, {name: run["calls"] for name, run in modes.items()})
    few = min(found)
    s.note(", ".join(f"{name}: {ioctls(guest, program, mode, few)}"
                     for name, mode in MODES.items() if mode != "pages")
           + " ioctls in all, questions included (strace)")
    s = report.section(f"memory of the library, {guest.machine}", unit="bytes", axis="hugepages",
                       place=place(guest), command=f"{os.path.basename(program)} libtce DEVICE "
                       "HUGEPAGES")
    for pages, modes in found.items():
        run = modes["libtce"]
        windows = sum(1 for key in run if key.startswith("table"))
        s.row(pages, {"tables": sum(v for k, v in run.items() if k.startswith("table")),
                      "8 per TCE, a page per window": 8 * sum(
                          v for k, v in run.items() if k.startswith("tces"))
                      + windows * 4096,
                      "all that became resident": run["resident"]})
    s.goal("8 per TCE, a page per window", 1)


def in_guest(report, guest, pages, small):
    program = guest_program(guest, "bench-bringup")
    found = {n: {name: least([measure(guest, program, mode, n)
                              for _ in range(1 if small else REPEATS)])
                 for name, mode in MODES.items()} for n in pages}
    times(report, guest, program, found)
    if guest.icount or small:
        table(report, guest, program, found)


def run(report, small):
    if small:
        in_guest(report, small, SMALL, small)
        return
    pages = affordable(PAGES)
    for machine in ("lpar", "p9"):
        for icount in (ICOUNT, ""):
            with Guest(machine, devices=[Device("edu")], mem=pages[-1] * MB + SPARE,
                       icount=icount, hugepages=pages[-1] + 4) as guest:
                in_guest(report, guest, pages, small)
