/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random operations on two spaces with a shadow copy: which page is behind which TCE is written
 * down here too, in the plainest way, and held against the library, its counters and the hardware
 * after every step. Seeds are fixed: a failure names its seed and step.
 */
#include "fixture.h"

enum { PAGES = 24, SLOTS = 40, STEPS = 1000, SEEDS = 4 };

/* What a window's first TCEs should be, page by page: the VA behind each, or NULL. */
struct shadow {
	tce_iova_t start;
	char *va[SLOTS];
};

/* Memory of one page size, and the window of each space that it goes to. */
struct arena {
	size_t page, tce_page;
	char *va;
	unsigned registered[PAGES]; /* 0, or the number of the region that holds the page */
	bool dead[PAGES];
	struct shadow in[2];
};

static struct tce_space *space[2];
static const int group[2] = {GROUP_A, GROUP_B};
static struct arena arena[2];
static uint64_t state;
static unsigned regions, maps; /* so many were made */

static unsigned below(unsigned n)
{
	/* Knuth's MMIX constants. */
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* A range of pages [*first, *first + n) of an arena. */
static unsigned range(unsigned limit, unsigned *first)
{
	unsigned n = 1 + below(below(4) ? 4 : 12);

	*first = below(limit - n + 1);
	return n;
}

static void do_register(struct arena *a)
{
	unsigned first, n = range(PAGES, &first);
	bool free = true;
	int ret;

	for (unsigned i = first; i < first + n; i++)
		free &= !a->registered[i];
	ret = tce_register(a->va + first * a->page, n * a->page, below(2) ? a->page : 0);
	if (free != !ret) {
		/* The same region once more is one more user: taken back at once. */
		assert_false(free);
		assert_ok(tce_release(a->va + first * a->page, n * a->page, NULL, NULL));
		return;
	}
	if (ret) {
		assert_int_equal(ret, -EEXIST);
		return;
	}
	regions++;
	for (unsigned i = first; i < first + n; i++)
		a->registered[i] = regions;
}

static bool used(const struct arena *a, char *from, char *to)
{
	for (unsigned s = 0; s < 2; s++)
		for (unsigned i = 0; i < SLOTS; i++)
			if (a->in[s].va[i] >= from && a->in[s].va[i] < to)
				return true;
	return false;
}

/* The extent of the region of a page. */
static unsigned extent(const struct arena *a, unsigned page, unsigned *first)
{
	unsigned end = page;

	for (*first = page; *first && a->registered[*first - 1] == a->registered[page]; --*first)
		;
	while (end < PAGES && a->registered[end] == a->registered[page])
		end++;
	return end - *first;
}

static void forget(struct arena *a, unsigned first, unsigned n)
{
	memset(a->registered + first, 0, n * sizeof(*a->registered));
	memset(a->dead + first, 0, n);
}

static void do_release(struct arena *a)
{
	unsigned page = below(PAGES), first, n;
	char *va;
	int ret;

	if (!a->registered[page])
		return;
	n = extent(a, page, &first);
	va = a->va + first * a->page;
	ret = tce_release(va, n * a->page, NULL, NULL);
	assert_int_equal(ret, used(a, va, va + n * a->page) ? -EBUSY : 0);
	if (!ret)
		forget(a, first, n);
}

static bool can_map(const struct arena *a, unsigned first, unsigned n, int *why)
{
	*why = 0;
	for (unsigned i = first; i < first + n && !*why; i++)
		*why = !a->registered[i] ? -ENOENT : a->dead[i] ? -ESTALE : 0;
	return !*why;
}

static void do_map(struct arena *a)
{
	unsigned s = below(2), slot, first, n = range(PAGES, &first);
	struct shadow *sh = &a->in[s];
	tce_iova_t iova, asked;
	char *va = a->va + first * a->page;
	bool free = true;
	int why, ret;

	slot = below(SLOTS - n + 1);
	iova = asked = sh->start + slot * a->page;
	for (unsigned i = slot; i < slot + n; i++)
		free &= !sh->va[i];
	ret = tce_map(space[s], va, n * a->page, NULL, &iova);
	if (!can_map(a, first, n, &why))
		assert_int_equal(ret, why);
	else
		assert_int_equal(ret, free ? 0 : -EEXIST);
	assert_int_equal(iova, asked);
	maps += !ret;
	for (unsigned i = 0; !ret && i < n; i++)
		sh->va[slot + i] = va + i * a->page;
}

/* Regions that lost a part end with their last TCE. */
static void settle(struct arena *a)
{
	for (unsigned page = 0, first, n; page < PAGES; page = first + n) {
		bool ending = false;
		char *va;

		n = extent(a, page, &first);
		va = a->va + first * a->page;
		for (unsigned i = first; i < first + n; i++)
			ending |= a->dead[i];
		if (ending && !used(a, va, va + n * a->page))
			forget(a, first, n);
	}
}

static void do_unmap(struct arena *a)
{
	unsigned s = below(2), slot, n = range(SLOTS, &slot);
	struct shadow *sh = &a->in[s];
	bool all = true;
	int ret;

	for (unsigned i = slot; i < slot + n; i++)
		all &= sh->va[i] != NULL;
	ret = tce_unmap(space[s], sh->start + slot * a->page, n * a->page);
	assert_int_equal(ret, all ? 0 : -ENOENT);
	for (unsigned i = slot; !ret && i < slot + n; i++)
		sh->va[i] = NULL;
	settle(a);
}

static void do_discard(struct arena *a)
{
	unsigned first, n = range(PAGES, &first);
	char *from = a->va + first * a->page, *to = from + n * a->page;

	assert_ok(tce_discard(from, n * a->page));
	for (unsigned s = 0; s < 2; s++)
		for (unsigned i = 0; i < SLOTS; i++)
			if (a->in[s].va[i] >= from && a->in[s].va[i] < to)
				a->in[s].va[i] = NULL;
	for (unsigned i = first; i < first + n; i++)
		a->dead[i] = a->registered[i] != 0;
	settle(a);
}

/* Translation of one TCE and of one page, with lengths. */
static void look(const struct arena *a, unsigned s, unsigned slot)
{
	const struct shadow *sh = &a->in[s];
	tce_iova_t iova = sh->start + slot * a->page, found;
	unsigned run = 1;
	void *va;
	size_t len;
	int ret = tce_va(space[s], iova + 1, SIZE_MAX, &va, &len);

	assert_int_equal(ret, sh->va[slot] ? 0 : -ENOENT);
	if (ret)
		return;
	while (slot + run < SLOTS && sh->va[slot + run] == sh->va[slot] + run * a->page)
		run++;
	assert_ptr_equal(va, sh->va[slot] + 1);
	assert_int_equal(len, run * a->page - 1);
	assert_true(model_leads_to(group[s], iova, sh->va[slot], TCE_RW));
	/* Any of its IOVAs will do. */
	assert_ok(tce_iova(space[s], va, SIZE_MAX, &found, &len));
	assert_true(found - 1 - sh->start < SLOTS * a->page);
	assert_ptr_equal(sh->va[(found - 1 - sh->start) / a->page], sh->va[slot]);
	for (unsigned i = 1; i * a->page <= len; i++)
		assert_ptr_equal(sh->va[(found - 1 - sh->start) / a->page + i],
				 sh->va[slot] + i * a->page);
}

static void compare(void)
{
	uint64_t tces[2] = {0, 0};

	for (struct arena *a = arena; a < arena + 2; a++)
		for (unsigned s = 0; s < 2; s++)
			for (unsigned i = 0; i < SLOTS; i++) {
				look(a, s, i);
				tces[s] += a->in[s].va[i] ? a->page / a->tce_page : 0;
			}
	for (unsigned s = 0; s < 2; s++)
		assert_int_equal(model_tces(group[s]), tces[s]);
	assert_sound();
}

static void step(void)
{
	static void (*const ops[])(struct arena * a) = {
		do_register, do_register, do_register, do_register, do_map,   do_map,	do_map,
		do_map,	     do_map,	  do_map,      do_release,  do_unmap, do_unmap, do_discard};

	ops[below(sizeof(ops) / sizeof(ops[0]))](&arena[below(2)]);
}

static void begin(struct arena *a, size_t page, size_t tce_page)
{
	*a = (struct arena){
		.page = page, .tce_page = tce_page, .va = model_alloc(PAGES * page, page)};
	for (unsigned s = 0; s < 2; s++)
		a->in[s].start = window_start(space[s], tce_page);
}

static void finish(struct arena *a)
{
	for (unsigned page = 0, first, n; page < PAGES; page = first + n) {
		n = extent(a, page, &first);
		if (a->registered[page])
			assert_ok(tce_discard(a->va + first * a->page, n * a->page));
	}
	model_free(a->va, PAGES * a->page);
}

static void run(const void *arg)
{
	const unsigned *seed = arg;

	machine(*seed % 2 ? p9_here() : lpar_here());
	state = *seed;
	space[0] = open_space(DEV_A, GIB(1));
	space[1] = open_space(DEV_B, GIB(1));
	begin(&arena[0], system_page(), KIB(4));
	begin(&arena[1], MIB(2), MIB(2));
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		compare();
	}
	finish(&arena[0]);
	finish(&arena[1]);
	assert_sound();
	assert_ok(tce_space_close(space[0], DEV_A));
	assert_ok(tce_space_close(space[1], DEV_B));
	nothing_left();
	assert_true(maps > STEPS / 40 && regions > STEPS / 40);
}

static void random_operations(void)
{
	for (unsigned seed = 1; seed <= SEEDS; seed++)
		if (child_status(run, &seed))
			fail_msg("seed %u", seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
