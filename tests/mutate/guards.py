# SPDX-License-Identifier: BSD-3-Clause
"""The guards of lib/tce, each of which is removed by one mutant: what doc/design.md promises, and
the text that keeps it.

A guard is found by its text, whatever its white space is; where the text is not found exactly once
this is an error, and the table has to follow the source.
"""
import os
import re

from explain import TREE

T = "lib/tce/"
# (the guard, file, function, [(text, what stands there without the guard), ...])
GUARDS = [
    ("range: a map or unmap ends within its window", "place.c", "tce_place_of",
     [("if (len > w->size - (iova - w->start))", "if (false)")]),
    ("range: it begins in a window", "place.c", "tce_place_of",
     [("if (!w)", "if (false)")]),
    ("overwrite: a map over live TCEs", "place.c", "place_fixed",
     [("if (tce_table_busy(place->w, place->at, place->n, &busy))", "if (false)")]),
    ("overwrite: the search passes what is in use", "table.c", "tce_table_find",
     [("} else if (!tce_table_busy(w, i, n, &busy)) {", "} else if (true) {")]),
    ("32-bit MMIO: a map asked for there", "place.c", "place_fixed",
     [("if (tce_table_excluded(place->w, place->at, place->n))", "if (false)")]),
    ("32-bit MMIO: the search passes it", "table.c", "tce_table_find",
     [("if (tce_table_excluded(w, i, n)) {", "if (false) {")]),
    ("reach: a map asked for outside", "place.c", "place_fixed",
     [("if (iova < low || tce_last(iova, len) > high)", "if (false)")]),
    ("reach: the space's own highest IOVA", "place.c", "tce_place_find",
     [("opts->highest && opts->highest < space->highest ? opts->highest : space->highest",
       "opts->highest ? opts->highest : UINT64_MAX")]),
    ("alignment: IOVA and length of I/O pages", "place.c", "tce_place_of",
     [("if (iova % page || len % page)", "if (false)")]),
    ("alignment: a region of system pages", "region.c", "tce_check_range",
     [("if (!len || va % page || len % page || tce_wraps(va, len))",
       "if (!len || tce_wraps(va, len))")]),
    ("alignment: an I/O page larger than the memory's, asked for", "place.c", "place_fixed",
     [("if (page > fits)", "if (false)")]),
    ("alignment: an I/O page larger than the memory's, chosen", "place.c", "try_window",
     [("if (page > fits)", "if (false)")]),
    ("alignment: a discard takes whole I/O pages", "release.c", "check_whole",
     [("if (s->va >= part->va && last <= part->last)", "if (true)")]),
    ("live count: release", "release.c", "release",
     [("if (!tce_region_live(r))", "if (true)")]),
    ("live count: the end of an automatic region", "map.c", "count_off",
     [("if (r->quarantined || tce_region_live(r))", "if (r->quarantined)")]),
    ("live count: a discard of a part", "release.c", "discard_part",
     [("return tce_region_live(r) ? 0 : tce_region_end(r);", "return tce_region_end(r);")]),
    ("live count: closing a space whose TCEs stay", "space.c", "leave_region",
     [("if (r->quarantined || use->live) {", "if (r->quarantined) {")]),
    ("live count: removing a window", "window.c", "tce_window_remove",
     [("else if (w->used)", "else if (false)")]),
    ("users: a release of a region that others use", "release.c", "release",
     [("if (r->users > 1) {", "if (false) {")]),
    ("claim before MAP", "map.c", "map_at",
     [("claim(p, va, len, access); ret = enroll_all", "ret = enroll_all"),
      ("tce_table_rebase(p->w, p->at, p->n, va);",
       "claim(p, va, len, access); tce_table_rebase(p->w, p->at, p->n, va);")]),
    ("publish after MAP", "map.c", "map_at",
     [("claim(p, va, len, access);",
       "claim(p, va, len, access); tce_table_publish(p->w, p->at, p->n);")]),
    ("unpublish before UNMAP", "map.c", "tce_unmap_entries",
     [("tce_table_unpublish(w, at, n);", "")]),
    ("wait for readers before UNMAP", "map.c", "tce_unmap_entries",
     [("tce_synchronize();", "")]),
    ("free after UNMAP, not before", "map.c", "tce_clear_entries",
     [("P.calls.unmap++;", "P.calls.unmap++; tce_table_free(w, at, n);"),
      ("tce_table_publish(w, at, n);", ""),
      ("tce_table_free(w, at, n); return result;", "return result;")]),
    ("nobody waits for himself", "epoch.c", "tce_check_waiting",
     [("if (!stretch)", "if (true)")]),
    ("owner: a child of a fork", "owner.c", "tce_enter",
     [("else if (!atomic_load_explicit(token, memory_order_relaxed))", "else if (false)")]),
    ("owner: the token is wiped in a child", "owner.c", "make_token",
     [("madvise(p, page, MADV_WIPEONFORK)", "false")]),
    ("owner: tables are wiped in a child", "lazy.c", "tce_lazy_init",
     [("madvise(p, all * sizeof(uint64_t), MADV_WIPEONFORK)", "false")]),
    ("owner: a child's descriptors are closed", "owner.c", "become_owner",
     [("pthread_atfork(before_fork, after_fork, in_child)",
       "pthread_atfork(before_fork, after_fork, after_fork)")]),
    ("owner: a second copy", "owner.c", "set_marker",
     [("if (count_markers() <= 1)", "if (true)")]),
    ("short map: a positive answer to MAP", "map.c", "ask_map",
     [("if (ret) return map_failed(", "if (ret < 0) return map_failed(")]),
    ("short map: a positive answer to UNMAP", "map.c", "tce_clear_entries",
     [("if (ret) {", "if (ret < 0) {")]),
    ("short map: a positive answer to REGISTER", "enroll.c", "tce_enroll",
     [("if (ret) return enroll_failed(r, ret);", "if (ret < 0) return enroll_failed(r, ret);")]),
    ("short map: a positive answer to UNREGISTER, the last", "enroll.c", "let_go",
     [("ret = P.kernel->unenroll(space->container_fd, (void *)r->va, r->len); if (ret)",
       "ret = P.kernel->unenroll(space->container_fd, (void *)r->va, r->len); if (ret < 0)")]),
    ("short map: a positive answer to UNREGISTER, another", "enroll.c", "tce_unenroll",
     [("if (ret) return tce_quarantine(", "if (ret < 0) return tce_quarantine(")]),
    ("short map: a positive answer to CREATE", "window.c", "create",
     [("if (ret) { end_window(w);", "if (ret < 0) { end_window(w);")]),
    ("short map: a positive answer to REMOVE", "window.c", "remove_window",
     [("if (ret) return tce_fail(", "if (ret < 0) return tce_fail(")]),
    ("witness: locked memory fell", "enroll.c", "let_go",
     [("*seen = !ret && before - after == r->len;", "*seen = true;")]),
    ("quarantine: a MAP that failed in the hardware", "map.c", "map_failed",
     [("r->quarantined = true;", ";")]),
    ("quarantine: what the kernel did not let go of", "enroll.c", "tce_quarantine",
     [("r->quarantined = true;", "")]),
    ("quarantine: it is not mapped again", "map.c", "check_memory",
     [("if (r->quarantined || tce_region_is_dead(r, at, part))",
       "if (tce_region_is_dead(r, at, part))")]),
    ("quarantine: it is not given back", "region.c", "tce_region_end",
     [('if (r->quarantined) return tce_quarantine(r, "an earlier call on it failed");', "")]),
    ("dead memory is not mapped again", "map.c", "check_memory",
     [("if (r->quarantined || tce_region_is_dead(r, at, part))", "if (r->quarantined)")]),
    ("dead memory where there is none to note it", "release.c", "mark_dead",
     [("r->all_dead = true;", "")]),
    ("regions do not overlap", "region.c", "tce_region_register",
     [("if (r) return tce_fail( -EEXIST,", "if (false) return tce_fail( -EEXIST,")]),
    ("registered by each space that maps it", "enroll.c", "tce_enroll",
     [("if (tce_use_of(r, space))", "if (r->uses)")]),
    ("memlock is computed first: a region", "enroll.c", "tce_enroll",
     [("r->uses ? 0 : tce_lock_check(r->len, \"registering this region\")", "0")]),
    ("memlock is computed first: a window", "plan.c", "create",
     [("if (p.locked > f->lock_free)", "if (false)")]),
    ("nothing by trial and error: a window's values", "window.c", "check_create",
     [("if (!tce_is_pow2(page) || !tce_is_pow2(size) || size < page || !(f->page_sizes & page))",
       "if (false)")]),
    ("nothing by trial and error: 4K windows of an LPAR", "plan.c", "best_page",
     [("if (is_pseries(f))", "if (false)")]),
    ("undo: registrations of a map that failed", "map.c", "undo",
     [("settle(space, va, len, false);", "")]),
    ("undo: automatic regions of a map that failed", "dma.c", "settle",
     [("if (drop)", "if (false)")]),
    ("undo: TCEs of an unmap that failed", "map.c", "tce_clear_entries",
     [("tce_table_publish(w, at, n);", "")]),
    ("undo: a space whose opening failed", "space.c", "finish",
     [("return give_up(s, ret);", "return ret;")]),
    ("unmapping a free TCE is told", "map.c", "tce_unmap_locked",
     [("for (size_t i = p.at; i < p.at + p.n; i = s.at + s.n)",
       "for (size_t i = p.at; false; i = s.at + s.n)")]),
    ("evict: hidden while drivers are asked", "evict.c", "hide",
     [("tce_table_unpublish(w, s->at, s->n);", "")]),
    ("evict: readers are waited for", "evict.c", "evict",
     [("if (!tce_synchronize_until(deadline)) {", "if (false) {")]),
    ("evict: every driver has let go", "evict.c", "evict",
     [("if (quiet < r->drivers) {", "if (false) {")]),
    ("evict: shown again after a time-out", "evict.c", "show",
     [("tce_table_publish(w, s->at, s->n);", "")]),
    ("close: a borrowed device is stopped before its TCEs go", "space.c", "close_space",
     [("note(&first, stop_device(&space->device[i]));", ";")]),
    ("close: a device that is not the last is stopped", "space.c", "close_use",
     [("ret = stop_device(device);", "ret = 0;")]),
    ("close: TCEs are cleared", "space.c", "close_space",
     [("clear_all(space, &first);", "")]),
    ("close: made windows are removed", "window.c", "tce_windows_close",
     [("int ret = w->is_default && !leaving ? 0 : remove_window(space, w);", "int ret = 0;")]),
    ("adopt: a group that is in a container already", "space.c", "adopt",
     [("if (flags & KERNEL_GROUP_ATTACHED)", "if (false)")]),
    ("open: a group that is not viable", "device.c", "tce_ask_group",
     [("if (!ret && (flags & KERNEL_GROUP_VIABLE)) {", "if (!ret) {")]),
    ("open: a second space of one group", "space.c", "adopt",
     [("if (space_of_group(group))", "if (false)")]),
    ("aliases: a hint leads elsewhere before its TCE goes", "map.c", "tce_unmap_entries",
     [("led |= lead_elsewhere(space, w, at, n, &s);", ";")]),
    ("reserved fields are 0", "error.c", "tce_check_reserved",
     [("if (!(reserved[0] | reserved[1] | reserved[2] | reserved[3]))", "if (true)")]),
    ("an audit recounts", "status.c", "audit_counts",
     [("if (r->use[i].live != r->use[i].counted)", "if (false)")]),
]
# The loops that are macros, where the compiler's view of the source does not reach.
LOOPS = [
    ("each window: to the last slot", "internal.h", "TCE_FOR_EACH_WINDOW",
     [("w##_slot < TCE_WINDOWS_MAX", "w##_slot < TCE_WINDOWS_MAX - 1")]),
    ("each window: slots that are empty", "internal.h", "TCE_FOR_EACH_WINDOW",
     [("if (((w) = ", "if (!((w) = ")]),
    ("each part: to the end", "map.c", "FOR_EACH_PART",
     [("from < (va) + (len) &&", "from <= (va) + (len) &&")]),
    ("each part: what is the smaller end", "map.c", "FOR_EACH_PART",
     [("(va) + (len) < end_of(r) ?", "(va) + (len) > end_of(r) ?")]),
    ("each part: where both ends are one", "map.c", "FOR_EACH_PART",
     [("(va) + (len) < end_of(r) ?", "(va) + (len) <= end_of(r) ?")]),
]


class GuardError(Exception):
    """A guard's text is not found."""


def pattern(text):
    """A regular expression for a text with any white space."""
    words = re.findall(r"\w+|[^\w\s]", text)
    return r"[\s\\]*".join(re.escape(w) for w in words)


def body(path, text, name):
    """(begin, end) of a function or macro."""
    found = list(re.finditer(
        rf"^(?:#define {name}\b(?:[^\n]*\\\n)*[^\n]*\n|[^\s#/][^;{{}}]*\b{name}\([^;{{}}]*\)\n\{{\n"
        r".*?^\})", text, re.M | re.S))
    if len(found) != 1:
        raise GuardError(f"{path}: {len(found)} functions named {name}")
    return found[0].span()


class Guard:
    """A mutant that removes one guard."""

    kind = "guard"

    def __init__(self, what, name, function, edits):
        self.path, self.function, self.what = T + name, function, what
        with open(os.path.join(TREE, self.path), encoding="utf-8") as f:
            text = f.read()
        self.line = self.column = 0
        for old, new in edits:
            begin, end = body(self.path, text, function)
            found = list(re.finditer(pattern(old), text[begin:end]))
            if len(found) != 1:
                raise GuardError(f"guard \"{what}\": {self.path}, {function}(): \"{old}\" is there "
                                 f"{len(found)} times; the table in guards.py has to follow")
            at = begin + found[0].start()
            self.line = self.line or text.count("\n", 0, at) + 1
            text = text[:at] + new + text[begin + found[0].end():]
        self.text = text.encode()
        self.old, self.new = what, "removed"

    def key(self):
        return self.path, self.function, self.old, self.new

    def __str__(self):
        return f"{self.path} {self.function}\n\t- {self.old}\n\t+ {self.new}\n"


def find(only=None):
    return [Guard(*g) for g in GUARDS + LOOPS if not only or g[1] in only]
