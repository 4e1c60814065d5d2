# SPDX-License-Identifier: BSD-3-Clause
"""Conformance on an LPAR and on bare metal: each case on the kernel and on the model. The program
refuses every kernel but those of the rig's guests. (`make conform` has the other machines.)"""
import concurrent.futures
import os
import sys
from functools import partial

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from conformance import MATRIX, PROGRAM, differ, modeled, real, recorded  # noqa: E402
from rig import built  # noqa: E402
from tap import Failure, Tap, equal, want  # noqa: E402

MACHINES = ("lpar", "p9")
# What makes a guest the rig's, each covered by something else.
DISGUISES = {
    "another machine": "echo 'IBM,9105-42A' >/tmp/f; mount --bind /tmp/f /proc/device-tree/model",
    "a kernel that nobody throws away": "echo quiet >/tmp/f; mount --bind /tmp/f /proc/cmdline",
}


def column(tap, kernel, kernels, program):
    """Every case of one machine, against the model and what is recorded."""
    (version, kernels), model, (_, known) = kernels, modeled(kernel, program), recorded(kernel)
    tap.note(f"{kernel.name}: Linux {version}")
    for name in {**kernels, **model, **known}:
        with tap.point(f"{kernel.name}: {name}"):
            for other, what in ((model, "the model"), (known, "the record")):
                found = differ(kernels.get(name), other.get(name))
                want(not found, f"kernel | {what}: {found}")


def refusals(tap, guest):
    command = f"/opt/conform kernel clean {guest.devices[0].addr} -- facts"
    for name, disguise in DISGUISES.items():
        with tap.point(f"refused: {name}"):
            said = guest.run(f"unshare -m sh -c '{disguise}; {command}'")
            equal(said.status, 2, said.out)
            want("in the test rig's guests only" in said.out, said.out)
    with tap.point("not refused: the guest as it is"):
        said = guest.run(command)
        equal(said.status, 0, said.out)
        want("\nfacts: start=" in f"\n{said.out}", said.out)


def main():
    tap, program = Tap(), built(PROGRAM, "build/native-gcc")
    columns = [kernel for kernel in MATRIX if kernel.name in MACHINES]
    # Both at once: a guest waits most of the time, for DMA and for pages to come back.
    with concurrent.futures.ThreadPoolExecutor(len(columns)) as pool:
        runs = [pool.submit(real, kernel,
                            before=partial(refusals, tap) if kernel.name == "lpar" else None)
                for kernel in columns]
    for kernel, run in zip(columns, runs):
        try:
            column(tap, kernel, run.result(), program)
        except Exception as error:  # pylint: disable=broad-except
            with tap.point(kernel.name):
                raise Failure(str(error)) from error
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
