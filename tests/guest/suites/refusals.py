#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A kernel that refuses to map what EAL has just got, or to clear what EAL is giving back, while
testpmd forwards. A preloaded ioctl() stands in for its answer: no kernel refuses on demand. And a
space that has memory where another one has room for what EAL gets."""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import PAIRED, balance, forward, group_is_free
from rig import Guest, Nic, built
from tap import Tap, equal, want
from testpmd import Testpmd, attach, fewer_drivers
from wire import Wire

PAGES = 400
PLUGIN = "/opt/librte_net_tce_test.so"
REFUSER = "/opt/refuser.so"
REPORT = "/tmp/report"
BAD_IOVA = 2 ** 64 - 1
BUS_MASTER = 4
BLOCK = 96 << 20
FRAMES = 10_000
STEP = f"""\
rm -f /tmp/refuse
[ -z '{{refuse}}' ] || echo '{{refuse}}' >/tmp/refuse
echo {{what}} >{REPORT}.do
for i in $(seq 300); do
	[ -e {REPORT}.do ] || break
	sleep 0.1
done
[ ! -e /tmp/refuse ] || {{{{ echo the call was not made; exit 1; }}}}
cat {REPORT}
"""


def masters(guest):
    """Addresses of the NICs that may do DMA."""
    found = []
    for nic in guest.nics:
        word = guest.run(f"od -An -tu2 -j4 -N2 /sys/bus/pci/devices/{nic.addr}/config", check=True)
        if int(word.out) & BUS_MASTER:
            found.append(nic.addr)
    return found


class Case:
    """testpmd that forwards between two ports of two groups, and a block got and freed in it."""

    def __init__(self, tap, guest, wire):
        self.tap, self.guest, self.wire = tap, guest, wire
        self.addr = [nic.addr for nic in guest.nics]

    def start(self):
        self.guest.run(f"rm -f {REPORT}*", check=True)
        devices = f"{attach(self.addr)} -d {PLUGIN} --vdev=net_tce_test0,mode=steps,out={REPORT}"
        return Testpmd(self.guest, devices, before=f"env LD_PRELOAD={REFUSER}")

    def step(self, what, refuse=""):
        """Have the block got or freed, one map or unmap of that refused; what came of it."""
        text = self.guest.run(STEP.format(what=what, refuse=refuse), check=True).out
        return json.loads(text)

    def traffic(self, testpmd):
        """Frames that go round while something is done."""
        testpmd.tell("set fwd io")
        testpmd.tell("start")
        frames = self.wire.start("loop", [0, 1], "--seconds", 60, PAIRED)
        time.sleep(0.3)
        return frames

    def all_is_back(self, attempts=0):
        balance(self.guest, PAGES, attempts)
        for addr in self.addr:
            group_is_free(self.guest, addr)

    def attempts(self, block):
        """What the stopped device tried: QEMU logs that as DMA to nowhere, since with bus mastering
        off a device reaches nothing. It goes on with its rings; none of it is in the block."""
        lines = self.guest.stray()
        for line in lines:
            at = int(re.search(r"at addr (0x[0-9A-Fa-f]+)", line)[1], 16)
            want(not block <= at < block + BLOCK, f"DMA into the freed block: {line}")
            want(0 <= at - (1 << 59) < PAGES << 21, f"DMA outside of EAL's memory: {line}")
        return len(lines)

    def refused_map(self):
        """The block has no IOVA, and its free stops nobody; nothing else notices. The next block
        there has one again: the kernel was not really asked, and has kept nothing."""
        with self.start() as testpmd:
            frames = self.traffic(testpmd)
            got = self.step("get", "map")
            equal(got["block_iova"], BAD_IOVA, "IOVA of the block")
            want(got["bad_iova"] >= 48, f"only {got['bad_iova']} segments without an IOVA")
            want(got["quarantined"], "nothing is in quarantine")
            freed = self.step("free")
            equal(freed["shrunk"], freed["dead"], "bytes freed, bytes dead")
            again = self.step("get")
            equal(again["va"], got["va"], "VA of the next block")
            equal((again["bad_iova"] - got["bad_iova"], again["quarantined"]), (0, 0),
                  "segments without an IOVA, regions in quarantine, of the next block")
            self.step("free")
            time.sleep(0.3)
            frames.stop()
            said = frames.good()
            testpmd.tell("stop")
            equal(said["lost"], 0, "frames lost")
            equal(masters(self.guest), self.addr, "devices that may do DMA")
            forward(self.wire, testpmd, [0, 1], FRAMES)
            equal(testpmd.job.out().count("no device can use them"), 1, "sentences")
            equal(freed["corrupt"], 0, "blocks that somebody wrote to")
        self.tap.note(f"{said['good']} frames compared meanwhile; {json.dumps(again)}")
        self.all_is_back()

    def taken_place(self):
        """One port has memory of its own where the block's place is for the other one: the block
        goes behind it."""
        with self.start() as testpmd:
            got = self.step("get")
            self.step("free")
            own = self.step("own")
            equal(own["error"], "", "the plugin's error")
            again = self.step("get")
            equal((again["va"], again["bad_iova"]), (got["va"], 0),
                  "VA of the next block, its segments without an IOVA")
            want(again["block_iova"] > got["block_iova"], "it is where the other memory is")
            forward(self.wire, testpmd, [0, 1], FRAMES)
            self.step("free")
            last = self.step("disown")
            equal((last["error"], last["corrupt"]), ("", 0), "the plugin's error, bad blocks")
        self.tap.note(f"IOVA {got['block_iova']:#x}, then {again['block_iova']:#x}")
        self.all_is_back()

    def refused_unmap(self):
        """The device that can still reach the block is stopped, the VA dead; the other one works
        on. When the first one is detached, the VA is as good as any."""
        with self.start() as testpmd:
            frames = self.traffic(testpmd)
            got = self.step("get")
            want(got["block_iova"] != BAD_IOVA, "the block has no IOVA")
            equal(self.guest.stray(), [], "stray DMA before the free")
            freed = self.step("free", "unmap")
            left = masters(self.guest)
            equal(len(left), 1, "devices that may do DMA")
            equal(freed["quarantined"], 1, "regions in quarantine")
            want(freed["dead"] > 0, "no VA is dead")
            again = self.step("get")
            equal(again["va"], got["va"], "VA of the next block")
            want(again["bad_iova"] > 0, "dead VA was mapped")
            frames.stop()
            said = frames.result()[1]
            equal((said["corrupt"], said["freed"], said["misrouted"]), (0, 0, 0), "bad frames")
            testpmd.tell("stop")
            port = self.addr.index(left[0])
            testpmd.tell(f"set portlist {port}")
            after = forward(self.wire, testpmd, [port], FRAMES)
            want("the kernel answered EIO" in testpmd.job.out(), "there is no sentence")
            testpmd.tell("stop")
            for command in (f"port stop {1 - port}", f"port close {1 - port}",
                            f"device detach net_tce_attach{1 - port}"):
                testpmd.tell(command)
            self.step("free")
            last = self.step("get")
            equal((last["va"], last["bad_iova"], last["quarantined"]),
                  (got["va"], again["bad_iova"], 0), "VA, segments without an IOVA, quarantine")
            self.tap.note(f"{said['good']} frames compared meanwhile, {after['good']} afterwards "
                          f"by port {port}; {json.dumps(freed)}")
        tried = self.attempts(got["block_iova"])
        self.tap.note(f"{tried} accesses of the stopped device came to nothing")
        self.all_is_back(tried)


def show(tap, machine, what, method, stray):
    files = {PLUGIN: built("tests/plugin/librte_net_tce_test.so"),
             REFUSER: built("tests/guest/refuser.so")}
    with tap.point(f"{machine}: {what}"):
        with Wire(2) as wire:
            nics = [Nic("igb", netdev=wire.netdev(i)) for i in range(2)]
            with Guest(machine, nics=nics, hugepages=PAGES, files=files,
                       expect_stray=stray) as guest:
                fewer_drivers(guest)
                method(Case(tap, guest, wire))


def main():
    tap = Tap()
    for machine in sys.argv[1:] or ("lpar",):
        show(tap, machine, "a map that is refused leaves no IOVA, and no more",
             Case.refused_map, False)
        show(tap, machine, "a place that is taken in one space is passed over in all",
             Case.taken_place, False)
        show(tap, machine, "a free that is refused stops that space's device",
             Case.refused_unmap, True)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
