# SPDX-License-Identifier: BSD-3-Clause
"""Conformance: the same cases on kernels in guests and on the model, verdict by verdict.

A verdict is one line: a case's name, and what it saw. What kernels said is kept in
tests/conform/verdicts, one file for each machine; a line that differs from the model's or from
the file fails. `make conform` runs the whole matrix. Behind a profile of the model stands what
another kernel does otherwise: "+unmap-checks-end" is R14 of doc/kernel.md.

On an LPAR a verdict has the hardware's TCEs, too: the kernel's are rebuilt from QEMU's trace of the
hypervisor calls, for which the program stops and asks; the model has its own."""
import argparse
import concurrent.futures
import dataclasses
import os
import re
import subprocess
import sys
import time

from hypercalls import Trace, arguments
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


SMALL = (("dma_win_size", "0x4000000"),)
MATRIX = (
    # A small default window, since each TCE of it that goes is a line of the trace; with the 64K
    # kernel it is QEMU's own.
    Kernel("lpar", "lpar", "lpar+default-mib=64", bridge=SMALL),
    Kernel("lpar-64k", "lpar", "lpar, 64K kernel", pages="64k"),
    Kernel("lpar-no-ddw", "lpar", "lpar, no ddw", kinds=("no-ddw",), bridge=(("ddw", "off"),)),
    Kernel("p9", "p9", "p9"),
    Kernel("p9-64k", "p9", "p9, 64K kernel", pages="64k"),
    Kernel("p9-hash", "p9-hash", "p9, hash", pages="64k", hugepages=40),
    Kernel("p8", "p8", "p8", pages="64k", hugepages=40),
    Kernel("p10", "p10", "p10"),
    Kernel("lpar-newest", "lpar", "lpar+unmap-checks-end+default-mib=64", pages="newest",
           bridge=SMALL),
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


def watch(guest, command, timeout, tables):
    """Run a command although the kernel may break on the way, and answer what it asks of the
    hardware's tables; (status, output)."""
    job, at = guest.start(f"{command} 2>&1"), 0
    end = time.monotonic() + timeout
    while job.poll() is None and time.monotonic() < end and guest.qemu.poll() is None:
        time.sleep(0.005)
        whole = job.out().rpartition("\n")[0][at:]
        at += len(whole)
        for device in re.findall(r"^\?(\S+)$", whole, re.M):
            job.write("".join(f"{row}\n" for row in [*tables(device), "end"]))
    return job.poll(), re.sub(r"^\?.*\n", "", job.out(), flags=re.M)


def hardware_of(guest):
    """A function that tells what TCEs the hardware has for a device."""
    trace = Trace(f"{guest.logs}/qemu.log")
    bridges = {device.addr: index for index, device in enumerate(guest.devices, 1)}
    return lambda addr: [" ".join(f"{x:x}" for x in row)
                         for row in trace.now().rows_of_bridge(bridges[addr])]


def cases(kernel, kind, guest, tables):
    """What the kernel says to the cases of one kind."""
    devices = " ".join(d.addr for d in guest.devices)
    status, out = watch(guest, f"/opt/conform kernel {kind} {devices}", 500, tables)
    if status != 0:
        raise GuestError(f"{kernel.name}, {kind}: the cases ended with {status}:\n{out}")
    if kind == "clean":
        complaints = guest.trouble()
        left = [row for d in guest.devices for row in tables(d.addr)]
        if complaints or left:
            raise GuestError(f"{kernel.name}: the clean cases left {(complaints + left)[0]}")
    return lines(out)


def real(kernel, logs="", before=None):
    """What the kernel says to all cases of a column, in a guest that is thrown away: (its version,
    verdicts)."""
    lpar, out = kernel.machine == "lpar", {}
    devices = [Device(EDU, beside="" if lpar else "pci-testdev") for _ in range(2)]
    with Guest(kernel.machine, kernel=kernel.pages, hugepages=kernel.hugepages,
               devices=devices, bridge=dict(kernel.bridge),
               files={"/opt/conform": built(PROGRAM)}, expect_stray=True,
               expect_trouble=set(kernel.kinds) != {"clean"},
               qemu_args=arguments() if lpar else (), parallel=True,
               logs=logs and f"{logs}/{kernel.name}") as guest:
        version = guest.run("uname -r", check=True).out.strip()
        if before:
            before(guest)
        tables = hardware_of(guest) if lpar else lambda _: []
        for kind in kernel.kinds:
            out.update(cases(kernel, kind, guest, tables))
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


def facts_without(program):
    """Facts of doc/kernel.md that have neither a case nor a mark that says why not, and facts of
    cases that are not there."""
    with open(f"{TREE}/doc/kernel.md", encoding="utf-8") as f:
        text, _, _ = f.read().partition("## What libtce makes of it")
    facts = dict(re.findall(r"^\| ([WRG]\d+[a-z]?) \|(.*)$", text, re.M))
    p = subprocess.run([program, "list"], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    shown = set(re.findall(r"\b[WRG]\d+[a-z]?\b", p.stdout))
    plain = {name for name, said in facts.items()
             if not re.search(r"\[(read|reported|timed)\]", said)}
    return sorted((plain - shown) | (shown - set(facts)))


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
    with tap.point("each fact of doc/kernel.md has a case, or says why not"):
        equal(facts_without(program), [], "facts")
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
