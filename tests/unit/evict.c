/* SPDX-License-Identifier: BSD-3-Clause */
/* Evict: everybody lets go and the memory is free, or in time nobody notices. */
#include <pthread.h>
#include <stdatomic.h>

#include "fixture.h"

/* A driver of the test's: lets go at the n-th time that it is asked; 0: never. */
struct asked {
	struct tce_driver driver;
	struct tce_space *space;
	unsigned at, quiesced, resumed;
	bool found; /* the memory was still found while it was asked */
};

static int quiesce(void *va, size_t len, void *arg)
{
	struct asked *a = arg;
	tce_iova_t iova;

	a->found |= !tce_iova(a->space, va, len, &iova, NULL);
	return ++a->quiesced == a->at ? 0 : -EAGAIN;
}

static void resume(void *va, size_t len, void *arg)
{
	((struct asked *)arg)->resumed++;
}

static void begin(struct asked *a, struct tce_space *space, unsigned at)
{
	*a = (struct asked){.driver = {quiesce, resume, a}, .space = space, .at = at};
}

struct scene {
	struct tce_space *a, *b;
	tce_iova_t in_a, in_b, alias;
	char *va;
};

/* A region in two spaces, in one of them twice. */
static void set(struct scene *s)
{
	machine(&model_lpar);
	s->a = open_space(DEV_A, GIB(1));
	s->b = open_space(DEV_B, GIB(1));
	s->va = model_alloc(MIB(16), MIB(2));
	s->in_a = s->in_b = s->alias = TCE_IOVA_ANY;
	assert_ok(tce_register(s->va, MIB(16), MIB(2)));
	assert_ok(tce_map(s->a, s->va, MIB(16), NULL, &s->in_a));
	assert_ok(tce_map(s->a, s->va, MIB(4), NULL, &s->alias));
	assert_ok(tce_map(s->b, s->va, MIB(16), NULL, &s->in_b));
}

static void strike(struct scene *s)
{
	assert_ok(tce_space_close(s->a, DEV_A));
	assert_ok(tce_space_close(s->b, DEV_B));
	model_free(s->va, MIB(16));
}

static void all_let_go(void)
{
	struct asked first, second;
	struct scene s;

	set(&s);
	begin(&first, s.a, 1);
	begin(&second, s.b, 3);
	assert_ok(tce_watch(s.va, MIB(16), &first.driver));
	assert_ok(tce_watch(s.va, MIB(16), &second.driver));
	assert_ok(tce_evict(s.va, MIB(16), 10000));
	assert_int_equal(first.quiesced, 1);
	assert_int_equal(second.quiesced, 3);
	assert_int_equal(first.resumed + second.resumed, 0);
	assert_false(first.found || second.found);
	assert_false(model_pinned(s.va));
	assert_sound();
	strike(&s);
}

static void one_does_not(void)
{
	struct asked first, second, third;
	struct before bf;
	tce_iova_t iova;
	struct scene s;

	set(&s);
	begin(&first, s.a, 1);
	begin(&second, s.a, 0);
	begin(&third, s.b, 1);
	assert_ok(tce_watch(s.va, MIB(16), &first.driver));
	assert_ok(tce_watch(s.va, MIB(16), &second.driver));
	assert_ok(tce_watch(s.va, MIB(16), &third.driver));
	before(&bf);
	assert_refused(&bf, tce_evict(s.va, MIB(16), 5), -ETIMEDOUT);
	assert_sentence("did not let go");
	assert_int_equal(first.resumed, 1);
	assert_int_equal(second.resumed, 1);
	assert_int_equal(third.quiesced + third.resumed, 0);
	assert_ok(tce_iova(s.a, s.va + MIB(1), 1, &iova, NULL));
	assert_ok(tce_unwatch(s.va, MIB(16), &second.driver));
	begin(&first, s.a, 1);
	assert_ok(tce_evict(s.va, MIB(16), 10000));
	strike(&s);
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
		;
	tce_read_end();
	return NULL;
}

static void a_reader_does_not(void)
{
	struct reader r = {0};
	struct before bf;
	struct scene s;
	pthread_t t;

	set(&s);
	assert_int_equal(pthread_create(&t, NULL, read_on, &r), 0);
	while (!r.begun)
		;
	before(&bf);
	assert_refused(&bf, tce_evict(s.va, MIB(16), 5), -ETIMEDOUT);
	assert_sentence("reader");
	r.end = 1;
	pthread_join(t, NULL);
	tce_read_begin();
	before(&bf);
	assert_refused(&bf, tce_evict(s.va, MIB(16), 5), -EDEADLK);
	tce_read_end();
	assert_ok(tce_evict(s.va, MIB(16), 10000));
	strike(&s);
}

static void what_is_not_there(void)
{
	struct asked a;
	struct before bf;
	struct scene s;

	set(&s);
	begin(&a, s.a, 1);
	before(&bf);
	assert_refused(&bf, tce_evict(s.va, MIB(8), 5), -ENOENT);
	before(&bf);
	assert_refused(&bf, tce_watch(s.va + MIB(2), MIB(14), &a.driver), -ENOENT);
	before(&bf);
	assert_refused(&bf, tce_unwatch(s.va, MIB(16), &a.driver), -ENOENT);
	assert_ok(tce_evict(s.va, MIB(16), 0));
	before(&bf);
	assert_refused(&bf, tce_evict(s.va, MIB(16), 0), -ENOENT);
	strike(&s);
}

/* Half of it was discarded before: what is left goes all the same. */
static void an_ending_region(void)
{
	struct scene s;

	set(&s);
	assert_ok(tce_discard(s.va, MIB(8)));
	assert_ok(tce_evict(s.va, MIB(16), 10000));
	assert_false(model_pinned(s.va));
	assert_sound();
	strike(&s);
}

/* The kernel refuses an unmap in the middle: quarantine, and what it kept is still found. */
static void the_kernel_refuses(void)
{
	struct tce_region_info info;
	size_t n = 1;
	struct scene s;

	set(&s);
	model_fail(MODEL_UNMAP, 2, -EIO);
	assert_int_equal(tce_evict(s.va, MIB(16), 10000), -EIO);
	assert_true(model_failed());
	assert_sentence("quarantine");
	assert_ok(tce_region_list(&info, &n));
	assert_int_equal(n, 1);
	assert_true(info.quarantined);
	assert_sound();
	assert_int_equal(tce_space_close(s.a, DEV_A), -EIO);
	assert_int_equal(tce_space_close(s.b, DEV_B), -EIO);
}

/*
 * The same where memory that is mapped twice was found by the first TCEs to go: the others, which
 * the kernel keeps, are found then.
 */
static void the_kernel_keeps_the_other(void)
{
	struct scene s;

	set(&s);
	assert_true(s.in_a < s.alias);
	assert_ok(tce_unmap(s.a, s.in_a, MIB(16)));
	assert_ok(tce_map(s.a, s.va, MIB(16), NULL, &s.in_a));
	assert_true(s.in_a < s.alias);
	model_fail(MODEL_UNMAP, 2, -EIO);
	assert_int_equal(tce_evict(s.va, MIB(16), 10000), -EIO);
	assert_true(model_failed());
	assert_sound();
	assert_int_equal(tce_space_close(s.a, DEV_A), -EIO);
	assert_int_equal(tce_space_close(s.b, DEV_B), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(all_let_go),
		whole_test(one_does_not),
		whole_test(a_reader_does_not),
		whole_test(what_is_not_there),
		whole_test(an_ending_region),
		leaving_test(the_kernel_refuses),
		leaving_test(the_kernel_keeps_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
