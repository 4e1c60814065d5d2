/* SPDX-License-Identifier: BSD-3-Clause */
/* What all transmit bursts do alike. */
#ifndef PMD_TX_H
#define PMD_TX_H

#include <rte_mempool.h>

#include "bits.h"
#include "pmd.h"

#define TX_COMMAND (IGB_TX_DATA | IGB_TX_DEXT | IGB_TX_IFCS | IGB_TX_EOP)

/* Two pointers, moved at once. */
typedef uint64_t tx_pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Two of an mbuf's fields at once. */
typedef uint32_t __attribute__((may_alias, aligned(2))) tx_counts;
static_assert(offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, refcnt) + 2,
	      "refcnt, nb_segs");

static __rte_always_inline void tx_move_eight(struct rte_mbuf **to, struct rte_mbuf *const *from)
{
	const tx_pair *f = (const tx_pair *)from;
	tx_pair *t = (tx_pair *)to;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
	t[3] = f[3];
}

/*
 * Whether a batch may go back as it is: all of one pool, used by nobody else, each by itself and
 * with its own buffer. rte_pktmbuf_prefree_seg() asks the same, mbuf by mbuf.
 */
static inline bool tx_is_simple(struct rte_mbuf *const *sw)
{
	uint64_t pools = 0, flags = 0, next = 0, counts = 0;
	const struct rte_mempool *pool = sw[0]->pool;

	for (unsigned i = 0; i < PMD_TX_BATCH; i++) {
		const struct rte_mbuf *m = sw[i];

		pools |= (uintptr_t)m->pool ^ (uintptr_t)pool;
		flags |= m->ol_flags;
		next |= (uintptr_t)m->next;
		/* refcnt and nb_segs, both 1. */
		counts |= *(const tx_counts *)&m->refcnt ^ 0x10001u;
	}
	return !(pools | next | counts | (flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)));
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

	if (unlikely(q->mixed))
		q->mixed--;
	q->free += PMD_TX_BATCH;
	q->oldest = next == q->n ? 0 : next;
}

/* Free what is in the ring: of what was freed before, sw still has the pointers. */
static inline void tx_free_rest(struct pmd_txq *q)
{
	for (; q->oldest != q->next; q->oldest = q->oldest + 1 == q->n ? 0 : q->oldest + 1)
		if (q->sw[q->oldest])
			rte_pktmbuf_free_seg(q->sw[q->oldest]);
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
