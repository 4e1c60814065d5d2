#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do the bursts of a poll-mode driver have the barriers that POWER needs, and one of each?
Usage: bursts.py PLUGIN. Prints TAP.

Receive: one lwsync, between the last look at a done bit and the first load of what the device
wrote; one hwsync, before the doorbell. Transmit: one hwsync, before the doorbell. What is left out
shows no effect on an emulated POWER, so the object code is looked at.
"""
import re
import sys

from objects import BARRIERS, kind, output, tool

# A burst, and the functions that compilers may leave beside it.
RECEIVE = [("rx_plain", "step")]
TRANSMIT = [("tx_plain_pool",), ("tx_plain",)]


def functions(library):
    """{name: [(kind, mnemonic)]}: each function's barriers and accesses to memory, in order. What
    is kept on the stack, and read from the table of contents, is the compiler's affair."""
    found, body = {}, []
    for line in output(tool("objdump"), "-d", "--no-show-raw-insn", library).splitlines():
        head = re.match(r"[0-9a-f]+ <([\w.]+)>:", line)
        if head:
            body = found.setdefault(head.group(1).split(".")[0], [])
            continue
        match = re.match(r"\s*[0-9a-f]+:\s+(\S+)\s*(.*)", line)
        what = kind(match.group(1)) if match else None
        if what and not re.search(r"\((r1|r2)\)|,r1,|,r2,", match.group(2)):
            body.append((what, match.group(1)))
    return found


def judge(code, wanted):
    """Why these accesses do not have the barriers that are wanted, once each; or None."""
    seen = [what for what, _ in code if what in BARRIERS]
    if sorted(seen) != sorted(wanted):
        return f"barriers {seen}, wanted {wanted}"
    for at, (what, _) in enumerate(code):
        if what == "lwsync" and (code[at - 1][0] != "load" or code[at + 1][0] != "load"):
            return f"lwsync between {code[at - 1]} and {code[at + 1]}"
        if what == "hwsync" and code[at + 1][0] != "store":
            return f"hwsync before {code[at + 1]}"
    return None


def main(library):
    found, points = functions(library), []
    for names, wanted in [(n, ["lwsync", "hwsync"]) for n in RECEIVE] + \
            [(n, ["hwsync"]) for n in TRANSMIT]:
        code = [x for name in names[::-1] for x in found.get(name, [])]
        points.append((names[0], judge(code, wanted)))
    for at, (name, wrong) in enumerate(points, 1):
        print(f"{'not ok' if wrong else 'ok'} {at} - {name}(): each barrier where it is needed")
        if wrong:
            print(f"# {wrong}")
    print(f"1..{len(points)}")
    return 1 if any(wrong for _, wrong in points) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
