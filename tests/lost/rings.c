/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives on an 82576 and sends everything back, for ever, and changes the memory of its buffers
 * all the while: a fresh piece of hugepages is taken, the ring moves over to it with the traffic,
 * and the old piece is given back. It is there to be killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <tce/io.h>

#include "memory.h"
#include "nic.h"
#include "rings.h"

enum { PIECE = 2 * HUGEPAGE, PIECES = 2, MARK = 0x5a };

struct piece {
	uint8_t *va;
	uint64_t iova;
	unsigned used; /* descriptors that hold a buffer of it */
};

static const struct memory *memory;
static volatile uint8_t *bar;
static volatile union nic_rx *rx;
static volatile struct nic_tx *tx;
static struct piece piece[PIECES], *of[NIC_RING];
static struct shared *shared;

void must(int holds, const char *what, const char *why)
{
	if (holds)
		return;
	fprintf(stderr, "rings: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

void *hugepages(size_t len)
{
	void *va = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
			-1, 0);

	must(va != MAP_FAILED, "mmap", "no hugepages are free");
	return va;
}

static void take_piece(struct piece *p)
{
	p->va = memory->take(PIECE, &p->iova);
	p->used = 0;
}

/* The buffers of a piece lie far apart, so that all of its pages are in use. */
static size_t offset(unsigned at)
{
	return (size_t)at * (PIECE / NIC_RING);
}

/* Give a receive descriptor a buffer of a piece. */
static void fill(unsigned at, struct piece *p)
{
	memset(p->va + offset(at), MARK, 16);
	of[at] = p;
	p->used++;
	rx[at].driver.address = p->iova + offset(at);
	rx[at].driver.header = 0; /* where the device says that it is done */
}

/* Send back what was received in this descriptor's buffer. */
static void send_back(unsigned at)
{
	tx[at].address = of[at]->iova + offset(at);
	tx[at].command = NIC_TX_FRAME | rx[at].device.length;
	tx[at].status = (uint32_t)rx[at].device.length << 14;
	nic_tx_tail(bar, (at + 1) % NIC_RING);
	while (!(tx[at].status & NIC_DONE))
		;
	tce_dma_rmb();
}

static void received(unsigned at)
{
	const uint8_t *frame = of[at]->va + offset(at);
	unsigned marks = 0;

	tce_dma_rmb();
	for (unsigned i = 0; i < 14; i++)
		marks += frame[i] == MARK;
	if (marks == 14)
		atomic_fetch_add(&shared->astray, 1);
	send_back(at);
	of[at]->used--;
	atomic_fetch_add(&shared->frames, 1);
}

/* Frames come round and round; each free descriptor gets a buffer of the piece that is new. */
static void run(void)
{
	struct piece *now = &piece[0], *old = NULL;
	unsigned at = 0;

	for (;; at = (at + 1) % NIC_RING) {
		if (!old) {
			old = now;
			now = &piece[now == &piece[0]];
			take_piece(now);
		}
		while (!(rx[at].device.status & NIC_DONE))
			usleep(20);
		received(at);
		fill(at, now);
		nic_rx_tail(bar, at);
		if (old->used)
			continue;
		/* No descriptor holds any of it, nothing is in flight, and nobody else knows it. */
		memory->give(old->va, PIECE, old->iova);
		old = NULL;
		atomic_fetch_add(&shared->given, 1);
	}
}

void rings(const char *device, const struct memory *how, struct shared *told)
{
	uint64_t iova;
	uint8_t *base;

	memory = how;
	shared = told;
	bar = memory->open(device);
	base = memory->take(HUGEPAGE, &iova);
	rx = (volatile union nic_rx *)base;
	tx = (volatile struct nic_tx *)(base + 4096);
	take_piece(&piece[0]);
	for (unsigned at = 0; at < NIC_RING; at++)
		fill(at, &piece[0]);
	nic_reset(bar);
	memory->bus_master();
	nic_start(bar, iova, iova + 4096);
	run();
}
