/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of tce_check(), finding by finding, and that it leaves nothing open. */
#include <unistd.h>

#include "fixture.h"

struct findings {
	char text[8192];
	unsigned wrong, unknown;
};

static struct tce_kernel one_page;

static void note(const struct tce_finding *f, void *arg)
{
	static const char *const word[] = {"ok", "wrong", "unknown"};
	struct findings *all = arg;
	size_t used = strlen(all->text);

	snprintf(all->text + used, sizeof(all->text) - used, "%s %s: %s\n", word[f->verdict],
		 f->item, f->found);
	all->wrong += f->verdict == TCE_WRONG;
	all->unknown += f->verdict == TCE_UNKNOWN;
}

static struct findings check(const char *device, uint64_t mem, uint64_t page)
{
	struct tce_space_options opts = {.mem = mem, .page = page};
	struct findings all = {.text = ""};

	(void)tce_check(device, &opts, note, &all);
	assert_int_equal(model_fds(), 0);
	return all;
}

static void assert_word(const struct findings *all, const char *word)
{
	if (!strstr(all->text, word))
		fail_msg("no \"%s\" in\n%s", word, all->text);
}

static void what_is_well(void)
{
	struct findings all;

	machine(&model_lpar);
	all = check(DEV_A, GIB(4), MIB(2));
	assert_int_equal(all.wrong + all.unknown, 0);
	assert_word(&all, "ok kernel and VFIO module: SPAPR TCE v2");
	assert_word(&all, "ok memlock: no limit");
	assert_word(&all, "will be created for 4 GiB");
	assert_word(&all, "default window at 0 of 1 GiB; 2 windows");
	model_set_memlock(GIB(8), false);
	all = check(DEV_A, GIB(4), MIB(2));
	assert_int_equal(all.wrong, 0);
	assert_word(&all, "ok memlock: 8388608 kB, of which 0 kB are used");
	/* Small pages are in no pool, so that none of one has to be free. */
	all = check(DEV_A, MIB(512), KIB(4));
	assert_int_equal(all.wrong, 0);
	assert_word(&all, "the default window serves for 512 MiB");
}

static uint64_t one_free(uint64_t page)
{
	return 1;
}

static void the_last_hugepage(void)
{
	struct findings all;

	machine(&model_lpar);
	one_page = tce_kernel_model;
	one_page.hugepages_free = one_free;
	tce_use_kernel(&one_page);
	all = check(NULL, GIB(1), MIB(2));
	assert_int_equal(all.wrong, 0);
	assert_word(&all, "pages of 2 MiB, 1 free");
}

/* What cannot be known is said to be unknown, and nothing else is said of it. */
static void what_is_not_known(void)
{
	struct findings all;

	machine(&model_lpar);
	model_fail(MODEL_FACTS, 1, -EIO);
	all = check(DEV_A, GIB(4), MIB(2));
	assert_int_equal(all.wrong, 1);
	assert_int_equal(all.unknown, 1);
	assert_word(&all, "unknown window: the platform's windows are not known");
	all = check("0009:00:00.0", GIB(4), MIB(2));
	assert_int_equal(all.wrong, 1);
	assert_int_equal(all.unknown, 1);
	assert_word(&all, "unknown driver and IOMMU group");
	model_refuse_group(GROUP_A, -EACCES);
	all = check(DEV_A, GIB(4), MIB(2));
	assert_int_equal(all.wrong, 1);
	assert_int_equal(all.unknown, 1);
	assert_word(&all, "unknown what the platform offers: the group cannot be opened");
	model_refuse_group(GROUP_A, 0);
	model_refuse_container(-EPROTONOSUPPORT);
	all = check(DEV_A, GIB(4), MIB(2));
	assert_int_equal(all.wrong, 1);
	assert_int_equal(all.unknown, 1);
	assert_word(&all, "there is no SPAPR TCE v2 container");
	model_refuse_container(0);
	/* Two questions that one driver answers: whose device it is, and whether the group opens.
	 */
	model_set_driver(DEV_A2, "e1000e");
	all = check(DEV_A, GIB(4), MIB(2));
	assert_int_equal(all.wrong, 2);
	assert_int_equal(all.unknown, 1);
}

/* A descriptor may be 0. */
static void standard_input_is_closed(void)
{
	struct findings all;

	machine(&model_lpar);
	close(0);
	all = check(DEV_A, GIB(4), MIB(2));
	assert_int_equal(all.wrong + all.unknown, 0);
}

static void who_is_asked(void)
{
	int group = -7;

	machine(&model_lpar);
	assert_int_equal(tce_device_group("0009:00:00.0", &group), -ENODEV);
	assert_sentence("no device 0009:00:00.0");
	model_add_device("0003:00:01.0", -1, "vfio-pci");
	assert_int_equal(tce_device_group("0003:00:01.0", &group), -ENODEV);
	assert_sentence("has no IOMMU group");
	assert_int_equal(group, -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(what_is_well),      whole_test(the_last_hugepage),
		whole_test(what_is_not_known), whole_test(standard_input_is_closed),
		whole_test(who_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
