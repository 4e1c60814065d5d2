/* SPDX-License-Identifier: BSD-3-Clause */
/* Translation: a guess or a hint, then one load that confirms it in the table. No lock, no
 * sentence. */
#include "internal.h"

/* Kept out of line and out of the way. */
#define NOINLINE __attribute__((noinline))
#define RARE	 __attribute__((noinline, cold))

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

/* What contiguous() says of an address at an offset into a window. */
static size_t follows(const struct tce_window *w, uint64_t offset, uint64_t va, size_t want)
{
	uint64_t off = offset & w->inside;

	return contiguous(w, offset >> w->shift, va - off, off, want);
}

/* Kept out of line. */
static RARE int length_from(const struct tce_window *w, uint64_t offset, uint64_t va, size_t want,
			    size_t *len)
{
	*len = follows(w, offset, va, want);
	return 0;
}

/* The end of every look-up that found: most of what is wanted ends inside of the first page. */
static inline int length(const struct tce_window *w, uint64_t offset, uint64_t va, size_t want,
			 size_t *len)
{
	if (!len)
		return 0;
	if (want - 1 > (~va & w->inside))
		return length_from(w, offset, va, want, len);
	*len = want;
	return 0;
}

/*
 * One look: where the hint leads, if the entry there confirms it. -ENOENT if there is no hint,
 * -EAGAIN if it was wrong.
 */
static int look(const struct tce_space *space, uint64_t va, size_t want, tce_iova_t *iova,
		size_t *len)
{
	const struct tce_window *w;
	uint64_t hint, offset, e;

	if (!tce_dir_hint(&space->dir, va, &hint))
		return -ENOENT;
	w = tce_window_at(space, hint);
	if (!w)
		return -EAGAIN;
	offset = hint - w->start;
	e = tce_entry_load(w, offset >> w->shift);
	/* Of the VA, the part inside of the page, too: the hint may be of a window that is gone. */
	if (!(e & TCE_ENTRY_VALID) || tce_entry_va(w, e) + (offset & w->inside) != va)
		return -EAGAIN;
	*iova = hint;
	return length(w, offset, va, want, len);
}

RARE int tce_iova_by_hint(const struct tce_space *space, uint64_t va, size_t want, tce_iova_t *iova,
			  size_t *len)
{
	uint64_t leads;
	/*
	 * -ENOENT, no hint, is the answer. Hints are led elsewhere but never taken back: had a map
	 * of this page returned before, its hint would be there, or a later one.
	 */
	int ret = look(space, va, want, iova, len);

	/*
	 * Memory that is mapped at several IOVAs is led to another one before one of them goes. A
	 * reader on its way by the old hint misses it then; and the hint may be the same again by
	 * now. But whoever finds an entry unpublished finds that it was counted before: so a miss
	 * is one if the count stood still around the look.
	 */
	while (ret == -EAGAIN) {
		/* Acquire: the hint is loaded behind it. Pairs with count_lead(). */
		leads = atomic_load_explicit(&space->leads, memory_order_acquire);
		ret = look(space, va, want, iova, len);
		/* Relaxed: the acquire of the entry's load orders it. */
		if (ret && atomic_load_explicit(&space->leads, memory_order_relaxed) == leads)
			return -ENOENT;
	}
	return ret;
}

/*
 * Both ways guess first, from what does not depend on the address but for a subtraction and an
 * addition, and have one entry confirm it. A processor predicts that branch, so that what comes
 * next need not wait for the entry.
 */
int tce_iova(const struct tce_space *space, const void *addr, size_t want, tce_iova_t *iova,
	     size_t *len)
{
	/* Relaxed: see struct tce_space. */
	const struct tce_window *w = atomic_load_explicit(&space->guess, memory_order_relaxed);
	uint64_t va = (uintptr_t)addr, offset = tce_guess(w, va);

	/* What the directory says is looked at after the entry: see tce_iova_by_hint(). */
	if (!tce_entry_is(w, tce_entry_load(w, offset >> w->shift), va))
		return tce_iova_by_hint(space, va, want, iova, len);
	*iova = w->start + offset;
	return length(w, offset, va, want, len);
}

/*
 * Where the guess fails: memory that lies otherwise, or none. Out of line, or a compiler may join
 * it with the guess, which would have to wait for the entry then.
 */
static NOINLINE int va_by_entry(const struct tce_window *w, uint64_t offset, size_t want, void **va,
				size_t *len, uint64_t entry)
{
	uint64_t found = tce_entry_va(w, entry) + (offset & w->inside);

	if (!(entry & TCE_ENTRY_VALID))
		return -ENOENT;
	*va = (void *)(uintptr_t)found;
	return length(w, offset, found, want, len);
}

static RARE int va_elsewhere(const struct tce_space *space, tce_iova_t iova, size_t want, void **va,
			     size_t *len)
{
	const struct tce_window *w = tce_window_at(space, iova);
	uint64_t offset;

	if (!w)
		return -ENOENT;
	offset = iova - w->start;
	return va_by_entry(w, offset, want, va, len, tce_entry_load(w, offset >> w->shift));
}

int tce_va(const struct tce_space *space, tce_iova_t iova, size_t want, void **va, size_t *len)
{
	const struct tce_window *w = atomic_load_explicit(&space->guess, memory_order_relaxed);
	uint64_t offset = iova - w->start, e;
	/* Relaxed: whatever it is, the entry has the word. */
	uint64_t guess = atomic_load_explicit(&w->back, memory_order_relaxed) + offset;

	if (offset >= w->size)
		return va_elsewhere(space, iova, want, va, len);
	e = tce_entry_load(w, offset >> w->shift);
	if (!tce_entry_is(w, e, guess))
		return va_by_entry(w, offset, want, va, len, e);
	*va = (void *)(uintptr_t)guess;
	return length(w, offset, guess, want, len);
}
