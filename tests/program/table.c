/* SPDX-License-Identifier: BSD-3-Clause */
/* A window's table alone: entries on their way from free to valid and back, and the summaries. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/tce/internal.h"
#include "program.h"

enum { LEAVES = 5 }; /* halves of the table's pages: the last one is not whole */

static const struct {
	const char *name;
	unsigned shift;
	bool hole;
} profile[] = {{"4K", 12, false}, {"64K", 16, false}, {"2M", 21, true}, {"1G", 30, false}};

/* Each entry as a word, in the plainest way. */
static struct {
	struct tce_window w;
	uint64_t *word;
	size_t entries, used;
} t;

static uint64_t start_of(unsigned p)
{
	return profile[p].hole ? 0 : 1ull << 59;
}

static void begin(unsigned p, const struct op *world)
{
	size_t page_words = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);

	t.entries = LEAVES * page_words / 2;
	t.used = 0;
	t.word = calloc(t.entries, sizeof(*t.word));
	must(t.word);
	must_answer(tce_table_init(&t.w, (uint64_t)t.entries << profile[p].shift, profile[p].shift),
		    0, "tce_table_init()");
	t.w.start = start_of(p);
	if (profile[p].hole)
		tce_table_exclude(&t.w, t.w.start + ((uint64_t)(world->at % t.entries) << 21),
				  t.w.start + ((uint64_t)t.entries << 21));
}

/* The entries that an operation means. */
static size_t range(const struct op *op, size_t *at)
{
	size_t n = 1 + (op->flags & 1 ? op->n * 5 : op->n % 8);

	*at = (op->at * 257u + op->first) % t.entries;
	return n < t.entries - *at ? n : t.entries - *at;
}

/* How many from at on are in that state: free, claimed (not 0), valid. */
static size_t alike(size_t at, size_t n, bool used, uint64_t valid)
{
	size_t i = 0;

	while (i < n && (t.word[at + i] != 0) == used &&
	       (!used || (t.word[at + i] & TCE_ENTRY_VALID) == valid))
		i++;
	return i;
}

static bool claim(const struct op *op, int *ret)
{
	size_t at, n = range(op, &at), can = alike(at, n, false, 0), busy;
	/* Now and then more regions than the bits below the page can name. */
	unsigned number = op->who % 3 ? op->who : 509u + op->who / 3u;
	uint64_t va =
		(0x7f0000000000ull >> t.w.shift << t.w.shift) + ((uint64_t)op->where << t.w.shift);
	uint64_t far = (1ull << t.w.number_bits) - 1;
	uint64_t bits = (number < far ? number : far) << TCE_ENTRY_NUMBER_SHIFT |
			(uint64_t)(1 + op->flags % 3) << TCE_ENTRY_ACCESS_SHIFT;

	if (tce_table_busy(&t.w, at, n, &busy) != (can < n))
		differs("tce_table_busy() does not see entry %zu", at + can);
	if (can < n) {
		must(busy >= at && busy < at + n && t.word[busy]);
		*ret = -EEXIST;
	}
	if (!can)
		return true;
	must(tce_table_bits(&t.w, number, 1 + op->flags % 3) == bits);
	must_answer(tce_table_open(&t.w, at, can), 0, "tce_table_open()");
	tce_table_claim(&t.w, at, can, va, bits);
	for (size_t i = 0; i < can; i++)
		t.word[at + i] = (va + (i << t.w.shift)) | bits;
	t.used += can;
	return true;
}

static bool publish(const struct op *op, int *ret)
{
	size_t at, n = range(op, &at);

	n = alike(at, n, true, 0);
	tce_table_publish(&t.w, at, n);
	for (size_t i = 0; i < n; i++)
		t.word[at + i] |= TCE_ENTRY_VALID;
	return n != 0;
}

static bool unpublish(const struct op *op, int *ret)
{
	size_t at, n = range(op, &at);

	n = alike(at, n, true, TCE_ENTRY_VALID);
	tce_table_unpublish(&t.w, at, n);
	for (size_t i = 0; i < n; i++)
		t.word[at + i] &= ~TCE_ENTRY_VALID;
	return n != 0;
}

static bool free_some(const struct op *op, int *ret)
{
	size_t at, n = range(op, &at);

	n = alike(at, n, true, 0);
	if (!n)
		return false;
	tce_table_free(&t.w, at, n);
	memset(t.word + at, 0, n * sizeof(*t.word));
	t.used -= n;
	return true;
}

static bool next(const struct op *op, int *ret)
{
	size_t at, n = range(op, &at), end = at + n, run;
	uint64_t page = 1ull << t.w.shift;
	struct tce_stretch s;
	bool found = tce_table_next(&t.w, at, n, &s);

	while (at < end && !t.word[at])
		at++;
	must(found == (at < end));
	*ret = found ? 0 : -ENOENT;
	if (!found)
		return true;
	for (run = 1; at + run < end && t.word[at + run] == t.word[at] + run * page; run++)
		;
	must(s.at == at && s.n == run);
	must(s.va == t.word[at] / page * page && s.bits == t.word[at] % page);
	return true;
}

static void compare(void)
{
	size_t valid = 0;

	for (size_t i = 0; i < t.entries; i++) {
		must(t.w.entry[i] == t.word[i]);
		valid += t.word[i] & TCE_ENTRY_VALID;
	}
	must(t.w.used == t.used && valid <= t.used);
	must(tce_table_agrees(&t.w));
}

static void end(void)
{
	tce_table_end(&t.w);
	free(t.word);
}

static const struct kind kinds[] = {
	{"claim", 10}, {"publish", 8}, {"unpublish", 8}, {"free", 8}, {"next", 4}};
static bool (*const run[])(const struct op *op, int *ret) = {claim, publish, unpublish, free_some,
							     next};

static bool step(unsigned kind, const struct op *op, int *ret)
{
	if (!run[kind](op, ret))
		return false;
	must(t.w.used == t.used);
	return true;
}

static const char *profile_name(unsigned p)
{
	return p < sizeof(profile) / sizeof(profile[0]) ? profile[p].name : NULL;
}

const struct subject table_subject = {
	.name = "table",
	.kinds = kinds,
	.n_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.profile = profile_name,
	.begin = begin,
	.step = step,
	.compare = compare,
	.end = end,
};
