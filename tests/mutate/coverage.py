#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Coverage of lib/tce by its unit tests: the build `coverage`, counted by clang where each operand
of a condition has a place of its own.

Two figures are asserted: lines, and *branches that handle errors*. Such a branch is an outcome,
true or false, of an operand of a condition, by one of these rules, which syntax.py applies:

  1. It decides by itself that an if or a ?: comes to an error: to a call of tce_fail(), a negative
     errno, a call of a function that returns nothing else, or the return of an int named ret,
     result or err. (Of `if (a && b) return -EINVAL;` that is b, true; of `a || b` both, true.)
  2. It is the non-zero outcome of an int named ret, result or err, or of a call that returns 0 or
     an errno: something has failed, and what follows is done or left for that.
  3. It is the outcome NULL of what an allocation gave.

The report is in build/coverage/report: index.html with each line's and each branch's count,
lines.txt, errors.txt with each branch that handles an error and how often it was taken.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

from explain import TREE
from syntax import ALLOCATES, Errors, Kind, LIBRARY, strip, units

sys.path.insert(0, f"{TREE}/tests/guest")
from rig_build import configure  # noqa: E402

BUILD = f"{TREE}/build/coverage"
REPORT = f"{BUILD}/report"
LINES, ERRORS = 95.0, 90.0
# Of long tests a part: shorter programs; each 25th profile.
PARTS = {"program": ["test", "200"], "faults": ["25"]}


def run(argv, **more):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                       **more)
    if p.returncode:
        raise SystemExit(f"Bail out! {' '.join(argv[:3])} failed:\n" + p.stdout[-4000:] + p.stderr)
    return p.stdout


def tests_of(build):
    """The tests of lib/tce, as Meson knows them: unit tests, and model-checked programs."""
    tests = json.loads(run(["meson", "introspect", "--tests", build]))
    return [t for t in tests if "/tests/unit/" in t["cmd"][0] or t["name"] == "program"]


def collect():
    """Run the unit tests; the profile of them all."""
    raw = f"{BUILD}/profile"
    shutil.rmtree(raw, ignore_errors=True)
    os.makedirs(raw)
    configure(os.path.relpath(BUILD, TREE))
    # %c: counters are the file's pages, so that what a killed process did counts too, and what its
    # children did, with no word at their end.
    for test in tests_of(BUILD):
        run([test["cmd"][0], *PARTS.get(test["name"], test["cmd"][1:])],
            env=dict(os.environ, LLVM_PROFILE_FILE=f"{raw}/%p%c.profraw", **test["env"]))
    run(["llvm-profdata", "merge", "-o", f"{raw}/all", *glob.glob(f"{raw}/*.profraw")])
    return f"{raw}/all"


def question(profile):
    """What each command of llvm-cov is asked about."""
    return [f"{BUILD}/lib/tce/libtce.so", "-instr-profile", profile,
            "-ignore-filename-regex=lib/(kernel|vfio_pci)/"]


def counts(profile):
    """{path: what llvm-cov says of it}, for lib/tce."""
    data = json.loads(run(["llvm-cov", "export", *question(profile)]))["data"][0]
    files = {os.path.relpath(os.path.realpath(f["filename"]), TREE): f for f in data["files"]}
    return {path: f for path, f in files.items() if path.startswith(LIBRARY)}


def reached_by(program, argv, env):
    """What one unit test reaches: as counts()."""
    raw = f"{BUILD}/profile-{os.path.basename(program)}"
    shutil.rmtree(raw, ignore_errors=True)
    os.makedirs(raw)
    run([program, *argv], env=dict(os.environ, LLVM_PROFILE_FILE=f"{raw}/%p%c.profraw", **env))
    run(["llvm-profdata", "merge", "-o", f"{raw}/all", *glob.glob(f"{raw}/*.profraw")])
    return counts(f"{raw}/all")


def export(profile):
    """counts(), and the reports for people."""
    what = question(profile)
    shutil.rmtree(REPORT, ignore_errors=True)
    run(["llvm-cov", "show", "-format=html", "-show-branches=count", f"-output-dir={REPORT}",
         *what])
    with open(f"{REPORT}/lines.txt", "w", encoding="utf-8") as f:
        f.write(run(["llvm-cov", "report", *what]))
    return counts(profile)


def missed_lines(file):
    """Lines that were never executed, from the segments of an export."""
    missed, at = set(), None
    for line, _, count, counted, *_ in file["segments"]:
        if at is not None:
            missed.update(range(at, line))
        at = line if counted and not count else None
    return missed


class Branches:
    """The branches that handle errors, found in the source."""

    def __init__(self, every_unit):
        self.errors = Errors(every_unit)
        self.found = {}  # (path, line, column): (outcomes, function, text)
        for unit in every_unit:
            for path, function in unit.functions():
                self.given = set()
                self.walk(unit, path, function, function)

    def note(self, unit, path, function, operand, outcome):
        at = (path, operand.extent.start.line, operand.extent.start.column)
        old = self.found.setdefault(at, (set(), function.spelling, unit.source(operand)))
        old[0].add(outcome)

    def walk(self, unit, path, function, cursor):
        """Rules 1 to 3 on an expression or statement and on all in it."""
        children = list(cursor.get_children())
        if cursor.kind in (Kind.IF_STMT, Kind.CONDITIONAL_OPERATOR) and not unit.in_macro(cursor):
            for outcome, side in zip((True, False), children[1:]):
                if self.errors.ends_in_error(unit, side):
                    for operand, decides in unit.deciders(children[0], outcome):
                        self.note(unit, path, function, operand, decides)
        self.note_given(unit, cursor, children)
        if not unit.in_macro(cursor):
            self.ask(unit, path, function, cursor)
        for child in children:
            self.walk(unit, path, function, child)

    def note_given(self, unit, cursor, children):
        """Remember what was given by an allocation."""
        name = ""
        if cursor.kind == Kind.VAR_DECL and children:
            name, value = cursor.spelling, strip(children[-1])
        elif cursor.kind == Kind.BINARY_OPERATOR and unit.operator(cursor) == "=":
            name, value = unit.source(children[0]), strip(children[1])
        if name and value.kind == Kind.CSTYLE_CAST_EXPR:
            value = strip(list(value.get_children())[-1])
        if name and value.kind == Kind.CALL_EXPR and ALLOCATES.match(value.spelling):
            self.given.add(name)

    def ask(self, unit, path, function, cursor):
        """Rules 2 and 3, where the expression is an operand by itself: whether it is one, the
        counts will say."""
        outcome, core = True, strip(cursor)
        if unit.logic(cursor) == "!":
            core, outcome = strip(next(core.get_children())), False
        if self.errors.may_be_error(unit, core):
            self.note(unit, path, function, cursor, outcome)
        elif core.kind in (Kind.DECL_REF_EXPR, Kind.MEMBER_REF_EXPR) \
                and unit.source(core) in self.given:
            self.note(unit, path, function, cursor, not outcome)


def counted(branches, files):
    """(path, line, text, outcome, times, function) of each branch that handles an error."""
    for path, file in sorted(files.items()):
        for line, column, _, _, true, false, *_ in sorted(file["branches"]):
            outcomes, function, text = branches.found.get((path, line, column), ((), "", ""))
            for outcome in outcomes:
                yield path, line, text, outcome, true if outcome else false, function


def figure(part, whole):
    return 100.0 * part / whole if whole else 0.0


def main():
    files = export(collect())
    branches = list(counted(Branches(list(units(BUILD))), files))
    never = [b for b in branches if not b[4]]
    with open(f"{REPORT}/errors.txt", "w", encoding="utf-8") as f:
        for path, line, text, outcome, times, function in branches:
            f.write(f"{times:9} {path}:{line}: {function}(): {text} {str(outcome).lower()}\n")
    total = sum(f["summary"]["lines"]["count"] for f in files.values())
    hit = sum(f["summary"]["lines"]["covered"] for f in files.values())
    results = [(figure(hit, total), LINES, f"{hit} of {total} lines of lib/tce were executed"),
               (figure(len(branches) - len(never), len(branches)), ERRORS,
                f"{len(branches) - len(never)} of {len(branches)} branches of lib/tce that handle "
                "errors were taken")]
    print(f"1..{len(results)}")
    for n, (value, bound, what) in enumerate(results, 1):
        print(f"{'ok' if value >= bound else 'not ok'} {n} - {what}: {value:.1f} %, {bound:.0f} "
              "wanted")
    for path, file in sorted(files.items()):
        missed = missed_lines(file)
        if missed:
            print(f"# never executed: {path}:{','.join(map(str, sorted(missed)))}")
    for path, line, text, outcome, _, function in never:
        print(f"# never {str(outcome).lower()}: {path}:{line}: {function}(): "
              + " ".join(text.split()))
    print(f"# the report: {os.path.relpath(REPORT, TREE)}/index.html")
    return 0 if all(value >= bound for value, bound, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
