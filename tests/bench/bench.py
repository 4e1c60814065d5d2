# SPDX-License-Identifier: BSD-3-Clause
"""make bench: what the library and its drivers cost, each figure beside its peers.

Prints one table; leaves it in build/bench/table.txt, with one page of plots in plots.svg beside it.
ARGS names the parts that are wanted, all of them without. report.py says how a part is written.
"""
import argparse
import contextlib
import importlib
import os
import signal
import sys
import time
import traceback

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{TREE}/tests/guest", f"{TREE}/tests/bench"]
# pylint: disable=wrong-import-position
from packets import hub
from report import Report
from rig import Device
from testpmd import fewer_drivers

PARTS = {
    "translate": "VA to IOVA and IOVA to VA: ns natively, instructions on POWER",
    "growth": "the library's own work as there are more regions, larger windows, more spaces",
    "bringup": "giving hugepages to a device and taking them back: calls, time, memory",
    "nvme": "instructions per command, and commands per second, of drivers for NVMe",
    "igb": "instructions per packet, and packet rates, of drivers for igb",
}


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    about = ", ".join(f"{name}: {what}" for name, what in PARTS.items())
    p.add_argument("parts", nargs="*", metavar="PART", help=about)
    p.add_argument("--small", action="store_true",
                   help="the least that runs every line; its figures mean nothing")
    p.add_argument("--out", default=f"{TREE}/build/bench", metavar="DIR")
    a = p.parse_args()
    for name in set(a.parts) - set(PARTS):
        p.error(f"no part {name}: there are {', '.join(PARTS)}")
    return a


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def part(report, name, small):
    """Run one part; False if it ended early. What it found until then stays."""
    begin, before = time.monotonic(), len(report.sections)
    say(f"{name} ...")
    try:
        importlib.import_module(name).run(report, small)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        return False
    say(f"{name}: {len(report.sections) - before} tables, {time.monotonic() - begin:.0f} s")
    return True


@contextlib.contextmanager
def small_guest():
    """Two igb ports on one hub, and after them a device of each other sort."""
    with hub("lpar", "igb", icount="", devices=[Device("edu")]) as guest:
        fewer_drivers(guest)
        yield guest


def main():
    a = options()
    report = Report(a.small)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with small_guest() if a.small else contextlib.nullcontext() as guest:
        broken = [name for name in a.parts or PARTS if not part(report, name, guest)]
    files = report.write(a.out)
    print(report.text())
    say(" ".join(os.path.relpath(f) for f in files))
    if broken:
        say(f"no figures, or not all, of: {' '.join(broken)}")
    return 1 if broken else 0


sys.exit(main())
