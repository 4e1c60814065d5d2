#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""make mutate: is each guard of lib/tce held by a test, and each comparison and error return?

Every mutant (guards.py, mutants.py) is compiled and tried by the unit tests (trial.py). The table
is in build/mutate/report.txt. What was found is kept for as long as it is sure to hold (kept.py). A
mutant that no assertion kills is listed, and the end is not 0, unless tests/mutate/explained says
why it cannot be told from the library: by its file and function, its lines as they are and as they
become, and one line of reason. An explanation of a mutant that there is no more is an error, too.
"""
import argparse
import collections
import concurrent.futures
import os
import queue
import random
import sys
import time

import guards
import mutants
from explain import TREE, explained
from kept import Results, Sources
from trial import BUILD, Base, Worker

VERDICTS = ("killed", "survived", "crashed", "timed out", "not compiled")


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--file", action="append", metavar="NAME",
                   help="only mutants of this file, as table.c; may be repeated")
    p.add_argument("--sample", type=int, metavar="N", help="only N of them, picked at random")
    p.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    p.add_argument("--guards", action="store_true", help="only the table of guards")
    p.add_argument("--left", action="store_true", help="only what was not killed the last time")
    p.add_argument("--minutes", type=float, metavar="N", help="end after N minutes; a later run "
                   "goes on from there")
    p.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                   help="how many at a time (default: one for each processor)")
    return p.parse_args()


def choose(a, results):
    """The mutants that were asked for."""
    found = guards.find(a.file)
    if not a.guards:
        found += mutants.find(BUILD, a.file)
    if a.left:
        found = [m for m in found if not results.killer(m)]
    if a.sample and a.sample < len(found):
        found = random.Random(a.seed).sample(found, a.sample)
    return found


def try_all(a, found, results, base):
    """{mutant: (verdict, by what)} of each; those tried before are not tried again."""
    verdicts, todo = {}, []
    for m in found:
        known = results.get(m)
        if known:
            verdicts[m] = known
        else:
            todo.append(m)
    print(f"{len(found)} mutants, {len(todo)} of them to be tried, by {len(base.programs)} tests, "
          f"{a.jobs} at a time", flush=True)
    workers = queue.Queue()
    for number in range(a.jobs):
        workers.put(Worker(base, number))
    begin = time.monotonic()

    def attempt(mutant):
        if a.minutes and time.monotonic() - begin > 60 * a.minutes:
            return mutant, None
        worker = workers.get()
        try:
            return mutant, worker.try_mutant(mutant, results.killer(mutant),
                                             results.passed(mutant))
        finally:
            workers.put(worker)

    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        tries = [pool.submit(attempt, mutant) for mutant in todo]
        for n, done in enumerate(concurrent.futures.as_completed(tries), 1):
            mutant, verdict = done.result()
            if not verdict:
                continue
            verdicts[mutant] = verdict
            results.put(mutant, *verdict)
            if n % 25 == 0 or n == len(todo):
                results.save()
                print(f"  {n} of {len(todo)}, {time.monotonic() - begin:.0f} s", flush=True)
    results.save()
    return verdicts


def table(verdicts):
    """Counts by file and verdict."""
    files = collections.defaultdict(collections.Counter)
    for m, (verdict, _) in verdicts.items():
        files["the guards" if m.kind == "guard" else m.path][verdict] += 1
        files["all"][verdict] += 1
    lines = ["{:28}".format("file") + "".join(f"{v:>14}" for v in VERDICTS)]
    for name in sorted(files, key=lambda n: (n == "all", n != "the guards", n)):
        lines.append(f"{name:28}" + "".join(f"{files[name][v]:14}" for v in VERDICTS))
    return lines


def report(a, found, verdicts, why):
    """Write the report; what of it is wrong."""
    left = [m for m in verdicts if verdicts[m][0] in ("survived", "crashed", "timed out")]
    unexplained = [m for m in left if m.key() not in why]
    lines = table(verdicts) + [""]
    for m in sorted(left, key=lambda m: (m.path, m.line, m.new)):
        verdict, what = verdicts[m]
        lines.append(f"{verdict}{': ' + what if what else ''}  {m.path}:{m.line} ({m.kind})")
        lines += [str(m).rstrip(), f"\twhy: {why[m.key()]}" if m.key() in why
                  else "\tnot explained", ""]
    for m in sorted((m for m in verdicts if verdicts[m][0] == "not compiled"),
                    key=lambda m: (m.path, m.line)):
        lines += [f"not compiled: {m.path}:{m.line}", str(m).rstrip(), ""]
    killed = [f"{m.path}:{m.line} ({m.kind}) {m.old if m.kind == 'guard' else m.new}: "
              f"{verdicts[m][1]}" for m in verdicts if verdicts[m][0] == "killed"]
    with open(f"{BUILD}/report.txt", "w", encoding="utf-8") as f:
        f.write("\n".join(lines + ["killed, by which test and assertion:", *killed]) + "\n")
    print("\n".join(lines if len(unexplained) < 200 else lines[:60]))
    wrong = []
    if unexplained:
        wrong.append(f"{len(unexplained)} mutants are neither killed by an assertion nor explained")
    if len(verdicts) < len(found):
        wrong.append(f"{len(found) - len(verdicts)} were not tried: the time was over")
    if not (a.file or a.sample or a.guards or a.left):
        keys = {m.key() for m in found}
        for key in why:
            if key not in keys:
                wrong.append(f"tests/mutate/explained: there is no such mutant any more: {key[0]} "
                             f"{key[1]}: {key[2]}")
    return wrong


def main():
    a, why = options(), explained()
    base = Base()
    base.time_programs()
    sources = Sources(BUILD)
    results = Results(f"{BUILD}/results.json", {p.name: sources.digest(p.path, p.argv, p.env)
                                                for p in base.programs})
    found = choose(a, results)
    base.find_reached()
    verdicts = try_all(a, found, results, base)
    wrong = report(a, found, verdicts, why)
    for line in wrong:
        print(line)
    print(f"{sum(v[0] == 'killed' for v in verdicts.values())} of {len(found)} killed; the report: "
          f"{os.path.relpath(BUILD, TREE)}/report.txt")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except guards.GuardError as e:
        sys.exit(f"mutate: {e}")
    except KeyboardInterrupt:
        sys.exit("mutate: interrupted; what was tried is kept")
