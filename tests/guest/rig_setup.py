# SPDX-License-Identifier: BSD-3-Clause
"""Set-up: everything that building and booting need, brought to the cache once.

Each step makes one directory of the cache. It works in a directory of its own and renames
it when it is whole, so an interrupted set-up leaves nothing half-done that looks finished.
A step is done again when its recipe (the text of key()) changes.
"""
import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import time

import rig_cross
import rig_image
from rig_apt import (AptError, Log, PrivateApt, free_space, install_host, installed, mirror,
                     os_release, plan_host, unpack)

# What the guests are made of, whatever the host's release: see doc/platforms.md for why the
# kernel has to be 6.11 or later while DPDK stays with Debian 12's.
GUEST_RELEASE = "bookworm"
KERNEL_SUITES = ("bookworm-backports", "trixie")
NEWEST_SUITE = "sid"  # for make conform only: kernels yet to come
KERNELS = {"4k": "linux-image-powerpc64le", "64k": "linux-image-powerpc64le-64k"}
QEMU_MIN = (10, 0)
# QEMU before 10.0.4 puts registers of virtual functions where no processor reaches them.
VF_SUITE = "trixie"
QEMU_PARTS = re.compile(r"lib|zlib1g|seabios|qemu-system-(ppc|data|common)")

HOST_PACKAGES = ("meson", "ninja-build", "gcc", "g++", "clang", "clang-format", "llvm",
                 "python3-clang", "pkg-config", "libcmocka-dev", "device-tree-compiler")
BENCH_PACKAGES = ("gnuplot-nox",)
CROSS_PACKAGES = ("gcc-powerpc64le-linux-gnu",)
GUEST_PACKAGES = ("dpdk-dev", "libdpdk-dev", "libnuma-dev", "libc6-dev", "libgcc-12-dev",
                  "libcmocka-dev", "libpcap-dev", "busybox-static", "strace",
                  "util-linux", "pciutils", "numactl", "libhugetlbfs-bin", "fio")
NATIVE_PACKAGES = ("libdpdk-dev", "libnuma-dev")
# The host's own C library and tools serve the native build; only DPDK's side is unpacked.
NATIVE_OWN = re.compile(r"zlib1g|lib(?!c6|c-dev|gcc-|stdc|gomp|asan|crypt-dev|perl)")

NEEDS = """\
libtce set-up needs, once:
  packages   {packages}
  download   about {download} MB from {mirror}
  disk       about {disk} GB in {cache} ({free:.0f} GB free)
  memory     4 GB free for each running guest; nothing for set-up itself
It installs nothing else on this host: QEMU, guest kernels and guest packages are unpacked in
the cache and used from there. Detail: {log}"""


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.abspath(os.environ.get("LIBTCE_CACHE") or f"{base}/libtce")


def host_arch():
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True,
                          check=True).stdout.strip()


class Setup:
    """The steps, and what they share."""

    def __init__(self, guests=True, bench=False, newest=False):
        self.cache = cache_dir()
        self.guests, self.bench, self.newest = guests, bench, newest
        self.log = Log(f"{self.cache}/setup.log")
        self.codename = os_release()
        self.arch = host_arch()
        self._apt = {}
        self._mirror = None

    def mirror(self):
        self._mirror = self._mirror or mirror(self.log, self.codename)
        return self._mirror

    def apt(self, name, arch, suites, status=None):
        """A private apt with fresh lists; made once per run and name."""
        if name not in self._apt:
            uri, key = self.mirror()
            lines = [f"{kind} [signed-by={key}] {uri} {suite} main"
                     for suite in suites for kind in ("deb", "deb-src")]
            apt = PrivateApt(self.log, f"{self.cache}/apt/{name}", arch, lines, status)
            apt.update()
            self._apt[name] = apt
        return self._apt[name]

    def guest_apt(self):
        return self.apt("guest", "ppc64el", (GUEST_RELEASE,))

    def fetch(self, apt, wanted, root):
        """Download {name: version} and unpack it into root."""
        debs = f"{root}.debs"
        try:
            unpack(self.log, apt.download(wanted, debs), root)
        finally:
            shutil.rmtree(debs, ignore_errors=True)

    # -------------------------------------------------------------------------- the steps

    def make_qemu(self, out):
        """QEMU 10 from the release or its backports; libraries that the host lacks beside it."""
        apt = self.apt("host", self.arch, (self.codename, f"{self.codename}-backports"),
                       "/var/lib/dpkg/status")
        for suite in (self.codename, f"{self.codename}-backports"):
            found = [v for v, line in apt.versions("qemu-system-ppc") if f" {suite}/" in line]
            number = re.match(r"(?:\d+:)?(\d+)\.(\d+)", found[0]) if found else None
            if number and tuple(map(int, number.groups())) >= QEMU_MIN:
                wanted = apt.closure(["qemu-system-ppc"], suite)
                if "qemu-system-ppc" not in wanted:  # the host has this very version
                    wanted["qemu-system-ppc"] = found[0]
                wanted.setdefault("qemu-system-data", found[0])
                self.fetch(apt, wanted, f"{out}/root")
                return
        raise AptError("no QEMU 10 or later for " + self.codename + " in its own suite or in "
                       "its backports: the guests cannot run")

    def make_qemu_vf(self, out):
        """QEMU for virtual functions, beside the C library it was built for."""
        apt = self.apt(f"qemu-{VF_SUITE}", self.arch, (VF_SUITE,))
        wanted = apt.closure(["qemu-system-ppc"])
        self.fetch(apt, {n: v for n, v in wanted.items() if QEMU_PARTS.match(n)}, f"{out}/root")

    def make_herd(self, out):
        """herd7, which simulates memory models, beside the C library it was built for: the host's
        own release may have neither."""
        problem = ""
        for suite in dict.fromkeys((self.codename, "testing", "sid")):
            try:
                apt = self.apt(f"herd-{suite}", self.arch, (suite,))
                if apt.versions("herdtools7"):
                    break
            except AptError as e:  # a mirror can have let one suite's lists expire
                problem = f"; {e}"
        else:
            raise AptError(f"no herdtools7 for {self.arch} in {self.codename}, testing or sid"
                           + problem)
        self.fetch(apt, apt.closure(["herdtools7"]), f"{out}/root")
        said = self.log.call(["readelf", "--program-headers", f"{out}/root/usr/bin/herd7"])
        loader = re.search(r"interpreter: /([^\]]+)", said).group(1)
        os.makedirs(f"{out}/lib")
        for lib in glob.glob(f"{out}/root/usr/lib/*/lib*.so*"):
            if re.match(r"lib(c|m|gmp)\.so\.", os.path.basename(lib)):
                shutil.copy(lib, f"{out}/lib/{os.path.basename(lib)}")
        shutil.copy(f"{out}/root/{loader}", f"{out}/lib/loader")
        shutil.copy(f"{out}/root/usr/bin/herd7", f"{out}/herd7")
        shutil.copytree(f"{out}/root/usr/share/herdtools7/herd", f"{out}/models")
        shutil.rmtree(f"{out}/root")
        self.log.call([*herd_command(out, ""), "-version"], why="the unpacked herd7 does not run")

    def make_kernel(self, flavour, out):
        """A guest kernel, its configuration and the modules that guests load."""
        for suite in KERNEL_SUITES:  # a suite's lists are fetched only if it has to be asked
            apt = self.apt(f"kernel-{suite}", "ppc64el", (suite,))
            found = [v for v, line in apt.versions(KERNELS[flavour]) if f" {suite}/" in line]
            if found:
                break
        else:
            raise AptError(f"no {KERNELS[flavour]} in {' or '.join(KERNEL_SUITES)}")
        self.unpack_kernel(apt, KERNELS[flavour], found[0], out)

    def make_newest_kernel(self, out):
        """The newest kernel that Debian has, in parts of one version."""
        apt = self.apt(f"kernel-{NEWEST_SUITE}", "ppc64el", (NEWEST_SUITE,))
        found = apt.versions(KERNELS["4k"])
        if not found:
            raise AptError(f"no {KERNELS['4k']} in {NEWEST_SUITE}")
        self.unpack_kernel(apt, KERNELS["4k"], found[0][0], out)

    def unpack_kernel(self, apt, package, version, out):
        image = re.search(r"(linux-image-\S+) \(= (\S+)\)", apt.depends(package, version))
        parts = re.findall(r"(linux-(?:base|binary|modules)-\S+) \(= (\S+)\)",
                           apt.depends(*image.groups()))
        self.fetch(apt, dict([image.groups(), *parts]), f"{out}/root")
        rig_image.pick_kernel(f"{out}/root", out)
        shutil.rmtree(f"{out}/root")

    def make_guest_root(self, out):
        """Debian for ppc64el: what the guests run, and the sysroot of the cross builds."""
        apt = self.guest_apt()
        self.fetch(apt, apt.closure(GUEST_PACKAGES), out)

    def make_native_dpdk(self, out):
        """DPDK for the host's architecture, so that native builds compile every source."""
        apt = self.apt("native", self.arch, (GUEST_RELEASE,))
        wanted = {n: v for n, v in apt.closure(NATIVE_PACKAGES).items() if NATIVE_OWN.match(n)}
        self.fetch(apt, wanted, out)
        dirs = ":".join(glob.glob(f"{out}/usr/lib/*/pkgconfig") + [f"{out}/usr/share/pkgconfig"])
        self.log.call(["pkg-config", "--exists", "--print-errors", "libdpdk"],
                      env={"PKG_CONFIG_LIBDIR": dirs}, why="the unpacked libdpdk is not complete")
        rig_cross.move_pkg_config(out, f"{self.cache}/native-dpdk")

    def make_headers(self, out):
        """The headers DPDK gives to drivers, which Debian leaves out of libdpdk-dev."""
        version = rig_cross.dpdk_version(f"{self.cache}/guest-root")
        files = self.guest_apt().source("dpdk", version, f"{out}.src")
        try:
            rig_cross.driver_headers(files, out, version)
        finally:
            shutil.rmtree(f"{out}.src", ignore_errors=True)

    def steps(self):
        """(directory, what it is, recipe, maker), in the order of need."""
        return [
            ("guest-root", "Debian for ppc64el: guest programs and cross sysroot",
             [GUEST_RELEASE, *GUEST_PACKAGES], self.make_guest_root, True),
            ("native-dpdk", "DPDK for native builds",
             [GUEST_RELEASE, self.arch, *NATIVE_PACKAGES, NATIVE_OWN.pattern],
             self.make_native_dpdk, True),
            ("dpdk-headers", "DPDK's headers for drivers",
             [GUEST_RELEASE, *rig_cross.EAL_HEADERS], self.make_headers, True),
            ("herd", "herd7, for the memory model", [self.codename, self.arch],
             self.make_herd, True),
            ("qemu", "QEMU for POWER", [self.codename, self.arch], self.make_qemu, self.guests),
            ("qemu-vf", "QEMU for POWER, with virtual functions",
             [VF_SUITE, self.arch, QEMU_PARTS.pattern], self.make_qemu_vf, self.guests),
            ("kernel-4k", "guest kernel, 4K pages", rig_image.MODULES,
             lambda out: self.make_kernel("4k", out), self.guests),
            ("kernel-64k", "guest kernel, 64K pages", rig_image.MODULES,
             lambda out: self.make_kernel("64k", out), self.guests),
            ("kernel-newest", "the newest guest kernel, 4K pages",
             [NEWEST_SUITE, rig_image.MODULES], self.make_newest_kernel,
             self.guests and self.newest),
            ("base-image", "guest file system", rig_image.recipe(),
             lambda out: rig_image.make_base(f"{self.cache}/guest-root", out), self.guests),
        ]

    def todo(self):
        """Steps whose directory is missing or was made by another recipe."""
        left, stale = [], False
        for name, what, recipe, make, wanted in self.steps():
            key = hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]
            # Headers and image follow the guest's packages.
            follows = name in ("dpdk-headers", "base-image") and stale
            if wanted and (follows or read(f"{self.cache}/{name}/.key") != key):
                left.append((name, what, key, make))
                stale = stale or name == "guest-root"
        if self.guests and not any(step[0] == "qemu" for step in left) and not self.qemu_runs():
            left += [(n, w, hashlib.sha256(repr(r).encode()).hexdigest()[:16], m)
                     for n, w, r, m, _ in self.steps() if n == "qemu"]
        return left

    def qemu_runs(self):
        """Is the unpacked QEMU still complete, now that the host may have changed?"""
        argv, env = qemu_command(self.cache)
        with contextlib.suppress(OSError):
            return subprocess.run([*argv, "--version"], env=env, capture_output=True,
                                  check=False).returncode == 0
        return False

    def do(self, name, what, key, make):
        print(f"  {what} ...", end="", flush=True)
        begin = time.monotonic()
        work, final = f"{self.cache}/{name}.new", f"{self.cache}/{name}"
        for leftover in glob.glob(f"{work}*"):
            shutil.rmtree(leftover)
        os.makedirs(work)
        make(work)
        with open(f"{work}/.key", "w", encoding="utf-8") as f:
            f.write(key)
        shutil.rmtree(final, ignore_errors=True)
        os.rename(work, final)
        print(f" {time.monotonic() - begin:.0f} s", flush=True)

    def do_or_say(self, name, *step):
        """All steps are needed but for one, without which make conform has less to compare."""
        try:
            self.do(name, *step)
        except AptError as e:
            if name != "kernel-newest":
                raise
            print(f" it cannot be had: {e}", flush=True)

    def host_packages(self):
        want = list(HOST_PACKAGES + (BENCH_PACKAGES if self.bench else ()))
        if self.arch != "ppc64el":
            want += CROSS_PACKAGES
        missing = [p for p in want if p not in installed(want)]
        if not clang_runtime():
            missing.append(clang_runtime_package(self.log))
        return missing

    def announce(self, missing, left):
        names = {step[0] for step in left}
        sizes = {"guest-root": (76, 0.5), "native-dpdk": (60, 0.3), "dpdk-headers": (16, 0.1),
                 "herd": (61, 0.1),
                 "qemu": (13, 0.1), "qemu-vf": (32, 0.1),
                 "kernel-4k": (45, 0.1), "kernel-64k": (45, 0.1),
                 "kernel-newest": (92, 0.1)}
        download = sum(sizes.get(n, (0, 0))[0] for n in names)
        download += 60 if download else 0  # the package lists
        print(NEEDS.format(
            packages=" ".join(missing) or "none: all are installed",
            download=download + (60 if missing else 0),
            disk=round(sum(sizes.get(n, (0, 0.2))[1] for n in names) + 0.2, 1),
            mirror=self.mirror()[0], cache=self.cache, free=free_space(self.cache) / 1e9,
            log=self.log.path), flush=True)
        if free_space(self.cache) < 3e9:
            raise AptError(f"less than 3 GB are free in {self.cache}: set LIBTCE_CACHE to a "
                           "directory with more space")

    def run(self):
        with locked(f"{self.cache}/lock"):
            missing, left = self.host_packages(), self.todo()
            if not missing and not left:
                self.finish()
                return
            self.log.write(time.strftime("==== %F %T\n"))
            self.announce(missing, left)
            if missing:
                new, upgraded = plan_host(self.log, missing)
                print(f"  apt-get install: {len(new)} new packages ("
                      + " ".join(missing) + " and what they need)"
                      + "".join(f"\n    of this release, newer: {u}" for u in upgraded), flush=True)
                install_host(self.log, missing)
            for step in left:
                self.do_or_say(*step)
            shutil.rmtree(f"{self.cache}/apt", ignore_errors=True)
            self.finish()

    def finish(self):
        rig_cross.write_machine_files(self.cache, self.arch)


def read(path):
    with contextlib.suppress(OSError):
        with open(path, encoding="utf-8") as f:
            return f.read()
    return None


@contextlib.contextmanager
def locked(path):
    """One set-up at a time per cache."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up is at work on this cache; waiting for it", flush=True)
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


def clang_runtime():
    """Does clang have its sanitizers? They are only a recommendation of Debian's clang."""
    with contextlib.suppress(OSError):
        p = subprocess.run(["clang", "-print-file-name=libclang_rt.asan-x86_64.a"
                            if os.uname().machine == "x86_64" else
                            "-print-file-name=libclang_rt.asan-powerpc64le.a"],
                           capture_output=True, text=True, check=False)
        return os.path.isfile(p.stdout.strip()) or has_runtime()
    return False


def has_runtime():
    p = subprocess.run(["clang", "-print-resource-dir"], capture_output=True, text=True,
                       check=False)
    return bool(glob.glob(f"{p.stdout.strip()}/lib/linux/libclang_rt.asan*.a"))


def clang_runtime_package(log):
    """libclang-rt-N-dev of the clang that Debian's `clang` stands for."""
    for _ in range(2):
        out = ""
        with contextlib.suppress(AptError):
            out = log.call(["apt-cache", "depends", "clang"])
        found = re.search(r"Depends: clang-(\d+)", out)
        if found:
            return f"libclang-rt-{found.group(1)}-dev"
        print("  the host's package lists are missing: apt-get update", flush=True)
        log.call(["apt-get", "-q", "update"], why="apt-get update failed")
    raise AptError("apt does not know the package clang: is main in this host's sources?")


def herd_command(cache, step="/herd"):
    """argv that starts the unpacked herd7, by the loader of its own C library."""
    at = f"{cache}{step}"
    return [f"{at}/lib/loader", "--library-path", f"{at}/lib", f"{at}/herd7", "-set-libdir",
            f"{at}/models"]


def qemu_command(cache, step="qemu"):
    """(argv, environment) that start an unpacked QEMU, by its own C library if it has one."""
    root = f"{cache}/{step}/root"
    libs = ":".join(sorted({os.path.dirname(p) for p in glob.glob(f"{root}/usr/lib/*/*.so*")}))
    argv = [f"{root}/usr/bin/qemu-system-ppc64", "-L", f"{root}/usr/share/qemu",
            "-L", f"{root}/usr/share/seabios"]
    loader = glob.glob(f"{root}/usr/lib/*/ld*.so.[12]")
    if loader:
        return [loader[0], "--library-path", libs, *argv], dict(os.environ)
    return argv, dict(os.environ, LD_LIBRARY_PATH=libs)
