/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL's memory segments: what there is, and whose IOVAs they carry. */
#include "internal.h"

#include <errno.h>

#include <rte_eal.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_memzone.h>

struct walk {
	struct runs *runs;
	bool ours;
	bool retry;
};

static bool iova_is_va(void)
{
	return rte_eal_iova_mode() == RTE_IOVA_VA;
}

static uint64_t segment_iova(const struct rte_memseg_list *list, const struct rte_memseg *seg,
			     bool ours)
{
	if (iova_is_va())
		return list->external ? seg->iova : seg->addr_64;
	return ours && seg->iova != RTE_BAD_IOVA ? seg->iova : RUN_ANY;
}

/* External memory outside of heaps is mapped by the application itself, by rte_dev_dma_map(). */
static bool is_for_dma(const struct rte_memseg_list *list, const struct rte_memseg *seg)
{
	if (!list->external)
		return true;
	return list->heap && seg->iova != RTE_BAD_IOVA;
}

static int add_segment(const struct rte_memseg_list *list, const struct rte_memseg *seg, void *arg)
{
	struct walk *walk = arg;
	struct run run = {
		.va = seg->addr,
		.len = seg->len,
		.page = list->page_sz,
		.iova = segment_iova(list, seg, walk->ours),
		.whole = list->external || events_never ||
			 (seg->flags & RTE_MEMSEG_FLAG_DO_NOT_FREE),
		.list = list,
	};

	if (!is_for_dma(list, seg) || (walk->ours && !walk->retry && seg->iova == RTE_BAD_IOVA))
		return 0;
	return runs_add(walk->runs, &run);
}

int segments_all(struct runs *runs, bool ours, bool retry)
{
	struct walk walk = {runs, ours, retry};

	return rte_memseg_walk_thread_unsafe(add_segment, &walk) ? -ENOMEM : 0;
}

int segments_of(const void *addr, size_t len, struct runs *runs)
{
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(addr);
	const struct rte_memseg *seg = list ? rte_mem_virt2memseg(addr, list) : NULL;
	bool whole = list && (list->external || need_match_allocations());

	for (size_t done = 0; seg && done < len; done += seg->len, seg++) {
		struct run run = {
			.va = seg->addr,
			.len = seg->len,
			.page = list->page_sz,
			.iova = segment_iova(list, seg, false),
			.whole = whole,
			.list = list,
		};

		/*
		 * External memory that has an event is a heap's, which EAL marks as such (22.11:
		 * rte_malloc_heap_memory_add()) only when the event is over.
		 */
		if (list->external && seg->iova == RTE_BAD_IOVA)
			continue;
		if (runs_add(runs, &run))
			return -ENOMEM;
	}
	return 0;
}

void segments_write(const struct run *run)
{
	if (iova_is_va() && run->iova != RUN_ANY)
		return;
	for (size_t done = 0; done < run->len; done += run->page) {
		struct rte_memseg *seg = rte_mem_virt2memseg(run->va + done, NULL);

		if (seg)
			seg->iova = run->iova == RUN_ANY ? RTE_BAD_IOVA : run->iova + done;
	}
}

bool segments_mapped(const void *addr, size_t len)
{
	const struct rte_memseg *seg = rte_mem_virt2memseg(addr, NULL);

	for (size_t done = 0; seg && done < len; done += seg->len, seg++)
		if (seg->iova != RTE_BAD_IOVA)
			return true;
	return false;
}

struct held {
	int socket;
	size_t bytes;
};

static int add_held(const struct rte_memseg_list *list, const struct rte_memseg *seg, void *arg)
{
	struct held *held = arg;

	if (!list->external && list->socket_id == held->socket)
		held->bytes += seg->len;
	return 0;
}

size_t segments_held(int socket)
{
	struct held held = {.socket = socket};

	rte_memseg_walk_thread_unsafe(add_held, &held);
	return held.bytes;
}

static void refresh_zone(const struct rte_memzone *zone, void *arg)
{
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(zone->addr);
	const struct rte_memseg *seg = list ? rte_mem_virt2memseg(zone->addr, list) : NULL;
	union {
		const struct rte_memzone *fixed;
		struct rte_memzone *open;
	} z = {.fixed = zone};

	/* rte_memzone_walk() shows zones as constant; that the IOVA of one changes is our doing. */
	if (seg && !list->external)
		z.open->iova = seg->iova + (zone->addr_64 - seg->addr_64);
}

void segments_refresh_zones(void)
{
	if (!iova_is_va())
		rte_memzone_walk(refresh_zone, NULL);
}

struct pools {
	bool ours;
	const char *stale;
};

static void check_chunk(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk,
			unsigned index)
{
	struct pools *pools = arg;
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(chunk->addr);
	const struct rte_memseg *seg = list ? rte_mem_virt2memseg(chunk->addr, list) : NULL;
	uint64_t off = seg ? (uintptr_t)chunk->addr - seg->addr_64 : 0;

	if (!seg || !is_for_dma(list, seg))
		return;
	if (!pools->ours || seg->iova == RTE_BAD_IOVA || chunk->iova != seg->iova + off)
		pools->stale = pool->name;
}

static void check_pool(struct rte_mempool *pool, void *arg)
{
	if (!(pool->flags & RTE_MEMPOOL_F_NON_IO))
		rte_mempool_mem_iter(pool, check_chunk, arg);
}

int segments_check_pools(bool ours)
{
	struct pools pools = {.ours = ours};

	if (iova_is_va())
		return 0;
	rte_mempool_walk(check_pool, &pools);
	if (!pools.stale)
		return 0;
	return eal_fail(-EEXIST,
			"mempool '%s' exists already and its buffers keep IOVAs that must change "
			"now: attach the first device before any mempool is made, by --vdev at "
			"start-up",
			pools.stale);
}
