/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain transmit burst of net_tce_igb on a ring that no device reads: what the descriptors say,
 * and that every mbuf comes back to its pool once, whatever was sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tx_put.h"

enum { RING = 256, MBUFS = 1024, ROOM = 2048, BURST = 64 };

/* ------------------------------------------------------------------ pools, without EAL */

static struct rte_mbuf *objects[3][MBUFS];
static unsigned in_objects[3];

static int stack_alloc(struct rte_mempool *mp)
{
	return 0;
}

static int stack_put(struct rte_mempool *mp, void *const *from, unsigned n)
{
	assert_true(in_objects[mp->pool_id] + n <= MBUFS);
	memcpy(objects[mp->pool_id] + in_objects[mp->pool_id], from, n * sizeof(*from));
	in_objects[mp->pool_id] += n;
	return 0;
}

static int stack_get(struct rte_mempool *mp, void **to, unsigned n)
{
	if (in_objects[mp->pool_id] < n)
		return -ENOBUFS;
	in_objects[mp->pool_id] -= n;
	memcpy(to, objects[mp->pool_id] + in_objects[mp->pool_id], n * sizeof(*to));
	return 0;
}

static unsigned stack_count(const struct rte_mempool *mp)
{
	return in_objects[mp->pool_id];
}

static const struct rte_mempool_ops stack = {
	.name = "stack",
	.alloc = stack_alloc,
	.enqueue = stack_put,
	.dequeue = stack_get,
	.get_count = stack_count,
};

/* As rte_pktmbuf_pool_create() does it, in memory of libc's. */
static struct rte_mempool *pool(int ops, uint64_t id, unsigned cache, uint16_t private)
{
	size_t head = RTE_MEMPOOL_HEADER_SIZE((struct rte_mempool *)NULL, cache);
	size_t each = sizeof(struct rte_mbuf) + private + ROOM;
	struct rte_mempool_memhdr *chunk = calloc(1, sizeof(*chunk));
	struct rte_mempool *mp = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(head + 64, 4096));
	struct rte_pktmbuf_pool_private *priv;

	assert_true(chunk && mp);
	memset(mp, 0, head + 64);
	mp->pool_id = id;
	mp->ops_index = ops;
	mp->size = mp->populated_size = MBUFS;
	mp->cache_size = cache;
	mp->elt_size = (uint32_t)each;
	mp->private_data_size = sizeof(*priv);
	STAILQ_INIT(&mp->mem_list);
	chunk->len = MBUFS * each;
	chunk->addr = aligned_alloc(RTE_CACHE_LINE_SIZE, chunk->len);
	assert_non_null(chunk->addr);
	STAILQ_INSERT_TAIL(&mp->mem_list, chunk, next);
	if (cache) {
		mp->local_cache = (struct rte_mempool_cache *)(mp + 1);
		mp->local_cache->size = cache;
		mp->local_cache->flushthresh = cache * 3 / 2;
	}
	priv = rte_mempool_get_priv(mp);
	priv->mbuf_data_room_size = ROOM;
	priv->mbuf_priv_size = private;
	for (unsigned i = 0; i < MBUFS; i++) {
		objects[id][i] = (struct rte_mbuf *)((char *)chunk->addr + i * each);
		rte_pktmbuf_init(mp, NULL, objects[id][i], i);
	}
	in_objects[id] = MBUFS;
	return mp;
}

static struct rte_mempool *one, *other, *bare;

static int start(void **state)
{
	int ops = rte_mempool_register_ops(&stack);

	assert_true(ops >= 0);
	RTE_PER_LCORE(_lcore_id) = 0;
	one = pool(ops, 0, 128, 0);
	other = pool(ops, 1, 64, 64);
	bare = pool(ops, 2, 0, 0);
	return 0;
}

static void is_whole(struct rte_mempool *mp)
{
	static struct rte_mbuf *all[MBUFS];
	static bool seen[MBUFS];
	const char *first = STAILQ_FIRST(&mp->mem_list)->addr;

	memset(seen, 0, sizeof(seen));
	assert_int_equal(rte_mempool_avail_count(mp), MBUFS);
	rte_mempool_cache_flush(rte_mempool_default_cache(mp, 0), mp);
	assert_int_equal(in_objects[mp->pool_id], MBUFS);
	memcpy(all, objects[mp->pool_id], sizeof(all));
	for (unsigned i = 0; i < MBUFS; i++) {
		struct rte_mbuf *m = all[i];
		size_t at = (size_t)((char *)m - first) / mp->elt_size;

		assert_ptr_equal(m->pool, mp);
		assert_int_equal(rte_mbuf_refcnt_read(m), 1);
		assert_int_equal(m->nb_segs, 1);
		assert_null(m->next);
		assert_ptr_equal(m->buf_addr, rte_mbuf_buf_addr(m, mp));
		assert_true(at < MBUFS && !seen[at]);
		seen[at] = true;
	}
}

/* ------------------------------------------------------------------ a queue, without a device */

#define DELTA  UINT64_C(0x07ffffffffff0000)
#define BEYOND UINT64_C(0x0100000000000000)

static struct igb_tx_desc ring[RING + 1];
static struct rte_mbuf *sw[RING + 1];
static uint32_t tail, head;
static unsigned learned;
static char foreign[4096], unmapped[64];

void translate_learn(struct pmd_txq *q, struct rte_mempool *pool)
{
	struct rte_mempool_memhdr *chunk = STAILQ_FIRST(&pool->mem_list);

	learned++;
	q->pool = pool;
	q->home = (struct pmd_run){(uintptr_t)chunk->addr, chunk->len, DELTA};
}

uint64_t translate_miss(struct pmd_txq *q, const void *va, size_t len)
{
	q->misses++;
	return (const char *)va >= unmapped && (const char *)va < unmapped + sizeof(unmapped)
		       ? 0
		       : (uintptr_t)va + DELTA;
}

static void begin(struct pmd_txq *q)
{
	memset(ring, 0, sizeof(ring));
	memset(sw, 0, sizeof(sw));
	tail = head = 0;
	ring[RING].lower = BEYOND;
	*q = (struct pmd_txq){.ring = ring,
			      .sw = sw,
			      .tail = (volatile char *)&tail,
			      .n = RING,
			      .free = RING - 1,
			      .threshold = RING - 2 * PMD_TX_BATCH};
}

/* The device sends up to the tail, and reports where it was asked to. Until then a mark is set. */
#define MARK(m) ((m)->dynfield1[0])
static void work(void)
{
	for (; head != tail; head = (head + 1) % RING) {
		MARK(sw[head]) = 0;
		if (ring[head].upper & IGB_TX_RS)
			ring[head].upper |= IGB_TX_DONE;
	}
}

static void end(struct pmd_txq *q)
{
	assert_int_equal(ring[RING].lower, BEYOND);
	assert_null(sw[RING]);
	work();
	tx_free_rest(q);
	is_whole(one);
	is_whole(other);
	is_whole(bare);
}

static struct rte_mbuf *frame(struct rte_mempool *pool, unsigned len, unsigned in_front)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	assert_int_equal(MARK(m), 0);
	m->data_off = (uint16_t)in_front;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	return m;
}

static void is_described(unsigned at, const struct rte_mbuf *m)
{
	uint64_t len = m->data_len, upper = ring[at].upper & ~(IGB_TX_RS | IGB_TX_DONE);

	assert_ptr_equal(sw[at], m);
	assert_true(ring[at].lower == (uintptr_t)m->buf_addr + m->data_off + DELTA);
	assert_true(upper == (TX_COMMAND | len | IGB_TX_PAYLEN(len)));
}

/* ------------------------------------------------------------------ tests */

static void descriptors_say_where_and_how_long(void **state)
{
	for (unsigned n = 1; n <= BURST; n++) {
		struct rte_mbuf *pkts[BURST];
		struct pmd_txq q;
		uint64_t bytes = 0;

		begin(&q);
		for (unsigned i = 0; i < n; i++) {
			unsigned len = i % 5 ? (unsigned)rand() % ROOM : 16383;

			/* What the lower half of delta has no room for would be lost. */
			pkts[i] = frame(one, len, i % 7 ? (unsigned)rand() % ROOM : UINT16_MAX);
			pkts[i]->ol_flags = ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
			pkts[i]->port = pkts[i]->vlan_tci = UINT16_MAX;
			pkts[i]->packet_type = pkts[i]->hash.rss = UINT32_MAX;
			bytes += len;
		}
		assert_int_equal(tx_plain(&q, pkts, (uint16_t)n), n);
		assert_int_equal(tail, n);
		assert_true(q.packets == n && q.bytes == bytes);
		for (unsigned i = 0; i < n; i++)
			is_described(i, pkts[i]);
		assert_int_equal(ring[n].lower, 0);
		assert_null(sw[n]);
		assert_int_equal(q.misses, 0);
		end(&q);
	}
}

/* The ways in which a frame is not simple. */
static void spoil(struct rte_mbuf *m, unsigned way)
{
	static const uint16_t counts[] = {2, 3, 4, 0x101, 0x8001, UINT16_MAX};
	struct rte_mempool_memhdr *chunk = STAILQ_FIRST(&one->mem_list);
	char *to[] = {(char *)chunk->addr - 1,
		      (char *)chunk->addr + chunk->len,
		      (char *)m->buf_addr + (UINT64_C(1) << 32),
		      (char *)m->buf_addr - (UINT64_C(1) << 32),
		      foreign,
		      NULL};

	if (way < 6)
		m->refcnt = counts[way];
	else if (way < 12)
		m->nb_segs = counts[way - 6];
	else if (way < 18)
		m->buf_addr = to[way - 12];
	else
		m->ol_flags |= way == 18 ? RTE_MBUF_F_INDIRECT : RTE_MBUF_F_EXTERNAL;
}

static void one_that_is_not_simple_is_seen(void **state)
{
	struct rte_mbuf *pkts[BURST], was;
	struct pmd_txq q;
	uint64_t bytes;

	begin(&q);
	translate_learn(&q, one);
	for (unsigned i = 0; i < BURST; i++)
		pkts[i] = frame(one, 60, 128);
	for (unsigned n = 1; n <= 20; n++) {
		assert_true(tx_put(ring, sw, pkts, n, &q.home, &bytes));
		for (unsigned i = 0; i < n; i++)
			for (unsigned way = 0; way < 20; way++) {
				was = *pkts[i];
				spoil(pkts[i], way);
				assert_false(tx_put(ring, sw, pkts, n, &q.home, &bytes));
				*pkts[i] = was;
			}
	}
	rte_pktmbuf_free_bulk(pkts, BURST);
	end(&q);
}

static void freed(void *addr, void *count)
{
	--*(int *)count;
}

static struct rte_mbuf *of_any_sort(struct rte_mbuf **kept, int *foreigners)
{
	static struct rte_mbuf_ext_shared_info info[64];
	unsigned sort = (unsigned)rand() % 8;
	struct rte_mbuf *m = frame(sort == 1 ? other : sort == 2 ? bare : one, 60, 128), *clone;

	*kept = NULL;
	switch (sort) {
	case 3: /* used by somebody else, too */
		rte_mbuf_refcnt_update(m, 1);
		*kept = m;
		break;
	case 4: /* a copy that shares the buffer */
		clone = rte_pktmbuf_clone(m, one);
		*kept = m;
		return clone;
	case 5: /* a buffer from elsewhere */
		info[*foreigners % 64].free_cb = freed;
		info[*foreigners % 64].fcb_opaque = foreigners;
		rte_mbuf_ext_refcnt_set(&info[*foreigners % 64], 1);
		rte_pktmbuf_attach_extbuf(m, foreign, 0, sizeof(foreign), &info[*foreigners % 64]);
		++*foreigners;
		break;
	}
	m->data_len = 60;
	m->pkt_len = 60;
	return m;
}

/* Long enough for laps of the ring, and for other pools to be learned. */
static void all_come_back_once(void **state)
{
	unsigned long sent = 0;
	struct pmd_txq q;

	begin(&q);
	learned = 0;
	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		struct rte_mbuf *pkts[BURST], *kept[BURST] = {0};
		unsigned n = round & 512 ? (unsigned)rand() % (BURST + 1) : 32, before = q.next;
		bool mixed = round / 64 % 4 == 3;
		int foreigners = 0;
		uint16_t got;

		for (unsigned i = 0; i < n; i++)
			pkts[i] = mixed ? of_any_sort(&kept[i], &foreigners)
					: frame(round & 2048 ? other : one, 60, 128);
		got = tx_plain(&q, pkts, (uint16_t)n);
		for (unsigned i = 0; i < got; i++) {
			is_described((before + i) % RING, pkts[i]);
			MARK(pkts[i]) = 1;
		}
		rte_pktmbuf_free_bulk(pkts + got, n - got);
		rte_pktmbuf_free_bulk(kept, n);
		sent += got;
		if (round % 5 == 4)
			work();
	}
	assert_true(q.packets == sent && q.bytes == 60 * sent);
	assert_in_range(sent, 300000, 20000 * BURST);
	assert_in_range(learned, 3, 100);
	end(&q);
}

static void pools_may_change_within_a_batch(void **state)
{
	struct rte_mbuf *pkts[PMD_TX_BATCH];
	struct pmd_txq q;

	begin(&q);
	for (unsigned burst = 0; burst < 2 * RING / PMD_TX_BATCH; burst++) {
		unsigned n = burst ? PMD_TX_BATCH : PMD_TX_BATCH / 2;

		for (unsigned i = 0; i < n; i++)
			pkts[i] = frame(burst ? other : one, 60, 128);
		assert_int_equal(tx_plain(&q, pkts, (uint16_t)n), n);
		work();
	}
	assert_ptr_equal(q.pool, other);
	end(&q);
}

static void what_is_not_mapped_is_dropped_and_counted(void **state)
{
	struct rte_mbuf *pkts[9];
	struct pmd_txq q;

	begin(&q);
	for (unsigned i = 0; i < 9; i++) {
		pkts[i] = frame(one, 60, 0);
		if (i % 4 == 1)
			pkts[i]->buf_addr = unmapped;
	}
	pkts[1]->ol_flags = pkts[5]->ol_flags = 0;
	assert_int_equal(tx_plain(&q, pkts, 9), 9);
	assert_int_equal(tail, 7);
	assert_true(q.packets == 7 && q.errors == 2);
	pkts[1]->buf_addr = rte_mbuf_buf_addr(pkts[1], one);
	pkts[5]->buf_addr = rte_mbuf_buf_addr(pkts[5], one);
	is_described(0, pkts[0]);
	is_described(1, pkts[2]);
	is_described(6, pkts[8]);
	end(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_say_where_and_how_long),
		cmocka_unit_test(one_that_is_not_simple_is_seen),
		cmocka_unit_test(all_come_back_once),
		cmocka_unit_test(pools_may_change_within_a_batch),
		cmocka_unit_test(what_is_not_mapped_is_dropped_and_counted),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
