#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A secondary process of DPDK's beside testpmd: memory that it asks for is mapped by the primary;
its exit and its death change nothing; the primary's death leaves it with memory and no device."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free, on_both
from rig import Guest, Nic, built
from tap import equal, want
from testpmd import Testpmd, attach, fewer_drivers
from wire import Wire

PAGES = 256
PROGRAM = "/opt/secondary"
# The secondary has to find room for all memory at the primary's addresses.
BASE = "--base-virtaddr=0x200000000"
FRAMES = 5000


class Secondary:
    """The program, beside a primary."""

    def __init__(self, guest):
        self.job = guest.start(f"exec {PROGRAM} -l 1 -n 1 --proc-type=secondary --no-pci {BASE}")
        self._read = 0
        want(self.job.wait_output("\nup\n", 30), self.job.out())
        self._read = len(self.job.out())

    def tell(self, command, timeout=30):
        """One command; its answer."""
        self.job.write(command + "\n")
        end = time.monotonic() + timeout
        while True:
            said = self.job.out()[self._read:]
            found = re.search(r"^(got|refused|intact|changed|freed).*\n", said, re.M)
            if found:
                self._read = len(self.job.out())
                return found[0].strip()
            want(self.job.poll() is None and time.monotonic() < end,
                 f"{command}: no answer; {self.job.out()[-2000:]}")
            time.sleep(0.05)

    def got(self):
        """Memory, each page of it with an IOVA of the window."""
        said = self.tell("get")
        found = re.match(r"got (\d+) pages, 0 without an IOVA, the lowest at (0x[0-9a-f]+)", said)
        want(found and int(found[1]) >= 12, said)
        want(int(found[2], 16) >= 1 << 59, f"an IOVA outside of the window: {said}")
        return said


class Case:
    """testpmd with one port, and secondaries."""

    def __init__(self, tap, guest, wire):
        self.tap, self.guest, self.wire = tap, guest, wire
        self.addr = guest.nics[0].addr

    def start(self):
        return Testpmd(self.guest, attach([self.addr]), eal=f"-l 0,1 -n 1 {BASE}")

    def traffic(self, testpmd):
        return forward(self.wire, testpmd, [0], FRAMES)["good"]

    def all_is_back(self):
        balance(self.guest, PAGES)
        group_is_free(self.guest, self.addr)

    def comes_and_goes(self):
        """Its memory, its exit, and another one's death with memory in hand."""
        with self.start() as testpmd:
            first = Secondary(self.guest)
            self.tap.note(first.got())
            self.traffic(testpmd)
            equal(first.tell("check"), "intact", "its memory")
            first.tell("free")
            first.got()
            first.tell("free")
            first.job.write("quit\n")
            equal(first.job.wait(30), 0, "the secondary's status")
            self.traffic(testpmd)
            second = Secondary(self.guest)
            second.got()
            second.job.kill(9)
            equal(second.job.wait(10), -9, "the secondary's status")
            self.traffic(testpmd)
            third = Secondary(self.guest)
            third.got()
            third.job.write("quit\n")
            equal(third.job.wait(30), 0, "the secondary's status")
            self.tap.note(f"{self.traffic(testpmd)} frames compared after all")
        self.all_is_back()

    def primary_dies(self):
        """Killed in full traffic: the group is free while the secondary lives and keeps what it
        has; that nobody serves it any more it is told."""
        testpmd = self.start()
        secondary = Secondary(self.guest)
        secondary.got()
        testpmd.tell("set fwd io")
        testpmd.tell("start")
        frames = self.wire.start("loop", [0], "--seconds", 60, "--allow-stale")
        time.sleep(0.5)
        equal(testpmd.end(9), -9, "the primary's status")
        frames.stop()
        want(frames.good()["good"] > 100, "there was no traffic")
        group_is_free(self.guest, self.addr)
        equal(secondary.tell("check"), "intact", "its memory")
        kept = PAGES - self.guest.ledger()["free"]
        want(kept > 0, "the secondary kept nothing")
        with Testpmd(self.guest, f"--file-prefix=next {attach([self.addr])}") as following:
            self.traffic(following)
        equal(secondary.tell("check"), "intact", "its memory")
        self.tap.note(f"{kept} hugepages stayed with the secondary until it ended")
        self.tap.note(f"asked for more, it is {secondary.tell('get', 60)}")
        secondary.job.kill(9)
        secondary.job.wait(10)
        self.all_is_back()


def machine(tap, name):
    with Wire(1) as wire:
        with Guest(name, nics=[Nic("igb", netdev=wire.netdev(0))], hugepages=PAGES,
                   files={PROGRAM: built("tests/guest/secondary")}) as guest:
            fewer_drivers(guest)
            case = Case(tap, guest, wire)
            with tap.point(f"{name}: a secondary's memory is the primary's to map"):
                case.comes_and_goes()
            with tap.point(f"{name}: the primary dies, a secondary lives"):
                case.primary_dies()


if __name__ == "__main__":
    sys.exit(on_both(machine))
