/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd.h"

/* As long as negotiation may take [IEEE 802.3, 28.3.2, and some]. */
#define WAIT_MS 3000u

static const struct {
	uint32_t asked;
	unsigned speed;
} known[] = {{RTE_ETH_LINK_SPEED_10M_HD, TCE_IGB_10_HALF},
	     {RTE_ETH_LINK_SPEED_10M, TCE_IGB_10},
	     {RTE_ETH_LINK_SPEED_100M_HD, TCE_IGB_100_HALF},
	     {RTE_ETH_LINK_SPEED_100M, TCE_IGB_100},
	     {RTE_ETH_LINK_SPEED_1G, TCE_IGB_1000}};

int link_update(struct rte_eth_dev *dev, int wait)
{
	struct tce_igb_link found;
	struct rte_eth_link link = {.link_autoneg = RTE_ETH_LINK_AUTONEG};
	int ret;

	if (wait)
		tce_igb_link_wait(pmd_port(dev)->nic, WAIT_MS);
	/* The interrupt's thread does so, too: what was seen first must not be told last. */
	rte_spinlock_lock(&pmd_port(dev)->link_lock);
	tce_igb_link(pmd_port(dev)->nic, &found);
	if (found.up) {
		link.link_status = RTE_ETH_LINK_UP;
		link.link_speed = found.speed;
		link.link_duplex = found.full_duplex;
	}
	ret = rte_eth_linkstatus_set(dev, &link);
	rte_spinlock_unlock(&pmd_port(dev)->link_lock);
	return ret;
}

int link_speeds(struct rte_eth_dev *dev)
{
	uint32_t asked = dev->data->dev_conf.link_speeds;
	struct tce_igb *nic = pmd_port(dev)->nic;
	unsigned speeds = 0, before = nic->speeds;
	int err;

	if (asked & RTE_ETH_LINK_SPEED_FIXED)
		return say(-ENOTSUP, "no speed can be fixed, it is negotiated");
	for (unsigned i = 0; i < RTE_DIM(known); i++)
		speeds |= asked & known[i].asked ? known[i].speed : 0;
	err = tce_igb_link_speeds(nic, asked ? speeds : TCE_IGB_SPEEDS);
	if (err)
		return say(err, "%s", tce_igb_error());
	/* To negotiate takes seconds: only for something new. */
	if (nic->speeds != before)
		tce_igb_link_set(nic, true);
	return 0;
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
