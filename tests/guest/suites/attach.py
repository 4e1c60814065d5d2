# SPDX-License-Identifier: BSD-3-Clause
"""Attaching to testpmd: what is wrong is told in one sentence and leaves the other ports alone; and
in whatever order ports, vdevs and buses go, nothing stays behind."""
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cases import balance, group_is_free  # noqa: E402
from rig import Guest, Nic, built  # noqa: E402
from tap import Failure, Tap, equal, want  # noqa: E402
from testpmd import PLUGIN, Testpmd, attach, fewer_drivers  # noqa: E402

PAGES = 512
TEST = "/root/librte_net_tce_test.so"
FILES = {TEST: built("tests/plugin/librte_net_tce_test.so")}
REPORT = "/tmp/report"
HUB = "hubport,hubid=1"
CORES = "-l 0,1 -n 1"
TALK = "--log-level=pmd.net.tce_attach:info"
NO_LOCK = "/usr/bin/setpriv --bounding-set=-ipc_lock"
NO_OVERRIDE = "/usr/bin/setpriv --bounding-set=-dac_override"
BUS_MASTER = 4


def helper(mode, **options):
    """EAL arguments for the test plugin."""
    more = "".join(f",{k}={v}" for k, v in options.items())
    return f"-d {TEST} --vdev=net_tce_test0,mode={mode},out={REPORT}{more}"


def sentences(text):
    """What the plugin said of each vdev that it refused: {vdev: [sentence, ...]}."""
    found = {}
    for vdev, said in re.findall(r"^net_tce_attach: (net_tce_attach\d+): (.*)$",
                                 text.replace("\r", ""), re.M):
        found.setdefault(vdev, []).append(said)
    return found


def refused(text, vdev, words):
    """That vdev was refused in exactly one sentence, with these words in it."""
    said = sentences(text).get(f"net_tce_attach{vdev}", [])
    equal(len(said), 1, f"sentences for vdev {vdev} in\n{text}")
    want(re.search(words, said[0]), f"/{words}/ is not in: {said[0]}")
    return said[0]


def sent(testpmd):
    """Frames that all ports have sent."""
    return sum(map(int, re.findall(r"TX-packets:\s*(\d+)", testpmd.tell("show port stats all"))))


def moves(testpmd, ports=2):
    """The ports forward; one alone sends."""
    testpmd.tell(f"set fwd {'io' if ports > 1 else 'txonly'}")
    testpmd.tell("start tx_first" if ports > 1 else "start")
    end = time.monotonic() + 30  # a busy host's guest may take seconds to bring a link up
    before = sent(testpmd)
    while sent(testpmd) <= before + 100 and time.monotonic() < end:
        time.sleep(0.2)
    testpmd.tell("stop")
    moved = sent(testpmd) - before
    want(moved > 100, f"the ports moved only {moved} frames")


class Attach:
    """The points, on one guest."""

    def __init__(self, tap, guest):
        self.tap, self.guest = tap, guest
        self.addr = [nic.addr for nic in guest.nics]

    def balance(self, *addrs):
        balance(self.guest, PAGES)
        for addr in addrs or self.addr[:2]:
            group_is_free(self.guest, addr)

    def alone(self, name, devices, words, eal=CORES, before="", ports=0, after=None):
        """One start in which vdev 0 is refused."""
        with self.tap.point(name):
            with Testpmd(self.guest, devices, "", eal, before) as testpmd:
                said = refused(testpmd.job.out(), 0, words)
                equal(testpmd.ports(), ports, "ports")
            if after:
                after()
            self.balance()
            self.tap.note(said)

    def many(self):
        """All that can be wrong with one device beside another one that works."""
        a, b, odd, fixed = self.addr[:4]
        holder = self.guest.start(f"exec 3<>/dev/vfio/{self.guest.group(b)}; exec sleep 1000")
        args = [
            (f"dev={a}", ""),
            (f"dev={a}", "attached already"),
            ("dev=0009:00:00.0", "no device 0009:00:00.0"),
            (f"dev={b}", "group .* is in use"),
            (f"dev={b},page=16M", "page=16777216 .*hugepages of 2097152"),
            (f"dev={b},pages=2M", "dev=.*mem=.*page=.* are known"),
            ("dev=eth0", "eth0 is no PCI address"),
            (f"dev={odd}", "0x800000000000000 to 0x8.* share no range|"
                           "share no range.*0x800000000000000"),
            (f"dev={fixed}", "default window"),
        ]
        vdevs = " ".join(f"--vdev=net_tce_attach{i},{text}" for i, (text, _) in enumerate(args))
        with self.tap.point("eight vdevs are refused, and the first one's port lives on"):
            with Testpmd(self.guest, f"-d {PLUGIN} {vdevs}") as testpmd:
                equal(testpmd.ports(), 1, "ports")
                want("net_tce_attach0" not in sentences(testpmd.job.out()), "vdev 0 was refused")
                start = testpmd.job.out()
                moves(testpmd, 1)
            self.balance(a, odd, fixed)
        holder.kill(9)
        holder.wait(10)
        for i, (text, words) in enumerate(args):
            if words:
                with self.tap.point(f"{text}: one sentence"):
                    self.tap.note(refused(start, i, words))

    def early(self):
        """What EAL was told or did before the first device."""
        a, b = self.addr[:2]
        self.alone("a mempool that is older than the first attach",
                   f"{helper('pool')} {attach([a])}", "mempool 'early' exists already")
        self.alone("a DMA mask set in EAL that no window satisfies",
                   f"{helper('mask', bits=40)} {attach([a])}", "0xffffffffff only.*DMA mask")
        self.alone("IOVA as VA, where no window is at 0", f"--iova-mode=va {attach([a])}",
                   "--iova-mode=pa.*--base-virtaddr")
        self.alone("a device given to EAL's PCI bus too", f"-a {a} {attach([a])}",
                   "PCI bus has taken it already.*give no -a")
        self.alone("no hugepages", attach([a]), "without hugepages",
                   eal=f"{CORES} --no-huge -m 512")
        self.alone("no PCI bus", attach([a]), "--no-pci", eal=f"{CORES} --no-pci")
        self.alone("memlock too small", attach([a]), r"memlock.*262144 kB.*raise it to \d+ kB",
                   eal=f"{CORES} -m 256",
                   before=f"prlimit --memlock=67108864:67108864 {NO_LOCK}")

    def unready(self):
        """What tce check finds is what the plugin says."""
        a = self.addr[0]
        file = f"/dev/vfio/{self.guest.group(a)}"
        self.guest.run(f"chown 65534 {file}", check=True)
        self.alone("no permission on the group", attach([a]), "no permission to open the file",
                   before=NO_OVERRIDE,
                   after=lambda: self.guest.run(f"chown 0 {file}", check=True))
        self.guest.unbind(a)
        self.alone("not bound to vfio-pci", attach([a]), "bound to no driver, not to vfio-pci",
                   after=lambda: self.guest.bind(a))

    def growth(self):
        """Growth beyond memlock is refused beforehand: the application's ENOMEM, no more."""
        with self.tap.point("EAL's growth beyond memlock is refused, and traffic goes on"):
            limit = 96 << 20
            churn = helper("churn", delay=200, period=20000, blocks=24, seed=1)
            with Testpmd(self.guest, f"{attach(self.addr[:2])} {churn}", "--no-mlockall",
                         before=f"prlimit --memlock={limit}:{limit} {NO_LOCK}") as testpmd:
                moves(testpmd)
                self.guest.run("sleep 2")
                moves(testpmd)
                want("EAL was refused" in testpmd.job.out(), "no growth was refused")
            said = json.loads(self.guest.run(f"cat {REPORT}").out)
            want(said["failed"] > 0, "no allocation failed")
            equal((said["bad_iova"], said["corrupt"]), (0, 0), "pages without IOVA, corrupt ones")
            self.balance()
            self.tap.note(json.dumps(said))

    def masters(self, addr):
        """Is the device's bus mastering on?"""
        said = self.guest.run(f"setpci -s {addr} COMMAND", check=True)
        return bool(int(said.out, 16) & BUS_MASTER)

    def close_and_detach(self):
        """Port first, vdev first, and attaching again while mempools exist."""
        a, b = self.addr[:2]
        testpmd = Testpmd(self.guest, attach([a, b]))
        with self.tap.point("closing a port ends its device's DMA"):
            moves(testpmd)
            want(self.masters(a) and self.masters(b), "bus mastering is off before")
            testpmd.tell("port stop 0")
            testpmd.tell("port close 0")
            want(not self.masters(a), "bus mastering is on after the close")
            want(self.masters(b), "the other port's device was stopped")
        with self.tap.point("a vdev whose port is closed detaches, and its group is free"):
            testpmd.tell("device detach net_tce_attach0")
            group_is_free(self.guest, a)
        with self.tap.point("it attaches again, at the IOVAs that the mempools keep"):
            testpmd.tell(f"port attach net_tce_attach0,dev={a}")
            equal(testpmd.ports(), 2, "ports")
            testpmd.tell("port start all")
            moves(testpmd)
        with self.tap.point("a port detached before its vdev"):
            testpmd.tell("port stop 0")
            testpmd.tell("port detach 0")
            testpmd.tell("device detach net_tce_attach0")
            group_is_free(self.guest, a)
        with self.tap.point("a vdev detached with its port open"):
            testpmd.tell("port stop 1")
            testpmd.tell("device detach net_tce_attach1")
            group_is_free(self.guest, b)
            equal(testpmd.ports(), 0, "ports")
        with self.tap.point("after all that, quit"):
            testpmd.quit()
            self.balance()

    def secondary(self):
        with self.tap.point("a secondary process is refused, the primary goes on"):
            a, b = self.addr[:2]
            base = "--base-virtaddr=0x200000000"
            with Testpmd(self.guest, attach([a]), eal=f"{CORES} {base}") as primary:
                said = self.guest.run(
                    f"dpdk-testpmd -l 1 -n 1 --proc-type=secondary {base} "
                    f"-d {PLUGIN} --vdev=net_tce_attach7,dev={b} -- -i </dev/null", 60)
                self.tap.note(refused(said.out, 7, "secondary process"))
                moves(primary, 1)
            self.balance()

    def ends(self):
        """At quit either bus may be cleaned first; a signal ends it too."""
        for name, first, clue in (("PCI bus", "", True), ("vdev bus", helper("order"), False)):
            with self.tap.point(f"quit in full traffic, the {name} cleaned first"):
                testpmd = Testpmd(self.guest, f"{first} {attach(self.addr[:2])} {TALK}")
                testpmd.tell("start tx_first")
                testpmd.quit()
                equal("had let go already" in testpmd.job.out(), clue, "the PCI bus was first")
                self.balance()
        with self.tap.point("SIGINT in full traffic"):
            testpmd = Testpmd(self.guest, attach(self.addr[:2]))
            testpmd.tell("start tx_first")
            equal(testpmd.end(signal.SIGINT), 0, "status")
            self.balance()


def on_lpar(tap):
    nics = [Nic("igb", netdev=HUB), Nic("e1000e", netdev=HUB),
            Nic("igb", netdev=HUB, bridge={"dma64_win_addr": "0x10000000000"}),
            Nic("igb", netdev=HUB, bridge={"ddw": "off"})]
    with Guest("lpar", nics=nics, hugepages=PAGES, files=FILES) as guest:
        fewer_drivers(guest)
        case = Attach(tap, guest)
        case.many()
        case.early()
        case.unready()
        case.growth()
        case.close_and_detach()
        case.secondary()
        case.ends()


def on_p9(tap):
    """Where EAL can drive the IOMMU itself, and IOVA as VA works. DPDK's own driver of sPAPR loses
    hugepages at quit, and the kernel warns of it: the last point is not held to the ledger."""
    nics = [Nic("igb", netdev=HUB), Nic("igb", netdev=HUB)]
    with Guest("p9", nics=nics, hugepages=PAGES, files=FILES, expect_trouble=True) as guest:
        fewer_drivers(guest)
        case = Attach(tap, guest)
        a, b = case.addr
        with tap.point("p9: IOVA as VA"):
            with Testpmd(guest, f"--iova-mode=va {attach([a, b])}") as testpmd:
                equal(testpmd.ports(), 2, "ports")
                moves(testpmd)
            case.balance()
        with tap.point("p9: one NIC is EAL's own already: it lives on, both vdevs are refused"):
            with Testpmd(guest, f"-a {a} {attach([a, b])}") as testpmd:
                equal(testpmd.ports(), 1, "ports")
                said = testpmd.job.out()
            tap.note(refused(said, 0, "PCI bus has taken it already"))
            tap.note(refused(said, 1, f"EAL drives the IOMMU itself, for {a}"))
            group_is_free(guest, b)


def main():
    tap = Tap()
    for machine in (on_lpar, on_p9):
        try:
            machine(tap)
        except Exception as error:  # pylint: disable=broad-except
            with tap.point(machine.__name__):
                raise Failure(str(error)) from error
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
