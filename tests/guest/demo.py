# SPDX-License-Identifier: BSD-3-Clause
"""make demo: an LPAR with two igb NICs in two groups. What DPDK alone says there; then the same
testpmd on libtce, forwarding frames that come from outside for ten seconds."""
import os
import signal
import sys
import time

from cases import balance
from rig import Guest, Nic
from tap import Failure, want
from testpmd import Testpmd, attach, plain
from wire import Wire

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(TREE, "build", "demo")
LOG = os.path.join(LOGS, "demo.log")
PAGES = 256
SECONDS = 10
MEMORY = 2048
NEEDS = """\
libtce: DPDK's testpmd and igb driver on an emulated POWER LPAR.
  needs   nothing more to download; 200 MB of disk in build/; {memory} MB of memory for the guest
  detail  {log} and the guest's logs beside it"""


class Show:
    """Steps for the reader, detail for the log."""

    def __init__(self, log):
        self._log, self._begin = log, time.monotonic()

    def step(self, text):
        print(f"[{time.monotonic() - self._begin:5.1f} s] {text}", flush=True)
        self.detail(f"==== {text}\n")

    def say(self, text):
        for line in text.splitlines():
            print(f"          {line}", flush=True)
        self.detail(text + "\n")

    def detail(self, text):
        self._log.write(text)
        self._log.flush()


def dpdk_alone(show, guest):
    """DPDK's own words on this machine; that it finds no port is part of what is shown."""
    devices = plain([nic.addr for nic in guest.nics])
    result = guest.run(f"dpdk-testpmd -l 0,1 {devices} -- --total-num-mbufs=2048 </dev/null")
    show.detail(result.out)
    said = [line for line in result.out.splitlines()
            if "unsupported start address" in line or "create new DMA window" in line
            or "No probed ethernet devices" in line]
    show.say("\n".join(said))
    want(any("No probed" in line for line in said), "DPDK alone found a port on this LPAR")


def over_libtce(show, guest, wire):
    """The same testpmd with one plugin; packets that it forwarded, what was compared."""
    testpmd = Testpmd(guest, attach([nic.addr for nic in guest.nics]))
    show.say(testpmd.command.strip())
    with testpmd:
        testpmd.tell("set fwd io")
        testpmd.tell("start")
        said = wire.start("loop", [0, 1], "--seconds", SECONDS, "--paired").good()
        show.detail(testpmd.tell("stop"))
        packets = sum(testpmd.stats(port)["TX-packets"] for port in (0, 1))
    show.detail(testpmd.job.out())
    show.say(f"{said['sent']} frames in, {said['good']} out and right, {said['lost']} lost; "
             f"{said['pps']} frames and {said['bytes'] * 8 / said['seconds'] / 1e6:.0f} Mbit in a "
             "second")
    want(said["good"] > 1000, f"only {said['good']} frames came back")
    want(said["lost"] <= said["sent"] // 1000, f"{said['lost']} of {said['sent']} frames lost")
    return packets, said["good"]


def demo(show):
    with Wire(2) as wire:
        nics = [Nic("igb", netdev=wire.netdev(port)) for port in (0, 1)]
        show.step("booting the LPAR: two igb NICs, each in its own IOMMU group")
        with Guest("lpar", nics=nics, mem=MEMORY, hugepages=PAGES, logs=LOGS) as guest:
            groups = ", ".join(f"{nic.addr} in group {guest.group(nic.addr)}" for nic in nics)
            show.say(f"{groups}; {PAGES} hugepages of 2 MB")
            show.step("DPDK alone says there:")
            dpdk_alone(show, guest)
            guest.run("rm -f /dev/hugepages/rtemap_*", check=True)
            free = guest.ledger()["free"]
            show.step(f"the same testpmd with libtce's plugin, {SECONDS} seconds of frames from "
                      "outside:")
            packets, frames = over_libtce(show, guest, wire)
            show.step("counting what is left")
            ledger = balance(guest, PAGES)
            lost = PAGES - ledger["free"]
            show.say(f"hugepages free: {free} before, {ledger['free']} after, "
                     f"{ledger['rsvd']} reserved; kernel warnings: {len(ledger['complaints'])}; "
                     f"stray DMA: {len(guest.stray())}")
    return f"{packets} packets forwarded, {frames} frames checked, {lost} hugepages lost"


def main():
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit("ended by a signal"))
    os.makedirs(LOGS, exist_ok=True)
    print(NEEDS.format(memory=MEMORY, log=os.path.relpath(LOG, TREE)), flush=True)
    with open(LOG, "w", encoding="utf-8") as log:
        try:
            verdict = demo(Show(log))
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # pylint: disable=broad-except
            reason = str(error) or type(error).__name__
            log.write(reason + "\n")
            kind = "" if isinstance(error, Failure) else f"{type(error).__name__}: "
            first = reason.splitlines()[0]
            print(f"FAIL: {kind}{first}; log: {os.path.relpath(LOG, TREE)}", flush=True)
            return 1
    print(f"PASS: {verdict}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
