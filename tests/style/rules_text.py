# SPDX-License-Identifier: BSD-3-Clause
"""Rules of plain text: first line, shape of lines, words that have no place in the tree."""
import os
import re
import stat

SPDX = "SPDX-License-Identifier: BSD-3-Clause"
COLUMNS = 100
MAX_FILE = 600

# Bracketed letters keep these patterns from finding themselves.
LICENCE_TEXT = re.compile(
    r"Redistributio[n] and use|WITHOU[T] WARRANT|Permission is hereby grante[d]|"
    r"^\W*Copyrigh[t] \(", re.M)
UNFINISHED = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b")
FOREIGN = re.compile(
    r"/(wor[k]|hom[e])/|/roo[t]/[.]|"
    r"\b(deb|ftp|security|snapshot|archive)[.]debian[.]org\b|\bdebian[.]ne[t]\b|"
    r"\bnodesource[.]com\b|\b(pypi|crates)[.](org|io)\b|"
    r"\bregistry[.]npmjs[.]org\b|\bproxy[.]golang[.]org\b")
INWARD = re.compile(
    r"\b[1-3] of [3]\b|\bissu[e] #?[0-9]|\bshare[d]/(design|kernel|power|model|seed)|"
    r"\b(kernel-fact[s]|power-guest[s])[.]md|[.]librar[y]/|Co-authore[d]-by")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def spdx(files, _root):
    """The first line of every source is its SPDX line, after the #! of a script."""
    for f in files.values():
        if not f.is_source():
            continue
        at = 1 if f.is_script() else 0
        line = f.lines[at] if len(f.lines) > at else ""
        comment = f"# {SPDX}" if f.is_hash() else f"/* {SPDX} */"
        if line != comment:
            yield f"{f.path}:{at + 1}: the line must be '{comment}'"


def licence(files, _root):
    """No licence texts but in LICENSE."""
    for f in files.values():
        found = LICENCE_TEXT.search(f.text)
        if found and f.path != "LICENSE":
            yield f"{f.path}: licence text '{found.group(0).strip()}'; the SPDX line is enough"


def columns(files, _root):
    """Sources have at most 100 columns, tabs of 8; C is indented with tabs."""
    for f in files.values():
        if not f.is_source():
            continue
        for n, line in enumerate(f.lines, 1):
            width = len(line.expandtabs(8))
            if width > COLUMNS:
                yield f"{f.path}:{n}: {width} columns, at most {COLUMNS}"
            if f.is_c() and re.match(r"\t* {8}", line):
                yield f"{f.path}:{n}: indented with spaces, not tabs"


def endings(files, _root):
    """UTF-8, no carriage returns, no blanks at line ends, one newline at the end."""
    for f in files.values():
        try:
            f.data.decode("utf-8")
        except UnicodeDecodeError:
            yield f"{f.path}: not UTF-8"
        if f.data and not f.data.endswith(b"\n"):
            yield f"{f.path}: no newline at the end"
        if f.data.endswith(b"\n\n"):
            yield f"{f.path}: an empty line at the end"
        for n, line in enumerate(f.lines, 1):
            if line != line.rstrip():
                yield f"{f.path}:{n}: blank at the line's end"


def length(files, _root):
    """Sources have fewer than 600 lines."""
    for f in files.values():
        count = f.text.count("\n")
        if f.is_source() and count >= MAX_FILE:
            yield f"{f.path}: {count} lines, fewer than {MAX_FILE} wanted"


def unfinished(files, _root):
    """Nothing says of itself that it is not finished."""
    for f in files.values():
        for n, line in enumerate(f.lines, 1):
            found = UNFINISHED.search(line)
            if found:
                yield f"{f.path}:{n}: '{found.group(0)}'"


def foreign(files, _root):
    """No path of one machine, no host of a mirror or registry."""
    for f in files.values():
        for n, line in enumerate(f.lines, 1):
            found = FOREIGN.search(line)
            if found:
                yield f"{f.path}:{n}: '{found.group(0)}' is of one machine or one mirror"


def inward(files, _root):
    """The tree speaks of the project, not of how it came about."""
    for f in files.values():
        for n, line in enumerate(f.lines, 1):
            found = INWARD.search(line)
            if found:
                yield f"{f.path}:{n}: '{found.group(0)}'"


def links(files, _root):
    """Relative links of the documents lead somewhere."""
    for f in files.values():
        if not f.path.endswith(".md"):
            continue
        for target in LINK.findall(f.text):
            path = os.path.normpath(os.path.join(os.path.dirname(f.path), target))
            there = path in files or any(p.startswith(path + "/") for p in files)
            if "://" not in target and not there:
                yield f"{f.path}: the link to {target} leads nowhere"


def executable(files, root):
    """What starts with #! can be run, and nothing else can."""
    for f in files.values():
        mode = os.stat(os.path.join(root, f.path)).st_mode
        if f.is_script() and not mode & stat.S_IXUSR:
            yield f"{f.path}: has a #! but is not executable"
        if not f.is_script() and mode & stat.S_IXUSR:
            yield f"{f.path}: is executable but has no #!"


RULES = [
    spdx, licence, columns, endings, length, unfinished, foreign, inward, links, executable]
