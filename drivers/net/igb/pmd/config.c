/* SPDX-License-Identifier: BSD-3-Clause */
/* What the port takes in and where to: addresses, VLANs, RSS, MTU. */
#include "pmd.h"

#include <errno.h>

/* DPDK's sorts of packets, as flags of the device's. */
static const struct {
	uint64_t sort;
	unsigned flag;
} sorts[] = {
	{RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER,
	 TCE_IGB_RSS_IP4},
	{RTE_ETH_RSS_NONFRAG_IPV4_TCP, TCE_IGB_RSS_TCP4},
	{RTE_ETH_RSS_NONFRAG_IPV4_UDP, TCE_IGB_RSS_UDP4},
	{RTE_ETH_RSS_IPV6, TCE_IGB_RSS_IP6},
	{RTE_ETH_RSS_IPV6_EX, TCE_IGB_RSS_IP6_EX},
	{RTE_ETH_RSS_NONFRAG_IPV6_TCP, TCE_IGB_RSS_TCP6},
	{RTE_ETH_RSS_IPV6_TCP_EX, TCE_IGB_RSS_TCP6_EX},
	{RTE_ETH_RSS_NONFRAG_IPV6_UDP, TCE_IGB_RSS_UDP6},
	{RTE_ETH_RSS_IPV6_UDP_EX, TCE_IGB_RSS_UDP6_EX},
};

const uint64_t config_rss_sorts =
	RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
	RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_IPV6_EX | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
	RTE_ETH_RSS_IPV6_TCP_EX | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6_UDP_EX;

/* A key for who brings none: that of the verification suite [7.1.1.7.3], as most NICs have it. */
static const uint8_t default_key[TCE_IGB_RSS_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

/* What the device refused, or a physical function's driver for it: ethdev tells no reason. */
static int answer(const struct rte_eth_dev *dev, int err)
{
	return err ? log_failure(dev, say(err, "%s", tce_igb_error())) : 0;
}

static int accept_frames(struct rte_eth_dev *dev, bool promiscuous, bool all_multicast)
{
	unsigned what = (promiscuous ? TCE_IGB_ALL_UNICAST | TCE_IGB_ALL_MULTICAST : 0) |
			(all_multicast ? TCE_IGB_ALL_MULTICAST : 0);

	return answer(dev, tce_igb_accept(pmd_port(dev)->nic, what));
}

/* ethdev changes its flags after the call, or before: each says what is to be. */
int config_promiscuous_on(struct rte_eth_dev *dev)
{
	return accept_frames(dev, true, dev->data->all_multicast);
}

int config_promiscuous_off(struct rte_eth_dev *dev)
{
	return accept_frames(dev, false, dev->data->all_multicast);
}

int config_allmulticast_on(struct rte_eth_dev *dev)
{
	return accept_frames(dev, dev->data->promiscuous, true);
}

int config_allmulticast_off(struct rte_eth_dev *dev)
{
	return accept_frames(dev, dev->data->promiscuous, false);
}

int config_mac_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t at, uint32_t pool)
{
	return answer(dev, tce_igb_mac_filter(pmd_port(dev)->nic, at, mac->addr_bytes));
}

void config_mac_remove(struct rte_eth_dev *dev, uint32_t at)
{
	tce_igb_mac_filter(pmd_port(dev)->nic, at, NULL);
}

int config_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	return answer(dev, tce_igb_mac_filter(pmd_port(dev)->nic, 0, mac->addr_bytes));
}

int config_multicast(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t n)
{
	static_assert(sizeof(*mac) == 6, "an array of these is one of six bytes each");
	return answer(dev, tce_igb_multicast(pmd_port(dev)->nic, (const uint8_t(*)[6])mac, n));
}

int config_vlan(struct rte_eth_dev *dev, uint16_t id, int on)
{
	return answer(dev, tce_igb_vlan(pmd_port(dev)->nic, id, on));
}

int config_vlan_offload(struct rte_eth_dev *dev, int mask)
{
	uint64_t offloads = dev->data->dev_conf.rxmode.offloads;
	struct tce_igb *nic = pmd_port(dev)->nic;

	if (mask & RTE_ETH_VLAN_STRIP_MASK)
		tce_igb_vlan_strip(nic, offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP);
	if (mask & RTE_ETH_VLAN_FILTER_MASK)
		tce_igb_vlan_filter(nic, offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER);
	return 0;
}

int config_reta(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	struct pmd_port *port = pmd_port(dev);

	if (size != TCE_IGB_RETA)
		return -EINVAL;
	for (unsigned i = 0; i < size; i++)
		if (reta[i / RTE_ETH_RETA_GROUP_SIZE].mask >> i % RTE_ETH_RETA_GROUP_SIZE & 1)
			port->reta[i] = (uint8_t)reta[i / RTE_ETH_RETA_GROUP_SIZE]
						.reta[i % RTE_ETH_RETA_GROUP_SIZE];
	tce_igb_reta(port->nic, port->reta);
	return 0;
}

int config_reta_get(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	struct pmd_port *port = pmd_port(dev);

	if (size != TCE_IGB_RETA)
		return -EINVAL;
	for (unsigned i = 0; i < size; i++)
		if (reta[i / RTE_ETH_RETA_GROUP_SIZE].mask >> i % RTE_ETH_RETA_GROUP_SIZE & 1)
			reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
				port->reta[i];
	return 0;
}

int config_rss(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	struct pmd_port *port = pmd_port(dev);
	unsigned flags = 0;

	if (conf->rss_key && conf->rss_key_len && conf->rss_key_len < TCE_IGB_RSS_KEY)
		return -EINVAL;
	for (unsigned i = 0; i < RTE_DIM(sorts); i++)
		flags |= conf->rss_hf & sorts[i].sort ? sorts[i].flag : 0;
	if (conf->rss_key)
		memcpy(port->rss_key, conf->rss_key, TCE_IGB_RSS_KEY);
	port->rss_hf = conf->rss_hf & config_rss_sorts;
	tce_igb_rss(port->nic, flags, port->rss_key);
	return 0;
}

int config_rss_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	const struct pmd_port *port = pmd_port(dev);

	if (conf->rss_key) {
		memcpy(conf->rss_key, port->rss_key, TCE_IGB_RSS_KEY);
		conf->rss_key_len = TCE_IGB_RSS_KEY;
	}
	conf->rss_hf = port->rss_hf;
	return 0;
}

/* What was configured. From then on it is the application's to change, and a restart keeps that. */
int config_rss_anew(struct rte_eth_dev *dev)
{
	struct rte_eth_rss_conf conf = dev->data->dev_conf.rx_adv_conf.rss_conf;
	struct pmd_port *port = pmd_port(dev);
	int err;

	if (!(dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG))
		conf = (struct rte_eth_rss_conf){0};
	if (!conf.rss_key)
		memcpy(port->rss_key, default_key, sizeof(default_key));
	err = config_rss(dev, &conf);
	if (err)
		return say(err, "RSS: no key of %u bytes", conf.rss_key_len);
	/* The queues in turn, if there are any. */
	for (unsigned i = 0; i < TCE_IGB_RETA; i++)
		port->reta[i] = (uint8_t)(i % RTE_MAX(dev->data->nb_rx_queues, 1));
	tce_igb_reta(port->nic, port->reta);
	return 0;
}

/* As it was, for a device that may have been reset meanwhile. */
static void start_rss(struct rte_eth_dev *dev)
{
	struct rte_eth_rss_conf conf = {.rss_hf = pmd_port(dev)->rss_hf};

	tce_igb_reta(pmd_port(dev)->nic, pmd_port(dev)->reta);
	config_rss(dev, &conf);
}

int config_mtu(struct rte_eth_dev *dev, uint16_t mtu)
{
	/* How many buffers a frame takes, and so the burst, is settled as the port starts. */
	return dev->data->dev_started ? -EBUSY : 0;
}

int config_all(struct rte_eth_dev *dev)
{
	uint64_t offloads = dev->data->dev_conf.rxmode.offloads;
	struct tce_igb_receiver how = {
		.frame_max = dev->data->mtu + PMD_OVERHEAD,
		.keep_crc = offloads & RTE_ETH_RX_OFFLOAD_KEEP_CRC,
		.check_ip = offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM,
		.check_l4 =
			offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM),
		.strip_vlan = offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP,
	};
	int err;

	start_rss(dev);
	tce_igb_vlan_filter(pmd_port(dev)->nic, offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER);
	err = accept_frames(dev, dev->data->promiscuous, dev->data->all_multicast);
	return err ? err : answer(dev, tce_igb_receiver(pmd_port(dev)->nic, &how));
}
