#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Virtual functions of igb (82576) on bare metal, with our own driver and with DPDK's: the kernel's
igb has the physical function, and answers what they ask of it."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
import offloads
from cases import balance, forward, group_is_free, receive, transmit
from ether import Port, ethernet, ipv4, udp
from rig import Guest, Nic
from tap import Tap, equal, want
from testpmd import Testpmd, attach, fewer_drivers, own_igb
from wire import Wire

PAGES = 256
VFS = 2
FEW = 20_000
SECONDS = 30  # for the physical function's link to come, and its news
# Where the frames of `frames` go to. Nothing else is taken in: unlike the NIC itself, a virtual
# function is not promiscuous, and what comes to its address must leave for another one.
MAC = "02:74:63:65:00:01"
MULTICAST = "01:00:5e:01:02:03"
# QEMU loses the NIC's interrupt where a write to a function's configuration, such as a reset by it
# (FLR), is the cause, and sends no other one until that is read. So there is no such reset here.
SPEC = "igb,x-pcie-flr-init=off"
# A kernel's interface has something to say of its own where it has IPv6.
MAKE = """\
cd /sys/bus/pci/devices/{pf} && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 &&
	echo {n} >sriov_numvfs && ip link set $(ls net) up && for f in virtfn*; do readlink $f; done
"""


class Vf:
    """The points, on one guest with one NIC."""

    def __init__(self, tap, guest, wire):
        self.tap, self.guest, self.wire = tap, guest, wire
        self.pf = guest.nics[0].addr
        said = guest.run(MAKE.format(pf=self.pf, n=VFS), check=True).out
        self.addr = [line.rpartition("/")[2] for line in said.split()]
        equal(len(self.addr), VFS, f"virtual functions ({said})")
        self.netdev = guest.run(f"ls /sys/bus/pci/devices/{self.pf}/net").out.strip()
        self.carrier()
        for addr in self.addr:
            guest.bind(addr)

    def point(self, text):
        return self.tap.point(f"p9: {text}")

    def soon(self, ask, wanted, text):
        """What is asked for is the answer within SECONDS."""
        end = time.monotonic() + SECONDS
        while ask() != wanted:
            want(time.monotonic() < end, text)
            time.sleep(0.2)

    def carrier(self):
        """The physical function's interface has a link."""
        self.soon(lambda: self.guest.run(f"cat /sys/class/net/{self.netdev}/carrier").out.strip(),
                  "1", f"no link of {self.netdev}")

    def testpmd(self, n=1, app="", driver=own_igb, **more):
        """testpmd on so many of them; the first has the address that frames go to."""
        testpmd = Testpmd(self.guest, driver(self.addr[:n]), app, **more)
        equal(testpmd.ports(), n, "ports")
        testpmd.tell(f"mac_addr set 0 {MAC}")
        return testpmd

    def all_is_back(self):
        with self.point("all hugepages and groups are back"):
            balance(self.guest, PAGES)
            for addr in self.addr:
                group_is_free(self.guest, addr)

    def compared(self, testpmd, mode, option):
        said = forward(self.wire, testpmd, [0], FEW, mode, options=[option])
        self.tap.note(f"{said['good']} frames compared, {said['lost']} lost")
        return said

    def link(self, testpmd):
        return re.search(r"Link status: (\w+)", testpmd.tell("show port info 0")).group(1)

    # ------------------------------------------------------------------------ one of them

    def groups(self):
        with self.point("each virtual function has a group of its own, and tce check is content"):
            groups = {self.guest.group(addr) for addr in [self.pf, *self.addr]}
            equal(len(groups), VFS + 1, "groups")
            for addr in self.addr:
                said = self.guest.run(f"tce check {addr}")
                equal(said.status, 0, f"tce check: {said.out}")

    def counters(self, testpmd):
        """Frames and bytes, without CRC, are those that `frames` has counted."""
        testpmd.tell("clear port stats all")
        said = self.compared(testpmd, "macswap", "--swapped-mac")
        got = testpmd.stats(0)
        for way in "RT":
            equal(got[f"{way}X-packets"], said["good"], f"{way}X packets")
            equal(got[f"{way}X-bytes"], said["bytes"], f"{way}X bytes")

    def plain(self):
        """The plain bursts."""
        with self.point("testpmd starts and quits"), self.testpmd() as testpmd:
            equal(set(testpmd.stats(0).values()), {0}, "counters at the start")
            equal(self.link(testpmd), "up", "link")
            with self.point("macswap, and its counters"):
                self.counters(testpmd)
            with self.point("mac"):
                self.compared(testpmd, "mac", "--any-mac")
            for mode, length in (("txonly", 64), ("flowgen", 60)):
                with self.point(mode):
                    said = transmit(self.wire, testpmd, [0], 1, mode, length)
                    self.tap.note(f"{said['good']} frames checked")
            with self.point("rxonly"):
                self.tap.note(f"{receive(self.wire, testpmd, [0])} frames counted, none lost")
            for kind in ("rxq", "txq"):
                want("Burst mode: plain" in testpmd.tell(f"show {kind} info 0 0"),
                     f"{kind}: not plain")
            with self.point("stop and start, reset, and its address is what it was"):
                for command in ("port stop 0", "port start 0", "port stop 0", "port reset 0",
                                "port start 0"):
                    testpmd.tell(command)
                self.compared(testpmd, "macswap", "--swapped-mac")
        self.all_is_back()

    def taken(self, testpmd, **frame):
        """How many of ten such frames come in."""
        before = testpmd.stats(0)["RX-packets"]
        with Port(self.wire.paths[0]) as port:
            port.send(*(ethernet(ipv4(udp(b"some" * 20, sport=i), 17), **frame)
                        for i in range(10)))
            self.guest.run("sleep 0.5")
        return testpmd.stats(0)["RX-packets"] - before

    def filters(self):
        """What is asked of the physical function: whose frames come in."""
        mac, group = MAC.replace(":", ""), MULTICAST.replace(":", "")
        with self.testpmd() as testpmd:
            testpmd.tell("set fwd rxonly")
            testpmd.tell("start")
            with self.point("its address, and no other"):
                equal(self.taken(testpmd, dst=mac), 10, "frames to its address")
                equal(self.taken(testpmd, dst="020000000009"), 0, "frames to another one")
            with self.point("broadcast"):
                equal(self.taken(testpmd, dst="ffffffffffff"), 10, "frames")
            with self.point("multicast"):
                equal(self.taken(testpmd, dst=group), 0, "frames before it is asked for")
                testpmd.tell(f"mcast_addr add 0 {MULTICAST}")
                equal(self.taken(testpmd, dst=group), 10, "frames")
                equal(self.taken(testpmd, dst="01005e010204"), 0, "frames to another group")
            with self.point("all multicast is granted; QEMU's NIC does not know of it"):
                testpmd.tell("set allmulti 0 on")
                want("Allmulticast mode: enabled" in testpmd.tell("show port info 0"), "it is off")
                testpmd.tell("set allmulti 0 off")
            with self.point("VLANs"):
                testpmd.tell("stop")
                testpmd.tell("vlan set filter on 0")
                testpmd.tell("rx_vlan add 5 0")
                testpmd.tell("start")
                equal(self.taken(testpmd, dst=mac, vlan=5), 10, "frames of VLAN 5")
                equal(self.taken(testpmd, dst=mac, vlan=6), 0, "frames of VLAN 6")
                testpmd.tell("rx_vlan rm 5 0")
                equal(self.taken(testpmd, dst=mac, vlan=5), 0, "frames of VLAN 5, no more")
            testpmd.tell("stop")

    def there_and_back(self, frames, n):
        with Port(self.wire.paths[0]) as port:
            port.send(*frames)
            return port.take(n)

    def offloads(self):
        """The full transmit burst: checksums, TSO, tags."""
        mac = MAC.replace(":", "")
        with self.testpmd(app=f"{offloads.TX} --max-pkt-len=9100 --enable-scatter") as testpmd:
            offloads.told(testpmd, "csum set ip hw 0", "csum set tcp hw 0", "csum set udp hw 0")
            with self.point("csum"):
                self.compared(testpmd, "csum", "--any-mac")
                offloads.sums(testpmd, self.there_and_back, mac)
            offloads.told(testpmd, "tso set 800 0")
            with self.point("TSO"):
                offloads.segments(testpmd, self.there_and_back, mac)
            offloads.told(testpmd, "tx_vlan set 0 77")
            with self.point("tags inserted"):
                offloads.tags(testpmd, self.there_and_back, None, 77, mac)
        self.all_is_back()

    def refused(self):
        """What it has not."""
        with self.point("no second queue, no second address, not promiscuous"):
            with self.testpmd() as testpmd:
                want("not supported" in testpmd.job.out(), "promiscuous was not refused")
                said = testpmd.tell("show port info 0")
                for what in ("RX queues: 1", "TX queues: 1", "MAC addresses: 1"):
                    want(re.search(rf"(?i)max.*{what}", said), f"not {what}: {said}")
                testpmd.tell("mac_addr add 0 02:00:00:00:00:77")
                want("02:00:00:00:00:77" not in testpmd.tell("show port 0 macs").upper(),
                     "a second address")
            job = self.guest.start(f"exec dpdk-testpmd -l 0,1 -n 1 {own_igb(self.addr[:1])} -- "
                                   "--total-num-mbufs=8192 --rxq=2 --txq=2")
            job.close()
            want(job.wait(60) != 0, "two queues were not refused")

    # ------------------------------------------------------------------------ and its surroundings

    def comes_to(self, testpmd, status):
        """The link is in that state soon."""
        self.soon(lambda: self.link(testpmd), status, f"the link is not {status}")

    def physical(self):
        """The physical function is taken down, which resets it, and up again."""
        with self.point("the physical function goes, and comes: no link until a reset"):
            with self.testpmd() as testpmd:
                self.guest.run(f"ip link set {self.netdev} down", check=True)
                self.comes_to(testpmd, "down")
                self.guest.run(f"ip link set {self.netdev} up", check=True)
                self.carrier()
                equal(self.link(testpmd), "down", "link until it is reset, too")
                for command in ("port stop 0", "port reset 0", "port start 0"):
                    testpmd.tell(command)
                self.comes_to(testpmd, "up")
                self.compared(testpmd, "macswap", "--swapped-mac")
        self.all_is_back()

    def killed(self):
        with self.point("SIGKILL while it sends, and a new start"):
            testpmd = self.testpmd()
            testpmd.tell("set fwd txonly")
            testpmd.tell("start")
            time.sleep(0.7)
            equal(testpmd.end(9), -9, "status of the killed testpmd")
            balance(self.guest, PAGES)
            with self.testpmd() as testpmd:
                self.compared(testpmd, "macswap", "--swapped-mac")
        self.all_is_back()

    def two(self):
        """Two of them, of two groups, in one process."""
        with self.point("in by one, out by the other"):
            with self.testpmd(VFS) as testpmd:
                said = self.compared(testpmd, "mac", "--any-mac")
                got = [testpmd.stats(port) for port in range(VFS)]
                equal([got[0]["RX-packets"], got[1]["TX-packets"]], [said["good"]] * 2, "frames")
                equal([got[1]["RX-packets"], got[0]["TX-packets"]], [0, 0], "frames back")
        self.all_is_back()

    def attached(self):
        """DPDK's own driver for it, on libtce."""
        with self.point("DPDK's net_e1000_igb_vf on net_tce_attach"):
            with self.testpmd(driver=attach) as testpmd:
                want("net_e1000_igb_vf" in testpmd.tell("show port info 0"), "another driver")
                self.compared(testpmd, "macswap", "--swapped-mac")
        self.all_is_back()


def show(tap):
    with Wire(1) as wire:
        nic = Nic(SPEC, netdev=wire.netdev(0), bind="igb")
        with Guest("p9", nics=[nic], modules=["igb"], hugepages=PAGES, vf=True) as guest:
            fewer_drivers(guest)
            case = Vf(tap, guest, wire)
            for part in (case.groups, case.plain, case.filters, case.offloads, case.refused,
                         case.physical, case.killed, case.two, case.attached):
                part()


def main():
    tap = Tap()
    with tap.point("p9: no stray DMA, no word from the kernel, from start to end"):
        show(tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
