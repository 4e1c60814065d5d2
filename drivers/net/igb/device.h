/* SPDX-License-Identifier: BSD-3-Clause */
/* The device as its files, and the poll-mode driver's, see it. */
#ifndef IGB_DEVICE_H
#define IGB_DEVICE_H

#include <stdint.h>

#include <tce/igb.h>
#include <tce/io.h>

#include "igb_regs.h"

enum igb_direction { IGB_TX, IGB_RX };

struct tce_igb {
	volatile char *bar;
	struct tce_pci *pci;
	uint8_t mac[6];
	char name[32];
	unsigned speeds;	/* that the link may have */
	bool vf;		/* a virtual function: what concerns all of them is vf.c's */
	bool on[2][IGB_QUEUES]; /* or not known to have gone off */
	struct tce_igb_queue *queue[2][IGB_QUEUES]; /* those that this library has */
	uint32_t small_buffer; /* of RCTL: buffers under 1024 bytes, for all queues */
	uint32_t vfta[IGB_VFTA_WORDS];
	uint64_t stat[TCE_IGB_STATS];
	uint32_t vf_stat[IGB_VF_COUNTERS]; /* as they were read last */
	uint32_t mail; /* of a virtual function: what its mailbox said, until it is taken */
};

/* Registers in program order among themselves; those that memory goes with have io.h's own. */
static inline uint32_t igb_read(const struct tce_igb *nic, uint32_t reg)
{
	return tce_io_read32(nic->bar + reg);
}

static inline void igb_write(struct tce_igb *nic, uint32_t reg, uint32_t value)
{
	tce_io_write32(nic->bar + reg, value);
}

static inline void igb_change(struct tce_igb *nic, uint32_t reg, uint32_t clear, uint32_t set)
{
	igb_write(nic, reg, (igb_read(nic, reg) & ~clear) | set);
}

/* Keep the sentence of a failure; returns @err. */
int igb_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Up to 999. */
void igb_sleep_ms(long ms);

/* Wait until (register & mask) == value, a second at most. -EIO: it does not come to be so. */
int igb_wait(struct tce_igb *nic, uint32_t reg, uint32_t mask, uint32_t value);

/*
 * Rings: registers only. A queue is on with its head and tail at 0; what lies in a ring of either
 * sort is the caller's business.
 */
int igb_ring_on(struct tce_igb *nic, enum igb_direction dir, unsigned number,
		const struct tce_igb_ring *ring);
int igb_ring_off(struct tce_igb *nic, enum igb_direction dir, unsigned number);
/* Bytes of each buffer, before a receive ring goes on. -EINVAL. */
int igb_ring_buffer(struct tce_igb *nic, unsigned number, unsigned bytes, bool drop);

/* Forget all queues: none of them is on any more. */
void igb_queues_end(struct tce_igb *nic);

/* Multicast addresses that one message of a virtual function has room for. */
#define IGB_VF_HASHES 30

/* No DMA is begun any more; what was begun is over. */
void igb_stop_dma(struct tce_igb *nic);

static inline uint32_t igb_queue(const struct tce_igb *nic, enum igb_direction dir, unsigned number)
{
	if (nic->vf)
		return dir == IGB_RX ? IGB_VF_RX_QUEUE(number) : IGB_VF_TX_QUEUE(number);
	return dir == IGB_RX ? IGB_RX_QUEUE(number) : IGB_TX_QUEUE(number);
}

/* Where a queue's doorbell is. */
static inline volatile char *igb_tail(const struct tce_igb *nic, enum igb_direction dir,
				      unsigned number)
{
	return nic->bar + igb_queue(nic, dir, number) + (IGB_RDT(0) - IGB_RX_QUEUE(0));
}

/*
 * The physical function was reset, and with it this one: it moves no frames until it is reset, too.
 */
bool igb_vf_is_lost(struct tce_igb *nic);

/* vf.c: what is another's to do for a virtual function. */
int igb_vf_reset(struct tce_igb *nic);
int igb_vf_mac(struct tce_igb *nic, const uint8_t mac[6]);
int igb_vf_multicast(struct tce_igb *nic, const uint16_t *hash, size_t n);
int igb_vf_all_multicast(struct tce_igb *nic, bool on);
int igb_vf_vlan(struct tce_igb *nic, unsigned id, bool passes);
int igb_vf_frame_max(struct tce_igb *nic, unsigned bytes);
void igb_vf_irq_route(struct tce_igb *nic, unsigned queues);
void igb_vf_stats(struct tce_igb *nic);

#endif
