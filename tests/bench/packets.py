# SPDX-License-Identifier: BSD-3-Clause
"""Counting what a packet costs: DPDK programs in a guest whose clock counts instructions.

Under icount one instruction of the guest is one ns, so what a program calls packets in a second
tells the instructions for each. Two processors: the main lcore sleeps at its prompt, the other
one works. Two NICs on one hub: what one sends, the other receives.
"""
import contextlib
import re
import time

from rig import Guest, Nic
from tap import want
from testpmd import Testpmd

ICOUNT = "shift=0,sleep=off"
# While testpmd waits for links it computes, which under icount takes a minute.
RINGS = "--rxd=512 --txd=512 --tx-offloads=0 --disable-link-check"
BURSTS = (1, 8, 32, 64)
HUGEPAGES = 256


@contextlib.contextmanager
def hub(machine, model, icount=ICOUNT, ports=2, **more):
    """A guest with NICs of a model on one hub."""
    nics = [Nic(model, netdev="hubport,hubid=0") for _ in range(ports)]
    with Guest(machine, nics=nics, hugepages=HUGEPAGES, icount=icount, **more) as guest:
        yield guest


def wait_for_links(testpmd, seconds=60):
    """Wait until all ports have a link; a clock that counts instructions leaps while all sleeps."""
    end = time.monotonic() + seconds
    while re.search(r"\bdown\b", testpmd.tell("show port summary all")):
        want(time.monotonic() < end, f"no link within {seconds} s:\n{testpmd.tail()}")
        time.sleep(0.1)


def rate(testpmd, seconds):
    """Packets in a second of the guest's time, sent by all ports, over so much wall time; None if
    none was."""
    testpmd.tell("show port stats all", timeout=120)
    time.sleep(seconds)
    text = testpmd.tell("show port stats all", timeout=120)
    return sum(int(line.split()[1]) for line in text.splitlines() if "Tx-pps:" in line) or None


def cost(rate_of_packets):
    """ns for each packet, which under icount are instructions."""
    return rate_of_packets and 1e9 / rate_of_packets


def forwarding(guest, devices, modes, bursts, seconds, queues=1):
    """{mode: {burst: packets in a second}} of testpmd's io or txonly; and the command."""
    app = f"{RINGS} --rxq={queues} --txq={queues}"
    rates = {mode: {} for mode in modes}
    with Testpmd(guest, devices, app=app, timeout=300) as testpmd:
        wait_for_links(testpmd)
        for mode in modes:
            testpmd.tell(f"set fwd {mode}")
            for burst in bursts:
                testpmd.tell(f"set burst {burst}")
                # Each port begins with one burst, which then goes round.
                testpmd.tell("start tx_first" if mode == "io" else "start", timeout=120)
                rates[mode][burst] = rate(testpmd, seconds)
                testpmd.tell("stop", timeout=120)
        command = testpmd.command
    return rates, " ".join(command.split())


def program(guest, path, devices, *args):
    """{figure: value} of one of our DPDK programs; and the command."""
    command = f"{path} -l 1 -n 1 {devices} -- {' '.join(str(a) for a in args)}"
    said = guest.run(command, timeout=600, check=True).out
    found = dict(line.split("\t") for line in said.splitlines() if line.count("\t") == 1)
    return {name: float(value) for name, value in found.items()}, command
