/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain transmit bursts: each frame in one buffer, no offloads. One is told that all mbufs are
 * of one pool and used by nobody else (FAST_FREE), the other looks. Both do the common case without
 * a call: the queue's run is known, the ring does not wrap, what comes back fits its pool's cache.
 * All else is burst()'s.
 */
#include "tx.h"

#define COMMAND (IGB_TX_DATA | IGB_TX_DEXT | IGB_TX_IFCS | IGB_TX_EOP)

/* What a burst goes through, a frame at a time. */
struct cursor {
	struct igb_tx_desc *desc;
	struct rte_mbuf **sw, **in;
	uint64_t bytes;
};

/* The @i-th frame from the cursor on, whose data is at this IOVA. */
static __rte_always_inline void put(struct cursor *c, unsigned i, struct rte_mbuf *m, uint64_t iova)
{
	uint64_t len = m->data_len;

	c->bytes += len;
	c->sw[i] = m;
	c->desc[i].lower = iova;
	c->desc[i].upper = COMMAND | BITS_TWICE(len, 46);
}

static __rte_always_inline void move(struct cursor *c, unsigned n)
{
	c->desc += n;
	c->sw += n;
	c->in += n;
}

static __rte_always_inline struct cursor cursor_at(struct pmd_txq *q, struct rte_mbuf **pkts)
{
	return (struct cursor){.desc = q->ring + q->next, .sw = q->sw + q->next, .in = pkts};
}

/* The last descriptor of each batch reports for all of it. */
static __rte_always_inline void advance(struct pmd_txq *q, unsigned n, uint64_t bytes)
{
	unsigned end = q->next + n;

	for (unsigned at = q->next | (PMD_TX_BATCH - 1); at < end; at += PMD_TX_BATCH)
		q->ring[at].upper |= IGB_TX_RS;
	q->free -= n;
	q->next = end == q->n ? 0 : end;
	q->packets += n;
	q->bytes += bytes;
}

/* Frames into the next descriptors, none behind the ring's end; up to one that is not mapped. */
static unsigned fill(struct pmd_txq *q, struct rte_mbuf **pkts, unsigned n)
{
	struct cursor c = cursor_at(q, pkts);
	unsigned i = 0;

	for (; i < n; i++, move(&c, 1)) {
		uint64_t iova = tx_iova(q, pkts[i]);

		if (unlikely(!iova))
			break;
		put(&c, 0, pkts[i], iova);
	}
	advance(q, i, c.bytes);
	return i;
}

/* A burst whatever it meets. */
static __rte_noinline uint16_t burst(struct pmd_txq *q, struct rte_mbuf **pkts, unsigned n)
{
	unsigned done = 0;

	if (n && pkts[0]->pool != q->pool && q->misses % PMD_LEARN == 0)
		translate_learn(q, pkts[0]->pool);
	while (q->free < q->threshold && tx_reclaim(q))
		;
	n = RTE_MIN(n, (unsigned)q->free);
	if (!n)
		return 0;
	while (done < n) {
		unsigned room = RTE_MIN(n - done, (unsigned)(q->n - q->next));
		unsigned now = fill(q, pkts + done, room);

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

/* Where in the run an mbuf's data is; behind its end if it is not in it. */
static __rte_always_inline uint64_t into(const struct rte_mbuf *m, uint64_t base)
{
	return (uintptr_t)m->buf_addr + m->data_off - base;
}

/* All frames, four at a time. False, and nothing has happened: one is not in the queue's run. */
static __rte_always_inline bool put_all(struct cursor *c, const struct pmd_run *run, unsigned n)
{
	uint64_t base = run->base, len = run->len, iova = run->base + run->delta;

	for (unsigned fours = n / 4; fours; fours--, move(c, 4)) {
		uint64_t i0 = into(c->in[0], base), i1 = into(c->in[1], base);
		uint64_t i2 = into(c->in[2], base), i3 = into(c->in[3], base);

		if (unlikely(i0 >= len || i1 >= len || i2 >= len || i3 >= len))
			return false;
		put(c, 0, c->in[0], iova + i0);
		put(c, 1, c->in[1], iova + i1);
		put(c, 2, c->in[2], iova + i2);
		put(c, 3, c->in[3], iova + i3);
	}
	for (n %= 4; n; n--, move(c, 1)) {
		uint64_t i = into(c->in[0], base);

		if (unlikely(i >= len))
			return false;
		put(c, 0, c->in[0], iova + i);
	}
	return true;
}

/*
 * The same for frames of one pool, which the queue knows. Two of them are looked at: that all are
 * of one pool, and have their own buffers, is what FAST_FREE promises.
 */
static __rte_always_inline bool put_pool(struct cursor *c, const struct pmd_txq *q, unsigned n)
{
	uint64_t delta = q->run.delta;

	if (unlikely(c->in[0]->pool != q->pool || c->in[n - 1]->pool != q->pool))
		return false;
	for (unsigned fours = n / 4; fours; fours--, move(c, 4)) {
		put(c, 0, c->in[0], into(c->in[0], 0) + delta);
		put(c, 1, c->in[1], into(c->in[1], 0) + delta);
		put(c, 2, c->in[2], into(c->in[2], 0) + delta);
		put(c, 3, c->in[3], into(c->in[3], 0) + delta);
	}
	for (n %= 4; n; n--, move(c, 1))
		put(c, 0, c->in[0], into(c->in[0], 0) + delta);
	return true;
}

/* Free the oldest batch if it has left. False: that is not so simple. */
static __rte_always_inline bool reclaim(struct pmd_txq *q, bool one_pool)
{
	struct rte_mbuf **sw = q->sw + q->oldest;

	/* A threshold leaves two batches at least, so this one is in use as a whole. */
	if (!tx_is_done(&q->ring[q->oldest + PMD_TX_BATCH - 1]))
		return true;
	if ((!one_pool && !tx_is_simple(sw)) || !tx_free_to_cache(sw))
		return false;
	tx_batch_is_free(q);
	return true;
}

static __rte_always_inline uint16_t quick(struct pmd_txq *q, struct rte_mbuf **pkts, uint16_t n,
					  bool one_pool)
{
	struct cursor c;

	if (q->free < q->threshold && unlikely(!reclaim(q, one_pool)))
		return burst(q, pkts, n);
	if (unlikely(n > q->free || q->next + n > q->n || !n))
		return burst(q, pkts, n);
	c = cursor_at(q, pkts);
	/* What is behind the tail is ours: it may be written again. */
	if (unlikely(one_pool ? !put_pool(&c, q, n) : !put_all(&c, &q->run, n)))
		return burst(q, pkts, n);
	advance(q, n, c.bytes);
	/* The one sync: descriptors and frames before the doorbell. */
	tce_io_write32(q->tail, q->next);
	return n;
}

uint16_t tx_plain_pool(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return quick(queue, pkts, n, true);
}

uint16_t tx_plain(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return quick(queue, pkts, n, false);
}
