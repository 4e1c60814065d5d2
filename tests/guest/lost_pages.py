#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""make lost-pages: programs killed at random moments of their traffic, and what they leave.

A small program that arms a NIC's rings and changes their memory all the while, and testpmd, both
on libtce; and beside them the same small program with the usual order mistake, written straight
against the kernel: it unregisters memory before it clears its TCEs. In guests only.
"""
import argparse
import dataclasses
import json
import random
import sys
import time

from cases import balance, group_is_free
from rig import Guest, Nic, built
from tap import Failure, Tap, equal, want
from testpmd import Testpmd, attach, fewer_drivers
from wire import Wire

PAGES = 512
PORTS = 4  # programs at a time: most of a program's life is the negotiation of its link
BATCH = 100  # kills from one count of the pages to the next
KILLER = "/opt/killer"
THROWAWAY = "libtce.throwaway=1"


@dataclasses.dataclass
class Tally:
    """What came of one sort of kills."""
    name: str
    killed: int = 0
    frames: int = 0
    given: int = 0  # times that memory was taken, used and given back, in traffic
    astray: int = 0  # frames that went to memory that was not the program's any more
    lost: int = 0
    rsvd: int = 0
    warnings: int = 0
    stray: int = 0
    seconds: float = 0.0

    def count(self, guest, ledger):
        self.lost = ledger["total"] - ledger["free"] + ledger["surp"]
        self.rsvd = ledger["rsvd"]
        self.warnings += len(ledger["complaints"])
        self.stray = len(guest.stray())


def table(tallies):
    """Side by side, for people."""
    head = ("", "killed", "frames", "memory given back", "hugepages lost", "HugePages_Rsvd",
            "stray DMA", "kernel warnings")
    rows = [head] + [(t.name, t.killed, t.frames, t.given, t.lost, t.rsvd, t.stray, t.warnings)
                     for t in tallies]
    width = [max(len(str(row[i])) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(str(x).ljust(w) if not i else str(x).rjust(w)
                               for i, (x, w) in enumerate(zip(row, width))) for row in rows)


def machine(name, wire, ports, smp=1, **more):
    """One processor for the small programs, which all poll: the emulator gives each processor a
    tenth of a second in turn, the guest's kernel shares one out finer."""
    nics = [Nic("igb", netdev=wire.netdev(port)) for port in range(ports)]
    files = {KILLER: built("tests/lost/killer")}
    return Guest(name, nics=nics, smp=smp, hugepages=PAGES, files=files, append=THROWAWAY, **more)


def traffic(wire, ports, *options):
    return wire.start("loop", ports, "--seconds", 3000, "--limit", 3100, "--window", 48,
                      "--quiet", 0.05, "--allow-stale", *options)


def kill_rings(guest, how, kills, seed, tally):
    """So many kills, shared out among all the NICs at once."""
    jobs = []
    for i, nic in enumerate(guest.nics):
        n = kills // len(guest.nics) + (i < kills % len(guest.nics))
        if n:
            jobs.append(guest.start(f"exec {KILLER} {n} {seed + i} {nic.addr} {how}"))
    for job in jobs:
        status = job.wait(60 + 20 * kills)
        if status:
            raise Failure(f"killer ended with {status}: {job.out()}")
        said = json.loads(job.out())
        tally.killed += said["kills"]
        for key in ("frames", "given", "astray"):
            setattr(tally, key, getattr(tally, key) + said[key])


def rings(tap, name, kills, ports=PORTS):
    """The small program on libtce: nothing is lost, and every frame comes back as it was."""
    tally = Tally(f"libtce, {name}")
    begin = time.monotonic()
    with Wire(ports) as wire, machine(name, wire, ports) as guest:
        frames = [traffic(wire, [port]) for port in range(ports)]
        for done in range(0, kills, BATCH):
            kill_rings(guest, "libtce", min(BATCH, kills - done), done, tally)
            tally.count(guest, balance(guest, PAGES))
            tap.note(f"{name}: killed {tally.killed} times, {tally.frames} frames, "
                     f"{tally.lost} hugepages lost, {time.monotonic() - begin:.0f} s")
        for process in frames:
            process.stop()
        for process in frames:
            process.good()
        for nic in guest.nics:
            group_is_free(guest, nic.addr)
        equal((tally.astray, guest.stray()), (0, []), "frames gone astray, stray DMA")
    equal(tally.killed, kills, "kills")
    want(tally.frames >= 32 * kills and tally.given >= kills, f"hardly any traffic: {tally}")
    tally.seconds = time.monotonic() - begin
    return tally


def testpmd(tap, name, kills, seed=1):
    """testpmd with DPDK's igb driver on libtce, forwarding between two ports."""
    tally, moment = Tally(f"libtce, testpmd, {name}"), random.Random(seed)
    begin = time.monotonic()
    with Wire(2) as wire, machine(name, wire, 2, smp=2) as guest:
        fewer_drivers(guest)
        frames = traffic(wire, [0, 1], "--paired")
        for _ in range(kills):
            run = Testpmd(guest, attach([nic.addr for nic in guest.nics]))
            run.tell("set fwd io")
            run.tell("start")
            time.sleep(0.3)
            tally.frames += sum(run.stats(port)["RX-packets"] for port in (0, 1))
            time.sleep(moment.uniform(0, 0.7))
            equal(run.end(9), -9, "status of the killed testpmd")
            guest.run("rm -f /dev/hugepages/*map_*", check=True)
            tally.killed += 1
            if tally.killed % 10 == 0 or tally.killed == kills:
                tally.count(guest, balance(guest, PAGES))
                tap.note(f"{name}: testpmd killed {tally.killed} times, "
                         f"{tally.lost} hugepages lost, {time.monotonic() - begin:.0f} s")
        frames.stop()
        frames.good()
    want(tally.frames > kills, f"hardly any traffic: {tally}")
    tally.seconds = time.monotonic() - begin
    return tally


def mistake(tap, name, kills, ports=1):
    """The same small program with the usual mistake, in a guest of its own: pages are lost."""
    tally = Tally(f"the usual mistake, {name}")
    begin = time.monotonic()
    with Wire(ports) as wire, \
            machine(name, wire, ports, expect_trouble=True, expect_stray=True) as guest:
        frames = [traffic(wire, [port]) for port in range(ports)]
        kill_rings(guest, "mistake", kills, 1, tally)
        tally.count(guest, guest.ledger(3.0))
        guest.run("echo 0 >/proc/sys/vm/nr_hugepages")
        left = guest.ledger()
        tap.note(f"{name}: with nr_hugepages set to 0, {left['total']} hugepages stay "
                 f"({left['surp']} of them surplus), HugePages_Rsvd {left['rsvd']}")
        for process in frames:
            process.kill()
    equal(tally.killed, kills, "kills")
    want(tally.lost > 0 and tally.warnings > 0, f"the mistake lost nothing: {tally}")
    tally.seconds = time.monotonic() - begin
    return tally


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--kills", type=int, default=1000, help="of the small program (1000)")
    p.add_argument("--testpmd", type=int, default=50, help="of testpmd (50)")
    p.add_argument("--mistake", type=int, default=20, help="of the program with the mistake (20)")
    p.add_argument("--machine", action="append", help="lpar, p9 (both)")
    a = p.parse_args()
    tap, tallies, names = Tap(), [], a.machine or ["lpar", "p9"]
    for name in names:
        for what, show, kills in (("rings", rings, a.kills // len(names)),
                                  ("testpmd", testpmd, a.testpmd // len(names)),
                                  ("mistake", mistake, a.mistake // len(names))):
            with tap.point(f"{name}: {what} killed {kills} times"):
                if kills:
                    tallies.append(show(tap, name, kills))
    tap.note(table(tallies))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
