# SPDX-License-Identifier: BSD-3-Clause
"""The unit tests of the ppc64le build, run where they belong: on kernels of 4K and of 64K pages."""
import glob
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from rig import TREE, Guest, stage  # noqa: E402
from tap import Tap  # noqa: E402

BUILD = f"{TREE}/build/ppc64le-gcc"


def tests():
    """Meson's tests that are programs of the build: the others are scripts for the host."""
    out = subprocess.run(["meson", "introspect", "--tests", BUILD], capture_output=True, text=True,
                         check=True).stdout
    return [t for t in json.loads(out) if t["protocol"] == "tap"
            and t["cmd"][0].startswith(BUILD) and "frames" not in t["cmd"][0]]


def files(programs):
    """Programs, and the libraries they load, at the same paths as here."""
    names = [path for folder in ("lib/tce", "lib/hugemem", "drivers/nvme", "drivers/net/igb")
             for path in glob.glob(f"{BUILD}/{folder}/libtce*.so*")
             if re.search(r"\.so[.0-9]*$", path) and os.path.exists(path)]
    return {path: path for path in [t["cmd"][0] for t in programs] + names}


def run_one(tap, guest, test, where):
    """Every point of one program is one of ours; a broken run is a failed one."""
    env = " ".join(f"{k}='{v}'" for k, v in test["env"].items())
    command = " ".join(f"'{word}'" for word in test["cmd"])
    name = f"{where}: {test['name']}"
    with tap.point(f"{name} runs to its end"):
        r = guest.run(f"{env} {command} 2>/tmp/err", timeout=180)
        tap.program(name, r.out, r.status, guest.run("tail -n 30 /tmp/err").out if r.status else "")


def main():
    stage("build/ppc64le-gcc")
    tap, programs = Tap(), tests()
    for kernel in ("4k", "64k"):
        with Guest("lpar", kernel=kernel, smp=1, files=files(programs)) as guest:
            for test in programs:
                run_one(tap, guest, test, kernel)
    return tap.end()


sys.exit(main())
