/* SPDX-License-Identifier: BSD-3-Clause */
/* What the bench's DPDK programs share: EAL, one pool, every port started with one queue pair. */
#ifndef BENCH_PORTS_H
#define BENCH_PORTS_H

#include <stdint.h>

struct rte_mempool;

enum { PORTS_RING = 512, PORTS_MBUFS = 8192, PORTS_CACHE = 250 };

/* Start EAL and, of the ports that it finds, exactly so many; ends the program if it cannot. */
struct rte_mempool *ports_start(int argc, char **argv, unsigned ports);
void ports_stop(unsigned ports);

/* Fill mbufs with 64-byte frames that go nowhere in particular. */
struct rte_mbuf;
void ports_frames(struct rte_mempool *pool, struct rte_mbuf **mbuf, unsigned n);

/* Now, in ns. */
double ports_now(void);

#endif
