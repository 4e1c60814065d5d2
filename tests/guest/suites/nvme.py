# SPDX-License-Identifier: BSD-3-Clause
"""drivers/nvme on both machines, by examples/nvme-perf, built against the installed library by
pkg-config alone: data written, read back and compared, also in the disk's file; commands that take
too long; a device that is pulled; a program that is killed."""
import contextlib
import os
import re
import shutil
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cases import balance, group_is_free  # noqa: E402
from monitor import Monitor  # noqa: E402
from outsider import on_both  # noqa: E402
from rig import TREE, Device, Guest  # noqa: E402
from tap import equal, want  # noqa: E402

GIB = 1 << 30
PAGES = 64
DISK = 5 * GIB // 4
COUNTS = re.compile(r"^(\d+) given, (\d+) ended, (\d+) with an error \((.*)\), (\d+) blocks wrong$",
                    re.M)


def counts(out):
    """The last line of counts: given, ended, errors, why, wrong."""
    given, ended, errors, why, wrong = COUNTS.findall(out)[-1]
    return int(given), int(ended), int(errors), why, int(wrong)


def perf(guest, device, options, status=0, timeout=120):
    """One run; every command that was given has ended, none wrong."""
    said = guest.run(f"/opt/nvme-perf {device.addr} {options}", timeout=timeout)
    equal(said.status, status, f"exit status of {options} ({said.out})")
    given, ended, errors, why, wrong = counts(said.out)
    equal((given, wrong), (ended, 0), f"commands ended, and blocks wrong ({said.out})")
    want(status or not errors, f"{errors} errors: {why}")
    return said.out


def shapes(guest, device):
    """Sizes from a block to what the controller takes at most, both sorts of data pointer."""
    for size, more in ((512, ""), (12288, " sgl=0"), (131072, " sgl=0"), (524288, "")):
        out = perf(guest, device, f"op=verify total=0x600000 qd=8 size={size}{more}")
        want(("PRPs" if more else "SGLs") in out, out)
    perf(guest, device, "op=verify total=0x1000000 qd=16 queues=4 size=8192")
    for options, words in (("size=1048576", "does not fit"), ("queues=0", "no arena of 0 bytes"),
                           ("op=write total=512", "size= is more than total="),
                           ("qd=-1", "qd=-1: "), ("seconds=", "seconds=: "),
                           ("page=2M", "page=2M: "), ("op=erase", "op=erase: "),
                           ("depth=1", "depth=1: ")):
        said = guest.run(f"/opt/nvme-perf {device.addr} {options}")
        want(said.status == 1 and words in said.out, f"{options}: {said.status} {said.out}")


def word(lba, i):
    return ((lba + 1) * 0x9e3779b97f4a7c15 + i) % (1 << 64)


def gigabyte(tap, guest, device, disk):
    """Written, read back and compared through the driver; and what lies in the file is right."""
    begin = time.monotonic()
    tap.note(perf(guest, device, f"op=verify total={GIB:#x} qd=32 size=131072", timeout=240))
    with open(disk, "rb") as f:
        for lba in range(0, GIB // 512, 99991):
            f.seek(lba * 512)
            found = struct.unpack("<64Q", f.read(512))
            equal(found, tuple(word(lba, i) for i in range(64)), f"block {lba} in the disk's file")
    tap.note(f"{time.monotonic() - begin:.1f} s")


def slow(guest, device):
    """A disk of one command a second: aborts, resets; each command ends with an error or well."""
    out = perf(guest, device, "qd=8 seconds=2 timeout=400", status=1)
    errors = counts(out)[2]
    resets = int(re.search(r"aborts, (\d+) resets", out).group(1))
    want(errors and resets, out)
    want("Connection timed out" in out or "Operation canceled" in out, out)


def pulled(tap, guest, device, monitor):
    """QEMU wants the device back under I/O, and the guest's kernel gives it up: errors, no hang."""
    job = guest.start(f"exec /opt/nvme-perf {device.addr} seconds=60")
    job.close()
    job.wait_output("begin")
    time.sleep(1)
    monitor.tell("device_del", id=f"dev{guest.devices.index(device)}")
    # What the hotplug daemon of a whole system does when the firmware asks.
    guest.run(f"echo 1 >/sys/bus/pci/devices/{device.addr}/remove", timeout=30, check=True)
    equal(job.wait(10), 1, f"exit status ({job.out()})")
    given, ended, errors, why, wrong = counts(job.out())
    tap.note(job.out())
    equal((given, wrong), (ended, 0), "commands ended, and blocks wrong")
    # What the controller still ended before it was off has ended well.
    want(errors <= 32 and why == "No such device", f"{errors} errors: {why}")
    gone = guest.run(f"[ ! -e /sys/bus/pci/devices/{device.addr} ]")
    equal(gone.status, 0, "the device is gone")


def killed(guest, device):
    """A program killed under I/O: its memory comes back, no DMA goes astray."""
    job = guest.start(f"exec /opt/nvme-perf {device.addr} seconds=60 op=write")
    job.close()
    job.wait_output("begin")
    time.sleep(0.5)
    job.kill(9)
    equal(job.wait(10), -9, "exit status")
    balance(guest, PAGES)
    group_is_free(guest, device.addr)


def machine(tap, name, program):
    logs = f"build/guest/nvme-{name}"
    shutil.rmtree(f"{TREE}/{logs}", ignore_errors=True)
    os.makedirs(f"{TREE}/{logs}")
    disk = f"{TREE}/{logs}/disk"
    with open(disk, "wb") as f:
        f.truncate(DISK)
    monitor = Monitor(f"{TREE}/{logs}/qmp")
    backing = ["-blockdev", f"file,node-name=disk,filename={disk},cache.no-flush=on",
               "-object", "throttle-group,id=limit,x-iops-total=1",
               "-blockdev", "null-co,node-name=null,size=1073741824",
               "-blockdev", "throttle,node-name=slow,throttle-group=limit,file=null"]
    devices = [Device("nvme,serial=disk,drive=disk"), Device("nvme,serial=slow,drive=slow")]
    with contextlib.ExitStack() as stack:
        stack.callback(os.unlink, disk)
        guest = stack.enter_context(Guest(
            name, devices=devices, hugepages=PAGES, files={"/opt/nvme-perf": program}, logs=logs,
            qemu_args=backing + monitor.arguments, one_at_a_time=True))
        with tap.point(f"{name}: every size, SGLs and PRPs, several queue pairs"):
            shapes(guest, devices[0])
        with tap.point(f"{name}: 1 GiB written, read back and compared at queue depth 32"):
            gigabyte(tap, guest, devices[0], disk)
        with tap.point(f"{name}: commands that take too long end with an error"):
            slow(guest, devices[1])
        with tap.point(f"{name}: killed under I/O"):
            killed(guest, devices[0])
        with tap.point(f"{name}: pulled under I/O: errors, nothing lost"):
            pulled(tap, guest, devices[0], monitor)
            balance(guest, PAGES)


if __name__ == "__main__":
    sys.exit(on_both("nvme-perf", "tce-nvme", machine))
