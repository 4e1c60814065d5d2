/* SPDX-License-Identifier: BSD-3-Clause */
/* Which window is EAL's memory's, and what windows share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "range.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TOP (UINT64_C(1) << 59)

static const struct tce_window_info lpar[] = {
	{.start = 0, .size = GIB, .page = 4 * KIB, .is_default = true},
	{.start = TOP, .size = 64 * GIB, .page = 2 * MIB},
};

static void the_largest_page_that_fits_is_home(void **state)
{
	assert_ptr_equal(range_home(lpar, 2, 2 * MIB), &lpar[1]);
	assert_ptr_equal(range_home(lpar, 2, GIB), &lpar[1]);
	assert_ptr_equal(range_home(lpar, 2, 64 * KIB), &lpar[0]);
	assert_null(range_home(lpar, 2, KIB));
	assert_null(range_home(lpar, 0, GIB));
}

static void of_two_alike_the_larger_is_home(void **state)
{
	const struct tce_window_info two[] = {
		{.start = 0, .size = GIB, .page = 64 * KIB},
		{.start = TOP, .size = 4 * GIB, .page = 64 * KIB},
	};

	assert_ptr_equal(range_home(two, 2, 2 * MIB), &two[1]);
}

static void ranges_share_what_both_have(void **state)
{
	const struct range low = {0, 4 * GIB - 1}, mid = {2 * GIB, 8 * GIB - 1};
	const struct range high = {TOP, UINT64_MAX}, last = {UINT64_MAX, UINT64_MAX};
	struct range both = {1, 2};

	assert_true(range_both(&low, &mid, &both));
	assert_true(both.first == 2 * GIB && both.last == 4 * GIB - 1);
	assert_true(range_both(&high, &last, &both));
	assert_true(both.first == UINT64_MAX && both.last == UINT64_MAX);
	both = (struct range){1, 2};
	assert_false(range_both(&low, &high, &both));
	assert_true(both.first == 1 && both.last == 2);
}

static void neighbours_share_nothing(void **state)
{
	const struct range a = {0, GIB - 1}, b = {GIB, 2 * GIB - 1};
	struct range both;

	assert_false(range_both(&a, &b, &both));
	assert_false(range_both(&b, &a, &both));
}

static void the_first_page_at_0_is_not_handed_out(void **state)
{
	struct range r = range_usable(&lpar[0], 2 * MIB);

	assert_true(r.first == 2 * MIB && r.last == GIB - 1);
	r = range_usable(&lpar[1], 2 * MIB);
	assert_true(r.first == TOP && r.last == TOP + 64 * GIB - 1);
}

static void a_window_up_to_the_end_has_a_last_byte(void **state)
{
	const struct tce_window_info end = {
		.start = UINT64_MAX - GIB + 1, .size = GIB, .page = 4 * KIB};

	assert_true(range_usable(&end, 2 * MIB).last == UINT64_MAX);
}

static void a_hole_is_no_room(void **state)
{
	const struct range r = {2 * MIB, 16 * GIB - 1};

	assert_int_equal(range_room(&r, 0, 0), 16 * GIB - 2 * MIB);
	assert_int_equal(range_room(&r, 2 * GIB, 2 * GIB), 14 * GIB - 2 * MIB);
	/* As far as it is in the range. */
	assert_int_equal(range_room(&r, 15 * GIB, 4 * GIB), 15 * GIB - 2 * MIB);
	assert_int_equal(range_room(&r, 0, GIB), 15 * GIB);
	assert_int_equal(range_room(&r, 16 * GIB, GIB), 16 * GIB - 2 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_page_that_fits_is_home),
		cmocka_unit_test(of_two_alike_the_larger_is_home),
		cmocka_unit_test(ranges_share_what_both_have),
		cmocka_unit_test(neighbours_share_nothing),
		cmocka_unit_test(the_first_page_at_0_is_not_handed_out),
		cmocka_unit_test(a_window_up_to_the_end_has_a_last_byte),
		cmocka_unit_test(a_hole_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
