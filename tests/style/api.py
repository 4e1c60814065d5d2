#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the public headers promise, made into code and checks.

api.py alone HEADER OUT     a C file that includes that header and nothing else
api.py all OUT HEADER...    a file that includes every header, for a C++ compiler
api.py link OUT HEADER...   a program that takes the address of every function
api.py exports LIBRARY HEADER...  TAP: the library exports these functions and no others
"""
import os
import re
import subprocess
import sys

import rules_api
import tree

SPDX = "/* SPDX-License-Identifier: BSD-3-Clause */\n"
LINK = """#include <stdio.h>

typedef void any_fn(void);

static any_fn *const functions[] = {
%s};

int main(void)
{
	size_t n = sizeof(functions) / sizeof(functions[0]);
	size_t missing = 0;

	for (size_t i = 0; i < n; i++)
		missing += functions[i] == NULL;
	printf("1..1\\n%%s 1 - %%zu public functions are there\\n", missing ? "not ok" : "ok", n);
	return missing != 0;
}
"""


def name_of(header):
    """tce/x.h of any/where/include/tce/x.h"""
    return "/".join(os.path.normpath(header).split(os.sep)[-2:])


def declared(headers):
    names = []
    for header in headers:
        with open(header, "rb") as f:
            names += [p[0] for p in rules_api.prototypes(tree.File(header, f.read()))]
    if not names:
        sys.exit("no function is declared in " + " ".join(headers))
    return sorted(names)


def includes(headers):
    return SPDX + "".join(f"#include <{name_of(h)}>\n" for h in headers)


def exported(library):
    run = subprocess.run(["nm", "-D", "--defined-only", library],
                         capture_output=True, text=True, check=True)
    symbols = (line.split() for line in run.stdout.splitlines())
    # An absolute symbol is the name of a version.
    return sorted(re.sub("@.*", "", s[-1]) for s in symbols if s[-2] != "A")


def exports(library, headers):
    wanted, got = set(declared(headers)), set(exported(library))
    print(f"1..2\n{'not ok' if wanted - got else 'ok'} 1 - every public function is exported")
    for name in sorted(wanted - got):
        print(f"# {name} is declared but not exported")
    print(f"{'not ok' if got - wanted else 'ok'} 2 - nothing else is exported")
    for name in sorted(got - wanted):
        print(f"# {name} is exported but not declared")
    return 1 if wanted ^ got else 0


def main(what, *args):
    if what == "exports":
        return exports(args[0], args[1:])
    if what == "alone":
        out, text = args[1], includes(args[:1])
    elif what == "all":
        out, text = args[0], includes(args[1:])
    else:
        table = "".join(f"\t(any_fn *){name},\n" for name in declared(args[1:]))
        out, text = args[0], includes(args[1:]) + LINK % table
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
