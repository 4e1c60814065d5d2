/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows: creating, removing, and what their tables cost. */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

enum {
	BLOCK_MAX = 16 << 20, /* largest contiguous allocation of a ppc64 kernel, 4K or 64K */
	POWERNV_LEVELS = 5,
};

/* TCEs of one window: so many a hypervisor makes, and so many the kernel does not ask it for. */
#define DDW_TCES     (UINT64_C(1) << 28)
#define DDW_TCES_OFF (UINT64_C(1) << 41)

static bool power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static unsigned log2_of(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n);
}

/* Bytes of one block of a table on bare metal: each level's blocks are of one size. */
static uint64_t block_size(uint64_t page, uint64_t size, uint32_t levels)
{
	unsigned entries = log2_of(size) - log2_of(page);
	uint64_t block = UINT64_C(8) << ((entries + levels - 1) / levels);

	return block < model.platform->system_page ? model.platform->system_page : block;
}

/*
 * What the kernel takes from memlock for a table (R20): on bare metal all levels, twice, the
 * hardware's and the userspace view. 0: refused before anything is taken.
 */
static uint64_t table_cost(uint64_t page, uint64_t size, uint32_t levels)
{
	uint64_t bytes = size / page * 8, block, cost = 0;

	if (model.platform->pseries)
		return levels > 1 ? UINT32_MAX : bytes;
	if (!levels || levels > POWERNV_LEVELS || !power_of_two(size))
		return 0;
	block = block_size(page, size, levels);
	bytes = bytes < 4096 ? 4096 : bytes;
	for (; levels; levels--) {
		cost += (bytes + block - 1) / block * block;
		bytes = bytes / block * 8;
		bytes = bytes < block ? block : bytes;
	}
	return 2 * cost;
}

/*
 * Bare metal: the table's place in the group decides where the window starts (W2, W3). Its table
 * fills at least a page of the system, and the window is as large as its table.
 */
static int powernv_create(struct table *table, bool first)
{
	uint64_t block = block_size(table->page, table->size, table->levels);
	uint64_t least = model.platform->system_page / 8 * table->page;

	if ((log2_of(block) - 3) * table->levels + log2_of(table->page) >= 55)
		return -EINVAL; /* W4 */
	if (block > BLOCK_MAX)
		return -ENOMEM; /* W6 */
	table->start = first ? model.platform->alone : model.platform->beside;
	table->size = table->size < least ? least : table->size;
	return 0;
}

static bool is_default(const struct table *table)
{
	return table->page == 4096 && table->size <= model.platform->default_size;
}

static int lose_slot(struct group *group, int ret)
{
	group->slot_lost = true; /* W11 */
	return ret;
}

/* An LPAR's window, from the hypervisor. */
static int ddw_create(const struct container *container, struct group *group, struct table *table)
{
	const struct model_platform *platform = model.platform;
	unsigned windows = 0, made = 0;

	if (platform->no_ddw)
		return lose_slot(group, -EINVAL);
	if (table->size / table->page >= DDW_TCES_OFF)
		return -EINVAL;
	if (table->size / table->page > DDW_TCES)
		model_die("W4: how many TCEs a hypervisor gives to one window is not known");
	for (unsigned i = 0; i < MODEL_TABLES; i++) {
		windows += container->tables[i].used;
		made += container->tables[i].used && !is_default(&container->tables[i]);
	}
	if (made || windows >= platform->max_windows || platform->fixed_window)
		return lose_slot(group, -ENODEV);
	table->start = windows ? platform->beside : platform->alone;
	return 0;
}

/* An LPAR: spapr_tce_create_table(). The first place of the two is the default window's (W3). */
static int pseries_create(const struct container *container, struct table *table, bool first)
{
	struct group *group = model_group_in(container);

	if (table->levels > 1 || !power_of_two(table->size))
		return -EINVAL; /* W4 */
	if (group->slot_lost)
		return -ENODEV;
	if (first && container->tables[1].used)
		return -EPERM; /* a window that was made is left, and a reset would take it */
	if (!first || !is_default(table) || model.platform->no_ddw)
		return ddw_create(container, group, table);
	table->start = model.platform->default_start;
	return 0;
}

static int create(struct container *container, uint64_t page, uint64_t size, uint32_t levels,
		  struct table **at)
{
	struct table made = {.used = true, .page = page, .size = size, .levels = levels};
	struct table *table = container->tables;
	int ret;

	for (; table->used; table++)
		if (table == &container->tables[MODEL_TABLES - 1])
			return -ENOSPC;
	if (!power_of_two(page) || !(model.platform->page_sizes & page))
		return -EINVAL;
	if (size && size < page)
		model_die("CREATE of less than one TCE: what the kernel does is not known");
	made.charged = table_cost(page, size, levels);
	if (!made.charged)
		return -EINVAL;
	if (!model_charge(container->mm, made.charged))
		return -ENOMEM;
	if (model.platform->pseries)
		ret = pseries_create(container, &made, table == container->tables);
	else
		ret = powernv_create(&made, table == container->tables);
	if (ret && model.quirks.mended)
		model_uncharge(container->mm, made.charged);
	else if (ret)
		container->mm->lost += model_whole_pages(made.charged); /* W5 */
	if (ret)
		return ret;
	if (model.platform->pseries && container->groups > 1) {
		model_uncharge(container->mm, made.charged);
		return -EPERM; /* W7 */
	}
	made.leaves = model_zalloc(made.size / page / MODEL_LEAF + 1, sizeof(*made.leaves));
	*table = made;
	*at = table;
	return 0;
}

/* R22: the default window comes into being with the first MAP, UNMAP or CREATE. */
int model_default_window(struct container *container)
{
	struct table *made;
	int ret;

	if (!container->default_pending)
		return 0;
	ret = create(container, 4096, model.platform->default_size, 1, &made);
	if (!ret)
		container->default_pending = false;
	return ret;
}

struct table *model_table(struct container *container, uint64_t iova)
{
	for (unsigned i = 0; i < MODEL_TABLES; i++) {
		struct table *t = &container->tables[i];

		if (t->used && iova >= t->start && iova - t->start < t->size)
			return t;
	}
	return NULL;
}

static void end(struct mm *mm, struct table *table)
{
	model_clear(mm, table, 0, table->size / table->page);
	for (uint64_t i = 0; i < table->size / table->page / MODEL_LEAF + 1; i++)
		free(table->leaves[i]);
	free(table->leaves);
	model_uncharge(mm, table->charged);
	*table = (struct table){.used = false};
}

void model_windows_end(struct container *container)
{
	for (unsigned i = 0; i < MODEL_TABLES; i++)
		if (container->tables[i].used)
			end(container->mm, &container->tables[i]);
}

/* A failure asked for: as one of the hypervisor's, after memlock was taken (W5). */
static int fail_create(struct container *container, uint64_t page, uint64_t size, uint32_t levels,
		       int fault)
{
	uint64_t cost = table_cost(page, size, levels);

	if (!model_charge(container->mm, cost))
		return -ENOMEM;
	container->mm->lost += model_whole_pages(cost);
	return fault;
}

int model_window_create(int fd, uint64_t page, uint64_t size, uint32_t levels, uint64_t *start)
{
	struct container *container;
	struct table *table = NULL;
	int ret, fault;
	bool fails = model_enter(MODEL_WINDOW_CREATE, &fault);

	container = model_container(fd, &ret);
	if (!container)
		return ret;
	ret = model_mm_set(container);
	if (!ret)
		ret = model_default_window(container);
	if (ret)
		return ret;
	if (fails)
		return fail_create(container, page, size, levels, fault);
	ret = create(container, page, size, levels, &table);
	if (!ret)
		*start = table->start;
	return ret;
}

int model_window_remove(int fd, uint64_t start)
{
	struct container *container;
	struct table *table;
	int ret;

	if (model_enter(MODEL_WINDOW_REMOVE, &ret))
		return ret;
	container = model_container(fd, &ret);
	if (!container)
		return ret;
	ret = model_mm_set(container);
	if (ret)
		return ret;
	if (container->default_pending && !start) {
		container->default_pending = false; /* R22 */
		return 0;
	}
	table = model_table(container, start);
	if (!table)
		return -EINVAL;
	end(container->mm, table);
	return 0;
}
