/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes: one that dies in the middle of anything, descriptors of another one's, exec. */
#include <setjmp.h>
#include <unistd.h>

#include "fixture.h"

enum { THROUGH = 42 }; /* fewer calls than n */

static jmp_buf death;
static unsigned left;

static void die_in_time(void)
{
	if (!--left)
		longjmp(death, 1);
}

/* All that a process can do with the library, device running. */
static void live(void)
{
	tce_iova_t a = TCE_IOVA_ANY, b = TCE_IOVA_ANY, c = TCE_IOVA_ANY;
	struct tce_space *one = open_space(DEV_A, GIB(1)), *two = open_space(DEV_B, GIB(1));
	char *va = model_alloc(MIB(8), MIB(2)), *more = model_alloc(MIB(4), MIB(2));
	int fd;

	assert_ok(tce_space_device(one, DEV_A, &fd));
	model_device_run(DEV_A);
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	assert_ok(tce_map(one, va, MIB(8), NULL, &a));
	assert_ok(tce_map(two, va, MIB(8), NULL, &b));
	assert_ok(tce_dma_map(one, more, MIB(4), NULL, &c));
	assert_ok(tce_unmap(two, b, MIB(2)));
	assert_ok(tce_discard(va + MIB(2), MIB(2)));
	assert_ok(tce_dma_unmap(one, c, MIB(4)));
	model_free(more, MIB(4));
	assert_ok(tce_evict(va, MIB(8), 1000));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(two, DEV_B));
	assert_ok(tce_space_close(one, DEV_A));
}

/* Killed at the n-th call of the kernel: all is back, and the next process finds both groups free.
 */
static void killed_at(const void *arg)
{
	const struct model_platform *platform = lpar_here();
	int victim, next, fd;
	unsigned flags;

	left = *(const unsigned *)arg;
	machine(platform);
	victim = model_process();
	next = model_fork();
	if (!setjmp(death)) {
		model_on_call(die_in_time);
		live();
		_exit(THROUGH);
	}
	model_on_call(NULL);
	model_exit(victim);
	model_settle();
	model_switch(next);
	assert_int_equal(model_fds(), 0);
	assert_int_equal(model_orphans(), 0);
	assert_int_equal(model_warnings(), 0);
	assert_int_equal(model_lost_pages(), 0);
	assert_int_equal(model_tces(GROUP_A) + model_tces(GROUP_B), 0);
	assert_false(model_device_runs(DEV_A));
	assert_int_equal(model_strays() + model_stale(), 0);
	for (int group = GROUP_A; group <= GROUP_B; group++) {
		assert_int_equal(tce_kernel_model.group_open(group, &fd), 0);
		assert_int_equal(tce_kernel_model.group_flags(fd, &flags), 0);
		assert_int_equal(flags, KERNEL_GROUP_VIABLE);
		assert_int_equal(tce_kernel_model.close(fd), 0);
	}
}

static void dies_at_every_call(void)
{
	unsigned n = 1;
	int status = 0;

	for (; n < 1000 && !status; n++)
		status = child_status(killed_at, &n);
	assert_status(status, THROUGH, "a process that dies");
	assert_true(n > 60);
}

/* A container that another process works with, passed on: -EPERM, before anything is changed. */
static void descriptors_of_another_process(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};
	int group, container, other, own, again;
	struct tce_space *space;
	char *va;

	machine(lpar_here());
	own = model_process();
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_kernel_model.container_open(&container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &group));
	assert_ok(tce_kernel_model.group_attach(group, container));
	assert_ok(tce_kernel_model.enroll(container, va, MIB(2)));
	/* The receiver has the same files, and memory of its own. */
	other = model_fork();
	model_switch(other);
	assert_int_equal(tce_space_adopt(group, container, &opts, &space), -EPERM);
	assert_sentence("another process");
	/* With a group of the receiver's own, too: the container's memory is what matters. */
	assert_ok(tce_kernel_model.group_open(GROUP_B, &again));
	assert_int_equal(tce_space_adopt(again, container, &opts, &space), -EPERM);
	assert_int_equal(model_calls(MODEL_GROUP_ATTACH), 1);
	assert_int_equal(model_calls(MODEL_DUP), 0);
	assert_int_equal(model_windows(GROUP_B), 0);
	model_exit(other);
	model_switch(own);
	assert_ok(tce_kernel_model.unenroll(container, va, MIB(2)));
	model_exit(own);
	model_settle();
	assert_int_equal(model_fds(), 0);
	assert_int_equal(model_warnings(), 0);
}

/* One's own container with a group in it is busy, and no second group comes to it. */
static void a_container_in_use(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};
	int first, second, container;
	struct tce_space *space;

	machine(lpar_here());
	assert_ok(tce_kernel_model.container_open(&container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &first));
	assert_ok(tce_kernel_model.group_open(GROUP_B, &second));
	assert_ok(tce_kernel_model.group_attach(first, container));
	assert_int_equal(tce_space_adopt(second, container, &opts, &space), -EBUSY);
	assert_sentence("a container with a group already");
	assert_int_equal(tce_space_adopt(second, second, &opts, &space), -EBADF);
	assert_ok(tce_kernel_model.group_detach(first));
	assert_ok(tce_kernel_model.close(first));
	assert_ok(tce_kernel_model.close(second));
	assert_ok(tce_kernel_model.close(container));
}

/* exec() ends everything, as an exit does: no descriptor survives, and so nothing else. */
static void exec_leaves_nothing(void)
{
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;
	int fd;

	machine(lpar_here());
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_space_device(space, DEV_A, &fd));
	model_device_run(DEV_A);
	assert_ok(tce_dma_map(space, va, MIB(8), NULL, &iova));
	model_exec();
	model_settle();
	assert_int_equal(model_fds(), 0);
	assert_int_equal(model_warnings(), 0);
	assert_int_equal(model_orphans(), 0);
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_false(model_device_runs(DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(dies_at_every_call),
		leaving_test(descriptors_of_another_process),
		whole_test(a_container_in_use),
		leaving_test(exec_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
