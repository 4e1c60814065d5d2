/* SPDX-License-Identifier: BSD-3-Clause */
/* RSS, changed while the port runs, by counts of each queue and by the hash itself. */
#include "ethdev.h"

#include <string.h>

#include <rte_ip.h>
#include <rte_thash.h>
#include <rte_udp.h>

enum { FLOWS = 128 };

static uint8_t keys[2][40];

static void flows(struct arrival *got)
{
	struct rte_mbuf *m[FLOWS];

	for (uint16_t i = 0; i < FLOWS; i++)
		m[i] = make(&(struct frame){.sport = i});
	exchange(m, FLOWS, got);
	note("by queue: %u %u %u %u", got->by_queue[0], got->by_queue[1], got->by_queue[2],
	     got->by_queue[3]);
}

/* Whether every frame has the hash that the key gives by RSS's definition. */
static bool have_hashes(const struct arrival *got, const uint8_t *key, bool ports)
{
	for (unsigned i = 0; i < got->n; i++) {
		const struct rte_mbuf *m = got->mbuf[i];
		const struct rte_ipv4_hdr *ip =
			rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);
		const struct rte_udp_hdr *udp =
			rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, 34);
		uint32_t tuple[] = {rte_be_to_cpu_32(ip->src_addr), rte_be_to_cpu_32(ip->dst_addr),
				    (uint32_t)rte_be_to_cpu_16(udp->src_port) << 16 |
					    rte_be_to_cpu_16(udp->dst_port)};

		if (!(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) ||
		    m->hash.rss != rte_softrss(tuple, ports ? 3 : 2, key))
			return false;
	}
	return got->n == FLOWS;
}

/* Whether each frame is in the queue that its hash and the table name, as counts. */
static bool by_table(const struct arrival *got, const uint8_t *table)
{
	unsigned n[QUEUES] = {0};

	for (unsigned i = 0; i < got->n; i++)
		n[table[got->mbuf[i]->hash.rss % RTE_ETH_RSS_RETA_SIZE_128]]++;
	return got->n == FLOWS && !memcmp(n, got->by_queue, sizeof(n));
}

static bool set_table(const uint8_t *table)
{
	struct rte_eth_rss_reta_entry64 reta[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};
	struct rte_eth_rss_reta_entry64 back[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};

	for (unsigned i = 0; i < 128; i++)
		reta[i / 64].reta[i % 64] = table[i];
	return !rte_eth_dev_rss_reta_update(IN, reta, 128) &&
	       !rte_eth_dev_rss_reta_query(IN, back, 128) && !memcmp(reta, back, sizeof(reta));
}

static bool set_rss(uint64_t sorts, uint8_t *key)
{
	uint8_t back[40] = {0};
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = 40, .rss_hf = sorts};
	struct rte_eth_rss_conf found = {.rss_key = back, .rss_key_len = 40};

	return !rte_eth_dev_rss_hash_update(IN, &conf) &&
	       !rte_eth_dev_rss_hash_conf_get(IN, &found) && found.rss_hf == sorts &&
	       (!key || !memcmp(key, back, sizeof(back)));
}

static void tables(void)
{
	uint8_t table[128];
	struct arrival got;

	for (unsigned i = 0; i < 128; i++)
		table[i] = (uint8_t)(i % QUEUES);
	flows(&got);
	point(by_table(&got, table) && have_hashes(&got, keys[0], true),
	      "RSS by the key that was configured, over 4 queues");
	drop(&got);
	for (unsigned i = 0; i < 128; i++)
		table[i] = i < 32 ? 1 : 3;
	point(set_table(table), "another redirection table, while the port runs");
	flows(&got);
	point(by_table(&got, table) && got.by_queue[1] && got.by_queue[3] > got.by_queue[1],
	      "frames go by it");
	drop(&got);
	memset(table, 2, sizeof(table));
	set_table(table);
	flows(&got);
	point(got.by_queue[2] == FLOWS, "all to one queue");
	drop(&got);
	for (unsigned i = 0; i < 128; i++)
		table[i] = (uint8_t)(i % QUEUES);
	set_table(table);
}

/* What was set while the port ran, and while it stood still, is there when it starts again. */
static void restarted(void)
{
	uint8_t table[128];
	struct arrival got;

	for (unsigned i = 0; i < 128; i++)
		table[i] = i < 96 ? 1 : 2;
	set_table(table);
	stop(IN);
	point(!rte_eth_dev_start(IN), "the port starts again");
	wait_links();
	flows(&got);
	point(by_table(&got, table) && have_hashes(&got, keys[1], true),
	      "with the table and the key that it had");
	drop(&got);
	stop(IN);
	for (unsigned i = 0; i < 128; i++)
		table[i] = i % 2 ? 0 : 3;
	point(set_table(table) && set_rss(RTE_ETH_RSS_NONFRAG_IPV4_UDP, keys[0]) &&
		      !rte_eth_dev_start(IN),
	      "another table and key while it stands still");
	wait_links();
	flows(&got);
	point(by_table(&got, table) && have_hashes(&got, keys[0], true), "are those that it has");
	drop(&got);
}

void spreading(void)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS}};
	struct arrival got;

	for (unsigned i = 0; i < 40; i++) {
		keys[0][i] = (uint8_t)(i * 41 + 3);
		keys[1][i] = (uint8_t)(i * 59 + 101);
	}
	conf.rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = keys[0], .rss_key_len = 40, .rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP};
	start(IN, &conf, QUEUES);
	tables();
	point(set_rss(RTE_ETH_RSS_NONFRAG_IPV4_UDP, keys[1]), "another key, while the port runs");
	flows(&got);
	point(have_hashes(&got, keys[1], true) && !have_hashes(&got, keys[0], true),
	      "hashes are by it");
	drop(&got);
	restarted();
	point(set_rss(RTE_ETH_RSS_IPV4, NULL), "addresses alone are hashed");
	flows(&got);
	point(have_hashes(&got, keys[0], false), "one hash for all of one pair of hosts");
	drop(&got);
	point(set_rss(0, NULL), "nothing is hashed");
	flows(&got);
	point(got.n == FLOWS && got.by_queue[0] == FLOWS, "all frames in queue 0");
	drop(&got);
	stop(IN);
}
