#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Our own driver for igb (82576), net_tce_igb: forward, send, receive on both machines (or the one
that is named as the argument)."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free, receive, transmit
from rig import Guest, Nic
from tap import Tap
from testpmd import Testpmd, fewer_drivers, own_igb
from wire import Wire

PAGES = 256


def basics(tap, guest, wire):
    """io over two ports, txonly, rxonly, quit, the ledger."""
    ports = [0, 1]
    with tap.point(f"{guest.machine}: testpmd starts and quits"):
        with Testpmd(guest, own_igb(nic.addr for nic in guest.nics)) as testpmd:
            with tap.point(f"{guest.machine}: io"):
                said = forward(wire, testpmd, ports)
                tap.note(f"{said['good']} frames compared, {said['lost']} lost")
            with tap.point(f"{guest.machine}: txonly"):
                tap.note(f"{transmit(wire, testpmd, ports)['good']} frames checked")
            with tap.point(f"{guest.machine}: rxonly"):
                counted = receive(wire, testpmd, ports)
                tap.note(f"{counted['got']} of {counted['sent']} frames counted")
    with tap.point(f"{guest.machine}: all hugepages and groups are back"):
        balance(guest, PAGES)
        for nic in guest.nics:
            group_is_free(guest, nic.addr)


def machine(tap, name):
    with Wire(2) as wire:
        nics = [Nic("igb", netdev=wire.netdev(port)) for port in (0, 1)]
        with Guest(name, nics=nics, hugepages=PAGES) as guest:
            fewer_drivers(guest)
            basics(tap, guest, wire)


def main():
    tap = Tap()
    for name in sys.argv[1:] or ("lpar", "p9"):
        with tap.point(f"{name}: no stray DMA, no word from the kernel, from start to end"):
            machine(tap, name)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
