/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain receive burst: each frame in one buffer, buffers of one pool whose memory translates by
 * one addition, CRCs stripped. What offloads say of a frame costs nothing: it is looked up in
 * tables, whether it was asked for or not.
 */
#include "rx.h"

#include <rte_mempool.h>
#include <rte_prefetch.h>

/* @n empty mbufs: where they lie in the pool's cache, or @spare. NULL: the pool has none. */
static inline struct rte_mbuf **take(struct rte_mempool *pool, struct rte_mbuf **spare, unsigned n)
{
	struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());

	if (likely(cache && cache->len >= n)) {
		cache->len -= n;
		return (struct rte_mbuf **)&cache->objs[cache->len];
	}
	return rte_mempool_get_bulk(pool, (void **)spare, n) ? NULL : spare;
}

/* What a step goes through, a frame at a time. */
struct cursor {
	struct igb_rx_desc *desc;
	struct rte_mbuf **sw, **out, **in;
	uint64_t delta, rearm, bytes;
};

/* The @i-th frame from the cursor on goes out, an empty buffer in. */
static __rte_always_inline void swap(struct cursor *c, unsigned i)
{
	uint64_t lower = c->desc[i].lower, upper = c->desc[i].upper;
	uint64_t kind = rx_kind(lower), tail = upper >> 32; /* length and VLAN */
	struct rte_mbuf *m = c->sw[i], *empty = c->in[i];
	pmd_word *word = (pmd_word *)m;

	c->out[i] = m;
	c->sw[i] = empty;
	c->desc[i].lower = (uintptr_t)empty + c->delta;
	c->desc[i].upper = 0;
	word[WORD_REARM] = c->rearm;
	word[WORD_FLAGS] = rx_flags(kind, upper);
	word[WORD_KIND] = BITS_INSERT(kind, tail, 32, 16);
	word[WORD_HASH] = BITS_INSERT(lower, tail, 0, 32);
	c->bytes += tail & 0xffff;
}

static __rte_always_inline void move(struct cursor *c, unsigned n)
{
	c->desc += n;
	c->sw += n;
	c->out += n;
	c->in += n;
}

static inline void swap_all(struct cursor *c, unsigned n)
{
	for (; n >= 4; n -= 4) {
		/* The next four: sw has that much behind its end. */
		rte_prefetch0_write(c->sw[4]);
		rte_prefetch0_write(c->sw[5]);
		rte_prefetch0_write(c->sw[6]);
		rte_prefetch0_write(c->sw[7]);
		swap(c, 0);
		swap(c, 1);
		swap(c, 2);
		swap(c, 3);
		move(c, 4);
	}
	for (; n; n--) {
		swap(c, 0);
		move(c, 1);
	}
}

/* Up to PMD_RX_STEP frames, none behind the ring's end. */
static inline unsigned step(struct pmd_rxq *q, struct rte_mbuf **out, unsigned most)
{
	struct cursor c = {.desc = q->ring + q->next,
			   .sw = q->sw + q->next,
			   .out = out,
			   .delta = q->delta,
			   .rearm = q->rearm};
	unsigned n = rx_done(c.desc, most);
	struct rte_mbuf *spare[PMD_RX_STEP];

	if (!n)
		return 0;
	tce_dma_rmb();
	c.in = take(q->pool, spare, n);
	/* What is left of an exhausted pool serves frame by frame. */
	if (unlikely(!c.in)) {
		n = 1;
		c.in = take(q->pool, spare, n);
	}
	if (unlikely(!c.in)) {
		q->data->rx_mbuf_alloc_failed++;
		return 0;
	}
	swap_all(&c, n);
	q->next = (uint16_t)(q->next + n == q->n ? 0 : q->next + n);
	q->packets += n;
	q->bytes += c.bytes;
	rx_give(q, n);
	return n;
}

uint16_t rx_plain(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_rxq *q = queue;
	unsigned got = 0, now, most;

	/* Most polls find nothing: the least for these. */
	if (!(((const volatile struct igb_rx_desc *)q->ring)[q->next].upper & IGB_RX_DD))
		return 0;
	while (got < n) {
		most = RTE_MIN((unsigned)(n - got), (unsigned)PMD_RX_STEP);
		most = RTE_MIN(most, (unsigned)(q->n - q->next));
		now = step(q, pkts + got, most);
		got += now;
		if (now < most)
			break;
	}
	return (uint16_t)got;
}
