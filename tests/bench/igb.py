# SPDX-License-Identifier: BSD-3-Clause
"""Instructions per packet, and packet rates, of drivers for igb (82576)."""
from packets import BURSTS, forwarding, hub
from report import place
from testpmd import attach, fewer_drivers

DRIVERS = {"DPDK igb": attach}
# What a packet may cost, in parts of what it costs with DPDK's driver.
GOALS = {"io": 0.35, "txonly": 0.65}


def instructions(report, guest, small):
    """testpmd under icount: what a packet costs, application included."""
    addresses = [nic.addr for nic in guest.nics]
    for mode, goal in GOALS.items():
        costs, command = {}, ""
        for name, arguments in DRIVERS.items():
            bursts = BURSTS[-1:] if small else BURSTS
            rates, command = forwarding(guest, arguments(addresses), mode, bursts,
                                        0.2 if small else 3)
            for burst, pps in rates.items():
                costs.setdefault(burst, {})[name] = 1e9 / pps
        s = report.section(f"testpmd {mode}, two ports on one hub, 64-byte frames",
                           unit="instructions/packet", axis="burst", place=place(guest),
                           command=f"{command}; set fwd {mode}; set burst N")
        s.goal("DPDK igb", goal)
        for burst, values in costs.items():
            s.row(burst, values)


def run(report, small):
    with hub("lpar" if small else "p9", "igb", **({"icount": ""} if small else {})) as guest:
        fewer_drivers(guest)
        instructions(report, guest, small)
