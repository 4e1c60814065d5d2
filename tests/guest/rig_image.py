# SPDX-License-Identifier: BSD-3-Clause
"""Guest file systems: an uncompressed cpio of Debian's files, made once, and a small one of
this run's files put behind it. The kernel unpacks both, in that order."""
import glob
import io
import lzma
import os
import re
import shutil
import stat
import subprocess

from rig_apt import AptError

# In load order; dependencies are found from the modules themselves.
MODULES = ("vfio", "vfio_iommu_spapr_tce", "vfio-pci-core", "vfio-pci", "igb", "e1000e", "nvme",
           "virtio_console", "virtio_net", "virtio_pci")
LIBDIR = "usr/lib/powerpc64le-linux-gnu"
PROGRAMS = ("bin/busybox", "usr/bin/dpdk-testpmd", "usr/bin/strace", "usr/bin/setpriv",
            "usr/bin/prlimit", "usr/bin/taskset", "usr/bin/setpci", "usr/bin/lspci")
# Libraries that nothing names as NEEDED: DPDK's drivers, what our own tests link, what
# threads and name look-ups load by themselves.
LIBRARIES = ("librte_*.so.*", "dpdk/pmds-*/*.so*", "libcmocka.so.*", "libgcc_s.so.1",
             "libnuma.so.*", "libpcap.so.*", "libm.so.6", "libdl.so.2", "libpthread.so.0",
             "librt.so.1", "libatomic.so.1")
EXTRA = ("usr/share/misc/pci.ids",)
FOLDERS = ("dev/pts", "dev/shm", "dev/hugepages", "proc", "sys", "tmp", "root", "run", "mnt",
           "etc", "var/tmp")
# busybox keeps its applets' names in one table, sorted, each ended by a zero byte.
APPLETS = rb"\0\[\0\[\[\0((?:[a-z][a-z0-9_.-]*\0)+)"


def recipe():
    return [PROGRAMS, LIBRARIES, EXTRA, FOLDERS, APPLETS, 5]


class Cpio:
    """Writer of the newc format, with the owner always root."""

    def __init__(self, file):
        self.file, self.inode, self.dirs = file, 0, set()

    def _entry(self, name, mode, data=b"", dev=(0, 0)):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *dev, len(raw), 0)
        head = b"070701" + b"".join(b"%08x" % f for f in fields) + raw
        self.file.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def folder(self, name):
        name = name.strip("/")
        if name and name not in self.dirs:
            self.folder(os.path.dirname(name))
            self.dirs.add(name)
            self._entry(name, stat.S_IFDIR | 0o755)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, major, minor):
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | 0o600, dev=(major, minor))

    def data(self, name, content, mode=0o644):
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFREG | mode, content)

    def add(self, path, name):
        """A file, symbolic link or whole folder of the host under `name`."""
        if os.path.islink(path):
            self.link(name, os.readlink(path))
        elif os.path.isdir(path):
            self.folder(name)
            for child in sorted(os.listdir(path)):
                self.add(f"{path}/{child}", f"{name.rstrip('/')}/{child}")
        elif os.path.isfile(path):
            with open(path, "rb") as f:
                self.data(name, f.read(), 0o755 if os.access(path, os.X_OK) else 0o644)
        else:
            raise AptError(f"{path}: no such file to put into the guest")

    def end(self):
        self._entry("TRAILER!!!", 0)
        self.file.write(b"\0" * (-self.file.tell() % 512))


def pick_kernel(root, out):
    """From unpacked kernel packages: vmlinux, config, and MODULES with what they need."""
    image, *_ = [*glob.glob(f"{root}/boot/vmlinu[xz]-*"),
                 *glob.glob(f"{root}/usr/lib/modules/*/vmlinuz")]
    where, name = os.path.split(image)
    version, config = os.path.basename(where), f"{where}/config"
    if name != "vmlinuz":  # as Debian had it before 7.2
        version = name.partition("-")[2]
        config = f"{where}/config-{version}"
    shutil.copy(image, f"{out}/vmlinux")
    shutil.copy(config, f"{out}/config")
    found = {}
    for path in glob.glob(f"{root}/usr/lib/modules/{version}/kernel/**/*.ko*", recursive=True):
        found[os.path.basename(path).partition(".ko")[0].replace("-", "_")] = path
    depends = {}

    def want(name):
        name = name.replace("-", "_")
        if name in depends or name not in found:  # not found: built into this kernel
            return
        with open(found[name], "rb") as f:
            data = f.read()
        data = lzma.decompress(data) if found[name].endswith(".xz") else data
        needs = re.search(rb"\0depends=([^\0]*)\0", data)
        depends[name] = [d for d in needs.group(1).decode().split(",") if d] if needs else []
        for other in depends[name]:
            want(other)
        os.makedirs(f"{out}/modules", exist_ok=True)
        with open(f"{out}/modules/{name}.ko", "wb") as f:
            f.write(data)

    for module in MODULES:
        want(module)
    if "vfio_iommu_spapr_tce" not in found:
        raise AptError(f"kernel {version} has no module vfio_iommu_spapr_tce")
    write_modules_dep(f"{out}/modules", depends, version)


def load_order(where, names):
    """File names of modules, each after those it needs; names built into the kernel fall out."""
    with open(f"{where}/modules.dep", encoding="utf-8") as f:
        table = dict(line.rstrip("\n").split(":") for line in f)
    order = []
    for name in names:
        file = name.replace("-", "_") + ".ko"
        if file in table:
            order += [*reversed(table[file].split()), file]
    return list(dict.fromkeys(order))


def write_modules_dep(where, depends, version):
    """modules.dep as depmod would write it; modprobe in the guest reads it."""
    def closure(name):
        for other in depends[name]:
            other = other.replace("-", "_")
            if other in depends:
                yield other
                yield from closure(other)

    with open(f"{where}/modules.dep", "w", encoding="utf-8") as f:
        for name in sorted(depends):
            needs = list(dict.fromkeys(closure(name)))
            f.write(f"{name}.ko:" + "".join(f" {n}.ko" for n in needs) + "\n")
    with open(f"{where}/version", "w", encoding="utf-8") as f:
        f.write(version)


def needed(paths):
    """The sonames that ELF files name as NEEDED."""
    out = subprocess.run(["readelf", "-d", *paths], capture_output=True, text=True,
                         check=False).stdout
    return set(re.findall(r"\(NEEDED\).*\[(\S+)\]", out))


def libraries(root, programs):
    """Every library file (as a path below root) that programs and LIBRARIES need."""
    have = set()
    for pattern in LIBRARIES:
        have.update(os.path.relpath(p, root) for p in glob.glob(f"{root}/{LIBDIR}/{pattern}"))
    todo = {*programs, *have}
    while todo:
        wanted = {f"{LIBDIR}/{name}" for name in
                  needed([f"{root}/{p}" for p in todo if not os.path.islink(f"{root}/{p}")])}
        # A link in the set brings in what it points at.
        for path in have | todo:
            if os.path.islink(f"{root}/{path}"):
                wanted.add(os.path.normpath(f"{os.path.dirname(path)}/"
                                            + os.readlink(f"{root}/{path}")))
        todo = {p for p in wanted - have - set(programs) if os.path.lexists(f"{root}/{p}")}
        have |= todo
    return sorted(have)


def applets(root):
    """The commands that this busybox can be called as."""
    with open(f"{root}/bin/busybox", "rb") as f:
        found = re.search(APPLETS, f.read())
    names = found.group(1).decode().split("\0")[:-1] if found else []
    if not {"cat", "mount", "sh", "modprobe"} <= set(names):
        raise AptError("the names of busybox's applets are not where they used to be")
    return ["[", "[[", *names]


def make_base(root, out):
    """The cpio of everything that is the same in each run."""
    programs = [p for p in PROGRAMS if os.path.exists(f"{root}/{p}")]
    for lost in set(PROGRAMS) - set(programs):
        raise AptError(f"the guest's packages have no {lost}")
    with open(f"{out}/base.cpio", "wb") as f:
        cpio = Cpio(f)
        for name in ("bin", "sbin", "lib", "lib64"):
            cpio.folder(f"usr/{name}")
            cpio.link(name, f"usr/{name}")
        for name in FOLDERS:
            cpio.folder(name)
        cpio.link("var/run", "../run")
        cpio.node("dev/console", 5, 1)
        cpio.node("dev/null", 1, 3)
        loader = os.path.realpath(f"{root}/lib64/ld64.so.2")
        cpio.add(loader, os.path.relpath(loader, os.path.realpath(root)))
        cpio.link("usr/lib64/ld64.so.2", f"../../{LIBDIR}/ld64.so.2")
        for path in (*programs, *libraries(root, programs), *EXTRA):
            if not path.endswith("/ld64.so.2"):
                cpio.add(f"{root}/{path}", f"usr/{path}" if path == "bin/busybox" else path)
        for name in applets(root):
            if f"usr/bin/{name}" not in PROGRAMS and name != "busybox":
                cpio.link(f"usr/bin/{name}", "busybox")
        cpio.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                                b"nobody:x:65534:65534:nobody:/:/bin/false\n")
        cpio.data("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
        cpio.end()


def run_image(base, cpio_path, fill):
    """base plus the files that fill(cpio) adds, as one image at cpio_path."""
    shutil.copyfile(base, cpio_path)
    with open(cpio_path, "ab") as f:
        buffer = io.BytesIO()
        cpio = Cpio(buffer)
        fill(cpio)
        cpio.end()
        f.write(buffer.getvalue())
