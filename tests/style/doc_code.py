#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compile every C block of the documents. Usage: doc_code.py TREE COMPILER... Prints TAP."""
import os
import re
import subprocess
import sys

import tree

BLOCK = re.compile(r"^```c\n(.*?)^```$", re.M | re.S)


def blocks(files):
    for f in files.values():
        if f.path.endswith(".md"):
            for match in BLOCK.finditer(f.text):
                yield f"{f.path}:{tree.line_of(f.text, match.start()) + 1}", match.group(1)


def main(root, *compiler):
    command = [*compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
               "-I", os.path.join(root, "lib", "tce", "include"), "-x", "c", "-"]
    failed, count = 0, 0
    for count, (where, text) in enumerate(blocks(tree.load(root)), 1):
        run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        failed += run.returncode != 0
        print(f"{'not ok' if run.returncode else 'ok'} {count} - {where} compiles")
        for line in run.stderr.splitlines():
            print(f"# {line}")
    print(f"1..{count}")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
