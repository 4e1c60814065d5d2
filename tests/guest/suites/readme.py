#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What README.md tells the owner of a POWER machine to type, typed on one, letter by letter."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, group_is_free
from rig import Guest, Nic
from tap import Tap, equal, want
from testpmd import PROMPT

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../README.md")
SAMPLE = "0001:00:01.0"
PAGES = 512


def commands(addr):
    """The lines that the section on POWER machines shows for a device, of this address."""
    with open(README, encoding="utf-8") as f:
        section = f.read().partition("\n## On a POWER machine\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?:^\t.*\n)+", section, re.M)
    lines = [line.strip() for block in blocks if SAMPLE in block for line in block.splitlines()]
    return [line.replace(SAMPLE, addr) for line in lines]


def prepare(tap, guest, lines):
    for line in lines:
        with tap.point(line):
            said = guest.run(line)
            tap.note(said.out)
            equal(said.status, 0, "exit status")


def forward(tap, guest, line):
    with tap.point(line):
        job = guest.start(f"exec {line}", pty=True)
        want(job.wait_output(PROMPT, 90), f"no prompt:\n{job.out()}")
        want(re.search(r"^Port 0: [0-9A-F:]{17}", job.out(), re.M), f"no port:\n{job.out()}")
        job.write("quit\n")
        equal(job.wait(60), 0, "exit status of testpmd")


def main():
    tap = Tap()
    nic = Nic("igb", "hubport,hubid=0", bind="")
    with Guest("p9", nics=[nic], hugepages=0, modules=["igb"], spapr=False, kernel="64k") as guest:
        driver = guest.run(f"readlink /sys/bus/pci/devices/{nic.addr}/driver").out
        lines = commands(nic.addr)
        with tap.point("the README's commands are found, and the NIC has its kernel driver"):
            want(len(lines) == 8, f"{len(lines)} lines: {lines}")
            want(driver.strip().endswith("/igb"), f"driver: {driver!r}")
        with tap.point("before, tce check says what is wrong"):
            said = guest.run(f"tce check {nic.addr}")
            equal(said.status, 1, "exit status")
            want(re.search("^wrong +driver +.* is bound to igb", said.out, re.M), said.out)
        prepare(tap, guest, lines[:-1])
        forward(tap, guest, lines[-1])
        with tap.point("afterwards nothing is lost"):
            balance(guest, PAGES)
            group_is_free(guest, nic.addr)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
