/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan of windows where one byte, one TCE or one level more would change it. */
#include "fixture.h"

#define ALL UINT64_MAX
#define TOP (UINT64_C(1) << 60)
/* Where a window beside the default one usually starts. */
#define BESIDE (UINT64_C(1) << 59)

static const struct tce_facts p9 = {.default_size = 2ull << 30,
				    .page_sizes = 0x40211000,
				    .max_windows = 2,
				    .levels = 5,
				    .lock_free = UINT64_MAX,
				    .system_page = 4096};
static const struct tce_facts lpar = {.default_size = 1ull << 30,
				      .page_sizes = 0x1211000,
				      .max_windows = 2,
				      .levels = 1,
				      .lock_free = UINT64_MAX,
				      .system_page = 4096};
/* Bare metal with tables of two levels at most; with a default window elsewhere. */
static const struct tce_facts two_levels = {.default_size = 2ull << 30,
					    .page_sizes = 0x40211000,
					    .max_windows = 2,
					    .levels = 2,
					    .lock_free = UINT64_MAX,
					    .system_page = 4096};
static const struct tce_facts elsewhere = {.default_start = 4ull << 30,
					   .default_size = 2ull << 30,
					   .page_sizes = 0x40211000,
					   .max_windows = 2,
					   .levels = 5,
					   .lock_free = UINT64_MAX,
					   .system_page = 4096};
static const struct tce_facts one_window = {.default_size = 1ull << 30,
					    .page_sizes = 0x1211000,
					    .max_windows = 1,
					    .levels = 1,
					    .lock_free = UINT64_MAX,
					    .system_page = 4096};
/* A slot without DDW whose mask has pages all the same. */
static const struct tce_facts no_ddw = {.default_size = 1ull << 30,
					.page_sizes = 0x1211000,
					.max_windows = UINT32_MAX,
					.levels = 1,
					.lock_free = UINT64_MAX,
					.system_page = 4096};

/* An LPAR and bare metal with memlock for no table at all. */
static const struct tce_facts lpar_no_lock = {.default_size = 1ull << 30,
					      .page_sizes = 0x1211000,
					      .max_windows = 2,
					      .levels = 1,
					      .lock_free = 0,
					      .system_page = 4096};
static const struct tce_facts p9_no_lock = {.default_size = 2ull << 30,
					    .page_sizes = 0x40211000,
					    .max_windows = 2,
					    .levels = 5,
					    .lock_free = 0,
					    .system_page = 4096};

struct row {
	const char *name;
	const struct tce_facts *facts;
	struct tce_need need; /* mem, page, highest, identity, I/O page */
	int ret;
	const char *word; /* of a refusal */
	bool create, remove_default;
	uint64_t size;
	uint32_t levels;
};

static const struct row rows[] = {
	{"a short mask on an LPAR, and no memlock",
	 &lpar_no_lock,
	 {GIB(2), MIB(2), GIB(1024) - 1, 0, 0},
	 .ret = -ENOMEM,
	 .word = "memlock"},
	{"a short mask on bare metal, and no memlock",
	 &p9_no_lock,
	 {GIB(4), MIB(2), GIB(1024) - 1, 0, 0},
	 .ret = -ENOMEM,
	 .word = "memlock"},
	{"IOVA=VA to the default window's last byte",
	 &p9,
	 {GIB(1), MIB(2), ALL, GIB(2) - 1, 0},
	 .ret = 0},
	{"IOVA=VA in its middle", &p9, {GIB(1), MIB(2), ALL, GIB(1), 0}, .ret = 0},
	{"IOVA=VA one byte above it",
	 &p9,
	 {GIB(1), MIB(2), ALL, GIB(2), 0},
	 .create = true,
	 .remove_default = true,
	 .size = GIB(64),
	 .levels = 1},
	{"IOVA=VA, and the default window is elsewhere",
	 &elsewhere,
	 {GIB(1), MIB(2), ALL, GIB(5), 0},
	 .create = true,
	 .remove_default = true,
	 .size = GIB(64),
	 .levels = 1},
	{"IOVA=VA to the device's last byte",
	 &p9,
	 {GIB(1), MIB(2), GIB(4), GIB(4), 0},
	 .create = true,
	 .remove_default = true,
	 .size = GIB(64),
	 .levels = 1},
	{"as much memory as there is",
	 &p9,
	 {TOP, GIB(1), ALL, 0, 0},
	 .ret = -ENOSPC,
	 .word = "levels"},
	{"one level, its table just small enough",
	 &p9,
	 {GIB(256), MIB(2), ALL, 0, 0},
	 .create = true,
	 .size = GIB(256),
	 .levels = 1},
	{"one level would be too large",
	 &p9,
	 {GIB(512), MIB(2), ALL, 0, 0},
	 .create = true,
	 .size = GIB(512),
	 .levels = 2},
	{"the last level that there is",
	 &two_levels,
	 {GIB(512), MIB(2), ALL, 0, 0},
	 .create = true,
	 .size = GIB(512),
	 .levels = 2},
	{"one bit more than the levels' bits",
	 &p9,
	 {TOP >> 5, MIB(2), ALL, 0, 0},
	 .ret = -ENOSPC,
	 .word = "levels"},
	{"two levels would have one bit too many",
	 &p9,
	 {TOP >> 6, MIB(2), ALL, 0, 0},
	 .create = true,
	 .size = TOP >> 6,
	 .levels = 3},
	{"an LPAR, and a device that reaches above its default window",
	 &lpar,
	 {GIB(4), MIB(2), (1ull << 40) - 1, 0, 0},
	 .create = true,
	 .size = GIB(64),
	 .levels = 1},
	{"to its last byte only",
	 &lpar,
	 {GIB(4), MIB(2), GIB(1) - 1, 0, 0},
	 .ret = -ENOSPC,
	 .word = "reaches"},
	{"one byte above it",
	 &lpar,
	 {GIB(4), MIB(2), GIB(1), 0, 0},
	 .create = true,
	 .size = GIB(64),
	 .levels = 1},
	{"the same, with one window only",
	 &one_window,
	 {GIB(4), MIB(2), (1ull << 40) - 1, 0, 0},
	 .create = true,
	 .remove_default = true,
	 .size = GIB(64),
	 .levels = 1},
	{"all that a device reaches from 0 on",
	 &p9,
	 {GIB(62), MIB(2), GIB(64) - 1, 0, 0},
	 .create = true,
	 .remove_default = true,
	 .size = GIB(64),
	 .levels = 1},
	{"and one byte more",
	 &p9,
	 {GIB(62) + 1, MIB(2), GIB(64) - 1, 0, 0},
	 .ret = -ENOSPC,
	 .word = "reaches"},
	{"half of it, and the hole",
	 &p9,
	 {GIB(63), MIB(2), GIB(128) - 1, 0, 0},
	 .create = true,
	 .remove_default = true,
	 .size = GIB(128),
	 .levels = 1},
	{"no DDW, and room", &no_ddw, {GIB(1), MIB(2), ALL, 0, 0}, .ret = 0},
	{"no DDW, and no room",
	 &no_ddw,
	 {GIB(1) + 1, MIB(2), ALL, 0, 0},
	 .ret = -ENOSPC,
	 .word = "no DDW"},
	{"small pages, which a created window takes no better",
	 &p9,
	 {GIB(2), KIB(4), ALL, 0, 0},
	 .ret = 0},
	{"a device that reaches the first byte beside",
	 &p9,
	 {GIB(1), MIB(2), BESIDE, 0, 0},
	 .create = true,
	 .size = GIB(64),
	 .levels = 1},
	{"one that does not", &p9, {GIB(1), MIB(2), BESIDE - 1, 0, 0}, .ret = 0},
	{"much memory, and the first byte beside",
	 &p9,
	 {GIB(4), MIB(2), BESIDE, 0, 0},
	 .create = true,
	 .size = GIB(64),
	 .levels = 1},
	{"much memory, and not that",
	 &p9,
	 {GIB(4), MIB(2), BESIDE - 1, 0, 0},
	 .create = true,
	 .remove_default = true,
	 .size = GIB(64),
	 .levels = 1},
	{"a device that reaches one byte", &p9, {1, MIB(2), 0, 0, 0}, .ret = 0},
	{"I/O pages that there are not",
	 &p9,
	 {GIB(4), MIB(2), ALL, 0, KIB(128)},
	 .ret = -ENOSPC,
	 .word = "pages of 128 KiB"},
	{"pages that there are not",
	 &lpar,
	 {GIB(4), KIB(16), ALL, 0, 0},
	 .ret = -ENOSPC,
	 .word = "pages of 16 KiB"},
};

static void table(void)
{
	machine(&model_p9);
	for (const struct row *r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++) {
		struct tce_plan plan = {.size = 42};
		int ret = tce_plan(r->facts, &r->need, &plan);

		if (ret != r->ret)
			fail_msg("%s: %d, %s", r->name, ret, ret ? tce_error() : "");
		if (ret && !strstr(tce_error(), r->word))
			fail_msg("%s: %s", r->name, tce_error());
		if (ret ? plan.size != 42
			: plan.create != r->create || plan.remove_default != r->remove_default ||
				    plan.size != r->size || plan.levels != r->levels)
			fail_msg("%s: create %d, remove %d, %#llx bytes, %u levels", r->name,
				 plan.create, plan.remove_default, (unsigned long long)plan.size,
				 plan.levels);
	}
}

static void verify(void)
{
	struct tce_need need = {.mem = 1, .page = MIB(2), .highest = BESIDE};

	machine(&model_p9);
	assert_ok(tce_plan_verify(&need, BESIDE, GIB(64)));
	need.highest--;
	assert_int_equal(tce_plan_verify(&need, BESIDE, GIB(64)), -ENOSPC);
}

/* Memlock for a table is a page at least, and the upper levels count. */
static void what_a_table_locks(void)
{
	machine(&model_p9);
	assert_int_equal(tce_plan_locked(&lpar, MIB(2), GIB(1), 1), KIB(4));
	assert_int_equal(tce_plan_locked(&lpar, MIB(2), GIB(64), 1), KIB(256));
	assert_int_equal(tce_plan_locked(&p9, MIB(2), GIB(64), 1), 2 * KIB(256));
	assert_true(tce_plan_locked(&p9, MIB(2), GIB(512), 2) > 2 * MIB(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(table),
		whole_test(verify),
		whole_test(what_a_table_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
