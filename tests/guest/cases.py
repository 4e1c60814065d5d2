# SPDX-License-Identifier: BSD-3-Clause
"""What the testpmd suites show again and again: forwarding, sending, receiving, the ledger."""
import sys
import time

from tap import Tap, equal, want

COUNT = 100_000  # frames for each io case
RXONLY = 2_000
ROOM = 400  # frames: QEMU's igb without room drops in silence; testpmd's rings have 512
PAIRED = "--paired"


def forward(wire, testpmd, ports, count=COUNT, mode="io", *, options=()):
    """io, or another way to forward: frames enter each port and come back by the other (or the
    same, if alone); all are compared. What was counted."""
    testpmd.tell(f"set fwd {mode}")
    testpmd.tell("start")
    route = [*options, *([PAIRED] if len(ports) > 1 else [])]
    said = wire.start("loop", ports, "--count", -(-count // len(ports)), *route).good()
    testpmd.tell("stop")
    want(said["sent"] >= count, f"only {said['sent']} frames were sent")
    # The window is smaller than any ring, so that a loss would be a DMA that went astray.
    want(said["lost"] <= said["sent"] // 1000, f"{said['lost']} of {said['sent']} frames lost")
    return said


def transmit(wire, testpmd, ports, seconds=1.5, mode="txonly", length=64):
    """txonly, or another way to make frames: what leaves the NIC is well-formed and as many
    frames as testpmd counted."""
    testpmd.tell(f"set fwd {mode}")
    testpmd.tell("clear port stats all")
    receiver = wire.start("receive", ports, "--seconds", 60, "--length", length)
    time.sleep(0.3)
    testpmd.tell("start")
    time.sleep(seconds)
    testpmd.tell("stop")
    sent = sum(testpmd.stats(port)["TX-packets"] for port in range(len(ports)))
    time.sleep(0.5)
    receiver.stop()
    said = receiver.good()
    equal(said["good"], sent, "frames that left the NIC")
    want(sent > 1000, f"only {sent} frames were sent")
    return said


def receive(wire, testpmd, ports, count=RXONLY):
    """rxonly: testpmd counts each frame that was sent to it; no more are on their way than a ring
    has room for. How many."""
    testpmd.tell("set fwd rxonly")
    testpmd.tell("clear port stats all")
    testpmd.tell("start")
    sent = [0 for _ in ports]
    for _ in range(-(-count // ROOM)):
        more = wire.start("send", ports, "--count", ROOM, "--quiet", 0.05).good()["sent"]
        sent = [n + more // len(ports) for n in sent]
        _counted(testpmd, sent)
    testpmd.tell("stop")
    _counted(testpmd, sent)
    return sum(sent)


def _counted(testpmd, sent, seconds=10):
    """Each port of testpmd comes to count so many frames, and no more."""
    end = time.monotonic() + seconds
    while True:
        got = [testpmd.stats(port)["RX-packets"] for port in range(len(sent))]
        if got == sent or any(g > s for g, s in zip(got, sent)) or time.monotonic() > end:
            break
    equal(got, sent, "frames that testpmd counted, by port")


def balance(guest, pages, stray=0):
    """After a testpmd: nothing of the hugepages is missing, the kernel has nothing to say. So many
    stray accesses were explained."""
    guest.run("rm -f /dev/hugepages/*map_*", check=True)
    whole = {"total": pages, "free": pages, "rsvd": 0, "surp": 0, "complaints": []}
    # Pages come back after a grace period; what is lost does not come back.
    for _ in range(20):
        ledger = guest.ledger(0.1)
        if ledger == whole:
            break
    equal(ledger, whole, "hugepages")
    equal(len(guest.stray()), stray, "stray DMA accesses")
    return ledger


def group_is_free(guest, addr):
    """Nobody holds the device's group any more."""
    file = f"/dev/vfio/{guest.group(addr)}"
    said = guest.run(f"[ -c {file} ] && exec 3<>{file}")  # <> would make a file of that name
    equal(said.status, 0, f"opening the group of {addr} again ({said.out.strip()})")


def on_both(show):
    """The main() of a suite that shows the same on both machines, or on those that are named as
    arguments; its exit status."""
    tap = Tap()
    for name in sys.argv[1:] or ("lpar", "p9"):
        with tap.point(f"{name}: no stray DMA, no word from the kernel, from start to end"):
            show(tap, name)
    return tap.end()
