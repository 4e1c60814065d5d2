# SPDX-License-Identifier: BSD-3-Clause
"""tests/mutate/explained: mutants that no test can tell from the library, and why."""
import os

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXPLAINED = f"{TREE}/tests/mutate/explained"


def flat(text):
    """A piece of source on one line, whatever its white space is."""
    return " ".join(text.split())


def explained(path=EXPLAINED):
    """{(file, function, old, new): why}."""
    found, entry = {}, []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            entry.append(line)
            if line.startswith("why: "):
                if len(entry) != 4 or not entry[1].startswith("- ") \
                        or not entry[2].startswith("+ ") or len(entry[0].split()) != 2:
                    raise SystemExit(f"{path}:{number}: an entry is four lines: file and function, "
                                     "- the lines, + the lines, why: the reason")
                where = entry[0].split()
                found[where[0], where[1], entry[1][2:], entry[2][2:]] = line[5:]
                entry = []
    if entry:
        raise SystemExit(f"{path}: its last entry has no reason")
    return found
