/* SPDX-License-Identifier: BSD-3-Clause */
/* What is refused; reset; close. */
#include "ethdev.h"

#include <errno.h>

#include <rte_dev.h>

/* The driver's suite looks at what QEMU's PHY was told meanwhile. */
static void speeds(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};

	conf.link_speeds = RTE_ETH_LINK_SPEED_10G;
	point(rte_eth_dev_configure(IN, 1, 1, &conf) == -EINVAL, "no speed that it does not have");
	conf.link_speeds = RTE_ETH_LINK_SPEED_10M | RTE_ETH_LINK_SPEED_100M;
	point(!rte_eth_dev_configure(IN, 1, 1, &conf), "two speeds to be offered");
	conf.link_speeds = RTE_ETH_LINK_SPEED_AUTONEG;
	point(!rte_eth_dev_configure(IN, 1, 1, &conf), "all of them again");
}

static void refused(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_mempool *small = rte_pktmbuf_pool_create(
		"small", 255, 0, 0, RTE_PKTMBUF_HEADROOM + 128, SOCKET_ID_ANY);
	struct rte_eth_txconf tx = {.tx_rs_thresh = 16};
	struct rte_eth_rxconf rx = {.rx_free_thresh = RING - 1};

	conf.link_speeds = RTE_ETH_LINK_SPEED_FIXED | RTE_ETH_LINK_SPEED_1G;
	point(rte_eth_dev_configure(IN, 1, 1, &conf) == -ENOTSUP, "no fixed speed");
	conf.link_speeds = 0;
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_VMDQ_ONLY;
	point(rte_eth_dev_configure(IN, 1, 1, &conf) == -ENOTSUP, "no VMDq");
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	point(rte_eth_dev_configure(IN, QUEUES + 1, 1, &conf) == -EINVAL, "no fifth queue");
	rte_eth_dev_configure(IN, 1, 1, &conf);
	point(rte_eth_rx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, NULL, small) == -EINVAL,
	      "no buffers of 128 bytes");
	point(rte_eth_rx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, &rx, pool) == -EINVAL,
	      "no threshold of all that the device has of a ring");
	point(rte_eth_tx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, &tx) == -EINVAL,
	      "no other batch to be reported");
	point(rte_eth_tx_queue_setup(IN, 0, 100, SOCKET_ID_ANY, NULL) == -EINVAL,
	      "no ring of 100 descriptors");
	rte_mempool_free(small);
}

/* A pool with too few mbufs for a ring: the start fails, and leaves nothing behind. */
static void too_few(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_mempool *few = rte_pktmbuf_pool_create("few", RING / 2, 0, 0,
							  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	int ret = rte_eth_dev_configure(IN, 1, 1, &conf);

	if (!ret)
		ret = rte_eth_rx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, NULL, few);
	if (!ret)
		ret = rte_eth_tx_queue_setup(IN, 0, RING, SOCKET_ID_ANY, NULL);
	point(!ret && rte_eth_dev_start(IN) == -ENOMEM, "no start without mbufs for the ring");
	point(rte_mempool_full(few), "all of them are back");
	start(IN, &conf, 1);
	rte_mempool_free(few);
	point(arrives(&(struct frame){0}), "it starts with another pool");
}

static void reset(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 9}};

	rte_eth_dev_mac_addr_add(IN, &mac, 0);
	point(!rte_eth_dev_reset(IN), "a port is reset while it runs");
	start(IN, &conf, 1);
	wait_links();
	point(arrives(&(struct frame){0}) && arrives(&(struct frame){.dst = &mac}),
	      "configured anew, it takes frames in, and knows its addresses");
}

/* As rte_eal_cleanup() does it, too: ethdev itself closes no port that runs. */
static void removed(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_eth_dev_info info;

	start(OUT, &conf, 1);
	point(!rte_eth_dev_info_get(OUT, &info) && !rte_dev_remove(info.device) &&
		      !rte_eth_dev_count_avail(),
	      "a device is removed whose port runs");
	point(rte_mempool_full(pool), "and its mbufs are back, too");
}

void ends(void)
{
	unsigned in_use;

	speeds();
	refused();
	too_few();
	reset();
	stop(IN);
	stop(OUT);
	in_use = rte_mempool_in_use_count(pool);
	point(!in_use, "all mbufs are back in their pool (%u are not)", in_use);
	point(!rte_eth_dev_close(IN) && rte_eth_dev_count_avail() == 1, "a port closes");
	removed();
}
