#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""EAL's memory comes and goes while testpmd forwards: every frame is compared, what is freed goes
back at once, nothing is lost. Bringing memory up costs kernel calls by the run, not the page."""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from cases import balance, forward, group_is_free, on_both
from rig import Guest, Nic, built
from tap import equal, want
from testpmd import Testpmd, attach, fewer_drivers, plain
from wire import Wire

PAGES = 1100
PLUGIN = "/opt/librte_net_tce_test.so"
REPORT = "/tmp/report"
TRACE = "/tmp/trace"
# ';' and the numbers that <linux/vfio.h> adds to its base of 100.
CALLS = {"register": 17, "unregister": 18, "map": 13, "unmap": 14}


def changing(mode):
    """EAL arguments that load the plugin whose thread allocates and frees."""
    return f" -d {PLUGIN} --vdev=net_tce_test0,out={REPORT},mode={mode}"


def report(guest):
    """What that thread wrote last; as if it had done nothing when it has not written yet."""
    said = guest.run(f"cat {REPORT}")
    return json.loads(said.out) if said.status == 0 else {"done": False, "frees": 0}


def start(guest, mode, eal):
    """testpmd with that thread, and no report of an earlier one."""
    guest.run(f"rm -f {REPORT}", check=True)
    return Testpmd(guest, devices_of(guest) + changing(mode), eal=f"-l 0,1 -n 1 {eal}")


def devices_of(guest):
    return attach([nic.addr for nic in guest.nics])


def churn(tap, guest, wire, eal):
    """Blocks of 8 KiB to 24 MiB, written with poison while they live and when they go."""
    mode = "churn,period=2000,least=8192,most=25165824,blocks=12,seed=7,delay=200"
    with start(guest, mode, eal) as testpmd:
        said = forward(wire, testpmd, [0, 1])
        end = time.monotonic() + 30
        while report(guest)["frees"] < 100 and time.monotonic() < end:
            time.sleep(0.5)
        seen = report(guest)
    tap.note(f"{said['good']} frames compared, {said['lost']} lost; {json.dumps(seen)}")
    equal((seen["corrupt"], seen["bad_iova"], seen["failed"], seen["error"]), (0, 0, 0, ""),
          "corrupt blocks, segments without an IOVA, failed allocations, error")
    want(seen["grown"] > 64 << 20 and seen["shrunk"] > 64 << 20, "EAL's memory hardly changed")
    balance(guest, PAGES)


def middle(tap, guest, wire, eal):
    """64 pages and more in one piece, the pool of the traffic in it: 3 from its middle go."""
    with start(guest, "middle,delay=4000", eal) as testpmd:
        said = forward(wire, testpmd, [0, 1])
        end = time.monotonic() + 30
        while not report(guest)["done"] and time.monotonic() < end:
            time.sleep(0.5)
        again = forward(wire, testpmd, [0, 1], 10_000)
        seen = report(guest)
    tap.note(f"{said['good']} + {again['good']} frames compared; {json.dumps(seen)}")
    want(seen["done"] and not seen["error"], f"the plugin did not come to its end: {seen}")
    want(seen["pages"] >= 64 and seen["pool_inside"], f"the pool is not in the piece: {seen}")
    equal(seen["free_after"] - seen["free_before"], 3, "hugepages given back")
    equal(seen["regions_before"] - seen["regions_after"], 3, "regions that ended")
    balance(guest, PAGES)


def kernel_calls(guest, devices, megabytes):
    """Calls of the kernel that bringing up and giving back took, as strace saw them."""
    before = f"strace -f --seccomp-bpf -e trace=ioctl -o {TRACE}"
    with Testpmd(guest, devices, eal=f"-l 0,1 -n 1 -m {megabytes}", before=before, timeout=120):
        pass
    guest.run("rm -f /dev/hugepages/*map_*", check=True)
    trace = guest.run(f"cut -c1-120 {TRACE}", check=True).out
    names = {17: "_REGISTER_MEMORY", 18: "_UNREGISTER_MEMORY", 13: "_MAP_DMA",
             14: "_UNMAP_DMA"}
    return {call: len(re.findall(rf"0x3b, {100 + number:#x},|{names[number]}\b", trace))
            for call, number in CALLS.items()}


def bring_up(tap, guest):
    """The same calls for 256 pages as for 1024, all of them few; DPDK alone makes one a page."""
    devices = attach([guest.nics[0].addr])
    few, many = (kernel_calls(guest, devices, mb) for mb in (512, 2048))
    tap.note(f"-m 512 {few}, -m 2048 {many}")
    equal(many, few, "kernel calls for four times the pages")
    want(0 < many["register"] <= 16 and 0 < many["map"] <= 16, "more calls than EAL has runs")
    equal(many["register"] - many["unregister"], 0, "registered and not given back")
    if guest.machine == "p9":
        alone = kernel_calls(guest, plain([guest.nics[0].addr]), 2048)
        tap.note(f"DPDK alone: -m 2048 {alone}")
        want(alone["register"] >= 1024 and alone["map"] >= 1024, "DPDK alone was not counted")


def machine(tap, name):
    with Wire(2) as wire:
        nics = [Nic("igb", netdev=wire.netdev(i)) for i in range(2)]
        files = {PLUGIN: built("tests/plugin/librte_net_tce_test.so")}
        with Guest(name, nics=nics, hugepages=PAGES, files=files) as guest:
            fewer_drivers(guest)
            if name == "lpar":
                with tap.point(f"{name}: memory freed as it was allocated, under traffic"):
                    churn(tap, guest, wire, "--match-allocations")
            for eal in ("", "--in-memory") if name == "lpar" else ("",):
                with tap.point(f"{name} {eal}: memory grows and shrinks under traffic"):
                    churn(tap, guest, wire, eal)
                with tap.point(f"{name} {eal}: 3 pages from the middle of 64 go, with traffic"):
                    middle(tap, guest, wire, eal)
            with tap.point(f"{name}: kernel calls at bring-up go by runs, not pages"):
                bring_up(tap, guest)
            with tap.point(f"{name}: all hugepages and groups are back"):
                balance(guest, PAGES)
                for nic in guest.nics:
                    group_is_free(guest, nic.addr)


if __name__ == "__main__":
    sys.exit(on_both(machine))
