/* SPDX-License-Identifier: BSD-3-Clause */
/* What a receive descriptor says, in DPDK's words: tables, so that a burst has no branch for it. */
#include "pmd.h"

uint64_t rx_kinds[1 << 11];
uint16_t rx_verdicts[1 << 10];

/* Packet type bits, 7 of them [7.1.5.2]. IPv4 with IPv6 is IPv6 in IPv4. */
static uint32_t packet_type(unsigned type)
{
	bool tunnel = (type & IGB_RX_TYPE_IP4) && (type & IGB_RX_TYPE_IP6);
	uint32_t ip6 = type & IGB_RX_TYPE_IP6_EXT ? RTE_PTYPE_L3_IPV6_EXT : RTE_PTYPE_L3_IPV6;
	uint32_t l4 = 0, l3 = 0;

	if (type & IGB_RX_TYPE_TCP)
		l4 = tunnel ? RTE_PTYPE_INNER_L4_TCP : RTE_PTYPE_L4_TCP;
	else if (type & IGB_RX_TYPE_UDP)
		l4 = tunnel ? RTE_PTYPE_INNER_L4_UDP : RTE_PTYPE_L4_UDP;
	else if (type & IGB_RX_TYPE_SCTP)
		l4 = tunnel ? RTE_PTYPE_INNER_L4_SCTP : RTE_PTYPE_L4_SCTP;
	if (tunnel)
		l3 = RTE_PTYPE_L3_IPV4 | RTE_PTYPE_TUNNEL_IP |
		     (type & IGB_RX_TYPE_IP6_EXT ? RTE_PTYPE_INNER_L3_IPV6_EXT
						 : RTE_PTYPE_INNER_L3_IPV6);
	else if (type & IGB_RX_TYPE_IP4)
		l3 = type & IGB_RX_TYPE_IP4_OPTIONS ? RTE_PTYPE_L3_IPV4_EXT : RTE_PTYPE_L3_IPV4;
	else if (type & IGB_RX_TYPE_IP6)
		l3 = ip6;
	/* Of all else the device tells nothing, also not that it is Ethernet. */
	return l3 ? RTE_PTYPE_L2_ETHER | l3 | l4 : RTE_PTYPE_UNKNOWN;
}

/*
 * A verdict on a checksum is given where the device has looked at it, and only there: otherwise it
 * is unknown.
 */
static uint16_t verdict(uint32_t status)
{
	uint64_t flags = 0;

	if (status & IGB_RX_VP)
		flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	if (status & IGB_RX_IPCS)
		flags |= status & IGB_RX_IP_ERROR ? RTE_MBUF_F_RX_IP_CKSUM_BAD
						  : RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (status & IGB_RX_L4CS)
		flags |= status & IGB_RX_L4_ERROR ? RTE_MBUF_F_RX_L4_CKSUM_BAD
						  : RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return (uint16_t)flags;
}

RTE_INIT(rx_kinds_fill)
{
	for (unsigned i = 0; i < RTE_DIM(rx_kinds); i++)
		rx_kinds[i] = packet_type((unsigned)IGB_RX_PKT_TYPE(i)) |
			      (IGB_RX_RSS_TYPE(i) ? RTE_MBUF_F_RX_RSS_HASH << 32 : 0);
	for (uint32_t i = 0; i < RTE_DIM(rx_verdicts); i++)
		rx_verdicts[i] = verdict(i >> 3 | i << 29);
}

static const uint32_t list[] = {
	RTE_PTYPE_L2_ETHER,	 RTE_PTYPE_L3_IPV4,	      RTE_PTYPE_L3_IPV4_EXT,
	RTE_PTYPE_L3_IPV6,	 RTE_PTYPE_L3_IPV6_EXT,	      RTE_PTYPE_L4_TCP,
	RTE_PTYPE_L4_UDP,	 RTE_PTYPE_L4_SCTP,	      RTE_PTYPE_TUNNEL_IP,
	RTE_PTYPE_INNER_L3_IPV6, RTE_PTYPE_INNER_L3_IPV6_EXT, RTE_PTYPE_INNER_L4_TCP,
	RTE_PTYPE_INNER_L4_UDP,	 RTE_PTYPE_UNKNOWN,
};

#if PMD_COUNTS_KINDS
const uint32_t *rx_kinds_list(struct rte_eth_dev *dev, size_t *n)
{
	*n = RTE_DIM(list) - 1;
	return list;
}
#else
const uint32_t *rx_kinds_list(struct rte_eth_dev *dev)
{
	return list;
}
#endif
