# SPDX-License-Identifier: BSD-3-Clause
"""The mutants of lib/tce: each comparison and each error return of it, changed in one place.

  boundary   < for <=, > for >=, and the reverse; not where that picks one of two equals
  negate     a comparison's opposite; an operand of a condition, or what ! is before, negated
  no error   what is an error, and returned or kept, is 0 instead (what is called, is called)
  no return  the statement that returns an error is not there

A mutant is known by its file, its function, and the lines that it changes as they are and as they
become, so that nothing else that changes in the file makes it another one.
"""
from explain import flat
from syntax import Errors, Kind, strip, span, units

OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


class Mutant:
    """One change: bytes [begin, end) of a file become `new`."""

    def __init__(self, path, text, function, kind, begin, end, new):
        first = text.rfind(b"\n", 0, begin) + 1
        last = text.find(b"\n", end)
        self.path, self.function, self.kind = path, function, kind
        self.line = text.count(b"\n", 0, begin) + 1
        # As a compiler counts.
        self.column = begin - text.rfind(b"\n", 0, begin)
        self.text = text[:begin] + new.encode() + text[end:]
        self.old = flat(text[first:last].decode())
        self.new = flat((text[first:begin] + new.encode() + text[end:last]).decode())

    def key(self):
        return self.path, self.function, self.old, self.new

    def __str__(self):
        return (f"{self.path} {self.function}\n\t- {self.old}\n\t+ {self.new}\n")


class Finder:
    """The mutants of one source file, and of the headers that it includes."""

    def __init__(self, unit, errors):
        self.unit, self.errors = unit, errors
        self.found = []
        for self.path, self.function in unit.functions():
            self.last = self.last_statement(self.function)
            self.walk(self.function, None)

    @staticmethod
    def last_statement(function):
        body = list(function.get_children())[-1]
        statements = list(body.get_children())
        return span(statements[-1]) if statements else None

    def add(self, kind, begin, end, new):
        text = self.unit.text(self.path)
        self.found.append(Mutant(self.path, text, self.function.spelling, kind, begin, end, new))

    def walk(self, cursor, parent):
        if not self.unit.in_macro(cursor):
            self.at(cursor, parent)
        for child in cursor.get_children():
            self.walk(child, cursor)

    def at(self, cursor, parent):
        """What there is to change about one node."""
        if cursor.kind == Kind.BINARY_OPERATOR:
            self.comparison(cursor, parent)
        for operand in self.operands(cursor):
            self.negate(operand)
        if cursor.kind == Kind.RETURN_STMT and self.function.result_type.spelling == "int":
            self.error_return(cursor, parent)
        elif cursor.kind == Kind.BINARY_OPERATOR and self.unit.operator(cursor) == "=":
            _, value = cursor.get_children()
            for part in self.error_parts(value):
                self.zero(part)

    def picks(self, cursor, parent):
        """Does it pick the smaller or the larger of two, `a < b ? a : b` or `if (a < b) a = b;`?
        Where both are the same, either will do."""
        sides = {flat(self.unit.source(strip(c))) for c in cursor.get_children()}
        if not parent or parent.kind not in (Kind.CONDITIONAL_OPERATOR, Kind.IF_STMT):
            return False
        children = list(parent.get_children())
        if parent.kind == Kind.CONDITIONAL_OPERATOR:
            picked = children[1:]
        else:
            assigned = strip(children[1])
            if len(children) != 2 or assigned.kind != Kind.BINARY_OPERATOR \
                    or self.unit.operator(assigned) != "=":
                return False
            picked = assigned.get_children()
        return span(strip(children[0])) == span(cursor) and \
            {flat(self.unit.source(strip(c))) for c in picked} == sides

    def comparison(self, cursor, parent):
        operator = self.unit.operator(cursor)
        if operator not in OPPOSITE:
            return
        left, right = cursor.get_children()
        begin = span(left)[1]
        between = self.unit.text(self.path)[begin:span(right)[0]].decode()
        begin += between.index(operator)
        for kind, table in (("boundary", BOUNDARY), ("negate", OPPOSITE)):
            if operator in table and not (kind == "boundary" and self.picks(cursor, parent)):
                self.add(kind, begin, begin + len(operator), table[operator])

    def operands(self, cursor):
        """The conditions that a node asks: of an if, a loop, a ?:, or && and || by themselves."""
        children = list(cursor.get_children())
        if cursor.kind in (Kind.IF_STMT, Kind.WHILE_STMT, Kind.CONDITIONAL_OPERATOR):
            yield children[0]
        elif cursor.kind == Kind.DO_STMT:
            yield children[1]
        elif cursor.kind == Kind.FOR_STMT:
            yield from self.for_condition(cursor, children)
        elif self.unit.logic(cursor) in ("&&", "||") and cursor.kind == Kind.BINARY_OPERATOR:
            yield from children
        elif self.unit.logic(cursor) == "!" and cursor.kind == Kind.UNARY_OPERATOR:
            yield children[0]

    def for_condition(self, cursor, children):
        """The part between the semicolons, of which any may be missing."""
        text = self.unit.text(self.path)[span(cursor)[0]:span(children[-1])[0]].decode()
        depth, semicolons = 0, []
        for i, c in enumerate(text):
            depth += (c == "(") - (c == ")")
            if c == ";" and depth == 1:
                semicolons.append(span(cursor)[0] + i)
        if len(semicolons) != 2:
            return
        for child in children:
            if semicolons[0] < span(child)[0] < semicolons[1]:
                yield child

    def negate(self, operand):
        """Negate what is neither a comparison nor made of operands itself."""
        core = strip(operand)
        if self.unit.logic(core) or (core.kind == Kind.BINARY_OPERATOR
                                     and self.unit.operator(core) in OPPOSITE):
            return
        begin, end = span(core)
        if begin == end or self.unit.in_macro(core):
            return
        self.add("negate", begin, end, f"!({self.unit.source(core)})")

    def error_parts(self, value):
        """The parts of a value that are an error: itself, or sides of a ?: in it."""
        core = strip(value)
        if core.kind == Kind.CONDITIONAL_OPERATOR:
            for side in list(core.get_children())[1:]:
                yield from self.error_parts(side)
        elif self.errors.is_error(self.unit, core):
            yield core

    def zero(self, part):
        begin, end = span(part)
        if self.errors.never_fails(self.unit, part):
            return
        if part.kind == Kind.CALL_EXPR:
            self.add("no error", begin, end, f"({self.unit.source(part)}, 0)")
        else:
            self.add("no error", begin, end, "0")

    def return_parts(self, value):
        """As error_parts(); variables too, and calls that may hand an error on."""
        core = strip(value)
        if core.kind == Kind.CONDITIONAL_OPERATOR:
            for side in list(core.get_children())[1:]:
                yield from self.return_parts(side)
        elif self.errors.is_error(self.unit, core) or core.kind in (Kind.DECL_REF_EXPR,
                                                                    Kind.CALL_EXPR):
            yield core

    def error_return(self, cursor, parent):
        for value in cursor.get_children():
            parts = list(self.return_parts(value))
            for part in parts:
                self.zero(part)
            if parts and span(cursor) != self.last and parent.kind != Kind.SWITCH_STMT:
                begin, end = span(cursor)
                self.add("no return", begin, end, "")


def find(build, only=None):
    """Every mutant of lib/tce, each once, by file and line."""
    every_unit = list(units(build))
    errors = Errors(every_unit)
    found = {}
    for unit in every_unit:
        for m in Finder(unit, errors).found:
            found.setdefault((m.path, m.text), m)
    return sorted((m for m in found.values()
                   if not only or any(m.path.endswith("/" + name) for name in only)),
                  key=lambda m: (m.path, m.line, m.new))
