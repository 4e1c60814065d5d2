# SPDX-License-Identifier: BSD-3-Clause
"""The rig's own suite: what the other suites rely on, and that it notices what it should."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GUEST = os.path.dirname(HERE)
sys.path.remove(HERE)  # this file bears the name of the module that it tests
sys.path.insert(0, GUEST)

from rig import ChannelError, Device, Guest, GuestError, Nic  # noqa: E402
from rig_guest import KEPT, sweep  # noqa: E402
from tap import Tap, equal, want  # noqa: E402

HUB = "hubport,hubid=0"
# One DMA read of 64 bytes at an I/O address that nothing maps. The device takes its registers
# in the byte order of the architecture: big-endian for the emulator's POWER.
STRAY = """
setpci -s {addr} COMMAND=6
read base rest </sys/bus/pci/devices/{addr}/resource
devmem $((base + 0x80)) 32 0x00000005
devmem $((base + 0x88)) 32 0x00000400
devmem $((base + 0x90)) 32 0x40000000
devmem $((base + 0x98)) 32 0x01000000
sleep 1
"""


def left_behind(pid):
    """Processes and folders of a rig that had this process id."""
    found = glob.glob(f"{tempfile.gettempdir()}/libtce-guest-{pid}-*")
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                if f"libtce-guest-{pid}-".encode() in f.read():
                    found.append(path)
        except OSError:
            continue
    return found


def commands(tap, g):
    with tap.point("a command's status and all its output come back"):
        r = g.run("echo out; echo err >&2; exit 7")
        equal((r.status, r.out), (7, "out\nerr\n"), "status and output")
    with tap.point("a command ended by a signal says so"):
        equal(g.run("kill -9 $$").status, -9, "status")
    with tap.point("a background command takes input, is waited for, and is killed"):
        j = g.start("while read x; do echo got $x; done; exec sleep 100")
        j.write("one\n")
        want(j.wait_output("got one", 20), j.out())
        equal(j.poll(), None, "status while it runs")
        j.kill(15)
        equal(j.wait(20), -15, "status")
    with tap.point("a command that hangs is a failure that names it"):
        try:
            g.run("echo before; sleep 1000", timeout=2)
            want(False, "no failure")
        except ChannelError as e:
            want("sleep 1000" in str(e) and "before" in str(e), str(e))
    with tap.point("a file goes in and comes back the same"), tempfile.TemporaryDirectory() as d:
        data = os.urandom(3_000_001)
        with open(f"{d}/out", "wb") as f:
            f.write(data)
        g.put(f"{d}/out", "/tmp/some folder/file")
        g.get("/tmp/some folder/file", f"{d}/back")
        with open(f"{d}/back", "rb") as f:
            want(f.read() == data, "the file differs")


def devices(tap, g):
    with tap.point("each device has an address, a group of its own, and is bound to vfio-pci"):
        groups = [g.group(d.addr) for d in g.devices]
        equal(len(set(groups)), len(g.devices), f"groups {groups}")
        for nic in g.nics:
            out = g.run(f"readlink /sys/bus/pci/devices/{nic.addr}/driver").out
            want(out.endswith("/vfio-pci\n"), out)
    with tap.point("a device goes to its kernel driver and back"):
        g.run("modprobe igb", check=True)
        g.bind(g.nics[0].addr, "igb")
        g.run(f"ls /sys/bus/pci/devices/{g.nics[0].addr}/net/*/address", check=True)
        g.bind(g.nics[0].addr)
    with tap.point("hugepages are reserved and counted"):
        equal(g.ledger(), {"total": 64, "free": 64, "rsvd": 0, "surp": 0, "complaints": []},
              "ledger")


def lpar(tap):
    begin = time.monotonic()
    try:
        with Guest("lpar", nics=[Nic("igb", HUB), Nic("e1000e", HUB)],
                   devices=[Device("edu", bind="")], hugepages=64) as g:
            tap.note(f"lpar was up after {g.boot_seconds:.1f} s")
            commands(tap, g)
            devices(tap, g)
            with tap.point("a guest at rest has no stray DMA"):
                equal(g.stray(), [], "stray DMA")
            g.run(STRAY.format(addr=g.devices[2].addr), check=True)
        said = "no failure"
    except GuestError as e:
        said = str(e)
    with tap.point("a stray DMA access fails the run that it happened in"):
        want("stray DMA" in said and "0x5000000" in said, said)
    tap.note(f"{time.monotonic() - begin:.0f} s for lpar")


def broken_kernel(tap):
    """The 64K kernel and QEMU's default bridge, and in the end a crash of that kernel."""
    said = "no failure"
    try:
        with Guest("lpar", nics=[Nic("igb", HUB), Nic("igb", HUB)], kernel="64k", hugepages=64,
                   default_bridge=True, expect_trouble=True) as g:
            with tap.point("the 64K kernel runs"):
                out = g.run("grep -m 1 KernelPageSize /proc/self/smaps").out
                equal(out.split()[1:], ["64", "kB"], "page size")
            with tap.point("on the default bridge both devices are in one group"):
                equal(g.group(g.nics[0].addr), g.group(g.nics[1].addr), "group")
            g.run("echo c >/proc/sysrq-trigger; sleep 60", timeout=60)
    except (ChannelError, GuestError) as e:
        said = str(e)
    with tap.point("its logs are kept"):
        want(os.path.exists(f"{g.dir}/{KEPT}") and os.path.exists(f"{g.dir}/console.log"), g.dir)
        shutil.rmtree(g.dir)
    with tap.point("a kernel that breaks down ends the wait and is reported"):
        want("sysrq" in said and ("kernel is broken" in said or "OS terminated" in said), said)


def command_line(tap):
    rig = f"{GUEST}/rig"
    with tempfile.TemporaryDirectory() as d:
        with open(f"{d}/script", "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\necho \"$# $2\" >/out/said\n"
                    "ls /sys/bus/pci/devices/$DEV0 || exit 9\n"
                    + STRAY.format(addr="$DEV1") + "exit 5\n")
        argv = [rig, "run", "--nic", f"e1000e:{HUB}", "--device", "edu", "--out", f"{d}/out"]
        with tap.point("rig run on p9: the script's status and what it left in /out"):
            p = subprocess.run([*argv, "--expect-stray", "p9", f"{d}/script", "a", "b c"],
                               capture_output=True, text=True, timeout=120, check=False)
            equal(p.returncode, 5, "status: " + p.stdout + p.stderr)
            with open(f"{d}/out/said", encoding="utf-8") as f:
                equal(f.read(), "2 b c\n", "/out/said")
        for name, sig in (("Ctrl-C", signal.SIGINT), ("SIGTERM", signal.SIGTERM)):
            with tap.point(f"{name} ends the rig with its guest and leaves nothing"):
                equal(interrupted([*argv, "lpar", f"{d}/script"], sig), [], "left")
        with tap.point("the guest does not outlive a rig that was killed"):
            left = interrupted([*argv, "lpar", f"{d}/script"], signal.SIGKILL)
            equal([x for x in left if x.startswith("/proc")], [], "left")


def interrupted(argv, sig):
    """Start a rig, end it while its guest boots; what is left. A check that runs in the background
    has SIGINT ignored, and would leave that to its children."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as p:
        end = time.monotonic() + 30
        while not any(x.startswith("/proc") for x in left_behind(p.pid)):
            want(time.monotonic() < end and p.poll() is None, "no guest was started")
            time.sleep(0.1)
        time.sleep(1)
        p.send_signal(sig)
        p.communicate(timeout=20)
    time.sleep(0.5)
    return left_behind(p.pid)


def swept(tap):
    """What is left of rigs that are gone: logs that a failure refers to stay for a day."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    with tap.point("logs of a failed run stay for a day, what else a dead rig left goes"):
        left = {age: tempfile.mkdtemp(prefix=f"libtce-guest-{gone.pid}-") for age in
                ("none", "new", "old")}
        for age in ("new", "old"):
            with open(f"{left[age]}/{KEPT}", "w", encoding="utf-8"):
                pass
        os.utime(f"{left['old']}/{KEPT}", (0, time.time() - 25 * 3600))
        sweep()
        there = [age for age, path in left.items() if os.path.exists(path)]
        shutil.rmtree(left["new"])
        equal(there, ["new"], "folders that are left")


def main():
    tap = Tap()
    swept(tap)
    lpar(tap)
    broken_kernel(tap)
    command_line(tap)
    return tap.end()


sys.exit(main())
