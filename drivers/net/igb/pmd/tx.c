/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain transmit bursts: each frame in one buffer, no offloads. One frees to a single pool
 * (FAST_FREE), the other whatever it meets.
 */
#include "tx.h"

#define COMMAND (IGB_TX_DATA | IGB_TX_DEXT | IGB_TX_IFCS | IGB_TX_EOP)

static __rte_always_inline bool reclaim(struct pmd_txq *q, bool one_pool)
{
	if (!tx_has_batch(q) || !tx_is_done(&q->ring[q->oldest + PMD_TX_BATCH - 1]))
		return false;
	if (one_pool)
		tx_free_pool(q->sw + q->oldest);
	else
		tx_free_each(q->sw + q->oldest);
	tx_batch_is_free(q);
	return true;
}

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

	c->sw[i] = m;
	c->desc[i].lower = iova;
	c->desc[i].upper = COMMAND | BITS_INSERT(len, len, 46, 18);
	c->bytes += len;
}

static __rte_always_inline void move(struct cursor *c, unsigned n)
{
	c->desc += n;
	c->sw += n;
	c->in += n;
}

/* How far into the run an mbuf's data is; at least its length if it is not in it. */
static __rte_always_inline uint64_t into(const struct rte_mbuf *m, uint64_t base)
{
	return (uintptr_t)m->buf_addr + m->data_off - base;
}

/* Frames, four at a time, as long as all four are in the queue's run. How many are left. */
static __rte_always_inline unsigned put_fours(struct cursor *c, const struct pmd_run *run,
					      unsigned n)
{
	uint64_t base = run->base, len = run->len, iova = run->base + run->delta;

	for (; n >= 4; n -= 4) {
		struct rte_mbuf *m[4] = {c->in[0], c->in[1], c->in[2], c->in[3]};
		uint64_t at[4] = {into(m[0], base), into(m[1], base), into(m[2], base),
				  into(m[3], base)};

		if (unlikely(at[0] >= len || at[1] >= len || at[2] >= len || at[3] >= len))
			break;
		put(c, 0, m[0], iova + at[0]);
		put(c, 1, m[1], iova + at[1]);
		put(c, 2, m[2], iova + at[2]);
		put(c, 3, m[3], iova + at[3]);
		move(c, 4);
	}
	return n;
}

/* Frames into the next descriptors, none behind the ring's end; up to one that is not mapped. */
static __rte_always_inline unsigned fill(struct pmd_txq *q, struct rte_mbuf **pkts, unsigned n)
{
	struct cursor c = {.desc = q->ring + q->next, .sw = q->sw + q->next, .in = pkts};
	unsigned left = put_fours(&c, &q->run, n);

	for (; left; left--, move(&c, 1)) {
		uint64_t iova = tx_iova(q, c.in[0]);

		if (unlikely(!iova))
			break;
		put(&c, 0, c.in[0], iova);
	}
	q->packets += n - left;
	q->bytes += c.bytes;
	return n - left;
}

/* The last descriptor of each batch reports for all of it. */
static inline void advance(struct pmd_txq *q, unsigned n)
{
	unsigned end = q->next + n;

	for (unsigned at = q->next | (PMD_TX_BATCH - 1); at < end; at += PMD_TX_BATCH)
		q->ring[at].upper |= IGB_TX_RS;
	q->free = (uint16_t)(q->free - n);
	q->next = (uint16_t)(end == q->n ? 0 : end);
}

static __rte_always_inline uint16_t transmit(struct pmd_txq *q, struct rte_mbuf **pkts, unsigned n,
					     bool one_pool)
{
	unsigned done = 0;

	while (q->free < q->threshold && reclaim(q, one_pool))
		;
	n = RTE_MIN(n, (unsigned)q->free);
	if (unlikely(!n))
		return 0;
	while (done < n) {
		unsigned room = RTE_MIN(n - done, (unsigned)(q->n - q->next));
		unsigned now = fill(q, pkts + done, room);

		advance(q, now);
		done += now;
		if (unlikely(now < room)) {
			rte_pktmbuf_free(pkts[done++]);
			q->errors++;
		}
	}
	/* The one sync: descriptors and frames before the doorbell. */
	tce_io_write32(q->tail, q->next);
	return (uint16_t)done;
}

uint16_t tx_plain_pool(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return transmit(queue, pkts, n, true);
}

uint16_t tx_plain(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return transmit(queue, pkts, n, false);
}
