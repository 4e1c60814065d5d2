/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every field of every mbuf that is received on two ports, one line each, into REPORT.
 * What a driver leaves to chance is not among them.
 */
#include "plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

static FILE *out;

static uint32_t sum_of(const struct rte_mbuf *m)
{
	uint32_t sum = 1;

	for (; m; m = m->next)
		for (uint16_t i = 0; i < m->data_len; i++)
			sum = sum * 31 + rte_pktmbuf_mtod(m, const uint8_t *)[i];
	return sum;
}

static void write_one(const struct rte_mbuf *m)
{
	fprintf(out,
		"{\"data_off\": %u, \"refcnt\": %u, \"nb_segs\": %u, \"port\": %u, "
		"\"ol_flags\": %" PRIu64 ", \"packet_type\": %u, \"pkt_len\": %u, "
		"\"data_len\": %u, \"vlan_tci\": %u, \"rss\": %u, \"next\": %d, \"bytes\": %u",
		m->data_off, rte_mbuf_refcnt_read(m), m->nb_segs, m->port, m->ol_flags,
		m->packet_type, m->pkt_len, m->data_len, m->vlan_tci, m->hash.rss, m->next != NULL,
		sum_of(m));
	fprintf(out, ", \"segments\": [");
	for (const struct rte_mbuf *s = m->next; s; s = s->next)
		fprintf(out, "[%u, %u]%s", s->data_off, s->data_len, s->next ? ", " : "");
	fprintf(out, "]}\n");
}

static uint16_t on_receive(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
			   uint16_t most, void *arg)
{
	for (uint16_t i = 0; i < n; i++)
		write_one(pkts[i]);
	if (n)
		fflush(out);
	return n;
}

/* The port is there, and has a queue, some time after this plugin. False: it is time to end. */
static bool watch_port(uint16_t port)
{
	while (!rte_eth_add_rx_callback(port, 0, on_receive, NULL))
		if (!rest(10000))
			return false;
	for (uint16_t queue = 1; rte_eth_add_rx_callback(port, queue, on_receive, NULL); queue++)
		;
	return true;
}

void mbufs_run(void)
{
	out = fopen(options.out, "we");
	if (!out) {
		wrong("cannot open %s", options.out);
		return;
	}
	/* One core serves them all, or lines would mix. */
	for (uint16_t port = 0; port < 2; port++)
		if (!watch_port(port))
			return;
	while (rest(100000))
		;
}
