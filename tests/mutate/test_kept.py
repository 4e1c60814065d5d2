#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Verdicts of `make mutate` are kept exactly as long as what they rest on is what it was.
Arguments: the compiler and its flags."""
import os
import subprocess
import sys
import tempfile
import types
import unittest

from kept import JUDGE, Results, Sources

NINJA = """
rule cc
  command = {compiler} {flags} -MD -MF $out.d -c $in -o $out
  depfile = $out.d
  deps = gcc
rule link
  command = {compiler} $in -o $out
build lib.o: cc ../lib.c
"""
PROGRAM = """
build {0}.o: cc ../{0}.c
build {0}: link {0}.o lib.o
"""
FILES = {
    "lib.h": "int lib(void);\n",
    "one.h": "#define ONE 1\n",
    "lib.c": '#include "lib.h"\nint lib(void) { return 0; }\n',
    "one.c": '#include "lib.h"\n#include "one.h"\nint main(void) { return lib() + ONE; }\n',
    "two.c": '#include "lib.h"\nint main(void) { return lib(); }\n',
    "other.h": "",
    JUDGE: "",
}
KILLED = types.SimpleNamespace(path="lib.c", text=b"killed")
LEFT = types.SimpleNamespace(path="lib.c", text=b"survived")


class Kept(unittest.TestCase):
    """Two programs of one library; one of them has killed a mutant, both let another one pass."""

    def setUp(self):
        where = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(where.cleanup)
        self.tree = os.path.realpath(where.name)
        self.build, self.flags = f"{self.tree}/build", ""
        os.mkdir(self.build)
        for path, text in FILES.items():
            self.write(path, text)
        self.env = {"one": {}, "two": {}}
        self.results = self.read()
        self.results.put(KILLED, "killed", "one: a test, one.c:3")
        self.results.put(LEFT, "survived", "")
        self.results.save()

    def write(self, path, text):
        os.makedirs(os.path.dirname(f"{self.tree}/{path}"), exist_ok=True)
        with open(f"{self.tree}/{path}", "w", encoding="utf-8") as f:
            f.write(text)

    def digests(self):
        self.write("build/build.ninja",
                   NINJA.format(compiler=" ".join(sys.argv[1:]), flags=self.flags)
                   + "".join(PROGRAM.format(name) for name in self.env))
        subprocess.run(["ninja", "-C", self.build], stdin=subprocess.DEVNULL, check=True,
                       stdout=subprocess.DEVNULL)
        sources = Sources(self.build, self.tree)
        return {name: sources.digest(f"{self.build}/{name}", [], env)
                for name, env in self.env.items()}

    def read(self):
        return Results(f"{self.build}/results.json", self.digests())

    def expect(self, killed, passed):
        """Is the first mutant still known to be killed; which tests does the second one pass?"""
        found = self.read()
        self.assertEqual(found.get(KILLED), ("killed", "one: a test, one.c:3") if killed else None)
        self.assertEqual(found.killer(KILLED), "one")
        self.assertEqual(found.passed(LEFT), passed)
        self.assertEqual(found.get(LEFT), ("survived", "") if len(passed) == 2 else None)
        self.assertEqual(found.killer(LEFT), "")
        self.assertEqual(found.passed(KILLED), set())

    def test_hanging(self):
        """What did not come to an end may have been short of time: it is not kept."""
        self.results.put(LEFT, "timed out", "one")
        self.results.save()
        found = self.read()
        self.assertEqual((found.get(LEFT), found.passed(LEFT)), (None, set()))

    def test_nothing(self):
        self.expect(True, {"one", "two"})

    def test_what_nothing_is_made_of(self):
        self.write("other.h", "int other;\n")
        self.expect(True, {"one", "two"})

    def test_the_library(self):
        self.write("lib.c", FILES["lib.c"] + "/* */\n")
        self.expect(False, set())

    def test_a_header_of_all(self):
        self.write("lib.h", FILES["lib.h"] + "/* */\n")
        self.expect(False, set())

    def test_the_test_that_killed(self):
        self.write("one.c", FILES["one.c"] + "/* */\n")
        self.expect(False, {"two"})

    def test_its_header(self):
        self.write("one.h", FILES["one.h"] + "/* */\n")
        self.expect(False, {"two"})

    def test_another_test(self):
        self.write("two.c", FILES["two.c"] + "/* */\n")
        self.expect(True, {"one"})

    def test_how_it_is_compiled(self):
        self.flags = "-DX"
        self.expect(False, set())

    def test_how_it_is_called(self):
        self.env["one"] = {"X": "1"}
        self.expect(False, {"two"})

    def test_what_it_loads(self):
        self.env["one"] = {"LIBRARY": f"{self.build}/lib.o"}
        self.results = self.read()
        self.results.put(KILLED, "killed", "one: a test, one.c:3")
        self.results.put(LEFT, "survived", "")
        self.results.save()
        self.expect(True, {"one", "two"})
        self.env["one"] = {"LIBRARY": f"{self.build}/two.o"}
        self.expect(False, {"two"})

    def test_who_judges(self):
        self.write(JUDGE, "# otherwise\n")
        self.expect(False, set())

    def test_a_test_more(self):
        self.env["three"] = {}
        self.write("three.c", FILES["two.c"])
        found = self.read()
        self.assertIsNotNone(found.get(KILLED))
        self.assertIsNone(found.get(LEFT))
        self.assertEqual(found.passed(LEFT), {"one", "two"})

    def test_a_test_less(self):
        del self.env["one"]
        found = self.read()
        self.assertIsNone(found.get(KILLED))
        self.assertIsNone(found.get(LEFT))

    def test_crashed(self):
        self.results.put(LEFT, "crashed", "two: ended with -11")
        self.assertEqual(self.results.get(LEFT), ("crashed", "two: ended with -11"))
        self.assertEqual(self.results.passed(LEFT), set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
