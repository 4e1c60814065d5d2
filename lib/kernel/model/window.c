/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows: creating, removing, and what their tables cost. */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

enum {
	BLOCK_MAX = 16 << 20, /* largest contiguous allocation of a ppc64 kernel, 4K or 64K */
	POWERNV_LEVELS = 5,
};

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
		return levels > 1 ? UINT32_MAX & ~(model.platform->system_page - 1) : bytes;
	if (!levels || levels > POWERNV_LEVELS || !power_of_two(size))
		return 0;
	block = block_size(page, size, levels);
	bytes = bytes < 4096 ? 4096 : bytes;
	for (; levels; levels--) {
		bytes = (bytes + block - 1) / block * block;
		cost += bytes;
		bytes = bytes / block * 8;
	}
	return 2 * cost;
}

/* Bare metal: the table's place in the group decides where the window starts (W2, W3). */
static int powernv_create(const struct table *table, bool beside, uint64_t *start, uint64_t *back)
{
	uint64_t block = block_size(table->page, table->size, table->levels);

	if ((log2_of(block) - 3) * table->levels + log2_of(table->page) >= 60)
		return -EINVAL;
	if (block > BLOCK_MAX)
		return -ENOMEM; /* W6 */
	*start = beside ? model.platform->beside : model.platform->alone;
	/* Lower levels come with MAP: removing gives back what was allocated at first, once. */
	*back = block;
	return 0;
}

/* An LPAR: the hypervisor has so many windows, and a refusal of its own costs the slot (W11). */
static int pseries_create(const struct container *container, const struct table *table,
			  uint64_t *start)
{
	const struct model_platform *platform = model.platform;
	unsigned has_default = 0, used = 0;

	for (unsigned i = 0; i < MODEL_TABLES; i++) {
		used += container->tables[i].used;
		has_default |= container->tables[i].used &&
			       container->tables[i].start == platform->default_start;
	}
	if (table->levels != 1 || !power_of_two(table->size) || log2_of(table->size) > 48)
		return -EINVAL; /* W4 */
	if (!has_default && table->page == 4096 && table->size <= platform->default_size) {
		*start = platform->default_start; /* W3 */
		return 0;
	}
	if (container->group->slot_lost || used > has_default || used >= platform->max_windows) {
		container->group->slot_lost = true;
		return -ENODEV;
	}
	*start = has_default ? platform->beside : platform->alone;
	return 0;
}

static int create(struct container *container, struct table *table, uint64_t page, uint64_t size,
		  uint32_t levels)
{
	struct table made = {.used = true, .page = page, .size = size, .levels = levels};
	int ret;

	if (size < page)
		model_die("CREATE of less than one TCE: what the kernel does is not known");
	made.charged = table_cost(page, size, levels);
	if (!made.charged)
		return -EINVAL;
	if (!model_charge(made.charged))
		return -ENOMEM;
	made.back = made.charged;
	if (model.platform->pseries)
		ret = pseries_create(container, &made, &made.start);
	else
		ret = powernv_create(&made, table != container->tables, &made.start, &made.back);
	if (ret) {
		model.lost += made.charged; /* W5 */
		return ret;
	}
	made.leaves = model_zalloc(size / page / MODEL_LEAF + 1, sizeof(*made.leaves));
	*table = made;
	return 0;
}

/* R22: the default window comes into being with the first MAP or CREATE. */
int model_default_window(struct container *container)
{
	struct table *table = &container->tables[0];

	if (!container->default_pending)
		return 0;
	*table = (struct table){.used = true,
				.start = model.platform->default_start,
				.page = 4096,
				.size = model.platform->default_size,
				.levels = 1};
	table->charged = table_cost(table->page, table->size, 1);
	table->back = model.platform->pseries ? table->charged : table->charged / 2;
	if (!model_charge(table->charged)) {
		table->used = false;
		return -ENOMEM;
	}
	table->leaves =
		model_zalloc(table->size / table->page / MODEL_LEAF + 1, sizeof(*table->leaves));
	container->default_pending = false;
	return 0;
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

static void end(struct table *table)
{
	model_clear(table, 0, table->size / table->page);
	for (uint64_t i = 0; i < table->size / table->page / MODEL_LEAF + 1; i++)
		free(table->leaves[i]);
	free(table->leaves);
	model.lost += table->charged - table->back;
	model_uncharge(table->back);
	*table = (struct table){.used = false};
}

void model_windows_end(struct container *container)
{
	for (unsigned i = 0; i < MODEL_TABLES; i++)
		if (container->tables[i].used)
			end(&container->tables[i]);
}

int model_window_create(int fd, uint64_t page, uint64_t size, uint32_t levels, uint64_t *start)
{
	struct container *container;
	struct table *table;
	int ret, fault;
	bool fails = model_enter(MODEL_WINDOW_CREATE, &fault);

	container = model_container(fd, &ret);
	if (!container)
		return ret;
	ret = model_default_window(container);
	if (ret)
		return ret;
	for (table = container->tables; table->used; table++)
		if (table == &container->tables[MODEL_TABLES - 1])
			return -ENOSPC;
	if (!power_of_two(page) || !(model.platform->page_sizes & page))
		return -EINVAL;
	if (fails) {
		uint64_t cost = table_cost(page, size, levels);

		if (!model_charge(cost))
			return -ENOMEM;
		model.lost += cost; /* W5 */
		return fault;
	}
	ret = create(container, table, page, size, levels);
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
	if (container->default_pending && !start) {
		container->default_pending = false; /* R22 */
		return 0;
	}
	table = model_table(container, start);
	if (!table)
		return -EINVAL;
	end(table);
	return 0;
}
