# SPDX-License-Identifier: BSD-3-Clause
"""TAP from the guest suites: one point for each thing that was to be shown."""
import contextlib
import sys
import time
import traceback


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

    def end(self):
        """The plan, and the exit status of the suite."""
        print(f"1..{self.points}")
        return 1 if self.failed or not self.points else 0
