#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Test of the rules of style: a good tree passes each, and small bad ones are rejected. TAP."""
import os
import shutil
import sys
import tempfile

import rules_code
import style
import tree

SPDX_C = "/* SPDX-License-Identifier: BSD-3-Clause */\n"
SPDX_H = "# SPDX-License-Identifier: BSD-3-Clause\n"
HERE = os.path.dirname(os.path.abspath(__file__))

PUBLIC = """#ifndef TCE_X_H
#define TCE_X_H

/**
 * Do a thing to a space.
 *
 * Units: bytes.
 * Owner: the caller.
 * Threads: any.
 * Errors:
 *   -EINVAL  it cannot be done
 */
int tce_x(int a);

#endif
"""

GOOD = {
    "LICENSE": "Redistribution" + " and use\n",
    "README.md": "See [the code](lib/tce/x.c), [all](lib) and `tce_x()`, not /var/lib/y.\n",
    "meson.build": SPDX_H + "project('x', 'c')\n",
    "tool": "#!/bin/sh\n" + SPDX_H + "f() {\n\techo hi\n}\nf\n",
    "lib/kernel/kernel.h": SPDX_C + "#include <tce/types.h>\n",
    "lib/kernel/model/m.c": SPDX_C + "void f(void)\n{\n\tabort();\n}\n",
    "lib/kernel/vfio.c": SPDX_C + "#include <linux/vfio.h>\n\nint f(void)\n{\n"
                                  "\treturn ioctl(0, 0);\n}\n",
    "lib/tce/include/tce/types.h": SPDX_C + "#include <stdint.h>\n",
    "lib/tce/include/tce/x.h": SPDX_C + PUBLIC,
    "lib/tce/x.c": SPDX_C + "#include \"kernel/kernel.h\"\n#include <string.h>\n#include "
                            "<tce/x.h>\n\n/* It never calls printf(). */\nint tce_x(int a)\n{\n"
                            "\treturn a;\n}\n",
    "lib/eal/eal.c": SPDX_C + "#include <rte_eal.h>\n#include <tce/x.h>\n",
    "drivers/attach/a.c": SPDX_C + "#include <bus_vdev_driver.h>\n",
    "app/tce/main.c": SPDX_C + "#include <stdio.h>\n\nint main(void)\n{\n\tputs(\"x\");\n}\n",
    "examples/e.c": SPDX_C + "#include <linux/vfio.h>\n#include <tce/x.h>\n\n"
                             "int f(void)\n{\n\treturn ioctl(0, 0);\n}\n",
}


def body(lines):
    return SPDX_C + "int f(int a)\n{\n" + "\ta++;\n" * (lines - 4) + "\treturn a;\n}\n"


def without(part):
    return SPDX_C + "".join(
        line for line in PUBLIC.splitlines(keepends=True) if f" {part}:" not in line)


def replaced(old, new):
    assert old in PUBLIC
    return SPDX_C + PUBLIC.replace(old, new)


BAD = {
    "spdx": [
        {"lib/tce/y.c": "int y;\n"},
        {"lib/tce/y.c": "\n" + SPDX_C},
        {"tests/y.py": "import os\n" + SPDX_H},
        {"meson.build": "project('x', 'c')\n"},
        {"tool": "#!/bin/sh\necho hi\n"},
    ],
    "licence": [{"lib/tce/y.c": SPDX_C + "/* Permission is hereby grante" + "d to */\n"}],
    "columns": [
        {"lib/tce/y.c": SPDX_C + "int y; /* " + "y" * 100 + " */\n"},
        {"lib/tce/y.c": SPDX_C + "\t" * 12 + "int y;\n"},
        {"lib/tce/y.c": SPDX_C + "        int y;\n"},
    ],
    "endings": [
        {"lib/tce/y.c": SPDX_C + "int y;"},
        {"lib/tce/y.c": SPDX_C + "int y; \n"},
        {"lib/tce/y.c": SPDX_C + "int y;\r\n"},
        {"doc/y.md": "text\n\n"},
    ],
    "length": [{"lib/tce/y.c": SPDX_C + "int y;\n" * 599}],
    "unfinished": [{"tests/y.py": SPDX_H + "# TOD" + "O: more\n"}],
    "foreign": [
        {"doc/y.md": "see /wor" + "k/main\n"},
        {"tests/y.py": SPDX_H + "URL = 'deb" + ".debian.org'\n"},
    ],
    "inward": [
        {"doc/y.md": "see issu" + "e 2\n"},
        {"doc/y.md": "this is 1 of" + " 3\n"},
        {"tests/y.py": SPDX_H + "# see ../share" + "d/design.md\n"},
    ],
    "links": [{"doc/y.md": "See [it](nowhere.md).\n"}],
    "function_length": [
        {"lib/tce/y.c": body(60)},
        {"tests/y.py": SPDX_H + "def f():\n" + "    print()\n" * 59},
        {"tests/y.sh": SPDX_H + "f() {\n" + "\techo\n" * 58 + "}\n"},
        {f"lib/tce/y{n}.c": body(21) for n in range(9)},
    ],
    "layers": [
        {"lib/kernel/y.c": SPDX_C + "#include <tce/x.h>\n"},
        {"lib/tce/y.c": SPDX_C + "#include <rte_eal.h>\n"},
        {"lib/tce/y.c": SPDX_C + "#include <linux/pci.h>\n"},
        {"lib/tce/y.c": SPDX_C + "#include <numa.h>\n"},
        {"lib/tce/y.c": SPDX_C + "#include \"../vfio_pci/v.h\"\n", "lib/vfio_pci/v.h": SPDX_C},
        {"lib/tce/y.c": SPDX_C + "#include \"v.h\"\n", "lib/vfio_pci/v.h": SPDX_C},
        {"lib/eal/y.c": SPDX_C + "#include \"drivers/x/a.h\"\n", "drivers/x/a.h": SPDX_C},
        {"lib/eal/y.c": SPDX_C + "#include <linux/vfio.h>\n"},
        {"app/tce/y.c": SPDX_C + "#include <rte_eal.h>\n"},
        {"examples/y.c": SPDX_C + "#include \"kernel/kernel.h\"\n"},
    ],
    "ioctls": [
        {"lib/tce/y.c": SPDX_C + "int f(void)\n{\n\treturn ioctl(0, 0);\n}\n"},
        {"drivers/attach/y.c": SPDX_C + "int f(void)\n{\n\treturn syscall(SYS_ioctl, 0, 0);\n}\n"},
    ],
    "quiet": [
        {"lib/eal/y.c": SPDX_C + f"void f(void)\n{{\n\t{call}(1);\n}}\n"}
        for call in rules_code.LOUD_CALLS
    ] + [
        {"drivers/attach/y.c": SPDX_C + f"FILE *f = {name};\n"} for name in rules_code.LOUD_NAMES
    ],
    "clang_format": [{"lib/tce/y.c": SPDX_C + "int  y;\n"}],
    "documents": [
        {"doc/y.md": "call `tce_y()`\n"},
        {"doc/y.md": "see lib/tce/y.c\n"},
        {"README.md": "see (drivers/y)\n"},
    ],
    "public_comments": [
        {"lib/tce/include/tce/x.h": SPDX_C + "int tce_x(int a);\n"},
        {"lib/tce/include/tce/x.h": replaced("/**", "/*")},
        {"lib/tce/include/tce/x.h": replaced("a);", "a);\nint y(int);")},
        {"lib/tce/include/tce/x.h": without("Units")},
        {"lib/tce/include/tce/x.h": without("Owner")},
        {"lib/tce/include/tce/x.h": without("Threads")},
        {"lib/tce/include/tce/x.h": without("Errors")},
        {"lib/tce/include/tce/x.h": replaced(" * Do a thing to a space.\n", "")},
        {"lib/tce/include/tce/x.h": replaced("bytes.", "")},
        {"lib/tce/include/tce/x.h": replaced("-EINVAL", "-EWRONG")},
        {"lib/tce/include/tce/x.h": replaced("-EINVAL  it", "it")},
    ],
}


def write(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        os.chmod(full, 0o755 if text.startswith("#!") else 0o644)


def findings(rule, files, change=None):
    """What the rule finds in a tree of these files, written out and read back."""
    with tempfile.TemporaryDirectory() as root:
        shutil.copy(os.path.join(HERE, "..", "..", ".clang-format"), root)
        write(root, files)
        if change:
            change(root)
        return list(rule(tree.load(root), root))


def cases():
    """(name, passed, diagnostics) of every check."""
    for rule in style.RULES:
        name = rule.__name__
        found = findings(rule, GOOD)
        yield f"{name}: the good tree passes", not found, found
        for n, bad in enumerate(BAD.get(name, []), 1):
            found = findings(rule, {**GOOD, **bad})
            yield f"{name}: bad tree {n} is rejected", bool(found), sorted(bad)
        if name == "executable":
            found = findings(rule, GOOD, lambda root: os.chmod(f"{root}/tool", 0o644))
            yield f"{name}: a script that cannot be run is rejected", bool(found), []
            found = findings(rule, GOOD, lambda root: os.chmod(f"{root}/LICENSE", 0o755))
            yield f"{name}: a text that can be run is rejected", bool(found), []
        else:
            yield f"{name}: has bad trees", bool(BAD.get(name)), []


def main():
    failed = 0
    count = 0
    for count, (name, passed, notes) in enumerate(cases(), 1):
        failed += not passed
        print(f"{'ok' if passed else 'not ok'} {count} - {name}")
        if not passed:
            for note in notes:
                print(f"# {note}")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
