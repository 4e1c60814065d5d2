# SPDX-License-Identifier: BSD-3-Clause
"""Instructions per packet, and packet rates, of drivers for igb (82576): net_tce_igb beside DPDK's
own on libtce, in one guest."""
from packets import BURSTS, cost, forwarding, hub, program
from report import counted, guest_program, place
from testpmd import attach, fewer_drivers, own_igb

DRIVERS = {"net_tce_igb": own_igb, "DPDK igb": attach}
# What a packet may cost, in parts of what it costs with DPDK's driver.
GOALS = {"io": 0.35, "txonly": 0.65}
# What a driver's share may be, in instructions.
SHARES = {"receive": 35, "send": 20}
FRAMES = "two ports on one hub, 64-byte frames"


def each(guest):
    return f"{counted(guest)} for each packet"


def addresses(guest, ports=2):
    return [nic.addr for nic in guest.nics[:ports]]


def testpmd(report, guest, drivers, small):
    """testpmd under icount: what a packet costs, application included."""
    found, commands = {}, []
    for name, arguments in drivers.items():
        found[name], command = forwarding(guest, arguments(addresses(guest)), GOALS,
                                          BURSTS[-1:] if small else BURSTS, 0.2 if small else 2)
        commands.append(command)
    for mode, goal in GOALS.items():
        s = report.section(f"testpmd {mode}, {FRAMES}", unit=each(guest),
                           axis="burst", place=place(guest),
                           command=f"{commands[0]}; set fwd {mode}; set burst N")
        s.goal("DPDK igb", goal)
        for burst in found["net_tce_igb"][mode]:
            s.row(burst, {name: cost(rates[mode][burst]) for name, rates in found.items()})


def forwarder(report, guest, drivers, small):
    """A forwarder of twenty lines, which is not testpmd."""
    path, costs, command = guest_program(guest, "bench-forward"), {}, ""
    for burst in BURSTS[-1:] if small else BURSTS:
        for name, arguments in drivers.items():
            said, command = program(guest, path, arguments(addresses(guest)),
                                    2000 if small else 200000, burst)
            costs.setdefault(burst, {})[name] = said["each"]
    s = report.section(f"tests/bench/forward.c, {FRAMES}", unit=each(guest), axis="burst",
                       place=place(guest), command=command)
    for burst, values in costs.items():
        s.row(burst, values)


def share(report, guest, drivers, small):
    """The driver's own share: what its burst functions cost."""
    path = guest_program(guest, "bench-share")
    found, command = {}, ""
    for name, arguments in drivers.items():
        found[name], command = program(guest, path, arguments(addresses(guest)),
                                       20 if small else 2000, 32)
    s = report.section("the driver's share, ring of 512, bursts of 32, mempool included",
                       unit=f"{each(guest)}, or for each empty poll", axis="what",
                       place=place(guest), command=command)
    for what, most in SHARES.items():
        s.limit(most, at=what)
    for what in ("receive", "send", "empty"):
        s.row(what, {name: values[what] for name, values in found.items()})


def growth(report, guest, drivers):
    """The same by more queues and ports."""
    for axis, counts in (("queue pairs", (1, 2, 4)), ("ports", (1, 2))):
        costs, command = {}, ""
        for n in counts:
            queues, ports = (n, 2) if axis == "queue pairs" else (1, n)
            for name, arguments in drivers.items():
                rates, command = forwarding(guest, arguments(addresses(guest, ports)), ["txonly"],
                                            (32,), 2, queues)
                costs.setdefault(n, {})[name] = cost(rates["txonly"][32])
        s = report.section(f"testpmd txonly as {axis} are added, bursts of 32", unit=each(guest),
                           axis=axis, place=place(guest), command=f"{command}; set fwd txonly")
        for n, values in costs.items():
            s.row(n, values)
            for name in (name for name, value in values.items() if value is None):
                s.note(f"{name} sends nothing with {n} {axis} here")


def wall(report, guest):
    """Packets in a second of wall time, drivers taking turns; the most of each counts."""
    best, command = {mode: {} for mode in GOALS}, ""
    for _ in range(3):
        for name, arguments in DRIVERS.items():
            rates, command = forwarding(guest, arguments(addresses(guest)), GOALS, (32,), 2)
            for mode in GOALS:
                best[mode][name] = max(best[mode].get(name, 0), rates[mode][32] or 0)
    s = report.section(f"testpmd by the clock, {FRAMES}, bursts of 32", unit="packets/s",
                       axis="mode", place=place(guest), command=f"{command}; set fwd MODE")
    for mode, rates in best.items():
        s.row(mode, rates)
    s.note("the emulated NIC is the limit; the best of 3 runs each, in turns")


def run(report, small):
    if small:
        # One driver: that the other one starts is a matter of other suites.
        drivers = {"net_tce_igb": own_igb}
        for part in (testpmd, forwarder, share):
            part(report, small, drivers, small)
        return
    with hub("p9", "igb") as guest:
        fewer_drivers(guest)
        for part in (testpmd, forwarder, share):
            part(report, guest, DRIVERS, small)
        growth(report, guest, DRIVERS)
    with hub("p9", "igb", icount="") as guest:
        fewer_drivers(guest)
        wall(report, guest)
