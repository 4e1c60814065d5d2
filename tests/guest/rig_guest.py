# SPDX-License-Identifier: BSD-3-Clause
"""A guest: what it is made of, its start, its end, and what is asked of it in between."""
import ctypes
import dataclasses
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import rig_image
from machines import MACHINES
from rig_build import agent, stage
from rig_channel import Channel, ChannelError
from rig_setup import cache_dir, qemu_command

# Lines of QEMU's own log that mean: a device reached for an I/O address that nothing maps.
STRAY = re.compile(r"Invalid (?:read|write) at addr|TCE access fault|region '.*rejected", re.I)
TROUBLE = re.compile(r"WARNING: (?:CPU|\S+:\d+ at )|BUG: |kernel BUG|Oops|Unable to handle|"
                     r"Kernel panic|soft lockup|detected stall|hung_task|blocked for more than")
FATAL = re.compile(r"kernel BUG|Oops|Unable to handle kernel|Kernel panic|Attempted to kill init")
# A guest's write to a PCI function's command register, in the same log: model, value.
COMMAND = re.compile(r"pci_cfg_write (\S+) \S+ @0x4 <- (0x[0-9a-f]+)", re.I)
BUS_MASTER = 4
PR_SET_PDEATHSIG = 1
KEPT = "kept"  # marks a folder of logs that a failure refers to
# Zeroing every page, flushing caches at each system call and testing ciphers cost an emulated
# guest seconds. Its watchdogs run by this host's clock: on a busy host they would tell of that.
# The last word is for programs that only a kernel of the rig's may be given to.
CMDLINE = "console=hvc0 quiet loglevel=5 panic=-1 init_on_alloc=0 mitigations=off " \
          "cryptomgr.notests=1 nowatchdog rcupdate.rcu_cpu_stall_suppress=1 libtce.throwaway=1"

BIND = """\
cd /sys/bus/pci/devices/{addr} || exit
echo {driver} >driver_override
[ ! -e driver ] || echo {addr} >driver/unbind
echo {addr} >/sys/bus/pci/drivers_probe
[ driver -ef /sys/bus/pci/drivers/{driver} ] && exit
echo {addr} is not bound to {driver}
exit 1
"""


class GuestError(Exception):
    """Something that must not happen did; the text says what, and where the logs are."""


@dataclasses.dataclass
class Device:
    """A PCI device of the guest; `addr` is filled in when the guest is up."""
    spec: str  # QEMU's -device text without bus and id
    _: dataclasses.KW_ONLY
    bind: str = "vfio-pci"  # driver it is bound to at the start; "" leaves it alone
    bridge: dict = dataclasses.field(default_factory=dict)  # host bridge options (lpar)
    # QEMU's text of a second function of the slot, which is left to nobody. A device that shares
    # its bus is not reset through it, which takes bare metal three seconds each time.
    beside: str = ""
    addr: str = ""

    def arguments(self, index):
        return [], f"{self.spec},id=dev{index}"


@dataclasses.dataclass
class Nic(Device):
    """A network device: model, QEMU netdev text (without id), MAC, capture file."""
    spec: str = "igb"
    netdev: str = ""
    _: dataclasses.KW_ONLY
    mac: str = ""
    dump: str = ""

    def arguments(self, index):
        mac = self.mac or f"52:54:00:00:00:{index + 1:02x}"
        argv = []
        text = f"{self.spec},id=dev{index},mac={mac},romfile="
        if self.netdev:
            argv += ["-netdev", f"{self.netdev},id=net{index}"]
            text += f",netdev=net{index}"
            if self.dump:
                argv += ["-object", f"filter-dump,id=dump{index},netdev=net{index},"
                                    f"file={self.dump}"]
        return argv, text


@dataclasses.dataclass
class Result:
    status: int  # exit status, or minus the signal
    out: str


def sweep():
    """Remove what a killed rig left behind: folders named after processes that are gone. The logs
    of a failed run stay for a day."""
    for path in glob.glob(f"{tempfile.gettempdir()}/libtce-guest-*-*"):
        pid = os.path.basename(path).split("-")[2]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}") and not young(f"{path}/{KEPT}"):
            shutil.rmtree(path, ignore_errors=True)


def young(path):
    """Is there such a file, and was it written today?"""
    return os.path.exists(path) and time.time() - os.path.getmtime(path) < 24 * 3600


class Guest:
    """A running machine; use it as a context manager.

    Its processors take turns in one thread of the emulator, a tenth of a second each, unless they
    have to be parallel, for a race in the guest's kernel: with a thread for each, QEMU 10.0 ends in
    assertions of its own (iotlb_to_section(), msix_table_mmio_write()) when one of them moves a BAR
    that another one uses, as a NIC's driver does at its start; every second run on a busy host."""

    def __init__(self, machine="lpar", nics=(), devices=(), mem=4096, maxmem=0, smp=2,
                 hugepages=512, kernel="", append="", files=None, bridge=None,
                 default_bridge=False, machine_options=(), spapr=True, modules=(), icount="",
                 build="build/ppc64le-gcc", expect_stray=False, expect_trouble=False,
                 logs="", boot_timeout=240, qemu_args=(), one_at_a_time=False,
                 parallel=False, vf=False):
        if machine not in MACHINES:
            raise ValueError(f"no machine {machine}: there are {', '.join(MACHINES)}")
        self.machine, self.mem, self.maxmem, self.smp = machine, int(mem), maxmem, smp
        self.devices = [*nics, *devices]
        self.nics = list(nics)
        self.hugepages, self.append = hugepages, append
        self.kernel = kernel or MACHINES[machine].KERNEL
        self.files = dict(files or {})
        self.bridge = dict(bridge or {})
        self.default_bridge, self.machine_options = default_bridge, machine_options
        self.modules = [*(["vfio", "vfio_iommu_spapr_tce"] if spapr else ["vfio"]), "vfio_pci",
                        *modules]
        self.icount, self.build = icount, build
        self.expect_stray, self.expect_trouble = expect_stray, expect_trouble
        self.one_at_a_time, self.parallel = one_at_a_time, parallel
        self.emulator = "qemu-vf" if vf else "qemu"  # see rig_setup.py
        self.logs, self.boot_timeout, self.qemu_args = logs, boot_timeout, qemu_args
        self.cache = cache_dir()
        self.vmlinux = f"{self.cache}/kernel-{self.kernel}/vmlinux"
        self.cmdline = f"{CMDLINE} {append}".strip()
        self.dir = self.image = self.qemu = self.channel = None
        self.console = []
        self._stray_from = 0
        self._reader = None
        self.boot_seconds = 0.0

    # ------------------------------------------------------------------------ start and end

    def __enter__(self):
        try:
            try:
                self._start()
            except ChannelError:
                # QEMU 10.0's powernv now and then fails an assertion of its own in the firmware,
                # before there is a kernel. Once; twice is no accident.
                if not self._aborted_in_firmware():
                    raise
                self._stop()
                self._clean(keep=False)
                self.logs = "" if self.logs == self.dir else self.logs
                self.console.clear()
                self._start()
        except BaseException as e:
            self._stop()
            self._clean(keep=isinstance(e, Exception))
            raise
        return self

    def _aborted_in_firmware(self):
        return (self.machine != "lpar" and self.qemu.poll() == -signal.SIGABRT
                and not any("Starting kernel" in line for line in self.console))

    def __exit__(self, kind, value, trace):
        self._stop()
        keep = kind is not None and issubclass(kind, Exception)
        try:
            if kind is None:
                self._verdict()
        except GuestError:
            keep = True
            raise
        finally:
            self._clean(keep)
        return False

    def _start(self):
        begin = time.monotonic()
        if not os.path.exists(f"{self.cache}/base-image/base.cpio"):
            raise GuestError(f"no guest image in {self.cache}: run `tests/guest/rig setup` first")
        sweep()
        self.dir = tempfile.mkdtemp(prefix=f"libtce-guest-{os.getpid()}-")
        self.logs = os.path.abspath(self.logs or self.dir)
        os.makedirs(self.logs, exist_ok=True)
        self.image = f"{self.dir}/image.cpio"
        rig_image.run_image(f"{self.cache}/base-image/base.cpio", self.image, self._fill)
        ours, theirs = socket.socketpair()
        self._launch(theirs.fileno())
        theirs.close()
        self.channel = Channel(ours, self._condition)
        if not self.channel.hello.wait_for(self.boot_timeout, self._condition):
            raise GuestError(f"the guest was not up within {self.boot_timeout} s; its console "
                             f"ends:\n{self.console_tail()}\n{self.where()}")
        self.boot_seconds = time.monotonic() - begin
        self._stray_from = os.path.getsize(self._qemu_log())
        os.unlink(self.image)
        self._find_devices()

    def _fill(self, cpio):
        """What differs from run to run: agent, modules, our build, the caller's files."""
        kernel = f"{self.cache}/kernel-{self.kernel}/modules"
        with open(f"{kernel}/version", encoding="utf-8") as f:
            version = f.read()
        for name in os.listdir(kernel):
            cpio.add(f"{kernel}/{name}", f"usr/lib/modules/{version}/{name}")
        cpio.add(agent(self.cache), "init")
        order = [f"/lib/modules/{version}/{name}"
                 for name in rig_image.load_order(kernel, self.modules)]
        cpio.data("rig/boot", "".join(f"{line}\n" for line in (self.hugepages, *order)).encode())
        staged = stage(self.build)
        if staged:
            for part in sorted(os.listdir(f"{staged}/usr/local")):
                cpio.add(f"{staged}/usr/local/{part}", f"usr/local/{part}")
        for guest_path, host_path in self.files.items():
            cpio.add(os.path.realpath(host_path), guest_path)

    def _arguments(self, port_fd):
        base, self.qemu_env = qemu_command(self.cache, self.emulator)
        machine = MACHINES[self.machine]
        more, port_bus = machine.arguments(self)
        thread = "multi" if self.parallel and not self.icount else "single"
        argv = [*base, "-accel", f"tcg,thread={thread}", "-smp", str(self.smp), "-display", "none",
                *more]
        if self.icount:
            argv += ["-icount", self.icount]
        argv = machine.boot(self, argv)
        argv += ["-chardev", f"socket,id=rigchr,fd={port_fd}",
                 "-device", f"virtio-serial-pci,id=rigser,bus={port_bus}",
                 "-device", "virtserialport,bus=rigser.0,chardev=rigchr,name=rig"]
        for index, device in enumerate(self.devices):
            before, bus = machine.plug(self, index)
            net, text = device.arguments(index)
            if device.beside:
                text += ",multifunction=on,addr=0.0"
                net += ["-device", f"{device.beside},bus={bus},addr=0.1"]
            argv += [*before, *net, "-device", f"{text},bus={bus}"]
        return [*argv, *self.qemu_args]

    def _launch(self, port_fd):
        os.set_inheritable(port_fd, True)
        argv = self._arguments(port_fd)
        argv += ["-serial", "stdio", "-monitor", "none", "-d", "guest_errors,invalid_mem",
                 "-D", self._qemu_log()]
        if self.one_at_a_time:
            argv += ["-trace", "pci_cfg_write"]
        with open(self._qemu_log(), "w", encoding="utf-8"):
            pass
        with open(f"{self.logs}/qemu.args", "w", encoding="utf-8") as f:
            f.write(" \\\n".join(argv) + "\n")
        parent = os.getpid()

        def die_with_parent():
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        with open(f"{self.logs}/qemu.err", "wb") as err:
            self.qemu = subprocess.Popen(argv, env=self.qemu_env, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=err, pass_fds=[port_fd],
                                         preexec_fn=die_with_parent, start_new_session=True)
        self._reader = threading.Thread(target=self._read_console, daemon=True)
        self._reader.start()

    def _read_console(self):
        with open(f"{self.logs}/console.log", "wb", buffering=0) as log:
            for line in self.qemu.stdout:
                log.write(line)
                self.console.append(line.decode("utf-8", "replace").rstrip())

    def _stop(self):
        if self.qemu:
            self.qemu.terminate()
            try:
                self.qemu.wait(5)
            except subprocess.TimeoutExpired:
                self.qemu.kill()
                self.qemu.wait()
            self._reader.join(5)
        if self.channel:
            self.channel.close()

    def _clean(self, keep):
        """Remove this run's folder, but for logs that a failure refers to."""
        if self.dir and (self.logs != self.dir or not keep):
            shutil.rmtree(self.dir, ignore_errors=True)
        elif self.dir:
            if self.image and os.path.exists(self.image):
                os.unlink(self.image)
            with open(f"{self.dir}/{KEPT}", "w", encoding="utf-8"):
                pass

    def _verdict(self):
        stray = [] if self.expect_stray else self.stray()
        if stray:
            raise GuestError(f"{len(stray)} stray DMA accesses, the first: {stray[0]}; "
                             + self.where())
        trouble = self.trouble()
        if trouble and not self.expect_trouble:
            raise GuestError(f"the guest's kernel complained: {trouble[0]}; {self.where()}")

    def _condition(self):
        """Why waiting for the guest is in vain, or None."""
        if self.qemu.poll() is not None:
            with open(f"{self.logs}/qemu.err", encoding="utf-8", errors="replace") as f:
                said = f.read().strip()
            return (f"QEMU ended with status {self.qemu.returncode}: "
                    f"{said}\n{self.console_tail(40)}\n{self.where()}")
        if any(FATAL.search(line) for line in self.console):
            time.sleep(1)  # let the rest of the report arrive
            return f"the guest's kernel is broken:\n{self.console_tail(40)}\n{self.where()}"
        return None

    def where(self):
        return f"logs: {self.logs}"

    def console_tail(self, lines=12):
        return "\n".join(self.console[-lines:])

    def _qemu_log(self):
        return f"{self.logs}/qemu.log"

    def stray(self):
        """Lines of QEMU's log since the guest was up that tell of DMA to unmapped addresses.

        QEMU has the same line for what a device tries while its bus mastering is off: real ones do
        not try then. Where one device is used at a time, the last command written tells whether it
        is off; the log does not tell devices of one model in several domains apart."""
        models = {device.spec.partition(",")[0] for device in self.devices}
        # The commands of the boot count, its accesses do not.
        at = 0 if self.one_at_a_time else self._stray_from
        master, found = True, []
        with open(self._qemu_log(), "rb") as f:
            f.seek(at)
            for raw in f:
                line, at = raw.decode("utf-8", "replace").strip(), at + len(raw)
                command = COMMAND.search(line) if self.one_at_a_time else None
                if command and command.group(1) in models:
                    master = bool(int(command.group(2), 16) & BUS_MASTER)
                elif at > self._stray_from and STRAY.search(line) and master:
                    found.append(line)
        return found

    def trouble(self):
        """Warnings and worse that the guest's kernel put on its console."""
        return [line for line in self.console if TROUBLE.search(line)]

    # ------------------------------------------------------------------------ work inside

    def start(self, command, pty=False):
        """Start a shell command in the background; see Job in rig_channel.py."""
        return self.channel.start(command, pty)

    def run(self, command, timeout=60, check=False):
        """Run a shell command; its Result. With check a status other than 0 is a GuestError."""
        job = self.start(command)
        job.close()
        status = job.wait(timeout)
        result = Result(status, job.out())
        if check and status:
            raise GuestError(f"in the guest: `{command}` ended with {status}:\n{result.out}")
        return result

    def put(self, host, guest, timeout=60):
        """Copy a file into the guest, with its mode."""
        mode = "755" if os.access(host, os.X_OK) else "644"
        job = self.start(f"mkdir -p \"$(dirname '{guest}')\" && cat > '{guest}' && "
                         f"chmod {mode} '{guest}'")
        with open(host, "rb") as f:
            while data := f.read(32768):
                job.write(data)
        job.close()
        if job.wait(timeout):
            raise GuestError(f"cannot put {host} to {guest}: {job.out()}")

    def get(self, guest, host, timeout=60):
        """Copy a file out of the guest."""
        job = self.start(f"cat '{guest}'")
        if job.wait(timeout):
            raise GuestError(f"cannot get {guest}: {job.out()}")
        with open(host, "wb") as f:
            f.write(job.raw())

    def dmesg(self):
        return self.run("dmesg").out

    def ledger(self, settle=1.0):
        """Hugepage counts a second later (pages come back after a grace period), and the
        kernel's complaints: what each test compares at its end with its start."""
        time.sleep(settle)
        text = self.run("grep ^HugePages /proc/meminfo", check=True).out
        pages = {k.lower(): int(v) for k, v in re.findall(r"HugePages_(\w+):\s*(\d+)", text)}
        pages["complaints"] = [x for x in self.dmesg().splitlines() if TROUBLE.search(x)]
        return pages

    # ------------------------------------------------------------------------ PCI devices

    def _find_devices(self):
        """Give every device its address: bus by bus, in the order they were plugged."""
        out = self.run("cd /sys/bus/pci/devices; for d in *; do read c <$d/class; "
                       "read v <$d/vendor; read p <$d/device; echo $d $c $v $p; done",
                       check=True).out
        found = [line.split()[0] for line in out.splitlines()
                 if not line.split()[1].startswith(("0x0604", "0x0780"))]
        if any(device.beside for device in self.devices):
            found = [addr for addr in found if addr.endswith(".0")]
        if len(found) != len(self.devices):
            raise GuestError(f"{len(self.devices)} devices were plugged, the guest sees:\n{out}")
        script = ""
        for device, addr in zip(self.devices, sorted(found)):
            device.addr = addr
            if device.bind:
                script += f"({BIND.format(addr=addr, driver=device.bind)}) || exit\n"
        if script:
            self.run(script, check=True)

    def bind(self, addr, driver="vfio-pci"):
        """Bind a PCI function to a driver, off whatever drives it now."""
        self.run(BIND.format(addr=addr, driver=driver), check=True)

    def unbind(self, addr):
        """Take a PCI function off its driver."""
        self.run(f"cd /sys/bus/pci/devices/{addr} && echo > driver_override && "
                 f"{{ [ ! -e driver ] || echo {addr} > driver/unbind; }}", check=True)

    def group(self, addr):
        """The number of the IOMMU group a PCI function is in."""
        return int(self.run(f"basename $(readlink /sys/bus/pci/devices/{addr}/iommu_group)",
                            check=True).out)
