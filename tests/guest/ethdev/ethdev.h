/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ethdev EAL-ARGUMENTS: the calls of ethdev that testpmd has no command for, on two ports that are
 * wired to each other, as TAP. What leaves OUT comes in by IN.
 */
#ifndef GUEST_ETHDEV_H
#define GUEST_ETHDEV_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

enum { IN, OUT };
enum { QUEUES = 4, RING = 128, POOL = 2048, MOST = 256 };

/* A frame of UDP over IPv4; what is 0 has a value of its own. */
struct frame {
	const struct rte_ether_addr *dst; /* of IN, unless another is named */
	uint16_t vlan;
	uint16_t sport;
	uint16_t bytes; /* all of it, 60 at least */
};

/* What came in by IN. */
struct arrival {
	struct rte_mbuf *mbuf[MOST];
	unsigned n, by_queue[QUEUES];
};

extern struct rte_mempool *pool;
extern struct rte_ether_addr own; /* the address that IN was made with */

/* One TAP point. */
void point(bool holds, const char *name, ...) __attribute__((format(printf, 2, 3)));
/* A line for the reader. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Configure a port by @conf, with @queues of each direction, and start it. Ends the program if
 * that fails. */
void start(uint16_t port, const struct rte_eth_conf *conf, uint16_t queues);
void stop(uint16_t port);
/* Wait for the links of both. */
void wait_links(void);

/* Hugepages that EAL has not allocated, but knows of; @bytes is a multiple of 2 MiB. */
char *own_memory(size_t bytes);
void drop_own_memory(char *at, size_t bytes);

struct rte_mbuf *make(const struct frame *frame);
/* Whether the data of @m is, byte for byte, that of @wanted, in however many buffers. */
bool is_same(const struct rte_mbuf *m, const struct rte_mbuf *wanted);
/*
 * Send frames by queue 0 of OUT, and take from IN what comes of them: all that is there before
 * another frame, sent last, whose kind all ports take in.
 */
void exchange(struct rte_mbuf **mbuf, unsigned n, struct arrival *got);
void drop(struct arrival *got);
/* Whether a single frame arrives. */
bool arrives(const struct frame *frame);

/* The parts. */
void filters(void);
void spreading(void);
void queues(void);
void memory(void);
void apart(void);
void segments(void);
void interrupts(void);
void ends(void);

#endif
