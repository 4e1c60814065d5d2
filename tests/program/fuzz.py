#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run libFuzzer on a subject for so many seconds, from the corpus of the tree.

    fuzz.py FUZZ SUBJECT SECONDS [--merge]

FUZZ is the build's program. With --merge some of what was found goes into the corpus. Prints TAP.
"""
import glob
import os
import random
import re
import subprocess
import sys
import tempfile

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fuzz/corpus")
KEPT = 48  # programs of a subject at most, short ones and long ones


def run(fuzz, subject, *args):
    return subprocess.run([fuzz, "-max_len=512", "-len_control=0", "-seed=1",
                           "-print_final_stats=1", *args],
                          capture_output=True, text=True, errors="replace", check=False,
                          env=dict(os.environ, SUBJECT=subject))


def read_corpus(subject, folder):
    """Each line of the tree's file is a program; libFuzzer wants each in a file. How many."""
    with open(f"{CORPUS}/{subject}.hex", encoding="ascii") as f:
        programs = [bytes.fromhex(line) for line in f]
    # From nothing libFuzzer would be long in coming to programs that get anywhere.
    dice = random.Random(subject)
    programs += [dice.randbytes(8 * 64) for _ in range(32)]
    for n, program in enumerate(programs):
        with open(f"{folder}/{n}", "wb") as f:
            f.write(program)
    return len(programs)


def keep(fuzz, subject, found, corpus):
    """The smallest set of what was found and of what was there."""
    with tempfile.TemporaryDirectory() as less:
        run(fuzz, subject, "-merge=1", less, found, corpus)
        programs = set()
        for path in glob.glob(f"{less}/*"):
            with open(path, "rb") as f:
                programs.add(f.read().hex())
    programs = sorted(programs, key=lambda p: (len(p), p))
    with open(f"{CORPUS}/{subject}.hex", "w", encoding="ascii") as f:
        f.writelines(f"{p}\n" for p in programs[::len(programs) // KEPT + 1])


def main(fuzz, subject, seconds, *options):
    print("1..1")
    with tempfile.TemporaryDirectory() as found, tempfile.TemporaryDirectory() as corpus:
        there = read_corpus(subject, corpus)
        r = run(fuzz, subject, f"-max_total_time={seconds}", f"-artifact_prefix={found}/bad-",
                found, corpus)
        stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", r.stderr))
        inputs = int(stats.get("number_of_executed_units", 0))
        good = r.returncode == 0 and inputs > there
        print(f"# {inputs} programs, {stats.get('new_units_added', '?')} of them new")
        if not good:
            print("\n".join(f"# {line}" for line in r.stderr.splitlines()[-60:]))
        for path in glob.glob(f"{found}/bad-*"):
            with open(path, "rb") as f:
                print(f"# the program, for the corpus: {f.read().hex()}")
        if good and "--merge" in options:
            keep(fuzz, subject, found, corpus)
    print(f"{'ok' if good else 'not ok'} 1 - libFuzzer on the {subject}, {seconds} s")
    return 0 if good else 1


sys.exit(main(*sys.argv[1:]))
