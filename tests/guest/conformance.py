# SPDX-License-Identifier: BSD-3-Clause
"""Conformance: the same cases on kernels in guests and on the model, verdict by verdict.

A verdict is one line: a case's name, and what it saw. What kernels said is kept in
tests/conform/verdicts, one file for each machine; a line that differs from the model's or from
the file fails. `make conform` runs the whole matrix. Behind a profile of the model stands what
another kernel does otherwise: "+unmap-checks-end" is R14 of doc/kernel.md."""
import argparse
import concurrent.futures
import dataclasses
import os
import subprocess
import sys
import time

from rig import TREE, ChannelError, Device, Guest, GuestError, built
from rig_setup import cache_dir
from tap import Tap, equal, want

PROGRAM = "tests/conform/conform"
EDU = "edu,dma_mask=0xffffffffffffffff"
VERDICTS = f"{TREE}/tests/conform/verdicts"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One column of the matrix: a machine and its kernel, and the model's profile of them."""
    name: str
    machine: str
    profile: str
    pages: str = "4k"
    hugepages: int = 128
    kinds: tuple = ("clean", "poison")
    bridge: tuple = ()


MATRIX = (
    Kernel("lpar", "lpar", "lpar"),
    Kernel("lpar-64k", "lpar", "lpar, 64K kernel", pages="64k"),
    Kernel("lpar-no-ddw", "lpar", "lpar, no ddw", kinds=("no-ddw",), bridge=(("ddw", "off"),)),
    Kernel("p9", "p9", "p9"),
    Kernel("p9-64k", "p9", "p9, 64K kernel", pages="64k"),
    Kernel("p9-hash", "p9-hash", "p9, hash", pages="64k", hugepages=40),
    Kernel("p8", "p8", "p8", pages="64k", hugepages=40),
    Kernel("p10", "p10", "p10"),
    Kernel("lpar-newest", "lpar", "lpar+unmap-checks-end", pages="newest"),
    Kernel("p9-newest", "p9", "p9+unmap-checks-end", pages="newest"),
)


def lines(text):
    """{case: verdict} of the program's output."""
    found = {}
    for line in text.splitlines():
        name, colon, verdict = line.partition(":")
        if not colon or name.strip() != name or name in found:
            raise ValueError(f"no verdict: {line}")
        found[name] = verdict.strip()
    return found


def modeled(kernel, program):
    """What the model says of all cases of a column."""
    out = {}
    for kind in kernel.kinds:
        p = subprocess.run([program, "model", kernel.profile, kind], stdout=subprocess.PIPE,
                           text=True, check=True, timeout=120)
        out.update(lines(p.stdout))
    return out


def watch(guest, command, timeout):
    """Run a command although the kernel may break on the way; (status, output)."""
    job = guest.start(f"{command} 2>&1")
    job.close()
    end = time.monotonic() + timeout
    while job.poll() is None and time.monotonic() < end and guest.qemu.poll() is None:
        time.sleep(0.1)
    return job.poll(), job.out()


def in_guest(kernel, kind, logs=""):
    """What the kernel says to the cases of one kind, in a guest of their own: (its version,
    verdicts)."""
    clean = kind == "clean"
    with Guest(kernel.machine, kernel=kernel.pages, hugepages=kernel.hugepages,
               devices=[Device(EDU), Device(EDU)], bridge=dict(kernel.bridge),
               files={"/opt/conform": built(PROGRAM)}, expect_stray=True,
               expect_trouble=not clean, logs=logs and f"{logs}/{kernel.name}-{kind}") as guest:
        version = guest.run("uname -r", check=True).out.strip()
        devices = " ".join(d.addr for d in guest.devices)
        status, out = watch(guest, f"/opt/conform kernel {kind} {devices}", 500)
        if status != 0:
            raise GuestError(f"{kernel.name}, {kind}: the cases ended with {status}:\n{out}")
    return version, lines(out)


def real(kernel, logs=""):
    """What the kernel says to all cases of a column."""
    out, version = {}, ""
    for kind in kernel.kinds:
        version, more = in_guest(kernel, kind, logs)
        out.update(more)
    return version, out


def recorded(kernel):
    """What the file says: (version, verdicts)."""
    with open(f"{VERDICTS}/{kernel.name}", encoding="utf-8") as f:
        head, _, text = f.read().partition("\n")
    return head.removeprefix("# Linux "), lines(text)


def record(kernel, version, verdicts):
    os.makedirs(VERDICTS, exist_ok=True)
    with open(f"{VERDICTS}/{kernel.name}", "w", encoding="utf-8") as f:
        f.write(f"# Linux {version}\n")
        f.writelines(f"{name}: {verdict}\n" for name, verdict in verdicts.items())


def differ(a, b):
    """The words of two verdicts that are not the same, or None."""
    if a == b:
        return None
    if a is None or b is None:
        return f"{a or 'no verdict'} | {b or 'no verdict'}"
    left, right = a.split(), b.split()
    at = next((i for i, (x, y) in enumerate(zip(left, right)) if x != y),
              min(len(left), len(right)))
    return f"{' '.join(left[at:at + 3]) or 'end'} | {' '.join(right[at:at + 3]) or 'end'}"


def compare(kernel, left, right, what, say=print):
    """Say what differs; how many cases agree and differ."""
    agree = differs = 0
    for name in {**left, **right}:
        found = differ(left.get(name), right.get(name))
        if found:
            say(f"  {kernel.name}: {name}: {what}: {found}")
        agree, differs = agree + (not found), differs + bool(found)
    return agree, differs


def one(kernel, program, keep, logs):
    """One column: True if kernel, file and model agree."""
    if not os.path.exists(f"{cache_dir()}/kernel-{kernel.pages}"):
        raise GuestError("not run: set-up could not have this kernel")
    version, kernels = real(kernel, logs)
    if keep:
        record(kernel, version, kernels)
    agree, differs = compare(kernel, kernels, modeled(kernel, program), "kernel | model")
    known_of, known = recorded(kernel)
    _, changed = compare(kernel, kernels, known, f"kernel | {known_of} as recorded")
    print(f"{kernel.name}, Linux {version}: {agree + differs} cases, {agree} agree, "
          f"{differs} differ" + (f", {changed} unlike what is recorded" if changed else ""),
          flush=True)
    return not differs and not changed


def column(kernel, program, keep, logs):
    """The same, with whatever went wrong as a sentence."""
    try:
        return one(kernel, program, keep, logs)
    except (ChannelError, GuestError, OSError, ValueError) as e:
        print(f"{kernel.name}: {e}", flush=True)
        return False


def on_model(program):
    """The model against what kernels said, as TAP: needs no guest."""
    tap = Tap()
    for kernel in MATRIX:
        if kernel.pages != "64k" and os.sysconf("SC_PAGE_SIZE") > 4096:
            continue  # the model's pages are parts of this host's: it cannot unmap them one by one
        with tap.point(f"{kernel.name}: the model says what the kernel said"):
            version, verdicts = recorded(kernel)
            said = []
            agree, differs = compare(kernel, verdicts, modeled(kernel, program),
                                     f"{version} | model", said.append)
            want(not differs, "\n".join(said))
            want(agree >= 1, "no case at all")
            tap.note(f"{agree} cases agree with Linux {version}")
    with tap.point("it refuses a kernel that is not a guest's, in one sentence"):
        p = subprocess.run([program, "kernel", "poison", "0000:00:00.0"], capture_output=True,
                           text=True, check=False, timeout=60)
        equal(p.returncode, 2, "status")
        want("in the test rig's guests only" in p.stderr and p.stderr.count("\n") == 1, p.stderr)
        equal(p.stdout, "", "verdicts")
    return tap.end()


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="KERNEL", help="only these: "
                   + ", ".join(k.name for k in MATRIX))
    p.add_argument("--model", metavar="PROGRAM", help="only the model against the files: no guest")
    p.add_argument("--record", action="store_true", help="keep what the kernels say")
    p.add_argument("--logs", default="", metavar="DIR")
    p.add_argument("--jobs", type=int, default=2, help="guests at a time (default: 2)")
    a = p.parse_args()
    if a.model:
        return on_model(a.model)
    program = built(PROGRAM, "build/native-gcc")
    built(PROGRAM)
    wanted = [k for k in MATRIX if not a.names or k.name in a.names]
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        good = list(pool.map(lambda k: column(k, program, a.record, a.logs), wanted))
    bad = [k.name for k, g in zip(wanted, good) if not g]
    return f"conform: not so: {', '.join(bad)}" if bad else 0


if __name__ == "__main__":
    sys.exit(main())
