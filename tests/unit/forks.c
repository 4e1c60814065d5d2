/* SPDX-License-Identifier: BSD-3-Clause */
/* Children come into being while other threads map and unmap: nothing of it is theirs. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum { THREADS = 3, CHILDREN = 60 };

static struct tce_space *space;
static _Atomic bool over;
static _Atomic unsigned rounds;

struct mapper {
	pthread_t thread;
	char *va;
	int failed; /* what a call answered that must not fail */
};

static void *map_on(void *arg)
{
	struct mapper *m = arg;

	while (!over && !m->failed) {
		tce_iova_t iova = TCE_IOVA_ANY, back;

		m->failed = tce_dma_map(space, m->va, MIB(4), NULL, &iova);
		if (!m->failed)
			m->failed = tce_iova(space, m->va, 1, &back, NULL);
		if (!m->failed)
			m->failed = tce_dma_unmap(space, iova, MIB(4));
		rounds++;
	}
	return NULL;
}

/* What a child may find: no mapping, no descriptor, and an answer from every call. */
static int look(const struct mapper *mapper)
{
	tce_iova_t iova = TCE_IOVA_ANY;

	for (unsigned i = 0; i < THREADS; i++) {
		if (tce_iova(space, mapper[i].va, 1, &iova, NULL) != -ENOENT)
			return 1;
		if (tce_dma_map(space, mapper[i].va, MIB(4), NULL, &iova) != -EPERM)
			return 2;
	}
	if (tce_space_close(space, DEV_A) != -EPERM || tce_audit() != -EPERM)
		return 3;
	return model_fds() ? 4 : 0;
}

static void while_others_map(void)
{
	struct mapper mapper[THREADS] = {0};
	unsigned before;

	machine(lpar_here());
	space = open_space(DEV_A, GIB(1));
	/* The model itself has no lock: only calls of the library may meet in it. */
	for (unsigned i = 0; i < THREADS; i++)
		mapper[i].va = model_alloc(MIB(4), MIB(2));
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&mapper[i].thread, NULL, map_on, &mapper[i]), 0);
	for (unsigned n = 0; n < CHILDREN; n++) {
		int status;
		pid_t child;

		/* Between two children the others get on, so that each finds another state. */
		for (before = rounds; rounds < before + THREADS;)
			sched_yield();
		child = fork();
		if (!child)
			_exit(look(mapper));
		assert_true(child > 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_status(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), 0,
			      "a child");
	}
	over = true;
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(mapper[i].thread, NULL), 0);
		assert_int_equal(mapper[i].failed, 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		model_free(mapper[i].va, MIB(4));
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(while_others_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
