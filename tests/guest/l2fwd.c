/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * l2fwd EAL-ARGUMENTS: a small forwarder, as applications of DPDK's are: ports in pairs, frames go
 * out by the other of the two, from that port's address, by a buffer that is flushed after 100 us.
 * It knows nothing of where its ports come from. Ends at SIGINT or SIGTERM with its counts.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

enum { RING = 512, BURST = 32, MBUFS = 8192, CACHE = 256 };

static volatile sig_atomic_t over;

struct port {
	struct rte_ether_addr mac;
	struct rte_eth_dev_tx_buffer *buffer;
	uint64_t received, sent, dropped;
};

static struct port ports[RTE_MAX_ETHPORTS];

static void on_signal(int sig)
{
	over = 1;
}

static void start(uint16_t id, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {.txmode = {.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE}};
	uint16_t rx = RING, tx = RING;
	struct rte_eth_dev_info info;
	struct port *p = &ports[id];
	int ret = rte_eth_dev_info_get(id, &info);

	conf.txmode.offloads &= info.tx_offload_capa;
	p->buffer = rte_zmalloc(NULL, RTE_ETH_TX_BUFFER_SIZE(BURST), 0);
	if (!ret && p->buffer)
		ret = rte_eth_dev_configure(id, 1, 1, &conf);
	if (!ret)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);
	if (!ret)
		ret = rte_eth_rx_queue_setup(id, 0, rx, rte_eth_dev_socket_id(id), NULL, pool);
	if (!ret)
		ret = rte_eth_tx_queue_setup(id, 0, tx, rte_eth_dev_socket_id(id), NULL);
	if (!ret)
		ret = rte_eth_tx_buffer_init(p->buffer, BURST);
	if (!ret)
		ret = rte_eth_tx_buffer_set_err_callback(
			p->buffer, rte_eth_tx_buffer_count_callback, &p->dropped);
	if (!ret)
		ret = rte_eth_macaddr_get(id, &p->mac);
	if (!ret)
		ret = rte_eth_dev_start(id);
	if (!ret)
		ret = rte_eth_promiscuous_enable(id);
	if (ret || !p->buffer)
		rte_exit(EXIT_FAILURE, "port %u does not start: %s\n", id, rte_strerror(-ret));
}

static void forward(struct rte_mbuf *m, uint16_t to)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	ether->dst_addr = (struct rte_ether_addr){{2, 0, 0, 0, 0, (uint8_t)to}};
	ether->src_addr = ports[to].mac;
	ports[to].sent += rte_eth_tx_buffer(to, 0, ports[to].buffer, m);
}

static void loop(uint16_t n)
{
	const uint64_t pause = rte_get_tsc_hz() / 10000;
	uint64_t flushed = rte_rdtsc();
	struct rte_mbuf *m[BURST];

	while (!over) {
		bool flush = rte_rdtsc() - flushed > pause;

		for (uint16_t id = 0; id < n; id++) {
			uint16_t got = rte_eth_rx_burst(id, 0, m, BURST);

			ports[id].received += got;
			for (uint16_t i = 0; i < got; i++)
				forward(m[i], id ^ 1);
			if (flush)
				ports[id].sent += rte_eth_tx_buffer_flush(id, 0, ports[id].buffer);
		}
		if (flush)
			flushed = rte_rdtsc();
	}
}

int main(int argc, char **argv)
{
	struct rte_mempool *pool;
	struct rte_eth_link link;
	uint16_t n;

	if (rte_eal_init(argc, argv) < 0)
		return EXIT_FAILURE;
	n = rte_eth_dev_count_avail();
	if (!n || n % 2)
		rte_exit(EXIT_FAILURE, "ports go in pairs: there are %u\n", n);
	pool = rte_pktmbuf_pool_create("l2fwd", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       (int)rte_socket_id());
	if (!pool)
		rte_exit(EXIT_FAILURE, "no pool: %s\n", rte_strerror(rte_errno));
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (uint16_t id = 0; id < n; id++)
		start(id, pool);
	for (uint16_t id = 0; id < n; id++)
		if (rte_eth_link_get(id, &link) || !link.link_status)
			rte_exit(EXIT_FAILURE, "port %u has no link\n", id);
	printf("forwarding\n");
	fflush(stdout);
	loop(n);
	for (uint16_t id = 0; id < n; id++) {
		printf("port %u: %" PRIu64 " received, %" PRIu64 " sent, %" PRIu64 " dropped\n", id,
		       ports[id].received, ports[id].sent, ports[id].dropped);
		rte_eth_dev_stop(id);
		rte_eth_dev_close(id);
	}
	return rte_eal_cleanup() ? EXIT_FAILURE : EXIT_SUCCESS;
}
