# SPDX-License-Identifier: BSD-3-Clause
"""What the compilers need from the cache: Meson machine files, and DPDK's driver headers."""
import glob
import gzip
import os
import re
import shutil
import tarfile

from rig_apt import AptError

TRIPLE = "powerpc64le-linux-gnu"

CROSS = """\
[constants]
root = '{root}'
flags = {flags}

[binaries]
c = {c}
cpp = {cpp}
ar = '{prefix}ar'
strip = '{prefix}strip'
objdump = '{prefix}objdump'
pkgconfig = 'pkg-config'

[host_machine]
system = 'linux'
cpu_family = 'ppc64'
cpu = 'power8'
endian = 'little'

[properties]
sys_root = root
pkg_config_libdir = [root + '/usr/lib/{triple}/pkgconfig', root + '/usr/share/pkgconfig']
needs_exe_wrapper = true

[project options]
dpdk_headers = '{headers}'

[built-in options]
c_args = flags
c_link_args = flags
cpp_args = flags
cpp_link_args = flags
"""

NATIVE = """\
[binaries]
c = '{c}'
cpp = '{cpp}'

[project options]
dpdk_headers = '{headers}'

[built-in options]
pkg_config_path = '{libdir}/pkgconfig'
c_link_args = ['-L{libdir}', '-Wl,-rpath-link,{libdir}']
"""


def compiler(kind, arch):
    """Names of the C and C++ compilers and the prefix of binutils for ppc64le."""
    if kind == "clang":
        target = f"--target={TRIPLE}"
        return f"['clang', '{target}']", f"['clang++', '{target}']"
    if arch == "ppc64el":
        return "'gcc'", "'g++'"
    return f"'{TRIPLE}-gcc'", f"'{TRIPLE}-g++'"


def write_machine_files(cache, arch):
    """cross-{gcc,clang}.ini for ppc64le and native-{gcc,clang}.ini, in the cache."""
    headers = f"{cache}/dpdk-headers"
    root = f"{cache}/guest-root"
    prefix = "" if arch == "ppc64el" else f"{TRIPLE}-"
    for kind in ("gcc", "clang"):
        c, cpp = compiler(kind, arch)
        replace(f"{cache}/cross-{kind}.ini", CROSS.format(
            root=root, headers=headers, c=c, cpp=cpp, triple=TRIPLE, prefix=prefix,
            flags=[f"--sysroot={root}"]))
        found = glob.glob(f"{cache}/native-dpdk/usr/lib/*/pkgconfig")
        replace(f"{cache}/native-{kind}.ini", NATIVE.format(
            c=kind, cpp={"gcc": "g++", "clang": "clang++"}[kind], headers=headers,
            libdir=os.path.dirname(found[0])))


def replace(path, text):
    """Write a file only when its text differs: Meson reconfigures on every new date."""
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except OSError:
        pass
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


def move_pkg_config(root, final):
    """Make the .pc files of an unpacked root speak of the place where it will be."""
    for path in glob.glob(f"{root}/usr/lib/*/pkgconfig/*.pc"):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(re.sub(r"^(\w+=)/usr", rf"\1{final}/usr", text, flags=re.M))


def dpdk_version(root):
    """Debian's version of the unpacked DPDK, from the changelog it carries."""
    for path in glob.glob(f"{root}/usr/share/doc/libdpdk-dev/changelog.Debian.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as f:
            return re.search(r"\((\S+)\)", f.readline()).group(1)
    raise AptError("libdpdk-dev is not in the guest's root")


# EAL's own: the only place where the DMA mask that EAL was given can be read.
EAL_HEADERS = ["lib/eal/common/eal_memcfg.h", "lib/eal/common/malloc_heap.h"]


def driver_headers(files, out, version):
    """Pick from the source package what DPDK's own build calls the driver SDK headers."""
    source = next((f for f in files if ".orig.tar." in f), None)
    if not source:
        raise AptError(f"the source package of dpdk {version} came without its .orig.tar")
    picked = 0
    with tarfile.open(source) as tar:
        members = {m.name.partition("/")[2]: m for m in tar if m.isfile()
                   and (m.name.endswith(".h") or m.name.endswith("meson.build"))}
        for name, member in members.items():
            if not name.endswith("meson.build"):
                continue
            text = tar.extractfile(member).read().decode("utf-8", "replace")
            for block in re.findall(r"driver_sdk_headers\s*\+?=\s*files\(([^)]*)\)", text):
                for header in re.findall(r"'([^']+\.h)'", block):
                    path = os.path.normpath(f"{os.path.dirname(name)}/{header}")
                    if path in members:
                        with open(f"{out}/{os.path.basename(path)}", "wb") as f:
                            shutil.copyfileobj(tar.extractfile(members[path]), f)
                        picked += 1
        for path in EAL_HEADERS:
            with open(f"{out}/{os.path.basename(path)}", "wb") as f:
                shutil.copyfileobj(tar.extractfile(members[path]), f)
    if not os.path.exists(f"{out}/ethdev_driver.h"):
        raise AptError(f"dpdk {version}: {picked} driver headers found, ethdev_driver.h is not "
                       "among them")
