/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in several buffers, both ways, by the full bursts; MTU, CRCs, counters. */
#include "ethdev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A frame of the same bytes in buffers of these lengths and a last one. */
static struct rte_mbuf *cut(const struct rte_mbuf *whole, const uint16_t *lens, unsigned n)
{
	struct rte_mbuf *first = NULL;
	uint32_t at = 0;

	for (unsigned i = 0; i <= n; i++) {
		uint32_t left = whole->pkt_len - at;
		uint16_t len = (uint16_t)(i < n ? RTE_MIN(left, lens[i]) : left);
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		char *to = m ? rte_pktmbuf_append(m, len) : NULL;

		if (!to || (first && rte_pktmbuf_chain(first, m)))
			rte_exit(EXIT_FAILURE, "no chain of %u buffers\n", n);
		memcpy(to, rte_pktmbuf_mtod_offset(whole, char *, at), len);
		first = first ? first : m;
		at += len;
	}
	return first;
}

static void chains(void)
{
	static const uint16_t odd[] = {1, 13, 4, 127, 1, 300};
	struct rte_mbuf *whole = make(&(struct frame){.bytes = 1499});
	struct rte_mbuf *m[8];
	struct arrival got;
	bool same = true;

	for (unsigned i = 0; i < RTE_DIM(m); i++)
		m[i] = cut(whole, odd, i < RTE_DIM(odd) ? i : RTE_DIM(odd));
	exchange(m, RTE_DIM(m), &got);
	for (unsigned i = 0; i < got.n; i++)
		same = same && is_same(got.mbuf[i], whole);
	point(got.n == RTE_DIM(m) && same, "one frame in 1 to 7 buffers, of odd lengths");
	drop(&got);
	rte_pktmbuf_free(whole);
}

/* One of 5000 bytes: three buffers of an mbuf's 2048 on the way in. */
static void large(void)
{
	struct rte_mbuf *part[3], *whole, *kept;
	struct arrival got;
	bool same;

	for (unsigned i = 0; i < 3; i++)
		part[i] = make(&(struct frame){.bytes = (uint16_t)(i == 2 ? 1100 : 1950),
					       .sport = (uint16_t)i});
	whole = part[0];
	rte_pktmbuf_chain(whole, part[1]);
	rte_pktmbuf_chain(whole, part[2]);
	kept = rte_pktmbuf_copy(whole, pool, 0, UINT32_MAX);
	exchange(&whole, 1, &got);
	same = got.n == 1 && is_same(got.mbuf[0], kept) && got.mbuf[0]->nb_segs == 3;
	point(same, "5000 bytes in 3 buffers sent, received in 3 buffers");
	drop(&got);
	rte_pktmbuf_free(kept);
}

static uint64_t xstat(uint16_t port, const char *name)
{
	uint64_t id, value = UINT64_MAX;

	if (rte_eth_xstats_get_id_by_name(port, name, &id) ||
	    rte_eth_xstats_get_by_id(port, &id, &value, 1) != 1)
		return UINT64_MAX;
	return value;
}

static void counters(void)
{
	struct rte_eth_stats in, out;
	struct rte_mbuf *m[10];
	struct arrival got;

	rte_eth_stats_reset(IN);
	rte_eth_stats_reset(OUT);
	for (uint16_t i = 0; i < RTE_DIM(m); i++)
		m[i] = make(&(struct frame){.bytes = 200, .sport = i});
	exchange(m, RTE_DIM(m), &got);
	drop(&got);
	rte_eth_stats_get(IN, &in);
	rte_eth_stats_get(OUT, &out);
	/* 10 of 200 bytes, and the last one of 60. */
	point(in.ipackets == 11 && in.ibytes == 2060 && in.q_ipackets[0] == 11 &&
		      in.q_ibytes[0] == 2060 && out.opackets == 11 && out.obytes == 2060,
	      "frames and bytes, of the port and of its queue");
	point(xstat(IN, "rx_good_frames") == 11 && xstat(IN, "rx_q0_packets") == 11 &&
		      xstat(OUT, "tx_q0_bytes") == 2060 && xstat(IN, "rx_broadcast_packets") == 1,
	      "extended counters, of the port and of its queue");
	rte_eth_xstats_reset(IN);
	rte_eth_stats_get(IN, &in);
	point(!in.ipackets && !in.ibytes && !in.q_ipackets[0] && !xstat(IN, "rx_good_frames"),
	      "all 0 again");
}

static void keep_crc(void)
{
	struct rte_eth_conf conf = {.rxmode = {.offloads = RTE_ETH_RX_OFFLOAD_KEEP_CRC}};

	start(IN, &conf, 1);
	for (uint16_t bytes = 60; bytes < 1500; bytes = (uint16_t)(bytes + 331)) {
		struct rte_mbuf *m = make(&(struct frame){.bytes = bytes});
		struct rte_mbuf *kept = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
		struct arrival got;

		exchange(&m, 1, &got);
		point(got.n == 1 && is_same(got.mbuf[0], kept),
		      "%u bytes of a frame whose CRC is kept", bytes);
		drop(&got);
		rte_pktmbuf_free(kept);
	}
	stop(IN);
}

void segments(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};

	conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	stop(OUT);
	start(OUT, &conf, 1);
	conf.txmode.offloads = 0;
	conf.rxmode.mtu = 9000;
	conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	start(IN, &conf, 1);
	chains();
	large();
	counters();
	point(rte_eth_dev_set_mtu(IN, 1500) == -EBUSY, "no other MTU while the port runs");
	stop(IN);
	point(!rte_eth_dev_set_mtu(IN, 1500) && rte_eth_dev_set_mtu(IN, 9800) == -EINVAL,
	      "another MTU when it is stopped, but none that the device has not");
	keep_crc();
}
