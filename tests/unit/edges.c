/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases that stand exactly on an edge: the last entry, descriptor 0, the second failure. */
#include <malloc.h>
#include <unistd.h>

#include "fixture.h"
#include "lib/tce/place.h"

static struct tce_space *space;
static char *va;
static tce_iova_t iova;

static void build(void)
{
	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	iova = TCE_IOVA_ANY;
}

static void take_down(void)
{
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
	model_free(va, MIB(8));
}

/* Memory that is mapped again right behind what goes: translation leads there. */
static void an_alias_next_door(void)
{
	tce_iova_t first, second, found;

	build();
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	first = window_start(space, MIB(2));
	second = first + MIB(2);
	assert_ok(tce_map(space, va, MIB(2), NULL, &second));
	assert_ok(tce_map(space, va, MIB(2), NULL, &first));
	assert_ok(tce_unmap(space, first, MIB(2)));
	assert_ok(tce_iova(space, va + 42, 1, &found, NULL));
	assert_int_equal(found, second + 42);
	assert_ok(tce_map(space, va, MIB(2), NULL, &first));
	assert_ok(tce_unmap(space, second, MIB(2)));
	assert_ok(tce_iova(space, va, 1, &found, NULL));
	assert_int_equal(found, first);
	assert_ok(tce_unmap(space, first, MIB(2)));
	assert_int_equal(tce_iova(space, va, 1, &found, NULL), -ENOENT);
	/* And where the guess leads to neither: to where other memory lies. */
	iova = first + MIB(64);
	assert_ok(tce_register(va + MIB(2), MIB(6), MIB(2)));
	assert_ok(tce_map(space, va + MIB(2), MIB(6), NULL, &iova));
	assert_ok(tce_map(space, va, MIB(2), NULL, &second));
	assert_ok(tce_map(space, va, MIB(2), NULL, &first));
	assert_ok(tce_unmap(space, first, MIB(2)));
	assert_ok(tce_iova(space, va + 42, 1, &found, NULL));
	assert_int_equal(found, second + 42);
	assert_ok(tce_unmap(space, second, MIB(2)));
	assert_ok(tce_unmap(space, iova, MIB(6)));
	assert_ok(tce_release(va + MIB(2), MIB(6), NULL, NULL));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	take_down();
}

static void no_descriptors(const void *arg)
{
	assert_int_equal(model_fds(), 0);
}

/* Whatever is open as standard input is closed in a child like any other descriptor. */
static void descriptor_0(const void *arg)
{
	const unsigned *which = arg;
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};
	int group, container, fd, again;
	unsigned flags, stops;

	machine(&model_lpar);
	if (*which == 0)
		close(0);
	assert_ok(tce_kernel_model.group_open(GROUP_A, &group));
	if (*which == 1)
		close(0);
	assert_ok(tce_kernel_model.container_open(&container));
	/* The library's own of the group. */
	if (*which == 3)
		close(0);
	assert_ok(tce_space_adopt(group, container, &opts, &space));
	if (*which == 2)
		close(0);
	assert_ok(tce_space_device(space, DEV_A, &fd));
	assert_int_equal(*which == 0   ? group
			 : *which == 1 ? container
			 : *which == 2 ? fd
				       : space->group_fd,
			 0);
	assert_ok(tce_space_device(space, DEV_A, &again));
	assert_int_equal(again, fd);
	in_child(no_descriptors, NULL);
	stops = model_calls(MODEL_DEVICE_STOP);
	assert_ok(tce_space_close(space, NULL));
	assert_int_equal(model_calls(MODEL_DEVICE_STOP), stops + 1);
	assert_ok(tce_kernel_model.group_flags(group, &flags));
	assert_false(flags & KERNEL_GROUP_ATTACHED);
	assert_ok(tce_kernel_model.close(group));
	assert_ok(tce_kernel_model.close(container));
	assert_int_equal(model_fds(), 0);
}

/* The mark of this process may be made with it, too. */
static void mark_with_descriptor_0(const void *arg)
{
	size_t n = 0;

	close(0);
	machine(&model_lpar);
	assert_ok(tce_region_list(NULL, &n));
	assert_int_equal(dup(1), 0);
}

static void standard_input_is_closed(void)
{
	for (unsigned which = 0; which < 4; which++)
		in_child(descriptor_0, &which);
	in_child(mark_with_descriptor_0, NULL);
}

/* Room for every item, in the order in which they stand. */
static void a_list(void)
{
	void **array = NULL;
	size_t n = 0;

	machine(&model_lpar);
	for (uintptr_t i = 0; i < 100; i++) {
		assert_ok(tce_array_insert(&array, &n, i / 2, (void *)i));
		assert_int_equal(n, i + 1);
		assert_true(malloc_usable_size(array) >= n * sizeof(*array));
	}
	/* Odd numbers up, then even ones down. */
	for (uintptr_t i = 0; i < 50; i++) {
		assert_int_equal((uintptr_t)array[i], 2 * i + 1);
		assert_int_equal((uintptr_t)array[50 + i], 98 - 2 * i);
	}
	tce_array_remove(array, &n, 99);
	tce_array_remove(array, &n, 0);
	assert_int_equal(n, 98);
	assert_int_equal((uintptr_t)array[0], 3);
	assert_int_equal((uintptr_t)array[97], 2);
	free(array);
}

/* What a region that ended was called, the next one is. */
static void numbers_are_given_again(void)
{
	struct tce_region_info info[3], untouched;
	size_t n = 3;

	build();
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_register(va + MIB(2), MIB(2), MIB(2)));
	for (unsigned i = 0; i < 20; i++) {
		assert_ok(tce_release(va, MIB(2), NULL, NULL));
		assert_ok(tce_register(va, MIB(2), MIB(2)));
		assert_int_equal(tce_region_at((uintptr_t)va)->number, 0);
		assert_int_equal(tce_process.numbers, 2);
	}
	/* And a list ends with the last region, whatever there was behind it. */
	assert_ok(tce_release(va + MIB(2), MIB(2), NULL, NULL));
	memset(info, 0x5a, sizeof(info));
	untouched = info[1];
	assert_ok(tce_region_list(info, &n));
	assert_int_equal(n, 1);
	assert_memory_equal(&info[1], &untouched, sizeof(untouched));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	take_down();
}

/* Nothing is written where there is no room for it. */
static void lists_without_room(void)
{
	struct tce_region_info info[2], no_info;
	struct tce_run run[2], no_run;
	tce_iova_t second;
	size_t n = 1;

	build();
	memset(info, 0x5a, sizeof(info));
	memset(run, 0x5a, sizeof(run));
	no_info = info[1];
	no_run = run[1];
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_register(va + MIB(2), MIB(2), MIB(2)));
	assert_ok(tce_region_list(info, &n));
	assert_int_equal(n, 2);
	assert_memory_equal(&info[1], &no_info, sizeof(no_info));
	assert_ok(tce_map(space, va, MIB(2), NULL, &iova));
	second = iova + MIB(8);
	assert_ok(tce_map(space, va + MIB(2), MIB(2), NULL, &second));
	n = 1;
	assert_ok(tce_space_runs(space, run, &n));
	assert_int_equal(n, 2);
	assert_memory_equal(&run[1], &no_run, sizeof(no_run));
	assert_ok(tce_unmap(space, iova, MIB(2)));
	assert_ok(tce_unmap(space, second, MIB(2)));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	assert_ok(tce_release(va + MIB(2), MIB(2), NULL, NULL));
	take_down();
}

/* A place is given in whole I/O pages of one window, or it is none. */
static void a_place(void)
{
	struct tce_place p = {.n = 42};

	build();
	iova = window_start(space, MIB(2));
	assert_int_equal(tce_place_of(space, "test", iova, 0, &p), -EINVAL);
	assert_int_equal(tce_place_of(space, "test", iova - MIB(2), MIB(2), &p), -ENXIO);
	assert_int_equal(tce_place_of(space, "test", iova, MIB(1), &p), -EINVAL);
	assert_int_equal(tce_place_of(space, "test", iova + KIB(4), MIB(2), &p), -EINVAL);
	assert_int_equal(p.n, 42);
	assert_ok(tce_place_of(space, "test", iova + MIB(2), MIB(4), &p));
	assert_int_equal(p.at, 1);
	assert_int_equal(p.n, 2);
	take_down();
}

/* A table takes as much memory as is in use, by pages of the system. */
static void what_a_table_takes(void)
{
	struct tce_window_info info[2];
	size_t n = 2, per_page = system_page() / sizeof(uint64_t);
	tce_iova_t last;

	build();
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_window_list(space, info, &n));
	assert_int_equal(info[1].table_mem, 0);
	iova = info[1].start + (per_page - 1) * MIB(2);
	assert_ok(tce_map(space, va, MIB(2), NULL, &iova));
	assert_ok(tce_window_list(space, info, &n));
	assert_int_equal(info[1].table_mem, system_page());
	last = iova + MIB(2);
	assert_ok(tce_map(space, va + MIB(2), MIB(2), NULL, &last));
	assert_ok(tce_window_list(space, info, &n));
	assert_int_equal(info[1].table_mem, 2 * system_page());
	assert_ok(tce_unmap(space, iova, MIB(4)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	take_down();
}

/* The last bytes of the address space are a range that does not wrap. */
static void the_last_bytes(void)
{
	void *top = (void *)(uintptr_t)-MIB(2);

	machine(&model_lpar);
	assert_ok(tce_register(top, MIB(2), MIB(2)));
	assert_int_equal(tce_register(top, MIB(4), MIB(2)), -EINVAL);
	assert_ok(tce_release(top, MIB(2), NULL, NULL));
}

static struct tce_kernel watching;

static int never_falls(uint64_t *bytes)
{
	*bytes = MIB(42);
	return 0;
}

static void prepare(void)
{
	build();
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	assert_ok(tce_map(space, va, MIB(8), NULL, &iova));
	watching = tce_kernel_model;
	tce_use_kernel(&watching);
}

/* The witness is asked once more, three times; then the memory is kept, and why is told. */
static void a_witness_that_sees_nothing(void)
{
	unsigned before;

	prepare();
	assert_ok(tce_unmap(space, iova, MIB(8)));
	watching.locked = never_falls;
	before = model_calls(MODEL_UNENROLL);
	assert_int_equal(tce_release(va, MIB(8), NULL, NULL), -EIO);
	assert_sentence("did not fall by the region's size");
	assert_int_equal(model_calls(MODEL_UNENROLL), before + 4);
}

/* Without a figure from before there is nothing to compare with, so the kernel is not asked. */
static void a_witness_that_is_not_there(void)
{
	unsigned before, enrolled;

	prepare();
	assert_ok(tce_unmap(space, iova, MIB(8)));
	before = model_calls(MODEL_UNENROLL);
	enrolled = model_calls(MODEL_ENROLL);
	model_fail(MODEL_LOCKED, 1, -EIO);
	assert_int_equal(tce_release(va, MIB(8), NULL, NULL), -EIO);
	assert_sentence("quarantine");
	assert_int_equal(model_calls(MODEL_UNENROLL), before);
	assert_int_equal(model_calls(MODEL_ENROLL), enrolled);
}

static int never_maps(int container, void *at, uint64_t to, uint64_t len, unsigned access)
{
	return -EINVAL;
}

/* A map that is refused, and whose registration the kernel does not take back. */
static void a_registration_that_stays(void)
{
	struct tce_region_info info;
	size_t n = 1;

	build();
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	watching = tce_kernel_model;
	watching.map = never_maps;
	tce_use_kernel(&watching);
	model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_int_equal(tce_map(space, va, MIB(8), NULL, &iova), -EIO);
	assert_sentence("without DDW?; and the kernel did not let go of what was registered");
	assert_ok(tce_region_list(&info, &n));
	assert_true(info.quarantined);
	assert_sound();
}

static void an_eviction_that_the_kernel_refuses(void)
{
	struct tce_region_info info;
	size_t n = 1;

	prepare();
	model_fail(MODEL_UNMAP, 1, -EIO);
	assert_int_equal(tce_evict(va, MIB(8), 0), -EIO);
	assert_sentence("the TCEs stay in use; region");
	assert_ok(tce_region_list(&info, &n));
	assert_true(info.quarantined);
	assert_int_equal(info.tces, 4);
	assert_sound();
}

static void an_eviction_that_the_kernel_keeps(void)
{
	prepare();
	model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_int_equal(tce_evict(va, MIB(8), 0), -EIO);
	assert_sentence("quarantine");
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_sound();
}

/* The group of a space of ours: by itself already, without a look at its container. */
static void a_space_twice(void)
{
	int group, container;

	machine(&model_lpar);
	assert_ok(tce_kernel_model.container_open(&container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &group));
	assert_ok(tce_space_adopt(group, container, NULL, &space));
	assert_int_equal(tce_space_adopt(group, container, NULL, &space), -EBUSY);
	assert_sentence("has a space in this process already");
	assert_ok(tce_space_close(space, NULL));
	assert_ok(tce_kernel_model.close(group));
	assert_ok(tce_kernel_model.close(container));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(an_alias_next_door),
		leaving_test(standard_input_is_closed),
		whole_test(a_list),
		whole_test(numbers_are_given_again),
		whole_test(lists_without_room),
		whole_test(a_place),
		whole_test(what_a_table_takes),
		whole_test(the_last_bytes),
		leaving_test(a_witness_that_sees_nothing),
		leaving_test(a_witness_that_is_not_there),
		leaving_test(a_registration_that_stays),
		leaving_test(an_eviction_that_the_kernel_refuses),
		leaving_test(an_eviction_that_the_kernel_keeps),
		whole_test(a_space_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
