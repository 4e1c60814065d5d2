#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Could `make mutate` run? Every guard of its table is found and compiles when it is removed, and
what is explained is still in the source. Arguments: the compiler and its flags."""
import os
import subprocess
import sys
import tempfile

import guards
from explain import EXPLAINED, TREE, explained, flat


def compiles(compiler, guard):
    """Does the file that the guard was in compile without it? "" or what the compiler says."""
    base = os.path.basename(guard.path)
    with tempfile.TemporaryDirectory() as where:
        os.makedirs(f"{where}/lib/tce")
        os.symlink(f"{TREE}/lib/kernel", f"{where}/lib/kernel")
        for name in os.listdir(f"{TREE}/lib/tce"):
            if name.endswith(".h") and name != base:
                os.symlink(f"{TREE}/lib/tce/{name}", f"{where}/lib/tce/{name}")
        with open(f"{where}/lib/tce/{base}", "wb") as f:
            f.write(guard.text)
        unit = base if base.endswith(".c") else "unit.c"
        if unit != base:
            with open(f"{where}/lib/tce/{unit}", "w", encoding="utf-8") as f:
                f.write(f'#include "{base}"\n')
        p = subprocess.run([*compiler, "-std=gnu11", "-D_GNU_SOURCE", "-w", "-fsyntax-only",
                            f"-I{TREE}/lib/tce/include", f"{where}/lib/tce/{unit}"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return "" if p.returncode == 0 else p.stderr


def guards_wrong(compiler):
    for what in guards.GUARDS + guards.LOOPS:
        try:
            said = compiles(compiler, guards.Guard(*what))
        except guards.GuardError as e:
            yield str(e)
            continue
        if said:
            yield f"without the guard \"{what[0]}\" {what[1]} does not compile: {said}"


def explained_wrong():
    """The lines that an explanation is about are in its function, or the guard in the table."""
    names = {g[0] for g in guards.GUARDS + guards.LOOPS}
    for path, function, old, _ in explained():
        try:
            with open(os.path.join(TREE, path), encoding="utf-8") as f:
                text = f.read()
            begin, end = guards.body(path, text, function)
        except (OSError, guards.GuardError) as e:
            yield f"{EXPLAINED}: {e}"
            continue
        if old not in names and old not in flat(text[begin:end]):
            yield f"{EXPLAINED}: {path}, {function}(): there is no \"{old}\" any more"


def main():
    points = [("every guard is found, and what is left without it compiles",
               list(guards_wrong(sys.argv[1:]))),
              ("what is explained is in the source", list(explained_wrong()))]
    print(f"1..{len(points)}")
    for n, (what, wrong) in enumerate(points, 1):
        print(f"{'not ok' if wrong else 'ok'} {n} - {what}")
        for line in wrong:
            print("# " + line.replace("\n", "\n# "))
    return 1 if any(wrong for _, wrong in points) else 0


if __name__ == "__main__":
    sys.exit(main())
