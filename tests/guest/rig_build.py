# SPDX-License-Identifier: BSD-3-Clause
"""What the guests get from this tree: the agent, and the build installed into a stage."""
import fcntl
import hashlib
import os
import subprocess

from rig_cross import TRIPLE
from rig_setup import cache_dir

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
# Meson's arguments for each build under build/.
BUILDS = {
    "native-gcc": ["--native-file={cache}/native-gcc.ini", "-Ddpdk=enabled"],
    "native-clang-asan-ubsan": ["--native-file={cache}/native-clang.ini", "-Ddpdk=enabled",
                                "-Db_sanitize=address,undefined", "-Db_lundef=false"],
    "native-tsan": ["--native-file={cache}/native-clang.ini", "-Ddpdk=disabled",
                    "-Db_sanitize=thread", "-Db_lundef=false"],
    "ppc64le-gcc": ["--cross-file={cache}/cross-gcc.ini", "-Ddpdk=enabled"],
    "ppc64le-clang": ["--cross-file={cache}/cross-clang.ini", "-Ddpdk=enabled"],
    # Counters that are the pages of a file (tests/mutate/coverage.py).
    "coverage": ["--native-file={cache}/native-clang.ini", "-Ddpdk=disabled", "--buildtype=debug",
                 "-Dc_args=-fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic "
                 "-mllvm -runtime-counter-relocation", "-Dc_link_args=-fprofile-instr-generate",
                 "-Db_lundef=false"],
    # A compiler and libc are all that the library alone may need; optimised as it is packaged,
    # which has compilers look further, and warn of more.
    "minimal": ["-Ddpdk=disabled", "-Dtests=disabled", "--buildtype=release"],
    "ppc64le-release": ["--cross-file={cache}/cross-gcc.ini", "-Ddpdk=enabled", "-Dtests=disabled",
                "--buildtype=release"],
}
# The builds whose tests run on this host, and which suite of them; None: all.
TESTED = {"native-gcc": None, "native-clang-asan-ubsan": None, "native-tsan": "threads",
          "ppc64le-gcc": "objects", "ppc64le-clang": "objects"}
# A build of which less than everything is wanted: its targets.
TARGETS = {"native-tsan": ["threads"]}
_staged = {}


class BuildError(Exception):
    """The tree does not build; the text ends with the compiler's words."""


def run(argv, **more):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)
    if p.returncode:
        raise BuildError(f"{' '.join(argv)} failed:\n" + "\n".join(p.stdout.splitlines()[-40:]))
    return p.stdout


def agent(cache):
    """The agent for the guests, compiled once for each text of its source."""
    with open(f"{HERE}/agent.c", "rb") as f:
        key = hashlib.sha256(f.read()).hexdigest()[:16]
    path = f"{cache}/agent-{key}"
    if not os.path.exists(path):
        native = os.uname().machine == "ppc64le"
        run(["gcc" if native else f"{TRIPLE}-gcc", f"--sysroot={cache}/guest-root", "-std=gnu11",
             "-O2", "-Wall", "-Wextra", "-Werror", "-o", f"{path}.{os.getpid()}",
             f"{HERE}/agent.c"])
        os.rename(f"{path}.{os.getpid()}", path)
    return path


def recipe(name):
    """A build's Meson arguments, and these with the texts that hold when it is set up only: the
    machine files, and the project's default options."""
    arguments = [a.format(cache=cache_dir()) for a in BUILDS[name]]
    with open(f"{TREE}/meson.build", encoding="utf-8") as f:
        text = [*arguments, f.read().partition("\n\n")[0]]
    for argument in arguments:
        if argument.endswith(".ini"):
            with open(argument.partition("=")[2], encoding="utf-8") as f:
                text.append(f.read())
    return arguments, "\n".join(text)


def configure(build):
    """Make sure that a build of BUILDS is set up by its recipe and built; what the tools said."""
    where = os.path.join(TREE, build)
    arguments, wanted = recipe(os.path.basename(build))
    os.makedirs(where, exist_ok=True)
    stamp, said = f"{where}/.recipe", ""
    with open(f"{where}/.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = ""
        if os.path.exists(stamp):
            with open(stamp, encoding="utf-8") as f:
                found = f.read()
        if found != wanted:
            again = ["--wipe"] if os.path.exists(f"{where}/build.ninja") else []
            # Meson runs what it tries a compiler with: that counts nothing into the tree.
            said += run(["meson", "setup", *again, *arguments, where], cwd=TREE,
                        env=dict(os.environ, LLVM_PROFILE_FILE=os.devnull))
            with open(stamp, "w", encoding="utf-8") as f:
                f.write(wanted)
        targets = TARGETS.get(os.path.basename(build), [])
        return said + run(["ninja", "-j2", "-C", where, *targets], cwd=TREE)


def stage(build):
    """Bring a Meson build up to date and install it into a directory; that directory.

    None when there is no such build: a guest without it is of use too.
    """
    build = os.path.join(TREE, build)
    if not os.path.exists(f"{build}/build.ninja"):
        return None
    if build not in _staged:
        out = f"{build}/stage"
        with open(f"{build}/.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.environ.get("LIBTCE_NO_BUILD"):
                run(["ninja", "-j2", "-C", build])
            run(["meson", "install", "-C", build, "--no-rebuild", "--only-changed", "--quiet"],
                env=dict(os.environ, DESTDIR=out))
        _staged[build] = out if os.path.isdir(f"{out}/usr/local") else None
    return _staged[build]


def built(path, build="build/ppc64le-gcc"):
    """The path of something that a build made, brought up to date first."""
    stage(build)
    path = os.path.join(TREE, build, path)
    if not os.path.exists(path):
        raise BuildError(f"{path}: the build made no such file")
    return path
