/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain receive burst: each frame in one buffer, buffers of one pool whose memory translates by
 * one addition, CRCs stripped. What offloads say of a frame costs nothing: it is looked up in
 * tables, whether it was asked for or not.
 */
#include "rx.h"

#include <rte_mempool.h>
#include <rte_prefetch.h>

/* What a burst goes through, a frame at a time. */
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

static __rte_always_inline void swap_all(struct cursor *c, unsigned n)
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

/*
 * The next @n frames, none behind the ring's end, go out; what @in has goes into the ring. This is
 * inlined twice, where empty mbufs lie in the pool's cache and where they were fetched elsewhere.
 */
static __rte_always_inline void exchange(struct pmd_rxq *q, struct rte_mbuf **out,
					 struct rte_mbuf **in, unsigned n)
{
	struct cursor c = {.desc = q->ring + q->next,
			   .sw = q->sw + q->next,
			   .out = out,
			   .in = in,
			   .delta = q->delta,
			   .rearm = q->rearm};
	unsigned next = q->next + n;

	swap_all(&c, n);
	q->next = (uint16_t)(next == q->n ? 0 : next);
	q->packets += n;
	q->bytes += c.bytes;
	rx_give(q, n);
}

/* The next @n frames where the pool's cache has not so many mbufs; how many these are then. */
static __rte_noinline unsigned exchange_any(struct pmd_rxq *q, struct rte_mbuf **out, unsigned n)
{
	struct rte_mbuf *spare[PMD_RX_STEP];

	/* What is left of an exhausted pool serves frame by frame. */
	if (rte_mempool_get_bulk(q->pool, (void **)spare, n)) {
		n = 1;
		if (rte_mempool_get(q->pool, (void **)spare)) {
			q->data->rx_mbuf_alloc_failed++;
			return 0;
		}
	}
	exchange(q, out, spare, n);
	return n;
}

/* Up to @most frames, at least one of which is there, none behind the ring's end. */
static __rte_always_inline unsigned step(struct pmd_rxq *q, struct rte_mbuf **out, unsigned most)
{
	unsigned n = rx_done(q->ring + q->next, most);
	struct rte_mempool_cache *cache;

	tce_dma_rmb();
	cache = rte_mempool_default_cache(q->pool, rte_lcore_id());
	if (unlikely(!cache || cache->len < n))
		return exchange_any(q, out, n);
	cache->len -= n;
	exchange(q, out, (struct rte_mbuf **)&cache->objs[cache->len], n);
	return n;
}

static inline bool is_there(const struct pmd_rxq *q)
{
	return ((const volatile struct igb_rx_desc *)q->ring)[q->next].upper & IGB_RX_DD;
}

/* What a burst still wants behind the ring's end, or behind PMD_RX_STEP frames. */
static __rte_noinline unsigned rest(struct pmd_rxq *q, struct rte_mbuf **pkts, unsigned n)
{
	unsigned got = 0, now, most;

	do {
		most = RTE_MIN(n - got, (unsigned)PMD_RX_STEP);
		most = RTE_MIN(most, (unsigned)(q->n - q->next));
		now = is_there(q) ? step(q, pkts + got, most) : 0;
		got += now;
	} while (now == most && got < n);
	return got;
}

uint16_t rx_plain(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_rxq *q = queue;

	/* Most polls find nothing: the least for these. */
	if (!is_there(q) || unlikely(!n))
		return 0;
	if (unlikely(q->next + n > q->n || n > PMD_RX_STEP))
		return (uint16_t)rest(q, pkts, n);
	return (uint16_t)step(q, pkts, n);
}
