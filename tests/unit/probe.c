/* SPDX-License-Identifier: BSD-3-Clause */
/* tce_probe(): what it answers of each platform and kernel, and that it leaves nothing behind. */
#include "fixture.h"

struct answers {
	char text[8192];
	unsigned n[3];
};

static void note(const struct tce_defect *d, void *arg)
{
	static const char *const answer[] = {
		[TCE_NO] = "no", [TCE_YES] = "yes", [TCE_CANNOT_TELL] = "unknown"};
	struct answers *a = arg;
	size_t used = strlen(a->text);

	assert_true(strlen(d->name) > 5 && strlen(d->sentence) > 5);
	assert_null(strchr(d->sentence, '\n'));
	assert_true(strlen(d->sentence) < 400);
	snprintf(a->text + used, sizeof(a->text) - used, "%s %s: %s\n", answer[d->answer], d->name,
		 d->sentence);
	a->n[d->answer]++;
}

static void probe(struct answers *a)
{
	char *was = describe(), *is;

	memset(a, 0, sizeof(*a));
	assert_ok(tce_probe(DEV_A, note, a));
	is = describe();
	assert_same_state(is, was);
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_int_equal(model_warnings(), 0);
	free(was);
	free(is);
}

static void wants(const struct answers *a, const char *line)
{
	if (!strstr(a->text, line))
		fail_msg("no \"%s\" in\n%s", line, a->text);
}

static void with_all_defects(const struct model_platform *platform)
{
	struct answers a;

	machine(platform);
	probe(&a);
	wants(&a, "yes MAP at a misaligned IOVA: answered 1,");
	wants(&a, "yes MAP over a TCE in use");
	wants(&a, "yes UNMAP of a free TCE");
	wants(&a, "yes REGISTER of memory with a hole: answered 1 ");
	wants(&a, "yes memlock of a refused window");
	wants(&a, "unknown UNREGISTER of memory in use");
	wants(&a, "unknown MAP or UNMAP past a window's end");
	wants(&a, "no REGISTER of 16M pages: are no matter here");
	wants(&a, platform->pseries ? "unknown an LPAR's window that goes leaks: only the kernel"
				    : "no an LPAR's window that goes leaks: this is bare metal");
	assert_int_equal(a.n[TCE_YES], 5);
	/* What was refused is not taken back. */
	assert_int_equal(model_calls(MODEL_UNMAP), 2);
	assert_int_equal(model_calls(MODEL_UNENROLL), 1);
	assert_int_equal(model_calls(MODEL_WINDOW_REMOVE), 0);
	assert_in_range(model_lost_memlock(), 1, MIB(1));
	/* The slot is none the worse: a space has its window. */
	assert_ok(tce_space_close(open_space(DEV_A, GIB(1)), DEV_A));
}

static void each_platform(void)
{
	with_all_defects(lpar_here());
	with_all_defects(p9_here());
}

static void a_mended_kernel(void)
{
	const struct model_platform *platforms[] = {lpar_here(), p9_here()};
	struct answers a;

	for (unsigned i = 0; i < 2; i++) {
		machine(platforms[i]);
		model_set_quirks((struct model_quirks){.mended = true});
		probe(&a);
		assert_int_equal(a.n[TCE_YES], 0);
		wants(&a, "no MAP over a TCE in use: is refused: EBUSY");
		wants(&a, "no memlock of a refused window");
		wants(&a, "unknown UNREGISTER of memory in use");
		assert_int_equal(model_lost_memlock(), 0);
	}
}

/* Where nothing may be mapped, nothing is asked for. */
static void nothing_is_risked(void)
{
	struct answers a;

	machine(&model_no_ddw);
	probe(&a);
	wants(&a, "unknown MAP over a TCE in use: the slot has no DDW");
	wants(&a, "yes REGISTER of memory with a hole");
	machine(lpar_here());
	model_set_quirks((struct model_quirks){.major = 6, .minor = 8});
	probe(&a);
	wants(&a, "unknown an LPAR cannot unmap or make windows: to try it could orphan");
	wants(&a, "unknown UNMAP of a free TCE");
	machine(lpar_here());
	model_lose_slot(GROUP_A);
	probe(&a);
	wants(&a, "unknown memlock of a refused window: an earlier failure");
	assert_int_equal(model_calls(MODEL_MAP) + model_calls(MODEL_UNMAP), 0);
	assert_int_equal(model_calls(MODEL_WINDOW_CREATE), 0);
	machine(lpar_here());
	model_set_quirks((struct model_quirks){.major = 6, .minor = 11});
	probe(&a);
	wants(&a, "no an LPAR cannot unmap or make windows: Linux 6.11 is none");
	/* On bare metal that release is no matter. */
	machine(p9_here());
	model_set_quirks((struct model_quirks){.major = 5, .minor = 15});
	probe(&a);
	assert_int_equal(a.n[TCE_YES], 5);
	machine(&model_p9_hash);
	probe(&a);
	wants(&a, "no REGISTER of 16M pages");
}

static void refused(int want, const char *word)
{
	struct answers a = {0};
	struct before b;

	before(&b);
	assert_failed(&b, tce_probe(DEV_A, note, &a), want);
	assert_sentence(word);
	assert_string_equal(a.text, "");
}

static void what_must_be_there(void)
{
	int fd;

	machine(lpar_here());
	model_set_driver(DEV_A, "igb");
	refused(-ENXIO, "igb");
	model_set_driver(DEV_A, "vfio-pci");
	model_refuse_container(-EPROTONOSUPPORT);
	refused(-EPROTONOSUPPORT, "vfio_iommu_spapr_tce");
	model_refuse_container(0);
	assert_ok(tce_kernel_model.group_open(GROUP_A, &fd));
	refused(-EBUSY, "in use");
	assert_ok(tce_kernel_model.close(fd));
	model_set_memlock(KIB(64), false);
	refused(-ENOMEM, "memlock");
}

/* A kernel of small pages with the hash MMU. */
static void pages_of_16m(void)
{
	struct model_platform platform = model_p8;
	struct answers a;

	platform.system_page = system_page();
	machine(&platform);
	probe(&a);
	wants(&a, system_page() == KIB(4) ? "unknown REGISTER of 16M pages: to try it could hang"
					  : "no REGISTER of 16M pages");
}

static struct tce_kernel odd;
static bool fill_hole;

/* What is asked for at no multiple of the I/O page is mapped at the one below. */
static int map_below(int container, void *va, uint64_t iova, uint64_t len, unsigned access)
{
	return tce_kernel_model.map(container, va, iova & -KIB(4), len, access);
}

/* The memory that makes the hole is there again before the kernel is asked. */
static void no_hole(void *va, size_t len)
{
	if (fill_hole)
		tce_kernel_model.pages_end(va, len);
	fill_hole = true;
}

static int enroll_something(int container, void *va, uint64_t len)
{
	return va ? tce_kernel_model.enroll(container, va, len) : -EFAULT;
}

static void end_something(void *va, size_t len)
{
	if (va)
		tce_kernel_model.pages_end(va, len);
}

/* Without memory or memlock for its pages the probe does not begin. */
static void without_pages(void)
{
	machine(lpar_here());
	odd = tce_kernel_model;
	odd.enroll = enroll_something;
	odd.pages_end = end_something;
	tce_use_kernel(&odd);
	model_fail(MODEL_PAGES, 1, -EIO);
	refused(-ENOMEM, "no memory for the pages of the probe");
	model_set_memlock(KIB(64), false);
	refused(-ENOMEM, "memlock");
}

/* What succeeds is taken back, too. */
static void an_odd_kernel(void)
{
	struct answers a;

	machine(lpar_here());
	odd = tce_kernel_model;
	odd.map = map_below;
	odd.pages_end = no_hole;
	tce_use_kernel(&odd);
	probe(&a);
	wants(&a, "yes MAP at a misaligned IOVA: answered 0,");
	wants(&a, "unknown REGISTER of memory with a hole: another thread's memory");
	assert_int_equal(model_calls(MODEL_UNMAP), 3);
	assert_int_equal(model_calls(MODEL_UNENROLL), 2);
}

/* What cannot be done without ends the probe, and is told. */
static void what_is_refused(void)
{
	static const struct {
		enum model_op op;
		int want;
		const char *word;
	} rows[] = {
		{MODEL_DEVICE_GROUP, -ENODEV, "has no IOMMU group"},
		{MODEL_RELEASE, -EIO, "release cannot be read: EIO"},
		{MODEL_ENROLL, -EIO, "does not register memory: EIO"},
	};
	struct answers a = {0};

	machine(lpar_here());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		model_fail(rows[i].op, 1, -EIO);
		refused(rows[i].want, rows[i].word);
		assert_true(model_failed());
	}
	model_fail(MODEL_UNENROLL, 1, -EIO);
	assert_int_equal(tce_probe(DEV_A, note, &a), -EIO);
	assert_sentence("UNREGISTER answered EIO");
	assert_true(model_failed());
}

/* The n-th call of the kernel fails: the probe says so, or goes on, and all is back. */
static void each_call_fails(void)
{
	struct answers a;
	char *was, *is;

	for (unsigned n = 1;; n++) {
		machine(lpar_here());
		was = describe();
		model_fail(MODEL_ANY, n, -EIO);
		memset(&a, 0, sizeof(a));
		if (tce_probe(DEV_A, note, &a))
			assert_true(strlen(tce_error()) > 10);
		if (!model_failed()) {
			free(was);
			break;
		}
		is = describe();
		/* UNREGISTER and UNMAP that fail keep what they had until the container is closed.
		 */
		if (strcmp(was, is) != 0)
			fail_msg("call %u, operation %d, left\n%s", n, model_failed_op(), is);
		free(was);
		free(is);
	}
	model_fail(MODEL_ANY, 0, 0);
	assert_ok(tce_space_close(open_space(DEV_A, GIB(1)), DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(each_platform),     whole_test(a_mended_kernel),
		whole_test(nothing_is_risked), whole_test(what_must_be_there),
		whole_test(pages_of_16m),      leaving_test(an_odd_kernel),
		whole_test(without_pages),     leaving_test(what_is_refused),
		leaving_test(each_call_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
