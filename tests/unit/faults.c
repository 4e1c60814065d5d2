/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fail the n-th kernel call of an operation, for every n, with a negative errno and with a positive
 * return; then compare the whole state with before (I4), and do the operation again.
 */
#include <unistd.h>

#include "fixture.h"

struct world {
	struct tce_space *space;
	char *va, *more;
	tce_iova_t iova;
	int group, container;
};

/* An operation that changes nothing when it fails, and the world in which it starts. */
struct operation {
	const char *name;
	void (*build)(struct world *w);
	int (*run)(struct world *w);
};

static const struct tce_space_options opts = {.mem = GIB(1), .page = 2 << 20};
static const struct model_platform *platform;

static void build_nothing(struct world *w)
{
	machine(platform);
	w->va = model_alloc(MIB(8), MIB(2));
	w->more = model_alloc(MIB(8), MIB(2));
}

static void build_space(struct world *w)
{
	build_nothing(w);
	w->space = open_space(DEV_A, GIB(1));
}

static void build_regions(struct world *w)
{
	build_space(w);
	assert_ok(tce_register(w->va, MIB(4), MIB(2)));
	assert_ok(tce_register(w->va + MIB(4), MIB(4), MIB(2)));
}

static void build_mapped(struct world *w)
{
	build_regions(w);
	w->iova = TCE_IOVA_ANY;
	assert_ok(tce_map(w->space, w->va, MIB(8), NULL, &w->iova));
}

static void build_given(struct world *w)
{
	build_nothing(w);
	assert_ok(tce_kernel_model.container_open(&w->container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &w->group));
}

static int run_open(struct world *w)
{
	return tce_space_open(DEV_A, &opts, &w->space);
}

static int run_open_alone(struct world *w)
{
	struct tce_space_options identity = opts;

	identity.identity = GIB(1024);
	return tce_space_open(DEV_A, &identity, &w->space);
}

static int run_adopt(struct world *w)
{
	return tce_space_adopt(w->group, w->container, &opts, &w->space);
}

static int run_device(struct world *w)
{
	int fd;

	return tce_space_device(w->space, DEV_A, &fd);
}

static int run_map(struct world *w)
{
	w->iova = TCE_IOVA_ANY;
	return tce_map(w->space, w->va, MIB(8), NULL, &w->iova);
}

static int run_dma_map(struct world *w)
{
	w->iova = TCE_IOVA_ANY;
	return tce_dma_map(w->space, w->va, MIB(8), NULL, &w->iova);
}

static int run_unmap(struct world *w)
{
	return tce_unmap(w->space, w->iova, MIB(8));
}

static int run_create(struct world *w)
{
	return tce_window_create(w->space, KIB(64), GIB(64), 1, NULL);
}

static void build_one_window(struct world *w)
{
	struct tce_space_options none = {.no_windows = true};

	build_nothing(w);
	assert_ok(tce_space_open(DEV_A, &none, &w->space));
	/* The first CREATE makes the default window, too (R22): have that behind us. */
	assert_ok(tce_window_create(w->space, KIB(64), GIB(64), 1, NULL));
	assert_ok(tce_window_remove(w->space, UINT64_C(1) << 59));
}

static int run_remove(struct world *w)
{
	return tce_window_remove(w->space, window_start(w->space, MIB(2)));
}

static const struct operation operations[] = {
	{"open", build_nothing, run_open},
	{"adopt", build_given, run_adopt},
	{"borrow a device", build_space, run_device},
	{"map two regions", build_regions, run_map},
	{"dma_map", build_space, run_dma_map},
	{"unmap", build_mapped, run_unmap},
	{"create a window", build_one_window, run_create},
	{"remove a window", build_space, run_remove},
};

static const struct operation open_alone = {"open in place of the default window", build_nothing,
					    run_open_alone};

enum { THROUGH = 42 }; /* fewer calls than n */

struct trial {
	const struct operation *op;
	const struct model_platform *platform;
	unsigned n;
	int ret;
};

/* In the child: build, fail the n-th call, compare, and do it again without a fault. */
static void try_one(const void *arg)
{
	const struct trial *t = arg;
	struct world w = {.group = -1, .container = -1};
	char *was, *is;
	int ret;

	platform = t->platform;
	t->op->build(&w);
	was = describe();
	model_fail(MODEL_ANY, t->n, t->ret);
	ret = t->op->run(&w);
	if (!model_failed())
		_exit(THROUGH);
	if (!ret) {
		/* A question whose answer it can do without: then all of it has to be done. */
		assert_sound();
		_exit(0);
	}
	assert_true(ret < 0);
	assert_true(strlen(tce_error()) > 10);
	if (model_failed_op() == MODEL_MAP && t->ret != -EINVAL) {
		/* The hardware may have failed: that region is in quarantine, see quarantine.c. */
		assert_sentence("quarantine");
		assert_sound();
		_exit(0);
	}
	is = describe();
	if (strcmp(was, is))
		fail_msg("%s, call %u failing with %d (%s)\nbefore:\n%s\nafter:\n%s", t->op->name,
			 t->n, t->ret, tce_error(), was, is);
	free(was);
	free(is);
	assert_sound();
	assert_no_leak();
	if (t->op->run(&w))
		fail_msg("%s, after a failure of call %u with %d: %s", t->op->name, t->n, t->ret,
			 tce_error());
	assert_sound();
}

static unsigned sweep(const struct operation *op, const struct model_platform *p, int ret)
{
	unsigned n;

	for (n = 1; n < 1000; n++) {
		struct trial t = {.op = op, .platform = p, .n = n, .ret = ret};

		int status = child_status(try_one, &t);

		if (status == THROUGH)
			return n - 1;
		if (status)
			fail_msg("%s on %s, call %u answering %d: the test ended with %d", op->name,
				 p->name, n, ret, status);
	}
	fail_msg("%s does not come to an end", op->name);
	return 0;
}

static void sweep_all(const struct model_platform *p, int ret)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		assert_true(sweep(&operations[i], p, ret) > 0);
}

static void errno_on_an_lpar(void)
{
	sweep_all(&model_lpar, -EIO);
	sweep_all(&model_lpar, -ENOMEM);
}

static void errno_on_bare_metal(void)
{
	sweep_all(&model_p9, -EINVAL);
	assert_true(sweep(&open_alone, &model_p9, -ENOMEM) > 0);
}

static void positive_on_an_lpar(void)
{
	sweep_all(&model_lpar, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(errno_on_an_lpar),
		leaving_test(errno_on_bare_metal),
		leaving_test(positive_on_an_lpar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
