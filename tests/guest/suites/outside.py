# SPDX-License-Identifier: BSD-3-Clause
"""A program of an outsider: built with pkg-config alone against the installed library, without
DPDK, it moves data by DMA with QEMU's edu device, through two IOVAs, on both machines."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cases import balance, group_is_free  # noqa: E402
from rig import TREE, Device, Guest, stage  # noqa: E402
from rig_cross import TRIPLE  # noqa: E402
from rig_setup import cache_dir  # noqa: E402
from tap import Tap, equal, want  # noqa: E402

BUILD = "build/ppc64le-gcc"
PROGRAM = f"{TREE}/{BUILD}/outside-edu"
PAGES = 64
MASKS = {64: "edu,dma_mask=0xffffffffffffffff", 28: "edu"}
BUFFERS = {"4K": 4, "2M": 2048}


def build():
    """The installed example, compiled by what the installed pkg-config file says."""
    root = stage(BUILD)
    env = dict(os.environ, PKG_CONFIG_LIBDIR=f"{root}/usr/local/lib/pkgconfig",
               PKG_CONFIG_SYSROOT_DIR=root)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "tce"], env=env, check=True,
                           capture_output=True, text=True).stdout.split()
    source = f"{root}/usr/local/share/doc/libtce/examples/edu.c"
    native = os.uname().machine == "ppc64le"
    compiler = ["cc"] if native else [f"{TRIPLE}-gcc", f"--sysroot={cache_dir()}/guest-root"]
    said = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", source, "-o", PROGRAM, *flags],
                          check=False, capture_output=True, text=True)
    equal((said.returncode, said.stderr), (0, ""), "the compiler")


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


def machine(tap, name):
    devices = [Device(spec) for spec in MASKS.values()]
    with Guest(name, devices=devices, hugepages=PAGES, files={"/opt/edu": PROGRAM},
               logs=f"build/guest/outside-{name}") as guest:
        for bits in MASKS:
            for kind in BUFFERS:
                with tap.point(f"{name}: edu, a DMA mask of {bits} bits, buffers of {kind}"):
                    drive(tap, guest, bits, kind)


def main():
    tap = Tap()
    with tap.point("the installed example builds with pkg-config alone"):
        build()
    for name in ("lpar", "p9"):
        with tap.point(f"{name}: up, and ended without stray DMA or a kernel warning"):
            machine(tap, name)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
