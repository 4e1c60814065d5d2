# SPDX-License-Identifier: BSD-3-Clause
"""TAP from the guest suites: one point for each thing that was to be shown."""
import contextlib
import re
import sys
import time
import traceback


POINT = re.compile(r"^(not )?ok \d+(?: - )?(.*)$", re.M)
PLAN = re.compile(r"^1\.\.(\d+)", re.M)


class Failure(Exception):
    """A point does not hold; the text says what was seen."""


def want(holds, text):
    """Fail the point that is being shown, unless this holds."""
    if not holds:
        raise Failure(text)


def equal(seen, wanted, what):
    want(seen == wanted, f"{what}: {seen!r}, wanted {wanted!r}")


class Tap:
    """The points of one suite, numbered and printed as they come."""

    def __init__(self):
        self.points = self.failed = 0

    def _line(self, holds, name, diagnosis=""):
        self.points += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.points} - {name}")
        self.note(diagnosis)

    def note(self, text):
        """Measured figures and diagnoses, for the reader."""
        for line in text.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    @contextlib.contextmanager
    def point(self, name):
        """What is shown inside either holds to its end, or is a failed point; the suite goes on."""
        begin = time.monotonic()
        try:
            yield
        except Exception as error:  # pylint: disable=broad-except
            trace = "" if isinstance(error, Failure) else traceback.format_exc(limit=-3)
            self._line(False, name, f"{type(error).__name__}: {error}\n{trace}")
        else:
            self._line(True, name, f"{time.monotonic() - begin:.1f} s")

    def program(self, name, out, status, more=""):
        """Every point of a program that speaks TAP is one of ours; a broken run is a failure."""
        points, plan = POINT.findall(out), PLAN.search(out)
        for no, what in points:
            with self.point(f"{name}: {what}"):
                want(not no, (out + more)[-3000:])
        want(status == 0 or any(no for no, _ in points), f"status {status}\n{(out + more)[-3000:]}")
        want(plan and int(plan.group(1)) == len(points), f"no whole TAP\n{(out + more)[-3000:]}")

    def end(self):
        """The plan, and the exit status of the suite."""
        print(f"1..{self.points}")
        return 1 if self.failed or not self.points else 0
