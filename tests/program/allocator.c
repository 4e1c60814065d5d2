/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The allocation of IOVAs alone: aligned first fit, held against a search entry by entry, and what
 * is left of the free IOVAs in one piece after much coming and going.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/tce/internal.h"
#include "program.h"

enum { LEAVES = 6, SHIFT = 16 };

/* How full the window is kept, in percent. */
static const struct {
	const char *name;
	unsigned percent;
	uint64_t start;
} profile[] = {{"half full", 50, 1ull << 59},
	       {"three quarters full", 75, 0},
	       {"nearly full", 95, 1ull << 32}};

static struct {
	struct tce_window w;
	bool *used;
	uint32_t *owner; /* which allocation an entry is of */
	uint32_t owners;
	size_t entries, n_used, hole_first, hole_last, limit;
	unsigned profile;
} a;

/* What was left at the ends of programs. */
static struct {
	uint64_t programs;
	double share, least;
} left[sizeof(profile) / sizeof(profile[0])];

static bool usable(size_t i)
{
	return !a.used[i] && (i < a.hole_first || i > a.hole_last);
}

static void begin(unsigned p, const struct op *world)
{
	size_t page_words = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t), hole;

	a.profile = p;
	a.entries = LEAVES * page_words + 100;
	a.n_used = 0;
	a.used = calloc(a.entries, sizeof(*a.used));
	a.owner = calloc(a.entries, sizeof(*a.owner));
	a.owners = 0;
	must(a.used && a.owner);
	must_answer(tce_table_init(&a.w, (uint64_t)a.entries << SHIFT, SHIFT), 0,
		    "tce_table_init()");
	a.w.start = profile[p].start;
	a.hole_first = SIZE_MAX;
	a.hole_last = 0;
	hole = world->at % (a.entries - 40);
	if (world->flags & 1) {
		a.hole_first = hole;
		a.hole_last = hole + 39;
		tce_table_exclude(&a.w, a.w.start + ((uint64_t)hole << SHIFT),
				  a.w.start + ((uint64_t)(hole + 40) << SHIFT) - 1);
	}
	a.limit = a.entries * profile[p].percent / 100;
}

static bool expect(size_t n, uint64_t align, size_t low, size_t high, size_t *at)
{
	size_t free = 0; /* so many before i */

	/* Runs that end at i: the first start that has room and is aligned. */
	for (size_t start = low; start + n <= high + 1; start++) {
		if ((a.w.start + ((uint64_t)start << SHIFT)) & (align - 1))
			continue;
		for (free = 0; free < n && usable(start + free); free++)
			;
		if (free == n) {
			*at = start;
			return true;
		}
	}
	return false;
}

static void take(size_t at, size_t n)
{
	must_answer(tce_table_open(&a.w, at, n), 0, "tce_table_open()");
	tce_table_claim(&a.w, at, n, (uint64_t)at << SHIFT, tce_table_bits(&a.w, 1, TCE_RW));
	memset(a.used + at, true, n);
	for (size_t i = at; i < at + n; i++)
		a.owner[i] = a.owners;
	a.owners++;
	a.n_used += n;
}

static bool allocate(const struct op *op, int *ret)
{
	/* Small buffers mostly, rings and arenas now and then. */
	size_t n = 1 + (op->n & 0xe0 ? op->n % 8 : op->n * 9u), low = 0, high = a.entries - 1;
	uint64_t align = 1ull << (SHIFT + (op->flags & 3 ? 0 : op->flags / 4 % 9));
	size_t at = 0, want = 0;
	bool found, can;

	if (a.n_used + n > a.limit)
		return false;
	if (!(op->first & 7)) {
		low = op->at % a.entries;
		high = low + op->where * 16u;
		high = high < a.entries ? high : a.entries - 1;
	}
	found = tce_table_find(&a.w, n, align, low, high, &at);
	can = expect(n, align, low, high, &want);
	if (found != can || at != want)
		differs("%zu entries, aligned to %#llx: found %d, at %zu; has to be %d, at %zu", n,
			(unsigned long long)align, found, at, can, want);
	*ret = found ? 0 : -ENOSPC;
	if (found)
		take(at, n);
	return true;
}

/* Give back what was allocated around an entry: all of it, or now and then a part. */
static bool give(const struct op *op, int *ret)
{
	size_t at = (op->at * 5u + op->first) % a.entries, n = 0;
	bool whole = op->flags & 7;

	if (!a.used[at])
		return false;
	while (whole && at && a.used[at - 1] && a.owner[at - 1] == a.owner[at])
		at--;
	while (at + n < a.entries && a.used[at + n] && (whole || n < 1u + op->n % 64u) &&
	       a.owner[at + n] == a.owner[at])
		n++;
	tce_table_free(&a.w, at, n);
	memset(a.used + at, false, n);
	a.n_used -= n;
	return true;
}

static size_t largest(void)
{
	size_t best = 0, run = 0;

	for (size_t i = 0; i < a.entries; i++) {
		run = usable(i) ? run + 1 : 0;
		best = run > best ? run : best;
	}
	return best;
}

static void compare(void)
{
	for (size_t i = 0; i < a.entries; i++)
		must((a.w.entry[i] != 0) == a.used[i]);
	must(a.w.used == a.n_used);
	must(tce_table_agrees(&a.w));
	must(tce_table_largest(&a.w) == largest());
}

static void end(void)
{
	size_t all = 0;

	for (size_t i = 0; i < a.entries; i++)
		all += usable(i);
	if (a.n_used * 10 > a.limit * 9) {
		double share = 100.0 * (double)largest() / (double)all;

		if (!left[a.profile].programs || share < left[a.profile].least)
			left[a.profile].least = share;
		left[a.profile].share += share;
		left[a.profile].programs++;
	}
	tce_table_end(&a.w);
	free(a.used);
	free(a.owner);
}

static void report(FILE *out)
{
	for (unsigned p = 0; p < sizeof(profile) / sizeof(profile[0]); p++)
		if (left[p].programs)
			fprintf(out,
				"    %s: the largest free run is %.1f %% of what is free after "
				"churn, %.1f %% at least\n",
				profile[p].name, left[p].share / (double)left[p].programs,
				left[p].least);
}

static const struct kind kinds[] = {{"allocate", 3}, {"give back", 2}};

static bool step(unsigned kind, const struct op *op, int *ret)
{
	return kind ? give(op, ret) : allocate(op, ret);
}

static const char *profile_name(unsigned p)
{
	return p < sizeof(profile) / sizeof(profile[0]) ? profile[p].name : NULL;
}

const struct subject allocator_subject = {
	.name = "allocator",
	.kinds = kinds,
	.n_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.profile = profile_name,
	.begin = begin,
	.step = step,
	.compare = compare,
	.end = end,
	.report = report,
};
