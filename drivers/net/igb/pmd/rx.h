/* SPDX-License-Identifier: BSD-3-Clause */
/* What both receive bursts do alike. */
#ifndef PMD_RX_H
#define PMD_RX_H

#include "bits.h"
#include "pmd.h"

/* An mbuf's words that a receive burst writes. */
typedef uint64_t __attribute__((may_alias)) pmd_word;
enum { WORD_REARM = 2, WORD_FLAGS, WORD_KIND, WORD_HASH };
static_assert(offsetof(struct rte_mbuf, rearm_data) == 8 * WORD_REARM, "data_off to port");
static_assert(offsetof(struct rte_mbuf, ol_flags) == 8 * WORD_FLAGS, "ol_flags");
static_assert(offsetof(struct rte_mbuf, packet_type) == 8 * WORD_KIND, "and pkt_len");
static_assert(offsetof(struct rte_mbuf, pkt_len) == 8 * WORD_KIND + 4, "behind packet_type");
static_assert(offsetof(struct rte_mbuf, data_len) == 8 * WORD_HASH, "and vlan_tci, hash");
static_assert(offsetof(struct rte_mbuf, vlan_tci) == 8 * WORD_HASH + 2, "behind data_len");
static_assert(offsetof(struct rte_mbuf, hash.rss) == 8 * WORD_HASH + 4, "behind vlan_tci");

/* What a descriptor's first word says of the packet, and what both say of its offloads. */
static inline uint64_t rx_kind(uint64_t lower)
{
	return rx_kinds[lower & (RTE_DIM(rx_kinds) - 1)];
}

static inline uint64_t rx_flags(uint64_t kind, uint64_t upper)
{
	/* Turned left by 3, as the table has it, and by 1 more to count in bytes. */
	const char *at = (const char *)rx_verdicts + BITS_TURN(upper, 4, 1, 10);

	return kind >> 32 | *(const uint16_t *)at;
}

/*
 * How many of the next @most descriptors, at least one, the device is done with.
 *
 * It writes them back in order, and the bus keeps that order (PCI Express Base 3.0, 2.4.1; within
 * one write, 2.4.3: by rising address; ring.c has relaxed ordering off for them). So what is seen
 * done at a place is done at all places before it: most often one look suffices.
 *
 * A caller that goes on to what the device wrote has tce_dma_rmb() between. POWER may otherwise
 * load the rest of a descriptor, or the frame, before the bit: the branch on it does not order
 * loads. One barrier serves all of a burst, since all bits are looked at before it.
 */
static inline unsigned rx_done(const struct igb_rx_desc *desc, unsigned most)
{
	const volatile struct igb_rx_desc *d = desc;
	unsigned n = 0;

	if (d[most - 1].upper & IGB_RX_DD)
		return most;
	while (n + 4 < most && (d[n + 3].upper & IGB_RX_DD))
		n += 4;
	while (n < most && (d[n].upper & IGB_RX_DD))
		n++;
	return n;
}

/*
 * Take an mbuf from the queue's pool whose buffer the device can fill. One whose buffer lies across
 * pages that are not neighbours to the device, or is not mapped, is put aside until the queue
 * stops. -ENOMEM: there is none. -EFAULT: @m is not mapped.
 */
int rx_take(struct pmd_rxq *q, struct rte_mbuf **m, tce_iova_t *iova);

/*
 * Give the device what was refilled, where that is enough to be told. The tail is at the last
 * descriptor that is ours: a tail that is the head would mean an empty ring.
 */
static inline void rx_give(struct pmd_rxq *q, unsigned n)
{
	unsigned held = q->held + n;

	if (held > q->threshold) {
		/* The one sync: all descriptors before the doorbell. */
		tce_io_write32(q->tail, q->next ? q->next - 1u : q->n - 1u);
		held = 0;
	}
	q->held = (uint16_t)held;
}

#endif
