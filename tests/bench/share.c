/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-share EAL-ARGUMENTS -- ROUNDS BURST: the driver's own share of a packet. One port fills the
 * ring of the other, which then takes all of it out; each call of a burst function is timed by the
 * timebase, mempool work included, and polls of an empty ring by themselves. Then the ports change
 * places. Prints ns: send, receive, for each packet; empty, for each poll.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "ports.h"

enum { FILL = 256, POLLS = 8 };

/* Ticks, and what they were spent on: packets, or polls. */
struct spent {
	uint64_t ticks, calls, what;
};

static struct spent sending, receiving, empty;

static void spend(struct spent *s, uint64_t begin, uint64_t what)
{
	s->ticks += rte_rdtsc() - begin;
	s->calls++;
	s->what += what;
}

static void fill(uint16_t port, struct rte_mbuf **mbuf, uint16_t burst)
{
	for (uint16_t at = 0; at < FILL; at += burst) {
		uint64_t begin = rte_rdtsc();
		uint16_t n = rte_eth_tx_burst(port, 0, mbuf + at, burst);

		spend(&sending, begin, n);
		if (n != burst)
			rte_exit(EXIT_FAILURE, "port %u took %u of %u\n", port, n, burst);
	}
}

static void drain(uint16_t port, struct rte_mbuf **mbuf, uint16_t burst)
{
	uint16_t at = 0;

	for (unsigned polls = 0; at < FILL || polls < POLLS;) {
		uint64_t begin = rte_rdtsc();
		uint16_t n = rte_eth_rx_burst(port, 0, mbuf + at, burst);

		spend(n ? &receiving : &empty, begin, n ? n : 1);
		polls = n ? 0 : polls + 1;
		at = (uint16_t)(at + n);
		if (polls > 1000000)
			rte_exit(EXIT_FAILURE, "port %u lost %u frames\n", port, FILL - at);
	}
}

static void forget(void)
{
	sending = receiving = empty = (struct spent){0};
}

/* Less what reading the timebase twice costs. */
static void print(const char *name, const struct spent *s, double reading)
{
	double ticks = (double)s->ticks - reading * (double)s->calls;

	printf("%s\t%.3f\n", name, ticks * 1e9 / (double)rte_get_tsc_hz() / (double)s->what);
}

static double cost_of_reading(void)
{
	struct spent s = {0};

	for (unsigned i = 0; i < 100000; i++)
		spend(&s, rte_rdtsc(), 1);
	return (double)s.ticks / (double)s.calls;
}

int main(int argc, char **argv)
{
	unsigned rounds = (unsigned)atoi(argv[argc - 2]);
	uint16_t burst = (uint16_t)atoi(argv[argc - 1]);
	struct rte_mbuf *mbuf[FILL + 64];
	struct rte_mempool *pool;
	double reading;

	pool = ports_start(argc, argv, 2);
	ports_frames(pool, mbuf, FILL);
	reading = cost_of_reading();
	for (unsigned i = 0; i < rounds; i++) {
		/* What is paid once, and caches and rings that are not yet as they will be. */
		if (i == rounds / 10)
			forget();
		fill(i & 1, mbuf, burst);
		drain(~i & 1, mbuf, burst);
	}
	print("send", &sending, reading);
	print("receive", &receiving, reading);
	print("empty", &empty, reading);
	fflush(stdout);
	ports_stop(2);
	return 0;
}
