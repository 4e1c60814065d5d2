/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan of windows: facts and need in, plan or sentence out. A table. */
#include "fixture.h"

#define MASK(bits) (UINT64_MAX >> (64 - (bits)))
#define P9                                                                                         \
	{                                                                                          \
		.default_size = GIB(2), .page_sizes = 0x40211000, .max_windows = 2, .levels = 5,   \
		.lock_free = UINT64_MAX, .system_page = 4096                                       \
	}
#define LPAR                                                                                       \
	{                                                                                          \
		.default_size = GIB(1), .page_sizes = 0x1211000, .max_windows = 2, .levels = 1,    \
		.lock_free = UINT64_MAX, .system_page = 4096                                       \
	}

struct row {
	const char *name;
	struct tce_facts facts;
	struct tce_need need;
	int ret;
	struct tce_plan plan;
	const char *word;	    /* in the sentence of a refusal */
	uint64_t lock_free;	    /* in place of the facts', unless 0 */
	uint32_t max_windows, mask; /* the same; mask in place of page_sizes */
};

static const struct row rows[] = {
	{"bare metal, 2M pages",
	 P9,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64)},
	 .plan = {.create = true, .page = MIB(2), .size = GIB(64), .levels = 1}},
	{"bare metal, 1G pages",
	 P9,
	 {.mem = GIB(4), .page = GIB(1), .highest = MASK(64)},
	 .plan = {.create = true, .page = GIB(1), .size = GIB(32768), .levels = 1}},
	{"bare metal, much memory: more levels",
	 P9,
	 {.mem = GIB(1024), .page = KIB(64), .highest = MASK(64)},
	 .plan = {.create = true, .page = KIB(64), .size = GIB(1024), .levels = 2}},
	{"bare metal, very much: three levels",
	 P9,
	 {.mem = GIB(65536) * 64, .page = KIB(4), .highest = MASK(64)},
	 .plan = {.create = true, .page = KIB(4), .size = GIB(65536) * 64, .levels = 3}},
	{"a size that is no power of two goes up",
	 P9,
	 {.mem = GIB(65), .page = MIB(2), .highest = MASK(64)},
	 .plan = {.create = true, .page = MIB(2), .size = GIB(128), .levels = 1}},
	{"lpar, 2M pages",
	 LPAR,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64)},
	 .plan = {.create = true, .page = MIB(2), .size = GIB(64), .levels = 1}},
	{"lpar, 16M pages",
	 LPAR,
	 {.mem = GIB(4), .page = MIB(16), .highest = MASK(64)},
	 .plan = {.create = true, .page = MIB(16), .size = GIB(512), .levels = 1}},
	{"lpar, 1G pages in 16M TCEs",
	 LPAR,
	 {.mem = GIB(4), .page = GIB(1), .highest = MASK(64)},
	 .plan = {.create = true, .page = MIB(16), .size = GIB(512), .levels = 1}},
	{"lpar, always one level",
	 LPAR,
	 {.mem = GIB(1024), .page = KIB(64), .highest = MASK(64)},
	 .plan = {.create = true, .page = KIB(64), .size = GIB(1024), .levels = 1}},
	{"lpar, small pages go to the default window",
	 LPAR,
	 {.mem = GIB(1), .page = KIB(4), .highest = MASK(64)},
	 .plan = {.create = false}},
	{"lpar, no window of 4K TCEs is asked for",
	 LPAR,
	 {.mem = GIB(1) + 1, .page = KIB(4), .highest = MASK(64)},
	 .ret = -ENOSPC,
	 .word = "page="},
	{"no 2M TCEs",
	 LPAR,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64)},
	 .plan = {.create = true, .page = KIB(64), .size = GIB(4), .levels = 1},
	 .mask = 0x1011000},
	{"a TCE size asked for",
	 LPAR,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64), .tce_page = KIB(64)},
	 .plan = {.create = true, .page = KIB(64), .size = GIB(4), .levels = 1}},
	{"a TCE size that the platform lacks",
	 LPAR,
	 {.mem = GIB(4), .page = GIB(1), .highest = MASK(64), .tce_page = GIB(1)},
	 .ret = -ENOSPC,
	 .word = "page="},
	{"only large TCEs for small pages",
	 LPAR,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64)},
	 .ret = -ENOSPC,
	 .word = "page=",
	 .mask = 0x1000000},
	{"no ddw, as a pseries kernel says it",
	 LPAR,
	 {.mem = GIB(2), .page = MIB(2), .highest = MASK(64)},
	 .ret = -ENOSPC,
	 .word = "mem=",
	 .mask = 0x1000,
	 .max_windows = UINT32_MAX},
	{"no ddw, fits",
	 {.default_size = GIB(1), .lock_free = UINT64_MAX, .system_page = 4096},
	 {.mem = GIB(1), .page = MIB(2), .highest = MASK(64)},
	 .plan = {.create = false}},
	{"no ddw, too large",
	 {.default_size = GIB(1), .lock_free = UINT64_MAX, .system_page = 4096},
	 {.mem = GIB(1) + 1, .page = MIB(2), .highest = MASK(64)},
	 .ret = -ENOSPC,
	 .word = "mem="},
	{"one window, and it is large",
	 {.default_size = GIB(128),
	  .page_sizes = 0x211000,
	  .max_windows = 1,
	  .levels = 1,
	  .lock_free = UINT64_MAX,
	  .system_page = 65536},
	 {.mem = GIB(64), .page = MIB(2), .highest = MASK(64)},
	 .plan = {.create = false}},
	{"one window, and it is small",
	 LPAR,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64)},
	 .plan = {.remove_default = true,
		  .create = true,
		  .page = MIB(2),
		  .size = GIB(64),
		  .levels = 1},
	 .max_windows = 1},
	{"28 bits, fits",
	 LPAR,
	 {.mem = MIB(64), .page = MIB(2), .highest = MASK(28)},
	 .plan = {.create = false}},
	{"28 bits, too large",
	 LPAR,
	 {.mem = MIB(512), .page = MIB(2), .highest = MASK(28)},
	 .ret = -ENOSPC,
	 .word = "mem="},
	{"28 bits on bare metal, fits",
	 P9,
	 {.mem = MIB(256), .page = MIB(2), .highest = MASK(28)},
	 .plan = {.create = false}},
	{"28 bits on bare metal, too large",
	 P9,
	 {.mem = MIB(512), .page = MIB(2), .highest = MASK(28)},
	 .ret = -ENOSPC,
	 .word = "mem="},
	{"32 bits, fits",
	 P9,
	 {.mem = GIB(2), .page = MIB(2), .highest = MASK(32)},
	 .plan = {.create = false}},
	{"32 bits on bare metal, too large",
	 P9,
	 {.mem = GIB(3), .page = MIB(2), .highest = MASK(32)},
	 .ret = -ENOSPC,
	 .word = "mem="},
	/* At 0, in place of the default window: 4 GiB behind the hole that ends at 4 GiB. */
	{"40 bits on bare metal",
	 P9,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(40)},
	 .plan = {.remove_default = true,
		  .create = true,
		  .page = MIB(2),
		  .size = GIB(64),
		  .levels = 1}},
	{"40 bits on bare metal, fits",
	 P9,
	 {.mem = GIB(1), .page = MIB(2), .highest = MASK(40)},
	 .plan = {.create = false}},
	{"60 bits reach 1<<59",
	 P9,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(60)},
	 .plan = {.create = true, .page = MIB(2), .size = GIB(64), .levels = 1}},
	{"identity on bare metal",
	 P9,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64), .identity = MASK(40)},
	 .plan = {.remove_default = true,
		  .create = true,
		  .page = MIB(2),
		  .size = GIB(1024),
		  .levels = 2}},
	{"identity on an lpar",
	 LPAR,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(64), .identity = MASK(40)},
	 .ret = -ENOSPC,
	 .word = "IOVA=VA"},
	{"identity beyond the device",
	 P9,
	 {.mem = GIB(4), .page = MIB(2), .highest = MASK(32), .identity = MASK(40)},
	 .ret = -EINVAL,
	 .word = "IOVA=VA"},
	{"memlock",
	 LPAR,
	 {.mem = GIB(64), .page = KIB(64), .highest = MASK(64)},
	 .ret = -ENOMEM,
	 .word = "memlock",
	 .lock_free = MIB(8) - 1},
	{"memlock just so",
	 LPAR,
	 {.mem = GIB(64), .page = KIB(64), .highest = MASK(64)},
	 .plan = {.create = true, .page = KIB(64), .size = GIB(64), .levels = 1},
	 .lock_free = MIB(8)},
	{"memlock of two tables",
	 P9,
	 {.mem = GIB(4), .page = KIB(4), .highest = MASK(64)},
	 .ret = -ENOMEM,
	 .word = "memlock",
	 .lock_free = MIB(16) - 1},
	{"nothing to map",
	 LPAR,
	 {.page = MIB(2), .highest = MASK(64)},
	 .ret = -EINVAL,
	 .word = "mem="},
	{"more than 64 bits hold",
	 LPAR,
	 {.mem = MASK(64), .page = MIB(2), .highest = MASK(64)},
	 .ret = -EINVAL,
	 .word = "mem="},
	{"no page",
	 LPAR,
	 {.mem = GIB(1), .page = 0, .highest = MASK(64)},
	 .ret = -EINVAL,
	 .word = "page="},
	{"a page of 3M",
	 LPAR,
	 {.mem = GIB(1), .page = MIB(3), .highest = MASK(64)},
	 .ret = -EINVAL,
	 .word = "page="},
	{"TCEs larger than the pages",
	 LPAR,
	 {.mem = GIB(1), .page = MIB(2), .highest = MASK(64), .tce_page = MIB(16)},
	 .ret = -EINVAL,
	 .word = "page"},
};

static void run(const struct row *row, uint64_t default_start, struct tce_plan *plan)
{
	struct tce_facts facts = row->facts;
	int ret;

	facts.default_start = default_start;
	facts.lock_free = row->lock_free ? row->lock_free : facts.lock_free;
	facts.max_windows = row->max_windows ? row->max_windows : facts.max_windows;
	facts.page_sizes = row->mask ? row->mask : facts.page_sizes;
	memset(plan, 0x5a, sizeof(*plan));
	ret = tce_plan(&facts, &row->need, plan);
	if (ret != row->ret)
		fail_msg("%s: answered %d, wanted %d: %s", row->name, ret, row->ret,
			 ret ? tce_error() : "");
}

static void table(void)
{
	struct tce_plan plan, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		run(row, 0, &plan);
		if (row->ret) {
			assert_memory_equal(&plan, &untouched, sizeof(plan));
			assert_sentence(row->word);
			continue;
		}
		if (plan.create != row->plan.create ||
		    plan.remove_default != row->plan.remove_default ||
		    plan.page != row->plan.page || plan.size != row->plan.size ||
		    plan.levels != row->plan.levels)
			fail_msg("%s: create %d remove %d page %#llx size %#llx levels %u",
				 row->name, plan.create, plan.remove_default,
				 (unsigned long long)plan.page, (unsigned long long)plan.size,
				 plan.levels);
		if (plan.create)
			assert_true(plan.locked >= plan.size / plan.page * 8);
	}
}

/* The same plan, carried out: what it says of memlock is what the kernel takes, at most. */
static void carried_out(const struct model_platform *platform, uint64_t mem, uint64_t page)
{
	struct tce_space_options opts = {.mem = mem, .page = page};
	struct tce_space_options none = {.no_windows = true};
	struct tce_space *space;
	struct tce_facts facts = {.lock_free = UINT64_MAX};
	struct tce_need need = {.mem = mem, .page = page, .highest = UINT64_MAX};
	struct tce_plan plan;
	uint64_t locked;

	machine(platform);
	assert_ok(tce_space_open(DEV_A, &none, &space));
	assert_ok(tce_kernel_model.facts(space->container_fd, &facts));
	assert_ok(tce_plan(&facts, &need, &plan));
	assert_ok(tce_space_close(space, DEV_A));
	machine(platform);
	/* The default window comes with the first CREATE. */
	locked = platform->default_size / 4096 * 8 * (platform->pseries ? 1 : 2);
	model_set_memlock(plan.locked + locked, false);
	assert_ok(tce_space_open(DEV_A, &opts, &space));
	assert_true(model_locked() - locked <= plan.locked);
	assert_true(model_locked() - locked >= plan.locked * 3 / 4);
	assert_ok(tce_space_close(space, DEV_A));
}

static void memlock_is_computed(void)
{
	carried_out(&model_p9, GIB(64), MIB(2));
	carried_out(&model_p9, GIB(64), KIB(64));
	carried_out(&model_p9, GIB(1024), KIB(4));
	carried_out(&model_p9_64k, GIB(1024), KIB(64));
	carried_out(&model_lpar, GIB(64), MIB(2));
	carried_out(&model_lpar, GIB(1024), KIB(64));
	carried_out(&model_lpar_64k, GIB(256), KIB(64));
	carried_out(&model_lpar_4g, GIB(64), MIB(2));
}

/* Where the window came to be is judged: 28, 32, 40 and 64 bits, and IOVA=VA. */
static void verify(void)
{
	struct tce_need need = {.mem = GIB(4), .page = MIB(2), .highest = MASK(64)};

	assert_ok(tce_plan_verify(&need, UINT64_C(1) << 59, GIB(64)));
	assert_ok(tce_plan_verify(&need, GIB(4), GIB(64)));
	assert_ok(tce_plan_verify(&need, 0, GIB(64)));
	need.highest = MASK(40);
	assert_int_equal(tce_plan_verify(&need, UINT64_C(1) << 59, GIB(64)), -ENOSPC);
	assert_ok(tce_plan_verify(&need, GIB(4), GIB(64)));
	need.highest = MASK(32);
	assert_int_equal(tce_plan_verify(&need, GIB(4), GIB(64)), -ENOSPC);
	need.highest = GIB(8) - 1;
	assert_ok(tce_plan_verify(&need, GIB(4), GIB(64)));
	need.highest = GIB(8) - 2;
	assert_int_equal(tce_plan_verify(&need, GIB(4), GIB(64)), -ENOSPC);
	need.highest = MASK(64);
	need.identity = MASK(36);
	assert_ok(tce_plan_verify(&need, 0, GIB(64)));
	assert_int_equal(tce_plan_verify(&need, 0, GIB(32)), -ENOSPC);
	assert_int_equal(tce_plan_verify(&need, GIB(4), GIB(64)), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		leaving_test(table),
		whole_test(memlock_is_computed),
		leaving_test(verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
