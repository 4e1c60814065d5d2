/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools to receive into whose buffers lie as the driver cannot know beforehand: across pages that
 * are not neighbours to the device, or elsewhere than their mbufs without a flag that says so.
 */
#include "ethdev.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_dev.h>
#include <rte_mbuf_pool_ops.h>

#define PAGE  ((size_t)2 << 20)
#define BYTES (2 * PAGE)

enum { MBUFS = 255, DATA = 2048, ROOM = RTE_PKTMBUF_HEADROOM + DATA };
/* All but a few of the mbufs that a ring leaves are held at once, so each has its turn. */
enum { HELD = 100, ROUNDS = 4, CACHE = 32 };

/* Configure IN with one queue over such a pool. */
static int set_up(struct rte_mempool *mp, bool late)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_eth_rxconf rx = {.rx_deferred_start = late};
	int ret = rte_eth_dev_configure(IN, 1, 1, &conf);

	if (!ret)
		ret = rte_eth_rx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, &rx, mp);
	return ret ? ret : rte_eth_tx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, NULL);
}

/* Free a pool: first IN has another one. */
static void forget(struct rte_mempool *mp)
{
	start(IN, &(struct rte_eth_conf){0}, 1);
	stop(IN);
	rte_mempool_free(mp);
}

/* How many of ROUNDS times HELD frames come in, where each round's mbufs are held to its end. */
static unsigned come(void)
{
	struct rte_mbuf *m[HELD];
	struct arrival got;
	unsigned came = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (uint16_t i = 0; i < HELD; i++)
			m[i] = make(&(struct frame){.sport = i, .bytes = 1400});
		exchange(m, HELD, &got);
		came += got.n;
		drop(&got);
	}
	return came;
}

struct border {
	const char *at;
	unsigned torn;
};

static void count_torn(struct rte_mempool *mp, void *arg, void *obj, unsigned number)
{
	const struct rte_mbuf *m = obj;
	const char *data = (const char *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
	struct border *border = arg;

	if (border->at > data && border->at < data + DATA)
		border->torn++;
}

/* A pool in memory of the application's whose two pages meet in the midst of a buffer. */
static struct rte_mempool *torn_pool(char *at)
{
	struct rte_mempool *mp =
		rte_mempool_create_empty("torn", MBUFS, sizeof(struct rte_mbuf) + ROOM, CACHE,
					 sizeof(struct rte_pktmbuf_pool_private), SOCKET_ID_ANY,
					 RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	struct rte_pktmbuf_pool_private private = {.mbuf_data_room_size = ROOM};
	struct rte_mempool_objsz size;
	struct border border = {.at = at + PAGE};
	size_t all;

	if (!mp || rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL))
		return NULL;
	rte_pktmbuf_pool_init(mp, &private);
	all = rte_mempool_calc_obj_size(mp->elt_size, mp->flags, &size);
	at += RTE_ALIGN_FLOOR(PAGE - 100 * all - all / 2, RTE_CACHE_LINE_SIZE);
	if (rte_mempool_populate_iova(mp, at, RTE_BAD_IOVA, MBUFS * all + RTE_CACHE_LINE_SIZE, NULL,
				      NULL) != MBUFS)
		return NULL;
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	rte_mempool_obj_iter(mp, count_torn, &border);
	point(border.torn == 1, "a pool with one buffer across two pages");
	return mp;
}

/*
 * The one page is mapped as a whole, by one large TCE; of the other one a half, which takes small
 * ones, in another window: so they are no neighbours to the device.
 */
static void torn(char *at, struct rte_device *dev)
{
	struct rte_mempool *mp = NULL;

	if (!rte_dev_dma_map(dev, at + PAGE, 0, PAGE) &&
	    !rte_dev_dma_map(dev, at + PAGE / 2, 0, PAGE / 2))
		mp = torn_pool(at);
	point(mp && !set_up(mp, false) && !rte_eth_dev_start(IN),
	      "a port starts with it, where its pages are apart for the device");
	if (!mp)
		return;
	wait_links();
	point(come() == ROUNDS * HELD,
	      "more frames come in than it has mbufs: none waits for ever");
	stop(IN);
	point(rte_mempool_full(mp), "all of its mbufs are back");
	rte_dev_dma_unmap(dev, at + PAGE, 0, PAGE);
	rte_dev_dma_unmap(dev, at + PAGE / 2, 0, PAGE / 2);
	forget(mp);
}

static void move_buffer(struct rte_mempool *mp, void *at, void *obj, unsigned number)
{
	((struct rte_mbuf *)obj)->buf_addr = (char *)at + (size_t)number * ROOM;
}

static void moved(char *at, struct rte_device *dev)
{
	struct rte_mempool *mp = rte_pktmbuf_pool_create("moved", 255, 0, 0, ROOM, SOCKET_ID_ANY);
	struct rte_mbuf *m = make(&(struct frame){0});
	struct arrival got;

	if (!mp || rte_dev_dma_map(dev, at, 0, BYTES))
		rte_exit(EXIT_FAILURE, "no pool with buffers elsewhere\n");
	rte_mempool_obj_iter(mp, move_buffer, at);
	point(!set_up(mp, false) && !rte_eth_dev_start(IN), "a port with buffers apart from mbufs");
	wait_links();
	exchange(&m, 1, &got);
	point(got.n == 1 && (char *)got.mbuf[0]->buf_addr >= at &&
		      (char *)got.mbuf[0]->buf_addr < at + BYTES,
	      "a frame comes in one of them");
	drop(&got);
	stop(IN);
	point(!set_up(mp, true) && !rte_eth_dev_start(IN) &&
		      rte_eth_dev_rx_queue_start(IN, 0) == -ENOTSUP,
	      "a queue that starts later is refused with these");
	point(rte_mempool_full(mp), "and all mbufs are back");
	stop(IN);
	rte_dev_dma_unmap(dev, at, 0, BYTES);
	forget(mp);
}

void apart(void)
{
	struct rte_eth_dev_info info;
	char *at = own_memory(BYTES);

	if (rte_eth_dev_info_get(IN, &info))
		rte_exit(EXIT_FAILURE, "port %u does not tell its device\n", IN);
	torn(at, info.device);
	moved(at, info.device);
	drop_own_memory(at, BYTES);
}
