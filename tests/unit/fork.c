/* SPDX-License-Identifier: BSD-3-Clause */
/* A child after fork: -EPERM from every control call, its descriptors closed, the parent unharmed.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static struct tce_space *space, *other;
static char *va;
static tce_iova_t iova;
static int device_fd;

static int adopted_group = -1, adopted_container = -1;

static void build(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	assert_ok(tce_space_device(space, DEV_A, &device_fd));
	assert_ok(tce_kernel_model.container_open(&adopted_container));
	assert_ok(tce_kernel_model.group_open(GROUP_B, &adopted_group));
	assert_ok(tce_space_adopt(adopted_group, adopted_container, &opts, &other));
	va = model_alloc(MIB(8), MIB(2));
	iova = TCE_IOVA_ANY;
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	assert_ok(tce_map(space, va, MIB(8), NULL, &iova));
}

static void take_down(void)
{
	assert_sound();
	assert_ok(tce_unmap(space, iova, MIB(8)));
	assert_ok(tce_release(va, MIB(8), NULL, NULL));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(space, DEV_A));
	assert_ok(tce_space_close(other, NULL));
	assert_ok(tce_kernel_model.close(adopted_group));
	assert_ok(tce_kernel_model.close(adopted_container));
}

static unsigned asked(void)
{
	return model_calls(MODEL_ANY);
}

#define assert_eperm(call)                                                                         \
	do {                                                                                       \
		assert_int_equal((call), -EPERM);                                                  \
		assert_sentence("owner");                                                          \
	} while (0)

static void child_calls(const void *arg)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};
	unsigned before = asked();
	tce_iova_t any = TCE_IOVA_ANY;
	static const struct tce_driver driver;
	struct tce_space_info info;
	struct tce_calls calls;
	struct tce_space *none;
	size_t n = 0;
	int fd;

	assert_eperm(tce_register(va + MIB(16), MIB(2), MIB(2)));
	assert_eperm(tce_release(va, MIB(8), NULL, NULL));
	assert_eperm(tce_discard(va, MIB(2)));
	assert_eperm(tce_map(space, va, MIB(2), NULL, &any));
	assert_eperm(tce_unmap(space, iova, MIB(8)));
	assert_eperm(tce_dma_map(space, va, MIB(2), NULL, &any));
	assert_eperm(tce_dma_unmap(space, iova, MIB(8)));
	assert_eperm(tce_space_open(DEV_A2, &opts, &none));
	assert_eperm(tce_space_adopt(0, 1, &opts, &none));
	assert_eperm(tce_space_close(space, DEV_A));
	assert_eperm(tce_space_device(space, DEV_A, &fd));
	assert_eperm(tce_window_create(space, MIB(2), GIB(64), 1, NULL));
	assert_eperm(tce_window_remove(space, 0));
	assert_eperm(tce_window_list(space, NULL, &n));
	assert_eperm(tce_watch(va, MIB(8), &driver));
	assert_eperm(tce_unwatch(va, MIB(8), &driver));
	assert_eperm(tce_evict(va, MIB(8), 0));
	assert_eperm(tce_space_info(space, &info));
	assert_eperm(tce_space_runs(space, NULL, &n));
	assert_eperm(tce_region_list(NULL, &n));
	assert_eperm(tce_calls(&calls));
	assert_eperm(tce_audit());
	assert_eperm(tce_reclaim(va, MIB(8)));
	assert_eperm(tce_probe(DEV_A2, NULL, NULL));
	assert_int_equal(asked(), before);
}

static void every_control_call(void)
{
	char *was, *is;

	build();
	was = describe();
	in_child(child_calls, NULL);
	is = describe();
	assert_same_state(is, was);
	free(was);
	free(is);
	take_down();
}

static void child_descriptors(const void *arg)
{
	assert_int_equal(model_fds(), 0);
	/* Nothing is published in a child: a device's address means nothing here. */
	assert_int_equal(tce_va(space, iova, 1, &(void *){NULL}, NULL), -ENOENT);
}

static void grandchild(const void *arg)
{
	child_descriptors(arg);
	in_child(child_descriptors, NULL);
	in_child(child_calls, NULL);
}

static void descriptors_are_closed(void)
{
	build();
	in_child(child_descriptors, NULL);
	in_child(grandchild, NULL);
	assert_int_equal(model_fds(), 7);
	take_down();
}

/* A descriptor that its owner closed, and whose number something else has by now. */
static void is_gone(const int *given, const int *left)
{
	int null;

	build();
	assert_ok(tce_kernel_model.close(*given));
	null = dup(0);
	assert_int_equal(null, *given);
	in_child(child_calls, NULL);
	close(null);
	assert_ok(tce_unmap(space, iova, MIB(8)));
	assert_ok(tce_release(va, MIB(8), NULL, NULL));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(space, DEV_A));
	assert_ok(tce_space_close(other, NULL));
	assert_ok(tce_kernel_model.close(*left));
}

static void a_given_group_that_is_gone(void)
{
	is_gone(&adopted_group, &adopted_container);
}

static void a_given_container_that_is_gone(void)
{
	is_gone(&adopted_container, &adopted_group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(every_control_call),
		whole_test(descriptors_are_closed),
		whole_test(a_given_group_that_is_gone),
		whole_test(a_given_container_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
