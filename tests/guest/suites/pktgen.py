#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The packet generator of examples/, built with pkg-config alone: frames from one 82576 to another,
each looked at, and frames that leave one for the outside; both machines."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, group_is_free
from outsider import on_both
from rig import Guest, Nic
from tap import equal, want
from wire import Wire

PAGES = 64
FRAMES = 50_000
HUB = "hubport,hubid=1"


def between(tap, guest, frames=FRAMES, size=64):
    """From the second NIC to the third."""
    addr = [nic.addr for nic in guest.nics]
    said = guest.run(f"/opt/pktgen {frames} {size} {addr[1]} {addr[2]}", 120)
    tap.note(said.out)
    equal(said.status, 0, f"exit status ({said.out})")
    want(f"{frames} came as they were sent" in said.out, "the count")


def outside(tap, guest, wire):
    """From the first NIC to the outside, where they are looked at."""
    receiver = wire.start("receive", [0], "--seconds", 60, "--length", 200)
    said = guest.run(f"/opt/pktgen {FRAMES} 204 {guest.nics[0].addr}", 120, check=True)
    tap.note(said.out)
    guest.run("sleep 0.5")
    receiver.stop()
    equal(receiver.good()["good"], FRAMES, "sound frames outside")


def refusals(tap, guest):
    for arguments, words in ((f"10 64 {guest.nics[3].addr}", "8086:10d3, no Intel 82576"),
                             ("10 64 0009:00:00.0", "no device 0009:00:00.0"),
                             (f"10 20 {guest.nics[0].addr}", "usage")):
        said = guest.run(f"/opt/pktgen {arguments}")
        equal(said.status, 1, "exit status")
        want(re.search(words, said.out), f"/{words}/ is not in: {said.out}")
        tap.note(said.out)


def machine(tap, name, program):
    with Wire(1) as wire:
        nics = [Nic("igb", netdev=wire.netdev(0)), Nic("igb", netdev=HUB), Nic("igb", netdev=HUB),
                Nic("e1000e")]
        with Guest(name, nics=nics, hugepages=PAGES, files={"/opt/pktgen": program}) as guest:
            with tap.point(f"{name}: frames from one NIC to another, of 64 bytes"):
                between(tap, guest)
            with tap.point(f"{name}: and of 1518"):
                between(tap, guest, FRAMES // 10, 1518)
            with tap.point(f"{name}: frames to the outside"):
                outside(tap, guest, wire)
            with tap.point(f"{name}: what is wrong is told in a sentence"):
                refusals(tap, guest)
            with tap.point(f"{name}: all hugepages and groups are back"):
                balance(guest, PAGES)
                for nic in nics:
                    group_is_free(guest, nic.addr)


if __name__ == "__main__":
    sys.exit(on_both("pktgen", "tce-igb tce-hugemem", machine))
