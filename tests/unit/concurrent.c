/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes on beside translation and must not disturb it: other mappings of the same memory come
 * and go, regions are evicted from under drivers, windows are made and removed. Meant for
 * ThreadSanitizer too. What it shows of memory order it shows of this processor's: see
 * doc/memory-order.md for POWER's.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "fixture.h"

enum { THREADS = 2, ROUNDS = 60 };

static struct tce_space *space;
static char *memory;
static size_t length;
static _Atomic bool stop;
static _Atomic unsigned found, missed, wrong;

static void run_beside(void *(*beside)(void *), void (*writer)(void))
{
	pthread_t thread[THREADS];

	stop = false;
	found = missed = wrong = 0;
	for (unsigned t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&thread[t], NULL, beside, NULL), 0);
	while (found < 10)
		sched_yield();
	writer();
	stop = true;
	for (unsigned t = 0; t < THREADS; t++)
		assert_int_equal(pthread_join(thread[t], NULL), 0);
	assert_int_equal(wrong, 0);
	assert_sound();
}

/* Memory that is mapped somewhere all the while is found all the while. */
static void *always_found(void *arg)
{
	for (size_t i = 0; !stop; i += 4099) {
		tce_iova_t iova;
		size_t len;

		if (tce_iova(space, memory + i % length, 1, &iova, &len))
			missed++;
		else
			found++;
		if (i % 8192 == 0)
			sched_yield();
	}
	return NULL;
}

static tce_iova_t first;

static void map_elsewhere(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		tce_iova_t half = TCE_IOVA_ANY, next = TCE_IOVA_ANY;

		assert_ok(tce_map(space, memory + length / 2, length / 2, NULL, &half));
		assert_ok(tce_map(space, memory, length, NULL, &next));
		assert_ok(tce_unmap(space, first, length / 2));
		assert_ok(tce_unmap(space, half, length / 2));
		assert_ok(tce_unmap(space, first + length / 2, length / 2));
		first = next;
	}
}

static void mapped_elsewhere(size_t len, size_t page)
{
	machine(lpar_here());
	space = open_space(DEV_A, GIB(1));
	length = len;
	first = TCE_IOVA_ANY;
	memory = model_alloc(len, page);
	assert_ok(tce_register(memory, len, page));
	assert_ok(tce_map(space, memory, len, NULL, &first));
	run_beside(always_found, map_elsewhere);
	assert_int_equal(missed, 0);
	assert_ok(tce_unmap(space, first, len));
	assert_ok(tce_release(memory, len, NULL, NULL));
	model_free(memory, len);
	assert_ok(tce_space_close(space, DEV_A));
}

static void memory_is_mapped_elsewhere(void)
{
	mapped_elsewhere(MIB(16), MIB(2));
}

static void small_pages_are_mapped_elsewhere(void)
{
	/* 1024 TCEs of 4K, whatever the page: aliases are led elsewhere one by one. */
	mapped_elsewhere(MIB(4), system_page());
}

/* A driver that announces nothing: it lets go when it is asked to. */
static _Atomic bool asked[THREADS], busy[THREADS];
static _Atomic unsigned threads;

static void *driver(void *arg)
{
	unsigned me = threads++;

	for (size_t i = 0; !stop; i += 4099) {
		tce_iova_t iova;

		busy[me] = true;
		if (!asked[me] && !tce_iova(space, memory + i % length, 1, &iova, NULL)) {
			found++;
			if (*(volatile char *)(memory + i % length) != 5)
				wrong++;
		}
		busy[me] = false;
		sched_yield();
	}
	return NULL;
}

static int let_go(void *va, size_t len, void *arg)
{
	unsigned who = (unsigned)(uintptr_t)arg;

	asked[who] = true;
	return busy[who] ? -EAGAIN : 0;
}

static void fill(void)
{
	memset(memory, 5, length);
	first = TCE_IOVA_ANY;
	assert_ok(tce_register(memory, length, MIB(2)));
	assert_ok(tce_map(space, memory, length, NULL, &first));
}

static void evict_and_bring_back(void)
{
	static const struct tce_driver drivers[THREADS] = {{.quiesce = let_go, .arg = (void *)0},
							   {.quiesce = let_go, .arg = (void *)1}};

	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned t = 0; t < THREADS; t++)
			assert_ok(tce_watch(memory, length, &drivers[t]));
		assert_ok(tce_evict(memory, length, 60000));
		/* Freed, and another's: who still used it would read that, or fault. */
		memset(memory, 6, length);
		model_free(memory, length);
		model_alloc_at(memory, length, MIB(2));
		fill();
		for (unsigned t = 0; t < THREADS; t++)
			asked[t] = false;
	}
}

static void regions_are_evicted(void)
{
	machine(lpar_here());
	space = open_space(DEV_A, GIB(1));
	length = MIB(4);
	memory = model_alloc(length, MIB(2));
	fill();
	run_beside(driver, evict_and_bring_back);
	assert_ok(tce_evict(memory, length, 1000));
	model_free(memory, length);
	assert_ok(tce_space_close(space, DEV_A));
}

/* Translates the IOVA of a window that comes and goes: what is found is whole. */
static _Atomic tce_iova_t iova_there;

static void *through_a_window(void *arg)
{
	while (!stop) {
		void *va;
		size_t len;

		tce_read_begin();
		if (!tce_va(space, iova_there, length, &va, &len)) {
			found++;
			if (va != memory || len != length)
				wrong++;
		}
		tce_read_end();
		sched_yield();
	}
	return NULL;
}

static void make_window(void)
{
	struct tce_window_info info;
	struct tce_map_options at = {.access = TCE_RW};

	assert_ok(tce_window_create(space, MIB(2), GIB(1), 1, &info));
	first = info.start;
	assert_ok(tce_map(space, memory, length, &at, &first));
	iova_there = first;
}

static void remove_and_make_it(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_ok(tce_unmap(space, first, length));
		assert_ok(tce_window_remove(space, first));
		make_window();
	}
}

static void windows_come_and_go(void)
{
	const struct tce_space_options options = {.no_windows = true};

	machine(p9_here());
	assert_ok(tce_space_open(DEV_A, &options, &space));
	length = MIB(2);
	memory = model_alloc(length, MIB(2));
	assert_ok(tce_register(memory, length, MIB(2)));
	make_window();
	run_beside(through_a_window, remove_and_make_it);
	assert_ok(tce_unmap(space, first, length));
	assert_ok(tce_release(memory, length, NULL, NULL));
	model_free(memory, length);
	assert_ok(tce_space_close(space, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(memory_is_mapped_elsewhere),
		whole_test(small_pages_are_mapped_elsewhere),
		whole_test(regions_are_evicted),
		whole_test(windows_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
