/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on regions: register, release, discard, evict, watch. */
#include "shadow.h"

bool do_register(const struct op *op, int *ret)
{
	unsigned first, n;
	struct shadow_arena *a = pick_units(op, &first, &n);
	/* Looked up, right, smaller, larger than what is there. */
	const size_t pages[4] = {0, a->page, shadow.platform->system_page, a->page * 4};
	size_t page = pages[op->flags & 3];
	char *va = a->va + first * a->unit;
	struct shadow_region *r = region_exact((uintptr_t)va, n * a->unit);
	int want = 0;

	for (unsigned i = first; i < first + n; i++)
		if (a->region[i] >= 0)
			want = -EEXIST;
	if (r && !r->ending && !r->quarantined)
		want = 0;
	*ret = tce_register(va, n * a->unit, page);
	must_answer(*ret, want, "tce_register()");
	if (*ret)
		return true;
	if (!r)
		r = region_add(a, first, n, page ? page : a->page);
	r->users++;
	compare_region(r);
	return true;
}

/* Every holder that the library names is a run of the shadow's, and together they are all. */
static void check_holders(const struct shadow_region *r, const struct tce_holder *holder, size_t n)
{
	unsigned tces = 0;

	for (size_t i = 0; i < n; i++) {
		const struct shadow_window *w;
		unsigned s = 0;

		while (s < GROUPS && shadow.space[s].handle != holder[i].space)
			s++;
		must(s < GROUPS);
		w = window_at(&shadow.space[s], holder[i].iova);
		must(w && holder[i].len && holder[i].len % w->page == 0);
		for (uint64_t at = 0; at < holder[i].len; at += w->page, tces++) {
			const struct shadow_slot *slot =
				slot_at(w, (holder[i].iova + at - w->start) / w->page);

			must(slot && slot->va == (uintptr_t)holder[i].va + at);
			must(region_at(slot->va) == r);
		}
	}
	must(tces == region_live(r));
}

bool do_release(const struct op *op, int *ret)
{
	struct tce_holder holder[GROUPS * WINDOWS * SLOTS];
	size_t n_holders = GROUPS * WINDOWS * SLOTS;
	unsigned first, n;
	struct shadow_arena *a = pick_units(op, &first, &n);
	uintptr_t va = (uintptr_t)a->va + first * a->unit;
	size_t len = n * a->unit;
	struct shadow_region *r = region_at(va);
	int want = -ENOENT;

	/* Mostly what is there; otherwise what happens to be meant. */
	if (r && op->flags & 7) {
		va = r->va;
		len = r->len;
	}
	r = region_exact(va, len);
	if (r && r->users)
		want = r->users == 1 && region_live(r) ? -EBUSY : 0;
	*ret = tce_release((void *)va, len, holder, &n_holders);
	must_answer(*ret, want, "tce_release()");
	if (*ret == -EBUSY)
		check_holders(r, holder, n_holders);
	if (!*ret && --r->users == 0)
		region_drop(r);
	else if (r)
		compare_region(r);
	return true;
}

/* Clear every TCE that points into [va, va + len), in every space. */
static void clear_range(uintptr_t va, size_t len)
{
	for (unsigned s = 0; s < GROUPS; s++)
		for (struct shadow_window *w = shadow.space[s].window;
		     w < shadow.space[s].window + WINDOWS; w++)
			for (unsigned i = w->tces; i--;)
				if (w->slot[i].va - va < len)
					slots_clear(s, w, i, 1);
}

/* Does a TCE reach from inside of a range to outside? */
static bool straddled(uintptr_t va, size_t len)
{
	for (unsigned s = 0; s < GROUPS; s++)
		for (struct shadow_window *w = shadow.space[s].window;
		     w < shadow.space[s].window + WINDOWS; w++)
			for (unsigned i = 0; i < w->tces; i++) {
				uintptr_t at = w->slot[i].va, end = at + w->page;

				if (at < va + len && va < end && (at < va || end > va + len))
					return true;
			}
	return false;
}

bool do_discard(const struct op *op, int *ret)
{
	struct op any = *op;
	unsigned first, n;
	struct shadow_arena *a;
	struct shadow_region *r;
	uintptr_t va;
	size_t len;

	any.n = op->flags & 2 ? op->n & 0x0f : op->n; /* parts of pages, too */
	a = pick_units(&any, &first, &n);
	va = (uintptr_t)a->va + first * a->unit;
	len = n * a->unit;
	r = region_at(va);
	if (r && op->flags & 1) { /* all of a region */
		va = r->va;
		len = r->len;
	}
	*ret = tce_discard((void *)va, len);
	must_answer(*ret, straddled(va, len) ? -EINVAL : 0, "tce_discard()");
	if (*ret)
		return true;
	clear_range(va, len);
	for (r = shadow.region; r < shadow.region + REGIONS; r++) {
		uint32_t dead = r->used ? region_units(r, va, len) : 0;

		r->dead |= dead;
		r->ending |= dead != 0;
		r->touched |= dead != 0;
	}
	end_regions(false);
	return true;
}

/* The drivers of the regions: two, which may refuse to let go. */
static struct {
	bool refuses;
	unsigned asked, resumed;
} driver_state[2];

static int quiesce(void *va, size_t len, void *arg)
{
	unsigned me = *(const unsigned *)arg;
	struct shadow_region *r = region_exact((uintptr_t)va, len);
	tce_iova_t iova;

	driver_state[me].asked++;
	/* What is to be evicted is not found any more. */
	for (unsigned s = 0; s < GROUPS; s++)
		if (shadow.space[s].handle && r)
			must(tce_iova(shadow.space[s].handle, va, 1, &iova, NULL) == -ENOENT);
	return driver_state[me].refuses ? -EAGAIN : 0;
}

static void resume(void *va, size_t len, void *arg)
{
	driver_state[*(const unsigned *)arg].resumed++;
}

static unsigned number[2] = {0, 1};
static const struct tce_driver driver[2] = {{quiesce, resume, &number[0]},
					    {quiesce, resume, &number[1]}};

/* The region that an operation means, or what is none. */
static struct shadow_region *meant(const struct op *op, bool watched, uintptr_t *va, size_t *len)
{
	unsigned first, n;
	struct shadow_arena *a = pick_units(op, &first, &n);
	struct shadow_region *r;

	*va = (uintptr_t)a->va + first * a->unit;
	*len = n * a->unit;
	for (unsigned i = 0; op->flags & 15 && i < a->units; i++) {
		r = region_at((uintptr_t)a->va + (first + i) % a->units * a->unit);
		if (!r || (watched && !r->watchers))
			continue;
		*va = r->va;
		*len = r->len;
		return r;
	}
	return region_exact(*va, *len);
}

bool do_watch(const struct op *op, int *ret)
{
	uintptr_t va;
	size_t len;
	struct shadow_region *r = meant(op, false, &va, &len);

	if (r && r->watchers)
		return false;
	*ret = tce_watch((void *)va, len, &driver[0]);
	must_answer(*ret, r ? 0 : -ENOENT, "tce_watch()");
	if (r)
		must_answer(tce_watch((void *)va, len, &driver[1]), 0, "tce_watch()");
	if (r)
		r->watchers = 2;
	return true;
}

bool do_unwatch(const struct op *op, int *ret)
{
	uintptr_t va;
	size_t len;
	struct shadow_region *r = meant(op, true, &va, &len);

	*ret = tce_unwatch((void *)va, len, &driver[0]);
	must_answer(*ret, r && r->watchers ? 0 : -ENOENT, "tce_unwatch()");
	if (!*ret)
		must_answer(tce_unwatch((void *)va, len, &driver[1]), 0, "tce_unwatch()");
	if (!*ret)
		r->watchers = 0;
	return true;
}

bool do_evict(const struct op *op, int *ret)
{
	uintptr_t va;
	size_t len;
	struct shadow_region *r = meant(op, op->who & 1, &va, &len);
	unsigned refuses = op->n % 4; /* driver 0, driver 1, or none */
	int want = !r ? -ENOENT : refuses < r->watchers ? -ETIMEDOUT : 0;

	for (unsigned i = 0; i < 2; i++) {
		driver_state[i].refuses = refuses == i;
		driver_state[i].asked = driver_state[i].resumed = 0;
	}
	*ret = tce_evict((void *)va, len, 0);
	must_answer(*ret, want, "tce_evict()");
	if (*ret == -ETIMEDOUT) {
		must(driver_state[0].asked && driver_state[0].resumed == 1);
		must(driver_state[1].resumed == refuses && !driver_state[1].asked == !refuses);
		compare_region(r);
	}
	if (*ret)
		return true;
	clear_range(va, len);
	region_drop(r);
	r->touched = false;
	return true;
}
