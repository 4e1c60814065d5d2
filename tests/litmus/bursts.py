#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do the bursts of poll-mode drivers have the barriers that POWER needs, and one of each?
Usage: bursts.py LIBRARY... Prints TAP.

Receive: one lwsync, behind the last look at a done bit, before what the device wrote is loaded;
one hwsync, before the doorbell. Transmit: one hwsync, before the doorbell. What is left out
shows no effect on an emulated POWER, so the object code is looked at.
"""
import os
import re
import sys

from objects import BARRIERS, kind, output, tool

# Of each library: a burst with the functions that compilers may leave beside it, and its barriers.
LOOK, RING = ["lwsync"], ["hwsync"]
BURSTS = {
    "librte_net_tce_igb.so": [(("rx_plain", "step"), LOOK + RING), (("rx_full",), LOOK + RING),
                              (("tx_plain",), RING), (("tx_full",), RING)],
    "libtce_igb.so": [(("tce_igb_received",), LOOK), (("tce_igb_fill",), RING),
                      (("tce_igb_send",), RING)],
    "libtce_nvme.so": [(("nvme_queue_harvest",), LOOK), (("tce_nvme_ring",), RING)],
}


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


def without_atomics(code):
    """The same without the barriers of atomic operations: lwsync; larx; ...; stcx; isync or lwsync.
    """
    return [(what, word) for at, (what, word) in enumerate(code)
            if not (what == "lwsync" and code[at + 1:at + 2] and code[at + 1][0] == "larx")
            and not (what in ("isync", "lwsync") and at and code[at - 1][0] == "stcx")]


def judge(code, wanted):
    """Why these accesses do not have the barriers that are wanted, once each; or None."""
    seen = [what for what, _ in code if what in BARRIERS]
    if sorted(seen) != sorted(wanted):
        return f"barriers {seen}, wanted {wanted}"
    for at, (what, _) in enumerate(code):
        if what == "lwsync" and code[at - 1][0] != "load":
            return f"lwsync behind {code[at - 1]}"
        if what == "hwsync" and code[at + 1][0] != "store":
            return f"hwsync before {code[at + 1]}"
    return None


def main(libraries):
    points = []
    for library in libraries:
        name, found = os.path.basename(library), functions(library)
        for names, wanted in BURSTS[name.partition(".so")[0] + ".so"]:
            code = without_atomics([x for n in names[::-1] for x in found.get(n, [])])
            points.append((f"{name}, {names[0]}()", judge(code, wanted)))
    for at, (name, wrong) in enumerate(points, 1):
        print(f"{'not ok' if wrong else 'ok'} {at} - {name}: each barrier where it is needed")
        if wrong:
            print(f"# {wrong}")
    print(f"1..{len(points)}")
    return 1 if any(wrong for _, wrong in points) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
