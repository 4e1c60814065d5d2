/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd.h"

/* As long as negotiation may take [IEEE 802.3, 28.3.2, and some]. */
#define WAIT_MS 3000u

int link_update(struct rte_eth_dev *dev, int wait)
{
	struct tce_igb_link found;
	struct rte_eth_link link = {.link_autoneg = RTE_ETH_LINK_AUTONEG};

	if (wait)
		tce_igb_link_wait(pmd_port(dev)->nic, WAIT_MS);
	tce_igb_link(pmd_port(dev)->nic, &found);
	if (found.up) {
		link.link_status = RTE_ETH_LINK_UP;
		link.link_speed = found.speed;
		link.link_duplex = found.full_duplex;
	}
	return rte_eth_linkstatus_set(dev, &link);
}

int link_up(struct rte_eth_dev *dev)
{
	tce_igb_link_set(pmd_port(dev)->nic, true);
	return 0;
}

int link_down(struct rte_eth_dev *dev)
{
	tce_igb_link_set(pmd_port(dev)->nic, false);
	return 0;
}
