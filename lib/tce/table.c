/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int tce_table_init(struct tce_window *w, uint64_t size, unsigned shift)
{
	size_t entries = size >> shift;
	int ret;

	*w = (struct tce_window){.size = size, .shift = shift, .entries = entries};
	w->number_bits = shift - TCE_ENTRY_NUMBER_SHIFT;
	if (w->number_bits > TCE_NUMBER_BITS_MAX)
		w->number_bits = TCE_NUMBER_BITS_MAX;
	/* The largest power of two that the window holds: it is one itself, but for odd platforms.
	 */
	w->mask = (1ull << tce_log2(size)) - 1;
	w->inside = (1ull << shift) - 1;
	w->telling = ~w->inside | TCE_ENTRY_VALID;
	w->hole_first = SIZE_MAX;
	w->kept = SIZE_MAX;
	ret = tce_lazy_init(&w->lazy, entries, "the table of a window");
	if (ret)
		return ret;
	w->entry = w->lazy.word;
	w->leaf = calloc(w->lazy.pages, sizeof(*w->leaf));
	if (!w->leaf) {
		tce_lazy_end(&w->lazy);
		return tce_fail(-ENOMEM, "no memory for the summary of a window of %s",
				tce_bytes(size));
	}
	return 0;
}

void tce_table_end(struct tce_window *w)
{
	tce_lazy_end(&w->lazy);
	free(w->leaf);
	w->leaf = NULL;
}

void tce_table_exclude(struct tce_window *w, uint64_t first, uint64_t last)
{
	uint64_t end = tce_last(w->start, w->size);

	if (last < w->start || first > end || first > last)
		return;
	if (first < w->start)
		first = w->start;
	if (last > end)
		last = end;
	w->hole_first = (first - w->start) >> w->shift;
	w->hole_last = (last - w->start) >> w->shift;
}

/* How many entries a leaf has; the last one may have fewer. */
static size_t leaf_size(const struct tce_window *w, size_t leaf)
{
	size_t left = w->entries - leaf * w->lazy.page_words;

	return left < w->lazy.page_words ? left : w->lazy.page_words;
}

static bool leaf_full(const struct tce_window *w, size_t leaf)
{
	return w->leaf[leaf] == leaf_size(w, leaf);
}

bool tce_table_excluded(const struct tce_window *w, size_t at, size_t n)
{
	return w->hole_first <= at + n - 1 && w->hole_last >= at && w->hole_first <= w->hole_last;
}

bool tce_table_busy(const struct tce_window *w, size_t at, size_t n, size_t *busy)
{
	size_t i = at + n;

	/* Backwards: a search goes on behind the last obstacle. */
	while (i > at) {
		size_t leaf = (i - 1) / w->lazy.page_words;

		if (!w->leaf[leaf]) {
			i = leaf * w->lazy.page_words;
			continue;
		}
		i--;
		if (leaf_full(w, leaf) || tce_entry_peek(w, i)) {
			*busy = i;
			return true;
		}
	}
	return false;
}

/* The first entry at or behind i whose IOVA is a multiple of align; SIZE_MAX if none. */
static size_t align_entry(const struct tce_window *w, size_t i, uint64_t align)
{
	uint64_t iova = w->start + ((uint64_t)i << w->shift);
	uint64_t up = (iova + (align - 1)) & ~(align - 1);

	if (i >= w->entries || up < iova || up > tce_last(w->start, w->size))
		return SIZE_MAX;
	return (up - w->start) >> w->shift;
}

bool tce_table_find(const struct tce_window *w, size_t n, uint64_t align, size_t low, size_t high,
		    size_t *at)
{
	size_t first_open = w->full_below * w->lazy.page_words;
	size_t i = low > first_open ? low : first_open;

	for (;;) {
		size_t busy;

		i = align_entry(w, i, align);
		if (i > high || n > high - i + 1)
			return false;
		if (tce_table_excluded(w, i, n)) {
			i = w->hole_last + 1;
		} else if (!tce_table_busy(w, i, n, &busy)) {
			*at = i;
			return true;
		} else {
			size_t leaf = busy / w->lazy.page_words;

			i = leaf_full(w, leaf) ? (leaf + 1) * w->lazy.page_words : busy + 1;
		}
	}
}

size_t tce_table_largest(const struct tce_window *w)
{
	size_t best = 0, run = 0, i = 0;

	while (i < w->entries) {
		size_t leaf = i / w->lazy.page_words, step = 1;
		bool free = true;

		if (w->hole_first <= w->hole_last && i >= w->hole_first && i <= w->hole_last) {
			step = w->hole_last - i + 1;
			free = false;
		} else if (w->leaf[leaf]) {
			free = !tce_entry_peek(w, i);
		} else {
			step = leaf * w->lazy.page_words + leaf_size(w, leaf) - i;
			if (i < w->hole_first && w->hole_first - i < step)
				step = w->hole_first - i;
		}
		run = free ? run + step : 0;
		best = run > best ? run : best;
		i += step;
	}
	return best;
}

/* Is an entry in use, or outside of what is handed out? */
static bool is_taken(const struct tce_window *w, size_t at)
{
	size_t busy;

	return at >= w->entries || tce_table_excluded(w, at, 1) || tce_table_busy(w, at, 1, &busy);
}

/* With [at, at + n) taken too: is there room in one piece for the rest of what was promised? */
static bool keeps_promise(const struct tce_window *w, size_t at, size_t n)
{
	size_t rest = w->promised > w->used + n ? w->promised - w->used - n : 0, found;

	if (!rest || !w->promised)
		return w->promised;
	return (at && tce_table_find(w, rest, 1, 0, at - 1, &found)) ||
	       (at + n < w->entries && tce_table_find(w, rest, 1, at + n, w->entries - 1, &found));
}

bool tce_table_guess(const struct tce_window *w, uint64_t va, size_t n, size_t *at)
{
	size_t i = tce_guess(w, va) >> w->shift, busy;

	/* An empty table has no base yet. */
	if (!w->used || n > w->entries - i || tce_table_excluded(w, i, n) ||
	    tce_table_busy(w, i, n, &busy))
		return false;
	/* Below entry 0 is SIZE_MAX, which is taken. */
	if (!is_taken(w, i - 1) && !is_taken(w, i + n) && !keeps_promise(w, i, n))
		return false;
	*at = i;
	return true;
}

/* With this base, is a VA behind entry at where it is guessed on the way back? */
static bool is_astray(const struct tce_window *w, uint64_t base, size_t at, uint64_t va)
{
	return va - ((uint64_t)at << w->shift) != base;
}

static size_t count_astray(const struct tce_window *w, uint64_t base)
{
	struct tce_stretch s;
	size_t astray = 0;

	for (size_t at = 0; tce_table_next(w, at, w->entries - at, &s); at = s.at + s.n)
		if (is_astray(w, base, s.at, s.va))
			astray += s.n;
	return astray;
}

static uint64_t peek_base(const struct tce_window *w)
{
	return atomic_load_explicit(&w->base, memory_order_relaxed);
}

/*
 * Guess on the way back, or go by the entries alone? Those cost some 1.5 ns where the guess is
 * right, and a misprediction some 7 where it is wrong.
 */
static void choose_back(struct tce_window *w)
{
	uint64_t back = w->astray > w->used / 8 ? TCE_NOWHERE : peek_base(w);

	atomic_store_explicit(&w->back, back, memory_order_relaxed);
}

void tce_table_rebase(struct tce_window *w, size_t at, size_t n, uint64_t va)
{
	uint64_t base = va - ((uint64_t)at << w->shift);

	if (n <= w->used - n || base == peek_base(w))
		return;
	atomic_store_explicit(&w->base, base, memory_order_relaxed);
	w->astray = w->used > n ? count_astray(w, base) : 0;
	choose_back(w);
}

int tce_table_open(struct tce_window *w, size_t at, size_t n)
{
	return tce_lazy_open(&w->lazy, at, n);
}

uint64_t tce_table_bits(const struct tce_window *w, unsigned number, unsigned access)
{
	uint64_t far = (1ull << w->number_bits) - 1;
	uint64_t field = number < far ? number : far;

	return field << TCE_ENTRY_NUMBER_SHIFT | (uint64_t)access << TCE_ENTRY_ACCESS_SHIFT;
}

/*
 * A leaf without entries gives its memory back when the next one empties, not at once: a driver
 * that maps and unmaps one small buffer after the other would pay a page fault and a system call
 * for each.
 */
static void leaf_emptied(struct tce_window *w, size_t leaf)
{
	if (w->kept != leaf && w->kept < w->lazy.pages && !w->leaf[w->kept])
		tce_lazy_return(&w->lazy, w->kept);
	w->kept = leaf;
}

/* Count entries of [at, at + n) in or out of their leaves. */
static void count(struct tce_window *w, size_t at, size_t n, bool in)
{
	while (n) {
		size_t leaf = at / w->lazy.page_words;
		size_t part = (leaf + 1) * w->lazy.page_words - at;

		if (part > n)
			part = n;
		w->leaf[leaf] = (uint16_t)(in ? w->leaf[leaf] + part : w->leaf[leaf] - part);
		w->used = in ? w->used + part : w->used - part;
		if (!in && leaf < w->full_below)
			w->full_below = leaf;
		if (!w->leaf[leaf])
			leaf_emptied(w, leaf);
		at += part;
		n -= part;
	}
	while (w->full_below < w->lazy.pages && leaf_full(w, w->full_below))
		w->full_below++;
}

void tce_table_claim(struct tce_window *w, size_t at, size_t n, uint64_t va, uint64_t bits)
{
	for (size_t i = 0; i < n; i++)
		atomic_store_explicit(&w->entry[at + i], (va + ((uint64_t)i << w->shift)) | bits,
				      memory_order_relaxed);
	if (is_astray(w, peek_base(w), at, va))
		w->astray += n;
	count(w, at, n, true);
	choose_back(w);
}

void tce_table_publish(struct tce_window *w, size_t at, size_t n)
{
	/* Release: whoever sees the entry sees what came before it. Pairs with tce_entry_load(). */
	for (size_t i = at; i < at + n; i++) {
		uint64_t e = tce_entry_peek(w, i);

		atomic_store_explicit(&w->entry[i], e | TCE_ENTRY_VALID, memory_order_release);
	}
}

void tce_table_unpublish(struct tce_window *w, size_t at, size_t n)
{
	/*
	 * Release: a reader that misses the entry here sees where the directory has been led
	 * before. Pairs with the acquire of tce_iova(). What follows, the kernel's call, is ordered
	 * by tce_synchronize().
	 */
	atomic_thread_fence(memory_order_release);
	for (size_t i = at; i < at + n; i++) {
		uint64_t e = tce_entry_peek(w, i);

		atomic_store_explicit(&w->entry[i], e & ~TCE_ENTRY_VALID, memory_order_relaxed);
	}
}

void tce_table_free(struct tce_window *w, size_t at, size_t n)
{
	/* Most tables have none. */
	for (size_t i = at; w->astray && i < at + n; i++)
		w->astray -= is_astray(w, peek_base(w), i, tce_entry_va(w, tce_entry_peek(w, i)));
	for (size_t i = at; i < at + n; i++)
		atomic_store_explicit(&w->entry[i], 0, memory_order_relaxed);
	count(w, at, n, false);
	choose_back(w);
}

bool tce_table_next(const struct tce_window *w, size_t at, size_t n, struct tce_stretch *s)
{
	uint64_t page = 1ull << w->shift;
	size_t end = at + n;

	/* Leaf by leaf: not even a look is taken at what was never written, which has no memory. */
	while (at < end) {
		size_t leaf = at / w->lazy.page_words, stop = (leaf + 1) * w->lazy.page_words;

		if (!w->leaf[leaf]) {
			at = stop;
			continue;
		}
		while (at < stop && !tce_entry_peek(w, at))
			at++;
		if (at < stop)
			break;
	}
	if (at >= end)
		return false;
	s->at = at;
	s->va = tce_entry_va(w, tce_entry_peek(w, at));
	s->bits = tce_entry_peek(w, at) & (page - 1);
	for (s->n = 1; at + s->n < end; s->n++)
		if (tce_entry_peek(w, at + s->n) != ((s->va + s->n * page) | s->bits))
			break;
	return true;
}

bool tce_table_agrees(const struct tce_window *w)
{
	size_t used = 0;

	for (size_t leaf = 0; leaf < w->lazy.pages; leaf++) {
		size_t first = leaf * w->lazy.page_words, n = 0;

		/* A page that was never writable reads 0 and need not be touched. */
		if (w->lazy.open[leaf / 8] & (1u << leaf % 8))
			for (size_t i = 0; i < leaf_size(w, leaf); i++)
				n += tce_entry_peek(w, first + i) != 0;
		if (n != w->leaf[leaf] || (leaf < w->full_below && !leaf_full(w, leaf)))
			return false;
		used += n;
	}
	return used == w->used;
}

bool tce_table_astray_agrees(const struct tce_window *w)
{
	return count_astray(w, peek_base(w)) == w->astray;
}
