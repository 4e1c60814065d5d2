/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, sharing, adopting, closing; each refusal of an open; the order of stopping. */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"

static const struct tce_space_options small = {.mem = GIB(1), .page = 2 << 20};

static void open_fails(const char *device, const struct tce_space_options *opts, int want,
		       const char *word)
{
	struct tce_space *space = (struct tce_space *)&small;
	struct before b;

	before(&b);
	assert_failed(&b, tce_space_open(device, opts, &space), want);
	assert_ptr_equal(space, &small);
	assert_sentence(word);
}

static void opens(const struct model_platform *platform, uint64_t start, uint64_t page)
{
	struct tce_space *space;
	struct tce_space_info info;

	machine(platform);
	space = open_space(DEV_A, GIB(1));
	assert_ok(tce_space_info(space, &info));
	assert_int_equal(info.group, GROUP_A);
	assert_int_equal(info.users, 1);
	assert_int_equal(info.highest, UINT64_MAX);
	assert_int_equal(window_start(space, page), start);
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
	nothing_left();
}

static void every_platform(void)
{
	opens(&model_p9, UINT64_C(1) << 59, MIB(2));
	opens(&model_p9_64k, UINT64_C(1) << 59, MIB(2));
	opens(&model_lpar, UINT64_C(1) << 59, MIB(2));
	opens(&model_lpar_64k, UINT64_C(1) << 59, MIB(2));
	opens(&model_lpar_4g, GIB(4), MIB(2));
	opens(&model_default_only, 0, KIB(4));
	opens(&model_one_window, 0, KIB(4));
}

/* One window at a time: the default one goes where it is too small. */
static void the_only_window_is_replaced(void)
{
	struct tce_space *space;

	machine(&model_one_window);
	space = open_space(DEV_A, GIB(4));
	assert_int_equal(window_start(space, MIB(2)), UINT64_C(1) << 59);
	assert_int_equal(model_windows(GROUP_A), 1);
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
	/* The group has its default window again. */
	space = open_space(DEV_A, GIB(1));
	assert_int_equal(window_start(space, KIB(4)), 0);
	assert_ok(tce_space_close(space, DEV_A));
}

static void identity_on_bare_metal(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2)};
	struct tce_space *space;
	tce_iova_t iova;
	char *va;

	machine(&model_p9);
	va = model_alloc(MIB(4), MIB(2));
	opts.identity = (uintptr_t)va + MIB(4) - 1;
	assert_ok(tce_space_open(DEV_A, &opts, &space));
	assert_int_equal(window_start(space, MIB(2)), 0);
	iova = (uintptr_t)va;
	assert_ok(tce_dma_map(space, va, MIB(4), NULL, &iova));
	assert_int_equal(iova, (uintptr_t)va);
	assert_sound();
	assert_ok(tce_dma_unmap(space, iova, MIB(4)));
	assert_ok(tce_space_close(space, DEV_A));
	model_free(va, MIB(4));
}

/* A device with a short mask: what it cannot reach is not handed out. */
static void short_mask(void)
{
	struct tce_space_options opts = {.mem = MIB(64), .page = MIB(2), .highest = MIB(256) - 1};
	struct tce_map_options top = {.lowest = MIB(256) - MIB(4)};
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY, more = TCE_IOVA_ANY;
	struct before b;
	char *va;

	machine(&model_lpar);
	assert_ok(tce_space_open(DEV_A, &opts, &space));
	va = model_alloc(MIB(6), MIB(2));
	assert_ok(tce_register(va, MIB(6), MIB(2)));
	assert_ok(tce_map(space, va, MIB(4), &top, &iova));
	assert_int_equal(iova, MIB(256) - MIB(4));
	before(&b);
	assert_refused(&b, tce_map(space, va, MIB(2), &top, &more), -ENOSPC);
	assert_ok(tce_unmap(space, iova, MIB(4)));
	assert_ok(tce_release(va, MIB(6), NULL, NULL));
	model_free(va, MIB(6));
	assert_ok(tce_space_close(space, DEV_A));
}

static void devices_of_one_group_share(void)
{
	struct tce_space *a, *b;
	struct tce_space_info info;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	open_fails(DEV_A, &small, -EALREADY, DEV_A);
	b = open_space(DEV_A2, GIB(1));
	assert_ptr_equal(a, b);
	assert_ok(tce_space_info(a, &info));
	assert_int_equal(info.users, 2);
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_dma_map(a, va, MIB(2), NULL, &iova));
	assert_ok(tce_space_close(a, DEV_A));
	assert_int_equal(model_tces(GROUP_A), 1);
	assert_sound();
	assert_ok(tce_dma_unmap(b, iova, MIB(2)));
	assert_ok(tce_space_close(b, DEV_A2));
	model_free(va, MIB(2));
}

/* Each user closes what it opened, once. */
static void closing_what_was_not_opened(void)
{
	struct tce_space *a, *given = NULL;
	int group = -1, container = -1;
	struct before b;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	before(&b);
	assert_refused(&b, tce_space_close(a, DEV_B), -ENODEV);
	before(&b);
	assert_refused(&b, tce_space_close(a, DEV_A2), -ENODEV);
	before(&b);
	assert_refused(&b, tce_space_close(a, NULL), -ENODEV);
	assert_ok(tce_space_close(a, DEV_A));
	assert_ok(tce_kernel_model.container_open(&container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &group));
	assert_ok(tce_space_adopt(group, container, &small, &given));
	a = open_space(DEV_A, GIB(1));
	assert_ptr_equal(a, given);
	assert_ok(tce_space_close(a, NULL));
	before(&b);
	assert_refused(&b, tce_space_close(a, NULL), -ENODEV);
	assert_ok(tce_space_close(a, DEV_A));
	assert_ok(tce_kernel_model.close(group));
	assert_ok(tce_kernel_model.close(container));
}

/* A device of several that closes stops, the others go on. */
static void one_device_stops(void)
{
	struct tce_space *space;
	int a, b;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	assert_ptr_equal(open_space(DEV_A2, GIB(1)), space);
	assert_ok(tce_space_device(space, DEV_A, &a));
	assert_ok(tce_space_device(space, DEV_A2, &b));
	model_device_run(DEV_A);
	model_device_run(DEV_A2);
	assert_ok(tce_space_close(space, DEV_A));
	assert_false(model_device_runs(DEV_A));
	assert_true(model_device_runs(DEV_A2));
	assert_int_equal(model_fds(), 3);
	assert_ptr_equal(open_space(DEV_A, GIB(1)), space);
	assert_ok(tce_space_close(space, DEV_A2));
	assert_ok(tce_space_close(space, DEV_A));
}

/* A second device of the group that needs what the windows are not. */
static void sharing_what_does_not_fit(void)
{
	struct tce_space_options opts = {.mem = MIB(64), .page = MIB(2), .identity = GIB(64)};
	struct tce_space *a, *same;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	open_fails(DEV_A2, &opts, -ENOSPC, "IOVA=VA");
	/* It reaches a part of the window, which does or does not do. */
	opts = (struct tce_space_options){.mem = GIB(2), .page = MIB(2)};
	opts.highest = window_start(a, MIB(2)) + GIB(2) - 2;
	open_fails(DEV_A2, &opts, -ENOSPC, "that the device reaches");
	opts.highest++;
	assert_ok(tce_space_open(DEV_A2, &opts, &same));
	assert_ptr_equal(same, a);
	assert_ok(tce_space_close(a, DEV_A2));
	assert_ok(tce_space_close(a, DEV_A));
}

/* IOVA=VA up to the last byte of the window that is there, and one byte more. */
static void sharing_a_window_at_0(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2), .identity = GIB(1024) - 1};
	struct tce_space *a, *same;

	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &opts, &a));
	opts.identity++;
	open_fails(DEV_A2, &opts, -ENOSPC, "IOVA=VA");
	opts.identity--;
	assert_ok(tce_space_open(DEV_A2, &opts, &same));
	assert_ptr_equal(same, a);
	assert_ok(tce_space_close(a, DEV_A2));
	assert_ok(tce_space_close(a, DEV_A));
}

static void adopt(void)
{
	struct tce_space *space = NULL, *other = NULL;
	int group = -1, container = -1;
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;
	char *va;

	machine(&model_lpar);
	assert_ok(tce_kernel_model.container_open(&container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &group));
	fcntl(group, F_SETFD, 0);
	before(&b);
	assert_refused(&b, tce_space_adopt(container, group, &small, &space), -EBADF);
	before(&b);
	assert_refused(&b, tce_space_adopt(0, container, &small, &space), -EBADF);
	before(&b);
	assert_refused(&b, tce_space_adopt(group, 0, &small, &space), -EBADF);
	assert_ok(tce_space_adopt(group, container, &small, &space));
	assert_int_equal(fcntl(group, F_GETFD), FD_CLOEXEC);
	assert_int_equal(model_fds(), 4);
	before(&b);
	assert_refused(&b, tce_space_adopt(group, container, &small, &other), -EBUSY);
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_dma_map(space, va, MIB(4), NULL, &iova));
	assert_sound();
	/* The giver may close first. */
	assert_ok(tce_kernel_model.close(group));
	assert_ok(tce_kernel_model.close(container));
	assert_sound();
	assert_ok(tce_dma_unmap(space, iova, MIB(4)));
	assert_ok(tce_space_close(space, NULL));
	model_free(va, MIB(4));
}

/* The adopter may end first: TCEs and windows are gone, the giver's descriptors are not. */
static void adopted_and_given_back(void)
{
	struct tce_space *space = NULL;
	int group = -1, container = -1;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	machine(&model_p9);
	assert_ok(tce_kernel_model.container_open(&container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &group));
	assert_ok(tce_space_adopt(group, container, &small, &space));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_map(space, va, MIB(4), NULL, &iova));
	assert_ok(tce_space_close(space, NULL));
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_false(model_pinned(va));
	assert_int_equal(model_fds(), 2);
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	assert_ok(tce_kernel_model.close(group));
	assert_ok(tce_kernel_model.close(container));
	model_free(va, MIB(4));
}

static void refusals(void)
{
	struct tce_space_options identity = {.mem = GIB(1), .page = MIB(2), .identity = GIB(1024)};
	struct tce_space_options huge = {.mem = GIB(1), .page = MIB(3)};
	int fd = -1;

	machine(&model_lpar);
	open_fails("0009:00:01.0", &small, -ENODEV, "0009:00:01.0");
	model_add_device("0003:00:01.0", -1, "vfio-pci");
	open_fails("0003:00:01.0", &small, -ENODEV, "group");
	model_set_driver(DEV_A, "igb");
	open_fails(DEV_A, &small, -ENXIO, "igb");
	model_set_driver(DEV_A, "");
	open_fails(DEV_A, &small, -ENXIO, "driver_override");
	model_set_driver(DEV_A, "vfio-pci");
	model_set_driver(DEV_A2, "igb");
	open_fails(DEV_A, &small, -ENXIO, DEV_A2);
	model_set_driver(DEV_A2, "vfio-pci");
	model_refuse_group(GROUP_A, -EACCES);
	open_fails(DEV_A, &small, -EACCES, "permission");
	model_refuse_group(GROUP_A, 0);
	assert_ok(tce_kernel_model.group_open(GROUP_A, &fd));
	open_fails(DEV_A, &small, -EBUSY, "in use");
	assert_ok(tce_kernel_model.close(fd));
	model_refuse_container(-EPROTONOSUPPORT);
	open_fails(DEV_A, &small, -EPROTONOSUPPORT, "vfio_iommu_spapr_tce");
	model_refuse_container(-ENOENT);
	open_fails(DEV_A, &small, -EPROTONOSUPPORT, "vfio_iommu_spapr_tce");
	model_refuse_container(0);
	open_fails(DEV_A, &identity, -ENOSPC, "IOVA=VA");
	open_fails(DEV_A, &huge, -EINVAL, "page=");
	model_set_memlock(KIB(64), false);
	open_fails(DEV_A, &small, -ENOMEM, "memlock");
	model_set_memlock(0, true);
	model_lose_slot(GROUP_A);
	open_fails(DEV_A, &small, -EIO, "reboot");
}

static void no_windows_to_be_had(void)
{
	struct tce_space_options large = {.mem = GIB(2), .page = MIB(2)};

	machine(&model_default_only);
	open_fails(DEV_A, &large, -ENOSPC, "mem=");
}

/* Queues are the driver's; then device, TCEs, regions, windows, descriptors. */
static void the_order_of_stopping(void)
{
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;
	int fd = -1, again = -2, none = -3;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	assert_ok(tce_space_device(space, DEV_A, &fd));
	assert_ok(tce_space_device(space, DEV_A, &again));
	assert_int_equal(fd, again);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	before(&b);
	assert_failed(&b, tce_space_device(space, DEV_B, &none), -ENODEV);
	assert_int_equal(none, -3);
	model_device_run(DEV_A);
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_map(space, va, MIB(4), NULL, &iova));
	assert_ok(tce_space_close(space, DEV_A));
	assert_false(model_device_runs(DEV_A));
	assert_true(model_first(MODEL_DEVICE_STOP) >= 0);
	assert_true(model_last(MODEL_DEVICE_STOP) < model_first(MODEL_UNMAP));
	assert_true(model_last(MODEL_UNMAP) < model_first(MODEL_UNENROLL));
	assert_true(model_last(MODEL_UNENROLL) < model_first(MODEL_WINDOW_REMOVE));
	assert_true(model_last(MODEL_WINDOW_REMOVE) < model_first(MODEL_CLOSE));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	model_free(va, MIB(4));
}

static void every_descriptor_is_close_on_exec(void)
{
	struct tce_space *space;
	int device = -1;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	assert_ok(tce_space_device(space, DEV_A, &device));
	assert_int_equal(fcntl(space->group_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(space->container_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(device, F_GETFD), FD_CLOEXEC);
	assert_int_equal(model_fds(), 3);
	assert_ok(tce_space_close(space, DEV_A));
}

static void windows_by_hand(void)
{
	struct tce_space_options none = {.no_windows = true};
	struct tce_window_info info, list[4];
	struct tce_space *space;
	size_t n = 4;

	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &none, &space));
	assert_ok(tce_window_list(space, list, &n));
	assert_int_equal(n, 1);
	assert_true(list[0].is_default);
	assert_int_equal(list[0].size, GIB(2));
	assert_int_equal(list[0].largest, GIB(2));
	assert_ok(tce_window_create(space, KIB(64), GIB(64), 2, &info));
	assert_int_equal(info.start, UINT64_C(1) << 59);
	assert_int_equal(info.page, KIB(64));
	assert_int_equal(info.levels, 2);
	assert_int_equal(info.size, GIB(64));
	assert_ok(tce_window_remove(space, info.start));
	assert_ok(tce_window_create(space, MIB(2), GIB(64), 1, NULL));
	assert_ok(tce_window_remove(space, 0));
	n = 1;
	assert_ok(tce_window_list(space, list, &n));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].start, UINT64_C(1) << 59);
	assert_ok(tce_window_create(space, GIB(1), GIB(32768), 1, &info));
	assert_int_equal(info.start, 0);
	n = 1;
	assert_ok(tce_window_list(space, list, &n));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].start, 0);
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
}

static long page_faults(void)
{
	struct rusage r;

	assert_int_equal(getrusage(RUSAGE_SELF, &r), 0);
	return r.ru_minflt;
}

/* A table's address space is as large as the window; walking it touches only what is in use. */
static void walking_takes_no_memory(void)
{
	struct tce_window_info info[8];
	size_t n = 8, runs = 0;
	struct tce_space *space;
	long faults;

	machine(p9_here());
	space = open_space(DEV_A, GIB(32768));
	faults = page_faults();

	assert_ok(tce_space_runs(space, NULL, &runs));
	assert_ok(tce_window_list(space, info, &n));
	assert_ok(tce_audit());
	assert_true(page_faults() - faults < 1000);
	assert_true(info[n - 1].size / info[n - 1].page * 8 > 1500 * system_page());
	assert_ok(tce_space_close(space, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(every_platform),
		whole_test(the_only_window_is_replaced),
		whole_test(identity_on_bare_metal),
		whole_test(short_mask),
		whole_test(devices_of_one_group_share),
		whole_test(closing_what_was_not_opened),
		whole_test(one_device_stops),
		whole_test(sharing_what_does_not_fit),
		whole_test(sharing_a_window_at_0),
		whole_test(adopt),
		whole_test(adopted_and_given_back),
		whole_test(refusals),
		whole_test(no_windows_to_be_had),
		whole_test(the_order_of_stopping),
		whole_test(every_descriptor_is_close_on_exec),
		whole_test(windows_by_hand),
		whole_test(walking_takes_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
