/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel does not let us undo: memory that it may still reach is shown, never given back,
 * never mapped again (I4, I5). Each in a child of its own, since quarantine lasts.
 */
#include "fixture.h"

struct world {
	struct tce_space *space;
	char *va;
	tce_iova_t iova;
};

static void build(struct world *w, const struct model_platform *platform, bool mapped)
{
	machine(platform);
	w->space = open_space(DEV_A, GIB(1));
	w->va = model_alloc(MIB(8), MIB(2));
	w->iova = TCE_IOVA_ANY;
	assert_ok(tce_register(w->va, MIB(8), MIB(2)));
	if (mapped)
		assert_ok(tce_map(w->space, w->va, MIB(8), NULL, &w->iova));
}

static struct tce_region_info the_region(void)
{
	struct tce_region_info info;
	size_t n = 1;

	assert_ok(tce_region_list(&info, &n));
	assert_int_equal(n, 1);
	return info;
}

/* It is shown, cannot be mapped, released or registered anew, and its pages stay pinned. */
static void assert_quarantined(struct world *w)
{
	tce_iova_t any = TCE_IOVA_ANY;

	assert_true(the_region().quarantined);
	assert_ptr_equal(the_region().va, w->va);
	assert_true(model_pinned(w->va));
	assert_int_equal(tce_map(w->space, w->va, MIB(2), NULL, &any), -ESTALE);
	assert_sentence("quarantine");
	assert_int_equal(tce_dma_map(w->space, w->va, MIB(2), NULL, &any), -ESTALE);
	assert_int_equal(tce_release(w->va, MIB(8), NULL, NULL), -EIO);
	assert_sentence("quarantine");
	assert_true(tce_register(w->va, MIB(8), MIB(2)) < 0);
	assert_true(tce_register(w->va + MIB(2), MIB(2), MIB(2)) < 0);
	assert_true(the_region().quarantined);
	assert_ok(tce_audit());
}

/* R25: a MAP that fails in the hardware half-way. No TCE is left, the region can never go. */
static void map_fails_in_the_hardware(const void *arg)
{
	const int *ret = arg;
	struct world w;
	char byte;

	build(&w, &model_lpar, false);
	model_fail_write(3, *ret);
	assert_int_equal(tce_map(w.space, w.va, MIB(8), NULL, &w.iova), -EIO);
	assert_int_equal(w.iova, TCE_IOVA_ANY);
	assert_sentence("quarantine");
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_sound();
	assert_int_equal(model_device_read(GROUP_A, window_start(w.space, MIB(2)), &byte, 1),
			 -EFAULT);
	assert_quarantined(&w);
	/* The space is as good as before for other memory, and closes. */
	w.va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_dma_map(w.space, w.va, MIB(2), NULL, &w.iova));
	assert_ok(tce_dma_unmap(w.space, w.iova, MIB(2)));
	(void)tce_space_close(w.space, DEV_A);
	assert_true(the_region().quarantined);
}

static void a_map_that_the_hardware_fails(void)
{
	/* R24: a hypervisor's code looks like an errno: H_HARDWARE, H_PARAMETER. */
	static const int rets[] = {-EIO, -1, -4, -EBUSY, -ENOMEM, 1};

	for (size_t i = 0; i < sizeof(rets) / sizeof(rets[0]); i++)
		in_child(map_fails_in_the_hardware, &rets[i]);
}

/* R25: a TCE that UNMAP did not clear and did not tell of. UNREGISTER says 0: VmLck tells (R26). */
static void an_unmap_that_lies(const void *arg)
{
	struct world w;

	build(&w, &model_lpar, true);
	model_fail_clear(2);
	assert_ok(tce_unmap(w.space, w.iova, MIB(8)));
	assert_int_equal(tce_release(w.va, MIB(8), NULL, NULL), -EIO);
	assert_sentence("quarantine");
	assert_int_equal(model_orphans(), 1);
	assert_quarantined(&w);
}

/* The same kernel call on kernels that answer EBUSY. */
static void an_unmap_that_lies_before_5_0(const void *arg)
{
	struct world w;

	build(&w, &model_lpar, true);
	model_set_quirks((struct model_quirks){.busy_unenroll = true});
	model_fail_clear(2);
	assert_ok(tce_unmap(w.space, w.iova, MIB(8)));
	assert_int_equal(tce_release(w.va, MIB(8), NULL, NULL), -EIO);
	assert_quarantined(&w);
}

static void the_witness(void)
{
	in_child(an_unmap_that_lies, NULL);
	in_child(an_unmap_that_lies_before_5_0, NULL);
}

static void unenroll_fails(const void *arg)
{
	const int *ret = arg;
	struct world w;

	build(&w, &model_p9, true);
	assert_ok(tce_unmap(w.space, w.iova, MIB(8)));
	model_fail(MODEL_UNENROLL, 1, *ret);
	assert_int_equal(tce_release(w.va, MIB(8), NULL, NULL), -EIO);
	assert_quarantined(&w);
}

static void an_unregister_that_fails(void)
{
	static const int rets[] = {-ENOENT, -EBUSY, -EINVAL, 1};

	for (size_t i = 0; i < sizeof(rets) / sizeof(rets[0]); i++)
		in_child(unenroll_fails, &rets[i]);
}

/* dma_unmap and discard end regions, too: the same holds. */
static void dma_unmap_cannot_let_go(const void *arg)
{
	struct world w;

	machine(&model_lpar);
	w.space = open_space(DEV_A, GIB(1));
	w.va = model_alloc(MIB(8), MIB(2));
	w.iova = TCE_IOVA_ANY;
	assert_ok(tce_dma_map(w.space, w.va, MIB(8), NULL, &w.iova));
	model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_int_equal(tce_dma_unmap(w.space, w.iova, MIB(8)), -EIO);
	assert_sentence("quarantine");
	assert_true(the_region().quarantined);
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_sound();
}

static void discard_cannot_clear(const void *arg)
{
	struct world w;
	tce_iova_t any = TCE_IOVA_ANY;

	build(&w, &model_lpar, true);
	model_fail(MODEL_UNMAP, 1, -EIO);
	assert_int_equal(tce_discard(w.va + MIB(2), MIB(2)), -EIO);
	assert_true(the_region().quarantined);
	assert_sound();
	assert_int_equal(tce_map(w.space, w.va, MIB(2), NULL, &any), -ESTALE);
}

/* What one space keeps, the other one loses all the same. */
static void discard_in_two_spaces(const void *arg)
{
	struct world w;
	struct tce_space *b;
	tce_iova_t in_b = TCE_IOVA_ANY;

	build(&w, &model_lpar, true);
	b = open_space(DEV_B, GIB(1));
	assert_ok(tce_map(b, w.va, MIB(8), NULL, &in_b));
	model_fail(MODEL_UNMAP, 1, -EIO);
	assert_int_equal(tce_discard(w.va + MIB(2), MIB(2)), -EIO);
	assert_sentence("the TCEs stay in use");
	assert_true(the_region().quarantined);
	assert_int_equal(the_region().dead, MIB(2));
	assert_int_equal(tce_iova(w.space, w.va + MIB(2), 1, &in_b, NULL), 0);
	assert_int_equal(tce_iova(b, w.va + MIB(2), 1, &in_b, NULL), -ENOENT);
	assert_int_equal(model_tces(GROUP_A), 4);
	assert_int_equal(model_tces(GROUP_B), 3);
	assert_sound();
}

static void discard_cannot_let_go(const void *arg)
{
	struct world w;

	build(&w, &model_lpar, true);
	model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_ok(tce_discard(w.va, MIB(4)));
	assert_int_equal(tce_discard(w.va + MIB(4), MIB(4)), -EIO);
	assert_true(the_region().quarantined);
	assert_sound();
}

static void what_ends_by_itself(void)
{
	in_child(dma_unmap_cannot_let_go, NULL);
	in_child(discard_cannot_clear, NULL);
	in_child(discard_in_two_spaces, NULL);
	in_child(discard_cannot_let_go, NULL);
}

/* Closing takes every step, whatever fails, says so, and keeps what the kernel kept. */
static void close_fails(const void *arg)
{
	const enum model_op *op = arg;
	struct world w;
	int fd;

	build(&w, &model_lpar, true);
	assert_ok(tce_space_device(w.space, DEV_A, &fd));
	model_fail(*op, 1, -EIO);
	assert_int_equal(tce_space_close(w.space, DEV_A), -EIO);
	assert_true(model_failed());
	assert_int_equal(model_fds(), 0);
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_int_equal(tce_process.spaces, 0);
	assert_ok(tce_audit());
	/* The container's end has freed what was in quarantine, and locked memory says so. */
	assert_false(the_region().quarantined);
	assert_int_equal(the_region().spaces, 0);
	assert_false(model_pinned(w.va));
	assert_ok(tce_release(w.va, MIB(8), NULL, NULL));
	w.space = open_space(DEV_A, GIB(1));
	assert_sound();
	assert_ok(tce_space_close(w.space, DEV_A));
}

static void a_close_that_fails(void)
{
	static const enum model_op ops[] = {MODEL_DEVICE_STOP, MODEL_UNMAP, MODEL_UNENROLL,
					    MODEL_WINDOW_REMOVE};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		in_child(close_fails, &ops[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(a_map_that_the_hardware_fails),
		leaving_test(the_witness),
		leaving_test(an_unregister_that_fails),
		leaving_test(what_ends_by_itself),
		leaving_test(a_close_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
