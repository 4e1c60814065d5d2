/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages from the middle of a range that EAL allocated as one: 3 of them go back while the rest is
 * in use by the application's mempool. The range is made before the application makes its pool, by
 * asking for little memory at a large alignment: what surrounds it stays free in EAL's heap.
 */
#include "plugin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_mempool.h>

#include <tce/tce.h>

#define RANGE_PAGES  64
#define MIDDLE_PAGES 3
#define MIDDLE_BYTES ((MIDDLE_PAGES + 1) * range.page + range.page / 4)

static struct {
	size_t page;
	char *first, *last; /* of the range: its ends */
	void *anchor, *behind, *middle, *before;
} range;

static void note_range(enum rte_mem_event event, const void *addr, size_t len, void *arg)
{
	union {
		const void *fixed;
		char *open;
	} at = {.fixed = addr};

	if (event != RTE_MEM_EVENT_ALLOC || range.first)
		return;
	range.first = at.open;
	range.last = at.open + len;
}

static size_t page_size(void)
{
	void *probe = rte_malloc(NULL, 64, 0);
	const struct rte_memseg_list *list = probe ? rte_mem_virt2memseg_list(probe) : NULL;
	size_t page = list ? list->page_sz : 0;

	rte_free(probe);
	return page;
}

static bool is_inside(const void *at)
{
	return (const char *)at >= range.first && (const char *)at < range.last;
}

int middle_prepare(void)
{
	range.page = page_size();
	if (!range.page || rte_mem_event_callback_register("middle", note_range, NULL))
		return -EINVAL;
	range.anchor = rte_malloc(NULL, 64, (unsigned)(RANGE_PAGES * range.page));
	rte_mem_event_callback_unregister("middle", NULL);
	/*
	 * Blocks are cut from the end of what is free, each in front of the one before it. EAL
	 * keeps the first page of the middle, since too little of the one in front of that is its.
	 */
	range.behind = rte_malloc(NULL, range.page, 0);
	range.middle = rte_malloc(NULL, MIDDLE_BYTES, (unsigned)range.page);
	range.before = rte_malloc(NULL, range.page / 4, 0);
	if (!range.anchor || !range.behind || !range.middle || !range.before)
		return -ENOMEM;
	tally.pages = (uint64_t)(range.last - range.first) / range.page;
	if (!is_inside(range.middle) || tally.pages < RANGE_PAGES)
		return -ERANGE;
	poison(range.middle, MIDDLE_BYTES);
	return 0;
}

static uint64_t hugepages_free(void)
{
	char path[96];
	unsigned long long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/free_hugepages",
		 range.page / 1024);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu", &n) != 1)
		wrong("%s cannot be read", path);
	if (f)
		fclose(f);
	return n;
}

static uint64_t regions(void)
{
	size_t n = 0;

	if (tce_region_list(NULL, &n))
		wrong("%s", tce_error());
	return n;
}

static void see_chunk(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk,
		      unsigned index)
{
	const char *first = chunk->addr, *last = first + chunk->len - 1;

	if (is_inside(first) && is_inside(last))
		tally.pool_inside = true;
}

static void see_pool(struct rte_mempool *pool, void *arg)
{
	rte_mempool_mem_iter(pool, see_chunk, NULL);
}

void middle_run(void)
{
	if (!rest(options.delay * 1000))
		return;
	rte_mempool_walk(see_pool, NULL);
	tally.free_before = hugepages_free();
	tally.regions_before = regions();
	if (!is_poisoned(range.middle, MIDDLE_BYTES))
		tally.corrupt++;
	rte_free(range.middle);
	tally.frees++;
	/* The kernel frees hugepages after a grace period. */
	rest(1000000);
	tally.free_after = hugepages_free();
	tally.regions_after = regions();
	tally.done = true;
}
