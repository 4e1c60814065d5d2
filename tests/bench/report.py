# SPDX-License-Identifier: BSD-3-Clause
"""How a part of the bench says what it measured.

A part is a module of this folder, listed in bench.py, with one function:

    def run(report, small):

It measures, and tells the report in sections. A section is one table and, if its rows have
numbers for a heading, one plot:

    s = report.section("testpmd io, two ports on one hub, 64-byte frames",
                       unit="instructions/packet", axis="burst",
                       place=place(guest), command="dpdk-testpmd ... (as it was run)")
    s.goal("DPDK igb", 0.35)                         # ours at most 0.35 of that peer, in every row
    s.row(32, {"net_tce_igb": 91.0, "DPDK igb": 260.2})

The first name of a row is what this tree has, the others are its peers, measured in the same run.
A value that does not exist is left out or None. A goal may name a row (at=32) or be a limit of its
own (s.limit(3.0)). Nothing fails for a goal that is missed: the table says so.

`small` is None, or a guest in which the part does the least that runs all of its code: its figures
mean nothing then. bench.py has what is in that guest.
"""
import glob
import json
import math
import os
import re
import shutil
import subprocess


class Section:
    """One table; see the module's text."""

    def __init__(self, title, unit, axis, place, command):
        self.title, self.unit, self.axis = title, unit, axis
        self.place, self.command = place, command
        self.rows = []
        self.goals = []
        self.notes = []

    def row(self, head, values):
        """One line: head is a number of the axis, or a text."""
        self.rows.append((head, {k: v for k, v in values.items() if v is not None}))

    def goal(self, peer, most, at=None):
        """What this tree has is wanted to be at most `most` of the peer's."""
        self.goals.append((peer, most, at))

    def limit(self, most, at=None):
        """What this tree has is wanted to be at most this."""
        self.goals.append((None, most, at))

    def note(self, text):
        self.notes.append(text)

    def names(self):
        """Every column, ours first."""
        return list(dict.fromkeys(name for _, values in self.rows for name in values))

    def verdicts(self, head, values):
        """What the goals say of one row."""
        name, ours = next(iter(values.items()), (None, None))
        said = []
        for peer, most, at in self.goals:
            if at not in (None, head) or name in (None, peer) or (peer and peer not in values):
                continue
            seen = ours / values[peer] if peer else ours
            said.append(f"{figure(seen)}{f' of {peer}' if peer else ''}, wanted {most:g}: "
                        f"{'met' if seen <= most else 'NOT MET'}")
        return "; ".join(said)


def figure(value):
    """A number as a reader wants it: four digits that count."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.{3 - math.floor(math.log10(abs(value)))}f}"


def columns(rows):
    """Text in columns: the first and last to the left, numbers to the right."""
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    last = len(width) - 1
    return [" ".join(cell.ljust(width[i]) if i in (0, last) else " " + cell.rjust(width[i])
                     for i, cell in enumerate(row)).rstrip() for row in rows]


class Report:
    """All sections of one run, and what is made of them."""

    def __init__(self, small=False):
        self.sections = []
        self.small = small

    def section(self, title, unit, axis, place, command):
        """Begin a table; see the module's text."""
        self.sections.append(Section(title, unit, axis, place, command))
        return self.sections[-1]

    def text(self):
        """The table."""
        lines = ["The smallest form: these figures mean nothing.", ""] if self.small else []
        for s in (s for s in self.sections if s.rows):
            names = s.names()
            rows = [[s.axis, *names, "goal" if s.goals else ""]]
            rows += [[str(head), *(figure(values.get(n)) for n in names), s.verdicts(head, values)]
                     for head, values in s.rows]
            lines += [f"{s.title} [{s.unit}]", f"  where:   {s.place}", f"  command: {s.command}"]
            lines += ["  " + line for line in columns(rows)]
            lines += [f"  note: {note}" for note in s.notes] + [""]
        return "\n".join(lines)

    def write(self, into):
        """table.txt, figures.json and, where gnuplot is, plots.svg; the paths."""
        os.makedirs(into, exist_ok=True)
        with open(f"{into}/table.txt", "w", encoding="utf-8") as f:
            f.write(self.text())
        with open(f"{into}/figures.json", "w", encoding="utf-8") as f:
            json.dump([vars(s) for s in self.sections], f, indent=1)
        return [f"{into}/table.txt", *self._plot(into)]

    def _plot(self, into):
        drawn = [s for s in self.sections
                 if len(s.rows) > 1 and all(isinstance(h, (int, float)) for h, _ in s.rows)]
        with open(f"{into}/plots.gp", "w", encoding="utf-8") as f:
            f.write(script(drawn, f"{into}/plots.svg"))
        if not drawn or not shutil.which("gnuplot"):
            return []
        subprocess.run(["gnuplot", f"{into}/plots.gp"], check=True)
        return [f"{into}/plots.svg"]


def script(sections, svg):
    """One page of plots, two beside each other, for gnuplot."""
    height = (len(sections) + 1) // 2
    lines = [f"set terminal svg size 1200,{max(1, height) * 420} font 'sans,12' background 'white'",
             f"set output '{svg}'", "set key outside below", "set grid", "set logscale xy",
             f"set multiplot layout {max(1, height)},2"]
    for i, s in enumerate(sections):
        names = s.names()
        lines.append(f"$d{i} << end")
        for head, values in s.rows:
            # A logarithmic axis has no 0.
            lines.append(" ".join([str(head), *(str(values.get(n) or "NaN") for n in names)]))
        lines += ["end", f"set title {quoted(s.title)} noenhanced",
                  f"set xlabel {quoted(s.axis)} noenhanced",
                  f"set ylabel {quoted(s.unit)} noenhanced",
                  "plot " + ", ".join(f"$d{i} using 1:{c + 2} with linespoints title "
                                      f"{quoted(n)} noenhanced" for c, n in enumerate(names))]
    return "\n".join([*lines, "unset multiplot", ""])


def quoted(text):
    """A string of gnuplot's."""
    return "'" + text.replace("'", "''") + "'"


def guest_program(guest, name):
    """Put a program of tests/bench into a guest; its path there."""
    # pylint: disable=import-outside-toplevel
    from rig import built
    guest.put(built(f"tests/bench/{name}"), f"/usr/local/bin/{name}")
    return f"/usr/local/bin/{name}"


def run_native(name, *args):
    """Run a program of tests/bench on this host; what it printed."""
    # pylint: disable=import-outside-toplevel
    from rig import TREE
    from rig_setup import cache_dir
    libraries = {os.path.dirname(path) for path in
                 glob.glob(f"{cache_dir()}/native-dpdk/usr/lib/*/librte_eal.so.*")}
    return subprocess.run([f"{TREE}/build/native-gcc/tests/bench/{name}", *args], check=True,
                          env=dict(os.environ, LD_LIBRARY_PATH=":".join(libraries)),
                          stdout=subprocess.PIPE, text=True).stdout


def here():
    """This host, for a section: its processor."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"^(?:model name|cpu)\s*:\s*(.*)$", f.read(), re.M)
    return f"natively, {os.uname().machine}, {model.group(1) if model else 'unknown'}"


def kernel_of(guest):
    """The release of a guest's kernel."""
    return guest.run("uname -r", check=True).out.strip()


def place(guest):
    """Where something was measured, for a section: machine, kernel, how time was counted."""
    version = re.search(r"version (\S+)", qemu_says())
    how = "icount: one instruction is one ns" if guest.icount else "wall time"
    return f"{guest.machine}, Linux {kernel_of(guest)}, QEMU {version.group(1)}, {how}"


def counted(guest):
    """What a guest's clock counts."""
    return "instructions" if guest.icount else "ns"


def qemu_says():
    """What QEMU says of its version."""
    # Only where guests are: a native part needs none of the rig.
    from rig_setup import cache_dir, qemu_command  # pylint: disable=import-outside-toplevel
    argv, env = qemu_command(cache_dir())
    return subprocess.run([*argv, "--version"], env=env, capture_output=True, text=True,
                          check=True).stdout
