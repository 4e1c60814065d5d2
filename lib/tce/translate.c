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

int tce_iova(const struct tce_space *space, const void *addr, size_t want, tce_iova_t *iova,
	     size_t *len)
{
	uint64_t va = (uintptr_t)addr, guess, off, e;
	const struct tce_window *w;
	size_t at;

	if (!tce_dir_hint(&space->dir, va, &guess))
		return -ENOENT;
	w = tce_window_at(space, guess);
	if (!w)
		return -ENOENT;
	at = (guess - w->start) >> w->shift;
	off = (guess - w->start) & ((1ull << w->shift) - 1);
	e = tce_entry_load(w, at);
	if (!(e & TCE_ENTRY_VALID) || tce_entry_va(w, e) + off != va)
		return -ENOENT;
	*iova = guess;
	if (len)
		*len = contiguous(w, at, va - off, off, want);
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
