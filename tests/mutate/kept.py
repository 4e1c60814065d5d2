# SPDX-License-Identifier: BSD-3-Clause
"""What was found about mutants, kept in the build folder for as long as it is sure to hold.

"Killed" rests on one test: the sources that it is built from (the library's and the model's too),
how it is compiled, linked and called, and trial.py, which judges. While these are what they were,
the verdict is kept, whatever else changes. All other verdicts rest on every test that is asked;
a mutant that survived is tried again by those that changed since. "Timed out" may have been the
host's doing, and is not kept.
"""
import hashlib
import json
import os
import subprocess

from explain import TREE

JUDGE = "tests/mutate/trial.py"


def ninja(build, *argv):
    p = subprocess.run(["ninja", "-C", build, "-t", *argv], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, check=False)
    if p.returncode:
        raise SystemExit(f"ninja -t {' '.join(argv)} failed:\n{p.stdout[-3000:]}{p.stderr[-3000:]}")
    return [line for line in p.stdout.splitlines() if not line.startswith("ninja: ")]


def headers(build):
    """{object: files that it is made of}, as the compiler told ninja."""
    found, files = {}, []
    for line in ninja(build, "deps"):
        if line.startswith(" "):
            files.append(line.strip())
        elif ": #deps " in line:
            files = found.setdefault(line.partition(": #deps ")[0], [])
    return found


class Sources:
    """What the programs of a build are made of. The build has to be up to date."""

    def __init__(self, build, tree=TREE):
        self.build, self.tree = build, tree
        self.headers = headers(build)
        self.texts = {}  # path: digest

    def text(self, path):
        if path not in self.texts:
            with open(path, "rb") as f:
                self.texts[path] = hashlib.sha256(f.read()).hexdigest()
        return self.texts[path]

    def files(self, targets):
        """Every file of the tree that goes into targets."""
        parts = ninja(self.build, "inputs", *targets) + list(targets)
        parts += [h for part in parts for h in self.headers.get(part, ())]
        paths = {os.path.normpath(os.path.join(self.build, part)) for part in parts}
        return sorted(p for p in paths if p.startswith(f"{self.tree}/")
                      and not p.startswith(f"{self.build}/") and os.path.isfile(p))

    def digest(self, path, argv, env):
        """Of all that a program's word rests on. Where the tree lies makes no difference."""
        targets = [os.path.relpath(p, self.build) for p in [path, *env.values()]
                   if p.startswith(f"{self.build}/") and os.path.isfile(p)]
        words = [*argv, *(f"{k}={v}" for k, v in sorted(env.items())),
                 *sorted(ninja(self.build, "commands", *targets))]
        for file in [*self.files(targets), f"{self.tree}/{JUDGE}"]:
            words += [file, self.text(file)]
        text = "\0".join(words).replace(self.tree, "")
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class Results:
    """{mutant: [verdict, by what, {test it rests on: digest of that test's sources}]}."""

    def __init__(self, path, digests):
        """digests: of the sources of each test that is asked, by its name."""
        self.path, self.digests = path, digests
        self.known = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.known = json.load(f)

    @staticmethod
    def name(mutant):
        return f"{mutant.path} {hashlib.sha256(mutant.text).hexdigest()}"

    def rests_on(self, verdict, what):
        if verdict != "killed":
            return self.digests
        return {name: self.digests.get(name, "") for name in [killer(what)]}

    def get(self, mutant):
        """(verdict, by what), if what that rests on is the same as then."""
        verdict, what, then = self.known.get(self.name(mutant), ("", "", None))
        holds = verdict != "timed out" and then == self.rests_on(verdict, what)
        return (verdict, what) if holds else None

    def killer(self, mutant):
        """The test that killed it when it was tried last, whatever changed since; or ""."""
        verdict, what, _ = self.known.get(self.name(mutant), ("", "", {}))
        return killer(what) if verdict == "killed" else ""

    def passed(self, mutant):
        """The tests that it is known to pass: there is no need to ask them again."""
        verdict, _, then = self.known.get(self.name(mutant), ("", "", {}))
        return {name for name, digest in then.items()
                if verdict == "survived" and digest == self.digests.get(name)}

    def put(self, mutant, verdict, what):
        self.known[self.name(mutant)] = [verdict, what, self.rests_on(verdict, what)]

    def save(self):
        with open(f"{self.path}.new", "w", encoding="utf-8") as f:
            json.dump(self.known, f, indent=0)
        os.rename(f"{self.path}.new", self.path)


def killer(what):
    """The name of the test that said what killed a mutant."""
    return what.partition(":")[0]
