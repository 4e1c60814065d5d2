#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""testpmd started again and again in one boot, every fourth or second one killed in full traffic,
one of those with a child that outlives it. Each time all hugepages come back and the groups are
free: also while that child lives, which has EAL's memory mapped, but holds nothing of VFIO's.

With e1000e as well: QEMU's has no function reset, and its way back from D3hot resets nothing, so
that a killed process leaves its receiver running, held by nothing but bus mastering.

restarts.py [MACHINE MODEL STARTS KILL_EVERY] runs one of the cases, as long as asked for."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free
from rig import Guest, Nic, built
from tap import Tap, equal, want
from testpmd import Testpmd, attach, fewer_drivers
from wire import Wire

PAGES = 256
# Machine, NIC, starts, which of them are killed: every n-th.
CASES = (("lpar", "igb", 20, 4), ("lpar", "e1000e", 2, 2), ("p9", "igb", 2, 2),
         ("p9", "e1000e", 2, 2))
FORKER = "/rig/forker.so"


def run_and_quit(wire, guest, devices):
    with Testpmd(guest, devices) as testpmd:
        forward(wire, testpmd, [0, 1], 2000)


def run_and_kill(wire, guest, devices, with_child):
    """SIGKILL while frames are on their way both ways; what was in flight is lost, no more."""
    before = f"env LD_PRELOAD={FORKER}" if with_child else ""
    testpmd = Testpmd(guest, devices, before=before)
    testpmd.tell("set fwd io")
    testpmd.tell("start")
    frames = wire.start("loop", [0, 1], "--seconds", 60, "--paired", "--allow-stale")
    time.sleep(0.7)
    if with_child:
        testpmd.job.kill(12)
        want(testpmd.job.wait_output(" lives", 10), "no child was forked")
        time.sleep(0.3)
    want(frames.running(), "the traffic ended before the kill")
    equal(testpmd.end(9), -9, "status of the killed testpmd")
    frames.stop()
    said = frames.good()
    want(said["good"] > 1000, f"only {said['good']} frames before the kill")
    said["child"] = re.findall(r"forker: child (\d+) lives", testpmd.job.out())
    return said


def beside_the_child(tap, wire, guest, child):
    """The child lives: its groups serve the next testpmd, and with the child the pages go."""
    guest.run(f"kill -0 {child}", check=True)
    for nic in guest.nics:
        group_is_free(guest, nic.addr)
    devices = attach([nic.addr for nic in guest.nics])
    with Testpmd(guest, f"--file-prefix=second {devices}") as testpmd:
        tap.note(f"{forward(wire, testpmd, [0, 1], 2000)['good']} frames beside the child")
    guest.run(f"kill -9 {child}", check=True)


def one_start(tap, guest, wire, number, killed, with_child):
    devices = attach([nic.addr for nic in guest.nics])
    how = "killed with a child alive" if with_child else "killed" if killed else "quit"
    name = f"{guest.machine}, {guest.nics[0].spec}"
    with tap.point(f"{name}, start {number + 1}: {how}, and all is back"):
        if killed:
            said = run_and_kill(wire, guest, devices, with_child)
            tap.note(f"{said['good']} frames compared before, {said['lost']} lost")
        else:
            run_and_quit(wire, guest, devices)
        if with_child:
            beside_the_child(tap, wire, guest, said["child"][0])
        balance(guest, PAGES)
        for nic in guest.nics:
            group_is_free(guest, nic.addr)


def show(tap, machine, model, starts, every):
    with tap.point(f"{machine}, {model}: no stray DMA, no word from the kernel, start to end"):
        with Wire(2) as wire:
            nics = [Nic(model, netdev=wire.netdev(port)) for port in (0, 1)]
            with Guest(machine, nics=nics, hugepages=PAGES,
                       files={FORKER: built("tests/guest/forker.so")}) as guest:
                fewer_drivers(guest)
                killed = [n for n in range(starts) if n % every == every - 1]
                for n in range(starts):
                    one_start(tap, guest, wire, n, n in killed, n == killed[len(killed) // 2])


def main():
    tap = Tap()
    asked = sys.argv[1:]
    cases = [(*asked[:2], int(asked[2]), int(asked[3]))] if asked else CASES
    for case in cases:
        show(tap, *case)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
