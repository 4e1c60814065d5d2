/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues that start later, stop and start again while the port runs; what is asked of them. */
#include "ethdev.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

enum { LATE = 3 };

static int setup_late(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS}};
	struct rte_eth_rxconf rx = {.rx_deferred_start = 1};
	struct rte_eth_txconf tx = {.tx_deferred_start = 1};
	int ret;

	conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4;
	ret = rte_eth_dev_configure(IN, QUEUES, QUEUES, &conf);
	for (uint16_t q = 0; q < QUEUES && !ret; q++) {
		ret = rte_eth_rx_queue_setup(IN, q, RING, SOCKET_ID_ANY, q == LATE ? &rx : NULL,
					     pool);
		if (!ret)
			ret = rte_eth_tx_queue_setup(IN, q, RING, SOCKET_ID_ANY,
						     q == LATE ? &tx : NULL);
	}
	return ret ? ret : rte_eth_dev_start(IN);
}

static void all_to_late(void)
{
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};

	for (unsigned i = 0; i < 128; i++)
		reta[i / 64].reta[i % 64] = LATE;
	rte_eth_dev_rss_reta_update(IN, reta, 128);
}

static uint8_t rx_state(uint16_t queue)
{
	struct rte_eth_rxq_info info;

	return rte_eth_rx_queue_info_get(IN, queue, &info) ? UINT8_MAX : info.queue_state;
}

static void late_rx(void)
{
	struct arrival got;
	struct rte_mbuf *m;

	point(rx_state(LATE) == RTE_ETH_QUEUE_STATE_STOPPED && !arrives(&(struct frame){0}),
	      "a queue that starts later takes nothing in");
	point(!rte_eth_dev_rx_queue_start(IN, LATE) &&
		      rx_state(LATE) == RTE_ETH_QUEUE_STATE_STARTED,
	      "it is started while the port runs");
	m = make(&(struct frame){0});
	exchange(&m, 1, &got);
	point(got.n == 1 && got.by_queue[LATE] == 1, "and takes frames in");
	drop(&got);
	point(!rte_eth_dev_rx_queue_stop(IN, LATE) && !arrives(&(struct frame){0}),
	      "it is stopped while the others run");
	point(!rte_eth_dev_rx_queue_start(IN, LATE) && arrives(&(struct frame){0}),
	      "and started again");
}

/* Whether a frame that IN sends by its late queue reaches OUT. */
static bool comes_back(void)
{
	struct rte_mbuf *m = make(&(struct frame){0}), *got[32];
	uint16_t n = 0;

	rte_eth_macaddr_get(OUT, &rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->dst_addr);
	if (rte_eth_tx_burst(IN, LATE, &m, 1) != 1)
		rte_pktmbuf_free(m);
	for (unsigned ms = 0; ms < 1000 && !n; ms++) {
		n = rte_eth_rx_burst(OUT, 0, got, RTE_DIM(got));
		rte_delay_us_sleep(1000);
	}
	rte_pktmbuf_free_bulk(got, n);
	return n == 1;
}

static void late_tx(void)
{
	struct rte_eth_txq_info info;

	point(!rte_eth_tx_queue_info_get(IN, LATE, &info) &&
		      info.queue_state == RTE_ETH_QUEUE_STATE_STOPPED,
	      "a transmit queue that starts later");
	point(!rte_eth_dev_tx_queue_start(IN, LATE) && comes_back(), "it is started, and sends");
	point(!rte_eth_dev_tx_queue_stop(IN, LATE) && !rte_eth_dev_tx_queue_start(IN, LATE) &&
		      comes_back(),
	      "it is stopped, started, and sends");
}

/* Frames lie in a ring and are counted, and described, before they are taken. */
static void looked_at(void)
{
	struct rte_mbuf *m[3], *got[32];
	uint16_t n;

	for (uint16_t i = 0; i < 3; i++)
		m[i] = make(&(struct frame){.sport = i});
	rte_eth_tx_burst(OUT, 0, m, 3);
	for (unsigned ms = 0; ms < 1000 && rte_eth_rx_queue_count(IN, LATE) < 3; ms++)
		rte_delay_us_sleep(1000);
	point(rte_eth_rx_queue_count(IN, LATE) == 3 &&
		      rte_eth_rx_descriptor_status(IN, LATE, 2) == RTE_ETH_RX_DESC_DONE &&
		      rte_eth_rx_descriptor_status(IN, LATE, 3) == RTE_ETH_RX_DESC_AVAIL &&
		      rte_eth_rx_descriptor_status(IN, LATE, RING) == -EINVAL,
	      "frames that wait are counted, descriptor by descriptor");
	n = rte_eth_rx_burst(IN, LATE, got, RTE_DIM(got));
	point(n == 3 && rte_eth_rx_queue_count(IN, LATE) == 0, "and not any more when taken");
	rte_pktmbuf_free_bulk(got, n);
}

/* What waits in a queue that is stopped is given back to its pool, not to who polls it. */
static void stopped_rx(void)
{
	struct rte_mbuf *m[3], *got[32];

	for (uint16_t i = 0; i < 3; i++)
		m[i] = make(&(struct frame){.sport = i});
	rte_eth_tx_burst(OUT, 0, m, 3);
	for (unsigned ms = 0; ms < 1000 && rte_eth_rx_queue_count(IN, LATE) < 3; ms++)
		rte_delay_us_sleep(1000);
	point(rte_eth_rx_queue_count(IN, LATE) == 3 && !rte_eth_dev_rx_queue_stop(IN, LATE) &&
		      !rte_eth_rx_burst(IN, LATE, got, RTE_DIM(got)),
	      "a queue that was stopped with frames in it gives none");
	point(!rte_eth_dev_rx_queue_start(IN, LATE) && arrives(&(struct frame){0}),
	      "until it is started again");
}

/* Frames that IN sends by its late queue, so many that they go round its ring. */
static void round_and_round(struct rte_mbuf **m, uint16_t n)
{
	struct rte_mbuf *got[32];
	uint16_t sent;

	for (unsigned round = 0; round < 10; round++) {
		for (uint16_t i = 0; i < n; i++)
			m[i] = make(&(struct frame){.sport = i});
		sent = rte_eth_tx_burst(IN, LATE, m, n);
		rte_pktmbuf_free_bulk(m + sent, n - sent);
		rte_delay_us_sleep(1000);
		while ((sent = rte_eth_rx_burst(OUT, 0, got, RTE_DIM(got))))
			rte_pktmbuf_free_bulk(got, sent);
	}
}

static void stopped_tx(void)
{
	struct rte_mbuf *m[40];
	unsigned before;

	round_and_round(m, RTE_DIM(m));
	rte_eth_dev_tx_queue_stop(IN, LATE);
	before = rte_mempool_avail_count(pool);
	point(!rte_eth_tx_done_cleanup(IN, LATE, 0) && rte_mempool_avail_count(pool) == before,
	      "a queue that is stopped has no mbuf left to come back");
	for (uint16_t i = 0; i < RTE_DIM(m); i++)
		m[i] = make(&(struct frame){.sport = i});
	point(!rte_eth_tx_burst(IN, LATE, m, RTE_DIM(m)), "and takes none");
	rte_pktmbuf_free_bulk(m, RTE_DIM(m));
	point(!rte_eth_dev_tx_queue_start(IN, LATE) && comes_back(), "until it is started again");
}

/* Sent mbufs come back when they are asked for, in batches as the device reports them. */
static void cleaned_up(void)
{
	struct rte_mbuf *m[40];
	struct arrival got;
	unsigned before, after;
	int freed;

	/* From an empty ring on. */
	rte_eth_dev_tx_queue_stop(OUT, 0);
	rte_eth_dev_tx_queue_start(OUT, 0);
	for (uint16_t i = 0; i < RTE_DIM(m); i++)
		m[i] = make(&(struct frame){.sport = i});
	exchange(m, RTE_DIM(m), &got);
	drop(&got);
	before = rte_mempool_avail_count(pool);
	freed = rte_eth_tx_done_cleanup(OUT, 0, 0);
	after = rte_mempool_avail_count(pool);
	note("%d cleaned up, %u came back", freed, after - before);
	point(freed == 32 && after - before == 32, "sent mbufs come back when they are asked for");
	point(rte_eth_tx_descriptor_status(OUT, 0, 0) == RTE_ETH_TX_DESC_DONE,
	      "and their descriptors are done");
}

/* A pool that has run empty costs frames while it is, and nothing afterwards. */
static void starved(void)
{
	static struct rte_mbuf *held[POOL];
	struct rte_mbuf *m[64], *got[64];
	struct rte_eth_stats stats;
	unsigned n = 0, all;
	uint16_t came = 0;

	for (uint16_t i = 0; i < RTE_DIM(m); i++)
		m[i] = make(&(struct frame){.sport = i});
	while (n < POOL && !rte_mempool_get(pool, (void **)&held[n]))
		n++;
	rte_eth_tx_burst(OUT, 0, m, RTE_DIM(m));
	for (unsigned i = 0; i < 20; i++) {
		came += rte_eth_rx_burst(IN, LATE, got + came, (uint16_t)(RTE_DIM(got) - came));
		rte_delay_us_sleep(1000);
	}
	all = came;
	rte_mempool_put_bulk(pool, (void **)held, n);
	for (unsigned i = 0; i < 1000 && all < RTE_DIM(m); i++) {
		all += rte_eth_rx_burst(IN, LATE, got + all, (uint16_t)(RTE_DIM(got) - all));
		rte_delay_us_sleep(1000);
	}
	rte_pktmbuf_free_bulk(got, all);
	rte_eth_stats_get(IN, &stats);
	note("%u frames while the pool was empty, %u in the end, %" PRIu64 " times no mbuf", came,
	     all, stats.rx_nombuf);
	point(came < RTE_DIM(m) && all == RTE_DIM(m) && stats.rx_nombuf,
	      "a pool that runs empty is counted, and loses nothing that its ring can hold");
}

void queues(void)
{
	int ret = setup_late();

	if (ret)
		rte_exit(EXIT_FAILURE, "queues that start later: %d\n", ret);
	all_to_late();
	late_rx();
	late_tx();
	looked_at();
	stopped_rx();
	stopped_tx();
	cleaned_up();
	starved();
	stop(IN);
	point(!rte_eth_tx_done_cleanup(IN, LATE, 0), "nor has one of a port that is stopped");
}
