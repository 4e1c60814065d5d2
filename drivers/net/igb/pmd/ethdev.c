/* SPDX-License-Identifier: BSD-3-Clause */
/* The port as ethdev sees it: what it can, how it starts and stops. */
#include "pmd.h"

#include <errno.h>
#include <stdio.h>

#define RX_OFFLOADS                                                                                \
	(RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_VLAN_FILTER |                          \
	 RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |                            \
	 RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_KEEP_CRC | RTE_ETH_RX_OFFLOAD_SCATTER | \
	 RTE_ETH_RX_OFFLOAD_RSS_HASH)
/* What makes the full burst necessary. */
#define TX_FULL                                                                                    \
	(RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |                          \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |                             \
	 RTE_ETH_TX_OFFLOAD_SCTP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |                              \
	 RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define TX_OFFLOADS (TX_FULL | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)

int log_failure(const struct rte_eth_dev *dev, int err)
{
	say_now(RTE_LOG_ERR, "%s: %s", dev->device->name, said());
	return err;
}

static int infos(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	static const struct rte_eth_dev_portconf portconf = {
		.burst_size = 32, .ring_size = 512, .nb_queues = 1};

	info->min_rx_bufsize = 256;
	info->max_rx_pktlen = IGB_FRAME_MAX;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = IGB_FRAME_MAX - PMD_OVERHEAD;
	info->max_rx_queues = info->max_tx_queues = PMD_QUEUES;
	info->max_mac_addrs = IGB_MAC_FILTERS;
	info->rx_offload_capa = RX_OFFLOADS;
	info->tx_offload_capa = info->tx_queue_offload_capa = TX_OFFLOADS;
	info->reta_size = TCE_IGB_RETA;
	info->hash_key_size = TCE_IGB_RSS_KEY;
	info->flow_type_rss_offloads = config_rss_sorts;
	if (pmd_port(dev)->nic->vf) {
		info->max_rx_queues = info->max_tx_queues = info->max_mac_addrs = 1;
		info->min_rx_bufsize = 1024;
		/* These are for the physical function to say. */
		info->rx_offload_capa &=
			~(RTE_ETH_RX_OFFLOAD_KEEP_CRC | RTE_ETH_RX_OFFLOAD_VLAN_STRIP |
			  RTE_ETH_RX_OFFLOAD_RSS_HASH);
		info->reta_size = info->hash_key_size = 0;
		info->flow_type_rss_offloads = 0;
	}
	info->default_rxconf.rx_free_thresh = 32;
	info->default_txconf.tx_rs_thresh = PMD_TX_BATCH;
	info->rx_desc_lim = (struct rte_eth_desc_lim){
		.nb_max = IGB_RING_MAX, .nb_min = PMD_RX_RING_MIN, .nb_align = IGB_RING_STEP};
	info->tx_desc_lim = (struct rte_eth_desc_lim){.nb_max = IGB_RING_MAX,
						      .nb_min = PMD_TX_RING_MIN,
						      .nb_align = PMD_TX_BATCH,
						      .nb_seg_max = PMD_SEGS_MAX,
						      .nb_mtu_seg_max = PMD_SEGS_MAX};
	info->speed_capa = RTE_ETH_LINK_SPEED_10M_HD | RTE_ETH_LINK_SPEED_10M |
			   RTE_ETH_LINK_SPEED_100M_HD | RTE_ETH_LINK_SPEED_100M |
			   RTE_ETH_LINK_SPEED_1G;
	info->default_rxportconf = portconf;
	info->default_txportconf = portconf;
	info->dev_capa &= ~(uint64_t)RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP;
	return 0;
}

static int configure(struct rte_eth_dev *dev)
{
	struct rte_eth_rxmode *rx = &dev->data->dev_conf.rxmode;
	int err;

	if (pmd_port(dev)->nic->vf && rx->mq_mode != RTE_ETH_MQ_RX_NONE)
		return log_failure(dev, say(-ENOTSUP, "a virtual function has one queue"));
	if (rx->mq_mode != RTE_ETH_MQ_RX_NONE && rx->mq_mode != RTE_ETH_MQ_RX_RSS)
		return log_failure(dev, say(-ENOTSUP, "of the ways to spread frames over queues "
						      "there is RSS alone"));
	/* The hash is in the descriptor in any case. */
	if (rx->mq_mode & RTE_ETH_MQ_RX_RSS_FLAG)
		rx->offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	err = link_speeds(dev);
	if (!err)
		err = config_rss_anew(dev);
	return err ? log_failure(dev, err) : 0;
}

static void choose_rx(struct rte_eth_dev *dev)
{
	uint64_t offloads = dev->data->dev_conf.rxmode.offloads;
	unsigned frame = dev->data->mtu + PMD_OVERHEAD;
	bool plain = !(offloads & RTE_ETH_RX_OFFLOAD_KEEP_CRC);
	bool scattered = offloads & RTE_ETH_RX_OFFLOAD_SCATTER;

	for (unsigned i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct pmd_rxq *q = dev->data->rx_queues[i];

		scattered = scattered || frame > q->buffer;
		plain = plain && q->one_run;
	}
	dev->data->scattered_rx = scattered;
	dev->rx_pkt_burst = plain && !scattered ? rx_plain : rx_full;
}

static void choose_tx(struct rte_eth_dev *dev)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < dev->data->nb_tx_queues; i++)
		any |= ((const struct pmd_txq *)dev->data->tx_queues[i])->offloads;
	dev->tx_pkt_prepare = tx_prepare;
	dev->tx_pkt_burst = any & TX_FULL ? tx_full : tx_plain;
}

static int reset(struct rte_eth_dev *dev)
{
	int err = tce_igb_reset(pmd_port(dev)->nic);

	return err ? log_failure(dev, say(err, "%s", tce_igb_error())) : 0;
}

/* Those that are on; what was begun is over as they go off. */
static int stop_queues(struct rte_eth_dev *dev)
{
	int err = 0, ret;

	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		ret = queues_rx_stop(dev, i);
		err = err ? err : ret;
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		ret = queues_tx_stop(dev, i);
		err = err ? err : ret;
	}
	return err;
}

/* Receiving ends first, then nothing more is sent. */
static int stop(struct rte_eth_dev *dev)
{
	struct rte_eth_link none = {0};
	int err;

	interrupt_stop(dev);
	tce_igb_receiver(pmd_port(dev)->nic, NULL);
	err = stop_queues(dev);
	/* A queue that does not go off has mbufs, and a ring: a reset takes these from it. */
	if (err && !reset(dev))
		err = stop_queues(dev);
	tce_igb_transmitter(pmd_port(dev)->nic, false);
	dev->data->dev_started = 0;
	rte_eth_linkstatus_set(dev, &none);
	return err;
}

static int start_queues(struct rte_eth_dev *dev)
{
	int err = 0;

	for (uint16_t i = 0; i < dev->data->nb_tx_queues && !err; i++) {
		const struct pmd_txq *q = dev->data->tx_queues[i];

		err = q->deferred ? 0 : queues_tx_start(dev, i);
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues && !err; i++) {
		const struct pmd_rxq *q = dev->data->rx_queues[i];

		err = q->deferred ? 0 : queues_rx_start(dev, i);
	}
	return err;
}

static int start(struct rte_eth_dev *dev)
{
	int err = interrupt_start(dev);

	if (err)
		log_failure(dev, err);
	else
		tce_igb_transmitter(pmd_port(dev)->nic, true);
	if (!err)
		err = config_all(dev);
	if (!err)
		err = start_queues(dev);
	if (err) {
		stop(dev);
		return err;
	}
	choose_rx(dev);
	choose_tx(dev);
	link_update(dev, 0);
	return 0;
}

static int close_port(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);
	int err = 0, ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	if (dev->data->dev_started)
		err = stop(dev);
	interrupt_close(port);
	/* From here on no event of memory in another thread looks at the port. */
	space_drop(port->space, port);
	ret = tce_igb_close(port->nic);
	if (ret)
		log_failure(dev, say(ret, "%s", tce_igb_error()));
	else
		queues_are_off(dev);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		queues_rx_release(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		queues_tx_release(dev, i);
	space_put(port->space, port->device);
	return err ? err : ret;
}

static int is_removed(struct rte_eth_dev *dev)
{
	return igb_read(pmd_port(dev)->nic, IGB_STATUS) == UINT32_MAX;
}

static void rxq_info(struct rte_eth_dev *dev, uint16_t number, struct rte_eth_rxq_info *info)
{
	const struct pmd_rxq *q = dev->data->rx_queues[number];

	info->mp = q->pool;
	info->scattered_rx = dev->data->scattered_rx;
	info->nb_desc = q->n;
	info->rx_buf_size = (uint16_t)RTE_MIN(q->buffer, (unsigned)UINT16_MAX);
	info->conf.rx_free_thresh = q->threshold;
	info->conf.rx_drop_en = q->drop;
	info->conf.rx_deferred_start = q->deferred;
	info->conf.offloads = q->offloads;
}

static void txq_info(struct rte_eth_dev *dev, uint16_t number, struct rte_eth_txq_info *info)
{
	const struct pmd_txq *q = dev->data->tx_queues[number];

	info->nb_desc = (uint16_t)q->n;
	info->conf.tx_free_thresh = (uint16_t)q->threshold;
	info->conf.tx_rs_thresh = PMD_TX_BATCH;
	info->conf.tx_deferred_start = q->deferred;
	info->conf.offloads = q->offloads;
}

static int rx_mode(struct rte_eth_dev *dev, uint16_t number, struct rte_eth_burst_mode *mode)
{
	snprintf(mode->info, sizeof(mode->info), "%s",
		 dev->rx_pkt_burst == rx_plain ? "plain" : "full");
	return 0;
}

static int tx_mode(struct rte_eth_dev *dev, uint16_t number, struct rte_eth_burst_mode *mode)
{
	snprintf(mode->info, sizeof(mode->info), "%s",
		 dev->tx_pkt_burst == tx_plain ? "plain" : "full");
	return 0;
}

/* What a virtual function can, too. */
#define OPS_OF_BOTH                                                                                \
	.dev_configure = configure, .dev_start = start, .dev_stop = stop, .dev_close = close_port, \
	.dev_reset = reset, .dev_infos_get = infos, .dev_supported_ptypes_get = rx_kinds_list,     \
	.is_removed = is_removed, .link_update = link_update,                                      \
	.allmulticast_enable = config_allmulticast_on,                                             \
	.allmulticast_disable = config_allmulticast_off, .mac_addr_set = config_mac_set,           \
	.set_mc_addr_list = config_multicast, .mtu_set = config_mtu,                               \
	.vlan_filter_set = config_vlan, .vlan_offload_set = config_vlan_offload,                   \
	.stats_get = stats_get, .stats_reset = stats_reset, .xstats_get = stats_xget,              \
	.xstats_get_names = stats_xnames, .xstats_reset = stats_reset,                             \
	.rx_queue_setup = queues_rx_setup, .rx_queue_release = queues_rx_release,                  \
	.rx_queue_start = queues_rx_start, .rx_queue_stop = queues_rx_stop,                        \
	.rx_queue_intr_enable = interrupt_rx_enable,                                               \
	.rx_queue_intr_disable = interrupt_rx_disable, .rxq_info_get = rxq_info,                   \
	.rx_burst_mode_get = rx_mode, .tx_queue_setup = queues_tx_setup,                           \
	.tx_queue_release = queues_tx_release, .tx_queue_start = queues_tx_start,                  \
	.tx_queue_stop = queues_tx_stop, .txq_info_get = txq_info, .tx_burst_mode_get = tx_mode,   \
	.tx_done_cleanup = tx_cleanup

const struct eth_dev_ops ethdev_ops = {
	OPS_OF_BOTH,
	.dev_set_link_up = link_up,
	.dev_set_link_down = link_down,
	.promiscuous_enable = config_promiscuous_on,
	.promiscuous_disable = config_promiscuous_off,
	.mac_addr_add = config_mac_add,
	.mac_addr_remove = config_mac_remove,
	.reta_update = config_reta,
	.reta_query = config_reta_get,
	.rss_hash_update = config_rss,
	.rss_hash_conf_get = config_rss_get,
};

const struct eth_dev_ops ethdev_vf_ops = {OPS_OF_BOTH};
