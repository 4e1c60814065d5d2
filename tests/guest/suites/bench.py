# SPDX-License-Identifier: BSD-3-Clause
"""The bench in its smallest form: every part runs to its end and has figures. What they are is
for make bench to say."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from rig import TREE
from tap import Tap, equal, want

OUT = f"{TREE}/build/check/bench"


def main():
    tap = Tap()
    with tap.point("every part of the bench runs to its end"):
        p = subprocess.run([sys.executable, "-B", f"{TREE}/tests/bench/bench.py", "--small",
                            "--out", OUT], capture_output=True, text=True, check=False)
        equal(p.returncode, 0, f"status of the bench:\n{p.stderr[-3000:]}")
    with tap.point("every table has a figure in each of its rows, and the command beside it"):
        with open(f"{OUT}/figures.json", encoding="utf-8") as f:
            sections = json.load(f)
        want(len(sections) >= 2, f"{len(sections)} tables")
        for s in sections:
            want(s["command"] and s["place"] and s["unit"], f"what was measured: {s['title']}")
            want(s["rows"], f"{s['title']} has no row")
            for head, values in s["rows"]:
                want(values and all(isinstance(v, (int, float)) for v in values.values()),
                     f"{s['title']}, {head}: {values}")
    with open(f"{OUT}/table.txt", encoding="utf-8") as f:
        tap.note(f.read())
    return tap.end()


sys.exit(main())
