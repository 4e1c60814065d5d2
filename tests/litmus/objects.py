#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does POWER object code have the barriers of doc/memory-order.md? Usage: objects.py TREE LIBRARY.

Each barrier of the library is traced to the source line that it was made for, inlined or not, and
by that to a function. Each row of the document's table must be found, with the accesses around the
barrier in the row's order; a barrier that is in no row fails. Prints TAP.
"""
import os
import re
import subprocess
import sys

DOCUMENT = "doc/memory-order.md"
ROW = re.compile(r"^\| `(\w+)` \| (\S+) \| [^|]* \| `([^`]+)` \|", re.M)
TRIPLE = "powerpc64le-linux-gnu-"
KINDS = [("larx", r"l[bhwdq]arx"), ("stcx", r"st[bhwdq]cx\."), ("hwsync", r"hwsync|sync|ptesync"),
         ("lwsync", "lwsync"), ("isync", "isync"), ("eieio", "eieio"),
         ("load", r"l(bz|h[az]|w[az]|d|q|h?br|wbr|dbr)u?x?|lfd|lxv\w*"),
         ("store", r"st(b|h|w|d|q|hbr|wbr|dbr)u?x?|stxv\w*|stfd")]
BARRIERS = {"hwsync", "lwsync", "isync", "eieio"}
HEAD = re.compile(r"^(?:[A-Za-z_].*?)?\b(\w+)\(")


def tool(name):
    """The cross tool, or the host's own where the host is POWER."""
    native = os.uname().machine == "ppc64le"
    return name if native else TRIPLE + name


def output(*argv, text=None):
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


def kind(mnemonic):
    for name, pattern in KINDS:
        if re.fullmatch(pattern, mnemonic):
            return name
    return None


def instructions(library):
    """[(address, kind or None, mnemonic, operands)] of the library's code; None between functions.
    """
    found = []
    for line in output(tool("objdump"), "-d", "--no-show-raw-insn", library).splitlines():
        match = re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)", line)
        if match:
            address, mnemonic, operands = match.groups()
            found.append((int(address, 16), kind(mnemonic), mnemonic, operands))
        elif found and found[-1]:
            found.append(None)
    return found


def acquire(code, at):
    """Is the isync at this index the end of load, cmp of it with itself, bne- to what follows?"""
    branched = compared = None
    for i in range(at - 1, max(at - 12, -1), -1):
        if not code[i]:
            return False
        address, what, mnemonic, operands = code[i]
        words = re.split(r"[,\s]+", operands)
        if branched is None:
            field = words[0] if words[0].startswith("cr") else "cr0"
            target = next((w for w in words if not w.startswith("cr")), "")
            if not mnemonic.startswith("bne") or int(target, 16) != address + 4:
                return False
            branched = field
        elif compared is None:
            field = words[0] if words[0].startswith("cr") else "cr0"
            if re.fullmatch(r"cmp[wd]", mnemonic) and field == branched and words[-1] == words[-2]:
                compared = words[-1]
            elif what:
                return False
        elif what == "load" and words[0] == compared:
            return True
        elif what:
            return False
    return False


def around(code, at, wanted):
    """Are the accesses next to the barrier at this index those that are wanted, in order?"""
    if wanted == ["acquire"]:
        return acquire(code, at)
    mine = wanted.index(code[at][1]) if code[at][1] in wanted else None
    if mine is None:
        return False
    for step, row in ((-1, wanted[:mine][::-1]), (1, wanted[mine + 1:])):
        i = at
        for what in row:
            i += step
            while 0 <= i < len(code) and code[i] and not code[i][1]:
                i += step
            if not 0 <= i < len(code) or not code[i] or code[i][1] != what.rstrip("s"):
                return False
            # "loads": one or more, of the address of what is then stored.
            while what == "loads" and code[i + step] and code[i + step][1] in ("load", None):
                i += step
    return True


class Lines:
    """From a source line to the function that it is in."""

    def __init__(self, tree):
        self.tree = tree
        self.files = {}

    def function(self, path, line):
        if path not in self.files:
            with open(path, encoding="utf-8") as f:
                self.files[path] = f.read().splitlines()
        name = "?"
        for text in self.files[path][:line]:
            match = HEAD.match(text)
            name = match.group(1) if match else name
        return name


def places(tree, library, addresses):
    """{address: (function, file)} of the source that each instruction was made for."""
    text = output(tool("addr2line"), "-a", "-e", library,
                  text="".join(f"{a:#x}\n" for a in addresses))
    lines, found = Lines(tree), {}
    for address, where in re.findall(r"^(0x[0-9a-f]+)\n(.*)$", text, re.M):
        path, _, line = where.split(" ")[0].rpartition(":")
        path = os.path.realpath(os.path.join(os.path.dirname(library), path))
        if os.path.exists(path):
            found[int(address, 16)] = (lines.function(path, int(line)),
                                       os.path.relpath(path, os.path.realpath(tree)))
    return found


def main(tree, library):
    with open(os.path.join(tree, DOCUMENT), encoding="utf-8") as f:
        rows = {(name, path, tuple(order.split())): 0
                for name, path, order in ROW.findall(f.read())}
    code, strangers = instructions(library), []
    barriers = [i for i, x in enumerate(code) if x and x[1] in BARRIERS]
    where = places(tree, library, [code[i][0] for i in barriers])
    for i in barriers:
        name, path = where.get(code[i][0], ("?", "?"))
        fits = [row for row in rows if row[:2] == (name, path) and around(code, i, list(row[2]))]
        for row in fits:
            rows[row] += 1
        if not fits:
            strangers.append(f"{code[i][2]} at {code[i][0]:#x}, for {name}() of {path}")
    print(f"1..{len(rows) + 1}")
    for at, ((name, path, order), count) in enumerate(rows.items(), 1):
        print(f"{'ok' if count else 'not ok'} {at} - {name}() of {path}: {' '.join(order)} "
              f"({count} times)")
    print(f"{'not ok' if strangers or not rows else 'ok'} {len(rows) + 1} - "
          f"no barrier of {len(barriers)} is elsewhere, or in another order")
    print("".join(f"# {line}\n" for line in strangers), end="")
    return 1 if strangers or not rows or not all(rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
