/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "ports.h"

static void start(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	int ret = rte_eth_dev_configure(port, 1, 1, &conf);

	if (!ret)
		ret = rte_eth_rx_queue_setup(port, 0, PORTS_RING, SOCKET_ID_ANY, NULL, pool);
	if (!ret)
		ret = rte_eth_tx_queue_setup(port, 0, PORTS_RING, SOCKET_ID_ANY, NULL);
	if (!ret)
		ret = rte_eth_dev_start(port);
	if (!ret)
		ret = rte_eth_promiscuous_enable(port);
	if (ret)
		rte_exit(EXIT_FAILURE, "port %u does not start: %d\n", port, ret);
}

struct rte_mempool *ports_start(int argc, char **argv, unsigned ports)
{
	struct rte_mempool *pool;

	if (rte_eal_init(argc, argv) < 0)
		rte_exit(EXIT_FAILURE, "EAL does not start\n");
	if (rte_eth_dev_count_avail() != ports)
		rte_exit(EXIT_FAILURE, "%u ports are wanted, %u are there\n", ports,
			 rte_eth_dev_count_avail());
	pool = rte_pktmbuf_pool_create("bench", PORTS_MBUFS, PORTS_CACHE, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		rte_exit(EXIT_FAILURE, "no pool\n");
	for (uint16_t port = 0; port < ports; port++)
		start(port, pool);
	for (uint16_t port = 0; port < ports; port++) {
		struct rte_eth_link link = {0};

		/* Drivers that are to wait for it compute meanwhile: a minute under icount. */
		for (unsigned i = 0; i < 1000 && !link.link_status; i++) {
			if (rte_eth_link_get_nowait(port, &link))
				break;
			usleep(10000);
		}
		if (!link.link_status)
			rte_exit(EXIT_FAILURE, "port %u has no link\n", port);
	}
	return pool;
}

void ports_stop(unsigned ports)
{
	for (uint16_t port = 0; port < ports; port++) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	rte_eal_cleanup();
}

void ports_frames(struct rte_mempool *pool, struct rte_mbuf **mbuf, unsigned n)
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
				       0,    0,	   0,	 0,    1,    0x88, 0xb5};

	if (rte_pktmbuf_alloc_bulk(pool, mbuf, n))
		rte_exit(EXIT_FAILURE, "the pool is empty\n");
	for (unsigned i = 0; i < n; i++) {
		char *p = rte_pktmbuf_append(mbuf[i], 60);

		memset(p, 0, 60);
		memcpy(p, head, sizeof(head));
	}
}

double ports_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
