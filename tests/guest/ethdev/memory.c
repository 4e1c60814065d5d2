/* SPDX-License-Identifier: BSD-3-Clause */
/* mbufs whose data is elsewhere: another mbuf's, or memory that EAL does not have. */
#include "ethdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>

#define BYTES ((size_t)4 << 20)

static unsigned given_back;

static void on_free(void *at, void *arg)
{
	given_back++;
}

/* Send @m, see that what comes is the same; @kept stays the caller's. */
static bool comes_as(struct rte_mbuf *m, const struct rte_mbuf *kept)
{
	struct arrival got;
	bool same;

	exchange(&m, 1, &got);
	same = got.n == 1 && is_same(got.mbuf[0], kept);
	drop(&got);
	return same;
}

/* A batch is reported when it is full; a queue that stops lets go of all. */
static void let_go(void)
{
	rte_eth_dev_tx_queue_stop(OUT, 0);
	rte_eth_dev_tx_queue_start(OUT, 0);
}

static void indirect(void)
{
	struct rte_mbuf *m = make(&(struct frame){.bytes = 1400});
	struct rte_mbuf *clone = rte_pktmbuf_clone(m, pool);

	point(RTE_MBUF_CLONED(clone) && comes_as(clone, m), "an indirect mbuf is sent");
	clone = rte_pktmbuf_clone(m, pool);
	point(comes_as(clone, m), "and another one of the same data");
	let_go();
	point(rte_mbuf_refcnt_read(m) == 1, "both let go of it");
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *outside_frame(char *at, const struct rte_mbuf *like)
{
	uint16_t len = 4096;
	struct rte_mbuf_ext_shared_info *shared;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	shared = rte_pktmbuf_ext_shinfo_init_helper(at, &len, on_free, NULL);
	rte_pktmbuf_attach_extbuf(m, at, RTE_BAD_IOVA, len, shared);
	memcpy(rte_pktmbuf_append(m, (uint16_t)like->pkt_len), rte_pktmbuf_mtod(like, void *),
	       like->pkt_len);
	return m;
}

static uint64_t send_errors(void)
{
	struct rte_eth_stats stats;

	return rte_eth_stats_get(OUT, &stats) ? UINT64_MAX : stats.oerrors;
}

static void external(char *at, struct rte_device *dev)
{
	struct rte_mbuf *like = make(&(struct frame){.bytes = 1000});
	uint64_t errors;

	point(!rte_dev_dma_map(dev, at, 0, BYTES), "memory of the application's is mapped");
	point(comes_as(outside_frame(at, like), like) &&
		      comes_as(outside_frame(at + BYTES - 8192, like), like),
	      "external mbufs in it are sent");
	let_go();
	point(given_back == 2, "and given back");
	point(!rte_dev_dma_unmap(dev, at, 0, BYTES), "the memory is unmapped");
	errors = send_errors();
	point(!comes_as(outside_frame(at, like), like), "what is in it then is not sent");
	let_go();
	point(given_back == 3 && send_errors() == errors + 1, "but counted, and given back");
	point(rte_dev_dma_unmap(dev, at, 0, BYTES) && rte_errno == ENOENT,
	      "what is not mapped cannot be unmapped");
	point(!rte_dev_dma_map(dev, at, 0, BYTES) && comes_as(outside_frame(at, like), like),
	      "it is mapped again, and sent from");
	let_go();
	point(!rte_dev_dma_unmap(dev, at, 0, BYTES), "and unmapped");
	rte_pktmbuf_free(like);
}

/* Mbufs whose buffers are the application's for good stay marked as such when they come in. */
static void pinned(char *at)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	const struct rte_pktmbuf_extmem outside = {
		.buf_ptr = at, .buf_iova = RTE_BAD_IOVA, .buf_len = BYTES, .elt_size = 2176};
	struct rte_mempool *mp = rte_pktmbuf_pool_create_extbuf("pinned", 255, 0, 0, 2176,
								SOCKET_ID_ANY, &outside, 1);
	struct rte_mbuf *m = make(&(struct frame){.bytes = 700}), *clone;
	struct rte_eth_dev_info info;
	struct arrival got;

	stop(IN);
	if (!mp || rte_eth_dev_info_get(IN, &info) || rte_dev_dma_map(info.device, at, 0, BYTES) ||
	    rte_eth_dev_configure(IN, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, NULL, mp) ||
	    rte_eth_tx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(IN))
		rte_exit(EXIT_FAILURE, "no port with buffers of the application's\n");
	wait_links();
	exchange(&m, 1, &got);
	point(got.n == 1 && RTE_MBUF_HAS_EXTBUF(got.mbuf[0]) && got.mbuf[0]->pkt_len == 700 &&
		      (char *)got.mbuf[0]->buf_addr >= at &&
		      (char *)got.mbuf[0]->buf_addr < at + BYTES,
	      "a frame comes in a buffer of the application's, and the mbuf says so");
	clone = got.n ? rte_pktmbuf_clone(got.mbuf[0], pool) : NULL;
	drop(&got);
	point(clone && RTE_MBUF_HAS_EXTBUF(clone), "a clone of it is one, too");
	rte_pktmbuf_free(clone);
	stop(IN);
	point(rte_mempool_full(mp), "both let go of it");
	rte_dev_dma_unmap(info.device, at, 0, BYTES);
	start(IN, &conf, 1);
	rte_mempool_free(mp);
}

static void note_place(struct rte_mempool *mp, void *place, struct rte_mempool_memhdr *chunk,
		       unsigned at)
{
	char **range = place, *begin = chunk->addr;

	range[0] = at && range[0] < begin ? range[0] : begin;
	range[1] = at && range[1] > begin + chunk->len ? range[1] : begin + chunk->len;
}

/* A pool of so many mbufs, and where it lies. */
static struct rte_mempool *pool_at(char **place, unsigned n)
{
	static unsigned number;
	char name[32];
	struct rte_mempool *mp;

	snprintf(name, sizeof(name), "pool %u", number++);
	mp = rte_pktmbuf_pool_create(name, n, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!mp)
		rte_exit(EXIT_FAILURE, "no pool of %u mbufs\n", n);
	rte_mempool_mem_iter(mp, note_place, place);
	return mp;
}

/* Frames by turns from either pool. */
static bool come_by_turns(struct rte_mempool *one, struct rte_mempool *other)
{
	struct rte_mbuf *like = make(&(struct frame){0}), *m[64];
	struct arrival got;
	bool all;

	for (unsigned i = 0; i < RTE_DIM(m); i++)
		m[i] = rte_pktmbuf_copy(like, i % 2 ? other : one, 0, UINT32_MAX);
	exchange(m, RTE_DIM(m), &got);
	all = got.n == RTE_DIM(m) && is_same(got.mbuf[0], like);
	drop(&got);
	rte_pktmbuf_free(like);
	return all;
}

/* Queues know a pool by its memory. That may be other pools' later. */
static void pools(void)
{
	char *place[2], *here[2];
	struct rte_mempool *whole = pool_at(place, 300), *made[16], *half[2] = {NULL};
	unsigned n = 0, found = 0;

	point(come_by_turns(whole, whole), "frames of a pool");
	let_go();
	point(rte_mempool_full(whole), "they are back in it, and it is freed");
	rte_mempool_free(whole);
	while (n < RTE_DIM(made) && found < RTE_DIM(half)) {
		made[n] = pool_at(here, 80);
		if (here[0] >= place[0] && here[1] <= place[1])
			half[found++] = made[n];
		n++;
	}
	point(found == RTE_DIM(half), "of %u pools two lie where that was", n);
	if (found == RTE_DIM(half))
		point(come_by_turns(half[0], half[1]) && come_by_turns(half[0], half[1]),
		      "frames of these two");
	let_go();
	for (unsigned i = 0; i < found; i++)
		point(rte_mempool_full(half[i]), "each goes back to its own");
	while (n)
		rte_mempool_free(made[--n]);
}

void memory(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_eth_dev_info info;
	char *at = own_memory(BYTES);

	if (rte_eth_dev_info_get(OUT, &info))
		rte_exit(EXIT_FAILURE, "port %u does not tell its device\n", OUT);
	start(IN, &conf, 1);
	indirect();
	external(at, info.device);
	pinned(at);
	pools();
	stop(IN);
	drop_own_memory(at, BYTES);
}
