/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-forward EAL-ARGUMENTS -- PACKETS BURST: a forwarder between two ports, as small as one can
 * be. Both ports begin with one burst, which then goes round. Prints ns for each packet.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "ports.h"

/* The forwarder. */
static uint64_t forward(uint64_t packets, uint16_t burst)
{
	struct rte_mbuf *mbuf[64];
	uint64_t done = 0;

	while (done < packets) {
		for (uint16_t port = 0; port < 2; port++) {
			uint16_t n = rte_eth_rx_burst(port, 0, mbuf, burst);
			uint16_t sent = n ? rte_eth_tx_burst(port ^ 1, 0, mbuf, n) : 0;

			if (sent < n)
				rte_pktmbuf_free_bulk(mbuf + sent, n - sent);
			done += sent;
		}
	}
	return done;
}

int main(int argc, char **argv)
{
	uint64_t packets = strtoull(argv[argc - 2], NULL, 0), done;
	uint16_t burst = (uint16_t)atoi(argv[argc - 1]);
	struct rte_mbuf *mbuf[64];
	struct rte_mempool *pool;
	double begin;

	pool = ports_start(argc, argv, 2);
	for (uint16_t port = 0; port < 2; port++) {
		ports_frames(pool, mbuf, burst);
		if (rte_eth_tx_burst(port, 0, mbuf, burst) != burst)
			rte_exit(EXIT_FAILURE, "port %u does not send\n", port);
	}
	forward(packets / 10, burst);
	begin = ports_now();
	done = forward(packets, burst);
	printf("each\t%.3f\n", (ports_now() - begin) / (double)done);
	fflush(stdout);
	ports_stop(2);
	return 0;
}
