/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fail the n-th kernel call of an operation, for every n, with a negative errno and with a positive
 * return; then compare the whole state with before (I4), and do the operation again.
 */
#include <unistd.h>

#include "operations.h"

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
	struct world w = {.platform = t->platform, .group = -1, .container = -1};
	char *was, *is;
	int ret;

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
	unsigned asked = 0;

	for (size_t i = 0; i < n_operations; i++)
		asked += sweep(&operations[i], p, ret);
	assert_true(asked > 30);
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
