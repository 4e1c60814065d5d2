/* SPDX-License-Identifier: BSD-3-Clause */
/* tce_check(): every finding at once, nothing changed; and the small questions. */
#include "fixture.h"

struct findings {
	char text[4096];
	unsigned n, wrong, unknown;
	int first;
};

static void note(const struct tce_finding *f, void *arg)
{
	struct findings *all = arg;
	size_t used = strlen(all->text);
	/* They are missed later than where a space is opened. */
	bool later = f->verdict == TCE_WRONG && strstr(f->found, "hugeadm");
	int err = later ? -ENOMEM : f->err;

	assert_true(f->item[0] && f->found && f->remedy);
	assert_true(!later || !f->err);
	assert_int_equal(f->verdict == TCE_WRONG, err != 0 && f->verdict != TCE_UNKNOWN);
	/* Who is told that something is wrong is told what to do. */
	assert_true(f->verdict != TCE_WRONG || (f->remedy[0] || strlen(f->found) > 20));
	snprintf(all->text + used, sizeof(all->text) - used, "%s: %s; %s\n", f->item, f->found,
		 f->remedy);
	all->n++;
	all->unknown += f->verdict == TCE_UNKNOWN;
	if (f->verdict == TCE_WRONG && !all->wrong++)
		all->first = err;
}

/* Check a device; what it says, and that it changed nothing. */
static int check(const char *device, uint64_t mem, struct findings *all)
{
	struct tce_space_options opts = {.mem = mem, .page = MIB(2)};
	char *was = describe(), *is;
	unsigned made = model_calls(MODEL_WINDOW_CREATE) + model_calls(MODEL_ENROLL);
	int ret;

	memset(all, 0, sizeof(*all));
	ret = tce_check(device, &opts, note, all);
	assert_int_equal(ret, all->first);
	is = describe();
	assert_same_state(is, was);
	assert_int_equal(model_calls(MODEL_WINDOW_CREATE) + model_calls(MODEL_ENROLL), made);
	free(was);
	free(is);
	return ret;
}

static void a_ready_machine(void)
{
	struct findings all;

	machine(&model_lpar);
	assert_ok(check(DEV_A, GIB(1), &all));
	assert_int_equal(all.wrong + all.unknown, 0);
	assert_true(all.n >= 5);
	assert_ok(check(NULL, GIB(1), &all));
	assert_int_equal(all.wrong, 0);
}

static void wrong(const char *device, uint64_t mem, int err, const char *word)
{
	struct findings all;

	assert_int_equal(check(device, mem, &all), err);
	assert_true(all.wrong > 0);
	if (!strstr(all.text, word))
		fail_msg("no \"%s\" in\n%s", word, all.text);
}

static void what_can_be_wrong(void)
{
	int fd;

	machine(&model_no_ddw);
	wrong("0009:00:00.0", GIB(1), -ENODEV, "0009:00:00.0");
	model_set_driver(DEV_A, "igb");
	wrong(DEV_A, GIB(1), -ENXIO, "igb");
	model_set_driver(DEV_A, "vfio-pci");
	model_set_driver(DEV_A2, "e1000e");
	wrong(DEV_A, GIB(1), -ENXIO, DEV_A2);
	model_set_driver(DEV_A2, "vfio-pci");
	model_refuse_group(GROUP_A, -EACCES);
	wrong(DEV_A, GIB(1), -EACCES, "permission");
	model_refuse_group(GROUP_A, 0);
	assert_ok(tce_kernel_model.group_open(GROUP_A, &fd));
	wrong(DEV_A, GIB(1), -EBUSY, "in use");
	assert_ok(tce_kernel_model.close(fd));
	model_refuse_container(-EPROTONOSUPPORT);
	wrong(DEV_A, GIB(1), -EPROTONOSUPPORT, "vfio_iommu_spapr_tce");
	model_refuse_container(0);
	wrong(DEV_A, GIB(2), -ENOSPC, "mem=");
	model_set_memlock(KIB(64), false);
	wrong(DEV_A, GIB(1), -ENOMEM, "memlock");
}

/* Only the kernel's log knows it, and only where a window is to be made. */
static void a_slot_without_its_window(void)
{
	struct findings all;

	machine(&model_lpar);
	model_lose_slot(GROUP_A);
	wrong(DEV_A, GIB(64), -ENOSPC, "reboot");
	assert_ok(check(DEV_B, GIB(64), &all));
	model_fail(MODEL_SLOT_LOST, 1, -EPERM);
	assert_ok(check(DEV_A, GIB(64), &all));
	assert_int_equal(all.unknown, 1);
	assert_non_null(strstr(all.text, "root"));
}

/* What the kernel may answer to a question of the machine, or of the group. */
static void what_the_kernel_may_say(void)
{
	static const struct {
		enum model_op op;
		unsigned n;
		int kernel, err;
		const char *word;
	} rows[] = {
		{MODEL_HUGEPAGES_FREE, 1, 0, -ENOMEM, "hugeadm"},
		{MODEL_MEMORY, 1, -EIO, -EIO, "how much memory"},
		{MODEL_LOCK_LIMIT, 1, -EIO, -EIO, "cannot read this process's memlock"},
		{MODEL_LOCK_LIMIT, 1, 1, -EIO, "cannot read this process's memlock"},
		{MODEL_LOCKED, 1, -EIO, -EIO, "cannot read this process's memlock"},
		{MODEL_GROUP_FLAGS, 1, -EIO, -EIO, "does not tell the state"},
		{MODEL_GROUP_ATTACH, 1, -EBUSY, -EBUSY, "in a container already"},
		{MODEL_FACTS, 1, -EINVAL, -EIO, "does not describe"},
	};
	struct findings all;

	machine(&model_lpar);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		model_fail(rows[i].op, rows[i].n, rows[i].kernel);
		wrong(DEV_A, GIB(1), rows[i].err, rows[i].word);
		assert_true(model_failed());
	}
	/* What the windows are to serve is not known, so nothing is said of them. */
	model_fail(MODEL_MEMORY, 1, -EIO);
	check(DEV_A, GIB(1), &all);
	assert_int_equal(all.wrong, 1);
	assert_int_equal(all.unknown, 1);
	/* A device of the group is not free, and which one cannot be told. */
	model_set_driver(DEV_A2, "e1000e");
	model_fail(MODEL_GROUP_DEVICE, 3, -ENOENT);
	wrong(DEV_A, GIB(1), -ENXIO, "is not viable");
}

/* What is mapped already is locked once, for whichever device it will be mapped, too. */
static void memory_that_is_locked(void)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	struct tce_space *space;
	struct findings all;
	char *va;

	machine(&model_lpar);
	model_set_memlock(MIB(160), false);
	space = open_space(DEV_A, MIB(64));
	va = model_alloc(MIB(64), MIB(2));
	wrong(DEV_B, MIB(256), -ENOMEM, "memlock");
	assert_ok(check(DEV_B, MIB(64), &all));
	assert_ok(tce_dma_map(space, va, MIB(64), NULL, &iova));
	model_set_memlock(MIB(100), false);
	assert_ok(check(DEV_B, MIB(64), &all));
	wrong(DEV_B, MIB(256), -ENOMEM, "196608 kB beside");
	assert_ok(tce_dma_unmap(space, iova, MIB(64)));
	model_free(va, MIB(64));
	assert_ok(tce_space_close(space, DEV_A));
}

/* Two things wrong at once are both told; the first of them is the answer, and its sentence. */
static void everything_at_once(void)
{
	struct findings all;

	machine(&model_lpar);
	model_set_driver(DEV_A, "igb");
	model_refuse_container(-ENOENT);
	check(DEV_A, GIB(1), &all);
	assert_true(all.wrong >= 2);
	assert_non_null(strstr(all.text, "igb"));
	assert_non_null(strstr(all.text, "vfio_iommu_spapr_tce"));
	assert_sentence("vfio_iommu_spapr_tce");
}

static void small_questions(void)
{
	uint64_t bytes = 1;
	int group = -7;

	machine(&model_lpar);
	assert_ok(tce_device_group(DEV_B, &group));
	assert_int_equal(group, GROUP_B);
	assert_int_equal(tce_device_group("0009:00:00.0", &group), -ENODEV);
	assert_sentence("0009:00:00.0");
	assert_int_equal(group, GROUP_B);
	assert_ok(tce_lock_free(&bytes));
	assert_int_equal(bytes, UINT64_MAX);
	model_set_memlock(MIB(64), false);
	assert_ok(tce_lock_free(&bytes));
	assert_int_equal(bytes, MIB(64));
	model_fail(MODEL_LOCKED, 1, -EIO);
	assert_int_equal(tce_lock_free(&bytes), -EIO);
	assert_int_equal(bytes, MIB(64));
	model_fail(MODEL_DEVICE_GROUP, 1, -ENODEV);
	assert_int_equal(tce_device_group(DEV_B, &group), -ENODEV);
	assert_sentence("no IOMMU group");
}

static void reserved_fields(void)
{
	struct tce_space_options so = {.mem = GIB(1), .reserved = {0, 0, 0, 1}};
	struct tce_map_options mo = {.reserved = {1}};
	struct tce_space *space = NULL;
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;
	char *va;

	machine(&model_lpar);
	before(&b);
	assert_refused(&b, tce_space_open(DEV_A, &so, &space), -EINVAL);
	assert_sentence("reserved");
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(2), MIB(2));
	before(&b);
	assert_refused(&b, tce_dma_map(space, va, MIB(2), &mo, &iova), -EINVAL);
	assert_sentence("reserved");
	assert_ok(tce_space_close(space, DEV_A));
	model_free(va, MIB(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(a_ready_machine),	     whole_test(what_can_be_wrong),
		whole_test(what_the_kernel_may_say), whole_test(memory_that_is_locked),
		whole_test(everything_at_once),	     whole_test(small_questions),
		whole_test(reserved_fields),	     whole_test(a_slot_without_its_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
