#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Our own driver for igb (82576), net_tce_igb, on both machines (or the one that is named as the
argument): every way of testpmd's to forward, offloads, queues, memory of other sorts, ends of all
sorts, and what is refused."""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
import offloads
from cases import PAIRED, balance, forward, group_is_free, on_both, receive, transmit
from ether import Port, ethernet, ipv4, ipv6, tcp, udp
from monitor import Monitor
from rig import Guest, Nic, built
from tap import equal, want
from testpmd import Testpmd, attach, fewer_drivers, own_igb
from wire import Wire

PAGES = 256
FEW = 10_000
OFFLOADS = f"--rxq=4 --txq=4 --rss-udp --enable-rx-cksum --enable-scatter --max-pkt-len=9100 " \
           f"{offloads.TX}"
PLUGIN, REPORT = "/opt/librte_net_tce_test.so", "/tmp/report"
FILES = {PLUGIN: built("tests/plugin/librte_net_tce_test.so"),
         "/opt/ethdev": built("tests/guest/ethdev/ethdev"),
         "/opt/l2fwd": built("tests/guest/l2fwd")}
HUB = "hubport,hubid=1"
# PHY registers, and their bits of speeds: 10, 100, half and full; 1000. What they are to become,
# one after the other: 10 and 100 in full duplex, then all.
OFFERED = {4: 0x1e0, 9: 0x300}
TOLD = [((4, 0x140), (9, 0)), ((4, 0x1e0), (9, 0x200))]
SPREAD = "--rxq=4 --txq=4 --rss-udp"
SAMPLES = [
    ethernet(ipv4(udp(b"a" * 100), 17)), ethernet(ipv4(udp(b"b" * 9, good=False), 17)),
    ethernet(ipv4(tcp(b"c" * 1200), 6)), ethernet(ipv4(tcp(b"d" * 50), 6, bad=True)),
    ethernet(ipv4(udp(b"e" * 300, sport=9), 17), vlan=5), ethernet(ipv4(b"f" * 40, 1), vlan=0xa123),
    ethernet(ipv6(udp(b"g" * 64), 17), 0x86dd), ethernet(ipv6(b"h" * 64, 58), 0x86dd),
    ethernet(b"i" * 46, 0x0806), ethernet(b"j" * 200, 0x88b5), ethernet(ipv4(tcp(b"k" * 1460), 6)),
    ethernet(ipv4(udp(b"l" * 5000), 17)),
]
USER = "prlimit --memlock=unlimited:unlimited env XDG_RUNTIME_DIR=/tmp/user " \
       "/usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups --bounding-set=-all"


def unchecked(packet_type, asked):
    """RTE_MBUF_F_RX_IP_CKSUM_GOOD and _L4_CKSUM_GOOD, as far as the device had nothing to check."""
    has_ip = asked and packet_type & 0xf0 in (0x10, 0x30)
    has_l4 = asked and packet_type & 0xf00
    return (0 if has_ip else 1 << 7) | (0 if has_l4 else 1 << 8)


class Igb:
    """The points, on one guest with two of these NICs."""

    def __init__(self, tap, guest, wire):
        self.tap, self.guest, self.wire = tap, guest, wire
        self.addr = [nic.addr for nic in guest.nics]

    def point(self, text):
        return self.tap.point(f"{self.guest.machine}: {text}")

    def testpmd(self, app="", eal="-l 0,1 -n 1", before="", options=""):
        return Testpmd(self.guest, own_igb(self.addr[:2], options), app, eal, before)

    def all_is_back(self):
        with self.point("all hugepages and groups are back"):
            balance(self.guest, PAGES)
            for addr in self.addr:
                group_is_free(self.guest, addr)

    def compared(self, testpmd, *args, **more):
        said = forward(self.wire, testpmd, [0, 1], *args, **more)
        self.tap.note(f"{said['good']} frames compared, {said['lost']} lost")

    def plain(self):
        """The plain bursts: no offloads."""
        with self.point("testpmd starts and quits"), self.testpmd() as testpmd:
            mode = {"lpar": "PA", "p9": "VA"}[self.guest.machine]
            with self.point(f"io, IOVA as {mode}"):
                want(f"Selected IOVA mode '{mode}'" in testpmd.job.out(), "IOVA mode")
                self.compared(testpmd)
            with self.point("mac"):
                self.compared(testpmd, FEW, "mac", options=["--any-mac"])
            with self.point("macswap"):
                self.compared(testpmd, FEW, "macswap", options=["--swapped-mac"])
            for mode, length in (("txonly", 64), ("flowgen", 60)):
                with self.point(mode):
                    said = transmit(self.wire, testpmd, [0, 1], 1, mode, length)
                    self.tap.note(f"{said['good']} frames checked")
            with self.point("rxonly"):
                self.tap.note(f"{receive(self.wire, testpmd, [0, 1])} frames counted, none lost")
            for kind in ("rxq", "txq"):
                want("Burst mode: plain" in testpmd.tell(f"show {kind} info 0 0"),
                     f"{kind}: not plain")
        self.all_is_back()

    def l2fwd(self):
        """An application that is not testpmd."""
        with self.point("l2fwd"):
            job = self.guest.start(f"exec /opt/l2fwd -l 0,1 -n 1 {own_igb(self.addr[:2])}")
            job.close()
            want(job.wait_output("forwarding"), job.out())
            said = self.wire.start("loop", [0, 1], "--count", FEW, "--any-mac", PAIRED).good()
            job.kill(15)
            equal(job.wait(20), 0, f"exit status ({job.out()})")
            equal(said["lost"], 0, "frames lost")
            equal(re.findall(r"(\d+) received, (\d+) sent, (\d+) dropped", job.out()),
                  [(str(FEW), str(FEW), "0")] * 2, "what it counted")

    def ethdev(self, monitor):
        """What testpmd has no command for, on two NICs that are wired to each other."""
        nics = [nic for nic in self.guest.nics if nic.netdev == HUB]
        cable = f"dev{self.guest.devices.index(nics[0])}"
        with self.point("ethdev runs to its end"):
            job = self.guest.start("exec /opt/ethdev -l 0 -n 1 "
                                   + own_igb([nic.addr for nic in nics]))
            job.close()
            for words, up in (("# pull", False), ("# plug", True)):
                if job.wait_output(words):
                    monitor.tell("set_link", name=cable, up=up)
            status = job.wait(90)
            self.tap.program(f"{self.guest.machine}: ethdev", job.out(), status)
        with self.point("the PHY is told what to offer its partner, and all of it again"):
            with open(f"{self.guest.logs}/qemu.log", encoding="utf-8", errors="replace") as f:
                told = re.findall(r"MDIC WRITE: PHY\[(\d+)\] = (0x\w+)", f.read())
            told = [(int(reg), int(value, 16) & OFFERED[int(reg)])
                    for reg, value in told if int(reg) in OFFERED]
            want(all(words in zip(told, told[1:]) for words in TOLD), f"it was told {told}")

    # ------------------------------------------------------------------------ offloads

    def queues(self, testpmd):
        """RSS spreads over all four queues."""
        testpmd.tell("set fwd rxonly")
        testpmd.tell("clear port xstats all")
        testpmd.tell("start")
        with Port(self.wire.paths[0]) as port:
            port.send(*(ethernet(ipv4(udp(b"queue" * 8, sport=i), 17)) for i in range(400)))
            self.guest.run("sleep 0.5")
        testpmd.tell("stop")
        found = re.findall(r"rx_q\d_packets: (\d+)", testpmd.tell("show port xstats 0"))
        counts = [int(n) for n in found]
        want(len(counts) == 4 and sum(counts) == 400 and min(counts) > 40, f"by queue: {counts}")
        self.tap.note(f"by queue: {counts}")

    def there_and_back(self, frames, n):
        """Frames into port 0; n of those that come out of port 1."""
        with Port(self.wire.paths[0]) as one, Port(self.wire.paths[1]) as other:
            one.send(*frames)
            return other.take(n)

    def jumbo(self, testpmd):
        """Frames in several buffers, in and out again."""
        testpmd.tell("set fwd io")
        testpmd.tell("start")
        frames = [ethernet(ipv4(udp(bytes((i + j) & 255 for j in range(size))), 17))
                  for i, size in enumerate((2000, 2006, 2007, 4000, 8000, 9000, 100, 8999))]
        got = self.there_and_back(frames, len(frames))
        testpmd.tell("stop")
        equal(sorted(got), sorted(frames), "frames of up to 9042 bytes")

    def offloads(self):
        """The full bursts: four queues, jumbo frames, checksums, TSO, tags."""
        with self.testpmd(OFFLOADS) as testpmd:
            with self.point("RSS over four queues"):
                self.queues(testpmd)
            with self.point("jumbo frames"):
                self.jumbo(testpmd)
            offloads.told(testpmd, "csum set ip hw 1", "csum set tcp hw 1", "csum set udp hw 1")
            with self.point("csum"):
                self.compared(testpmd, FEW, "csum", options=["--any-mac"])
                offloads.sums(testpmd, self.there_and_back)
            offloads.told(testpmd, "tso set 800 1")
            with self.point("TSO"):
                offloads.segments(testpmd, self.there_and_back)
            offloads.told(testpmd, "tx_vlan set 1 77", "vlan set strip on 0")
            with self.point("tags stripped and inserted"):
                offloads.tags(testpmd, self.there_and_back, 5, 77)
        self.all_is_back()

    def fields(self, app):
        """What our driver and DPDK's say of the same frames: every field of every mbuf."""
        devices = f"{own_igb(self.addr[:1])} {attach(self.addr[1:2])}"
        plugin = f"-d {PLUGIN} --vdev=net_tce_test0,mode=mbufs,out={REPORT}"
        with Testpmd(self.guest, f"{devices} {plugin}", app) as testpmd:
            for command in ("port stop all", "vlan set strip on 0", "vlan set strip on 1",
                            "port start all", "set fwd rxonly", "start"):
                testpmd.tell(command)
            for path in self.wire.paths[:2]:
                with Port(path) as port:
                    port.send(*SAMPLES)
                    self.guest.run("sleep 0.5")
            testpmd.tell("stop")
        text = self.guest.run(f"cat {REPORT}", check=True).out
        found = sorted((json.loads(line) for line in text.splitlines()),
                       key=lambda fields: fields["bytes"])
        by_port = ([], [])
        for fields in found:
            by_port[fields.pop("port")].append(fields)
        return by_port

    def mbufs(self):
        """Our mbufs are those of DPDK's driver, field by field. Of a checksum that the device has
        not looked at, DPDK's driver says that it is good; ours, that it is unknown."""
        for name, app in (("plain", f"{SPREAD} --enable-rx-cksum"), ("no checks", SPREAD),
                          ("scattered", f"{SPREAD} --enable-rx-cksum --enable-scatter "
                                        "--max-pkt-len=9000")):
            with self.point(f"mbufs beside those of DPDK's driver: {name}"):
                ours, theirs = self.fields(app)
                equal(len(ours), len(theirs), "frames received")
                want(len(ours) >= len(SAMPLES) - 1, f"{len(ours)} frames received")
                want(len({mine["rss"] for mine in ours}) > 3, "no hashes")
                for mine, other in zip(ours, theirs):
                    other["ol_flags"] &= ~unchecked(mine["packet_type"], name != "no checks") | \
                        mine["ol_flags"]
                    equal(mine, other, "a frame")
                self.tap.note(f"{len(ours)} frames, {len(ours[0])} fields each")

    # ------------------------------------------------------------------------ surroundings

    def memory(self):
        """Buffers outside of EAL's own memory, or apart from their mbufs; in one process with a
        port of DPDK's driver."""
        both = f"{attach(self.addr[:1])} {own_igb(self.addr[1:2])}"
        for name, devices in (("xmemhuge", both), ("xbuf", own_igb(self.addr[:2]))):
            beside = ", beside DPDK's driver on net_tce_attach" if devices == both else ""
            with self.point(f"buffers as --mp-alloc={name}{beside}"):
                with Testpmd(self.guest, devices, f"--mp-alloc={name}") as testpmd:
                    equal(testpmd.ports(), 2, "ports")
                    self.compared(testpmd, FEW)

    def no_root(self):
        """A user who may open the groups and hugepages, and no more."""
        with self.point("without root"):
            files = " ".join(f"/dev/vfio/{self.guest.group(addr)}" for addr in self.addr[:2])
            self.guest.run(f"mkdir -p -m 777 /tmp/user; chmod 666 /dev/vfio/vfio {files}; "
                           "chmod 777 /dev/hugepages", check=True)
            with self.testpmd(before=USER) as testpmd:
                pid = self.guest.run("pidof dpdk-testpmd", check=True).out.split()[0]
                status = self.guest.run(f"grep Uid: /proc/{pid}/status", check=True).out
                equal(status.split()[1], "1000", "user of testpmd")
                want("Selected IOVA mode 'VA'" in testpmd.job.out(), "IOVA mode")
                self.compared(testpmd, FEW)
        self.all_is_back()

    def killed(self):
        with self.point("SIGKILL in full traffic, and a new start"):
            testpmd = self.testpmd()
            testpmd.tell("set fwd io")
            testpmd.tell("start")
            frames = self.wire.start("loop", [0, 1], "--seconds", 60, PAIRED, "--allow-stale")
            time.sleep(0.7)
            equal(testpmd.end(9), -9, "status of the killed testpmd")
            frames.stop()
            want(frames.good()["good"] > 1000, "no traffic before the kill")
            balance(self.guest, PAGES)
            with self.testpmd() as testpmd:
                self.compared(testpmd, FEW)
        self.all_is_back()

    def again(self):
        """Stop and start, reset, close, and the same device once more."""
        with self.point("a port is stopped, reset, detached, attached"), self.testpmd() as testpmd:
            for command in ("port stop 0", "port reset 0", "port start 0"):
                testpmd.tell(command)
            self.compared(testpmd, FEW)
            testpmd.tell("port stop 1")
            testpmd.tell("port detach 1")
            equal(testpmd.ports(), 1, "ports")
            group_is_free(self.guest, self.addr[1])
            testpmd.tell(f"port attach net_tce_igb1,dev={self.addr[1]}")
            testpmd.tell("port start all")
            self.compared(testpmd, FEW)

    def refused(self):
        """What cannot be opened is told in one sentence each; the other port lives."""
        a, b = self.addr[:2]
        other = self.guest.nics[2].addr
        cases = [(f"dev={a}", ""), (f"dev={a}", "is open in this process already"),
                 (f"dev={other}", "8086:10d3, no Intel 82576"),
                 ("dev=0009:00:00.0", "no device 0009:00:00.0"),
                 ("dev=eth0", "eth0 is no PCI address"), ("", "exactly one dev="),
                 (f"dev={b},page=16M", "hugepages of 2097152")]
        vdevs = " ".join(f"--vdev=net_tce_igb{i}{',' if text else ''}{text}"
                         for i, (text, _) in enumerate(cases))
        with self.point("one port of seven vdevs"):
            with Testpmd(self.guest, f"-d librte_net_tce_igb.so {vdevs}") as testpmd:
                equal(testpmd.ports(), 1, "ports")
                said = testpmd.job.out().replace("\r", "")
        for i, (text, words) in enumerate(cases):
            if not words:
                continue
            with self.point(f"refused: '{text}'"):
                found = re.findall(rf"^net_tce_igb: net_tce_igb{i}: (.*)$", said, re.M)
                equal(len(found), 1, "sentences")
                want(re.search(words, found[0]), f"/{words}/ is not in: {found[0]}")
                self.tap.note(found[0])
        self.all_is_back()

    def removed(self):
        """Somebody wants a device back while it works; last, for it is gone then."""
        a = self.addr[0]
        with self.point("a device asked for in full traffic is given back within seconds"):
            with self.testpmd() as testpmd:
                testpmd.tell("set fwd txonly")
                testpmd.tell("start")
                begin = time.monotonic()
                self.guest.run(f"echo 1 >/sys/bus/pci/devices/{a}/remove", 30, check=True)
                self.tap.note(f"after {time.monotonic() - begin:.1f} s")
                self.guest.run("sleep 1")
                equal(testpmd.ports(), 1, "ports")


def machine(tap, name):
    with Wire(2) as wire:
        monitor = Monitor(f"{wire.dir}/monitor")
        nics = [Nic("igb", netdev=wire.netdev(port)) for port in (0, 1)]
        if name == "lpar":
            nics.append(Nic("e1000e"))
        nics += [Nic("igb", netdev=HUB) for _ in range(2)]
        with Guest(name, nics=nics, hugepages=PAGES, files=FILES,
                   qemu_args=[*monitor.arguments, "-trace", "igb_core_mdic_write"]) as guest:
            fewer_drivers(guest)
            case = Igb(tap, guest, wire)
            case.ethdev(monitor)
            case.l2fwd()
            case.plain()
            case.offloads()
            case.mbufs()
            if name == "lpar":
                for part in (case.memory, case.no_root, case.killed, case.again,
                             case.refused, case.removed):
                    part()


if __name__ == "__main__":
    sys.exit(on_both(machine))
