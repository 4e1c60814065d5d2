# SPDX-License-Identifier: BSD-3-Clause
"""On an LPAR the hardware's TCE tables, rebuilt from QEMU's trace of the hypercalls, are the
library's: after each way to map and unmap, after a kill, and under testpmd."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cases import balance, forward  # noqa: E402
from hypercalls import Trace, arguments, difference, dumped  # noqa: E402
from rig import Device, Guest, Nic, built  # noqa: E402
from tap import Failure, Tap, equal, want  # noqa: E402
from testpmd import Testpmd, attach  # noqa: E402
from wire import Wire  # noqa: E402

PAGES = 300
EDU = "edu,dma_mask=0xffffffffffffffff"
TABLES, DUMPER = "/opt/tables", "/opt/dumper.so"
FILES = {TABLES: "tests/guest/tables", DUMPER: "tests/guest/dumper.so"}
STEPS = 19


def agree(trace, index, text):
    """Compare one dump with the hardware as it is now; the number of TCEs."""
    library = dumped(text)
    found = difference(trace.now().of_bridge(index), library)
    want(found is None, found)
    return len(library)


def steps(tap, guest, trace, index):
    """The program's steps, each answered when its tables were compared."""
    device = guest.devices[index - 1]
    job, at, seen = guest.start(f"{TABLES} {device.addr}"), 0, 0
    while True:
        job.wait_output("end ", 60)
        end = time.monotonic() + 60
        while not job.out()[at:].count("\nend ") or not job.out().endswith("\n"):
            want(job.poll() is None and time.monotonic() < end, job.out()[at:])
            if job.out()[at:].endswith("done\n"):
                break
            time.sleep(0.01)
        text = job.out()[at:]
        if "done\n" in text:
            break
        at += len(text)
        name, _, rest = text.removeprefix("step ").partition("\n")
        with tap.point(f"tables after {name}"):
            tap.note(f"{agree(trace, index, rest)} TCEs")
        seen += 1
        job.write("\n")
    equal(seen, STEPS, "steps")
    with tap.point("tables after the process was killed: the hardware's are empty"):
        want(trace.now().of_bridge(index), "they were empty before")
        job.kill(signal.SIGKILL)
        job.wait(30)
        guest.run("sleep 1")
        equal(trace.now().of_bridge(index), {}, "TCEs")


def dump(guest):
    guest.run("rm -f /tmp/dump; touch /tmp/dump-please; "
              "for i in $(seq 100); do [ -e /tmp/dump ] && exit; usleep 100000; done; exit 1",
              check=True)
    return guest.run("cat /tmp/dump", check=True).out


def traffic(tap, guest, wire, trace, index):
    """testpmd with one port: its tables before, in the middle of and after traffic."""
    nic = guest.devices[index - 1]
    with Testpmd(guest, attach([nic.addr]), before=f"env LD_PRELOAD={DUMPER}") as testpmd:
        with tap.point("tables of testpmd at its start"):
            tap.note(f"{agree(trace, index, dump(guest))} TCEs")
        with tap.point("tables of testpmd after traffic"):
            said = forward(wire, testpmd, [0], 20000)
            tap.note(f"{agree(trace, index, dump(guest))} TCEs, {said['good']} frames compared")
        with tap.point("tables of testpmd while it forwards"):
            testpmd.tell("start")
            tap.note(f"{agree(trace, index, dump(guest))} TCEs")
            testpmd.tell("stop")
    with tap.point("tables after testpmd has quit: the hardware's are empty"):
        balance(guest, PAGES)
        equal(trace.now().of_bridge(index), {}, "TCEs")


def main():
    tap = Tap()
    files = {where: built(what) for where, what in FILES.items()}
    try:
        with Wire(1) as wire:
            with Guest("lpar", nics=[Nic("igb", netdev=wire.netdev(0))], devices=[Device(EDU)],
                       hugepages=PAGES, files=files, qemu_args=arguments()) as guest:
                trace = Trace(f"{guest.logs}/qemu.log")
                steps(tap, guest, trace, 2)
                traffic(tap, guest, wire, trace, 1)
                tap.note(f"{trace.now().calls} hypercalls")
    except Exception as error:  # pylint: disable=broad-except
        with tap.point("lpar"):
            raise Failure(str(error)) from error
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
