# SPDX-License-Identifier: BSD-3-Clause
"""p9: powernv9, bare metal, radix, with the hugepage sizes its device tree leaves out.

Devices go on the buses pcie.0, pcie.1, ...: one host bridge and one IOMMU group each. The last
bus carries the rig's own port.
"""
import os
import subprocess

ABOUT = "bare metal: powernv9, radix, one PHB and group per device"
BUSES = 6
# ibm,processor-radix-AP-encodings: 4K, 64K, 2M, 1G as (AP << 29 | page shift).
RADIX_PAGES = ("c", "a0000010", "20000015", "4000001e")


def plug(guest, index):
    if guest.default_bridge:
        raise ValueError("p9 has no default bridge that devices could share: use lpar")
    if index >= BUSES - 1:
        raise ValueError(f"p9 takes {BUSES - 1} devices at most")
    return [], f"pcie.{index}"


def arguments(guest):
    argv = ["-machine", ",".join(["powernv9", *guest.machine_options]), "-vga", "none",
            "-nic", "none", "-m", f"{guest.mem}M"]
    return argv, f"pcie.{BUSES - 1}"


def boot(guest, argv):
    """Boot with the device tree that this command line gives, completed. PCI devices are not in
    it: the firmware finds those."""
    argv = [*argv, "-kernel", guest.vmlinux, "-initrd", guest.image]
    tree = f"{guest.dir}/tree.dtb"
    ask = subprocess.run([*argv, "-append", guest.cmdline, "-S", "-serial", "null",
                          "-monitor", "stdio"], input=f"dumpdtb {tree}\nquit\n", text=True,
                         env=guest.qemu_env, capture_output=True, timeout=60, check=False)
    if not os.path.exists(tree):
        raise RuntimeError(f"QEMU gave no device tree: {ask.stdout[-300:]} {ask.stderr[-300:]}")
    names = subprocess.run(["fdtget", "-l", tree, "/cpus"], capture_output=True, text=True,
                           check=True).stdout.split()
    for name in names:
        if name.startswith("PowerPC,POWER9@"):
            subprocess.run(["fdtput", "-t", "x", tree, f"/cpus/{name}",
                            "ibm,processor-radix-AP-encodings", *RADIX_PAGES], check=True)
    return [*argv, "-dtb", tree]
