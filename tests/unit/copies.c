/* SPDX-License-Identifier: BSD-3-Clause */
/* Two copies of the library in one process: the second refuses to start, with a sentence. */
#include <dlfcn.h>
#include <unistd.h>

#include "fixture.h"

struct copy {
	int (*list)(struct tce_region_info *info, size_t *n);
	const char *(*error)(void);
};

static void *symbol(void *lib, const char *name)
{
	void *at = dlsym(lib, name);

	if (!at)
		fail_msg("no %s: %s", name, dlerror());
	return at;
}

static struct copy load(void)
{
	/* A name space of its own: its variables are not those of another copy. */
	void *lib = dlmopen(LM_ID_NEWLM, getenv("TCE_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
	struct copy copy;

	if (!lib)
		fail_msg("no library: %s", dlerror());
	*(void **)&copy.list = symbol(lib, "tce_region_list");
	*(void **)&copy.error = symbol(lib, "tce_error");
	return copy;
}

/* The static copy, which this test is linked against, is at work; the shared one comes second. */
static void static_then_shared(void)
{
	struct copy second = load();
	size_t n = 7;

	assert_ok(tce_region_list(NULL, &(size_t){0}));
	assert_int_equal(second.list(NULL, &n), -EEXIST);
	assert_int_equal(n, 7);
	assert_non_null(strstr(second.error(), "second copy"));
	assert_int_equal(second.list(NULL, &n), -EEXIST);
	assert_ok(tce_region_list(NULL, &(size_t){0}));
}

static void shared_then_static(void)
{
	struct copy first = load();
	size_t n = 0;

	assert_int_equal(first.list(NULL, &n), 0);
	assert_int_equal(tce_region_list(NULL, &n), -EEXIST);
	assert_sentence("second copy");
	n = 0;
	assert_int_equal(first.list(NULL, &n), 0);
}

static void two_shared(void)
{
	struct copy first = load(), second = load();
	size_t n = 0;

	assert_int_equal(first.list(NULL, &n), 0);
	assert_int_equal(second.list(NULL, &n), -EEXIST);
}

static struct copy lone;

static void child_of_the_first(const void *arg)
{
	size_t n = 0;

	assert_int_equal(tce_region_list(NULL, &n), -EPERM);
	/* A copy that begins in the child is the only one at work there. */
	assert_int_equal(lone.list(NULL, &n), 0);
}

static void a_child_is_another_process(void)
{
	size_t n = 0;

	lone = load();
	assert_ok(tce_region_list(NULL, &n));
	in_child(child_of_the_first, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(static_then_shared),
		leaving_test(shared_then_static),
		leaving_test(two_shared),
		leaving_test(a_child_is_another_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
