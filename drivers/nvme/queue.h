/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pair of rings: commands out, completions in. It knows nothing of what a command means.
 *
 * The completion ring is the larger one, so that the controller always has room: the head doorbell
 * is written once for many completions, never because the controller waits.
 */
#ifndef NVME_QUEUE_H
#define NVME_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <tce/io.h>
#include <tce/nvme.h>

#include "regs.h"

enum {
	NVME_LIST = 4096,	  /* bytes of each command's own page of PRPs or descriptors */
	NVME_NO_COMMAND = 0xffff, /* end of the list of free ones */
};

/* A command's identifier is its index. */
struct nvme_command {
	tce_nvme_fn *fn; /* NULL: not under way */
	void *arg;
	uint64_t since; /* ticks */
	uint16_t next;	/* of the free ones */
	bool aborted;
};

struct tce_nvme_queue {
	/* what each command touches */
	struct tce_nvme *nvme;
	struct nvme_sqe *sq;
	struct nvme_cqe *cq;
	struct nvme_command *command;
	volatile void *sq_doorbell;
	unsigned epoch;	     /* the controller's when the rings were made */
	uint16_t sq_entries; /* one more than commands: full is not empty */
	uint16_t sq_tail;
	uint16_t free; /* first free command */
	uint16_t cq_entries;
	uint16_t cq_head;
	uint16_t phase;	  /* of new completions */
	uint16_t unacked; /* completions taken and not told of */
	uint16_t ack_at;  /* so many are too many */
	unsigned outstanding;
	bool unrung; /* commands that the controller was not told of */
	bool sgl;
	uint64_t look_at; /* ticks: when to look whether all is well */
	void *list;
	tce_iova_t list_iova;
	/* the rest */
	volatile void *cq_doorbell;
	uint16_t id;
	uint64_t unknown; /* completions of no command: the controller's mistake */
	void *sq_block, *cq_block;
};

/* The clock of time-outs: on POWER the timebase, one instruction. */
uint64_t nvme_ticks_per_ms(void);

#if defined(__powerpc64__)
static inline uint64_t nvme_ticks(void)
{
	return __builtin_ppc_get_timebase();
}
#else
uint64_t nvme_ticks(void);
#endif

/* Take a free command, and its place in the ring; NULL if there is none. */
static inline struct nvme_sqe *nvme_queue_take(struct tce_nvme_queue *q, uint16_t *cid)
{
	*cid = q->free;
	return q->free == NVME_NO_COMMAND ? NULL : &q->sq[q->sq_tail];
}

/* The entry that nvme_queue_take() gave is filled. */
static inline void nvme_queue_put(struct tce_nvme_queue *q, uint16_t cid, tce_nvme_fn *fn,
				  void *arg)
{
	struct nvme_command *c = &q->command[cid];

	q->free = c->next;
	c->fn = fn;
	c->arg = arg;
	c->since = nvme_ticks();
	c->aborted = false;
	q->sq_tail = q->sq_tail + 1 == q->sq_entries ? 0 : (uint16_t)(q->sq_tail + 1);
	q->outstanding++;
	q->unrung = true;
}

/* The one sync of a burst is in here: entries are in memory before the controller hears of them. */
static inline void nvme_queue_ring(struct tce_nvme_queue *q)
{
	if (!q->unrung)
		return;
	q->unrung = false;
	tce_io_write32(q->sq_doorbell, q->sq_tail);
}

/* Empty rings, no command under way. */
void nvme_queue_clear(struct tce_nvme_queue *q);

/* End a command: give it back, then call its function. */
void nvme_queue_end(struct tce_nvme_queue *q, uint16_t cid, int err, unsigned status);

/* Is there a completion? What it says is not to be loaded yet. */
static inline bool nvme_queue_ready(const struct tce_nvme_queue *q)
{
	const volatile uint16_t *status = &q->cq[q->cq_head].status;

	return (tce_le16(*status) & 1) == q->phase;
}

/* Take up to max completions; how many. */
unsigned nvme_queue_harvest(struct tce_nvme_queue *q, unsigned max);

/* Tell the controller what was taken, if that is much: it may write over it. */
static inline void nvme_queue_acknowledge(struct tce_nvme_queue *q)
{
	if (q->unacked < q->ack_at)
		return;
	q->unacked = 0;
	tce_io_write32(q->cq_doorbell, q->cq_head); /* all loads are done before (sync) */
}

/* End up to max commands under way with an error; how many. */
unsigned nvme_queue_fail(struct tce_nvme_queue *q, int err, unsigned max);

#endif
