#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Virtual functions of an 82576 by net_tce_igb, on p9: the physical function is with the kernel's
driver, which answers their mailbox."""
import contextlib
import os
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free, receive, transmit
from ether import Port, ethernet, ipv4, udp
from monitor import Monitor
from rig import Guest, Nic
from tap import Tap, equal, want
from testpmd import Testpmd, attach, fewer_drivers, own_igb
from wire import Wire

PAGES = 256
VFS = 2
FRAMES = 100_000
FEW = 10_000
MAC = "02:74:63:65:00:01"  # where the frames of `frames` go to


class Vf:
    """The points, on one guest with one NIC."""

    def __init__(self, tap, guest, wire, monitor):
        self.tap, self.guest, self.wire, self.monitor = tap, guest, wire, monitor
        self.addr = []

    def point(self, text):
        return self.tap.point(f"p9: {text}")

    def make(self):
        """Virtual functions, as an operator makes them."""
        pf = self.guest.nics[0].addr
        name = self.guest.run(f"ls /sys/bus/pci/devices/{pf}/net", check=True).out.strip()
        self.guest.run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6", check=True)
        self.guest.run(f"echo {VFS} >/sys/bus/pci/devices/{pf}/sriov_numvfs", check=True)
        self.guest.run(f"ip link set {name} up", check=True)
        links = self.guest.run(f"ls -l /sys/bus/pci/devices/{pf}/", check=True).out
        self.addr = re.findall(r"virtfn\d+ -> \.\./(\S+)", links)
        equal(len(self.addr), VFS, f"virtual functions ({links})")
        for addr in self.addr:
            self.guest.bind(addr)
        groups = {self.guest.group(addr) for addr in [pf, *self.addr]}
        equal(len(groups), VFS + 1, "groups")

    @contextlib.contextmanager
    def woken(self):
        """QEMU 10.0 loses the interrupt by which the reset of a virtual function, which VFIO asks
        for when it is opened, calls the other driver ("Blocked re-entrant IO"), and sends none
        while that one is not taken: any other cause of it helps, as the cable's."""
        over = threading.Event()

        def pull_and_plug():
            while not over.wait(0.7):
                for up in (False, True):
                    self.monitor.tell("set_link", name="dev0", up=up)

        thread = threading.Thread(target=pull_and_plug)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.guest.run("sleep 1")  # the last change of the link has been seen

    def testpmd(self, devices, app=""):
        with self.woken():
            return Testpmd(self.guest, devices, app)

    def all_is_back(self):
        with self.point("all hugepages and groups are back"):
            balance(self.guest, PAGES)
            for addr in self.addr:
                group_is_free(self.guest, addr)

    def one(self):
        """What testpmd does with any port; frames for others do not come in, so that what is
        forwarded has to change its addresses."""
        with self.point("testpmd starts and quits"), \
                self.testpmd(own_igb(self.addr[:1])) as testpmd:
            with self.point("it has one queue pair, an address of its own and a link"):
                said = testpmd.tell("show port info 0")
                for text in ("Link status: up", "Max possible RX queues: 1",
                             "Max possible TX queues: 1"):
                    want(text in said, f"not {text}: {said}")
                own = re.search(r"MAC address: (\S+)", said).group(1)
                want(int(own[:2], 16) & 3 == 2, f"{own}: not a local address")
            with self.point("the physical function's driver takes another address"):
                testpmd.tell(f"mac_addr set 0 {MAC}")
                want(MAC in testpmd.tell("show port info 0"), "the address is as it was")
            with self.point("macswap"):
                said = forward(self.wire, testpmd, [0], FRAMES, "macswap",
                               options=["--swapped-mac"])
                self.tap.note(f"{said['good']} frames compared, {said['lost']} lost")
            with self.point("rxonly"):
                self.tap.note(f"{receive(self.wire, testpmd, [0])} frames counted, none lost")
            with self.point("txonly"):
                said = transmit(self.wire, testpmd, [0])
                self.tap.note(f"{said['good']} frames checked")
            with self.point("multicast"):
                self.multicast(testpmd)
        self.all_is_back()

    def counted(self, testpmd, destinations, each=20):
        """RX-packets by port, of so many frames for each of these addresses."""
        ports = testpmd.ports()
        testpmd.tell("set fwd rxonly")
        testpmd.tell("clear port stats all")
        testpmd.tell("start")
        with Port(self.wire.paths[0]) as port:
            port.send(*(ethernet(ipv4(udp(b"vf" * 8), 17), dst=to.replace(":", ""))
                        for to in destinations for _ in range(each)))
            self.guest.run("sleep 0.5")
        testpmd.tell("stop")
        return [testpmd.stats(port)["RX-packets"] for port in range(ports)]

    def multicast(self, testpmd):
        groups = ["01:00:5e:00:01:05", "01:00:5e:00:02:07"]
        equal(self.counted(testpmd, groups), [0], "frames for groups that were not joined")
        testpmd.tell(f"mcast_addr add 0 {groups[0]}")
        equal(self.counted(testpmd, groups), [20], "frames for the group that was joined, of two")

    def two(self):
        with self.point("two start in one testpmd, and quit"), \
                self.testpmd(own_igb(self.addr)) as testpmd:
            with self.point("two: each gets what is for its address"):
                own = [re.search(r"MAC address: (\S+)", testpmd.tell(f"show port info {port}"))
                       .group(1) for port in range(testpmd.ports())]
                equal(self.counted(testpmd, own[:1]), [20, 0], "frames for the first")
                equal(self.counted(testpmd, own[1:]), [0, 20], "frames for the second")
                equal(self.counted(testpmd, ["ff:ff:ff:ff:ff:ff"]), [20, 20], "frames for all")
        self.all_is_back()

    def killed(self):
        with self.point("killed in full traffic"):
            testpmd = self.testpmd(own_igb(self.addr))
            testpmd.tell("set fwd txonly")
            testpmd.tell("start")
            self.guest.run("sleep 1")
            want(all(testpmd.stats(port)["TX-packets"] > 1000 for port in (0, 1)), "no traffic")
            testpmd.job.kill(9)
            testpmd.job.wait(20)
        self.all_is_back()

    def dpdk(self):
        with self.point("DPDK's own driver for it, over libtce"), \
                self.testpmd(attach(self.addr[:1])) as testpmd:
            testpmd.tell(f"mac_addr set 0 {MAC}")
            said = forward(self.wire, testpmd, [0], FEW, "macswap", options=["--swapped-mac"])
            self.tap.note(f"{said['good']} frames compared, {said['lost']} lost")
        self.all_is_back()


def show(tap):
    with Wire(1) as wire:
        monitor = Monitor(os.path.join(wire.dir, "monitor"))
        nics = [Nic("igb", netdev=wire.netdev(0), bind="igb")]
        with Guest("p9", nics=nics, modules=["igb"], hugepages=PAGES, vf=True,
                   qemu_args=monitor.arguments) as guest:
            fewer_drivers(guest)
            t = Vf(tap, guest, wire, monitor)
            with t.point("each virtual function has a group of its own"):
                t.make()
            with t.point("tce check finds nothing amiss"):
                said = guest.run(f"tce check {t.addr[0]}")
                equal(said.status, 0, said.out)
            t.one()
            t.two()
            t.killed()
            t.dpdk()


def main():
    tap = Tap()
    with tap.point("p9: no stray DMA, no word from the kernel, from start to end"):
        show(tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
