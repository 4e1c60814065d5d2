/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments become runs, and each run regions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runs.h"

#define PAGE (UINT64_C(2) << 20)

static const int list_a, list_b;

static struct run segment(uint64_t index, uint64_t iova, bool whole, const int *list)
{
	return (struct run){
		.va = (char *)(uintptr_t)(PAGE * (1000 + index)),
		.len = PAGE,
		.page = PAGE,
		.iova = iova,
		.whole = whole,
		.list = list,
	};
}

static void add(struct runs *runs, struct run s)
{
	assert_int_equal(runs_add(runs, &s), 0);
}

static void adjacent_pages_are_one_run(void **state)
{
	struct runs runs = {0};

	for (unsigned i = 0; i < 1024; i++)
		add(&runs, segment(i, RUN_ANY, true, &list_a));
	assert_int_equal(runs.n, 1);
	assert_int_equal(runs.run[0].len, 1024 * PAGE);
	assert_int_equal(run_piece(&runs.run[0]), 1024 * PAGE);
	assert_true(runs.run[0].iova == RUN_ANY);
	runs_free(&runs);
	assert_null(runs.run);
}

static void a_gap_begins_a_new_run(void **state)
{
	struct runs runs = {0};

	add(&runs, segment(0, RUN_ANY, true, &list_a));
	add(&runs, segment(2, RUN_ANY, true, &list_a));
	assert_int_equal(runs.n, 2);
	runs_free(&runs);
}

static void another_kind_begins_a_new_run(void **state)
{
	struct runs runs = {0};
	struct run small = segment(3, RUN_ANY, false, &list_a);

	add(&runs, segment(0, RUN_ANY, true, &list_a));
	add(&runs, segment(1, RUN_ANY, false, &list_a));
	add(&runs, segment(2, RUN_ANY, false, &list_b));
	small.page = PAGE / 2;
	small.list = &list_b;
	add(&runs, small);
	assert_int_equal(runs.n, 4);
	assert_int_equal(run_piece(&runs.run[1]), PAGE);
	runs_free(&runs);
}

static void iovas_must_follow_too(void **state)
{
	struct runs runs = {0};
	const uint64_t base = UINT64_C(1) << 59;

	add(&runs, segment(0, base, false, &list_a));
	add(&runs, segment(1, base + PAGE, false, &list_a));
	add(&runs, segment(2, base + 3 * PAGE, false, &list_a));
	add(&runs, segment(3, RUN_ANY, false, &list_a));
	add(&runs, segment(4, base + 5 * PAGE, false, &list_a));
	assert_int_equal(runs.n, 4);
	assert_int_equal(runs.run[0].len, 2 * PAGE);
	assert_true(runs.run[0].iova == base);
	assert_true(runs.run[2].iova == RUN_ANY);
	runs_free(&runs);
}

static void pieces_are_pages_where_pages_come_and_go(void **state)
{
	struct runs runs = {0};

	add(&runs, segment(0, RUN_ANY, false, &list_a));
	add(&runs, segment(1, RUN_ANY, false, &list_a));
	assert_int_equal(runs.n, 1);
	assert_int_equal(run_piece(&runs.run[0]), PAGE);
	runs_free(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adjacent_pages_are_one_run),
		cmocka_unit_test(a_gap_begins_a_new_run),
		cmocka_unit_test(another_kind_begins_a_new_run),
		cmocka_unit_test(iovas_must_follow_too),
		cmocka_unit_test(pieces_are_pages_where_pages_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
