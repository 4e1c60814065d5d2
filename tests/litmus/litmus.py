#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The protocols of lib/tce under herd7's model of POWER. Usage: litmus.py TEST...; prints TAP.

Each test's last line is a state that must not be. Each instruction marked (* needed *) is then left
out in turn, and the state must be there: so no test holds for a wrong reason, and no barrier is one
too many. litmus.py --without N TEST prints the variant without the N-th, to run by hand.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))
from rig_setup import cache_dir, herd_command  # noqa: E402

MARK = re.compile(r"(?P<cell>(?<=[|;\n])[^|;\n(]*)\(\* needed \*\)")


def variants(text):
    """(instruction, text of the test without it) of each that is marked."""
    for match in MARK.finditer(text):
        cell = match.group("cell")
        label = re.match(r"\s*(\w+:)?\s*", cell).group(0)
        yield cell[len(label):].strip(), text[:match.start()] + label + text[match.end():]


def observed(path):
    """Never, Sometimes or Always: what herd7 says of the state; a sentence where it fails."""
    try:
        p = subprocess.run([*herd_command(cache_dir()), path], capture_output=True, text=True,
                           timeout=100, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        return f"herd7 did not run ({e}): make setup"
    found = re.search(r"^Observation \S+ (\w+)", p.stdout, re.M)
    if p.returncode or not found or "Warning" in p.stdout + p.stderr:
        return f"herd7 ended with {p.returncode}: {p.stdout} {p.stderr}"
    return found.group(1)


def points(path):
    """(name, what was wanted, what was observed) of a test and of each of its variants."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    name = os.path.basename(path)[:-len(".litmus")]
    title = text.splitlines()[1].strip('"')
    yield f"{name}: {title}", ("Never",), observed(path)
    count = 0
    for count, (instruction, changed) in enumerate(variants(text), 1):
        with tempfile.NamedTemporaryFile("w", suffix=".litmus", encoding="utf-8") as f:
            f.write(changed)
            f.flush()
            yield (f"{name}: without {instruction} ({count}) it does not hold",
                   ("Sometimes", "Always"), observed(f.name))
    if not count:
        yield f"{name}: marks what it needs", ("a mark",), "none"


def main(paths):
    if paths[:1] == ["--without"]:
        with open(paths[2], encoding="utf-8") as f:
            print(list(variants(f.read()))[int(paths[1]) - 1][1], end="")
        return 0
    at = failed = 0
    for path in paths:
        for name, wanted, seen in points(path):
            at += 1
            failed += seen not in wanted
            print(f"{'ok' if seen in wanted else 'not ok'} {at} - {name}")
            if seen not in wanted:
                print("".join(f"# {line}\n" for line in
                              f"wanted {wanted}, observed: {seen}".splitlines()), end="")
    print(f"1..{at}")
    return 1 if failed or not at else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
