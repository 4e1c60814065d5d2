#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`make demo DEV=...` on a POWER machine, which a guest is: what it refuses, and that it puts all
back."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance
from rig import Guest, Nic
from tap import Tap, equal, want

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPT = "/opt/hardware"
PAGES = 8


def state(guest, addr):
    """What the script may change, and what it was asked to leave."""
    return guest.run(f"readlink /sys/bus/pci/devices/{addr}/driver; ls /sys/bus/pci/devices/{addr}"
                     "/net; cat /proc/sys/vm/nr_hugepages; lsmod | cut -d' ' -f1 | sort").out


def refused(tap, guest, name, addr, words):
    with tap.point(f"{name}: refused in one sentence, nothing changed"):
        before = state(guest, addr)
        said = guest.run(f"{SCRIPT} {addr}")
        equal(said.status, 1, "exit status")
        want(said.out.startswith("FAIL: ") and words in said.out, said.out)
        equal(len(said.out.splitlines()), 1, "lines said")
        equal(state(guest, addr), before, "the machine's state")


def show(tap):
    nics = [Nic("igb", netdev="user", bind="igb")]
    with Guest("lpar", modules=["igb"], nics=nics, hugepages=PAGES,
               files={SCRIPT: f"{HERE}/hardware"}) as guest:
        addr = guest.nics[0].addr
        refused(tap, guest, "no such device", "0009:00:00.0", "no PCI device 0009:00:00.0")
        guest.run("ip link set eth0 up", check=True)
        refused(tap, guest, "an interface that is up", addr, "its interface eth0 is up")
        guest.run("ip link set eth0 down", check=True)
        with tap.point("it sends, and puts driver, hugepages and modules back"):
            before = state(guest, addr)
            said = guest.run(f"{SCRIPT} {addr}", timeout=200)
            tap.note(said.out)
            want(said.status == 0 and said.out.splitlines()[-1].startswith("PASS: "), said.out)
            equal(state(guest, addr), before, "the machine's state")
            balance(guest, PAGES)


def main():
    tap = Tap()
    with tap.point("no stray DMA, no word from the kernel, from start to end"):
        show(tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
