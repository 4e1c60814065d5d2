/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port takes in: addresses, multicast, VLANs. */
#include "ethdev.h"

#include <stdio.h>

static const struct rte_ether_addr other = {{2, 0, 0, 0, 0x12, 0x34}};
static const struct rte_ether_addr group = {{1, 0, 0x5e, 0, 0, 0x51}};
static const struct rte_ether_addr group2 = {{1, 0, 0x5e, 0, 0x70, 0x52}};

static void addresses(void)
{
	struct rte_ether_addr mac = other;
	const struct frame to_own = {0}, to_other = {.dst = &other};

	point(arrives(&to_own) && !arrives(&to_other), "the port's own address, and no other one");
	point(!rte_eth_dev_mac_addr_add(IN, &mac, 0) && arrives(&to_other) && arrives(&to_own),
	      "an address is added");
	point(!rte_eth_dev_mac_addr_remove(IN, &mac) && !arrives(&to_other), "and removed");
	point(!rte_eth_dev_default_mac_addr_set(IN, &mac) && arrives(&to_other) &&
		      !arrives(&to_own),
	      "another address in place of its own");
	mac = own;
	point(!rte_eth_dev_default_mac_addr_set(IN, &mac) && !arrives(&to_other) &&
		      arrives(&to_own),
	      "and its own again");
	point(!rte_eth_promiscuous_enable(IN) && arrives(&to_other), "promiscuous");
	point(!rte_eth_promiscuous_disable(IN) && !arrives(&to_other), "and not any more");
}

static void multicast(void)
{
	struct rte_ether_addr list[] = {group, group2};
	const struct frame to_group = {.dst = &group}, to_group2 = {.dst = &group2};

	point(!arrives(&to_group), "no multicast");
	point(!rte_eth_dev_set_mc_addr_list(IN, list, 1) && arrives(&to_group) &&
		      !arrives(&to_group2),
	      "one multicast address");
	point(!rte_eth_dev_set_mc_addr_list(IN, list, 2) && arrives(&to_group) &&
		      arrives(&to_group2),
	      "two of them");
	point(!rte_eth_dev_set_mc_addr_list(IN, NULL, 0) && !arrives(&to_group), "none again");
	point(!rte_eth_allmulticast_enable(IN) && arrives(&to_group), "all multicast");
	point(!rte_eth_allmulticast_disable(IN) && !arrives(&to_group), "and not any more");
}

/* The tag that a frame comes with; -1: in its data, as it was sent. */
static int tag_of(uint16_t vlan)
{
	struct rte_mbuf *m = make(&(struct frame){.vlan = vlan, .bytes = 100});
	struct arrival got;
	int tag = -2;

	exchange(&m, 1, &got);
	if (got.n == 1 && got.mbuf[0]->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED &&
	    got.mbuf[0]->pkt_len == 96)
		tag = got.mbuf[0]->vlan_tci;
	else if (got.n == 1 && got.mbuf[0]->pkt_len == 100)
		tag = -1;
	drop(&got);
	return tag;
}

static void vlans(void)
{
	const struct frame five = {.vlan = 5}, six = {.vlan = 6};

	point(arrives(&five) && arrives(&six), "any VLAN without a filter");
	point(!rte_eth_dev_set_vlan_offload(IN, RTE_ETH_VLAN_FILTER_OFFLOAD) && !arrives(&five) &&
		      arrives(&(struct frame){0}),
	      "no VLAN with an empty one, while the port runs");
	point(!rte_eth_dev_vlan_filter(IN, 5, 1) && arrives(&five) && !arrives(&six),
	      "one VLAN passes");
	point(!rte_eth_dev_vlan_filter(IN, 5, 0) && !arrives(&five), "and not any more");
	point(!rte_eth_dev_set_vlan_offload(IN, 0) && tag_of(7) == -1, "tags stay in the frames");
	point(!rte_eth_dev_set_vlan_offload(IN, RTE_ETH_VLAN_STRIP_OFFLOAD) && tag_of(7) == 7,
	      "and are taken out, while the port runs");
}

void filters(void)
{
	struct rte_eth_conf conf = {.rxmode = {.offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER}};

	start(IN, &conf, 1);
	wait_links();
	rte_eth_dev_set_vlan_offload(IN, 0);
	addresses();
	multicast();
	vlans();
	stop(IN);
}
