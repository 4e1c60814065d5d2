/* SPDX-License-Identifier: BSD-3-Clause */
/* Translation: hint, then one load that confirms it in the table. No lock, no sentence. */
#include "internal.h"

/*
 * How many bytes from (entry at, offset off into its page) follow contiguously in VA and IOVA, up
 * to want. The first entry is known to be good.
 */
static size_t contiguous(const struct tce_window *w, size_t at, uint64_t va_page, uint64_t off,
			 size_t want)
{
	uint64_t page = 1ull << w->shift, have = page - off;

	while (have < want && ++at < w->entries) {
		uint64_t e = tce_entry_load(w, at);

		va_page += page;
		if (!(e & TCE_ENTRY_VALID) || tce_entry_va(w, e) != va_page)
			break;
		have += page;
	}
	return have < want ? (size_t)have : want;
}

/* Does the TCE at an IOVA hold this VA? Then how far, at most want, if len is not NULL. */
static bool confirm(const struct tce_space *space, uint64_t iova, uint64_t va, size_t want,
		    size_t *len)
{
	const struct tce_window *w = tce_window_at(space, iova);
	uint64_t off, e;
	size_t at;

	if (!w)
		return false;
	at = (iova - w->start) >> w->shift;
	off = (iova - w->start) & ((1ull << w->shift) - 1);
	e = tce_entry_load(w, at);
	if (!(e & TCE_ENTRY_VALID) || tce_entry_va(w, e) + off != va)
		return false;
	if (len)
		*len = contiguous(w, at, va - off, off, want);
	return true;
}

int tce_iova(const struct tce_space *space, const void *addr, size_t want, tce_iova_t *iova,
	     size_t *len)
{
	uint64_t va = (uintptr_t)addr, guess, before;

	if (!tce_dir_hint(&space->dir, va, &guess))
		return -ENOENT;
	while (!confirm(space, guess, va, want, len)) {
		/*
		 * Memory that is mapped at several IOVAs is led to another one before one of them
		 * goes: look again where the hint has changed. The acquire of the entry's load
		 * orders this load behind it; pairs with the fence of tce_table_unpublish().
		 */
		before = guess;
		if (!tce_dir_hint(&space->dir, va, &guess) || guess == before)
			return -ENOENT;
	}
	*iova = guess;
	return 0;
}

int tce_va(const struct tce_space *space, tce_iova_t iova, size_t want, void **va, size_t *len)
{
	const struct tce_window *w = tce_window_at(space, iova);
	uint64_t off, e;
	size_t at;

	if (!w)
		return -ENOENT;
	at = (iova - w->start) >> w->shift;
	off = (iova - w->start) & ((1ull << w->shift) - 1);
	e = tce_entry_load(w, at);
	if (!(e & TCE_ENTRY_VALID))
		return -ENOENT;
	*va = (void *)(uintptr_t)(tce_entry_va(w, e) + off);
	if (len)
		*len = contiguous(w, at, tce_entry_va(w, e), off, want);
	return 0;
}
