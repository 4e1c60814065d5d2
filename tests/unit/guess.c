/* SPDX-License-Identifier: BSD-3-Clause */
/* Where mappings go so that translation guesses right, and translation where it guesses wrong. */
#include "fixture.h"

static struct tce_space *space;

static const struct tce_window *guessed(void)
{
	return space->guess;
}

/* Map one piece of registered memory; its IOVA. */
static tce_iova_t map(char *va, size_t len)
{
	tce_iova_t iova = TCE_IOVA_ANY;

	assert_ok(tce_map(space, va, len, NULL, &iova));
	return iova;
}

static bool is_guessed(const char *va, tce_iova_t iova)
{
	return guessed()->start + tce_guess(guessed(), (uintptr_t)va) == iova;
}

/* Found both ways, at its first and its last byte, with a length that ends inside or past it. */
static void found(char *va, size_t len, tce_iova_t iova)
{
	tce_iova_t to = 0;
	void *back = NULL;
	size_t n = 0;

	for (size_t at = 0; at < len; at += len - 1) {
		assert_ok(tce_iova(space, va + at, len - at, &to, &n));
		assert_int_equal(to, iova + at);
		assert_int_equal(n, len - at);
		assert_ok(tce_va(space, iova + at, len - at, &back, &n));
		assert_ptr_equal(back, va + at);
		assert_int_equal(n, len - at);
	}
}

static void lost(char *va, tce_iova_t iova)
{
	tce_iova_t to = 1;
	void *back = &to;

	assert_int_equal(tce_iova(space, va, 1, &to, NULL), -ENOENT);
	assert_int_equal(tce_va(space, iova, 1, &back, NULL), -ENOENT);
	assert_int_equal(to, 1);
	assert_ptr_equal(back, &to);
}

static void end(char *va, size_t len)
{
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
	assert_ok(tce_release(va, len, NULL, NULL));
	model_free(va, len);
}

/* The pages of one arena, mapped in any order, below the first one too, are guessed right. */
static void any_order(void)
{
	static const unsigned order[] = {5, 6, 4, 0, 7, 1, 3, 2};
	tce_iova_t iova[8];
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, MIB(16));
	va = model_alloc(MIB(16), MIB(2));
	assert_ok(tce_register(va, MIB(16), MIB(2)));
	for (unsigned i = 0; i < 8; i++)
		iova[order[i]] = map(va + MIB(2) * order[i], MIB(2));
	assert_int_equal(iova[5], guessed()->start);
	/* Below the first is the end of the window. */
	assert_int_equal(iova[4], guessed()->start + guessed()->size - MIB(2));
	for (unsigned i = 0; i < 8; i++) {
		assert_true(is_guessed(va + MIB(2) * i, iova[i]));
		found(va + MIB(2) * i, MIB(2), iova[i]);
	}
	end(va, MIB(16));
}

/* Memory elsewhere goes where it is guessed only if the rest of mem= has room in one piece. */
static void room_is_kept(void)
{
	struct tce_window_info info[8];
	tce_iova_t a, b;
	size_t n = 8;
	char *va;

	machine(&model_lpar);
	va = model_alloc(MIB(16), MIB(2));
	for (unsigned tight = 0; tight < 2; tight++) {
		space = open_space(DEV_A, tight ? GIB(64) : GIB(62));
		assert_ok(tce_register(va, MIB(16), MIB(2)));
		a = map(va, MIB(2));
		b = map(va + MIB(8), MIB(2));
		assert_int_equal(b - a, tight ? MIB(2) : MIB(8));
		assert_int_equal(is_guessed(va + MIB(8), b), !tight);
		found(va, MIB(2), a);
		found(va + MIB(8), MIB(2), b);
		n = 8;
		assert_ok(tce_window_list(space, info, &n));
		assert_int_equal(info[n - 1].largest, GIB(64) - (tight ? MIB(4) : MIB(10)));
		assert_ok(tce_unmap(space, a, MIB(2)));
		assert_ok(tce_unmap(space, b, MIB(2)));
		lost(va + MIB(8), b);
		assert_ok(tce_release(va, MIB(16), NULL, NULL));
		if (!tight)
			assert_ok(tce_space_close(space, DEV_A));
	}
	assert_ok(tce_register(va, MIB(16), MIB(2)));
	end(va, MIB(16));
}

/* The last entry is next to an end, and may be taken though no room is left in one piece. */
static void the_end_of_the_window(void)
{
	tce_iova_t middle;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(64));
	va = model_alloc(MIB(16), MIB(2));
	assert_ok(tce_register(va, MIB(16), MIB(2)));
	assert_int_equal(map(va + MIB(2), MIB(2)), guessed()->start);
	middle = guessed()->start + GIB(32);
	assert_ok(tce_map(space, va + MIB(8), MIB(2), NULL, &middle));
	assert_int_equal(map(va, MIB(2)), guessed()->start + GIB(64) - MIB(2));
	end(va, MIB(16));
}

/* A small buffer that came first does not spoil the guess for the arena that follows. */
static void the_larger_counts(void)
{
	tce_iova_t small, large, again;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(64));
	va = model_alloc(MIB(32), MIB(2));
	assert_ok(tce_register(va, MIB(32), MIB(2)));
	small = map(va + MIB(30), MIB(2));
	large = map(va, MIB(8));
	assert_int_equal(large, small + MIB(2));
	assert_true(is_guessed(va, large));
	assert_false(is_guessed(va + MIB(30), small));
	found(va, MIB(8), large);
	found(va + MIB(30), MIB(2), small);
	/* Memory that is mapped twice has the IOVA that is left. */
	again = map(va, MIB(8));
	assert_ok(tce_unmap(space, large, MIB(8)));
	found(va, MIB(8), again);
	end(va, MIB(32));
}

/* The guess follows the limits of a call, and an alignment that it does not meet. */
static void limits(void)
{
	struct tce_map_options opts = {.highest = 0};
	tce_iova_t a, b = TCE_IOVA_ANY, c = TCE_IOVA_ANY;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	a = map(va + MIB(2), MIB(2));
	opts.highest = a + MIB(64) - 1;
	assert_ok(tce_map(space, va, MIB(2), &opts, &b));
	assert_true(b - a < MIB(64));
	opts = (struct tce_map_options){.align = GIB(1)};
	assert_ok(tce_map(space, va + MIB(4), MIB(2), &opts, &c));
	assert_int_equal(c % GIB(1), 0);
	found(va, MIB(2), b);
	found(va + MIB(4), MIB(2), c);
	end(va, MIB(8));
}

/* The window that was looked in first goes; the other one serves as before. */
static void window_goes(void)
{
	struct tce_map_options low = {.highest = UINT32_MAX};
	tce_iova_t start, iova = TCE_IOVA_ANY;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_map(space, va, MIB(2), &low, &iova));
	found(va, MIB(2), iova);
	start = guessed()->start;
	assert_ok(tce_window_remove(space, start));
	assert_ptr_equal(guessed(), &tce_no_window);
	found(va, MIB(2), iova);
	lost(va + MIB(2), start);
	lost(NULL, 0xdead0000);
	end(va, MIB(2));
}

/* Is it guessed on the way back, too? */
static bool is_guessed_back(void)
{
	return guessed()->back == guessed()->base;
}

/* Map 2 MiB at an entry of the window that is guessed first. */
static tce_iova_t map_at(char *va, size_t entry)
{
	tce_iova_t iova = guessed()->start + MIB(2) * entry;

	assert_ok(tce_map(space, va, MIB(2), NULL, &iova));
	return iova;
}

/* On the way back it is guessed while no more than an eighth of the entries is astray. */
static void astray(void)
{
	static const size_t entry[] = {8, 9, 11, 10};
	tce_iova_t start;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, MIB(24));
	start = guessed()->start;
	va = model_alloc(MIB(24), MIB(2));
	assert_ok(tce_register(va, MIB(24), MIB(2)));
	assert_int_equal(map(va, MIB(16)), start);
	for (unsigned i = 0; i < 4; i++) {
		map_at(va + MIB(2) * (8 + i), entry[i]);
		/* The last two lie crosswise: 1 of 11, and 2 of 12. */
		assert_int_equal(guessed()->astray, i < 2 ? 0 : i - 1);
		assert_int_equal(is_guessed_back(), i < 3);
		assert_sound();
	}
	found(va, MIB(20), start);
	found(va + MIB(20), MIB(2), start + MIB(22));
	found(va + MIB(22), MIB(2), start + MIB(20));
	/* 2 of 10, and then 1 of 8: one goes in one call with one that is not astray. */
	assert_ok(tce_unmap(space, start, MIB(4)));
	assert_false(is_guessed_back());
	lost(va, start);
	assert_ok(tce_unmap(space, start + MIB(18), MIB(4)));
	assert_int_equal(guessed()->astray, 1);
	assert_true(is_guessed_back());
	assert_sound();
	found(va + MIB(4), MIB(14), start + MIB(4));
	found(va + MIB(20), MIB(2), start + MIB(22));
	/* 1 of 7. */
	assert_ok(tce_unmap(space, start + MIB(4), MIB(2)));
	assert_false(is_guessed_back());
	found(va + MIB(20), MIB(2), start + MIB(22));
	found(va + MIB(6), MIB(12), start + MIB(6));
	end(va, MIB(24));
}

/* Who lay where it was guessed is astray by a new base, and the other way round. */
static void astray_by_a_new_base(void)
{
	tce_iova_t start;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, MIB(32));
	start = guessed()->start;
	va = model_alloc(MIB(32), MIB(2));
	assert_ok(tce_register(va, MIB(32), MIB(2)));
	/* The first two by a base of their own, the third by that of the large one. */
	map_at(va, 1);
	map_at(va + MIB(2), 2);
	map_at(va + MIB(6), 5);
	assert_int_equal(guessed()->astray, 1);
	assert_false(is_guessed_back());
	assert_int_equal(map(va + MIB(8), MIB(24)), start + MIB(12));
	assert_int_equal(guessed()->astray, 2);
	assert_false(is_guessed_back());
	assert_sound();
	found(va, MIB(4), start + MIB(2));
	found(va + MIB(6), MIB(26), start + MIB(10));
	/* 1 of 14. */
	assert_ok(tce_unmap(space, start + MIB(2), MIB(2)));
	assert_true(is_guessed_back());
	/* An empty window begins anew. */
	assert_ok(tce_unmap(space, start + MIB(4), MIB(2)));
	assert_ok(tce_unmap(space, start + MIB(10), MIB(26)));
	map_at(va, 5);
	assert_int_equal(guessed()->astray, 0);
	assert_true(is_guessed_back());
	found(va, MIB(2), start + MIB(10));
	end(va, MIB(32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(any_order),
		whole_test(room_is_kept),
		whole_test(the_end_of_the_window),
		whole_test(the_larger_counts),
		whole_test(limits),
		whole_test(window_goes),
		whole_test(astray),
		whole_test(astray_by_a_new_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
