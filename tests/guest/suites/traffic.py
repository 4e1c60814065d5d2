#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's igb and e1000e drivers on libtce: forward, send, receive; one port and two; both
machines (or the one that is named as the argument)."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free, on_both, receive, transmit
from rig import Guest, Nic
from testpmd import Testpmd, attach, fewer_drivers
from wire import Wire

PAGES = 256
MODELS = ("igb", "e1000e")


def rates(said):
    return (f"{said['good']} frames compared, {said['lost']} lost, {said['pps']} in a second, "
            f"{said['reordered']} reordered")


def one_case(tap, guest, wire, first, ports):
    """One testpmd on `ports` NICs from number `first` on."""
    nics = guest.nics[first:first + ports]
    at = list(range(first, first + ports))
    name = f"{guest.machine}, {ports} x {nics[0].spec}"
    with tap.point(f"{name}: testpmd starts and quits"):
        with Testpmd(guest, attach([nic.addr for nic in nics])) as testpmd:
            with tap.point(f"{name}: io"):
                tap.note(rates(forward(wire, testpmd, at)))
            with tap.point(f"{name}: txonly"):
                tap.note(f"{transmit(wire, testpmd, at)['pps']} frames in a second")
            with tap.point(f"{name}: rxonly"):
                tap.note(f"{receive(wire, testpmd, at)} frames counted, none lost")
    with tap.point(f"{name}: all hugepages and groups are back"):
        balance(guest, PAGES)
        for nic in nics:
            group_is_free(guest, nic.addr)


def machine(tap, name):
    with Wire(2 * len(MODELS)) as wire:
        nics = [Nic(model, netdev=wire.netdev(2 * i + j))
                for i, model in enumerate(MODELS) for j in range(2)]
        with Guest(name, nics=nics, hugepages=PAGES) as guest:
            tap.note(f"{name}: up after {guest.boot_seconds:.1f} s")
            if name != "lpar":  # there testpmd starts with all that Debian's DPDK has
                fewer_drivers(guest)
            for first in range(0, len(nics), 2):
                one_case(tap, guest, wire, first, 1)
                one_case(tap, guest, wire, first, 2)


if __name__ == "__main__":
    sys.exit(on_both(machine))
