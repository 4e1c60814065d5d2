/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on mappings: map, unmap, translate. */
#include "shadow.h"

/* A map as it was asked for, and what has to come of it. */
struct request {
	unsigned index;
	struct shadow_space *space;
	uintptr_t va;
	size_t len;
	uint64_t iova; /* or TCE_IOVA_ANY */
	struct tce_map_options opts;
	uint64_t fits;	      /* the largest I/O page */
	uint64_t kernel_fits; /* as the kernel sees it */
	struct shadow_window *window;
	uint64_t entry, n;
};

enum { UNKNOWN = 1 }; /* more than the shadow keeps: not asked */

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The memory: -ENOENT, -ESTALE of the first region that forbids it. */
static int expect_memory(struct request *q)
{
	uintptr_t end = q->va + q->len;

	q->fits = (q->va | q->len) & -(q->va | q->len);
	q->kernel_fits = UINT64_MAX;
	for (uintptr_t at = q->va; at < end;) {
		const struct shadow_region *r = region_at(at);
		uintptr_t to = r ? min(end, r->va + r->len) : end;

		if (!r)
			return -ENOENT;
		if (r->quarantined || r->dead & region_units(r, at, to - at))
			return -ESTALE;
		q->fits = min(q->fits, r->page);
		q->kernel_fits = min(q->kernel_fits, r->kernel_page);
		at = to;
	}
	return 0;
}

static bool in_hole(const struct shadow_window *w, uint64_t entry, uint64_t n)
{
	return w->hole_first <= entry + n - 1 && entry <= w->hole_last;
}

static uint64_t highest(const struct request *q)
{
	return q->opts.highest ? min(q->opts.highest, q->space->highest) : q->space->highest;
}

/* How many entries from one on are free, at least. */
static uint64_t free_from(const struct shadow_window *w, uint64_t entry)
{
	unsigned i = slot_index(w, entry);

	return i < w->tces ? w->slot[i].entry - entry : UINT64_MAX;
}

static int place(struct request *q, struct shadow_window *w, uint64_t entry)
{
	q->window = w;
	q->entry = entry;
	q->n = q->len / w->page;
	return w->tces + q->n > SLOTS ? UNKNOWN : 0;
}

static int expect_fixed(struct request *q)
{
	struct shadow_window *w = window_at(q->space, q->iova);
	uint64_t entry, n;

	if (!w)
		return -ENXIO;
	if (q->iova % w->page || q->len % w->page)
		return -EINVAL;
	entry = (q->iova - w->start) / w->page;
	n = q->len / w->page;
	if (entry + n > w->size / w->page)
		return -ENXIO;
	if (w->page > q->fits)
		return -EINVAL;
	if (q->iova < q->opts.lowest || q->iova + (q->len - 1) > highest(q))
		return -ERANGE;
	if (in_hole(w, entry, n))
		return -ENXIO;
	if (free_from(w, entry) < n)
		return -EEXIST;
	return place(q, w, entry);
}

/* The first run of n free entries in [low, high]; what is left to align is checked by expect_in. */
static bool first_fit(const struct shadow_window *w, uint64_t n, uint64_t align, uint64_t low,
		      uint64_t high, uint64_t *entry)
{
	uint64_t at = low;

	for (;;) {
		uint64_t up = (w->start + at * w->page + (align - 1)) & ~(align - 1);
		unsigned i;

		if (up < w->start + at * w->page)
			return false;
		at = (up - w->start) / w->page;
		if (at > high || n > high - at + 1)
			return false;
		if (in_hole(w, at, n)) {
			at = w->hole_last + 1;
			continue;
		}
		i = slot_index(w, at);
		if (i == w->tces || w->slot[i].entry >= at + n)
			break;
		at = w->slot[i].entry + 1;
	}
	*entry = at;
	return true;
}

static bool is_taken(const struct shadow_window *w, uint64_t entry)
{
	return entry >= w->entries || in_hole(w, entry, 1) || slot_at(w, entry);
}

/*
 * Where translation will look first: (VA - base) in the window, if that is free, and touches
 * something or leaves room in one piece for what the space was opened for.
 */
static bool expect_guess(const struct request *q, const struct shadow_window *w, uint64_t n,
			 uint64_t *entry)
{
	uint64_t at = ((q->va - w->base) & ((1ull << tce_log2(w->size)) - 1)) / w->page, found;
	uint64_t rest = w->promised > w->tces + n ? w->promised - w->tces - n : 0;

	if (!w->tces || n > w->entries - at || in_hole(w, at, n) || free_from(w, at) < n)
		return false;
	*entry = at;
	if ((!at || is_taken(w, at - 1)) || is_taken(w, at + n))
		return true;
	if (!rest)
		return w->promised;
	return first_fit(w, rest, 1, 0, at - 1, &found) ||
	       first_fit(w, rest, 1, at + n, w->entries - 1, &found);
}

static int expect_in(struct request *q, struct shadow_window *w)
{
	uint64_t high = highest(q), end = w->start + (w->size - 1), at;
	uint64_t align = q->opts.align > w->page ? q->opts.align : w->page;
	uint64_t n = q->len / w->page, first = 0, last = w->entries - 1;

	if (w->page > q->fits)
		return -EINVAL;
	if (q->opts.lowest > end || high < w->start || high - w->start < w->page - 1)
		return -ERANGE;
	if (q->opts.lowest > w->start)
		first = (q->opts.lowest - w->start + w->page - 1) / w->page;
	if (high < end)
		last = (high - w->start + 1) / w->page - 1;
	if (first > last)
		return -ERANGE;
	if (expect_guess(q, w, n, &at) && at >= first && at + n - 1 <= last &&
	    !((w->start + at * w->page) & (align - 1)))
		return place(q, w, at);
	return first_fit(w, n, align, first, last, &at) ? place(q, w, at) : -ENOSPC;
}

/* Of the windows, the one with the largest I/O page that has room. */
static int expect_any(struct request *q)
{
	/* From the least hopeful of reasons on. */
	static const int reasons[] = {-EINVAL, -ERANGE, -ENOSPC};
	unsigned best = 0;
	bool any = false, tried[WINDOWS] = {false};

	for (;;) {
		struct shadow_window *w = NULL;
		int ret;

		for (unsigned i = 0; i < WINDOWS; i++) {
			struct shadow_window *o = &q->space->window[i];

			if (o->used && !tried[i] && (!w || o->page > w->page))
				w = o;
		}
		if (!w)
			return any ? reasons[best] : -ENOSPC;
		any = true;
		tried[w - q->space->window] = true;
		ret = expect_in(q, w);
		if (ret >= 0)
			return ret;
		for (unsigned i = 0; i < 3; i++)
			if (ret == reasons[i] && i > best)
				best = i;
	}
}

static int expect_place(struct request *q)
{
	uint64_t align = q->opts.align;

	if (q->iova == TCE_IOVA_ANY)
		return expect_any(q);
	if (align && q->iova & (align - 1))
		return -EINVAL;
	return expect_fixed(q);
}

/* Pinning: memlock, then the pages as the kernel sees them. */
static int expect_kernel(struct request *q)
{
	uint64_t need = 0;

	for (uintptr_t at = q->va; at < q->va + q->len;) {
		const struct shadow_region *r = region_at(at);

		need += r->enrolled[q->index] || region_enrolled(r) ? 0 : r->len;
		at = r->va + r->len;
	}
	need += pending_locked(q->space);
	if (need && !lockable(need))
		return -ENOMEM;
	if (!kernel_default(q->index))
		return -EIO;
	return q->window->page > q->kernel_fits ? -EIO : 0;
}

static int expect_map(struct request *q)
{
	int ret = expect_memory(q);

	if (!ret)
		ret = expect_place(q);
	return ret ? ret : expect_kernel(q);
}

/* Move to units that are in regions, if there are any behind these: within one, or into the next.
 */
static void to_regions(const struct shadow_arena *a, unsigned *first, unsigned *n)
{
	unsigned to = *first;

	while (to < a->units && a->region[to] < 0)
		to++;
	if (to == a->units)
		return;
	*first = to;
	while (to < a->units && to - *first < *n && a->region[to] >= 0)
		to++;
	*n = to - *first;
}

/* An entry that an operation means: a first one, a last one, or one about what is in use. */
static uint64_t some_entry(const struct shadow_window *w, const struct op *op)
{
	uint64_t at = op->at % 64;

	if (op->at & 64)
		return w->entries - 1 - at % 16;
	if (op->at & 128 && w->tces)
		at = w->slot[op->at % w->tces].entry + at % 8;
	return at < w->entries ? at : w->entries - 1;
}

/* Which memory, and where to: from the operation. */
static bool make_request(const struct op *op, struct request *q)
{
	static const uint64_t aligns[4] = {0, 0x10000, 0x40000, 0x400000};
	unsigned first, n;
	struct shadow_arena *a = pick_units(op, &first, &n);
	struct shadow_window *w;

	*q = (struct request){.space = NULL};
	q->space = pick_space(op, &q->index);
	if (!q->space)
		return false;
	if (op->n & 0x78)
		to_regions(a, &first, &n);
	q->va = (uintptr_t)a->va + first * a->unit;
	q->len = n * a->unit;
	if (op->flags & 0x80 && !(op->flags & 0x60)) { /* a part of units, in TCEs of 4K */
		q->va += (op->at % 4) * 4096u;
		q->len = (1 + op->at / 4 % 8) * 4096u;
		if (q->va + q->len > (uintptr_t)a->va + a->units * a->unit)
			return false;
	}
	q->iova = TCE_IOVA_ANY;
	q->opts.access = op->flags & 3;
	w = pick_window(q->space, op);
	if (op->flags & 4 && w) {
		q->iova = w->start + some_entry(w, op) * w->page;
		if (!(op->at & 0x3f00)) /* a shape that is refused */
			q->iova = op->at & 0x8000 ? w->start + w->size : q->iova + 2048;
		if (w->hole_first <= w->hole_last && !(op->at & 0x3c00))
			q->iova = w->start + w->hole_first * w->page;
		return true;
	}
	q->opts.align = op->flags & 8 ? aligns[op->at % 4] : 0;
	if (op->flags & 16 && w && op->at & 1)
		q->opts.highest = w->start + some_entry(w, op) * w->page + w->page - 1;
	else if (op->flags & 16 && w)
		q->opts.lowest = w->start + some_entry(w, op) * w->page;
	return true;
}

/* Write a map that was done down, and compare what it touched. */
static void note_map(struct request *q)
{
	unsigned access = q->opts.access ? q->opts.access : TCE_RW;

	for (uintptr_t at = q->va; at < q->va + q->len;) {
		struct shadow_region *r = region_at(at);

		if (!region_enrolled(r))
			shadow.locked += r->len;
		r->enrolled[q->index] = true;
		at = r->va + r->len;
	}
	if (!q->window->tces || q->n > q->window->tces)
		q->window->base = q->va - q->entry * q->window->page;
	slots_set(q->index, q->window, q->entry, (unsigned)q->n, q->va, access);
	for (uint64_t i = 0; i < q->n; i++)
		compare_entry(q->index, q->window, q->entry + i);
}

static void check_map(struct request *q, int ret, int want, tce_iova_t got, const char *call)
{
	must_answer(ret, want, call);
	if ((!ret || ret == -EIO) && q->space->pending) { /* the kernel was asked */
		q->space->pending = ret != 0;
		shadow.locked = model_locked();
		for (uintptr_t at = q->va; !ret && at < q->va + q->len;) {
			const struct shadow_region *r = region_at(at);

			shadow.locked -= region_enrolled(r) ? 0 : r->len;
			at = r->va + r->len;
		}
	}
	if (ret) {
		must(got == q->iova);
		return;
	}
	if (got != q->window->start + q->entry * q->window->page)
		differs("%s gave IOVA %#llx, and has to give %#llx", call, (unsigned long long)got,
			(unsigned long long)(q->window->start + q->entry * q->window->page));
	note_map(q);
	compare_region(region_at(q->va));
}

bool do_map(const struct op *op, int *ret)
{
	struct request q;
	tce_iova_t iova;
	int want;

	if (!make_request(op, &q))
		return false;
	want = expect_map(&q);
	if (want == UNKNOWN)
		return false;
	iova = q.iova;
	*ret = tce_map(q.space->handle, (void *)q.va, q.len, &q.opts, &iova);
	check_map(&q, *ret, want, iova, "tce_map()");
	return true;
}

/* Registering the gaps that a dma_map would, and taking them back. */
static void fill_gaps(const struct request *q, struct shadow_region *fresh[UNITS], unsigned *n)
{
	struct shadow_arena *a = shadow.arena;
	unsigned first, end;

	while (q->va - (uintptr_t)a->va >= a->units * a->unit)
		a++;
	first = (unsigned)((q->va - (uintptr_t)a->va) / a->unit);
	end = (unsigned)((q->va + q->len - 1 - (uintptr_t)a->va) / a->unit) + 1;
	*n = 0;
	for (unsigned i = first; i < end; i++) {
		unsigned to = i;

		while (to < end && a->region[to] < 0)
			to++;
		if (to == i)
			continue;
		fresh[*n] = region_add(a, i, to - i, a->page);
		fresh[(*n)++]->automatic = true;
		i = to - 1;
	}
}

bool do_dma_map(const struct op *op, int *ret)
{
	struct shadow_region *fresh[UNITS];
	struct request q;
	tce_iova_t iova;
	unsigned n;
	int want;

	/* Whole units: what the library would round to system pages is a unit to the shadow. */
	if (!make_request(op, &q) || (op->flags & 0xe0) == 0x80)
		return false;
	fill_gaps(&q, fresh, &n);
	want = expect_map(&q);
	iova = q.iova;
	if (want != UNKNOWN)
		*ret = tce_dma_map(q.space->handle, (void *)q.va, q.len, &q.opts, &iova);
	for (unsigned i = 0; want && i < n; i++)
		region_drop(fresh[i]);
	if (want == UNKNOWN)
		return false;
	check_map(&q, *ret, want, iova, "tce_dma_map()");
	return true;
}

/* What to unmap: mostly the run that a slot is in, or a part of it. */
static struct shadow_window *pick_run(const struct op *op, struct shadow_space *s, uint64_t *entry,
				      uint64_t *n)
{
	struct shadow_window *w = pick_window(s, op);
	unsigned at, end;

	if (!w)
		return NULL;
	*entry = some_entry(w, op);
	*n = 1 + op->n % 6;
	if (!(op->flags & 7) || !w->tces)
		return w;
	at = op->at % w->tces;
	*entry = w->slot[at].entry;
	if (!(op->flags & 3))
		return w;
	for (end = at + 1; end < w->tces && w->slot[end].entry == w->slot[end - 1].entry + 1; end++)
		;
	for (; at && w->slot[at - 1].entry == w->slot[at].entry - 1; at--)
		;
	*entry = w->slot[at].entry;
	*n = end - at;
	return w;
}

static bool unmap(const struct op *op, int *ret, bool dma)
{
	struct shadow_window *w;
	struct shadow_space *s;
	uint64_t entry, n, iova;
	unsigned index;
	int want = 0;

	s = pick_space(op, &index);
	w = s ? pick_run(op, s, &entry, &n) : NULL;
	if (!w)
		return false;
	iova = w->start + entry * w->page;
	for (uint64_t i = entry; i < entry + n; i++)
		if (!slot_at(w, i))
			want = -ENOENT;
	if (entry + n > w->entries)
		want = -ENXIO;
	*ret = dma ? tce_dma_unmap(s->handle, iova, n * w->page)
		   : tce_unmap(s->handle, iova, n * w->page);
	must_answer(*ret, want, dma ? "tce_dma_unmap()" : "tce_unmap()");
	if (*ret)
		return true;
	slots_clear(index, w, slot_index(w, entry), (unsigned)n);
	end_regions(dma);
	for (uint64_t i = entry; i < entry + n; i++)
		compare_entry(index, w, i);
	return true;
}

bool do_unmap(const struct op *op, int *ret)
{
	return unmap(op, ret, false);
}

bool do_dma_unmap(const struct op *op, int *ret)
{
	return unmap(op, ret, true);
}

bool do_translate(const struct op *op, int *ret)
{
	unsigned index, first, n;
	struct shadow_space *s = pick_space(op, &index);
	struct shadow_window *w = s ? pick_window(s, op) : NULL;
	struct shadow_arena *a = pick_units(op, &first, &n);
	uintptr_t va = (uintptr_t)a->va + first * a->unit + op->at % a->unit;
	bool mapped = false;
	tce_iova_t iova;

	if (!w)
		return false;
	if (w->tces && op->flags & 3)
		va = w->slot[op->at % w->tces].va + op->at % w->page;
	for (struct shadow_window *o = s->window; o < s->window + WINDOWS; o++)
		for (unsigned i = 0; o->used && i < o->tces; i++)
			mapped |= va - o->slot[i].va < o->page;
	*ret = tce_iova(s->handle, (void *)va, 1, &iova, NULL);
	must_answer(*ret, mapped ? 0 : -ENOENT, "tce_iova()");
	compare_entry(index, w, some_entry(w, op));
	return true;
}
