/* SPDX-License-Identifier: BSD-3-Clause */
/* Values at the edge of what can be asked for, and just beyond it. */
#include "fixture.h"

static struct tce_space *space;

static void build(const struct model_platform *platform)
{
	machine(platform);
	space = open_space(DEV_A, GIB(1));
}

/* The last byte of VA that a POWER kernel gives, and the end of 64 bits. */
static void the_end_of_va(void)
{
	const uint64_t top = UINT64_C(1) << TCE_VA_BITS;
	static const struct {
		uint64_t va, len;
	} rows[] = {
		{(UINT64_C(1) << TCE_VA_BITS) - MIB(2), MIB(4)},
		{UINT64_C(1) << TCE_VA_BITS, MIB(2)},
		{-MIB(2), MIB(2)},
		{-MIB(2), MIB(4)},
		{MIB(2), -MIB(2)},
	};
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;

	build(&model_lpar);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *va = (void *)(uintptr_t)rows[i].va;

		before(&b);
		assert_refused(&b, tce_dma_map(space, va, rows[i].len, NULL, &iova), -EINVAL);
		assert_sentence("no such range");
	}
	/* The range ends with the VA, and is only not mapped. */
	before(&b);
	assert_refused(&b, tce_dma_map(space, (void *)(top - MIB(2)), MIB(2), NULL, &iova),
		       -EFAULT);
	before(&b);
	assert_refused(&b, tce_map(space, (void *)(uintptr_t)-MIB(2), MIB(2), NULL, &iova),
		       -EINVAL);
	before(&b);
	assert_refused(&b, tce_map(space, (void *)(uintptr_t)-MIB(2), MIB(4), NULL, &iova),
		       -EINVAL);
	before(&b);
	assert_refused(&b, tce_register((void *)(uintptr_t)-MIB(2), MIB(4), MIB(2)), -EINVAL);
	before(&b);
	assert_refused(&b, tce_discard((void *)(uintptr_t)-MIB(2), MIB(4)), -EINVAL);
	assert_ok(tce_space_close(space, DEV_A));
}

/* A byte is in a page that can be registered, and is no page that can be mapped. */
static void a_byte(void)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;
	char *va;

	build(&model_lpar);
	va = model_alloc(MIB(2), MIB(2));
	before(&b);
	assert_refused(&b, tce_dma_map(space, va, 1, NULL, &iova), -EINVAL);
	assert_sentence("the smallest I/O page of this space is 4 KiB;");
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

/* Where nothing is limited, nobody looks at what is locked already. */
static void no_limit(void)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	build(&model_lpar);
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	model_fail(MODEL_LOCKED, 1, -EIO);
	assert_ok(tce_map(space, va, MIB(2), NULL, &iova));
	assert_false(model_failed());
	model_fail(MODEL_LOCKED, 0, 0);
	assert_ok(tce_unmap(space, iova, MIB(2)));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

/* A place is allowed, but no whole I/O page of it. */
static void less_than_an_io_page(void)
{
	tce_iova_t iova = TCE_IOVA_ANY, start, end;
	struct tce_window_info info[2];
	struct tce_map_options opts[4];
	struct before b;
	size_t n = 2;
	char *va;

	build(&model_lpar);
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_window_list(space, info, &n));
	start = info[1].start;
	end = start + info[1].size;
	opts[0] = (struct tce_map_options){.lowest = end - 1};
	opts[1] = (struct tce_map_options){.lowest = end - MIB(2) + 1};
	opts[2] = (struct tce_map_options){.lowest = start + 1, .highest = start + MIB(4) - 2};
	opts[3] = (struct tce_map_options){.lowest = start, .highest = start};
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		before(&b);
		assert_refused(&b, tce_map(space, va, MIB(2), &opts[i], &iova), -ERANGE);
	}
	opts[1].lowest--;
	assert_ok(tce_map(space, va, MIB(2), &opts[1], &iova));
	assert_int_equal(iova, end - MIB(2));
	assert_ok(tce_unmap(space, iova, MIB(2)));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

/* Why a region is in the way is told; and what could not matter the kernel is not asked. */
static void what_is_in_the_way(void)
{
	size_t page = system_page();
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	build(&model_lpar_64k);
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va + MIB(2), page, 0));
	assert_int_equal(model_calls(MODEL_BACKING_PAGE), 0);
	assert_ok(tce_release(va + MIB(2), page, NULL, NULL));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_int_equal(tce_register(va, MIB(2), MIB(2)), -EEXIST);
	assert_null(strstr(tce_error(), "quarantine"));
	assert_null(strstr(tce_error(), "discarded"));
	assert_ok(tce_map(space, va, MIB(4), NULL, &iova));
	assert_ok(tce_discard(va, MIB(2)));
	assert_int_equal(tce_register(va, MIB(4), MIB(2)), -EEXIST);
	assert_sentence(", part of which was discarded;");
	model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_int_equal(tce_unmap(space, iova + MIB(2), MIB(2)), -EIO);
	assert_int_equal(tce_register(va, MIB(4), MIB(2)), -EEXIST);
	assert_sentence(", which is in quarantine;");
}

static bool never(const void *arg, uint64_t va, uint64_t len, uint64_t iova)
{
	return false;
}

/* A VA that dma_map would refuse before: the directory has no slot for it. */
static void the_directory(void)
{
	struct tce_dir dir;

	machine(&model_lpar);
	assert_ok(tce_dir_init(&dir));
	assert_int_equal(
		tce_dir_prepare(&dir, (UINT64_C(1) << TCE_VA_BITS) - KIB(4), KIB(8), never, NULL),
		-EINVAL);
	assert_sentence("52 bits");
	assert_ok(
		tce_dir_prepare(&dir, (UINT64_C(1) << TCE_VA_BITS) - KIB(4), KIB(4), never, NULL));
	tce_dir_end(&dir);
}

static void where_a_map_may_go(void)
{
	struct tce_map_options opts = {0};
	struct tce_space_options none = {.no_windows = true};
	tce_iova_t start, iova;
	struct before b;
	char *va;

	build(&model_p9);
	va = model_alloc(MIB(4), MIB(2));
	start = window_start(space, MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	/* From the lowest IOVA that is allowed, no byte before it. */
	opts.lowest = start + MIB(4) + 1;
	iova = start + MIB(4);
	before(&b);
	assert_refused(&b, tce_map(space, va, MIB(2), &opts, &iova), -ERANGE);
	opts.lowest = start + MIB(4);
	assert_ok(tce_map(space, va, MIB(2), &opts, &iova));
	assert_ok(tce_unmap(space, iova, MIB(2)));
	/* To the highest, no byte behind it. */
	opts = (struct tce_map_options){.highest = start + MIB(6) - 2};
	before(&b);
	assert_refused(&b, tce_map(space, va, MIB(2), &opts, &iova), -ERANGE);
	opts.highest++;
	assert_ok(tce_map(space, va, MIB(2), &opts, &iova));
	assert_ok(tce_unmap(space, iova, MIB(2)));
	/* At a multiple of the alignment that was asked for. */
	opts = (struct tce_map_options){.align = MIB(8)};
	before(&b);
	assert_refused(&b, tce_map(space, va, MIB(2), &opts, &iova), -EINVAL);
	assert_sentence("not a multiple");
	opts.align = MIB(4);
	assert_ok(tce_map(space, va, MIB(2), &opts, &iova));
	assert_ok(tce_unmap(space, iova, MIB(2)));
	assert_ok(tce_space_close(space, DEV_A));
	/* Nowhere, in a space without a window. */
	assert_ok(tce_space_open(DEV_A, &none, &space));
	assert_ok(tce_window_remove(space, 0));
	iova = TCE_IOVA_ANY;
	before(&b);
	assert_refused(&b, tce_map(space, va, MIB(2), NULL, &iova), -ENOSPC);
	assert_sentence("no window");
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	model_free(va, MIB(4));
	assert_ok(tce_space_close(space, DEV_A));
}

struct need_row {
	const char *name, *word;
	struct tce_need need;
	int ret;
};

#define TOP (UINT64_C(1) << 60)
#define ALL UINT64_MAX

static const struct need_row needs[] = {
	{"no memory", "give its size", {.page = 4096, .highest = ALL}, -EINVAL},
	{"more than any window", "less (mem=)", {TOP + 1, MIB(2), ALL, 0, 0}, -EINVAL},
	{"IOVA=VA above any window", "less (mem=)", {GIB(1), MIB(2), ALL, TOP, 0}, -EINVAL},
	{"IOVA=VA to just there", "levels", {GIB(1), 4096, ALL, TOP - 1, 0}, -ENOSPC},
	{"half a page", "is no page", {GIB(1), 2048, ALL, 0, 0}, -EINVAL},
	{"a page and a half", "is no page", {GIB(1), 6144, ALL, 0, 0}, -EINVAL},
	{"an I/O page and a half", "I/O page", {GIB(1), MIB(2), ALL, 0, 6144}, -EINVAL},
	{"an I/O page above the page", "I/O page", {GIB(1), KIB(64), ALL, 0, MIB(2)}, -EINVAL},
	{"IOVA=VA above the mask", "reaches", {GIB(1), MIB(2), GIB(4), GIB(4) + 1, 0}, -EINVAL},
	{"more levels than there are", "levels", {TOP / 2, MIB(2), ALL, 0, 4096}, -ENOSPC},
};

static void what_a_plan_needs(void)
{
	struct tce_facts facts = {.default_size = GIB(2),
				  .page_sizes = 0x40211000,
				  .max_windows = 2,
				  .levels = 5,
				  .lock_free = UINT64_MAX,
				  .system_page = 4096};
	struct tce_plan plan = {.size = 42};

	machine(&model_p9);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		int ret = tce_plan(&facts, &needs[i].need, &plan);

		if (ret != needs[i].ret || !strstr(tce_error(), needs[i].word))
			fail_msg("%s: %d, %s", needs[i].name, ret, tce_error());
		assert_int_equal(plan.size, 42);
	}
	/* Bare metal without the means to make windows. */
	facts.max_windows = 0;
	assert_int_equal(
		tce_plan(&facts, &(struct tce_need){GIB(1), MIB(2), ALL, GIB(4), 0}, &plan),
		-ENOSPC);
	assert_sentence("IOVA=VA");
}

/* Memory that dma_map registered by itself has no user who could release it. */
static void what_nobody_registered(void)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;
	char *va;

	build(&model_lpar);
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_dma_map(space, va, MIB(2), NULL, &iova));
	before(&b);
	assert_refused(&b, tce_release(va, MIB(2), NULL, NULL), -ENOENT);
	assert_sentence("tce_dma_map()");
	assert_ok(tce_dma_unmap(space, iova, MIB(2)));
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

/* A window that goes before the kernel has made it needs no memlock; one of one TCE is one. */
static void windows_of_little(void)
{
	struct tce_space_options none = {.no_windows = true};
	struct tce_window_info info[3], untouched;
	size_t n = 1;

	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &none, &space));
	assert_ok(tce_window_remove(space, 0));
	model_set_memlock(tce_plan_locked(&space->facts, MIB(2), GIB(64), 1), false);
	assert_ok(tce_window_create(space, MIB(2), GIB(64), 1, NULL));
	model_set_memlock(0, true);
	assert_ok(tce_window_create(space, KIB(64), KIB(64), 1, info));
	assert_int_equal(info[0].largest, KIB(64));
	memset(info, 0x5a, sizeof(info));
	untouched = info[1];
	assert_ok(tce_window_list(space, info, &n));
	assert_int_equal(n, 2);
	assert_memory_equal(&info[1], &untouched, sizeof(untouched));
	assert_ok(tce_space_close(space, DEV_A));
}

/* A hint outlives its window. */
static void a_window_that_went(void)
{
	tce_iova_t iova = TCE_IOVA_ANY, found = 42;
	char *va;

	build(&model_p9);
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_dma_map(space, va, MIB(2), NULL, &iova));
	assert_ok(tce_dma_unmap(space, iova, MIB(2)));
	assert_ok(tce_window_remove(space, window_start(space, MIB(2))));
	assert_int_equal(tce_iova(space, va, 1, &found, NULL), -ENOENT);
	assert_int_equal(found, 42);
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(a_byte),
		whole_test(no_limit),
		whole_test(windows_of_little),
		whole_test(less_than_an_io_page),
		leaving_test(what_is_in_the_way),
		whole_test(the_end_of_va),
		whole_test(the_directory),
		whole_test(where_a_map_may_go),
		whole_test(what_a_plan_needs),
		whole_test(what_nobody_registered),
		whole_test(a_window_that_went),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
