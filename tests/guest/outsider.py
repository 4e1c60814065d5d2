# SPDX-License-Identifier: BSD-3-Clause
"""Programs of outsiders: the installed examples, compiled by what pkg-config says of the installed
libraries."""
import os
import subprocess

from rig_build import TREE, stage
from rig_cross import TRIPLE
from rig_setup import cache_dir
from tap import Tap, equal

BUILD = "build/ppc64le-gcc"


def build(example, package):
    """The path of an example's program."""
    root, program = stage(BUILD), f"{TREE}/{BUILD}/outside-{example}"
    # libtce_hugemem's file names that of libnuma, which is Debian's.
    libdir = f"{root}/usr/local/lib/pkgconfig:{cache_dir()}/guest-root/usr/lib/{TRIPLE}/pkgconfig"
    env = dict(os.environ, PKG_CONFIG_LIBDIR=libdir, PKG_CONFIG_SYSROOT_DIR=root)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], env=env, check=True,
                           capture_output=True, text=True).stdout.split()
    source = f"{root}/usr/local/share/doc/libtce/examples/{example}.c"
    native = os.uname().machine == "ppc64le"
    compiler = ["cc"] if native else [f"{TRIPLE}-gcc", f"--sysroot={cache_dir()}/guest-root"]
    said = subprocess.run([*compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                           source, "-o", program, *flags, f"-Wl,-rpath-link,{root}/usr/local/lib"],
                          check=False, capture_output=True, text=True)
    equal((said.returncode, said.stderr), (0, ""), "the compiler")
    return program


def on_both(example, package, show):
    """The main() of a suite that shows an example on both machines; its exit status."""
    tap, program = Tap(), None
    with tap.point(f"the installed example {example} builds with pkg-config alone"):
        program = build(example, package)
    for name in ("lpar", "p9") if program else ():
        with tap.point(f"{name}: up, and ended without stray DMA or a kernel warning"):
            show(tap, name, program)
    return tap.end()
