/* SPDX-License-Identifier: BSD-3-Clause */
/* A window's table by itself: what is never handed out, what it counts, what memory it keeps. */
#include <sys/mman.h>

#include "fixture.h"

enum { SHIFT = 21 };

static struct tce_window w;
static size_t words; /* of a leaf */

/* A table of two leaves and a half, at 2 GiB. */
static void build(void)
{
	machine(&model_lpar);
	words = system_page() / sizeof(uint64_t);
	assert_ok(tce_table_init(&w, (uint64_t)(2 * words + words / 2) << SHIFT, SHIFT));
	w.start = GIB(2);
}

static void exclude(uint64_t first, uint64_t last)
{
	w.hole_first = SIZE_MAX;
	w.hole_last = 0;
	tce_table_exclude(&w, first, last);
}

static uint64_t iova_of(size_t at)
{
	return w.start + ((uint64_t)at << SHIFT);
}

/* Exactly these entries are never handed out, and the runs beside them are as long as they are. */
static void assert_hole(size_t first, size_t last)
{
	size_t before = first, behind = w.entries - last - 1, at;

	for (size_t i = 0; i < w.entries; i++)
		assert_int_equal(tce_table_excluded(&w, i, 1), i >= first && i <= last);
	assert_int_equal(tce_table_largest(&w), before > behind ? before : behind);
	if (before)
		assert_false(tce_table_excluded(&w, 0, before));
	assert_true(tce_table_excluded(&w, 0, before + 1));
	if (before > behind)
		assert_false(tce_table_find(&w, before + 1, 1, 0, w.entries - 1, &at));
	assert_true(tce_table_find(&w, 1, 1, first, w.entries - 1, &at) == (behind > 0));
	if (behind)
		assert_int_equal(at, last + 1);
}

static void holes(void)
{
	uint64_t end;

	build();
	end = tce_last(w.start, w.size);
	exclude(iova_of(7), iova_of(7));
	assert_hole(7, 7);
	exclude(iova_of(7), iova_of(9) - 1);
	assert_hole(7, 8);
	exclude(0, w.start);
	assert_hole(0, 0);
	exclude(w.start, iova_of(3));
	assert_hole(0, 3);
	exclude(end, UINT64_MAX);
	assert_hole(w.entries - 1, w.entries - 1);
	exclude(iova_of(w.entries - 4), end);
	assert_hole(w.entries - 4, w.entries - 1);
	/* Outside of it there is nothing to keep. */
	exclude(0, w.start - 1);
	assert_int_equal(tce_table_largest(&w), w.entries);
	exclude(end + 1, UINT64_MAX);
	assert_int_equal(tce_table_largest(&w), w.entries);
	exclude(iova_of(5), iova_of(4));
	assert_int_equal(tce_table_largest(&w), w.entries);
	tce_table_end(&w);
}

static void claim(size_t at, size_t n)
{
	assert_ok(tce_table_open(&w, at, n));
	tce_table_claim(&w, at, n, GIB(64), tce_table_bits(&w, 1, TCE_RW));
	assert_true(tce_table_agrees(&w));
}

static void let_go(size_t at, size_t n)
{
	tce_table_free(&w, at, n);
	assert_true(tce_table_agrees(&w));
}

/* The last place there is; and what is full is passed over, until something of it goes. */
static void the_search(void)
{
	size_t at = 0;

	build();
	assert_true(tce_table_find(&w, 1, 1, w.entries - 1, w.entries - 1, &at));
	assert_int_equal(at, w.entries - 1);
	assert_false(tce_table_find(&w, 2, 1, w.entries - 1, w.entries - 1, &at));
	assert_true(tce_table_find(&w, w.entries, 1, 0, w.entries - 1, &at));
	assert_int_equal(at, 0);
	claim(0, words);
	assert_int_equal(w.full_below, 1);
	assert_true(tce_table_find(&w, 1, 1, 0, w.entries - 1, &at));
	assert_int_equal(at, words);
	claim(words, w.entries - words);
	assert_int_equal(w.full_below, w.lazy.pages);
	assert_int_equal(tce_table_largest(&w), 0);
	assert_false(tce_table_find(&w, 1, 1, 0, w.entries - 1, &at));
	let_go(words + 3, 2);
	assert_int_equal(w.full_below, 1);
	assert_int_equal(tce_table_largest(&w), 2);
	assert_true(tce_table_find(&w, 2, 1, 0, w.entries - 1, &at));
	assert_int_equal(at, words + 3);
	let_go(5, 1);
	assert_int_equal(w.full_below, 0);
	let_go(w.entries - 3, 3);
	assert_int_equal(tce_table_largest(&w), 3);
	tce_table_end(&w);
}

static bool resident(size_t leaf)
{
	unsigned char in = 0;

	assert_int_equal(mincore((void *)(w.entry + leaf * words), system_page(), &in), 0);
	return in & 1;
}

/* A leaf that emptied keeps its memory until the next one empties, however often. */
static void memory_goes_back(void)
{
	build();
	/* To compare would read every page. */
	claim(0, 1);
	claim(words, 1);
	tce_table_free(&w, 0, 1);
	assert_true(resident(0) && resident(1));
	claim(1, 1);
	tce_table_free(&w, 1, 1);
	assert_true(resident(0));
	tce_table_free(&w, words, 1);
	assert_false(resident(0));
	assert_true(resident(1));
	/* One that is in use again keeps its own. */
	claim(words + 7, 1);
	claim(2 * words, 1);
	tce_table_free(&w, 2 * words, 1);
	assert_true(resident(1) && resident(2));
	assert_int_equal(w.entry[words + 7] >> SHIFT, GIB(64) >> SHIFT);
	tce_table_free(&w, words + 7, 1);
	assert_false(resident(2));
	tce_table_end(&w);
}

static struct tce_region *region;
static char *va;

/* Discard the n-th 2 MiB, or several of them. */
static void discard(unsigned n, unsigned many)
{
	assert_ok(tce_discard(va + n * MIB(2), many * MIB(2)));
	for (size_t i = 1; i < region->deads; i++)
		assert_true(region->dead[i - 1].va + region->dead[i - 1].len < region->dead[i].va);
}

static void assert_dead(unsigned parts, uint64_t bytes)
{
	struct tce_region_info info;
	size_t n = 1;

	assert_ok(tce_region_list(&info, &n));
	assert_int_equal(info.dead, bytes);
	assert_int_equal(region->deads, parts);
}

/* Parts of a region that were discarded: by VA, merged, in whatever order they came. */
static void dead_parts(void)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	struct tce_space *space;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(32), MIB(2));
	assert_ok(tce_register(va, MIB(32), MIB(2)));
	assert_ok(tce_map(space, va, MIB(32), NULL, &iova));
	region = tce_region_at((uintptr_t)va);
	assert_ptr_equal(tce_region_at((uintptr_t)va + MIB(32) - 1), region);
	assert_null(tce_region_at((uintptr_t)va + MIB(32)));
	assert_null(tce_region_at((uintptr_t)va - 1));
	discard(9, 1);
	discard(3, 1);
	discard(6, 1);
	assert_dead(3, MIB(6));
	discard(4, 1); /* behind one */
	discard(5, 1); /* between two */
	assert_dead(2, MIB(10));
	discard(8, 1); /* before one */
	assert_dead(2, MIB(12));
	discard(3, 4); /* again, the same */
	discard(4, 1); /* again, inside */
	assert_dead(2, MIB(12));
	discard(2, 3); /* over its beginning */
	discard(6, 1);
	discard(9, 2); /* over the end */
	assert_dead(2, MIB(16));
	discard(0, 12); /* over everything */
	assert_dead(1, MIB(24));
	assert_false(tce_region_is_dead(region, (uintptr_t)va + MIB(24), MIB(8)));
	assert_true(tce_region_is_dead(region, (uintptr_t)va + MIB(22), MIB(8)));
	discard(12, 3);
	assert_int_equal(tce_region_live(region), 1);
	assert_ok(tce_discard(va + MIB(30), MIB(2)));
	assert_ok(tce_space_close(space, DEV_A));
	model_free(va, MIB(32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(holes),
		whole_test(the_search),
		whole_test(memory_goes_back),
		whole_test(dead_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
