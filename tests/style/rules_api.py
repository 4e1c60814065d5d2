# SPDX-License-Identifier: BSD-3-Clause
"""Rules of the interface: five parts of each public comment, and what documents say of it."""
import errno
import re

from tree import line_of

PUBLIC = re.compile(r"^(lib|drivers)/([\w/]+/)?\w+/include/\w+/[^/]+\.h$")
PARTS = ("Units", "Owner", "Threads", "Errors")
LABEL = re.compile(r"^(Units|Owner|Threads|Errors)(?: \([^)]*\))?:", re.M)
CALL = re.compile(r"\b(tce_\w+)\(")
PATH = re.compile(r"(?<![\w/.-])(?:app|doc|drivers|examples|lib|tests)/[\w/-]+(?:\.\w+)*")
PROTOTYPE = re.compile(
    r"^(?P<type>[A-Za-z_][\w \t*]*?[ \t*])(?P<name>\w+)\((?P<args>[^;{}]*)\);", re.M)


def prototypes(f):
    """(name, return type, comment or None, line) of every function that a header declares."""
    code = f.code()
    for match in PROTOTYPE.finditer(code):
        if re.match(r"\s*(typedef|return)\b", match.group(0)):
            continue
        before = f.text[:match.start()]
        comment = None
        if before.endswith("*/\n"):
            comment = before[before.rindex("/*"):]
        yield (match.group("name"), match.group("type").strip(), comment,
               line_of(code, match.start()))


def plain(comment):
    """A comment's text without its stars."""
    inner = re.sub(r"^/\*+|\*/\s*$", "", comment)
    return "\n".join(re.sub(r"^\s*\* ?", "", line).rstrip() for line in inner.split("\n")).strip()


def judge_errors(text, returns):
    """What is wrong with the part on errors, or None."""
    codes = re.findall(r"-(E[A-Z0-9]+)\b", text)
    for code in codes:
        if not hasattr(errno, code):
            return f"-{code} is no errno"
    if returns == "int" and not codes and not re.search(r"\b(none|as|errno)\b", text):
        return "the part 'Errors' names no errno, nor 'none', nor where they are named"
    return None


def judge(comment, returns):
    """What is wrong with a public function's comment: sentences."""
    if comment is None or not comment.startswith("/**"):
        yield "no /** comment stands before it"
        return
    text = plain(comment)
    labels = list(LABEL.finditer(text))
    names = tuple(label.group(1) for label in labels)
    if names != PARTS:
        missing = [part for part in PARTS if part not in names]
        yield f"misses the parts {missing}" if missing else f"has its parts as {list(names)}"
        return
    if len(text[:labels[0].start()].split()) < 3:
        yield "does not say what it does"
    ends = [label.start() for label in labels[1:]] + [len(text)]
    for label, end in zip(labels, ends):
        if not re.search(r"\w", text[label.end():end]):
            yield f"the part '{label.group(1)}' is empty"
    wrong = judge_errors(text[labels[-1].end():], returns)
    if wrong:
        yield wrong


def public_comments(files, _root):
    """Comments of public functions: what, Units, Owner, Threads, Errors."""
    for f in files.values():
        if not PUBLIC.match(f.path):
            continue
        for name, returns, comment, line in prototypes(f):
            for wrong in judge(comment, returns):
                yield f"{f.path}:{line}: {name}(): {wrong}"


def documents(files, _root):
    """Documents name only functions that are declared and files that are there."""
    known = {p[0] for f in files.values() if PUBLIC.match(f.path) for p in prototypes(f)}
    for f in files.values():
        if not f.path.endswith(".md"):
            continue
        for match in CALL.finditer(f.text):
            if match.group(1) not in known:
                yield f"{f.path}:{line_of(f.text, match.start())}: no {match.group(1)}()"
        for match in PATH.finditer(f.text):
            path = match.group(0).rstrip("/")
            if path not in files and not any(p.startswith(path + "/") for p in files):
                yield f"{f.path}:{line_of(f.text, match.start())}: no file {path}"


RULES = [public_comments, documents]
