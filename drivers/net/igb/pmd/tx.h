/* SPDX-License-Identifier: BSD-3-Clause */
/* What all transmit bursts do alike. */
#ifndef PMD_TX_H
#define PMD_TX_H

#include <rte_mempool.h>

#include "bits.h"
#include "pmd.h"

/* Two pointers, moved at once. */
typedef uint64_t tx_pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Give a batch back to the one pool that all its mbufs are of, by the pool's cache. */
static inline void tx_free_pool(struct rte_mbuf **sw)
{
	struct rte_mempool *pool = sw[0]->pool;
	struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());
	const tx_pair *from = (const tx_pair *)sw;
	tx_pair *to;

	if (unlikely(!cache || cache->len + PMD_TX_BATCH > cache->flushthresh)) {
		rte_mempool_generic_put(pool, (void **)sw, PMD_TX_BATCH, cache);
		return;
	}
	to = (tx_pair *)&cache->objs[cache->len];
	cache->len += PMD_TX_BATCH;
	for (unsigned i = 0; i < PMD_TX_BATCH / 2; i++)
		to[i] = from[i];
}

/* Give a batch back whatever its mbufs are: shared, indirect, of several pools, missing. */
static inline void tx_free_each(struct rte_mbuf **sw)
{
	struct rte_mbuf *free[PMD_TX_BATCH];
	unsigned n = 0;

	for (unsigned i = 0; i < PMD_TX_BATCH; i++) {
		struct rte_mbuf *m = sw[i] ? rte_pktmbuf_prefree_seg(sw[i]) : NULL;

		if (!m)
			continue;
		if (n && m->pool != free[0]->pool) {
			rte_mempool_put_bulk(free[0]->pool, (void **)free, n);
			n = 0;
		}
		free[n++] = m;
	}
	if (n)
		rte_mempool_put_bulk(free[0]->pool, (void **)free, n);
}

/* The oldest batch is in use as a whole. Else its report may be one of a lap before. */
static inline bool tx_has_batch(const struct pmd_txq *q)
{
	return q->free + PMD_TX_BATCH < q->n;
}

/*
 * Whether the device has done what a descriptor asks. There is no barrier after this: of what the
 * device wrote nothing else is read, and stores into memory that is free again, which depend on the
 * branch, are not made before the load (Power ISA, Book II, 1.7.1).
 */
static inline bool tx_is_done(const struct igb_tx_desc *desc)
{
	return ((const volatile struct igb_tx_desc *)desc)->upper & IGB_TX_DONE;
}

static inline void tx_batch_is_free(struct pmd_txq *q)
{
	unsigned next = q->oldest + PMD_TX_BATCH;

	q->free += PMD_TX_BATCH;
	q->oldest = (uint16_t)(next == q->n ? 0 : next);
}

/* The IOVA of an mbuf's data. 0: it is not mapped. */
static inline uint64_t tx_iova(struct pmd_txq *q, const struct rte_mbuf *m)
{
	uint64_t va = (uintptr_t)m->buf_addr + m->data_off;

	if (likely(va - q->run.base < q->run.len))
		return va + q->run.delta;
	return translate_miss(q, (const void *)va, m->data_len);
}

#endif
