/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the table says while the kernel is asked: a kernel of the test's own looks, and asks the
 * model then. And how many windows a space may have, which no model has.
 */
#include "fixture.h"

static struct tce_kernel watching;
static struct tce_space *space;
static tce_iova_t iova;
static char *va;
static unsigned asked;

enum { LEN = 8 << 20, TCES = 4 };

/* Every TCE is claimed: in use, so that nobody else is given it, and hidden from translation. */
static void assert_claimed(void)
{
	struct tce_window *w = tce_window_at(space, iova);
	size_t at = (iova - w->start) >> w->shift, busy, len = 42;
	tce_iova_t found = 42;
	void *back = NULL;

	for (size_t i = at; i < at + TCES; i++) {
		assert_true(tce_table_busy(w, i, 1, &busy));
		assert_true(w->entry[i] && !(w->entry[i] & TCE_ENTRY_VALID));
		assert_int_equal(tce_va(space, iova + ((i - at) << w->shift), 1, &back, &len),
				 -ENOENT);
		assert_int_equal(tce_iova(space, va + ((i - at) << w->shift), 1, &found, &len),
				 -ENOENT);
	}
	assert_int_equal(found, 42);
	assert_int_equal(len, 42);
	assert_null(back);
	asked++;
}

static int map(int fd, void *at, uint64_t to, uint64_t len, unsigned access)
{
	assert_claimed();
	assert_true(model_pinned(va));
	return tce_kernel_model.map(fd, at, to, len, access);
}

static int unmap(int fd, uint64_t from, uint64_t len)
{
	assert_claimed();
	return tce_kernel_model.unmap(fd, from, len);
}

/* Nothing points into memory whose registration ends, in our table or in the hardware's. */
static int unenroll(int fd, void *at, size_t len)
{
	assert_int_equal(tce_region_live(tce_region_at((uintptr_t)at)), 0);
	assert_int_equal(model_tces(GROUP_A), 0);
	asked++;
	return tce_kernel_model.unenroll(fd, at, len);
}

static void build(const struct model_platform *platform)
{
	machine(platform);
	watching = tce_kernel_model;
	tce_use_kernel(&watching);
	asked = 0;
}

static void while_the_kernel_is_asked(void)
{
	build(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(LEN, MIB(2));
	iova = window_start(space, MIB(2)) + MIB(4);
	assert_ok(tce_register(va, LEN, MIB(2)));
	watching.map = map;
	watching.unmap = unmap;
	watching.unenroll = unenroll;
	assert_ok(tce_map(space, va, LEN, NULL, &iova));
	assert_ok(tce_unmap(space, iova, LEN));
	assert_int_equal(asked, 2);
	/* The same by the other ways of giving memory back. */
	assert_ok(tce_map(space, va, LEN, NULL, &iova));
	assert_ok(tce_evict(va, LEN, 0));
	assert_int_equal(asked, 5);
	assert_ok(tce_dma_map(space, va, LEN, NULL, &iova));
	assert_ok(tce_dma_unmap(space, iova, LEN));
	assert_int_equal(asked, 8);
	assert_ok(tce_dma_map(space, va, LEN, NULL, &iova));
	assert_ok(tce_discard(va, LEN));
	assert_int_equal(asked, 11);
	assert_ok(tce_register(va, LEN, MIB(2)));
	assert_ok(tce_map(space, va, LEN, NULL, &iova));
	assert_ok(tce_space_close(space, DEV_A));
	assert_int_equal(asked, 14);
	assert_ok(tce_release(va, LEN, NULL, NULL));
	model_free(va, LEN);
}

/* The kernel is not asked again when it has refused: its answer was no success, whatever its sign.
 */
static void refused_once(const void *arg)
{
	const int *answer = arg;
	unsigned before;

	build(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(LEN, MIB(2));
	iova = TCE_IOVA_ANY;
	assert_ok(tce_register(va, LEN, MIB(2)));
	assert_ok(tce_map(space, va, LEN, NULL, &iova));
	assert_ok(tce_unmap(space, iova, LEN));
	before = model_calls(MODEL_ENROLL) + model_calls(MODEL_UNENROLL);
	model_fail(MODEL_UNENROLL, 1, *answer);
	assert_int_equal(tce_release(va, LEN, NULL, NULL), -EIO);
	assert_sentence("the kernel refused UNREGISTER");
	assert_int_equal(model_calls(MODEL_ENROLL) + model_calls(MODEL_UNENROLL), before + 1);
}

static void a_refusal_stands(void)
{
	static const int answers[] = {-ENOENT, 1};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		in_child(refused_once, &answers[i]);
}

/* A platform that makes any number of windows. */
static int many(int fd, struct tce_facts *facts)
{
	int ret = tce_kernel_model.facts(fd, facts);

	facts->max_windows = 100;
	return ret;
}

static int create(int fd, uint64_t page, uint64_t size, uint32_t levels, uint64_t *start)
{
	*start = (uint64_t)++asked << 50;
	return 0;
}

static int drop(int fd, uint64_t start)
{
	asked--;
	return 0;
}

static void as_many_windows_as_there_are_slots(void)
{
	struct tce_space_options none = {.no_windows = true};
	struct tce_window_info info[TCE_WINDOWS_MAX + 1];
	struct tce_space_info si;
	size_t n = TCE_WINDOWS_MAX + 1;

	build(&model_p9);
	watching.facts = many;
	watching.window_create = create;
	watching.window_remove = drop;
	assert_ok(tce_space_open(DEV_A, &none, &space));
	for (unsigned i = 1; i < TCE_WINDOWS_MAX; i++)
		assert_ok(tce_window_create(space, MIB(2), GIB(1) << i, 1, NULL));
	assert_int_equal(tce_window_create(space, MIB(2), GIB(1), 1, NULL), -ENOSPC);
	assert_sentence("remove one first");
	assert_ok(tce_window_list(space, info, &n));
	assert_int_equal(n, TCE_WINDOWS_MAX);
	for (unsigned i = 1; i < TCE_WINDOWS_MAX; i++) {
		assert_int_equal(info[i].start, (uint64_t)i << 50);
		assert_int_equal(info[i].size, GIB(1) << i);
	}
	assert_ok(tce_space_info(space, &si));
	assert_int_equal(si.windows, TCE_WINDOWS_MAX);
	/* A slot in the middle is free again, and taken again. */
	assert_ok(tce_window_remove(space, UINT64_C(3) << 50));
	asked = TCE_WINDOWS_MAX - 1;
	assert_ok(tce_window_create(space, MIB(2), GIB(1), 1, info));
	assert_int_equal(info[0].start, (uint64_t)TCE_WINDOWS_MAX << 50);
	assert_int_equal(tce_window_create(space, MIB(2), GIB(1), 1, NULL), -ENOSPC);
	asked = TCE_WINDOWS_MAX - 1;
	assert_ok(tce_space_close(space, DEV_A));
	assert_int_equal(asked, 0);
}

/* A window of a few TCEs, whose table has more words than TCEs. */
static void behind_a_small_window(void)
{
	struct tce_space_options none = {.no_windows = true};
	struct tce_window_info info;
	struct before b;

	build(&model_p9);
	assert_ok(tce_space_open(DEV_A, &none, &space));
	assert_ok(tce_window_create(space, KIB(64), MIB(1), 1, &info));
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	for (uint64_t at = MIB(1) - KIB(64); at <= MIB(1) + KIB(64); at += KIB(64)) {
		iova = info.start + at;
		before(&b);
		assert_refused(&b, tce_unmap(space, iova, KIB(128)), -ENXIO);
		before(&b);
		assert_refused(&b, tce_map(space, va, KIB(128), NULL, &iova), -ENXIO);
	}
	iova = info.start + MIB(1) - KIB(64);
	assert_ok(tce_map(space, va, KIB(64), NULL, &iova));
	assert_ok(tce_unmap(space, iova, KIB(64)));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(while_the_kernel_is_asked),
		leaving_test(a_refusal_stands),
		whole_test(as_many_windows_as_there_are_slots),
		whole_test(behind_a_small_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
