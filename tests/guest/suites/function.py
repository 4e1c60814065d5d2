# SPDX-License-Identifier: BSD-3-Clause
"""What drivers stand on: PCI functions (lib/vfio_pci) and arenas of hugepages (lib/hugemem), in a
guest with two NUMA nodes; BARs also on a kernel whose pages are larger than some of them."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import rig_image  # noqa: E402
from cases import group_is_free  # noqa: E402
from rig import Device, Guest, Nic, built  # noqa: E402
from rig_setup import cache_dir  # noqa: E402
from tap import Tap, equal, want  # noqa: E402

MIB = 1 << 20
PAGES = 16  # of 2 MiB, half of them on each node
NODES = ["-object", "memory-backend-ram,id=m0,size=2G", "-object",
         "memory-backend-ram,id=m1,size=2G", "-numa", "node,nodeid=0,cpus=0,memdev=m0",
         "-numa", "node,nodeid=1,cpus=1,memdev=m1"]
DISK = ["-blockdev", "null-co,node-name=disk,size=1073741824"]
FREE = "cat /sys/devices/system/node/node{}/hugepages/hugepages-2048kB/free_hugepages"
INTX, MSI = 0, 1
MASTER = 4

# What a function is asked, and what it says.
NIC = [("info", "id 8086:10c9 class 020000 resets 1 node 1 irqs 1 1 10 1 1"),
       ("bar 0 0x20000", "bar 0: 0x20000 bytes, "),
       ("bar 3 0x4000", "bar 3: 0x4000 bytes, 0 at 0"),
       ("find 0x11", "capability 0x11 at 0x70"),
       ("find 0x10010", "capability 0x10010 at "),
       ("msix 10", "10 vectors were on")]
NIC_REFUSED = [("bar 2 32", -95, "BAR 2 is of I/O ports"),
               ("bar 5 4", -19, "has no BAR 5"),
               ("find 2", -2, "has no capability 0x2"),
               ("msix 11", -28, "has 10 MSI-X interrupts, not 11")]
NVME = [("info", "class 010802"),
        ("bar 0 0x4000", "bar 0: 0x4000 bytes, 0xf0107ff at 0"),
        ("msix 65", "65 vectors were on")]
NVME_REFUSED = [("bar 0 0x4001", -28, "has 16 KiB, the driver needs")]
HEARD = "raised: heard\nheld back: silent\nlet through: heard\noff: silent\n"


def programs():
    """Our own, and hugeadm and numactl with the libraries that the guests do not have."""
    root, tools = f"{cache_dir()}/guest-root", ["usr/bin/hugeadm", "usr/bin/numactl"]
    files = {f"/opt/{name}": built(f"tests/guest/{name}") for name in ("function", "arena")}
    for path in tools:
        files[f"/{path}"] = f"{root}/{path}"
    for path in rig_image.libraries(root, tools):
        if "hugetlbfs" in path:
            files[f"/{path}"] = f"{root}/{path}"
    return files


def ask(guest, device, says, refuses):
    for command, text in says:
        said = guest.run(f"/opt/function {device.addr} {command}")
        want(said.status == 0 and text in said.out, f"{command}: {said.status} {said.out}")
    for command, number, text in refuses:
        said = guest.run(f"/opt/function {device.addr} {command}")
        want(said.status == 1 and f": {number}: " in said.out and text in said.out,
             f"{command}: {said.status} {said.out}")


def reset(guest, device):
    said = guest.run(f"/opt/function {device.addr} reset").out
    before, after = (int(n, 16) for n in re.findall("0x[0-9a-f]+", said))
    want(before & MASTER and not after & MASTER, said)
    equal(before & ~MASTER, after, "the other bits")


def removal(guest, device):
    """Unbinding the device waits until the program has closed it, and the program is told."""
    job = guest.start(f"/opt/function {device.addr} wait")
    job.close()
    job.wait_output("waiting")
    guest.run(f"echo {device.addr} >/sys/bus/pci/devices/{device.addr}/driver/unbind", check=True)
    equal((job.wait(), job.out()), (0, "waiting\nwanted back\n"), "the program")
    guest.bind(device.addr)
    group_is_free(guest, device.addr)


def functions(tap, guest, kernel):
    nic, edu, nvme = guest.devices
    with tap.point(f"{kernel}: igb's BARs, capabilities, vectors; what it has not is a sentence"):
        ask(guest, nic, NIC, NIC_REFUSED)
    with tap.point(f"{kernel}: nvme's BAR with the MSI-X table inside, smaller than 64K"):
        ask(guest, nvme, NVME, NVME_REFUSED)
    for sort, name in ((INTX, "INTx"), (MSI, "MSI")):
        with tap.point(f"{kernel}: {name} is heard, held back, let through, off"):
            ask(guest, edu, [(f"edu {sort}", HEARD)], [])
    with tap.point(f"{kernel}: a reset clears bus mastering, and is refused where there is none"):
        reset(guest, nic)
        reset(guest, nvme)
        ask(guest, edu, [], [("reset", -95, "no reset of its own")])
    with tap.point(f"{kernel}: a driver is told that its device is wanted back"):
        removal(guest, nvme)


def free(guest, node):
    return int(guest.run(FREE.format(node), check=True).out)


def placed(guest):
    """Six pages of node 1, and of no other, however few are left; back at the end."""
    job = guest.start(f"/opt/arena {12 * MIB} 0 1")
    job.wait_output("arena of")
    equal((free(guest, 0), free(guest, 1)), (8, 2), "free pages of the nodes")
    maps = guest.run("grep libtce-arena /proc/$(pidof arena)/numa_maps").out
    want(" bind:1 " in maps and " N1=6 " in maps and " N0=" not in maps, maps)
    job.close()
    equal(job.wait(), 0, f"exit status ({job.out()})")
    equal((free(guest, 0), free(guest, 1)), (8, 8), "free pages of the nodes")


def too_few(guest, size, node):
    """Refused, with a command. After the command it is not refused."""
    said = guest.run(f"/opt/arena {size} 0 {node} </dev/null")
    want(said.status == 1 and "open: -12: " in said.out, said.out)
    command = re.search(r"reserve more: (.*hugeadm .*)", said.out).group(1)
    guest.run(command, check=True)
    said = guest.run(f"/opt/arena {size} 0 {node} </dev/null")
    equal(said.status, 0, f"after `{command}`: {said.out}")


def outlived(guest):
    """A child has no arena, and keeps no page when its parent is killed."""
    before = guest.ledger(0)["free"]
    job = guest.start(f"exec /opt/arena {12 * MIB} 0 1 fork")
    job.wait_output("the child has nothing of it")
    job.wait_output("arena of")
    parent, child = sorted(int(n) for n in guest.run("pidof arena").out.split())
    equal(guest.ledger(0)["free"], before - 6, "free hugepages")
    guest.run(f"kill -9 {parent}", check=True)
    equal(guest.ledger()["free"], before, "free hugepages while the child lives")
    guest.run(f"kill {child}", check=True)
    job.wait()


def arenas(tap, guest):
    with tap.point("an arena's pages are on its node"):
        placed(guest)
    with tap.point("too few pages on a node: the sentence's command reserves them"):
        too_few(guest, 24 * MIB, 1)
    with tap.point("too few pages on all nodes: the sentence's command reserves them"):
        too_few(guest, 100 * MIB, -1)
    with tap.point("no such node, no such page: a sentence"):
        said = guest.run(f"/opt/arena {MIB} 0 2 </dev/null")
        want(said.status == 1 and "open: -19: no node 2" in said.out, said.out)
        said = guest.run(f"/opt/arena {MIB} 0x1000000 0 </dev/null")
        want(said.status == 1 and "its hugepages are" in said.out, said.out)
    with tap.point("a child of a fork neither has an arena nor keeps its pages"):
        outlived(guest)
    ledger = guest.ledger()
    want(ledger["free"] == ledger["total"] and not ledger["rsvd"] + ledger["surp"], ledger)


def machine(tap, kernel):
    devices = [Nic("igb", bridge={"numa_node": 1}), Device("edu"),
               Device("nvme,serial=disk,drive=disk")]
    with Guest("lpar", kernel=kernel, devices=devices, hugepages=PAGES, files=programs(),
               qemu_args=DISK + NODES, logs=f"build/guest/function-{kernel}") as guest:
        functions(tap, guest, kernel)
        if kernel == "4k":
            arenas(tap, guest)


def main():
    tap = Tap()
    for kernel in ("4k", "64k"):
        with tap.point(f"lpar, {kernel}: up, and ended without a kernel warning"):
            machine(tap, kernel)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
