/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fail the n-th request for memory that the library makes in an operation, for every n: -ENOMEM, a
 * sentence, nothing changed, nothing leaked, and the operation works afterwards. The library is
 * built for this with other names for the functions that give memory.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "operations.h"

static unsigned fail_in;
static bool failed;

static void arm(unsigned n)
{
	fail_in = n;
	failed = false;
}

static bool fails(void)
{
	if (!fail_in || --fail_in)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *oom_malloc(size_t size);
void *oom_calloc(size_t n, size_t size);
void *oom_realloc(void *p, size_t size);
void *oom_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int oom_mprotect(void *at, size_t len, int prot);
int oom_memfd_create(const char *name, unsigned flags);
int oom_ftruncate(int fd, off_t len);
int oom_madvise(void *at, size_t len, int advice);

void *oom_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

void *oom_calloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n, size);
}

void *oom_realloc(void *p, size_t size)
{
	return fails() ? NULL : realloc(p, size);
}

void *oom_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : mmap(at, len, prot, flags, fd, offset);
}

int oom_mprotect(void *at, size_t len, int prot)
{
	return fails() ? -1 : mprotect(at, len, prot);
}

int oom_memfd_create(const char *name, unsigned flags)
{
	return fails() ? -1 : memfd_create(name, flags);
}

int oom_ftruncate(int fd, off_t len)
{
	return fails() ? -1 : ftruncate(fd, len);
}

int oom_madvise(void *at, size_t len, int advice)
{
	return fails() ? -1 : madvise(at, len, advice);
}

enum { THROUGH = 42 }; /* fewer requests than n */

struct trial {
	const struct operation *op;
	const struct model_platform *platform;
	unsigned n;
};

static void try_one(const void *arg)
{
	const struct trial *t = arg;
	struct world w = {.platform = t->platform, .group = -1, .container = -1};
	char *was, *is;
	int ret;

	t->op->build(&w);
	was = describe();
	arm(t->n);
	ret = t->op->run(&w);
	if (!failed)
		_exit(THROUGH);
	if (ret) {
		if (ret != -ENOMEM)
			fail_msg("answered %d: %s", ret, tce_error());
		assert_sentence("memory");
		is = describe();
		assert_string_equal(was, is);
		free(is);
		assert_no_leak();
		assert_ok(t->op->run(&w));
	}
	free(was);
	assert_sound();
}

static unsigned sweep(const struct operation *op, const struct model_platform *platform)
{
	for (unsigned n = 1; n < 1000; n++) {
		struct trial t = {.op = op, .platform = platform, .n = n};
		int status = child_status(try_one, &t);

		if (status == THROUGH)
			return n - 1;
		if (status)
			fail_msg("%s on %s, request %u: the test ended with %d", op->name,
				 platform->name, n, status);
	}
	fail_msg("%s does not come to an end", op->name);
	return 0;
}

static void every_operation(void)
{
	unsigned asked = 0;

	for (size_t i = 0; i < n_operations; i++)
		asked += sweep(&operations[i], &model_lpar);
	asked += sweep(&open_alone, &model_p9);
	/* So many at least, or the names above do not reach the library any more. */
	assert_true(asked > 20);
}

/* The first call of all makes the process the owner. */
static void first_call(const void *arg)
{
	const unsigned *n = arg;
	size_t regions = 0;
	int ret;

	machine(&model_lpar);
	arm(*n);
	ret = tce_region_list(NULL, &regions);
	if (!failed)
		_exit(THROUGH);
	assert_int_equal(ret, -ENOMEM);
	assert_ok(tce_region_list(NULL, &regions));
}

static void becoming_the_owner(void)
{
	unsigned n = 1;
	int status;

	while (!(status = child_status(first_call, &n)))
		n++;
	assert_int_equal(status, THROUGH);
	assert_true(n > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(every_operation),
		leaving_test(becoming_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
