# SPDX-License-Identifier: BSD-3-Clause
"""make check: every build, every native test, every guest suite; counts each TAP point.

Builds are in build/NAME (rig_build.py has their list), logs in build/check. The last line is
the verdict.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{TREE}/tests/guest")
from rig_build import BUILDS, TESTED, BuildError, configure  # noqa: E402

LOGS = f"{TREE}/build/check"
SUITE_SECONDS = 900
MINUTES = 15
GUEST_GB = 4
# Guest suites that take longest, first: the last ones to run ought to be short.
LONG = ("restarts", "memory", "conform", "release", "igb", "unit", "attach", "traffic", "refusals",
        "secondary", "lost", "groups", "outside", "nvme", "vf")
running = set()


class Count:
    """TAP points so far."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def add(self, passed, failed, skipped):
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped


def run(argv, log, timeout=None, **env):
    """Run argv with its output in a log; its status. It ends with us, and with all it started."""
    with open(log, "a", encoding="utf-8") as out:
        p = subprocess.Popen(argv, cwd=TREE, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                             env=dict(os.environ, **env), start_new_session=True)
        running.add(p)
        try:
            return p.wait(timeout)
        except subprocess.TimeoutExpired:
            out.write(f"\nBail out! not over after {timeout} s\n")
            return 124
        finally:
            if p.poll() is None:
                end(p)
            running.discard(p)


def end(p):
    """Ask a process to end with its guests, then insist."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(p.pid, sig)
            p.wait(10)
            return
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def say(text):
    print(text, flush=True)


def failures(log):
    """What a reader wants of a log: each failed point with its notes, or else the log's end."""
    with open(log, encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    found, taken = [], 0
    for line in lines:
        if line.startswith("not ok"):
            taken = 15
        taken = max(0, taken - 1) if taken and line.startswith(("not ok", "#")) else 0
        found += [line] if taken else []
    return "\n".join(f"    {line}" for line in (found or lines[-30:])[:200])


def build(name):
    """Bring one build up to date; True if it is."""
    begin, log = time.monotonic(), f"{LOGS}/{name}.build.log"
    with open(log, "w", encoding="utf-8") as out:
        try:
            out.write(configure(f"build/{name}"))
            said = ""
        except BuildError as e:
            said = "".join(f"    {line}\n" for line in str(e).splitlines())
            out.write(str(e))
    say(f"{'FAIL' if said else 'ok  '}  build {name}: {time.monotonic() - begin:.0f} s\n{said}"
        .rstrip())
    return not said


def native_tests(name, count):
    """meson test; its JUnit file has one testcase for each TAP point."""
    where, log = f"{TREE}/build/{name}", f"{LOGS}/{name}.test.log"
    begin = time.monotonic()
    result = f"{where}/meson-logs/testlog.junit.xml"
    full = f"{where}/meson-logs/testlog.txt"
    for old in (result, full, log):
        if os.path.exists(old):
            os.unlink(old)
    suite = ["--suite", TESTED[name]] if TESTED[name] else []
    status = run(["meson", "test", "-C", where, "--no-rebuild", "--print-errorlogs", *suite], log,
                 SUITE_SECONDS, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
                 CMOCKA_MESSAGE_OUTPUT="TAP")
    passed = failed = skipped = 0
    if os.path.exists(result):
        for case in xml.etree.ElementTree.parse(result).iter("testcase"):
            kinds = {child.tag for child in case}
            failed += bool(kinds & {"failure", "error"})
            skipped += "skipped" in kinds
            passed += not kinds & {"failure", "error", "skipped"}
    if status and not failed:
        failed = 1
    finish(f"tests {name}", begin, full if os.path.exists(full) else log,
           (passed, failed, skipped), count)


def finish(what, begin, log, points, count):
    passed, failed, skipped = points
    count.add(*points)
    say(f"{'FAIL' if failed else 'ok  '}  {what}: {passed} passed, {failed} failed, {skipped} "
        f"skipped, {time.monotonic() - begin:.0f} s")
    if failed:
        say(f"{failures(log)}\n    (all of it: {os.path.relpath(log, TREE)})")


def longest_first(path):
    """Sort key of a guest suite."""
    name = os.path.basename(path)[:-3]
    return LONG.index(name) if name in LONG else len(LONG), name


def read_tap(text):
    """(passed, failed, skipped) of a TAP stream; a broken stream has a failed point more."""
    points = re.findall(r"^(not )?ok\b([^\n]*)", text, re.M)
    failed = sum(1 for no, _ in points if no)
    skipped = sum(1 for no, rest in points if not no and re.search(r"#\s*skip", rest, re.I))
    plan = re.search(r"^1\.\.(\d+)", text, re.M)
    whole = plan and int(plan.group(1)) == len(points) and not re.search(r"^Bail out!", text, re.M)
    return len(points) - failed - skipped, failed + (not whole), skipped


def tap_suite(what, path, count):
    """A program of this tree whose output is TAP."""
    name = os.path.basename(path)[:-3]
    log = f"{LOGS}/{name}.tap"
    begin = time.monotonic()
    if os.path.exists(log):
        os.unlink(log)
    status = run([sys.executable, "-B", path], log, SUITE_SECONDS, LIBTCE_NO_BUILD="1",
                 PYTHONPATH=f"{TREE}/tests/guest")
    with open(log, encoding="utf-8", errors="replace") as f:
        points = read_tap(f.read())
    if status and not points[1]:
        points = (points[0], 1, points[2])
    finish(f"{what} {name}", begin, log, points, count)


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build-only", action="store_true")
    p.add_argument("--only", action="append", default=[], metavar="NAME",
                   help="only this build or suite")
    p.add_argument("--jobs", type=int, default=guests_at_a_time(), metavar="N",
                   help="guest suites at a time (default here: %(default)s)")
    return p.parse_args()


def guests_at_a_time():
    """One more than there are processors, as a guest waits for half of its time; three at most,
    and no more than there is memory for."""
    with open("/proc/meminfo", encoding="ascii") as f:
        free = int(re.search(r"MemAvailable:\s*(\d+) kB", f.read()).group(1)) >> 20
    return max(1, min(3, (os.cpu_count() or 1) + 1, free // GUEST_GB))


NEEDS = """\
libtce check: {builds} builds, native tests, {suites} guest suites, {jobs} at a time
  needs   nothing more to download; about 1 GB of disk in build/; {memory} of memory
  time    about {minutes} minutes on 2 cores; all processors are used
  detail  {logs}"""


def announce(a, suites):
    say(NEEDS.format(builds=len(BUILDS), suites=len(suites), jobs=a.jobs, minutes=MINUTES,
                     memory=f"{GUEST_GB * a.jobs} GB" if suites else "2 GB",
                     logs=os.path.relpath(LOGS, TREE)))


def check(a, count):
    """All that was asked for; False if a build failed."""
    def wanted(name):
        return not a.only or name in a.only

    suites = [] if os.environ.get("GUESTS") == "no" else [
        p for p in sorted(glob.glob(f"{TREE}/tests/guest/suites/*.py"), key=longest_first)
        if wanted(os.path.basename(p)[:-3])]
    if not a.build_only:
        announce(a, suites)
    built = [build(name) for name in BUILDS if wanted(name)]
    count.add(0, built.count(False), 0)
    if a.build_only or not all(built):
        return all(built)
    for name in TESTED:
        if wanted(name):
            native_tests(name, count)
    if wanted("coverage"):
        tap_suite("suite", f"{TREE}/tests/mutate/coverage.py", count)
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        list(pool.map(lambda path: tap_suite("guest suite", path, count), suites))
    return True


def main():
    a, count, begin = options(), Count(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(LOGS, exist_ok=True)
    try:
        whole = check(a, count)
    finally:
        for p in list(running):
            end(p)
    if a.build_only:
        return 0 if whole else 1
    say(f"{time.monotonic() - begin:.0f} s in all"
        + ("" if whole else "; a build failed, so nothing was run"))
    say(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped"
        + (" (guests left out: GUESTS=no)" if os.environ.get("GUESTS") == "no" else ""))
    return 1 if count.failed or not whole else 0


try:
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit("check: interrupted")
