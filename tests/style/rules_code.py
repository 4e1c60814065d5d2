# SPDX-License-Identifier: BSD-3-Clause
"""Rules of code: lengths of functions, layers, the one file with ioctls, quiet libraries."""
import ast
import os
import re
import statistics
import subprocess

from tree import line_of

MAX_FUNCTION = 60
MAX_MEDIAN = 20
CLANG_FORMAT = "14"

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)
LIBC = re.compile(
    r"^(assert|ctype|dirent|dlfcn|endian|errno|fcntl|inttypes|limits|link|poll|pthread|sched|"
    r"signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|time|"
    r"unistd|"
    r"sys/(eventfd|file|ioctl|mman|prctl|resource|stat|syscall|sysinfo|sysmacros|time|types|uio|"
    r"utsname|vfs|wait))\.h$")
DPDK = re.compile(r"^(rte_|.*_driver\.h$|ethdev_|bus_|dev_driver)")

# The first that matches a path is its layer; a lower number is a lower layer.
LAYERS = [
    ("lib/kernel/", 0), ("lib/tce/", 1), ("lib/vfio_pci/", 2), ("lib/hugemem/", 2),
    ("lib/eal/", 3), ("drivers/", 4), ("app/", 5), ("examples/", 5),
]
# What the boundary may know of the layer above it: the types in which it answers.
KERNEL_MAY = {"tce/types.h", "tce/plan.h"}

LOUD_CALLS = (
    "printf", "vprintf", "fprintf", "vfprintf", "dprintf", "vdprintf", "puts", "fputs", "putchar",
    "putc", "fputc", "perror", "psignal", "err", "errx", "warn", "warnx", "error", "syslog", "exit",
    "_exit", "_Exit", "quick_exit", "abort", "assert", "raise", "rte_exit", "rte_panic")
LOUD_NAMES = ("stdout", "stderr", "STDOUT_FILENO", "STDERR_FILENO")
LOUD = re.compile(rf"\b({'|'.join(LOUD_CALLS)})\s*\(|\b({'|'.join(LOUD_NAMES)})\b")
# What a test preloads in the kernel's place has to have that name.
MAY_IOCTL = ("lib/kernel/vfio.c", "tests/guest/refuser.c", "tests/conform/real.c")
IOCTL = re.compile(r"\bioctl\s*\(|\b(SYS|__NR)_ioctl\b")


def c_functions(f):
    """(name, first line, lines) of every C function: its brace stands alone in column 0."""
    code = f.code()
    for match in re.finditer(r"^(?P<head>[^\s#}/][^;{}]*)\n\{\n.*?^\}", code, re.M | re.S):
        name = re.search(r"(\w+)\s*\(", match.group("head"))
        lines = match.group(0).count("\n") + 1
        yield name.group(1) if name else "?", line_of(code, match.start()), lines


def python_functions(f):
    for node in ast.walk(ast.parse(f.text, f.path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def shell_functions(f):
    for match in re.finditer(r"^(\w+)\s*\(\)\s*\{?.*?^\}", f.text, re.M | re.S):
        yield match.group(1), line_of(f.text, match.start()), match.group(0).count("\n") + 1


def functions(f):
    if f.is_c():
        return c_functions(f)
    if f.is_python():
        return python_functions(f)
    if f.is_shell():
        return shell_functions(f)
    return ()


def function_length(files, _root):
    """Functions have fewer than 60 lines; half of the C functions have at most 20."""
    lengths = []
    for f in files.values():
        for name, at, lines in functions(f):
            if lines >= MAX_FUNCTION:
                yield f"{f.path}:{at}: {name}() has {lines} lines, fewer than {MAX_FUNCTION} wanted"
            if f.is_c():
                lengths.append(lines)
    median = statistics.median(lengths) if lengths else 0
    if median > MAX_MEDIAN:
        yield f"the median C function has {median} lines, at most {MAX_MEDIAN} wanted"


def layer(path):
    for prefix, rank in LAYERS:
        if path.startswith(prefix):
            return rank
    return None


def target_layer(f, name, files):
    """The layer of what an #include names, None if it is not of this tree."""
    for base in (os.path.dirname(f.path), "lib", "lib/tce/include", ""):
        path = os.path.normpath(os.path.join(base, name))
        if path in files:
            return layer(path)
    same = [p for p in files if p.endswith("/" + name) and layer(p) is not None]
    return max((layer(p) for p in same), default=None)


def judge_include(f, name, files):
    """Why this #include may not be, or None."""
    mine = layer(f.path)
    theirs = target_layer(f, name, files)
    if theirs is not None:
        if theirs > mine and not (mine == 0 and name in KERNEL_MAY):
            return f"{name} is of a higher layer"
        if f.path.startswith("examples/") and not name.startswith("tce/"):
            return f"{name}: an example is a program that an outsider could have written"
        return None
    if DPDK.match(os.path.basename(name)):
        if not f.path.startswith(("lib/eal/", "drivers/")):
            return f"{name}: DPDK appears in lib/eal and drivers only"
    elif mine == 1 and not LIBC.match(name):
        return f"{name}: lib/tce includes libc, itself and the boundary, nothing else"
    elif name.startswith("linux/vfio") and mine != 0 and not f.path.startswith("examples/"):
        return f"{name}: VFIO is the boundary's, lib/kernel"
    return None


def layers(files, _root):
    """A file includes only from its own layer or below."""
    for f in files.values():
        if not f.is_c() or layer(f.path) is None:
            continue
        for match in INCLUDE.finditer(f.text):
            why = judge_include(f, match.group(2), files)
            if why:
                yield f"{f.path}:{line_of(f.text, match.start())}: {why}"


def ioctls(files, _root):
    """One file issues ioctls: lib/kernel/vfio.c. An example may: it is an outsider's program."""
    for f in files.values():
        if f.is_c() and f.path not in MAY_IOCTL and not f.path.startswith("examples/"):
            for match in IOCTL.finditer(f.code()):
                yield f"{f.path}:{line_of(f.code(), match.start())}: an ioctl"


def quiet(files, _root):
    """Under lib/ and drivers/ nothing prints, exits or aborts, but for the model: a test's."""
    for f in files.values():
        if not f.is_c() or not f.path.startswith(("lib/", "drivers/")):
            continue
        if f.path.startswith("lib/kernel/model/"):
            continue
        code = f.code()
        for match in LOUD.finditer(code):
            if code[max(0, match.start() - 2):match.start()] == "->":
                continue
            yield f"{f.path}:{line_of(code, match.start())}: {match.group(0).rstrip('( ')}"


def clang_format(files, root):
    """clang-format 14 would change nothing."""
    paths = sorted(f.path for f in files.values() if f.is_c())
    if not paths:
        return
    tool = find_clang_format()
    if tool is None:
        yield f"clang-format {CLANG_FORMAT} is not installed: apt-get install clang-format"
        return
    run = subprocess.run([tool, "--dry-run", "--style=file", *paths], cwd=root,
                         capture_output=True, text=True, check=False)
    for line in run.stderr.splitlines():
        if "warning:" in line or "error:" in line:
            yield line
    if run.returncode:
        yield f"{tool} ended with status {run.returncode}"


def find_clang_format():
    for tool in (f"clang-format-{CLANG_FORMAT}", "clang-format"):
        try:
            run = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        if re.search(rf"version {CLANG_FORMAT}\.", run.stdout):
            return tool
    return None


RULES = [function_length, layers, ioctls, quiet, clang_format]
