# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong with a machine or a device is told in one sentence, by `tce check` and by opening a
space alike: the sentence, the errno, and nothing lost."""
import errno
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cases import balance, group_is_free  # noqa: E402
from rig import Guest, Nic, built  # noqa: E402
from tap import Tap, equal, want  # noqa: E402

PAGES = 64
OPENER = {"/opt/opener": built("tests/guest/opener")}
PLAIN, NO_DDW, PAGE_16M = 0, 1, 2
NO_LOCK = "prlimit --memlock=65536 /usr/bin/setpriv --bounding-set=-ipc_lock "
NOBODY = "/usr/bin/setpriv --reuid=65534 --clear-groups "


class Machine:
    """A guest whose `tce check` and opener are asked the same."""

    def __init__(self, tap, guest):
        self.tap = tap
        self.guest = guest

    def refused(self, name, addr, number, words, options="", prefix="", before=""):
        """Both say `words` and this errno."""
        with self.tap.point(f"{name}: tce check names it"):
            flags = re.sub(r"(\w+)=", r"--\1=", options)
            said = self.guest.run(f"{before}{prefix}tce check {flags} {addr}")
            equal(said.status, 1, "exit status of tce check")
            wrong = [line for line in said.out.splitlines() if line.startswith("wrong")]
            want(any(words in line for line in wrong), f"no finding says {words!r}:\n{said.out}")
        with self.tap.point(f"{name}: opening is refused in one sentence"):
            said = self.guest.run(f"{before}{prefix}/opt/opener {addr} {options}")
            equal(said.status, 1, "exit status")
            want(f"open: -{number}: " in said.out and words in said.out,
                 f"errno {number} and {words!r} wanted:\n{said.out}")
            equal(len(said.out.splitlines()), 1, "lines said")
            self.tap.note(said.out.strip())

    def opens(self, name, addr, options=""):
        with self.tap.point(name):
            said = self.guest.run(f"/opt/opener {addr} {options}")
            equal((said.status, said.out.strip()), (0, "opened"), "opener")


def conditions(tap, guest):
    """One after the other, on a guest that is otherwise in order."""
    m = Machine(tap, guest)
    plain, no_ddw, page_16m = (guest.nics[i].addr for i in (PLAIN, NO_DDW, PAGE_16M))
    with tap.point("all is well: tce check says so for each item, and exits 0"):
        said = guest.run(f"tce check --mem=1G {plain}")
        lines = said.out.splitlines()
        want(said.status == 0 and len(lines) == 11 and all(x.startswith("ok") for x in lines),
             said.out)
    for size in ("-1", "99999999999999999999999", "1Q", "2GB", "G"):
        with tap.point(f"--mem={size} is refused"):
            said = guest.run(f"tce check --mem={size} {plain} 2>&1")
            want(said.status == 64 and f"{size} is no size" in said.out,
                 f"{said.status}: {said.out}")
    m.opens("and the space opens", plain, "mem=1073741824")
    m.refused("no such device", "0009:00:00.0", errno.ENODEV, "no device 0009:00:00.0")
    guest.unbind(plain)
    m.refused("bound to no driver", plain, errno.ENXIO, "is bound to no driver, not to vfio-pci")
    guest.bind(plain)
    m.refused("no permission on the group", plain, errno.EACCES, "no permission to open the file",
              prefix=NOBODY)
    m.refused("group in use", plain, errno.EBUSY, "is in use by another process",
              before=f"exec 3<>/dev/vfio/{guest.group(plain)}; ")
    m.refused("memlock too small", plain, errno.ENOMEM,
              "the table of a window of 64 GiB needs 256 kB, and 64 kB are left; raise the limit",
              "mem=1073741824", prefix=NO_LOCK)
    m.refused("no dynamic windows, default too small", no_ddw, errno.ENOSPC,
              "makes no windows for the device (no DDW), and of its default window the device "
              "reaches 1 GiB, less than the 2 GiB", "mem=2147483648")
    m.opens("no dynamic windows, default large enough", no_ddw, "mem=1073741824")
    m.refused("a hugepage size that no window can take", page_16m, errno.ENOSPC,
              "no window can take pages of 2 MiB", "mem=2147483648")
    m.opens("the same with less memory: the default window serves", page_16m, "mem=1073741824")
    m.refused("a DMA mask too short for the memory", plain, errno.ENOSPC,
              "the device reaches IOVAs up to 0xfffffff, and 256 MiB of windows there, less",
              "mem=1073741824 highest=0xfffffff")
    with tap.point("IOVA=VA where no window starts at 0: tce check names it"):
        said = guest.run(f"tce check --mem=1G --identity=0x17fffffff {plain}")
        want(said.status == 1 and "needs a window at 0 that reaches there" in said.out, said.out)
    lost_window(tap, m, plain, page_16m)
    with tap.point("nothing was lost by any of it"):
        group_is_free(guest, plain)
        balance(guest, PAGES)


def lost_window(tap, m, plain, page_16m):
    """A window that the platform refuses puts the slot on the kernel's list of failed ones."""
    with tap.point("a window that the platform refuses: one attempt, one sentence"):
        said = m.guest.run(f"/opt/opener {page_16m} create=4294967296")
        want(said.status == 1 and "create: -5: the platform refused a window of 4 GiB" in said.out,
             said.out)
        tap.note(said.out.strip())
    with tap.point("a slot whose window an earlier failure has lost: the sentence says reboot"):
        said = m.guest.run(f"/opt/opener {page_16m} mem=2147483648 page=16777216")
        want("an earlier failure has lost it until the machine reboots" in said.out, said.out)
        tap.note(said.out.strip())
    with tap.point("and tce check says so beforehand, from the kernel's log"):
        said = m.guest.run(f"tce check --mem=2G --page=16M {page_16m}")
        want(said.status == 1 and "an earlier failure has lost the window" in said.out, said.out)
        said = m.guest.run(f"{NOBODY}tce check --mem=2G --page=16M {page_16m}; "
                           f"chmod 666 /dev/vfio/{m.guest.group(page_16m)} /dev/vfio/vfio; "
                           f"{NOBODY}tce check --mem=2G --page=16M {page_16m}")
        want("unknown  no window lost since boot" in said.out, said.out)
    m.opens("what it advises helps", page_16m, "mem=1073741824 page=4096")
    m.opens("another slot does not mind", plain)


def shared_group(tap):
    """Another device of the group is still bound to a kernel driver."""
    nics = [Nic("e1000e", netdev="user"), Nic("igb", netdev="user", bind="igb")]
    with Guest("lpar", nics=nics, default_bridge=True, hugepages=PAGES, files=OPENER,
               modules=["igb"], logs="build/guest/ready-shared") as guest:
        m = Machine(tap, guest)
        first, second = (n.addr for n in guest.nics)
        m.refused("another device of its group at a kernel driver", first, errno.ENXIO,
                  f"device {second} of the same IOMMU group")
        guest.bind(second)
        m.opens("both bound to vfio-pci", first, "mem=1073741824")


def no_module(tap):
    """A kernel whose VFIO has no SPAPR TCE v2."""
    with Guest("p9", nics=[Nic("igb", netdev="user")], spapr=False, hugepages=PAGES, files=OPENER,
               logs="build/guest/ready-no-module") as guest:
        Machine(tap, guest).refused("a kernel without the SPAPR module", guest.nics[0].addr,
                                    errno.EPROTONOSUPPORT, "has no VFIO SPAPR TCE v2")


def main():
    tap = Tap()
    nics = [Nic("igb", netdev="user"), Nic("igb", netdev="user", bridge={"ddw": "off"}),
            Nic("igb", netdev="user", bridge={"pgsz": "0x1000000"})]
    for show in (lambda: boot_conditions(tap, nics), lambda: shared_group(tap),
                 lambda: no_module(tap)):
        with tap.point("the guest came up, and ended without stray DMA or a kernel warning"):
            show()
    return tap.end()


def boot_conditions(tap, nics):
    with Guest("lpar", nics=nics, hugepages=PAGES, files=OPENER, logs="build/guest/ready") as guest:
        conditions(tap, guest)


if __name__ == "__main__":
    sys.exit(main())
