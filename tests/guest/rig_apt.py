# SPDX-License-Identifier: BSD-3-Clause
"""Packages: the host's own by apt, everything foreign by a private apt that only downloads.

The private apt has its state, cache and sources under the rig's cache. It never sees the
host's dpkg and never installs: what it fetches is unpacked and used from the cache.
"""
import os
import re
import shutil
import subprocess
import time

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
UPDATE_PAUSES = (5, 20, 60)  # seconds between attempts at fetching package lists


class AptError(Exception):
    """A sentence for the person who ran set-up."""


class Log:
    """Shell commands with their output in one file, which every failure names."""

    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.dirname(path), exist_ok=True)

    def write(self, text):
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(text)

    def call(self, argv, env=None, cwd=None, why=""):
        """Run argv, return its stdout; on failure raise with the last lines of stderr."""
        self.write("$ " + " ".join(argv) + "\n")
        full = dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive", **(env or {}))
        p = subprocess.run(argv, env=full, cwd=cwd, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, errors="replace", check=False)
        self.write(p.stdout[-200000:] + p.stderr[-200000:])
        if p.returncode:
            tail = " / ".join((p.stderr or p.stdout).strip().splitlines()[-3:])
            raise AptError(f"{why or argv[0] + ' failed'}: {tail} (details: {self.path})")
        return p.stdout


def os_release():
    """ID and VERSION_CODENAME of the host."""
    fields = {}
    with open("/etc/os-release", encoding="utf-8") as f:
        for line in f:
            key, _, value = line.strip().partition("=")
            fields[key] = value.strip('"')
    if fields.get("ID") != "debian" or not fields.get("VERSION_CODENAME"):
        raise AptError(f"this host is {fields.get('PRETTY_NAME', 'unknown')}: set-up knows Debian "
                       "12 and later; run it there, or in a Debian chroot or container")
    return fields["VERSION_CODENAME"]


def mirror(log, codename):
    """The archive the host itself uses for its release: (URI, keyring)."""
    if os.environ.get("LIBTCE_MIRROR"):
        return os.environ["LIBTCE_MIRROR"].rstrip("/"), KEYRING
    out = log.call(["apt-get", "indextargets", "--format",
                    "$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)", "Created-By: Packages"])
    for line in out.splitlines():
        f = line.split()
        if len(f) >= 3 and f[1] == codename and f[2] == "main":
            signed = f[3] if len(f) > 3 and os.path.isfile(f[3]) else KEYRING
            return f[0].rstrip("/"), signed
    raise AptError(f"no source for {codename} main in this host's apt configuration; set "
                   "LIBTCE_MIRROR to a Debian archive's URI and run set-up again")


# ---------------------------------------------------------------- the host's own packages

def installed(packages):
    """Those of packages that dpkg has installed."""
    p = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages],
                       capture_output=True, text=True, check=False)
    lines = (line.split() for line in p.stdout.splitlines())
    return {f[0] for f in lines if len(f) == 2 and f[1] == "installed"}


def plan_host(log, packages):
    """Ask apt what installing would do: (new, upgraded) as lists of text; refuse removals."""
    argv = ["apt-get", "-s", "-q", "-y", "install", "--no-install-recommends", *packages]
    try:
        out = log.call(argv)
    except AptError:
        print("  the host's package lists are missing or old: apt-get update", flush=True)
        log.call(["apt-get", "-q", "update"], why="apt-get update failed")
        out = log.call(argv, why="apt cannot install what is needed")
    gone = re.findall(r"^Remv (\S+)", out, re.M)
    if gone:
        raise AptError("apt would remove " + ", ".join(gone) + " to install "
                       + " ".join(packages) + "; nothing was changed: install them by hand first")
    new, upgraded = [], []
    for name, old, version in re.findall(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+)", out, re.M):
        if old:
            upgraded.append(f"{name} {old} -> {version}")
        else:
            new.append(name)
    return new, upgraded


def install_host(log, packages):
    """Install packages of the host's own release; nothing is removed or downgraded."""
    if os.geteuid():
        raise AptError("these packages are missing and only root can install them: "
                       "apt-get install --no-install-recommends " + " ".join(packages))
    log.call(["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600", "-o",
              "Dpkg::Options::=--force-confold", "install", "--no-install-recommends",
              "--no-remove", *packages], why="apt-get install failed")


# ------------------------------------------------------------------------ the private apt

class PrivateApt:
    """apt for one architecture with everything of its own under `where`."""

    def __init__(self, log, where, arch, sources, status=None):
        self.log, self.where, self.arch = log, where, arch
        for d in ("state/lists/partial", "cache/archives/partial", "etc/parts"):
            os.makedirs(f"{where}/{d}", exist_ok=True)
        if not status:
            status = f"{where}/status"
            with open(status, "w", encoding="utf-8"):
                pass
        with open(f"{where}/etc/sources.list", "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in sources))
        own = {"Dir::State": f"{where}/state", "Dir::State::status": status,
               "Dir::Cache": f"{where}/cache", "Dir::Etc::sourcelist": f"{where}/etc/sources.list",
               "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
               "Dir::Etc::preferences": "/dev/null", "Dir::Etc::main": "/dev/null",
               "Dir::Etc::parts": f"{where}/etc/parts", "APT::Architecture": arch,
               "APT::Architectures::": arch, "APT::Sandbox::User": "root",
               "Debug::NoLocking": "1", "Acquire::Languages": "none"}
        # The host's Acquire settings (proxies, retries) hold here too; its hooks do not.
        dump = log.call(["apt-config", "dump", "--no-empty"])
        keep = [line for line in dump.splitlines()
                if line.startswith("Acquire::") and "IndexTargets" not in line
                and not line.startswith("Acquire::Languages")]
        with open(f"{where}/etc/apt.conf", "w", encoding="utf-8") as f:
            f.write("\n".join(keep + [f'{k} "{v}";' for k, v in own.items()]) + "\n")

    def apt(self, tool, *args, cwd=None, why=""):
        return self.log.call([tool, *args], env={"APT_CONFIG": f"{self.where}/etc/apt.conf"},
                             cwd=cwd, why=why)

    def update(self):
        """Fetch the lists. A mirror that is being brought up to date serves lists of two ages for
        a while, which apt refuses: that is worth waiting for. Lists that have expired are not."""
        why = f"the package lists for {self.arch} cannot be had"
        for pause in UPDATE_PAUSES:
            try:
                self.apt("apt-get", "-q", "update", why=why)
                return
            except AptError as e:
                if "is expired" in str(e):
                    raise
                time.sleep(pause)
        self.apt("apt-get", "-q", "update", why=why)

    def versions(self, package):
        """[(version, suite line)] that the sources offer, newest first."""
        out = self.apt("apt-cache", "madison", package)
        return [(f[1].strip(), f[2].strip()) for f in
                (line.split("|") for line in out.splitlines()) if len(f) == 3]

    def depends(self, package, version):
        """The Depends line of one version."""
        out = self.apt("apt-cache", "show", f"{package}={version}")
        return next((line.partition(":")[2].strip() for line in out.splitlines()
                     if line.startswith("Depends:")), "")

    def closure(self, packages, release=None):
        """{name: version} of packages and all they depend on that `status` lacks."""
        args = ["-t", release] if release else []
        out = self.apt("apt-get", "-s", "-y", "install", "--no-install-recommends", *args,
                       *packages, why=f"{' '.join(packages)} cannot be had for {self.arch}")
        return dict(re.findall(r"^Inst (\S+?)(?::\w+)? (?:\[\S+\] )?\((\S+)", out, re.M))

    def download(self, wanted, into):
        """Fetch {name: version}, verified by apt, into a directory; the paths of the .debs."""
        os.makedirs(into, exist_ok=True)
        self.apt("apt-get", "-q", "download", *(f"{n}={v}" for n, v in wanted.items()), cwd=into,
                 why="download failed")
        return sorted(f"{into}/{name}" for name in os.listdir(into) if name.endswith(".deb"))

    def source(self, package, version, into):
        """Fetch a source package's files of exactly one version, verified by apt."""
        os.makedirs(into, exist_ok=True)
        self.apt("apt-get", "-q", "source", "--download-only", "--only-source",
                 f"{package}={version}", cwd=into, why=f"the source of {package} {version}")
        return sorted(f"{into}/{name}" for name in os.listdir(into))


def unpack(log, debs, root):
    """Unpack packages side by side into root, which gets Debian's merged /usr."""
    for name in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(f"{root}/usr/{name}", exist_ok=True)
        if not os.path.lexists(f"{root}/{name}"):
            os.symlink(f"usr/{name}", f"{root}/{name}")
    for deb in debs:
        log.write(f"unpack {os.path.basename(deb)}\n")
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as src:
            tar = subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner",
                                  "-C", root], stdin=src.stdout, check=False,
                                 capture_output=True, text=True)
            src.stdout.close()
        if src.returncode or tar.returncode:
            raise AptError(f"cannot unpack {deb}: {tar.stderr.strip()}")
    relative_links(root)


def relative_links(root):
    """Absolute links inside root would lead to the host's files: make them relative."""
    for folder, dirs, files in os.walk(root):
        for name in dirs + files:
            path = f"{folder}/{name}"
            if os.path.islink(path) and os.readlink(path).startswith("/"):
                target = os.path.relpath(root + os.readlink(path), folder)
                os.unlink(path)
                os.symlink(target, path)


def free_space(path):
    """Bytes free where path is or will be."""
    while not os.path.exists(path):
        path = os.path.dirname(path) or "/"
    return shutil.disk_usage(path).free
