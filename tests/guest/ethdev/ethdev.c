/* SPDX-License-Identifier: BSD-3-Clause */
#include "ethdev.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_udp.h>

enum { KIND_LAST = 0x88b6, HEADERS = 14 + 20 + 8 };

struct rte_mempool *pool;
struct rte_ether_addr own;

static unsigned points, failed;
static uint16_t in_queues;

void point(bool holds, const char *name, ...)
{
	va_list args;

	printf("%sok %u - ", holds ? "" : "not ", ++points);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	failed += !holds;
}

void note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void start(uint16_t port, const struct rte_eth_conf *conf, uint16_t n)
{
	int ret = rte_eth_dev_configure(port, n, n, conf);

	for (uint16_t q = 0; q < n && !ret; q++)
		ret = rte_eth_rx_queue_setup(port, q, RING, SOCKET_ID_ANY, NULL, pool);
	for (uint16_t q = 0; q < n && !ret; q++)
		ret = rte_eth_tx_queue_setup(port, q, RING, SOCKET_ID_ANY, NULL);
	if (!ret)
		ret = rte_eth_dev_start(port);
	if (ret)
		rte_exit(EXIT_FAILURE, "port %u does not start: %d\n", port, ret);
	in_queues = port == IN ? n : in_queues;
}

void stop(uint16_t port)
{
	int ret = rte_eth_dev_stop(port);

	if (ret)
		rte_exit(EXIT_FAILURE, "port %u does not stop: %d\n", port, ret);
}

void wait_links(void)
{
	for (uint16_t port = IN; port <= OUT; port++) {
		struct rte_eth_link link = {0};

		if (rte_eth_link_get(port, &link) || !link.link_status)
			rte_exit(EXIT_FAILURE, "port %u has no link\n", port);
	}
}

char *own_memory(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (at == MAP_FAILED || rte_extmem_register(at, bytes, NULL, 0, (size_t)2 << 20))
		rte_exit(EXIT_FAILURE, "no memory of the application's: %s\n", strerror(errno));
	return at;
}

void drop_own_memory(char *at, size_t bytes)
{
	rte_extmem_unregister(at, bytes);
	munmap(at, bytes);
}

struct rte_mbuf *make(const struct frame *frame)
{
	uint16_t bytes = frame->bytes ? frame->bytes : 60, tag = frame->vlan ? 4 : 0;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	char *at = m ? rte_pktmbuf_append(m, bytes) : NULL;
	struct rte_ether_hdr *ether = (void *)at;
	struct rte_ipv4_hdr *ip = (void *)(at + 14 + tag);
	struct rte_udp_hdr *udp = (void *)(at + 34 + tag);

	if (!at)
		rte_exit(EXIT_FAILURE, "no mbuf for a frame of %u bytes\n", bytes);
	for (uint16_t i = 0; i < bytes; i++)
		at[i] = (char)(i * 7 + frame->sport);
	ether->dst_addr = frame->dst ? *frame->dst : own;
	rte_eth_macaddr_get(OUT, &ether->src_addr);
	ether->ether_type = rte_cpu_to_be_16(tag ? RTE_ETHER_TYPE_VLAN : RTE_ETHER_TYPE_IPV4);
	if (tag) {
		*(uint16_t *)(at + 14) = rte_cpu_to_be_16(frame->vlan);
		*(uint16_t *)(at + 16) = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	}
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(bytes - tag - 14));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 1));
	ip->dst_addr = rte_cpu_to_be_32(RTE_IPV4(198, 19, 0, 1));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->src_port = rte_cpu_to_be_16((uint16_t)(1000 + frame->sport));
	udp->dst_port = rte_cpu_to_be_16(2000);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(bytes - tag - 34));
	udp->dgram_cksum = 0;
	return m;
}

bool is_same(const struct rte_mbuf *m, const struct rte_mbuf *wanted)
{
	char one, other;

	if (m->pkt_len != wanted->pkt_len)
		return false;
	for (uint32_t at = 0; at < m->pkt_len; at++)
		if (*(const char *)rte_pktmbuf_read(m, at, 1, &one) !=
		    *(const char *)rte_pktmbuf_read(wanted, at, 1, &other))
			return false;
	return true;
}

static void send_all(struct rte_mbuf **mbuf, unsigned n)
{
	uint64_t end = rte_get_timer_cycles() + 2 * rte_get_timer_hz();
	unsigned sent = 0;

	while (sent < n && rte_get_timer_cycles() < end)
		sent += rte_eth_tx_burst(OUT, 0, mbuf + sent, (uint16_t)RTE_MIN(n - sent, 32u));
	if (sent < n)
		rte_exit(EXIT_FAILURE, "of %u frames %u were not sent\n", n, n - sent);
}

static bool is_last(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	return ether->ether_type == rte_cpu_to_be_16(KIND_LAST);
}

static void send_last(void)
{
	struct rte_mbuf *m = make(&(struct frame){0});
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	memset(&ether->dst_addr, 0xff, sizeof(ether->dst_addr));
	ether->ether_type = rte_cpu_to_be_16(KIND_LAST);
	send_all(&m, 1);
}

/* One round over the queues; whether the last frame was among what came. */
static bool look(struct arrival *got)
{
	bool last = false;

	for (uint16_t q = 0; q < in_queues; q++) {
		unsigned n = rte_eth_rx_burst(IN, q, got->mbuf + got->n,
					      (uint16_t)RTE_MIN(MOST - got->n, 32u));

		for (unsigned i = 0, at = got->n; i < n; i++, at++) {
			if (!is_last(got->mbuf[at])) {
				got->mbuf[got->n++] = got->mbuf[at];
				got->by_queue[q]++;
				continue;
			}
			rte_pktmbuf_free(got->mbuf[at]);
			last = true;
		}
	}
	return last;
}

void exchange(struct rte_mbuf **mbuf, unsigned n, struct arrival *got)
{
	uint64_t end = rte_get_timer_cycles() + 5 * rte_get_timer_hz();
	bool last = false;

	*got = (struct arrival){.n = 0};
	for (unsigned done = 0; done < n; done += 32) {
		send_all(mbuf + done, RTE_MIN(n - done, 32u));
		look(got);
	}
	send_last();
	while (!last && rte_get_timer_cycles() < end)
		last = look(got);
	/* Others may have been put into a queue that this round had passed. */
	look(got);
	if (!last)
		rte_exit(EXIT_FAILURE, "the last frame did not come\n");
}

void drop(struct arrival *got)
{
	rte_pktmbuf_free_bulk(got->mbuf, got->n);
	got->n = 0;
}

bool arrives(const struct frame *frame)
{
	struct rte_mbuf *m = make(frame);
	struct arrival got;
	bool came;

	exchange(&m, 1, &got);
	came = got.n == 1;
	drop(&got);
	return came;
}

int main(int argc, char **argv)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};

	if (rte_eal_init(argc, argv) < 0 || rte_eth_dev_count_avail() != 2)
		rte_exit(EXIT_FAILURE, "two ports are wanted\n");
	pool = rte_pktmbuf_pool_create("ethdev", POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool || rte_eth_macaddr_get(IN, &own))
		rte_exit(EXIT_FAILURE, "no pool\n");
	start(OUT, &conf, 1);
	filters();
	spreading();
	queues();
	memory();
	apart();
	segments();
	interrupts();
	ends();
	printf("1..%u\n", points);
	return failed || rte_eal_cleanup() ? 1 : 0;
}
