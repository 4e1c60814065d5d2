/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers that translate while a writer maps, unmaps, releases and frees: every answer is one that
 * was true, and inside tce_read_begin() what was found stays mapped. Meant for ThreadSanitizer.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fixture.h"

enum { READERS = 2, BUFFERS = 4, ROUNDS = 24, LEN = 4 << 20 };

static struct tce_space *space;
static char *buffer[BUFFERS];
static _Atomic bool stop;
static _Atomic unsigned found, wrong;

/* Both ways give the same pair, unless the TCE went in between. */
static void look(unsigned i)
{
	char *va = buffer[i % BUFFERS] + i % LEN;
	tce_iova_t iova;
	void *back;
	size_t len;

	tce_read_begin();
	if (!tce_iova(space, va, LEN, &iova, &len)) {
		found++;
		/* The writer frees nothing that was found: this would fault. */
		if (!len || len > LEN || *(volatile char *)va != (char)(i % BUFFERS))
			wrong++;
		if (!tce_va(space, iova, 1, &back, &len) && (back != va || len != 1))
			wrong++;
	}
	tce_read_end();
}

static void *reader(void *arg)
{
	for (unsigned i = (unsigned)(uintptr_t)arg; !stop; i += 4099) {
		look(i);
		/* Lose the processor out here rather than inside, where the writer would wait. */
		if (i % 32 == 0)
			sched_yield();
	}
	return NULL;
}

/* The writer's turn with one buffer: map it twice, take it away in two parts, free the pages. */
static void turn(unsigned b)
{
	tce_iova_t first = TCE_IOVA_ANY, second = TCE_IOVA_ANY;

	assert_ok(tce_register(buffer[b], LEN, MIB(2)));
	assert_ok(tce_map(space, buffer[b], LEN, NULL, &first));
	assert_ok(tce_map(space, buffer[b], LEN, NULL, &second));
	assert_ok(tce_unmap(space, first, LEN / 2));
	assert_ok(tce_unmap(space, second, LEN));
	assert_ok(tce_unmap(space, first + LEN / 2, LEN / 2));
	assert_ok(tce_release(buffer[b], LEN, NULL, NULL));
	model_free(buffer[b], LEN);
	model_alloc_at(buffer[b], LEN, MIB(2));
	memset(buffer[b], (int)b, LEN);
}

static void readers_and_a_writer(void)
{
	pthread_t thread[READERS];

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	for (unsigned b = 0; b < BUFFERS; b++) {
		buffer[b] = model_alloc(LEN, MIB(2));
		memset(buffer[b], (int)b, LEN);
	}
	for (uintptr_t t = 0; t < READERS; t++)
		assert_int_equal(pthread_create(&thread[t], NULL, reader, (void *)t), 0);
	for (unsigned i = 0; i < ROUNDS || (found < 100 && i < 10000); i++)
		turn(i % BUFFERS);
	stop = true;
	for (unsigned t = 0; t < READERS; t++)
		assert_int_equal(pthread_join(thread[t], NULL), 0);
	assert_int_equal(wrong, 0);
	assert_true(found > 0);
	assert_sound();
	for (unsigned b = 0; b < BUFFERS; b++)
		model_free(buffer[b], LEN);
	assert_ok(tce_space_close(space, DEV_A));
}

static _Atomic bool reading, unmapped, end;

static void *long_reader(void *arg)
{
	tce_read_begin();
	tce_read_begin();
	tce_read_end();
	reading = true;
	while (!end)
		usleep(100);
	/* Still inside the outer stretch: the unmap is waiting. */
	if (unmapped)
		wrong++;
	tce_read_end();
	return NULL;
}

static void *unmapper(void *arg)
{
	const tce_iova_t *iova = arg;

	if (tce_unmap(space, *iova, LEN))
		wrong++;
	unmapped = true;
	return NULL;
}

/* Unmap waits for the stretch, while translations that begin in it fail already. */
static void unmap_waits_for_a_reader(void)
{
	pthread_t r, u;
	tce_iova_t iova = TCE_IOVA_ANY, now;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	buffer[0] = model_alloc(LEN, MIB(2));
	assert_ok(tce_register(buffer[0], LEN, MIB(2)));
	assert_ok(tce_map(space, buffer[0], LEN, NULL, &iova));
	assert_int_equal(pthread_create(&r, NULL, long_reader, NULL), 0);
	while (!reading)
		usleep(100);
	assert_int_equal(pthread_create(&u, NULL, unmapper, &iova), 0);
	while (!tce_iova(space, buffer[0], 1, &now, NULL))
		usleep(100);
	usleep(20000);
	assert_false(unmapped);
	/* What the device has stays until the reader ends. */
	assert_true(model_leads_to(GROUP_A, iova, buffer[0], TCE_RW));
	end = true;
	assert_int_equal(pthread_join(r, NULL), 0);
	assert_int_equal(pthread_join(u, NULL), 0);
	assert_true(unmapped);
	assert_int_equal(wrong, 0);
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_ok(tce_release(buffer[0], LEN, NULL, NULL));
	model_free(buffer[0], LEN);
	assert_ok(tce_space_close(space, DEV_A));
}

/* Control calls of several threads are serialised. */
static void *writer(void *arg)
{
	char *va = arg;

	for (unsigned i = 0; i < 50; i++) {
		tce_iova_t iova = TCE_IOVA_ANY;

		if (tce_dma_map(space, va, MIB(2), NULL, &iova) ||
		    tce_dma_unmap(space, iova, MIB(2)))
			wrong++;
	}
	return NULL;
}

static void several_writers(void)
{
	pthread_t thread[3];
	char *va;

	machine(&model_p9);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(6), MIB(2));
	for (unsigned t = 0; t < 3; t++)
		assert_int_equal(pthread_create(&thread[t], NULL, writer, va + MIB(2) * t), 0);
	for (unsigned t = 0; t < 3; t++)
		assert_int_equal(pthread_join(thread[t], NULL), 0);
	assert_int_equal(wrong, 0);
	assert_sound();
	model_free(va, MIB(6));
	assert_ok(tce_space_close(space, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(readers_and_a_writer),
		whole_test(unmap_waits_for_a_reader),
		whole_test(several_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
