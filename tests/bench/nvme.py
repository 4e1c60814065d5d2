# SPDX-License-Identifier: BSD-3-Clause
"""What an NVMe command costs, and how many there are in a second: nvme-perf on drivers/nvme, beside
fio with io_uring on the kernel's own driver, in the same guest."""
import glob
import re

import rig_image
from report import place
from rig import Device, Guest, built
from rig_setup import cache_dir

DEPTHS = (1, 32)
GOAL = 0.2  # of fio's instructions at most
OURS, FIO = "drivers/nvme", "fio, io_uring"
# What makes fio cheap: no clock for each command, no map of blocks, buffers and file registered.
FIO_COMMAND = ("fio --name=job --filename={disk} --direct=1 --ioengine=io_uring "
               "--rw=randread --bs=4k --iodepth={depth} --norandommap --gtod_reduce=1 --thread "
               "--fixedbufs=1 --registerfiles=1 --output-format=terse")


def programs():
    """Ours; fio and its libraries, which no other guest needs."""
    root = f"{cache_dir()}/guest-root"
    usual = rig_image.libraries(root, rig_image.PROGRAMS)
    files = {"/opt/beside": built("tests/guest/beside"),
             "/opt/nvme-perf": built("examples/nvme-perf")}
    # Debian's fio can reach Ceph, whose library is in a folder of its own.
    ceph = glob.glob(f"{rig_image.LIBDIR}/ceph/libceph-common.so.*", root_dir=root)
    parts = ["usr/bin/fio", *ceph]
    for path in set(parts + rig_image.libraries(root, parts)) - set(usual):
        files[f"/{path}"] = f"{root}/{path}"
    return files


def disks(**options):
    """A guest with two disks that hold nothing: one for the kernel's driver, one for ours."""
    backing = [text for name in ("kernel", "ours") for text in
               ("-blockdev", f"null-co,node-name={name},size=4294967296,read-zeroes=on")]
    devices = [Device("nvme,serial=kernel,drive=kernel", bind="nvme"),
               Device("nvme,serial=ours,drive=ours")]
    return Guest("lpar", devices=devices, hugepages=64, files=programs(), modules=["nvme"],
                 qemu_args=backing, **options)


def fio_command(guest, depth):
    """Which disk is the kernel's: its driver begins with both at once, and numbers them as it
    comes to them."""
    folder = f"/sys/bus/pci/devices/{guest.devices[0].addr}/nvme"
    found = guest.run(f"cd {folder} && until ls -d nvme*/nvme*n1 2>/dev/null; do sleep 0.1; done",
                      timeout=60, check=True).out.split()[0]
    # nvme0c0n1 is one way to nvme0n1.
    disk = re.sub(r"c\d+n", "n", found.split("/")[1])
    return FIO_COMMAND.format(disk=f"/dev/{disk}", depth=depth)


def fio_instructions(guest, depth, few, many):
    """What a command costs: of two runs the difference, so that fio's start does not count."""
    busy = []
    for number in (few, many):
        command = f"{fio_command(guest, depth)} --number_ios={number}"
        out = guest.run(f"/opt/beside {command}", timeout=600, check=True).out
        busy.append(float(re.search(r"busy (\d+) ns", out).group(1)))
    return (busy[1] - busy[0]) / (many - few)


def our_instructions(guest, depth, number):
    out = guest.run(f"/opt/nvme-perf {guest.devices[1].addr} qd={depth} lat=0 "
                    f"total={number * 4096}", timeout=600, check=True).out
    return float(re.search(r"beside empty polls: ([\d.]+) ns", out).group(1))


def rates(guest, depth, seconds):
    out = guest.run(f"/opt/nvme-perf {guest.devices[1].addr} qd={depth} seconds={seconds}",
                    timeout=120, check=True).out
    ours = float(re.search(r"(\d+) IOPS", out).group(1))
    out = guest.run(f"{fio_command(guest, depth)} --time_based --runtime={seconds}",
                    timeout=120, check=True).out
    # Terse, version 3: the eighth field is the reads' IOPS.
    line = next(text for text in out.splitlines() if text.startswith("3;"))
    return {OURS: ours, FIO: float(line.split(";")[7])}


def instructions(report, guest, depths, few, many):
    s = report.section("NVMe, 4 KiB random reads", unit="instructions/command",
                       axis="queue depth", place=place(guest),
                       command="nvme-perf DEVICE qd=N lat=0; "
                               + FIO_COMMAND.format(disk="DISK", depth="N"))
    s.goal(FIO, GOAL)
    s.note("Ours without polls that found nothing; fio's with the kernel's work for it, without "
           "the time in which the processor would have been idle.")
    for depth in depths:
        s.row(depth, {OURS: our_instructions(guest, depth, many),
                      FIO: fio_instructions(guest, depth, few, many)})


def wall(report, guest, depths, seconds):
    s = report.section("NVMe, 4 KiB random reads, by the wall's clock", unit="commands/s",
                       axis="queue depth", place=place(guest),
                       command="nvme-perf DEVICE qd=N; "
                               + FIO_COMMAND.format(disk="DISK", depth="N"))
    s.note("The emulated controller is the limit.")
    for depth in depths:
        s.row(depth, rates(guest, depth, seconds))


def run(report, small):
    with disks(icount="shift=0,sleep=off", smp=1) as guest:
        instructions(report, guest, DEPTHS[1:] if small else DEPTHS, *(100, 1000) if small
                     else (2000, 12000))
        if small:
            wall(report, guest, DEPTHS[:1], 1)
            return
    with disks() as guest:
        wall(report, guest, DEPTHS, 5)
