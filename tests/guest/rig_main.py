# SPDX-License-Identifier: BSD-3-Clause
"""Command line of the rig."""
import argparse
import io
import os
import select
import shutil
import signal
import sys
import tarfile
import termios
import tty

from machines import MACHINES
from rig_apt import AptError
from rig_build import BuildError
from rig_channel import ChannelError
from rig_guest import Device, Guest, GuestError, Nic
from rig_setup import Setup

ABOUT = """\
The rig: POWER machines in QEMU, on any Debian host, for building and testing libtce.

  rig setup                 fetch what building and booting need, once; later runs are offline
  rig run MACHINE SCRIPT    boot, run a script of the host inside, bring back its exit status
  rig shell [MACHINE]       boot, and give a shell inside

Machines:
"""

DETAIL = """\
A guest has busybox, dpdk-testpmd with all of DPDK's drivers, strace, setpriv, prlimit, lspci and
setpci, hugepages on /dev/hugepages, and this tree's build (build/ppc64le-gcc, if there is one)
under /usr/local. NICs and devices are bound to vfio-pci; their PCI addresses are in $DEV0, $DEV1,
... What a script leaves in /out comes back to the folder that --out names.

QEMU logs each access of a device to an I/O address that nothing maps. Such a line, from the
moment the guest is up until it ends, makes the run fail unless --expect-stray is given; so does a
warning of the guest's kernel unless --expect-trouble is given.

Everything is in $LIBTCE_CACHE, or else $XDG_CACHE_HOME/libtce, or else ~/.cache/libtce. Tests in
Python use the same through rig.py.
"""


def parser():
    about = ABOUT + "".join(f"  {n:<8} {m.ABOUT}\n" for n, m in MACHINES.items())
    p = argparse.ArgumentParser(prog="rig", description=about, epilog=DETAIL,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True, metavar="setup|run|shell")
    s = sub.add_parser("setup", help="fetch what is needed")
    s.add_argument("--no-guests", action="store_true", help="only what building needs")
    s.add_argument("--bench", action="store_true", help="what make bench needs, too")
    s.add_argument("--conform", action="store_true", help="what make conform needs, too")
    run = sub.add_parser("run", help="run a script in a guest")
    run.add_argument("machine", choices=list(MACHINES))
    run.add_argument("script", help="a file of the host, run in the guest")
    run.add_argument("args", nargs="*", help="arguments of the script")
    run.add_argument("--timeout", type=float, default=600, metavar="S", help="for the script")
    run.add_argument("--out", metavar="DIR", help="bring the guest's /out back to DIR")
    shell = sub.add_parser("shell", help="a shell in a guest")
    shell.add_argument("machine", nargs="?", default="lpar", choices=list(MACHINES))
    for q in (run, shell):
        guest_options(q)
    return p


def guest_options(q):
    q.add_argument("--nic", action="append", default=[], metavar="MODEL[:NETDEV]",
                   help="a NIC and QEMU's -netdev text (default: two igb on one hub)")
    q.add_argument("--device", action="append", default=[], metavar="TEXT",
                   help="any PCI device, as for QEMU's -device")
    q.add_argument("--mem", type=int, default=4096, metavar="MB")
    q.add_argument("--smp", type=int, default=2, metavar="N")
    q.add_argument("--hugepages", type=int, default=512, metavar="N")
    q.add_argument("--kernel", choices=("4k", "64k", "newest"), default="",
                   help="page size of the kernel (default: the machine's)")
    q.add_argument("--append", default="", metavar="ARGS", help="kernel arguments: disable_ddw")
    q.add_argument("--icount", default="", metavar="TEXT", help="QEMU's -icount: shift=0,sleep=off")
    q.add_argument("--bridge", action="append", default=[], metavar="KEY=VALUE",
                   help="host bridges of lpar: ddw, dma64_win_addr, dma_win_size, pgsz")
    q.add_argument("--default-bridge", action="store_true",
                   help="lpar: all devices on one host bridge, in one group")
    q.add_argument("--no-spapr", action="store_true", help="leave vfio_iommu_spapr_tce unloaded")
    q.add_argument("--module", action="append", default=[], help="load this module too")
    q.add_argument("--file", action="append", default=[], metavar="HOST:GUEST",
                   help="put a file or folder into the guest")
    q.add_argument("--build", default="build/ppc64le-gcc", metavar="DIR",
                   help="the Meson build that is installed in the guest")
    q.add_argument("--logs", default="", metavar="DIR", help="keep console and QEMU logs there")
    q.add_argument("--expect-stray", action="store_true")
    q.add_argument("--expect-trouble", action="store_true")


def make_guest(a):
    texts = a.nic or ["igb:hubport,hubid=0", "igb:hubport,hubid=0"]
    nics = [Nic(model, netdev) for model, _, netdev in (t.partition(":") for t in texts)]
    files = {guest: host for host, _, guest in (t.rpartition(":") for t in a.file)}
    return Guest(a.machine, nics=nics, devices=[Device(t) for t in a.device], mem=a.mem, smp=a.smp,
                 hugepages=a.hugepages, kernel=a.kernel, append=a.append, icount=a.icount,
                 bridge=dict(t.split("=", 1) for t in a.bridge), default_bridge=a.default_bridge,
                 spapr=not a.no_spapr, modules=a.module, files=files, build=a.build, logs=a.logs,
                 expect_stray=a.expect_stray, expect_trouble=a.expect_trouble)


def environment(guest):
    return "".join(f"export DEV{i}={d.addr}; " for i, d in enumerate(guest.devices))


def run_script(a):
    """Boot, run, bring back; the script's status is ours."""
    with make_guest(a) as guest:
        guest.put(a.script, "/rig/script")
        quoted = " ".join("'" + x.replace("'", "'\\''") + "'" for x in a.args)
        job = guest.start(f"mkdir -p /out; {environment(guest)} chmod +x /rig/script; "
                          f"exec /rig/script {quoted}")
        job.tap = lambda data: (sys.stdout.buffer.write(data), sys.stdout.flush())
        job.close()
        try:
            status = job.wait(a.timeout)
        finally:
            if a.out:
                bring_out(guest, a.out)
    return status if status >= 0 else 128 - status


def bring_out(guest, into):
    os.makedirs(into, exist_ok=True)
    job = guest.start("tar -C /out -cf - .")
    if job.wait(120):
        raise GuestError(f"the guest's /out cannot be had: {job.out()}")
    with tarfile.open(fileobj=io.BytesIO(job.raw())) as tar:
        tar.extractall(into)


BANNER = """\
{machine}, {kernel} kernel, up after {seconds:.1f} s. Devices: {devices}
This tree's build is under /usr/local. With it, for example:
  dpdk-testpmd -d librte_net_tce_attach.so --vdev=net_tce_attach0,dev=$DEV0 -- -i
Leave with `exit`; the guest ends then."""


def shell(a):
    """A person's shell: this terminal, raw, joined to one in the guest."""
    print(f"booting {a.machine} ...", flush=True)
    with make_guest(a) as guest:
        devices = ", ".join(f"{d.addr} {d.spec.split(',')[0]} (group {guest.group(d.addr)})"
                            for d in guest.devices)
        print(BANNER.format(machine=a.machine, kernel=guest.kernel, seconds=guest.boot_seconds,
                            devices=devices), flush=True)
        size = shutil.get_terminal_size()
        job = guest.start(f"{environment(guest)} export TERM={os.environ.get('TERM') or 'dumb'} "
                          f"PS1='{a.machine}# '; stty rows {size.lines} cols {size.columns}; "
                          "exec sh -i", pty=True)
        job.tap = lambda data: os.write(1, data)
        return join(job)


def join(job):
    """Pass on what is typed until the shell in the guest ends."""
    saved = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        if saved:
            tty.setraw(0)
        source = [0]
        while job.poll() is None:
            ready, _, _ = select.select(source, [], [], 0.2)
            if ready:
                data = os.read(0, 4096)
                job.write(data or b"\x04")  # our input ended: so does the terminal's
                source = source if data else []
            else:
                job.wait_alive()
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
    return job.poll()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    a = parser().parse_args()
    try:
        if a.what == "setup":
            Setup(guests=not a.no_guests, bench=a.bench,
                  newest=a.conform).run()
            return 0
        Setup().run()
        return run_script(a) if a.what == "run" else shell(a)
    except (AptError, BuildError, ChannelError, GuestError, ValueError) as e:
        return f"rig: {e}"
    except KeyboardInterrupt:
        return "rig: interrupted"


sys.exit(main())
