#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A short `make lost-pages`: 20 kills lose nothing, and the usual order mistake does."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from lost_pages import mistake, rings, table, testpmd
from rig import built
from tap import Tap, equal, want


def main():
    tap, tallies = Tap(), []
    with tap.point("on this host, or at a device of it, none of these programs runs"):
        killer = built("tests/lost/killer", "build/native-gcc")
        said = subprocess.run([killer, "1", "1", "0000:00:00.0", "mistake"], capture_output=True,
                              text=True, check=False)
        equal((said.returncode, said.stdout), (1, ""), "status and output")
        want("nowhere else" in said.stderr, said.stderr)
    with tap.point("a small program killed 16 times under traffic: nothing is lost"):
        tallies.append(rings(tap, "lpar", 16))
    with tap.point("testpmd killed 4 times under traffic: nothing is lost"):
        tallies.append(testpmd(tap, "lpar", 4))
    with tap.point("the same small program with the usual mistake, killed 4 times: pages are lost"):
        tallies.append(mistake(tap, "lpar", 4))
    tap.note(table(tallies))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
