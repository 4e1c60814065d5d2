# SPDX-License-Identifier: BSD-3-Clause
"""lib/tce as the compiler sees it, by libclang: functions, conditions, what is an error in them.

Places are byte offsets into a file. What a function-like macro expands to has no place of its own
and is left out.
"""
import json
import os
import re
import sys

from explain import TREE

try:
    import clang.cindex as cindex
except ImportError:
    # Debian's packages, where the first python3 on PATH is another one.
    sys.path.append("/usr/lib/python3/dist-packages")
    import clang.cindex as cindex

Kind = cindex.CursorKind
LIBRARY = "lib/tce/"

# What says no memory by NULL.
ALLOCATES = re.compile(r"(malloc|calloc|realloc|fopen|words|new_low)$")
ERROR_NAMES = re.compile(r"(ret|result|err)$")
# They return 0 or an errno, but it is not an error of theirs that they hand on.
REPORTS = {"tce_report", "tce_leave"}


def strip(cursor):
    """An expression without parentheses and implicit conversions around it."""
    while cursor.kind in (Kind.PAREN_EXPR, Kind.UNEXPOSED_EXPR):
        inside = list(cursor.get_children())
        if len(inside) != 1:
            break
        cursor = inside[0]
    return cursor


def span(cursor):
    return cursor.extent.start.offset, cursor.extent.end.offset


class Unit:
    """A source file of lib/tce, parsed as a build compiles it."""

    def __init__(self, path, tu):
        self.path = path
        self.tu = tu
        self.texts = {}
        self.macros = {}
        for c in tu.cursor.get_children():
            if c.kind == Kind.MACRO_INSTANTIATION and c.location.file:
                begin, end = span(c)
                if end - begin > len(c.spelling):  # with arguments
                    self.macros.setdefault(self.file_of(c), []).append((begin, end))

    def file_of(self, cursor):
        """Path in the tree, or None if it is not of lib/tce."""
        if not cursor.location.file:
            return None
        path = os.path.relpath(os.path.realpath(cursor.location.file.name), TREE)
        return path if path.startswith(LIBRARY) else None

    def text(self, path):
        if path not in self.texts:
            with open(os.path.join(TREE, path), "rb") as f:
                self.texts[path] = f.read()
        return self.texts[path]

    def source(self, cursor):
        begin, end = span(cursor)
        return self.text(self.file_of(cursor))[begin:end].decode()

    def in_macro(self, cursor):
        begin, end = span(cursor)
        return any(b <= begin and end <= e for b, e in self.macros.get(self.file_of(cursor), ()))

    def functions(self):
        """(path, cursor) of each function that is defined in lib/tce."""
        for c in self.tu.cursor.get_children():
            if c.kind == Kind.FUNCTION_DECL and c.is_definition():
                path = self.file_of(c)
                if path:
                    yield path, c

    def operator(self, cursor):
        """The operator of a binary expression."""
        left, right = cursor.get_children()
        text = self.text(self.file_of(cursor))[span(left)[1]:span(right)[0]].decode()
        text = re.sub(r"/\*.*?\*/|\s", "", text, flags=re.S).strip("()")
        return text

    def logic(self, cursor):
        """'!', '&&' or '||', when an expression is that, else ''."""
        cursor = strip(cursor)
        if cursor.kind == Kind.UNARY_OPERATOR and self.source(cursor).startswith("!"):
            return "!"
        if cursor.kind == Kind.BINARY_OPERATOR and self.operator(cursor) in ("&&", "||"):
            return self.operator(cursor)
        return ""

    def deciders(self, cond, outcome):
        """(operand, its outcome) for each that by itself makes a condition come out so: operands
        of && and ||, with the ! before them."""
        core, wanted = strip(cond), outcome
        while self.logic(core) == "!":
            core, wanted = strip(next(core.get_children())), not wanted
        kind = self.logic(core)
        if not kind:
            yield cond, outcome
            return
        left, right = core.get_children()
        if wanted == (kind == "||"):
            yield from self.deciders(left, wanted)
        yield from self.deciders(right, wanted)


def compile_arguments(entry):
    """Of a compiler's command line, what libclang has to know."""
    words, kept = entry["command"].split(), []
    for word, following in zip(words, words[1:] + [""]):
        if word in ("-I", "-include", "-isystem"):
            kept += [word, following]
        elif word.startswith(("-I", "-D", "-U", "-std=")):
            kept.append(word)
    return [os.path.join(entry["directory"], k) if 0 < i and kept[i - 1] == "-I" else
            "-I" + os.path.join(entry["directory"], k[2:]) if k.startswith("-I") and k != "-I"
            else k for i, k in enumerate(kept)]


def units(build, only=None):
    """Each source file of lib/tce, as a Meson build compiles it."""
    with open(f"{build}/compile_commands.json", encoding="utf-8") as f:
        entries = json.load(f)
    index, done = cindex.Index.create(), set()
    for entry in entries:
        full = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        path = os.path.relpath(full, TREE)
        if not path.startswith(LIBRARY) or path in done or "oom_" in entry["output"]:
            continue
        if only and os.path.basename(path) not in only:
            continue
        done.add(path)
        tu = index.parse(full, compile_arguments(entry),
                         options=cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
        wrong = [d for d in tu.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if wrong:
            raise SystemExit(f"{path}: libclang cannot read it: {wrong[0]}")
        yield Unit(path, tu)


class Errors:
    """What is an error in lib/tce.

    An expression *is an error* if it is a call of tce_fail(), a negative errno, or a call of a
    function all of whose returns are errors. It *may be an error* if it is an int of one of
    ERROR_NAMES, or a call of a function of lib/tce or of the boundary that returns int: that is
    0 or an errno, everywhere.
    """

    def __init__(self, every_unit):
        self.failing = {"tce_fail"}
        self.bodies = {}
        for unit in every_unit:
            for _, f in unit.functions():
                if f.result_type.spelling == "int":
                    self.bodies[f.spelling] = (unit, [n for n in f.walk_preorder()
                                                      if n.kind == Kind.RETURN_STMT])
        grown = True
        while grown:
            grown = False
            for name, (unit, returns) in self.bodies.items():
                if name not in self.failing and returns and all(
                        self.is_error(unit, v) for r in returns for v in r.get_children()):
                    self.failing.add(name)
                    grown = True

    def is_error(self, unit, cursor):
        cursor = strip(cursor)
        if cursor.kind == Kind.CALL_EXPR:
            return cursor.spelling in self.failing
        if cursor.kind == Kind.UNARY_OPERATOR:
            return re.match(r"-\s*E[A-Z0-9]+$", unit.source(cursor)) is not None
        if cursor.kind == Kind.CONDITIONAL_OPERATOR:
            _, yes, no = cursor.get_children()
            return self.is_error(unit, yes) and self.is_error(unit, no)
        return False

    def never_fails(self, unit, call):
        """Is it a call that returns 0, whatever happens? What hands 0 on, or has no other end."""
        if call.kind != Kind.CALL_EXPR:
            return False
        if call.spelling in REPORTS:
            return [unit.source(a) for a in call.get_arguments()] == ["0"]
        body, returns = self.bodies.get(call.spelling, (None, ()))
        return bool(returns) and all(body.source(v) == "0" for r in returns
                                     for v in r.get_children())

    def may_be_error(self, unit, cursor):
        """Does a condition's operand ask whether something failed? It is non-zero then."""
        core = strip(cursor)
        if core.kind == Kind.DECL_REF_EXPR:
            return core.type.spelling == "int" and ERROR_NAMES.match(core.spelling) is not None
        if core.kind == Kind.CALL_EXPR:
            return core.type.spelling == "int" and (
                core.spelling in self.bodies or re.match(r"(K|P\.kernel|k)->", unit.source(core))
                is not None) and core.spelling not in REPORTS
        return False

    def ends_in_error(self, unit, statement):
        """Does a statement, when it is executed, make or hand on an error?"""
        if statement.kind == Kind.COMPOUND_STMT:
            return any(self.ends_in_error(unit, s) for s in statement.get_children()
                       if s.kind not in (Kind.IF_STMT, Kind.FOR_STMT, Kind.WHILE_STMT))
        if statement.kind == Kind.RETURN_STMT:
            value = list(statement.get_children())
            return bool(value) and self.ends_in_error(unit, value[0])
        core = strip(statement)
        if self.is_error(unit, core) or self.may_be_error(unit, core) and \
                core.kind == Kind.DECL_REF_EXPR:
            return True
        if core.kind == Kind.CONDITIONAL_OPERATOR:
            return any(self.ends_in_error(unit, a) for a in list(core.get_children())[1:])
        if core.kind == Kind.BINARY_OPERATOR and unit.operator(core) == "=":
            return self.is_error(unit, list(core.get_children())[1])
        return False
