/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel may answer to each question, and what the library makes of it: the errno and the
 * words that its headers promise, and nothing changed.
 */
#include "fixture.h"

struct answer {
	enum model_op op;
	unsigned n; /* its n-th call */
	int kernel, want;
	const char *word;
};

static const struct answer of_open[] = {
	{MODEL_DEVICE_DRIVER, 1, -ENODEV, -ENODEV, "no device"},
	{MODEL_DEVICE_GROUP, 1, -ENODEV, -ENODEV, "no IOMMU group"},
	{MODEL_CONTAINER_OPEN, 1, -EACCES, -EACCES, "no permission"},
	{MODEL_CONTAINER_OPEN, 1, -EPERM, -EACCES, "no permission"},
	{MODEL_CONTAINER_OPEN, 1, -ENOENT, -EPROTONOSUPPORT, "load vfio_iommu_spapr_tce"},
	{MODEL_GROUP_OPEN, 1, -EACCES, -EACCES, "no permission"},
	{MODEL_GROUP_OPEN, 1, -EPERM, -EACCES, "no permission"},
	{MODEL_GROUP_OPEN, 1, -EBUSY, -EBUSY, "in use by another process"},
	{MODEL_GROUP_OPEN, 1, -ENOENT, -ENXIO, "bind its devices to vfio-pci"},
	{MODEL_GROUP_FLAGS, 1, -EIO, -EIO, "does not tell the state"},
	{MODEL_MEMORY, 1, -EIO, -EIO, "how much memory"},
	{MODEL_GROUP_ATTACH, 1, -EBUSY, -EBUSY, "in a container already"},
	{MODEL_GROUP_ATTACH, 1, -EINVAL, -EIO, "this kernel may be one where"},
	{MODEL_FACTS, 1, -EINVAL, -EIO, "does not describe"},
	{MODEL_LOCK_LIMIT, 1, -EIO, -EIO, "memlock"},
	{MODEL_WINDOW_CREATE, 1, -ENODEV, -EIO, "until the machine reboots"},
	{MODEL_WINDOW_CREATE, 1, -ENOMEM, -ENOMEM, "larger pages"},
	{MODEL_WINDOW_CREATE, 1, -EINVAL, -EIO, "other pages"},
	{MODEL_WINDOW_CREATE, 1, 1, -EIO, "nothing was done"},
};

static const struct answer of_adopt[] = {
	{MODEL_GROUP_NUMBER, 1, -ENOTTY, -EBADF, "no VFIO group"},
	{MODEL_GROUP_FLAGS, 1, -ENOTTY, -EBADF, "no VFIO group"},
	{MODEL_CONTAINER_CHECK, 1, -EPROTONOSUPPORT, -EPROTONOSUPPORT, "no VFIO container"},
	{MODEL_CONTAINER_CHECK, 1, -ENOTTY, -EBADF, "no VFIO container"},
	{MODEL_DUP, 1, -EMFILE, -EBADF, "cannot duplicate"},
	{MODEL_DUP, 2, -EMFILE, -EBADF, "cannot duplicate"},
};

static const struct answer of_device[] = {
	{MODEL_DEVICE_GROUP, 1, -ENODEV, -ENODEV, "is not in IOMMU group"},
	{MODEL_DEVICE_OPEN, 1, -EBUSY, -EBUSY, "cannot open device"},
	{MODEL_DEVICE_OPEN, 1, -EINVAL, -EIO, "cannot open device"},
};

static const struct answer of_map[] = {
	{MODEL_LOCK_LIMIT, 1, -EIO, -EIO, "memlock"},
	{MODEL_ENROLL, 1, -ENOMEM, -ENOMEM, "are to be locked"},
	{MODEL_ENROLL, 1, -EFAULT, -EFAULT, "not all of it is mapped"},
	{MODEL_ENROLL, 1, 640, -EFAULT, "not all of it is mapped"},
	{MODEL_ENROLL, 1, -EINVAL, -EIO, "something else in this process"},
	{MODEL_MAP, 1, -ENODEV, -EIO, "default window of this slot"},
	{MODEL_MAP, 1, -ENXIO, -EIO, "without DDW"},
	{MODEL_MAP, 1, -EINVAL, -EIO, "without DDW"},
};

#define FOR_EACH_ANSWER(a, table)                                                                  \
	for (const struct answer *a = table; a < (table) + sizeof(table) / sizeof((table)[0]); a++)

/* What was answered hit, in the words that were wanted; from now on the kernel answers well. */
static void assert_said(const struct answer *a)
{
	assert_true(model_failed());
	assert_sentence(a->word);
	model_fail(MODEL_OPS, 0, 0);
}

static void opening(void)
{
	static const struct tce_space_options opts = {.mem = GIB(1), .page = 2 << 20};
	static const struct tce_space_options at_0 = {
		.mem = GIB(1), .page = 2 << 20, .identity = GIB(1024) - 1};
	struct tce_space *space = NULL;
	struct before b;

	machine(&model_lpar);
	FOR_EACH_ANSWER(a, of_open)
	{
		before(&b);
		model_fail(a->op, a->n, a->kernel);
		assert_failed(&b, tce_space_open(DEV_A, &opts, &space), a->want);
		assert_said(a);
		assert_null(space);
	}
	/* Where the default window has to go first. */
	machine(&model_p9);
	before(&b);
	model_fail(MODEL_WINDOW_REMOVE, 1, -EBUSY);
	assert_failed(&b, tce_space_open(DEV_A, &at_0, &space), -EIO);
	assert_sentence("refused to remove the window at 0");
	assert_int_equal(model_calls(MODEL_WINDOW_CREATE), 0);
	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	/* The second device of a group asks anew. */
	before(&b);
	model_fail(MODEL_MEMORY, 1, -EIO);
	assert_failed(&b, tce_space_open(DEV_A2, &opts, &space), -EIO);
	assert_ok(tce_space_close(space, DEV_A));
}

static void refused_window(const struct model_platform *platform,
			   const struct tce_space_options *opts, const char *advice)
{
	struct tce_space *space;

	machine(platform);
	model_fail(MODEL_WINDOW_CREATE, 1, -EINVAL);
	assert_int_equal(tce_space_open(DEV_A, opts, &space), -EIO);
	assert_true(model_failed());
	assert_sentence(advice);
}

/* Less memory is named where a smaller window would do for it, and only there. */
static void what_to_do_without_the_window(void)
{
	static const struct tce_space_options half = {.mem = GIB(100), .page = 2 << 20},
					      none = {.mem = GIB(32), .page = 2 << 20},
					      hole = {.mem = GIB(8),
						      .page = 64 << 10,
						      .highest = (UINT64_C(1) << 40) - 1},
					      at_0 = {.mem = GIB(1),
						      .page = 2 << 20,
						      .identity = GIB(1024) - 1};
	struct tce_window_info info, two[2];
	struct tce_space *space;
	size_t n = 1;

	refused_window(&model_lpar, &half, "pass less memory (mem=68719476736) or other pages");
	refused_window(&model_lpar, &none, "pass other pages");
	refused_window(&model_p9, &hole, "pass less memory (mem=4294967296) or other pages");
	/* A window at 0 has a hole, in which nothing is handed out; the default one has none. */
	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &at_0, &space));
	assert_ok(tce_window_list(space, &info, &n));
	assert_int_equal(n, 1);
	assert_false(info.is_default);
	assert_int_equal(info.hole, GIB(2));
	assert_int_equal(info.hole_size, GIB(2));
	assert_ok(tce_space_close(space, DEV_A));
	machine(&model_lpar);
	space = open_space(DEV_A, GIB(64));
	n = 2;
	assert_ok(tce_window_list(space, two, &n));
	assert_int_equal(n, 2);
	assert_int_equal(two[0].hole_size + two[1].hole_size, 0);
	assert_ok(tce_space_close(space, DEV_A));
}

static void adopting(void)
{
	struct tce_space *space = NULL;
	int group, container;
	struct before b;

	machine(&model_lpar);
	assert_ok(tce_kernel_model.container_open(&container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &group));
	FOR_EACH_ANSWER(a, of_adopt)
	{
		before(&b);
		model_fail(a->op, a->n, a->kernel);
		assert_failed(&b, tce_space_adopt(group, container, NULL, &space), a->want);
		assert_said(a);
	}
	/* Somebody has put the group into a container, or bound one of its devices elsewhere. */
	assert_ok(tce_kernel_model.group_attach(group, container));
	before(&b);
	assert_refused(&b, tce_space_adopt(group, container, NULL, &space), -EBUSY);
	assert_sentence("before its container is set");
	assert_ok(tce_kernel_model.group_detach(group));
	model_set_driver(DEV_A2, "e1000e");
	before(&b);
	assert_refused(&b, tce_space_adopt(group, container, NULL, &space), -ENXIO);
	assert_sentence("e1000e");
	before(&b);
	model_fail(MODEL_GROUP_DEVICE, 1, -ENOENT);
	assert_refused(&b, tce_space_adopt(group, container, NULL, &space), -ENXIO);
	assert_sentence("not viable");
	assert_null(space);
	assert_ok(tce_kernel_model.close(group));
	assert_ok(tce_kernel_model.close(container));
}

static void borrowing(void)
{
	struct tce_space *space;
	struct before b;
	int fd = -7;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	FOR_EACH_ANSWER(a, of_device)
	{
		before(&b);
		model_fail(a->op, a->n, a->kernel);
		assert_failed(&b, tce_space_device(space, DEV_A, &fd), a->want);
		assert_said(a);
		assert_int_equal(fd, -7);
	}
	before(&b);
	assert_refused(&b, tce_space_device(space, DEV_B, &fd), -ENODEV);
	assert_ok(tce_space_close(space, DEV_A));
}

static void mapping(void)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	struct tce_space *space;
	struct before b;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_register(va + MIB(4), MIB(4), MIB(2)));
	FOR_EACH_ANSWER(a, of_map)
	{
		before(&b);
		model_fail(a->op, a->n, a->kernel);
		assert_failed(&b, tce_map(space, va, MIB(8), NULL, &iova), a->want);
		assert_said(a);
		assert_int_equal(iova, TCE_IOVA_ANY);
		assert_false(model_pinned(va));
	}
	assert_ok(tce_map(space, va, MIB(8), NULL, &iova));
	assert_ok(tce_unmap(space, iova, MIB(8)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	assert_ok(tce_release(va + MIB(4), MIB(4), NULL, NULL));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(space, DEV_A));
}

/* What locked memory was could not be read before, or after, UNREGISTER; or a second look failed.
 */
static void the_witness_is_blind(void)
{
	static const struct {
		enum model_op op;
		unsigned n;
		bool stays;
	} rows[] = {{MODEL_LOCKED, 1, true}, {MODEL_LOCKED, 2, false}};
	tce_iova_t iova = TCE_IOVA_ANY;
	struct tce_space *space;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(2), MIB(2));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_ok(tce_register(va, MIB(2), MIB(2)));
		iova = TCE_IOVA_ANY;
		assert_ok(tce_map(space, va, MIB(2), NULL, &iova));
		assert_ok(tce_unmap(space, iova, MIB(2)));
		model_fail(rows[i].op, rows[i].n, -EIO);
		if (!rows[i].stays) {
			assert_int_equal(tce_release(va, MIB(2), NULL, NULL), 0);
			assert_false(model_pinned(va));
			continue;
		}
		assert_int_equal(tce_release(va, MIB(2), NULL, NULL), -EIO);
		assert_sentence("quarantine");
		va = model_alloc(MIB(2), MIB(2));
	}
	assert_sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(opening),  whole_test(what_to_do_without_the_window),
		whole_test(adopting), whole_test(borrowing),
		whole_test(mapping),  leaving_test(the_witness_is_blind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
