# SPDX-License-Identifier: BSD-3-Clause
"""A mutant on trial: compile the file it changes, link each unit test with it, run them in order.

A mutant is *killed* only by an assertion of a test that fails: cmocka names the test, the file and
the line; a model-checked program tells the step at which the library differs from its shadow. A
test that crashes has asserted nothing, and neither has one that does not come to an end: such
mutants are counted apart, as crashed and as timed out, unless an assertion of another test fails.
That calls come back is asserted by one test (waits.c), for the calls that it makes. A test that
only tells how the child in which another part ran has ended ("ended with") does not count.
"""
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import threading

import coverage
from explain import TREE

BUILD = f"{TREE}/build/mutate"
SETUP = ["-Ddpdk=disabled", "--buildtype=plain", "-Dwerror=false", "-Dwarning_level=0",
         "-Db_pie=false", "-Dc_args=-O0 -w"]
CPU_SECONDS, WALL_SECONDS = 1, 20
SLOW = 4.0  # a test that takes longer would be asked too often
HANGS = 3  # tests that do not come to an end, before a mutant is given up
MEMORY = 4 << 30

# An assertion that failed, or how the child ended in which a part of a test ran: what a line has of
# both, in its order.
EVENT = re.compile(r"(\S+\.c):(\d+): error: Failure!|ended with (-?\d+)")
RUN = re.compile(r"\[ RUN +\] (\S+)")
DIFFERS = re.compile(r"^difference in (.+)")


def say_failed(argv, p):
    return SystemExit(f"{' '.join(argv[:4])} failed:\n{p.stdout[-3000:]}{p.stderr[-3000:]}")


def run(argv, cwd=TREE):
    p = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       check=False)
    if p.returncode:
        raise say_failed(argv, p)
    return p.stdout


class Program:
    """A unit test: how it is linked, run, and how long it takes."""

    def __init__(self, test, command, archive):
        self.name, self.env = test["name"], test["env"]
        self.path = test["cmd"][0]
        self.argv = coverage.PARTS.get(self.name, test["cmd"][1:])
        self.command = command
        self.archive = archive  # the library in it, whose object a mutant replaces
        self.seconds = 60.0  # of a processor, without a mutant
        self.reached = {}  # path: the segments of its text, with counts

    def reaches(self, mutant):
        """Does it execute what a mutant changes? If not, it cannot tell them apart."""
        if not mutant.column:
            return True
        times = 1
        for line, column, count, counted, *_ in self.reached.get(mutant.path, ()):
            if (line, column) > (mutant.line, mutant.column):
                break
            times = count if counted else 1
        return mutant.path in self.reached and times > 0


class Base:
    """The build without a mutant."""

    def __init__(self):
        if not os.path.exists(f"{BUILD}/build.ninja"):
            run(["meson", "setup", *SETUP, BUILD])
        run(["ninja", "-C", BUILD])
        self.compiles = {}  # (archive, path): command
        with open(f"{BUILD}/compile_commands.json", encoding="utf-8") as f:
            for entry in json.load(f):
                archive = entry["output"].partition(".p/")[0]
                # The static library is made of the shared one's objects.
                archive = re.sub(r"\.so[.\d]*$", ".a", archive)
                path = os.path.relpath(os.path.join(BUILD, entry["file"]), TREE)
                self.compiles[archive, os.path.normpath(path)] = entry["command"].split()
        self.programs = self.find_programs()

    def find_programs(self):
        links = {}
        for entry in json.loads(run(["ninja", "-C", BUILD, "-t", "compdb", "c_LINKER"])):
            links[os.path.join(BUILD, entry["output"])] = entry["command"].split()
        programs = []
        for test in coverage.tests_of(BUILD):
            path = test["cmd"][0]
            if path not in links:
                continue
            archives = [w for w in links[path] if w.endswith(".a")
                        and (w, "lib/tce/map.c") in self.compiles]
            if archives and not any(p.path == path for p in programs):
                programs.append(Program(test, links[path], archives[0]))
        if len({p.archive for p in programs}) < 2:
            raise SystemExit("the unit tests and their libraries are not found in build/mutate")
        return programs

    def find_reached(self):
        """Which test executes what, by the build that counts."""
        coverage.configure(os.path.relpath(coverage.BUILD, TREE))
        for program in self.programs:
            twin = program.path.replace(BUILD, coverage.BUILD)
            env = {k: v.replace(BUILD, coverage.BUILD) for k, v in program.env.items()}
            program.reached = {path: f["segments"] for path, f
                               in coverage.reached_by(twin, program.argv, env).items()}

    def time_programs(self):
        """Each program as it is has to pass. The first to be asked is the one that asserts that
        calls come back, then the fastest; the slow ones are not."""
        for program in self.programs:
            begin = used()
            verdict, what = judge(program, program.path)
            program.seconds = used() - begin
            if verdict:
                raise SystemExit(f"{program.name} fails without a mutant: {verdict}, {what}")
        self.programs = sorted((p for p in self.programs if p.seconds < SLOW),
                               key=lambda p: (p.name != "waits", p.seconds))


def used():
    """Seconds of processors that our children took so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def limits(seconds):
    """So that a mutant that loops or eats memory ends."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def stop(p):
    try:
        os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def judge(program, path):
    """Run a test: ("", "") if it passes, else ("killed" | "crashed" | "timed out", by what)."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT", **{
        k: v for k, v in program.env.items() if k != "CMOCKA_MESSAGE_OUTPUT"})
    with subprocess.Popen([path, *program.argv], stdin=subprocess.DEVNULL, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                          preexec_fn=lambda: limits(math.ceil(CPU_SECONDS + 3 * program.seconds)),
                          start_new_session=True) as p:
        slow = threading.Timer(WALL_SECONDS + 5 * program.seconds, stop, [p])
        slow.start()
        try:
            verdict, what = listen(program, p.stdout)
            if not verdict:
                p.wait()
        finally:
            in_time = slow.is_alive()
            slow.cancel()
            stop(p)
    if verdict or p.returncode == 0:
        return verdict, what
    if not in_time or p.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "timed out", program.name
    return "crashed", f"{program.name}: ended with {p.returncode}"


def listen(program, lines):
    """Follow a test's output up to the first assertion that fails, or to its end."""
    test, reports, crash = "", False, ""
    for line in lines:
        started = RUN.search(line)
        if started:
            test, reports = started.group(1), False
        differs = DIFFERS.search(line)
        if differs:
            return "killed", f"{program.name}: {differs.group(1)}"
        for file, number, status in EVENT.findall(line):
            if status:
                reports = True
                if int(status) in (-signal.SIGXCPU, -signal.SIGKILL):
                    return "timed out", f"{program.name}: {test}"
                if int(status) != -signal.SIGABRT:
                    crash = crash or f"{program.name}: {test} ended with {status}"
            elif not reports:
                return "killed", f"{program.name}: {test}, {os.path.basename(file)}:{number}"
            else:
                crash = crash or f"{program.name}: {test}"
                reports = False
    return ("crashed", crash) if crash else ("", "")


class Worker:
    """A folder with a copy of the library, in which one mutant at a time is tried."""

    def __init__(self, base, number):
        self.base = base
        self.where = f"{BUILD}/worker-{number}"
        shutil.rmtree(self.where, ignore_errors=True)
        shutil.copytree(f"{TREE}/lib", f"{self.where}/lib")
        os.makedirs(f"{self.where}/out")

    def compile(self, archive, path):
        """The object of a source file of our copy; None if it does not compile."""
        command = self.base.compiles[archive, path]
        out = f"{self.where}/out/{os.path.basename(archive)}.{os.path.basename(path)}.o"
        argv, skip = [], False
        for i, word in enumerate(command):
            if skip or word in ("-MD", "-MQ", "-MF", "-o", "-c"):
                skip = not skip and word in ("-MQ", "-MF", "-o")
                continue
            flag = "-I" if word.startswith("-I") else ""
            at = os.path.normpath(os.path.join(BUILD, word[len(flag):]))
            ours = i and at.startswith(f"{TREE}/lib/")
            argv.append(f"{flag}{at.replace(TREE, self.where, 1)}" if ours else word)
        p = subprocess.run([*argv, "-c", "-o", out], cwd=BUILD, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
        return out if p.returncode == 0 else None

    def objects(self, archive, paths):
        made = [self.compile(archive, path) for path in paths]
        return None if None in made else made

    def link(self, program, objects):
        out = f"{self.where}/out/{os.path.basename(program.path)}"
        command = list(program.command)
        at = command.index("-o") + 1
        command[at:at + 1] = [out, *objects]
        p = subprocess.run(command, cwd=BUILD, stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, check=False)
        return (out, "") if p.returncode == 0 else (None, p.stderr)

    def affected(self, path):
        """The source files of the library that have to be compiled anew."""
        if path.endswith(".c"):
            return [path]
        return sorted({p for a, p in self.base.compiles if p.startswith("lib/tce/")})

    def try_mutant(self, mutant, first="", passed=()):
        """("killed" | "survived" | "crashed" | "timed out" | "not compiled", by what). The test
        named `first` is asked before the others, those in `passed` are not."""
        with open(f"{self.where}/{mutant.path}", "rb") as f:
            good = f.read()
        try:
            with open(f"{self.where}/{mutant.path}", "wb") as f:
                f.write(mutant.text)
            return self.ask_all(mutant, first, passed)
        finally:
            with open(f"{self.where}/{mutant.path}", "wb") as f:
                f.write(good)

    def ask_all(self, mutant, first, passed):
        paths = self.affected(mutant.path)
        made, hangs, worse = {}, 0, ("survived", "")
        for program in sorted(self.base.programs, key=lambda p: p.name != first):
            if program.name in passed or not program.reaches(mutant):
                continue
            if program.archive not in made:
                made[program.archive] = self.objects(program.archive, paths)
            if made[program.archive] is None:
                return "not compiled", ""
            path, said = self.link(program, made[program.archive])
            if not path:
                return "not compiled", said.strip()[-200:]
            verdict, what = judge(program, path)
            if verdict == "killed":
                return verdict, what
            if verdict:
                worse = verdict, what
            hangs += verdict == "timed out"
            if hangs == HANGS:
                break
        return worse
