#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two ports in one IOMMU group, and NICs that their kernel drivers used first: on an LPAR these
leave a DMA window of their own behind until they let go."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free
from rig import Guest, Nic
from tap import Tap, equal, want
from testpmd import Testpmd, attach, own_igb
from wire import Wire

PAGES = 256
MODELS = ("e1000e", "igb")


def traffic(tap, guest, wire, devices=None, eal="-l 0,1 -n 1"):
    devices = devices or attach([nic.addr for nic in guest.nics])
    with Testpmd(guest, devices, eal=eal) as testpmd:
        equal(testpmd.ports(), 2, "ports")
        said = forward(wire, testpmd, [0, 1])
    tap.note(f"{said['good']} frames compared, {said['lost']} lost")
    balance(guest, PAGES)
    for nic in guest.nics:
        group_is_free(guest, nic.addr)


def one_group(tap):
    with Wire(2) as wire:
        nics = [Nic(model, netdev=wire.netdev(i)) for i, model in enumerate(MODELS)]
        with Guest("lpar", nics=nics, default_bridge=True, hugepages=PAGES) as guest:
            with tap.point("lpar: two ports of one group share its space"):
                first, second = (guest.group(nic.addr) for nic in guest.nics)
                equal(first, second, "groups")
                traffic(tap, guest, wire)


def own_driver(tap):
    """The same with our own driver, in a process that has taken the last hugepage before."""
    with Wire(2) as wire:
        nics = [Nic("igb", netdev=wire.netdev(i)) for i in range(2)]
        with Guest("lpar", nics=nics, default_bridge=True, hugepages=PAGES) as guest:
            with tap.point("lpar: the same with net_tce_igb, and EAL has all of the hugepages"):
                traffic(tap, guest, wire, own_igb([nic.addr for nic in guest.nics]),
                        f"-l 0,1 -n 1 -m {2 * PAGES}")


def rebound(tap, name):
    with Wire(2) as wire:
        nics = [Nic(model, netdev=wire.netdev(i), bind=model) for i, model in enumerate(MODELS)]
        with Guest(name, nics=nics, modules=list(MODELS), hugepages=PAGES) as guest:
            with tap.point(f"{name}: NICs that their kernel drivers used, then rebound"):
                for i, nic in enumerate(guest.nics):
                    up = guest.run(f"ip link set $(ls /sys/bus/pci/devices/{nic.addr}/net) up")
                    want(up.status == 0, f"{MODELS[i]} has no interface: {up.out}")
                    guest.bind(nic.addr)
                traffic(tap, guest, wire)


def main():
    tap = Tap()
    for show in (one_group, own_driver, lambda t: rebound(t, "lpar"), lambda t: rebound(t, "p9")):
        with tap.point("no stray DMA, no word from the kernel, from start to end"):
            show(tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
