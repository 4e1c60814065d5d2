#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Memory given back, on real kernels and under devices that reach for it: regions in two spaces,
evict with its time limit, quarantine and its way out, a device that is wanted back, children,
exec, a container that is passed on. After each, nothing is missing."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free
from rig import Device, Guest, Nic, built
from tap import Tap, equal, want
from testpmd import Testpmd, attach, fewer_drivers
from wire import Wire

PAGES = 64
PROGRAM = "/opt/release"
REFUSER = "/opt/refuser.so"
EDU = "edu,dma_mask=0xffffffffffffffff"
NIC_PAGES = 256


class Scenes:
    """The scenes of the program, on a guest with two edu devices."""

    def __init__(self, tap, guest):
        self.tap, self.guest = tap, guest
        self.a, self.b = (device.addr for device in guest.devices)

    def all_is_back(self):
        balance(self.guest, PAGES)
        for addr in (self.a, self.b):
            group_is_free(self.guest, addr)

    def scene(self, what, *words, before=""):
        """One that runs by itself; its sentences have these words."""
        with self.tap.point(f"{self.guest.machine}: {what}"):
            said = self.guest.run(f"{before} {PROGRAM} {what} {self.a} {self.b}", timeout=60)
            self.tap.note(said.out)
            want(said.status == 0 and "all of it held" in said.out, said.out)
            for word in words:
                want(re.search(word, said.out), f"/{word}/ is not in: {said.out}")
            self.all_is_back()

    def unplug(self):
        """The kernel takes the device when all that we have of it is closed."""
        with self.tap.point(f"{self.guest.machine}: a device that is wanted back"):
            job = self.guest.start(f"{PROGRAM} unplug {self.a} {self.b}")
            want(job.wait_output("wanted", 30), job.out())
            taker = self.guest.start(f"echo 1 >/sys/bus/pci/devices/{self.a}/remove")
            want(job.wait_output("given", 30), job.out())
            equal(taker.wait(20), 0, "the removal")
            equal(job.wait(30), 0, f"status; {job.out()}")
            gone = self.guest.run(f"[ ! -e /sys/bus/pci/devices/{self.a} ]")
            equal(gone.status, 0, "the device is gone")
            balance(self.guest, PAGES)
            group_is_free(self.guest, self.b)

    def fork(self):
        """Killed while it maps; a child lives on and holds nothing."""
        with self.tap.point(f"{self.guest.machine}: children while others map; one outlives"):
            job = self.guest.start(f"{PROGRAM} fork {self.a}")
            want(job.wait_output(" lives", 60), job.out())
            child = re.search(r"child (\d+) lives", job.out())[1]
            time.sleep(0.5)
            job.kill(9)
            equal(job.wait(10), -9, f"status; {job.out()}")
            self.guest.run(f"kill -0 {child}", check=True)
            group_is_free(self.guest, self.a)
            self.guest.run(f"kill -9 {child}", check=True)
            self.all_is_back()

    def exec(self):
        """Another program: no file of VFIO's, the group free, the pages back at once."""
        with self.tap.point(f"{self.guest.machine}: exec leaves nothing open"):
            job = self.guest.start(f"{PROGRAM} exec {self.a}")
            want(job.wait_output("another program", 30), job.out())
            want("vfio" not in job.out(), f"a descriptor survived: {job.out()}")
            self.all_is_back()
            job.kill(9)
            job.wait(10)

    def orphan(self):
        """The last: the kernel loses these pages for good when the program ends, and says so."""
        with self.tap.point(f"{self.guest.machine}: pages the kernel keeps stay in quarantine"):
            said = self.guest.run(f"LD_PRELOAD={REFUSER} {PROGRAM} orphan {self.a} {self.b}")
            want(said.status == 0 and "all of it held" in said.out, said.out)
            ledger = self.guest.ledger()
            self.tap.note(f"{said.out}\nof {PAGES} hugepages afterwards: {ledger}")
            equal(PAGES - ledger["free"], 4, "hugepages that the kernel has lost")


def machine(tap, name):
    files = {PROGRAM: built("tests/guest/release"), REFUSER: built("tests/guest/refuser.so")}
    with Guest(name, devices=[Device(EDU), Device(EDU)], hugepages=PAGES, files=files,
               expect_trouble=True) as guest:
        scenes = Scenes(tap, guest)
        scenes.scene("spaces", "2 runs still point", "did not let go within 500 ms")
        scenes.scene("quarantine", "TCEs still point into it", "refused UNREGISTER",
                     before=f"LD_PRELOAD={REFUSER}")
        scenes.scene("pass", "another process's container")
        scenes.fork()
        scenes.exec()
        scenes.orphan()
    with Guest(name, devices=[Device(EDU), Device(EDU)], hugepages=PAGES, files=files) as guest:
        Scenes(tap, guest).unplug()


def hot_unplug(tap, name):
    """A NIC is wanted back under traffic: its port and vdev go, the other port forwards on."""
    with Wire(2) as wire:
        nics = [Nic("igb", netdev=wire.netdev(i)) for i in range(2)]
        with Guest(name, nics=nics, hugepages=NIC_PAGES) as guest:
            fewer_drivers(guest)
            a, b = (nic.addr for nic in guest.nics)
            with Testpmd(guest, attach([a, b])) as testpmd:
                forward(wire, testpmd, [0, 1], 2000)
                testpmd.tell("start")
                frames = wire.start("loop", [0, 1], "--seconds", 60, "--paired")
                time.sleep(0.5)
                taker = guest.start(f"echo 1 >/sys/bus/pci/devices/{a}/remove")
                time.sleep(1)
                equal(taker.poll(), None, "the removal waits for us")
                frames.stop()
                tap.note(f"{frames.good()['good']} frames compared before")
                for command in ("stop", "port stop 0", "port close 0",
                                "device detach net_tce_attach0"):
                    testpmd.tell(command)
                equal(taker.wait(30), 0, "the removal")
                equal(testpmd.ports(), 1, "ports")
                said = forward(wire, testpmd, [1], 10_000)
                tap.note(f"{said['good']} frames compared by the other port")
            balance(guest, NIC_PAGES)
            group_is_free(guest, b)


def main():
    tap = Tap()
    for name in sys.argv[1:] or ("lpar", "p9"):
        with tap.point(f"{name}: no stray DMA, no word from the kernel, from start to end"):
            machine(tap, name)
        with tap.point(f"{name}: a NIC is wanted back under traffic"):
            hot_unplug(tap, name)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
