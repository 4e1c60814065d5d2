/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues for buffers that are known by their IOVAs alone. */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tce_igb_queue {
	volatile char *tail;
	union {
		volatile struct igb_tx_desc *tx;
		volatile struct igb_rx_desc *rx;
	};
	unsigned n;
	unsigned next;	  /* the next descriptor to be filled */
	unsigned oldest;  /* the oldest one that is the device's */
	uint8_t *reports; /* of a transmit descriptor: whether it reports */
	struct tce_igb *nic;
	enum igb_direction dir;
	unsigned number;
};

#define REPORT_EVERY 32u

static int make(struct tce_igb *nic, enum igb_direction dir, unsigned number,
		const struct tce_igb_ring *ring, struct tce_igb_queue **queue)
{
	struct tce_igb_queue *q = calloc(1, sizeof(*q) + ring->n);
	int err;

	if (!q)
		return igb_fail(-ENOMEM, "no memory to note queue %u", number);
	err = igb_ring_on(nic, dir, number, ring);
	if (err) {
		free(q);
		return err;
	}
	q->nic = nic;
	q->dir = dir;
	q->number = number;
	q->n = ring->n;
	q->reports = (uint8_t *)(q + 1);
	q->tail = igb_tail(nic, dir, number);
	q->rx = ring->va;
	*queue = nic->queue[dir][number] = q;
	return 0;
}

void igb_queues_end(struct tce_igb *nic)
{
	for (unsigned i = 0; i < IGB_QUEUES; i++) {
		free(nic->queue[IGB_TX][i]);
		free(nic->queue[IGB_RX][i]);
	}
	memset(nic->queue, 0, sizeof(nic->queue));
	memset(nic->on, 0, sizeof(nic->on));
}

int tce_igb_tx_open(struct tce_igb *nic, unsigned number, const struct tce_igb_ring *ring,
		    struct tce_igb_queue **queue)
{
	return make(nic, IGB_TX, number, ring, queue);
}

int tce_igb_rx_open(struct tce_igb *nic, unsigned number, const struct tce_igb_ring *ring,
		    unsigned buffer, struct tce_igb_queue **queue)
{
	int err = number < IGB_QUEUES ? igb_ring_buffer(nic, number, buffer, false) : 0;

	return err ? err : make(nic, IGB_RX, number, ring, queue);
}

int tce_igb_queue_close(struct tce_igb_queue *queue)
{
	int err = igb_ring_off(queue->nic, queue->dir, queue->number);

	queue->nic->queue[queue->dir][queue->number] = NULL;
	free(queue);
	return err;
}

static unsigned after(const struct tce_igb_queue *q, unsigned at)
{
	return at + 1 == q->n ? 0 : at + 1;
}

/* A ring whose tail is its head is empty to the device: one descriptor stays unused. */
static unsigned room(const struct tce_igb_queue *q)
{
	unsigned used = q->next >= q->oldest ? q->next - q->oldest : q->next + q->n - q->oldest;

	return q->n - 1 - used;
}

unsigned tce_igb_send(struct tce_igb_queue *q, const struct tce_igb_frame *frame, unsigned n)
{
	const uint64_t whole = IGB_TX_DATA | IGB_TX_DEXT | IGB_TX_IFCS | IGB_TX_EOP;

	n = n < room(q) ? n : room(q);
	if (!n)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		bool reports = i + 1 == n || (i + 1) % REPORT_EVERY == 0;

		q->tx[q->next].lower = frame[i].iova;
		q->tx[q->next].upper = whole | (reports ? IGB_TX_RS : 0) | frame[i].len |
				       IGB_TX_PAYLEN(frame[i].len);
		q->reports[q->next] = reports;
		q->next = after(q, q->next);
	}
	/* The one sync of the burst: descriptors and frames before the doorbell. */
	tce_io_write32(q->tail, q->next);
	return n;
}

unsigned tce_igb_sent(struct tce_igb_queue *q)
{
	unsigned sent = 0, seen = 0;

	/*
	 * Nothing is read here that the device wrote but the bit itself, and the stores to a buffer
	 * that is free again depend on the branch: no barrier is needed.
	 */
	for (unsigned at = q->oldest; at != q->next; at = after(q, at)) {
		seen++;
		if (!q->reports[at])
			continue;
		if (!(q->tx[at].upper & IGB_TX_DONE))
			break;
		sent = seen;
		q->oldest = after(q, at);
	}
	return sent;
}

unsigned tce_igb_fill(struct tce_igb_queue *q, const tce_iova_t *iova, unsigned n)
{
	n = n < room(q) ? n : room(q);
	if (!n)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		q->rx[q->next].lower = iova[i];
		q->rx[q->next].upper = 0;
		q->next = after(q, q->next);
	}
	tce_io_write32(q->tail, q->next);
	return n;
}

unsigned tce_igb_received(struct tce_igb_queue *q, unsigned *len, unsigned n)
{
	unsigned taken = 0, at = q->oldest;

	while (taken < n && at != q->next && (q->rx[at].upper & IGB_RX_DD)) {
		taken++;
		at = after(q, at);
	}
	if (!taken)
		return 0;
	/* Lengths and frames are read after the bits that say that they are there. */
	tce_dma_rmb();
	for (unsigned i = 0; i < taken; i++) {
		len[i] = (unsigned)IGB_RX_LENGTH(q->rx[q->oldest].upper);
		q->oldest = after(q, q->oldest);
	}
	return taken;
}
