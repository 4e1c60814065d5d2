/* SPDX-License-Identifier: BSD-3-Clause */
/* The registers of a queue: on and off [7.1.4, 7.2.3, 4.5.9, 4.5.10]. */
#include "device.h"

#include <errno.h>
#include <string.h>

struct registers {
	uint32_t low, high, len, head, tail, control, order;
};

static struct registers of(const struct tce_igb *nic, enum igb_direction dir, unsigned number)
{
	uint32_t base = igb_queue(nic, dir, number);

	return (struct registers){
		.low = base + (IGB_RDBAL(0) - IGB_RX_QUEUE(0)),
		.high = base + (IGB_RDBAH(0) - IGB_RX_QUEUE(0)),
		.len = base + (IGB_RDLEN(0) - IGB_RX_QUEUE(0)),
		.head = base + (IGB_RDH(0) - IGB_RX_QUEUE(0)),
		.tail = base + (IGB_RDT(0) - IGB_RX_QUEUE(0)),
		.control = base + (IGB_RXDCTL(0) - IGB_RX_QUEUE(0)),
		.order = base + (IGB_RXCTL(0) - IGB_RX_QUEUE(0)),
	};
}

/* Descriptors are fetched in good time, and written back as soon as may be [8.10.10, 8.12.14]. */
#define PREFETCH  8u
#define HOST	  8u
#define WRITEBACK 1u

static int check_off(struct tce_igb *nic, enum igb_direction dir, unsigned number)
{
	return nic->on[dir][number]
		       ? igb_fail(-EBUSY, "%s: queue %u is on already", nic->name, number)
		       : 0;
}

static int check(struct tce_igb *nic, enum igb_direction dir, unsigned number,
		 const struct tce_igb_ring *ring)
{
	unsigned queues = nic->vf ? 1 : IGB_QUEUES;

	if (number >= queues)
		return igb_fail(-EINVAL, "%s: no queue %u, there are %u", nic->name, number,
				queues);
	if (ring->n < 2 * IGB_RING_STEP || ring->n > IGB_RING_MAX || ring->n % IGB_RING_STEP)
		return igb_fail(-EINVAL,
				"%s: no ring of %u descriptors: a multiple of %u, %u to %u",
				nic->name, ring->n, IGB_RING_STEP, 2 * IGB_RING_STEP, IGB_RING_MAX);
	if (!ring->va || ring->iova % IGB_RING_ALIGN)
		return igb_fail(-EINVAL, "%s: a ring at IOVA 0x%llx is not aligned to %u bytes",
				nic->name, (unsigned long long)ring->iova, IGB_RING_ALIGN);
	return check_off(nic, dir, number);
}

int igb_ring_on(struct tce_igb *nic, enum igb_direction dir, unsigned number,
		const struct tce_igb_ring *ring)
{
	struct registers r = of(nic, dir, number);
	int err = check(nic, dir, number, ring);

	if (err)
		return err;
	memset(ring->va, 0, (size_t)ring->n * sizeof(struct igb_rx_desc));
	igb_write(nic, r.low, (uint32_t)ring->iova);
	igb_write(nic, r.high, (uint32_t)(ring->iova >> 32));
	igb_write(nic, r.len, ring->n * (uint32_t)sizeof(struct igb_rx_desc));
	igb_write(nic, r.head, 0);
	igb_write(nic, r.tail, 0);
	/* A descriptor that says "done" must not overtake what it speaks of [8.13.1, 8.13.2]. */
	igb_change(nic, r.order, IGB_RXCTL_DESC_WB_RO, 0);
	igb_write(nic, r.control, IGB_THRESHOLDS(PREFETCH, HOST, WRITEBACK) | IGB_QUEUE_ENABLE);
	if (igb_wait(nic, r.control, IGB_QUEUE_ENABLE, IGB_QUEUE_ENABLE)) {
		igb_write(nic, r.control, 0);
		return igb_fail(-EIO, "%s: queue %u does not go on", nic->name, number);
	}
	/* The head is set again as the queue goes on; the tail stays where it was written. */
	igb_write(nic, r.tail, 0);
	nic->on[dir][number] = true;
	return 0;
}

int igb_ring_off(struct tce_igb *nic, enum igb_direction dir, unsigned number)
{
	struct registers r = of(nic, dir, number);

	igb_change(nic, r.control, IGB_QUEUE_ENABLE, 0);
	/* It goes off after what it is at. A device that is gone is at nothing. */
	if (igb_wait(nic, r.control, IGB_QUEUE_ENABLE, 0) && igb_read(nic, r.control) != UINT32_MAX)
		return igb_fail(-EIO, "%s: queue %u does not go off", nic->name, number);
	nic->on[dir][number] = false;
	return 0;
}

/* Whether a queue that is on has buffers of the size that RCTL has for all queues. */
static bool has_small(struct tce_igb *nic)
{
	for (unsigned i = 0; i < IGB_QUEUES; i++)
		if (nic->on[IGB_RX][i] &&
		    !(igb_read(nic, IGB_SRRCTL(i)) & IGB_SRRCTL_BSIZE(UINT32_MAX)))
			return true;
	return false;
}

int igb_ring_buffer(struct tce_igb *nic, unsigned number, unsigned bytes, bool drop)
{
	uint32_t small = bytes == 512 ? IGB_RCTL_BSIZE_512 : IGB_RCTL_BSIZE_256;
	uint32_t srrctl = IGB_SRRCTL_ONE_BUFFER | (drop ? IGB_SRRCTL_DROP : 0);
	bool is_small = !nic->vf && (bytes == 256 || bytes == 512);

	if (!is_small && (bytes == 0 || bytes % 1024 || bytes / 1024 > 127))
		return igb_fail(-EINVAL,
				"%s: no receive buffers of %u bytes: 256, 512, or a multiple of "
				"1024 up to 127 KiB",
				nic->name, bytes);
	if (check_off(nic, IGB_RX, number))
		return -EBUSY;
	if (is_small && nic->small_buffer != small && has_small(nic))
		return igb_fail(-EINVAL,
				"%s: receive buffers of 256 and of 512 bytes cannot be mixed",
				nic->name);
	if (is_small) {
		nic->small_buffer = small;
		igb_change(nic, IGB_RCTL, IGB_RCTL_BSIZE_MASK, small);
	}
	igb_write(nic, igb_queue(nic, IGB_RX, number) + (IGB_SRRCTL(0) - IGB_RX_QUEUE(0)),
		  srrctl | (is_small ? 0 : IGB_SRRCTL_BSIZE(bytes)));
	return 0;
}
