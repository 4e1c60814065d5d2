/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls come back: each in a child that a timer would end. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

#include "fixture.h"

enum { SECONDS = 4 };

struct call {
	const char *name;
	int (*call)(void);
};

static struct tce_space *space;
static tce_iova_t iova;
static char *va;

/*
 * Who sleeps for ever is ended by the clock; who loops, by what he takes of a processor: that is
 * less than the limit that tests/mutate sets, which would say nothing.
 */
static void begin_time(void)
{
	const struct itimerval processor = {.it_value = {.tv_sec = 1, .tv_usec = 500000}};

	alarm(SECONDS);
	assert_int_equal(setitimer(ITIMER_PROF, &processor, NULL), 0);
}

static void build(void)
{
	begin_time();
	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(4), MIB(2));
	iova = TCE_IOVA_ANY;
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_map(space, va, MIB(4), NULL, &iova));
}

static int unmap(void)
{
	return tce_unmap(space, iova, MIB(4));
}

static int dma_unmap(void)
{
	return tce_dma_unmap(space, iova, MIB(4));
}

static int discard(void)
{
	return tce_discard(va, MIB(2));
}

static int evict(void)
{
	return tce_evict(va, MIB(4), 1000 * SECONDS * 2);
}

static int close_it(void)
{
	return tce_space_close(space, DEV_A);
}

static int remove_default(void)
{
	return tce_window_remove(space, 0);
}

static int open_other(void)
{
	const struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};
	struct tce_space *other;

	return tce_space_open(DEV_B, &opts, &other);
}

/* A reader that waited for readers would wait for itself. */
static void by_a_reader(const void *arg)
{
	const struct call *c = arg;
	int ret;

	build();
	tce_read_begin();
	ret = c->call();
	tce_read_end();
	assert_int_equal(ret, -EDEADLK);
	assert_sentence("wait for itself");
	assert_sound();
	/* Nor does a stretch within a stretch end it. */
	tce_read_begin();
	tce_read_begin();
	tce_read_end();
	ret = c->call();
	tce_read_end();
	assert_int_equal(ret, -EDEADLK);
	assert_sound();
	/* It has ended, so nobody is left to wait for. */
	assert_ok(c->call());
}

static void nobody_waits_for_himself(void)
{
	static const struct call calls[] = {{"unmap", unmap},		{"dma_unmap", dma_unmap},
					    {"discard", discard},	{"evict", evict},
					    {"remove", remove_default}, {"open", open_other},
					    {"close", close_it}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_status(child_status(by_a_reader, &calls[i]), 0, calls[i].name);
}

/* What the kernel refuses for good is given up, and not asked for ever. */
static void by_a_kernel_that_refuses(const void *arg)
{
	const struct call *c = arg;

	build();
	model_fail(MODEL_UNENROLL, 1, -EIO);
	if (c->call != unmap && c->call != dma_unmap) {
		assert_int_equal(c->call(), -EIO);
		return;
	}
	assert_ok(c->call());
	assert_int_equal(tce_release(va, MIB(4), NULL, NULL), -EIO);
	assert_int_equal(tce_release(va, MIB(4), NULL, NULL), -EIO);
}

static int discard_all(void)
{
	return tce_discard(va, MIB(4));
}

static void nobody_asks_for_ever(void)
{
	static const struct call calls[] = {{"release", unmap},
					    {"release after dma_unmap", dma_unmap},
					    {"discard", discard_all},
					    {"evict", evict},
					    {"close", close_it}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_status(child_status(by_a_kernel_that_refuses, &calls[i]), 0, calls[i].name);
}

struct reader {
	_Atomic int begun, end;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;

	tce_read_begin();
	r->begun = 1;
	while (!r->end)
		usleep(100);
	tce_read_end();
	return NULL;
}

static void evict_beside_a_reader(const void *arg)
{
	struct reader r = {0};
	pthread_t t;

	build();
	assert_int_equal(pthread_create(&t, NULL, read_on, &r), 0);
	while (!r.begun)
		usleep(100);
	assert_int_equal(tce_evict(va, MIB(4), 5), -ETIMEDOUT);
	assert_sentence("reader");
	assert_int_equal(tce_evict(va, MIB(4), 0), -ETIMEDOUT);
	r.end = 1;
	pthread_join(t, NULL);
	assert_ok(tce_evict(va, MIB(4), 0));
}

static int never(void *at, size_t len, void *arg)
{
	return -EAGAIN;
}

static void evict_beside_a_driver(const void *arg)
{
	const struct tce_driver driver = {.quiesce = never};

	build();
	assert_ok(tce_watch(va, MIB(4), &driver));
	assert_int_equal(tce_evict(va, MIB(4), 5), -ETIMEDOUT);
	assert_int_equal(tce_evict(va, MIB(4), 0), -ETIMEDOUT);
	assert_sentence("driver 1 of 1");
	assert_sound();
}

struct late_reader {
	struct reader reader;
	pthread_t thread;
};

/* Lets go, and meanwhile somebody begins to read: what he looks for is hidden from him. */
static int let_in(void *at, size_t len, void *arg)
{
	struct late_reader *late = arg;

	assert_int_equal(pthread_create(&late->thread, NULL, read_on, &late->reader), 0);
	while (!late->reader.begun)
		usleep(100);
	return 0;
}

static void evict_beside_a_late_reader(const void *arg)
{
	struct late_reader late = {0};
	const struct tce_driver driver = {.quiesce = let_in, .arg = &late};

	build();
	assert_ok(tce_watch(va, MIB(4), &driver));
	assert_ok(tce_evict(va, MIB(4), 1000));
	late.reader.end = 1;
	pthread_join(late.thread, NULL);
	assert_sound();
}

static void evict_ends_in_time(void)
{
	assert_status(child_status(evict_beside_a_late_reader, NULL), 0,
		      "evict beside a reader that begins later");
	assert_status(child_status(evict_beside_a_reader, NULL), 0, "evict beside a reader");
	assert_status(child_status(evict_beside_a_driver, NULL), 0, "evict beside a driver");
}

/* Every control call, of those that can be made one after the other. */
static int reg(void)
{
	return tce_register(va, MIB(4), MIB(2));
}

static int map(void)
{
	iova = TCE_IOVA_ANY;
	return tce_map(space, va, MIB(4), NULL, &iova);
}

static int dma_map(void)
{
	iova = TCE_IOVA_ANY;
	return tce_dma_map(space, va, MIB(4), NULL, &iova);
}

static int small(void)
{
	tce_iova_t at = TCE_IOVA_ANY;
	int ret = tce_map(space, va + KIB(64), KIB(128), NULL, &at);

	return ret ? ret : tce_unmap(space, at, KIB(128));
}

/* The same memory at two IOVAs: what leads to the one that goes is led to the other. */
static int twice(void)
{
	tce_iova_t at = TCE_IOVA_ANY;
	int ret = tce_map(space, va, MIB(4), NULL, &at);

	return ret ? ret : tce_unmap(space, at, MIB(4));
}

/* A hint that leads nowhere any more is followed once. */
static int stale(void)
{
	tce_iova_t found;

	return tce_iova(space, va, 1, &found, NULL) == -ENOENT ? 0 : -1;
}

static int release(void)
{
	return tce_release(va, MIB(4), NULL, NULL);
}

static const struct tce_driver nobody;

static int watch(void)
{
	return tce_watch(va, MIB(4), &nobody);
}

static int unwatch(void)
{
	return tce_unwatch(va, MIB(4), &nobody);
}

static int create(void)
{
	return tce_window_create(space, KIB(64), GIB(64), 1, NULL);
}

static int list(void)
{
	struct tce_window_info info[2];
	size_t n = 2;

	return tce_window_list(space, info, &n);
}

static int drop(void)
{
	return tce_window_remove(space, 0);
}

static int runs(void)
{
	size_t n = 0;

	return tce_space_runs(space, NULL, &n);
}

static int regions(void)
{
	size_t n = 0;

	return tce_region_list(NULL, &n);
}

static int info(void)
{
	struct tce_space_info si;

	return tce_space_info(space, &si);
}

static int calls_made(void)
{
	struct tce_calls c;

	return tce_calls(&c);
}

static int borrow(void)
{
	int fd;

	return tce_space_device(space, DEV_A, &fd);
}

static void ignore(const struct tce_defect *d, void *arg)
{
}

static int probe(void)
{
	return tce_probe(DEV_B, ignore, NULL);
}

static int reclaim(void)
{
	return tce_reclaim(va, MIB(4)) == -ENOENT ? 0 : -1;
}

static int open_it(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};

	return tce_space_open(DEV_A, &opts, &space);
}

/* In an order in which each works; unmap and release are there for what comes before them. */
static const struct call in_turn[] = {
	{"map twice", twice},	  {"unmap", unmap},	 {"a stale hint", stale},
	{"small maps", small},	  {"watch", watch},	 {"unwatch", unwatch},
	{"release", release},	  {"dma_map", dma_map},	 {"runs", runs},
	{"dma_unmap", dma_unmap}, {"register", reg},	 {"map", map},
	{"discard", discard},	  {"evict", evict},	 {"regions", regions},
	{"info", info},		  {"calls", calls_made}, {"borrow", borrow},
	{"windows", list},	  {"remove", drop},	 {"create", create},
	{"audit", tce_audit},	  {"close", close_it},	 {"probe", probe},
	{"reclaim", reclaim},	  {"open", open_it},	 {"close", close_it},
};
enum { TURNS = sizeof(in_turn) / sizeof(in_turn[0]) };

/* Do the first calls, and one more that needs the lock that the last of them held. */
static void up_to(const void *arg)
{
	const unsigned *n = arg;

	begin_time();
	machine(&model_p9);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(reg());
	assert_ok(map());
	for (unsigned i = 0; i <= *n; i++)
		if (in_turn[i].call())
			fail_msg("%s answered: %s", in_turn[i].name, tce_error());
	assert_ok(tce_audit());
}

static void every_call_comes_back(void)
{
	for (unsigned i = 0; i < TURNS; i++)
		assert_status(child_status(up_to, &i), 0, in_turn[i].name);
}

/* A window at 0 has a hole in it, which a search for room passes. */
static void past_the_hole(const void *arg)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2), .identity = GIB(1024) - 1};

	begin_time();
	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &opts, &space));
	assert_ok(list());
	assert_ok(close_it());
}

static void the_hole_is_passed(void)
{
	assert_status(child_status(past_the_hole, NULL), 0, "a list of windows");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(every_call_comes_back),	leaving_test(nobody_asks_for_ever),
		leaving_test(nobody_waits_for_himself), leaving_test(evict_ends_in_time),
		leaving_test(the_hole_is_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
