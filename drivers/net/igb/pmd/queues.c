/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues: their memory, and how they begin and end. The bursts themselves are rx.c and tx.c. */
#include "rx.h"
#include "tx.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_mempool.h>

#include <tce/translate.h>

/* A ring's memory, in one piece for the device too: so aligned that no page ends inside. */
static const struct rte_memzone *ring_memory(struct rte_eth_dev *dev, const char *name,
					     uint16_t number, uint16_t n, unsigned socket,
					     tce_iova_t *iova)
{
	size_t bytes = rte_align32pow2(n * (uint32_t)sizeof(struct igb_rx_desc)), got;
	const struct rte_memzone *zone =
		rte_eth_dma_zone_reserve(dev, name, number, bytes, (unsigned)bytes, (int)socket);

	if (!zone) {
		say(-ENOMEM, "EAL has no memory for a ring of %u descriptors", n);
		return NULL;
	}
	if (tce_iova(pmd_port(dev)->space->space, zone->addr, bytes, iova, &got) || got < bytes) {
		rte_memzone_free(zone);
		say(-EFAULT, "a ring's memory at %p is not mapped for the device", zone->addr);
		return NULL;
	}
	return zone;
}

/* Memory of a queue: the struct, and so many pointers to mbufs. */
static void *queue_memory(size_t size, unsigned pointers, unsigned socket, struct rte_mbuf ***sw)
{
	void *q = rte_zmalloc_socket("tce_igb queue", size, RTE_CACHE_LINE_SIZE, (int)socket);

	*sw = rte_zmalloc_socket("tce_igb mbufs", pointers * sizeof(**sw), RTE_CACHE_LINE_SIZE,
				 (int)socket);
	if (q && *sw)
		return q;
	rte_free(q);
	rte_free(*sw);
	say(-ENOMEM, "EAL has no memory for a queue");
	return NULL;
}

/* What the device writes into one buffer [8.10.2]. 0: the pool's are too small. */
static unsigned buffer_size(struct rte_mempool *pool)
{
	unsigned room = rte_pktmbuf_data_room_size(pool);

	room = room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0;
	if (room >= 1024)
		return RTE_MIN(room & ~1023u, 127u * 1024);
	return room >= 512 ? 512 : room >= 256 ? 256 : 0;
}

/* Memory of a queue that did not go off is the device's still: it is kept. */
static bool is_off(const struct rte_eth_dev *dev, const uint8_t *state, uint16_t number)
{
	if (state[number] == RTE_ETH_QUEUE_STATE_STOPPED)
		return true;
	say_now(RTE_LOG_ERR, "%s: queue %u may be on still: its memory is not given back",
		dev->device->name, number);
	return false;
}

static void free_rxq(struct pmd_rxq *q)
{
	if (!q)
		return;
	rte_memzone_free(q->zone);
	rte_free(q->sw);
	rte_free(q);
}

int queues_rx_setup(struct rte_eth_dev *dev, uint16_t number, uint16_t n, unsigned socket,
		    const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	unsigned buffer = buffer_size(pool);
	struct rte_mbuf **sw;
	struct pmd_rxq *q;
	struct pmd_run run = {0};

	if (!buffer)
		return log_failure(dev, say(-EINVAL,
					    "mempool '%s' has buffers under 256 bytes behind the "
					    "headroom: too small for the device",
					    pool->name));
	/* The device has n - 1 of them; it has to be told before all of these are used up. */
	if (conf->rx_free_thresh >= n - 1)
		return log_failure(dev, say(-EINVAL,
					    "rx_free_thresh %u is not below the %u that the device "
					    "has of a ring of %u",
					    conf->rx_free_thresh, n - 1, n));
	queues_rx_release(dev, number);
	q = queue_memory(sizeof(*q), n + PMD_RX_STEP, socket, &sw);
	if (!q)
		return log_failure(dev, -ENOMEM);
	q->sw = sw;
	q->n = n;
	q->number = number;
	q->pool = pool;
	q->buffer = buffer;
	q->drop = conf->rx_drop_en;
	q->deferred = conf->rx_deferred_start;
	q->threshold = conf->rx_free_thresh ? conf->rx_free_thresh : 32;
	q->offloads = conf->offloads | dev->data->dev_conf.rxmode.offloads;
	q->data = dev->data;
	q->space = pmd_port(dev)->space->space;
	q->tail = igb_tail(pmd_port(dev)->nic, IGB_RX, number);
	q->zone = ring_memory(dev, "rx_ring", number, n, socket, &q->iova);
	if (!q->zone) {
		free_rxq(q);
		return log_failure(dev, -ENOMEM);
	}
	q->ring = q->zone->addr;
	q->pinned = rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF;
	q->one_run = translate_pool(q->space, pool, &run);
	q->delta = run.delta + sizeof(struct rte_mbuf) + rte_pktmbuf_priv_size(pool) +
		   RTE_PKTMBUF_HEADROOM;
	dev->data->rx_queues[number] = q;
	return 0;
}

static void free_txq(struct pmd_txq *q)
{
	if (!q)
		return;
	rte_memzone_free(q->zone);
	rte_free(q->reports);
	rte_free(q->sw);
	rte_free(q);
}

static int check_tx(uint16_t n, const struct rte_eth_txconf *conf)
{
	if (n % PMD_TX_BATCH)
		return say(-EINVAL, "a transmit ring of %u is no multiple of %u", n, PMD_TX_BATCH);
	if (conf->tx_rs_thresh && conf->tx_rs_thresh != PMD_TX_BATCH)
		return say(-EINVAL, "tx_rs_thresh %u: the device reports every %u descriptors here",
			   conf->tx_rs_thresh, PMD_TX_BATCH);
	if (conf->tx_free_thresh > n - 2 * PMD_TX_BATCH)
		return say(-EINVAL, "tx_free_thresh %u is more than %u, the ring's size less %u",
			   conf->tx_free_thresh, n - 2 * PMD_TX_BATCH, 2 * PMD_TX_BATCH);
	return 0;
}

int queues_tx_setup(struct rte_eth_dev *dev, uint16_t number, uint16_t n, unsigned socket,
		    const struct rte_eth_txconf *conf)
{
	int err = check_tx(n, conf);
	struct rte_mbuf **sw;
	struct pmd_txq *q;

	if (err)
		return log_failure(dev, err);
	queues_tx_release(dev, number);
	q = queue_memory(sizeof(*q), n, socket, &sw);
	if (!q)
		return log_failure(dev, -ENOMEM);
	q->sw = sw;
	q->n = n;
	q->number = number;
	/* As soon as may be: what comes back is still in the caches. */
	q->threshold = conf->tx_free_thresh ? conf->tx_free_thresh : n - 2u * PMD_TX_BATCH;
	q->offloads = conf->offloads | dev->data->dev_conf.txmode.offloads;
	q->deferred = conf->tx_deferred_start;
	q->space = pmd_port(dev)->space->space;
	q->forgotten = &pmd_port(dev)->forgotten;
	q->tail = igb_tail(pmd_port(dev)->nic, IGB_TX, number);
	q->reports = rte_zmalloc_socket("tce_igb reports", n / PMD_TX_BATCH * sizeof(*q->reports),
					0, (int)socket);
	q->zone = ring_memory(dev, "tx_ring", number, n, socket, &q->iova);
	if (!q->zone || !q->reports) {
		free_txq(q);
		return log_failure(dev, -ENOMEM);
	}
	q->ring = q->zone->addr;
	dev->data->tx_queues[number] = q;
	space_sender(pmd_port(dev), number, q);
	return 0;
}

static void free_mbufs(struct rte_mbuf **sw, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (sw[i])
			rte_pktmbuf_free_seg(sw[i]);
		sw[i] = NULL;
	}
}

/* The device's half of a buffer's life begins here: its IOVA goes into the ring. */
static int put_buffer(struct pmd_rxq *q, unsigned at)
{
	tce_iova_t iova;
	struct rte_mbuf *m;
	int err = rx_take(q, &m, &iova);

	if (err == -ENOMEM)
		return say(err, "mempool '%s' has not the %u buffers of a receive ring",
			   q->pool->name, q->n);
	if (err)
		return say(err,
			   "a buffer of mempool '%s' at %p is not mapped for the device: external "
			   "memory is mapped by rte_dev_dma_map(), hugepages are mapped as EAL "
			   "gets them",
			   q->pool->name, m->buf_addr);
	q->sw[at] = m;
	/* Whoever made the pool has put the buffers elsewhere: each is to be looked up. */
	if (iova != (uintptr_t)m + q->delta)
		q->one_run = false;
	q->ring[at].lower = iova;
	return 0;
}

static void free_rx_mbufs(struct pmd_rxq *q)
{
	free_mbufs(q->sw, q->n);
	rte_pktmbuf_free(q->first);
	rte_pktmbuf_free(q->aside);
	q->first = q->aside = NULL;
}

static int fill_ring(struct rte_eth_dev *dev, struct pmd_rxq *q)
{
	int err = 0;

	for (unsigned i = 0; i < q->n && !err; i++)
		err = put_buffer(q, i);
	if (err || q->one_run || !dev->data->dev_started || dev->rx_pkt_burst != rx_plain)
		return err;
	return say(-ENOTSUP,
		   "mempool '%s' has its buffers apart from its mbufs, but no mark that says so; "
		   "that is seen as a queue starts, and the port has its burst already: have the "
		   "queue start with the port (rx_deferred_start)",
		   q->pool->name);
}

int queues_rx_start(struct rte_eth_dev *dev, uint16_t number)
{
	struct pmd_rxq *q = dev->data->rx_queues[number];
	struct tce_igb *nic = pmd_port(dev)->nic;
	struct tce_igb_ring ring = {q->ring, q->iova, q->n};
	int err = igb_ring_buffer(nic, number, q->buffer, q->drop);

	if (!err)
		err = igb_ring_on(nic, IGB_RX, number, &ring);
	if (err)
		return log_failure(dev, say(err, "%s", tce_igb_error()));
	err = fill_ring(dev, q);
	if (err) {
		igb_ring_off(nic, IGB_RX, number);
		free_rx_mbufs(q);
		return log_failure(dev, err);
	}
	q->rearm = (uint64_t)RTE_PKTMBUF_HEADROOM | UINT64_C(1) << 16 | UINT64_C(1) << 32 |
		   (uint64_t)dev->data->port_id << 48;
	q->next = q->held = 0;
	q->crc_len = dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_KEEP_CRC
			     ? RTE_ETHER_CRC_LEN
			     : 0;
	q->special = q->crc_len || q->pinned;
	tce_io_write32(q->tail, q->n - 1u);
	dev->data->rx_queue_state[number] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int queues_rx_stop(struct rte_eth_dev *dev, uint16_t number)
{
	struct pmd_rxq *q = dev->data->rx_queues[number];
	int err;

	if (dev->data->rx_queue_state[number] != RTE_ETH_QUEUE_STATE_STARTED)
		return 0;
	err = igb_ring_off(pmd_port(dev)->nic, IGB_RX, number);
	if (err)
		return log_failure(dev, say(err, "%s", tce_igb_error()));
	dev->data->rx_queue_state[number] = RTE_ETH_QUEUE_STATE_STOPPED;
	free_rx_mbufs(q);
	/* Who polls it all the same finds nothing done. */
	memset(q->ring, 0, q->n * sizeof(*q->ring));
	q->next = 0;
	return 0;
}

int queues_tx_start(struct rte_eth_dev *dev, uint16_t number)
{
	struct pmd_txq *q = dev->data->tx_queues[number];
	struct tce_igb_ring ring = {q->ring, q->iova, q->n};
	int err = igb_ring_on(pmd_port(dev)->nic, IGB_TX, number, &ring);

	if (err)
		return log_failure(dev, say(err, "%s", tce_igb_error()));
	q->next = q->oldest = q->mixed = q->context = 0;
	q->free = q->n - 1;
	memset(q->contexts, 0, sizeof(q->contexts));
	/* As the plain bursts have it for good. */
	for (unsigned i = 0; i < q->n / PMD_TX_BATCH; i++)
		q->reports[i] = (uint16_t)(i * PMD_TX_BATCH + PMD_TX_BATCH - 1);
	dev->data->tx_queue_state[number] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int queues_tx_stop(struct rte_eth_dev *dev, uint16_t number)
{
	struct pmd_txq *q = dev->data->tx_queues[number];
	int err;

	if (dev->data->tx_queue_state[number] != RTE_ETH_QUEUE_STATE_STARTED)
		return 0;
	err = igb_ring_off(pmd_port(dev)->nic, IGB_TX, number);
	if (err)
		return log_failure(dev, say(err, "%s", tce_igb_error()));
	dev->data->tx_queue_state[number] = RTE_ETH_QUEUE_STATE_STOPPED;
	tx_free_rest(q);
	/* Who sends by it all the same, or cleans up, finds no room, and nothing done. */
	memset(q->ring, 0, q->n * sizeof(*q->ring));
	q->next = q->oldest = q->free = 0;
	return 0;
}

void queues_are_off(struct rte_eth_dev *dev)
{
	memset(dev->data->rx_queue_state, RTE_ETH_QUEUE_STATE_STOPPED,
	       sizeof(dev->data->rx_queue_state));
	memset(dev->data->tx_queue_state, RTE_ETH_QUEUE_STATE_STOPPED,
	       sizeof(dev->data->tx_queue_state));
}

void queues_rx_release(struct rte_eth_dev *dev, uint16_t number)
{
	if (is_off(dev, dev->data->rx_queue_state, number))
		free_rxq(dev->data->rx_queues[number]);
	dev->data->rx_queues[number] = NULL;
}

void queues_tx_release(struct rte_eth_dev *dev, uint16_t number)
{
	space_sender(pmd_port(dev), number, NULL);
	if (is_off(dev, dev->data->tx_queue_state, number))
		free_txq(dev->data->tx_queues[number]);
	dev->data->tx_queues[number] = NULL;
}
