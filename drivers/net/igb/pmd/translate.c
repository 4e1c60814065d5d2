/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From addresses to IOVAs. Most of EAL's memory is one run, where that is one addition. What lies
 * outside of the run that a queue knows is looked up in libtce's table.
 */
#include "pmd.h"

#include <rte_memory.h>
#include <rte_mempool.h>

#include <tce/translate.h>

struct chunks {
	struct tce_space *space;
	uint64_t delta, first, end, bytes;
	bool any, one_run;
};

static void look(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk, unsigned at)
{
	struct chunks *chunks = arg;
	tce_iova_t iova;
	size_t len;

	if (tce_iova(chunks->space, chunk->addr, chunk->len, &iova, &len) || len < chunk->len ||
	    (chunks->any && iova - (uintptr_t)chunk->addr != chunks->delta))
		chunks->one_run = false;
	else
		chunks->delta = iova - (uintptr_t)chunk->addr;
	chunks->any = true;
	chunks->first = RTE_MIN(chunks->first, (uintptr_t)chunk->addr);
	chunks->end = RTE_MAX(chunks->end, (uintptr_t)chunk->addr + chunk->len);
	chunks->bytes += chunk->len;
}

bool translate_pool(struct tce_space *space, struct rte_mempool *pool, struct pmd_run *run)
{
	struct chunks chunks = {.space = space, .first = UINT64_MAX, .one_run = true};

	/* Such buffers lie elsewhere than their mbufs. */
	if (rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF)
		return false;
	rte_mempool_mem_iter(pool, look, &chunks);
	run->base = chunks.first;
	/* Chunks do not overlap: without gaps, their sum is what they span. */
	run->len = chunks.end - chunks.first == chunks.bytes ? chunks.bytes : 0;
	run->delta = chunks.delta;
	return chunks.any && chunks.one_run;
}

/* The run around an address: as far as addresses and IOVAs go on together. */
static struct pmd_run run_around(struct tce_space *space, const void *va)
{
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(va);
	struct pmd_run run = {0};
	tce_iova_t iova, before;
	uint64_t page;
	size_t len;

	if (!list)
		return run;
	page = list->page_sz;
	run.base = (uintptr_t)va & ~(page - 1);
	if (tce_iova(space, (const void *)run.base, list->len, &iova, &len))
		return run;
	run.delta = iova - run.base;
	run.len = len;
	while (run.base - page >= list->addr_64 &&
	       !tce_iova(space, (const void *)(run.base - page), 1, &before, NULL) &&
	       before - (run.base - page) == run.delta) {
		run.base -= page;
		run.len += page;
	}
	return run;
}

/*
 * Memory may be taken away while a queue's thread looks for a run. Whoever takes it away counts
 * that first, then empties the runs that it was in; here the run is noted first, then the count is
 * looked at again. So one of the two sees the other.
 */
static bool was_forgotten(const struct pmd_txq *q, unsigned forgotten)
{
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load(q->forgotten) != forgotten;
}

static void learn(struct pmd_txq *q, const void *va)
{
	unsigned forgotten = atomic_load(q->forgotten);
	struct pmd_run run = run_around(q->space, va);

	/* A frame that begins in it ends in it: a burst asks where it begins, and no more. */
	run.len = run.len > UINT16_MAX ? run.len - UINT16_MAX : 0;
	__atomic_store_n(&q->run.len, 0, __ATOMIC_RELAXED);
	q->run.base = run.base;
	q->run.delta = run.delta;
	__atomic_store_n(&q->run.len, run.len, __ATOMIC_RELAXED);
	if (was_forgotten(q, forgotten))
		__atomic_store_n(&q->run.len, 0, __ATOMIC_RELAXED);
}

void translate_learn(struct pmd_txq *q, struct rte_mempool *pool)
{
	unsigned forgotten = atomic_load(q->forgotten);
	struct pmd_run run = {0};

	/* A burst adds to the lower half of delta by itself what is in front of a frame. */
	if (!translate_pool(q->space, pool, &run) || (uint32_t)run.delta > UINT32_MAX - UINT16_MAX)
		run.len = 0;
	__atomic_store_n(&q->home.len, 0, __ATOMIC_RELAXED);
	q->home.base = run.base;
	q->home.delta = run.delta;
	__atomic_store_n(&q->home.len, run.len, __ATOMIC_RELAXED);
	__atomic_store_n(&q->pool, pool, __ATOMIC_RELAXED);
	if (!was_forgotten(q, forgotten))
		return;
	__atomic_store_n(&q->home.len, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&q->pool, NULL, __ATOMIC_RELAXED);
}

uint64_t translate_miss(struct pmd_txq *q, const void *va, size_t len)
{
	tce_iova_t iova;
	size_t got;

	if (q->misses++ % PMD_LEARN == 0)
		learn(q, va);
	if (tce_iova(q->space, va, len ? len : 1, &iova, &got) || got < len)
		return 0;
	return iova;
}
