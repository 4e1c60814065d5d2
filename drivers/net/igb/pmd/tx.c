/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain transmit burst: each frame in one buffer, no offloads. What is common it does without a
 * call: frames of the pool that the queue knows, a ring that does not wrap, what comes back fits
 * its pool's cache. All else is burst()'s.
 */
#include "tx_put.h"

/* The last descriptor of each batch reports for all of it. */
static __rte_always_inline void advance(struct pmd_txq *q, unsigned n, uint64_t bytes)
{
	unsigned end = q->next + n, at = q->next | (PMD_TX_BATCH - 1);

	if (at < end)
		q->ring[at].upper |= IGB_TX_RS;
	while (unlikely((at += PMD_TX_BATCH) < end))
		q->ring[at].upper |= IGB_TX_RS;
	q->free -= n;
	q->next = end == q->n ? 0 : end;
	q->packets += n;
	q->bytes += bytes;
}

/* All batches that are in use need a look, the one that is not full too. */
static void mix(struct pmd_txq *q)
{
	unsigned used = q->n - 1 - q->free;

	q->mixed = (used + PMD_TX_BATCH - 1) / PMD_TX_BATCH;
}

/* Frames of any sort into the next descriptors; up to one that is not mapped. */
static unsigned fill(struct pmd_txq *q, struct rte_mbuf **pkts, unsigned n)
{
	struct igb_tx_desc *desc = q->ring + q->next;
	struct rte_mbuf **sw = q->sw + q->next;
	uint64_t bytes = 0;
	unsigned i = 0;

	for (; i < n; i++) {
		uint64_t iova = tx_iova(q, pkts[i]), len = pkts[i]->data_len;

		if (unlikely(!iova))
			break;
		bytes += len;
		sw[i] = pkts[i];
		desc[i].lower = iova;
		desc[i].upper = TX_COMMAND | len | IGB_TX_PAYLEN(len);
	}
	advance(q, i, bytes);
	mix(q);
	return i;
}

/* Frames into the next descriptors, none behind the ring's end; up to one that is not mapped. */
static unsigned piece(struct pmd_txq *q, struct rte_mbuf **pkts, unsigned n)
{
	uint64_t bytes;

	if (!tx_put(q->ring + q->next, q->sw + q->next, pkts, n, &q->home, &bytes))
		return fill(q, pkts, n);
	advance(q, n, bytes);
	return n;
}

/* Have the queue know the pool of what it sends, unless it only seldom sends of that. */
static void meet(struct pmd_txq *q, struct rte_mempool *pool)
{
	if (pool == q->pool || (q->pool && q->strangers++ % PMD_LEARN != 0))
		return;
	translate_learn(q, pool);
	mix(q);
}

/* Free the oldest batch, if it has left; whether it did. */
static bool give_back(struct pmd_txq *q)
{
	struct rte_mbuf **sw = q->sw + q->oldest;

	if (!tx_has_batch(q) || !tx_is_done(&q->ring[q->oldest + PMD_TX_BATCH - 1]))
		return false;
	if (!q->mixed || tx_is_simple(sw))
		rte_mempool_put_bulk(sw[0]->pool, (void **)sw, PMD_TX_BATCH);
	else
		tx_free_each(sw);
	tx_batch_is_free(q);
	return true;
}

/* A burst whatever it meets. */
static __rte_noinline uint16_t burst(struct pmd_txq *q, struct rte_mbuf **pkts, unsigned n)
{
	unsigned done = 0;

	if (n)
		meet(q, pkts[0]->pool);
	while (q->free < q->threshold && give_back(q))
		;
	n = RTE_MIN(n, (unsigned)q->free);
	if (!n)
		return 0;
	while (done < n) {
		unsigned room = RTE_MIN(n - done, (unsigned)(q->n - q->next));
		unsigned now = piece(q, pkts + done, room);

		done += now;
		if (now < room) {
			rte_pktmbuf_free(pkts[done++]);
			q->errors++;
		}
	}
	/* The one sync: descriptors and frames before the doorbell. */
	tce_io_write32(q->tail, q->next);
	return (uint16_t)done;
}

/* Free the two oldest batches if both have left. False: that is not so simple. */
static __rte_always_inline bool reclaim(struct pmd_txq *q)
{
	enum { TWO = 2 * PMD_TX_BATCH };
	struct rte_mbuf **sw = q->sw + q->oldest, **to;
	struct rte_mempool_cache *cache;

	if (unlikely(q->oldest + TWO > q->n || q->mixed))
		return false;
	/* A threshold leaves two batches at least, so these are in use as a whole. */
	if (!tx_is_done(&q->ring[q->oldest + TWO - 1]))
		return true;
	cache = rte_mempool_default_cache(sw[0]->pool, rte_lcore_id());
	if (unlikely(!cache || cache->len + TWO > cache->flushthresh))
		return false;
	to = (struct rte_mbuf **)&cache->objs[cache->len];
	cache->len += TWO;
	for (unsigned i = 0; i < TWO / 8; i++, to += 8, sw += 8)
		tx_move_eight(to, sw);
	q->free += TWO;
	q->oldest = q->oldest + TWO == q->n ? 0 : q->oldest + TWO;
	return true;
}

uint16_t tx_plain(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_txq *q = queue;
	uint64_t bytes;

	if (q->free < q->threshold && unlikely(!reclaim(q)))
		return burst(q, pkts, n);
	if (unlikely(n > q->free || q->next + n > q->n || !n))
		return burst(q, pkts, n);
	if (unlikely(!tx_put(q->ring + q->next, q->sw + q->next, pkts, n, &q->home, &bytes)))
		return burst(q, pkts, n);
	advance(q, n, bytes);
	/* The one sync: descriptors and frames before the doorbell. */
	tce_io_write32(q->tail, q->next);
	return n;
}
