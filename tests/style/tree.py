# SPDX-License-Identifier: BSD-3-Clause
"""The files of a source tree, and C text without its comments."""
import os
import re

SKIPPED_DIRS = {".git", ".cache", "__pycache__"}
C_SUFFIXES = (".c", ".h", ".cc", ".cpp")
HASH_NAMES = {"Makefile", "meson.build", "meson_options.txt", ".clang-format"}
HASH_SUFFIXES = (".py", ".sh", ".ini", ".yml", ".yaml", ".mk")

TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


class File:
    """One file: its path inside the tree, its text and its lines."""

    def __init__(self, path, data):
        self.path = path
        self.data = data
        self.text = data.decode("utf-8", errors="replace")
        self.lines = self.text.split("\n")

    def is_c(self):
        return self.path.endswith(C_SUFFIXES)

    def is_script(self):
        return self.data.startswith(b"#!")

    def is_python(self):
        return self.path.endswith(".py") or (self.is_script() and "python" in self.lines[0])

    def is_shell(self):
        return self.path.endswith(".sh") or (
            self.is_script() and re.search(r"\bsh\b", self.lines[0]) is not None)

    def is_hash(self):
        """Is it a source whose comments start with a hash?"""
        name = os.path.basename(self.path)
        return name in HASH_NAMES or name.endswith(HASH_SUFFIXES) or self.is_script()

    def is_source(self):
        return self.is_c() or self.is_hash() or self.path.endswith(".map")

    def code(self):
        """C text with comments and the insides of literals blanked, lines kept."""
        return TOKENS.sub(blank, self.text)


def blank(match):
    token = match.group(0)
    if token[0] in "\"'":
        return token[0] + " " * (len(token) - 2) + token[-1]
    return re.sub(r"[^\n]", " ", token)


def is_build(path):
    """Is this a folder that a build made?"""
    return os.path.isdir(os.path.join(path, "meson-private"))


def load(root):
    """Every file of the tree, by path; builds, caches and binary files left out."""
    files = {}
    for folder, dirs, names in os.walk(root):
        inside = os.path.relpath(folder, root)
        dirs[:] = sorted(
            d for d in dirs
            if d not in SKIPPED_DIRS and not is_build(os.path.join(folder, d))
            and os.path.normpath(os.path.join(inside, d)) != "build")
        for name in names:
            full = os.path.join(folder, name)
            if os.path.islink(full) or not os.path.isfile(full):
                continue
            with open(full, "rb") as f:
                data = f.read()
            if b"\0" in data:
                continue
            path = os.path.normpath(os.path.join(inside, name))
            if path != ".git":
                files[path] = File(path, data)
    return files


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
