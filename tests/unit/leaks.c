/* SPDX-License-Identifier: BSD-3-Clause */
/* What was opened, mapped and made, and given back, leaves no memory and no mapping behind. */
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include "fixture.h"

enum { ROUNDS = 20 };

static char *va;

static size_t mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	size_t n = 0;
	int c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* 2 MiB of VA by small TCEs and by a large one, at several IOVAs. */
static void use(struct tce_space *space)
{
	tce_iova_t large = TCE_IOVA_ANY, small = TCE_IOVA_ANY, again = TCE_IOVA_ANY;

	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_map(space, va, MIB(4), NULL, &large));
	assert_ok(tce_map(space, va + KIB(64), KIB(64), NULL, &small));
	assert_ok(tce_map(space, va, MIB(2), NULL, &again));
	assert_ok(tce_unmap(space, large, MIB(4)));
	assert_ok(tce_discard(va + MIB(2), MIB(2)));
	assert_ok(tce_unmap(space, small, KIB(64)));
	assert_ok(tce_unmap(space, again, MIB(2)));
}

static void one_round(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)}, too_much = opts;
	static const struct tce_driver driver;
	struct tce_window_info info;
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY;

	assert_ok(tce_space_open(DEV_A, &opts, &space));
	use(space);
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_watch(va, MIB(4), &driver));
	assert_ok(tce_map(space, va, MIB(4), NULL, &iova));
	assert_int_equal(tce_window_create(space, KIB(64), GIB(64), 1, NULL), -ENOSPC);
	assert_ok(tce_space_close(space, DEV_A));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	/* One that is given up half-way, and a window that is refused. */
	model_fail(MODEL_WINDOW_CREATE, 1, -EINVAL);
	assert_int_equal(tce_space_open(DEV_B, &opts, &space), -EIO);
	too_much.highest = MIB(1);
	assert_int_equal(tce_space_open(DEV_B, &too_much, &space), -ENOSPC);
	opts.no_windows = true;
	assert_ok(tce_space_open(DEV_B, &opts, &space));
	assert_ok(tce_window_remove(space, 0));
	assert_ok(tce_window_create(space, KIB(64), GIB(64), 1, &info));
	assert_ok(tce_window_remove(space, info.start));
	assert_ok(tce_space_close(space, DEV_B));
}

/* Lists get room now and then, but what leaks does so in every round. */
static void nothing_stays(void)
{
	size_t heap = SIZE_MAX, maps = SIZE_MAX;

	machine(&model_p9);
	va = model_alloc(MIB(4), MIB(2));
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t bytes = mallinfo2().uordblks, mapped = mappings();

		one_round();
		bytes = mallinfo2().uordblks - bytes;
		mapped = mappings() - mapped;
		heap = bytes < heap ? bytes : heap;
		maps = mapped < maps ? mapped : maps;
	}
	assert_int_equal(heap, 0);
	assert_int_equal(maps, 0);
	model_free(va, MIB(4));
}

static void *fail_once(void *arg)
{
	if (tce_error_set(-EIO, "a failure of this thread") != -EIO || !strstr(tce_error(), "this"))
		return arg;
	return NULL;
}

/* What a thread has of words ends with it. */
static void threads_that_failed(void)
{
	size_t least = SIZE_MAX;

	machine(&model_lpar);
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t bytes = mallinfo2().uordblks;
		void *said = NULL;
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, fail_once, &least), 0);
		assert_int_equal(pthread_join(t, &said), 0);
		assert_null(said);
		bytes = mallinfo2().uordblks - bytes;
		least = bytes < least ? bytes : least;
	}
	assert_int_equal(least, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(threads_that_failed),
		whole_test(nothing_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
