# SPDX-License-Identifier: BSD-3-Clause
"""VA to IOVA and IOVA to VA: what a look-up costs, on this host in ns, and on POWER in
instructions. SPDK, libvfn and libvfio-user are beside it in doc/performance.md."""
from packets import hub
from report import counted, guest_program, here, place, run_native

REGIONS = (1, 16, 128, 1024, 4096, 16384)
GUEST_REGIONS = (1, 128, 1024)
LAYOUTS = {"side by side": "regions side by side",
           "scattered": "regions scattered over 64 times as much"}
APART, CHAINED = 0, 1
WAYS = ("VA to IOVA", "IOVA to VA")
KINDS = {APART: "look-ups apart", CHAINED: "each by the answer before it"}


def parse(text):
    """{(way, layout, hit or miss): {regions: {subject: (ns apart, ns chained)}}}."""
    found = {}
    for line in text.splitlines():
        way, layout, hit, regions, subject, *ns = line.split("\t")
        rows = found.setdefault((way, layout, hit), {})
        rows.setdefault(int(regions), {})[subject] = [float(x) for x in ns]
    return found


def tell(report, found, wanted, unit, where, command):
    """The tables that are wanted: (way, layout, hit or miss, apart or chained)."""
    for way, layout, hit, kind in wanted:
        text = KINDS[kind] if unit.startswith("ns") else ""
        s = report.section(f"{way}, {hit}, {LAYOUTS[layout]}{', ' if text else ''}{text}",
                           unit=unit, axis="regions", place=where, command=command)
        for regions, subjects in found[way, layout, hit].items():
            s.row(regions, {name: ns[kind] for name, ns in subjects.items()})


def run(report, small):
    args = ["va", "1" if small else "60", *(str(n) for n in (REGIONS[:2] if small else REGIONS))]
    tell(report, parse(run_native("bench-translate", *args)),
         [(way, layout, "hit", CHAINED) for way in WAYS for layout in LAYOUTS]
         + [(way, "side by side", hit, APART) for way in WAYS for hit in ("hit", "miss")],
         "ns", f"{here()}, one processor, the least of 60 runs in turns",
         f"bench-translate {' '.join(args)}")
    if small:
        on_power(report, small, GUEST_REGIONS[:1])
        return
    with hub("p9", "igb") as guest:
        on_power(report, guest, GUEST_REGIONS)


def on_power(report, guest, regions):
    """Instructions, counted."""
    program = guest_program(guest, "bench-translate")
    command = f"{program} pa 1 {' '.join(str(n) for n in regions)}"
    said = guest.run(command, timeout=600, check=True)
    tell(report, parse(said.out),
         [(way, layout, "hit", APART) for way in WAYS for layout in LAYOUTS]
         + [(way, "side by side", "miss", APART) for way in WAYS],
         counted(guest), place(guest), command)
