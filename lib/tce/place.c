/* SPDX-License-Identifier: BSD-3-Clause */
#include "place.h"

typedef unsigned long long ull;

int tce_place_of(const struct tce_space *space, const char *call, tce_iova_t iova, uint64_t len,
		 struct tce_place *place)
{
	struct tce_window *w = tce_window_at(space, iova);
	uint64_t page;

	if (!len)
		return tce_fail(-EINVAL, "%s at IOVA %#llx: the length is 0", call, (ull)iova);
	if (!w)
		return tce_fail(-ENXIO,
				"%s at IOVA %#llx + %#llx: no window of this space is there", call,
				(ull)iova, (ull)len);
	page = 1ull << w->shift;
	if (iova % page || len % page)
		return tce_fail(
			-EINVAL,
			"%s at IOVA %#llx + %#llx: address and length must be multiples of the "
			"window's I/O page, %s",
			call, (ull)iova, (ull)len, tce_bytes(page));
	/* The kernel checks only the first TCE. */
	if (len > w->size - (iova - w->start))
		return tce_fail(
			-ENXIO,
			"%s at IOVA %#llx + %#llx: it runs past the end of the window at %#llx, "
			"whose last byte is %#llx",
			call, (ull)iova, (ull)len, (ull)w->start, (ull)tce_last(w->start, w->size));
	*place = (struct tce_place){
		.w = w,
		.at = (iova - w->start) >> w->shift,
		.n = len >> w->shift,
	};
	return 0;
}

static int place_fixed(const struct tce_space *space, uintptr_t va, size_t len, uint64_t fits,
		       uint64_t low, uint64_t high, tce_iova_t iova, struct tce_place *place)
{
	size_t busy;
	uint64_t page;
	int ret = tce_place_of(space, "map", iova, len, place);

	if (ret)
		return ret;
	page = 1ull << place->w->shift;
	if (page > fits)
		return tce_fail(
			-EINVAL,
			"map of VA %#zx + %#zx at IOVA %#llx: the window's I/O page is %s, the "
			"memory's pages, address and length allow %s at most",
			(size_t)va, len, (ull)iova, tce_bytes(page), tce_bytes(fits));
	if (iova < low || tce_last(iova, len) > high)
		return tce_fail(
			-ERANGE,
			"map at IOVA %#llx + %#zx: outside what the device reaches or the caller "
			"allows, %#llx to %#llx",
			(ull)iova, len, (ull)low, (ull)high);
	if (tce_table_excluded(place->w, place->at, place->n))
		return tce_fail(
			-ENXIO,
			"map at IOVA %#llx + %#zx: between the end of the default window and 4 GiB "
			"the platform has its 32-bit MMIO and MSI; nothing is mapped there",
			(ull)iova, len);
	if (tce_table_busy(place->w, place->at, place->n, &busy))
		return tce_fail(
			-EEXIST,
			"map at IOVA %#llx + %#zx: the TCE at %#llx is in use; unmap it first, or "
			"let the library choose the IOVA",
			(ull)iova, len,
			(ull)(place->w->start + ((uint64_t)busy << place->w->shift)));
	return 0;
}

/* How a window failed to have room, from the least hopeful on. */
enum misfit { NO_WINDOW, PAGE_TOO_LARGE, OUT_OF_REACH, FULL, FITS };

static enum misfit try_window(struct tce_window *w, uintptr_t va, size_t len, uint64_t fits,
			      uint64_t low, uint64_t high, uint64_t align, struct tce_place *place)
{
	uint64_t page = 1ull << w->shift, end = tce_last(w->start, w->size);
	size_t first = 0, last = w->entries - 1;

	if (page > fits)
		return PAGE_TOO_LARGE;
	if (low > end || high < w->start)
		return OUT_OF_REACH;
	if (low > w->start)
		first = (low - w->start + page - 1) >> w->shift;
	if (high < end) {
		/* The last entry whose last byte is not above high. */
		uint64_t whole = (high - w->start + 1) >> w->shift;

		if (!whole)
			return OUT_OF_REACH;
		last = whole - 1;
	}
	if (first > last)
		return OUT_OF_REACH;
	place->w = w;
	place->n = len >> w->shift;
	if (tce_table_guess(w, va, place->n, &place->at) && place->at >= first &&
	    place->at <= last && place->n <= last - place->at + 1 &&
	    !((w->start + ((uint64_t)place->at << w->shift)) & (align - 1)))
		return FITS;
	return tce_table_find(w, place->n, align > page ? align : page, first, last, &place->at)
		       ? FITS
		       : FULL;
}

static int no_place(enum misfit best, const struct tce_space *space, uintptr_t va, size_t len,
		    uint64_t fits, uint64_t low, uint64_t high)
{
	uint64_t smallest = UINT64_MAX;
	const struct tce_window *w;

	TCE_FOR_EACH_WINDOW(w, space)
	if (1ull << w->shift < smallest)
		smallest = 1ull << w->shift;
	if (best == FULL)
		return tce_fail(
			-ENOSPC,
			"map of VA %#zx + %#zx: no window has a free run of that size between "
			"IOVA %#llx and %#llx; open the space with a larger mem=",
			(size_t)va, len, (ull)low, (ull)high);
	if (best == OUT_OF_REACH)
		return tce_fail(
			-ERANGE,
			"map of VA %#zx + %#zx: no window whose I/O page fits this memory has "
			"addresses between IOVA %#llx and %#llx, which the device reaches or the "
			"caller allows",
			(size_t)va, len, (ull)low, (ull)high);
	if (best == NO_WINDOW)
		return tce_fail(-ENOSPC, "map of VA %#zx + %#zx: this space has no window",
				(size_t)va, len);
	return tce_fail(
		-EINVAL,
		"map of VA %#zx + %#zx: the smallest I/O page of this space is %s; address, length "
		"and the memory's pages must be multiples of it, and allow only %s",
		(size_t)va, len, tce_bytes(smallest), tce_bytes(fits));
}

static int place_any(const struct tce_space *space, uintptr_t va, size_t len, uint64_t fits,
		     uint64_t low, uint64_t high, uint64_t align, struct tce_place *place)
{
	enum misfit best = NO_WINDOW;
	const struct tce_window *other;
	unsigned shift = 64, slot = 0; /* of the window tried last */

	for (;;) {
		struct tce_window *w = NULL;
		unsigned next = 0;
		enum misfit m;

		/* The largest I/O page first, and each of those that have the same. */
		TCE_FOR_EACH_WINDOW(other, space)
		{
			if (other->shift > shift || (other->shift == shift && other_slot <= slot))
				continue;
			if (w && other->shift <= w->shift)
				continue;
			w = tce_window_peek(space, other_slot);
			next = other_slot;
		}
		if (!w)
			return no_place(best, space, va, len, fits, low, high);
		m = try_window(w, va, len, fits, low, high, align, place);
		if (m == FITS)
			return 0;
		if (m > best)
			best = m;
		shift = w->shift;
		slot = next;
	}
}

int tce_place_find(const struct tce_space *space, uintptr_t va, size_t len, uint64_t fits,
		   const struct tce_map_options *opts, tce_iova_t iova, struct tce_place *place)
{
	uint64_t high =
		opts->highest && opts->highest < space->highest ? opts->highest : space->highest;
	uint64_t align = opts->align ? opts->align : 1;

	if (!tce_is_pow2(align))
		return tce_fail(-EINVAL, "map: an alignment of %#llx is no power of two",
				(ull)align);
	if (iova == TCE_IOVA_ANY)
		return place_any(space, va, len, fits, opts->lowest, high, align, place);
	if (iova & (align - 1))
		return tce_fail(-EINVAL, "map at IOVA %#llx: not a multiple of the alignment %#llx",
				(ull)iova, (ull)align);
	return place_fixed(space, va, len, fits, opts->lowest, high, iova, place);
}
