/* SPDX-License-Identifier: BSD-3-Clause */
/* Map and unmap: claim -> ioctl -> publish; unpublish -> wait for readers -> ioctl -> free. */
#include <stdio.h>

#include "place.h"

#define P tce_process

typedef unsigned long long ull;

static uintptr_t end_of(const struct tce_region *r)
{
	return r->va + r->len;
}

/* Check that regions cover (va, len) without a gap, and find the largest I/O page they all take. */
static int check_memory(uintptr_t va, size_t len, uint64_t *fits)
{
	uintptr_t at = va, end = va + len;

	*fits = tce_low_bit(va | len);
	if (!len || tce_wraps(va, len) || !end)
		return tce_fail(-EINVAL, "map of VA %#zx + %#zx: no such range", (size_t)va, len);
	while (at < end) {
		const struct tce_region *r = tce_region_at(at);
		size_t part;

		if (!r)
			return tce_fail(
				-ENOENT,
				"map of VA %#zx + %#zx: %#zx is in no region; register it first",
				(size_t)va, len, (size_t)at);
		part = (end < end_of(r) ? end : end_of(r)) - at;
		if (r->quarantined || tce_region_is_dead(r, at, part))
			return tce_fail(
				-ESTALE,
				"map of VA %#zx + %#zx: %s in region %#zx + %#zx; use other "
				"memory until that region has ended",
				(size_t)va, len,
				r->quarantined ? "it is in quarantine,"
					       : "part of it was discarded,",
				(size_t)r->va, r->len);
		if (r->page < *fits)
			*fits = r->page;
		at += part;
	}
	return 0;
}

/* For each region of (va, len), and the part of the range in it. */
#define FOR_EACH_PART(r, from, part, va, len)                                                      \
	for (uintptr_t from = (va), part;                                                          \
	     from < (va) + (len) &&                                                                \
	     (r = tce_region_at(from),                                                             \
	     part = (va) + (len) < end_of(r) ? (va) + (len)-from : end_of(r) - from, true);        \
	     from += part)

static void claim(const struct tce_place *p, uintptr_t va, size_t len, unsigned access)
{
	struct tce_region *r;
	size_t at = p->at;

	FOR_EACH_PART(r, from, part, va, len)
	{
		size_t n = part >> p->w->shift;

		tce_table_claim(p->w, at, n, from, tce_table_bits(p->w, r->number, access));
		at += n;
	}
}

static void count_live(struct tce_space *space, const struct tce_place *p, uintptr_t va, size_t len)
{
	struct tce_region *r;

	FOR_EACH_PART(r, from, part, va, len)
	tce_use_of(r, space)->live += part >> p->w->shift;
}

static int enroll_all(struct tce_space *space, uintptr_t va, size_t len)
{
	struct tce_region *r;

	FOR_EACH_PART(r, from, part, va, len)
	{
		int ret = tce_enroll(space, r);

		if (ret)
			return ret;
	}
	return 0;
}

/* What this call registered stays, or is undone. */
static void settle(struct tce_space *space, uintptr_t va, size_t len, bool keep)
{
	struct tce_region *r;

	FOR_EACH_PART(r, from, part, va, len)
	{
		struct tce_use *use = tce_use_of(r, space);

		if (!use || !use->fresh)
			continue;
		use->fresh = false;
		/* Quarantine, should it come to that, has its own sentence and mark. */
		if (!keep && !r->quarantined)
			(void)tce_unenroll(space, r);
	}
}

/* Does a TCE of [iova, iova + len) still hold the VA that the directory leads there from? */
static bool still_true(const void *arg, uint64_t va, uint64_t len, uint64_t iova)
{
	const struct tce_space *space = arg;
	const struct tce_window *w = tce_window_at(space, iova);
	uint64_t page, at, end;

	if (!w)
		return false;
	page = 1ull << w->shift;
	/* As offsets into the window, page by page of it. */
	at = iova - w->start;
	end = len < w->size - at ? at + len : w->size;
	va -= at;
	while (at < end) {
		uint64_t e = tce_entry_peek(w, at >> w->shift);

		if ((e & TCE_ENTRY_VALID) && tce_entry_va(w, e) + (at & (page - 1)) == va + at)
			return true;
		at = (at | (page - 1)) + 1;
	}
	return false;
}

/* What a refused MAP leaves: nothing, unless the hardware failed and the kernel lost count. */
static int map_failed(const struct tce_space *space, int ret, uintptr_t va, size_t len,
		      uint64_t iova)
{
	struct tce_region *r;
	char words[128];

	snprintf(words, sizeof(words), "%s", tce_errno_text(ret));
	/*
	 * These are answered before a TCE is written: tce_iommu_build_v2() of
	 * vfio_iommu_spapr_tce.c and, for a default window that is made only now,
	 * spapr_tce_create_table().
	 */
	if (ret == -ENODEV)
		return tce_fail(
			-EIO,
			"map of VA %#zx + %#zx at IOVA %#llx: the kernel answered %s: it cannot "
			"make "
			"the default window of this slot; enable DDW for the slot, and reboot",
			(size_t)va, len, (ull)iova, words);
	if (ret == -EINVAL || ret == -ENXIO)
		return tce_fail(
			-EIO,
			"map of VA %#zx + %#zx at IOVA %#llx: the kernel answered %s; is the page "
			"size given at registration larger than the pages behind the memory, or "
			"the "
			"slot without DDW?",
			(size_t)va, len, (ull)iova, words);
	/* With a default window of one level, which needs no memory for TCEs. */
	if (ret == -ENOMEM && space->pending)
		return tce_fail(
			-ENOMEM,
			"map of VA %#zx + %#zx at IOVA %#llx: the kernel has no memory, or no "
			"memlock, for the table of the default window; raise the memlock limit "
			"(ulimit -l)",
			(size_t)va, len, (ull)iova);
	FOR_EACH_PART(r, from, part, va, len)
	r->quarantined = true;
	return tce_fail(
		-EIO,
		"map of VA %#zx + %#zx at IOVA %#llx: the hardware failed (%s); its regions are in "
		"quarantine: their pages stay pinned, do not unmap or reuse them before "
		"tce_reclaim() answers 0",
		(size_t)va, len, (ull)iova, words);
}

static int ask_map(struct tce_space *space, uintptr_t va, size_t len, uint64_t iova,
		   unsigned access)
{
	int ret = 0;

	if (space->pending)
		ret = tce_lock_check(tce_windows_pending(space), "the table of the default window");
	if (ret)
		return ret;
	P.calls.map++;
	ret = P.kernel->map(space->container_fd, (void *)va, iova, len, access);
	if (ret)
		return map_failed(space, ret, va, len, iova);
	space->pending = false;
	return 0;
}

static const struct tce_region *quarantined_in(uintptr_t va, size_t len)
{
	const struct tce_region *r;

	FOR_EACH_PART(r, from, part, va, len)
	if (r->quarantined)
		return r;
	return NULL;
}

/* Take back what a failed map has done. The first failure is the one to tell. */
static int undo(struct tce_space *space, const struct tce_place *p, uintptr_t va, size_t len,
		int ret)
{
	bool told = quarantined_in(va, len);
	const struct tce_region *r;
	char why[512];

	snprintf(why, sizeof(why), "%s", tce_error());
	tce_table_free(p->w, p->at, p->n);
	settle(space, va, len, false);
	r = quarantined_in(va, len);
	if (!r || told)
		return tce_fail(ret, "%s", why);
	return tce_fail(-EIO,
			"%s; and the kernel did not let go of what was registered: region %#zx + "
			"%#zx is in quarantine, so never unmap or reuse it",
			why, (size_t)r->va, r->len);
}

static int map_at(struct tce_space *space, const struct tce_place *p, uintptr_t va, size_t len,
		  unsigned access)
{
	uint64_t iova = p->w->start + ((uint64_t)p->at << p->w->shift);
	int ret;

	claim(p, va, len, access);
	ret = enroll_all(space, va, len);
	if (!ret)
		ret = ask_map(space, va, len, iova, access);
	if (ret)
		return undo(space, p, va, len, ret);
	settle(space, va, len, true);
	count_live(space, p, va, len);
	/* In this order: memory that is mapped elsewhere too is translated all the while. */
	tce_table_rebase(p->w, p->at, p->n, va);
	tce_table_publish(p->w, p->at, p->n);
	tce_dir_set(&space->dir, va, len, iova, still_true, space);
	return 0;
}

int tce_map_locked(struct tce_space *space, uintptr_t va, size_t len,
		   const struct tce_map_options *opts, tce_iova_t *iova)
{
	static const struct tce_map_options none;
	struct tce_place place;
	unsigned access;
	uint64_t fits;
	int ret;

	if (!opts)
		opts = &none;
	ret = tce_check_reserved("map", opts->reserved);
	if (ret)
		return ret;
	access = opts->access ? opts->access : TCE_RW;
	if (access & ~(unsigned)TCE_RW)
		return tce_fail(-EINVAL, "map: access %#x is not made of TCE_READ and TCE_WRITE",
				access);
	ret = check_memory(va, len, &fits);
	if (!ret)
		ret = tce_place_find(space, va, len, fits, opts, *iova, &place);
	if (!ret)
		ret = tce_table_open(place.w, place.at, place.n);
	if (!ret)
		ret = tce_dir_prepare(&space->dir, va, len, still_true, space);
	if (!ret)
		ret = map_at(space, &place, va, len, access);
	if (!ret)
		*iova = place.w->start + ((uint64_t)place.at << place.w->shift);
	return ret;
}

/* Lead what [va, va + len) has in common with the entries [at, end) of a stretch to these. */
static void lead_to(struct tce_space *space, const struct tce_window *w,
		    const struct tce_stretch *s, size_t at, size_t end, uint64_t va, uint64_t len)
{
	uint64_t begin = s->va + ((uint64_t)(at - s->at) << w->shift);
	uint64_t last = s->va + ((uint64_t)(end - s->at) << w->shift);
	uint64_t from = begin > va ? begin : va, to = last < va + len ? last : va + len;

	if (at < end && from < to && (s->bits & TCE_ENTRY_VALID))
		tce_dir_set(&space->dir, from, to - from,
			    w->start + ((uint64_t)at << w->shift) + (from - begin), still_true,
			    space);
}

/*
 * Lead the memory of a stretch to what other TCEs of the space it has, before it is unpublished:
 * others than the n entries from first on, which all go in this call. False if it never had any.
 */
static bool lead_elsewhere(struct tce_space *space, const struct tce_window *gone, size_t first,
			   size_t n, const struct tce_stretch *s)
{
	uint64_t len = (uint64_t)s->n << gone->shift;
	const struct tce_window *w;

	if (!tce_dir_aliased(&space->dir, s->va, len))
		return false;
	TCE_FOR_EACH_WINDOW(w, space)
	{
		struct tce_stretch o;

		for (size_t at = 0; tce_table_next(w, at, w->entries - at, &o); at = o.at + o.n) {
			size_t end = o.at + o.n, stop = w == gone ? first : 0;
			size_t next = w == gone ? first + n : 0;

			/* What is in front of those that go, and what is behind them. */
			lead_to(space, w, &o, o.at, end < stop ? end : stop, s->va, len);
			lead_to(space, w, &o, o.at > next ? o.at : next, end, s->va, len);
		}
	}
	return true;
}

void tce_lead_back(struct tce_space *space, const struct tce_window *w, const struct tce_stretch *s)
{
	lead_to(space, w, s, s->at, s->at + s->n, s->va, (uint64_t)s->n << w->shift);
}

/* Memory was led elsewhere, and is about to be unpublished: see tce_iova_by_hint(). */
static void count_lead(struct tce_space *space)
{
	uint64_t leads = atomic_load_explicit(&space->leads, memory_order_relaxed);

	/* Release: who sees the count sees the hints. Pairs with the acquire of the reader. */
	atomic_store_explicit(&space->leads, leads + 1, memory_order_release);
}

/* The TCEs of a stretch are gone: count them off, and end what only waited for that. */
static int count_off(struct tce_space *space, const struct tce_window *w,
		     const struct tce_stretch *s, bool end_automatic)
{
	struct tce_region *r;
	int result = 0;

	FOR_EACH_PART(r, from, part, s->va, (uint64_t)s->n << w->shift)
	{
		tce_use_of(r, space)->live -= part >> w->shift;
		if (r->quarantined || tce_region_live(r))
			continue;
		if (r->ending || (end_automatic && r->automatic && !r->users)) {
			int ret = tce_region_end(r);

			result = result ? result : ret;
		}
	}
	return result;
}

/* The TCEs that are not to be seen any more go, and what only waited for that ends. */
int tce_clear_entries(struct tce_space *space, struct tce_window *w, size_t at, size_t n,
		      bool end_automatic)
{
	uint64_t iova = w->start + ((uint64_t)at << w->shift);
	uint64_t len = (uint64_t)n << w->shift;
	struct tce_stretch s;
	int ret, result = 0;

	P.calls.unmap++;
	ret = P.kernel->unmap(space->container_fd, iova, len);
	if (ret) {
		tce_table_publish(w, at, n);
		return tce_fail(
			-EIO,
			"unmap at IOVA %#llx + %#llx: the kernel answered %s; the TCEs stay in use",
			(ull)iova, (ull)len, tce_errno_text(ret));
	}
	for (size_t i = at; i < at + n && tce_table_next(w, i, at + n - i, &s); i = s.at + s.n) {
		ret = count_off(space, w, &s, end_automatic);
		result = result ? result : ret;
	}
	tce_table_free(w, at, n);
	return result;
}

int tce_unmap_entries(struct tce_space *space, struct tce_window *w, size_t at, size_t n,
		      bool end_automatic)
{
	struct tce_stretch s;
	bool led = false;

	for (size_t i = at; i < at + n && tce_table_next(w, i, at + n - i, &s); i = s.at + s.n)
		led |= lead_elsewhere(space, w, at, n, &s);
	if (led)
		count_lead(space);
	tce_table_unpublish(w, at, n);
	tce_synchronize();
	return tce_clear_entries(space, w, at, n, end_automatic);
}

int tce_unmap_locked(struct tce_space *space, tce_iova_t iova, uint64_t len, bool end_automatic)
{
	struct tce_place p;
	struct tce_stretch s;
	int ret = tce_place_of(space, "unmap", iova, len, &p);

	if (ret)
		return ret;
	ret = tce_check_waiting("unmap");
	if (ret)
		return ret;
	for (size_t i = p.at; i < p.at + p.n; i = s.at + s.n)
		if (!tce_table_next(p.w, i, p.at + p.n - i, &s) || s.at != i)
			return tce_fail(
				-ENOENT,
				"unmap at IOVA %#llx + %#llx: the TCE at %#llx is not in use",
				(ull)iova, (ull)len,
				(ull)(p.w->start + ((uint64_t)i << p.w->shift)));
	return tce_unmap_entries(space, p.w, p.at, p.n, end_automatic);
}
