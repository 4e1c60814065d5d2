/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way out of quarantine: open when the kernel has let go, shut when it has not, and told apart
 * by locked memory alone. Each in a child of its own.
 */
#include "fixture.h"

struct world {
	struct tce_space *space;
	char *va;
	tce_iova_t iova;
};

static void build(struct world *w)
{
	machine(&model_lpar);
	w->space = open_space(DEV_A, GIB(1));
	w->va = model_alloc(MIB(8), MIB(2));
	w->iova = TCE_IOVA_ANY;
	assert_ok(tce_register(w->va, MIB(8), MIB(2)));
	assert_ok(tce_map(w->space, w->va, MIB(8), NULL, &w->iova));
}

/* In quarantine: UNREGISTER was refused once. */
static void build_refused(struct world *w)
{
	build(w);
	assert_ok(tce_unmap(w->space, w->iova, MIB(8)));
	model_fail(MODEL_UNENROLL, 1, -EBUSY);
	assert_int_equal(tce_release(w->va, MIB(8), NULL, NULL), -EIO);
}

static size_t regions(void)
{
	size_t n = 0;

	assert_ok(tce_region_list(NULL, &n));
	return n;
}

static struct tce_region_info the_region(void)
{
	struct tce_region_info info;
	size_t n = 1;

	assert_ok(tce_region_list(&info, &n));
	assert_int_equal(n, 1);
	return info;
}

/* It is out, its memory is free, and can be registered and mapped as any other. */
static void assert_out(struct world *w)
{
	assert_ok(tce_reclaim(w->va, MIB(8)));
	assert_int_equal(regions(), 0);
	assert_false(model_pinned(w->va));
	assert_int_equal(model_orphans(), 0);
	assert_int_equal(tce_reclaim(w->va, MIB(8)), -ENOENT);
	w->iova = TCE_IOVA_ANY;
	assert_ok(tce_dma_map(w->space, w->va, MIB(8), NULL, &w->iova));
	assert_sound();
	assert_ok(tce_dma_unmap(w->space, w->iova, MIB(8)));
	model_free(w->va, MIB(8));
	assert_ok(tce_space_close(w->space, DEV_A));
}

/* It stays, whatever is tried, and its pages stay pinned. */
static void assert_stays(struct world *w)
{
	assert_int_equal(tce_reclaim(w->va, MIB(8)), -EIO);
	assert_sentence("stays in quarantine");
	/* Nor is it given back by other ways, whichever containers have it still. */
	assert_int_equal(tce_release(w->va, MIB(8), NULL, NULL), -EIO);
	assert_int_equal(tce_evict(w->va, MIB(8), 0), -EIO);
	assert_true(the_region().quarantined);
	assert_true(model_pinned(w->va));
	assert_ok(tce_audit());
}

/* UNMAP was refused once. */
static void an_unmap_that_was_refused(const void *arg)
{
	struct world w;

	(void)arg;
	build(&w);
	model_fail(MODEL_UNMAP, 1, -EIO);
	assert_int_equal(tce_evict(w.va, MIB(8), 1000), -EIO);
	assert_int_equal(tce_reclaim(w.va, MIB(8)), -EBUSY);
	assert_sentence("4 TCEs still point into it");
	assert_int_equal(tce_reclaim(w.va, MIB(4)), -ENOENT);
	assert_ok(tce_unmap(w.space, w.iova, MIB(8)));
	assert_true(the_region().quarantined);
	assert_out(&w);
}

/* UNREGISTER was refused once. */
static void an_unregister_that_was_refused(const void *arg)
{
	struct world w;

	(void)arg;
	build_refused(&w);
	/* And again: it stays, nothing is guessed. */
	model_fail(MODEL_UNENROLL, 1, -EBUSY);
	assert_stays(&w);
	assert_int_equal(model_orphans(), 0);
	assert_out(&w);
}

/* The kernel answered 0 and kept the pages: no way back, by this space or another one. */
static void an_orphan(const void *arg)
{
	struct world w;

	(void)arg;
	build(&w);
	model_fail_clear(2);
	assert_ok(tce_unmap(w.space, w.iova, MIB(8)));
	assert_int_equal(tce_release(w.va, MIB(8), NULL, NULL), -EIO);
	assert_int_equal(model_orphans(), 1);
	assert_stays(&w);
	assert_stays(&w);
	(void)tce_space_close(w.space, DEV_A);
	assert_int_equal(tce_reclaim(w.va, MIB(8)), -EAGAIN);
	assert_sentence("no space is open");
	w.space = open_space(DEV_B, GIB(1));
	assert_stays(&w);
	assert_int_equal(model_orphans(), 1);
	assert_ok(tce_space_close(w.space, DEV_B));
}

/* MAP failed in the hardware, and the kernel has lost count of the region's TCEs. */
static void a_lost_count(const void *arg)
{
	struct world w;

	(void)arg;
	build(&w);
	assert_ok(tce_unmap(w.space, w.iova, MIB(8)));
	model_fail_write(3, -EIO);
	assert_int_equal(tce_map(w.space, w.va, MIB(8), NULL, &w.iova), -EIO);
	/* One failure is told as one. */
	assert_sentence("the hardware failed");
	assert_null(strstr(tce_error(), "; and the kernel"));
	(void)tce_space_close(w.space, DEV_A);
	assert_true(the_region().quarantined);
	w.space = open_space(DEV_A, GIB(1));
	assert_stays(&w);
	assert_ok(tce_space_close(w.space, DEV_A));
	assert_true(the_region().quarantined);
}

/* The memory is gone from its VA meanwhile: whoever owns it could not wait. */
static void without_the_memory(const void *arg)
{
	struct world w;

	(void)arg;
	build_refused(&w);
	model_free(w.va, MIB(8));
	assert_true(model_lost_pages() > 0);
	assert_ok(tce_reclaim(w.va, MIB(8)));
	assert_int_equal(model_lost_pages(), 0);
	assert_int_equal(regions(), 0);
	assert_ok(tce_space_close(w.space, DEV_A));
}

static uint64_t noise;

static int noisy_locked(uint64_t *bytes)
{
	int ret = tce_kernel_model.locked(bytes);

	*bytes += noise;
	noise += noise ? 4096 : 0;
	return ret;
}

/* The kernel let go, but another thread locked memory of its own each time that it was looked at.
 */
static void a_witness_that_was_blurred(const void *arg)
{
	struct tce_kernel noisy = tce_kernel_model;
	unsigned asked;
	struct world w;

	(void)arg;
	build(&w);
	noisy.locked = noisy_locked;
	tce_use_kernel(&noisy);
	assert_ok(tce_unmap(w.space, w.iova, MIB(8)));
	noise = 4096;
	assert_int_equal(tce_release(w.va, MIB(8), NULL, NULL), -EIO);
	assert_true(the_region().quarantined);
	assert_false(model_pinned(w.va));
	/* Four looks, and no more. */
	asked = model_calls(MODEL_ENROLL);
	assert_int_equal(tce_reclaim(w.va, MIB(8)), -EIO);
	assert_sentence("the kernel has not let go of its pages");
	assert_int_equal(model_calls(MODEL_ENROLL), asked + 4);
	noise = 0;
	assert_out(&w);
}

/* Two spaces have it; both let go. */
static void of_two_spaces(const void *arg)
{
	struct tce_space *b;
	struct world w;
	tce_iova_t in_b = TCE_IOVA_ANY;

	(void)arg;
	build(&w);
	b = open_space(DEV_B, GIB(1));
	assert_ok(tce_map(b, w.va, MIB(8), NULL, &in_b));
	model_fail(MODEL_UNMAP, 1, -EIO);
	assert_int_equal(tce_discard(w.va, MIB(8)), -EIO);
	assert_int_equal(tce_space_close(w.space, DEV_A), -EIO);
	/* The other container still has it, so that the end of the first one frees nothing. */
	assert_true(the_region().quarantined);
	assert_int_equal(the_region().tces, 0);
	w.space = b;
	assert_ok(tce_reclaim(w.va, MIB(8)));
	assert_int_equal(regions(), 0);
	assert_false(model_pinned(w.va));
	assert_ok(tce_space_close(b, DEV_B));
	model_free(w.va, MIB(8));
}

/* What is in quarantine when its space closes comes out by that, all or nothing. */
static void with_the_space(const void *arg)
{
	const bool *lost = arg;
	struct world w;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *other;

	build(&w);
	other = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_dma_map(w.space, other, MIB(4), NULL, &iova));
	if (*lost)
		model_fail_clear(1);
	else
		model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_int_equal(tce_dma_unmap(w.space, iova, MIB(4)), -EIO);
	model_fail(MODEL_UNMAP, 1, -EIO);
	assert_int_equal(tce_space_close(w.space, DEV_A), -EIO);
	if (!*lost) {
		/* The one without users is gone, the other one is as it was registered. */
		assert_false(the_region().quarantined);
		assert_ptr_equal(the_region().va, w.va);
		assert_ok(tce_release(w.va, MIB(8), NULL, NULL));
		return;
	}
	/* Which of the two locked memory fell by is not guessed; asked one by one, they tell. */
	assert_int_equal(regions(), 2);
	w.space = open_space(DEV_A, GIB(1));
	assert_int_equal(tce_reclaim(other, MIB(4)), -EIO);
	assert_ok(tce_reclaim(w.va, MIB(8)));
	assert_true(the_region().quarantined);
	assert_ok(tce_space_close(w.space, DEV_A));
}

/* What the kernel answers to the question is told; asked once, and nothing is concluded. */
static void a_question_that_is_refused(const void *arg)
{
	unsigned asked;
	struct world w;

	(void)arg;
	build_refused(&w);
	asked = model_calls(MODEL_ENROLL);
	model_fail(MODEL_ENROLL, 1, -ENOMEM);
	assert_int_equal(tce_reclaim(w.va, MIB(8)), -EIO);
	assert_sentence("stays in quarantine: ENOMEM");
	assert_true(the_region().quarantined);
	assert_int_equal(model_calls(MODEL_ENROLL), asked + 1);
	assert_out(&w);
}

static void what_the_kernel_lets_go_of(void)
{
	static const bool not_lost;

	in_child(an_unmap_that_was_refused, NULL);
	in_child(an_unregister_that_was_refused, NULL);
	in_child(without_the_memory, NULL);
	in_child(a_witness_that_was_blurred, NULL);
	in_child(of_two_spaces, NULL);
	in_child(a_question_that_is_refused, NULL);
	in_child(with_the_space, &not_lost);
}

static void what_the_kernel_keeps(void)
{
	static const bool lost = true;

	in_child(an_orphan, NULL);
	in_child(a_lost_count, NULL);
	in_child(with_the_space, &lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(what_the_kernel_lets_go_of),
		leaving_test(what_the_kernel_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
