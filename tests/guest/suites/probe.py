#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`tce probe` on real kernels: what it answers, and that the kernel is none the worse for it."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, group_is_free, on_both
from rig import Guest, Nic, built
from tap import equal, want

PAGES = 64
OPENER = {"/opt/opener": built("tests/guest/opener")}
LOOKED_FOR = ("MAP at a misaligned IOVA", "MAP over a TCE in use", "UNMAP of a free TCE",
              "REGISTER of memory with a hole", "memlock of a refused window")
NOT_TRIED = ("UNREGISTER of memory in use", "MAP or UNMAP past a window's end")


def answers(said):
    """{defect: (answer, sentence)} of what `tce probe` printed."""
    found = re.findall(r"^(yes|no|unknown)\s+([^:]+): (.*)$", said.out, re.M)
    equal(len(found), len(said.out.splitlines()), "lines with an answer")
    return {name: (answer, sentence) for answer, name, sentence in found}


def probe(tap, guest):
    addr = guest.nics[0].addr
    with tap.point(f"{guest.machine}: tce probe answers for each defect"):
        said = guest.run(f"tce probe {addr}")
        tap.note(said.out)
        equal(said.status, 0, "status")
        found = answers(said)
        # Nothing is known of later kernels: that it was looked for is all that can be wanted.
        known = ("yes",) if guest.run("uname -r").out.startswith("6.12.") else ("yes", "no")
        for name in LOOKED_FOR:
            want(found[name][0] in known, f"{name}: {found[name]}")
        for name in NOT_TRIED:
            equal(found[name][0], "unknown", name)
    with tap.point(f"{guest.machine}: probed three times more, the same"):
        for _ in range(3):
            equal(answers(guest.run(f"tce probe {addr}")), found, "answers")
    with tap.point(f"{guest.machine}: the device's slot has its windows as before"):
        opened = guest.run(f"/opt/opener {addr} mem=2147483648")
        equal((opened.status, opened.out.strip()), (0, "opened"), "opener")
    with tap.point(f"{guest.machine}: what cannot be probed is said in one sentence"):
        said = guest.run("tce probe 0009:00:00.0")
        want(said.status == 1 and "no device 0009:00:00.0" in said.out, said.out)
        said = guest.run("tce probe")
        want(said.status != 0 and "needs a device's PCI address" in said.out, said.out)
        said = guest.run(f"exec 3<>/dev/vfio/{guest.group(addr)}; tce probe {addr}")
        want(said.status == 1 and "in use by another process" in said.out, said.out)
    with tap.point(f"{guest.machine}: nothing was lost by any of it"):
        group_is_free(guest, addr)
        balance(guest, PAGES)


def machine(tap, name):
    with Guest(name, nics=[Nic("igb", netdev="user")], hugepages=PAGES, files=OPENER,
               logs=f"build/guest/probe-{name}") as guest:
        probe(tap, guest)


if __name__ == "__main__":
    sys.exit(on_both(machine))
