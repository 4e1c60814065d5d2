# SPDX-License-Identifier: BSD-3-Clause
"""lpar: pseries, POWER10, the hypervisor's dynamic DMA windows.

Each device gets a host bridge of its own and thus its own IOMMU group, unless
default_bridge asks for all of them on the machine's own one, in one group.
"""
ABOUT = "LPAR: pseries, POWER10, one host bridge and group per device"
KERNEL = "4k"  # unless the caller wants another
# The rig's own port to the agent; far from the bridges of the devices under test.
PORT_BRIDGE = 30


def plug(guest, index):
    """Arguments before a device, and the bus it goes on."""
    if guest.default_bridge:
        # Every other slot: an 82576 keeps the slots 16 above its own, and the next, for VFs.
        return [], f"pci.0,addr={2 + 2 * index:#x}"
    bridge = f"spapr-pci-host-bridge,index={index + 1},id=phb{index + 1}"
    options = dict(guest.bridge, **guest.devices[index].bridge)
    bridge += "".join(f",{k}={v}" for k, v in options.items())
    return ["-device", bridge], f"phb{index + 1}.0"


def arguments(guest):
    """Machine, memory and the agent's port. maxmem above the memory keeps the kernel's own
    drivers from asking for an impossible window and thereby losing the slot for everybody."""
    # QEMU's own small firmware starts the kernel ten seconds sooner than SLOF does.
    argv = ["-machine", ",".join(["pseries,x-vof=on", *guest.machine_options]),
            "-nodefaults", "-vga", "none",
            "-m", f"{guest.mem}M,slots=2,maxmem={guest.maxmem or 2 * guest.mem}M"]
    if guest.default_bridge:
        for k, v in guest.bridge.items():
            argv += ["-global", f"spapr-pci-host-bridge.{k}={v}"]
    argv += ["-device", f"spapr-pci-host-bridge,index={PORT_BRIDGE},id=rigphb"]
    return argv, "rigphb.0"


def boot(guest, argv):
    """argv with the kernel and how its command line reaches it."""
    return [*argv, "-kernel", guest.vmlinux, "-initrd", guest.image, "-append", guest.cmdline]
