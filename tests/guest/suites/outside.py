# SPDX-License-Identifier: BSD-3-Clause
"""A program of an outsider: built with pkg-config alone against the installed library, without
DPDK, it moves data by DMA with QEMU's edu device, through two IOVAs, on both machines."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cases import balance, group_is_free  # noqa: E402
from outsider import on_both  # noqa: E402
from rig import Device, Guest  # noqa: E402
from tap import equal, want  # noqa: E402

PAGES = 64
MASKS = {64: "edu,dma_mask=0xffffffffffffffff", 28: "edu"}
BUFFERS = {"4K": 4, "2M": 2048}


def drive(tap, guest, bits, kind):
    """One run of the program, and what it leaves."""
    addr = guest.devices[list(MASKS).index(bits)].addr
    said = guest.run(f"/opt/edu {addr} {bits} {BUFFERS[kind]}", timeout=60)
    tap.note(said.out)
    equal(said.status, 0, f"exit status ({said.out})")
    iovas = [int(n, 16) for n in re.findall(r"(?:out|in) at (?:IOVA )?(0x[0-9a-f]+|0)", said.out)]
    equal(len(set(iovas)), 2, "different IOVAs")
    if bits == 28:
        want(all(n < 1 << 28 for n in iovas), f"IOVAs beyond 28 bits: {said.out}")
    elif kind == "2M":
        want(all(n >= 1 << 59 for n in iovas), f"IOVAs not in the large window: {said.out}")
    want(re.search("^refused: .*still point into it", said.out, re.M), "the refused release")
    want(re.search(r"^holder 1 of [12]: IOVA (0x[0-9a-f]+|0) \+ 0x[0-9a-f]+$", said.out, re.M),
         "the holder")
    want(said.out.endswith("the pattern came back\n"), "the last line")
    balance(guest, PAGES)
    group_is_free(guest, addr)


def machine(tap, name, program):
    devices = [Device(spec) for spec in MASKS.values()]
    with Guest(name, devices=devices, hugepages=PAGES, files={"/opt/edu": program},
               logs=f"build/guest/outside-{name}") as guest:
        for bits in MASKS:
            for kind in BUFFERS:
                with tap.point(f"{name}: edu, a DMA mask of {bits} bits, buffers of {kind}"):
                    drive(tap, guest, bits, kind)


if __name__ == "__main__":
    sys.exit(on_both("edu", "tce", machine))
