/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends: of a device's use, of a space, of several regions by one call; the first failure is told.
 */
#include "fixture.h"

static void twice(void)
{
	struct tce_space *space, *same;
	struct before b;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	same = open_space(DEV_A2, GIB(1));
	assert_ptr_equal(space, same);
	assert_ok(tce_space_close(space, DEV_A));
	before(&b);
	assert_refused(&b, tce_space_close(space, DEV_A), -ENODEV);
	assert_sentence(DEV_A);
	before(&b);
	assert_refused(&b, tce_space_close(space, DEV_B), -ENODEV);
	before(&b);
	assert_refused(&b, tce_space_close(space, NULL), -ENODEV);
	assert_ok(tce_space_close(space, DEV_A2));
}

static void while_reading(void)
{
	struct tce_space *space;
	unsigned asked;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	asked = model_calls(MODEL_ANY);
	tce_read_begin();
	assert_int_equal(tce_space_close(space, DEV_A), -EDEADLK);
	tce_read_end();
	assert_sentence("wait for itself");
	assert_int_equal(model_calls(MODEL_ANY), asked);
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
}

/* A device that was borrowed, does not stop, and is not the last. */
static void one_of_two_does_not_stop(void)
{
	struct tce_space *space;
	int fd;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	open_space(DEV_A2, GIB(1));
	assert_ok(tce_space_device(space, DEV_A, &fd));
	model_device_run(DEV_A);
	model_fail(MODEL_DEVICE_STOP, 1, -EIO);
	assert_int_equal(tce_space_close(space, DEV_A), -EIO);
	assert_sentence("did not stop");
	assert_sound();
	/* Its use is over all the same, and its descriptor is closed. */
	assert_int_equal(tce_space_close(space, DEV_A), -ENODEV);
	assert_ok(tce_space_close(space, DEV_A2));
}

/* All that the last close does fails at its first step, and is done at every other. */
static void the_first_failure_is_told(void)
{
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;
	int fd;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	open_space(DEV_A2, GIB(1));
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_dma_map(space, va, MIB(2), NULL, &iova));
	assert_ok(tce_space_device(space, DEV_A, &fd));
	assert_ok(tce_space_device(space, DEV_A2, &fd));
	model_device_run(DEV_A2);
	assert_ok(tce_space_close(space, DEV_A));
	assert_ok(tce_space_device(space, DEV_A, &fd));
	model_fail(MODEL_DEVICE_STOP, 1, -EIO);
	assert_int_equal(tce_space_close(space, DEV_A2), -EIO);
	assert_sentence(DEV_A);
	assert_null(strstr(tce_error(), "quarantine"));
	assert_false(model_device_runs(DEV_A2));
	assert_false(model_pinned(va));
	model_free(va, MIB(2));
}

/* Two windows of ours; the kernel keeps the first one until the container goes. */
static void a_window_stays(void)
{
	struct tce_space_options none = {.no_windows = true};
	struct tce_window_info info;
	struct tce_space *space;

	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &none, &space));
	assert_ok(tce_window_remove(space, 0));
	assert_ok(tce_window_create(space, MIB(2), GIB(64), 1, &info));
	assert_ok(tce_window_create(space, KIB(64), GIB(64), 1, &info));
	model_fail(MODEL_WINDOW_REMOVE, 1, -EBUSY);
	assert_int_equal(tce_space_close(space, DEV_A), -EIO);
	assert_sentence("refused to remove the window at 0:");
}

/* The TCEs of two stretches; the first cannot be cleared, the second is, and the first is told. */
static void one_of_two_stretches(void)
{
	tce_iova_t first = TCE_IOVA_ANY, second;
	struct tce_region_info info[2];
	struct tce_space *space;
	char word[32], *va;
	size_t n = 2;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_register(va + MIB(2), MIB(2), MIB(2)));
	assert_ok(tce_map(space, va, MIB(2), NULL, &first));
	second = first + MIB(8);
	assert_ok(tce_map(space, va + MIB(2), MIB(2), NULL, &second));
	model_fail(MODEL_UNMAP, 1, -EIO);
	assert_int_equal(tce_space_close(space, DEV_A), -EIO);
	snprintf(word, sizeof(word), "IOVA %#llx +", (unsigned long long)first);
	assert_sentence(word);
	assert_ok(tce_region_list(info, &n));
	assert_int_equal(n, 2);
	/* The container's end has cleared it, and locked memory told so. */
	assert_false(info[0].quarantined);
	assert_false(model_pinned(va));
	assert_false(info[1].quarantined);
	assert_int_equal(info[0].spaces + info[1].spaces, 0);
}

/* Two regions end with one unmap, the first stays in quarantine, the second is gone. */
static void one_of_two_regions(void)
{
	tce_iova_t iova = TCE_IOVA_ANY, second;
	struct tce_region_info info[2];
	struct tce_space *space;
	size_t n = 2;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_dma_map(space, va, MIB(2), NULL, &iova));
	second = iova + MIB(2);
	assert_ok(tce_dma_map(space, va + MIB(2), MIB(2), NULL, &second));
	model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_int_equal(tce_dma_unmap(space, iova, MIB(4)), -EIO);
	assert_ok(tce_region_list(info, &n));
	assert_int_equal(n, 1);
	assert_ptr_equal(info[0].va, va);
	assert_false(model_pinned(va + MIB(2)));
	assert_sound();
}

/* A discard over two regions, of which one is in quarantine already. */
static void discard_of_two(void)
{
	tce_iova_t iova = TCE_IOVA_ANY, second;
	struct tce_region_info info[2];
	struct tce_space *space;
	size_t n = 2;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_register(va + MIB(2), MIB(2), MIB(2)));
	model_fail(MODEL_MAP, 1, -EIO);
	assert_int_equal(tce_map(space, va, MIB(2), NULL, &iova), -EIO);
	second = window_start(space, MIB(2));
	assert_ok(tce_map(space, va + MIB(2), MIB(2), NULL, &second));
	assert_int_equal(tce_discard(va, MIB(4)), -EIO);
	assert_sentence("do not unmap it");
	assert_ok(tce_region_list(info, &n));
	assert_int_equal(n, 1);
	assert_ptr_equal(info[0].va, va);
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_false(model_pinned(va + MIB(2)));
}

/* A driver that is not known, at a region that is not. */
static void unwatch(void)
{
	static const struct tce_driver driver;
	struct before b;
	char *va;

	machine(&model_lpar);
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	before(&b);
	assert_refused(&b, tce_unwatch(va, MIB(4), &driver), -ENOENT);
	before(&b);
	assert_refused(&b, tce_unwatch(va, MIB(2), &driver), -ENOENT);
	before(&b);
	assert_refused(&b, tce_unwatch(va + MIB(2), MIB(2), &driver), -ENOENT);
	before(&b);
	assert_refused(&b, tce_watch(va, MIB(2), &driver), -ENOENT);
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	model_free(va, MIB(4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(twice),
		whole_test(while_reading),
		whole_test(one_of_two_does_not_stop),
		whole_test(the_first_failure_is_told),
		whole_test(a_window_stays),
		leaving_test(one_of_two_stretches),
		leaving_test(one_of_two_regions),
		leaving_test(discard_of_two),
		whole_test(unwatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
