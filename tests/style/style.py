#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hold a source tree against the rules of style. Usage: style.py TREE. Prints TAP."""
import sys

import rules_api
import rules_code
import rules_text
import tree

RULES = rules_text.RULES + rules_code.RULES + rules_api.RULES


def main(root):
    files = tree.load(root)
    if not any(f.is_source() for f in files.values()):
        print(f"Bail out! no sources in {root}")
        return 1
    failed = 0
    print(f"1..{len(RULES)}")
    for n, rule in enumerate(RULES, 1):
        findings = list(rule(files, root))
        failed += bool(findings)
        print(f"{'not ok' if findings else 'ok'} {n} - {rule.__doc__}")
        for finding in findings:
            print(f"# {finding}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
