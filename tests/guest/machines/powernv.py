# SPDX-License-Identifier: BSD-3-Clause
"""Bare metal: powernv8, powernv9, powernv10, with the radix or the hash MMU.

Devices go on the buses pcie.0, pcie.1, ...: one host bridge and one IOMMU group each. The last
bus carries the rig's own port.
"""
import dataclasses
import os
import subprocess

# ibm,processor-radix-AP-encodings: 4K, 64K, 2M, 1G as (AP << 29 | page shift).
RADIX_PAGES = ("c", "a0000010", "20000015", "4000001e")


@dataclasses.dataclass(frozen=True)
class Powernv:
    """One of QEMU's bare-metal machines."""
    ABOUT: str
    model: str
    cpu: str  # how the CPUs' nodes in the device tree are called
    buses: int
    KERNEL: str = "4k"
    radix: bool = True
    append: str = ""

    def plug(self, guest, index):
        if guest.default_bridge:
            raise ValueError(f"{self.model} has no default bridge that devices could share: use "
                             "lpar")
        if index >= self.buses - 1:
            raise ValueError(f"{self.model} takes {self.buses - 1} devices at most")
        return [], f"pcie.{index}"

    def arguments(self, guest):
        argv = ["-machine", ",".join([self.model, *guest.machine_options]), "-vga", "none",
                "-nic", "none", "-m", f"{guest.mem}M"]
        return argv, f"pcie.{self.buses - 1}"

    def boot(self, guest, argv):
        """With radix, boot with the device tree that this command line gives, completed by the
        hugepage sizes that it leaves out. PCI devices are not in it: the firmware finds those."""
        argv = [*argv, "-kernel", guest.vmlinux, "-initrd", guest.image]
        append = ["-append", f"{guest.cmdline} {self.append}".strip()]
        if not self.radix:
            return [*argv, *append]
        tree = f"{guest.dir}/tree.dtb"
        ask = subprocess.run([*argv, *append, "-S", "-serial", "null", "-monitor", "stdio"],
                             input=f"dumpdtb {tree}\nquit\n", text=True, env=guest.qemu_env,
                             capture_output=True, timeout=60, check=False)
        if not os.path.exists(tree):
            raise RuntimeError(f"QEMU gave no device tree: {ask.stdout[-300:]} "
                               f"{ask.stderr[-300:]}")
        names = subprocess.run(["fdtget", "-l", tree, "/cpus"], capture_output=True, text=True,
                               check=True).stdout.split()
        for name in names:
            if name.startswith(f"{self.cpu}@"):
                subprocess.run(["fdtput", "-t", "x", tree, f"/cpus/{name}",
                                "ibm,processor-radix-AP-encodings", *RADIX_PAGES], check=True)
        return [*argv, "-dtb", tree]


P8 = Powernv("bare metal: powernv8, hash, 16M hugepages, 64K kernel", "powernv8",
             "PowerPC,POWER8", 3, KERNEL="64k", radix=False)
P9 = Powernv("bare metal: powernv9, radix, one PHB and group per device", "powernv9",
             "PowerPC,POWER9", 6)
P9_HASH = Powernv("bare metal: powernv9, hash, 16M hugepages, 64K kernel", "powernv9",
                  "PowerPC,POWER9", 6, KERNEL="64k", radix=False, append="disable_radix")
P10 = Powernv("bare metal: powernv10, radix", "powernv10", "PowerPC,POWER10", 5)
