/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <time.h>

#if defined(__powerpc64__)
#include <sys/platform/ppc.h>
#endif

#include "queue.h"

#if defined(__powerpc64__)
uint64_t nvme_ticks_per_ms(void)
{
	return __ppc_get_timebase_freq() / 1000;
}
#else
uint64_t nvme_ticks(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t nvme_ticks_per_ms(void)
{
	return 1000000;
}
#endif

void nvme_queue_clear(struct tce_nvme_queue *q)
{
	uint16_t commands = (uint16_t)(q->sq_entries - 1);

	memset(q->sq, 0, q->sq_entries * sizeof(*q->sq));
	memset(q->cq, 0, q->cq_entries * sizeof(*q->cq));
	for (uint16_t i = 0; i < commands; i++)
		q->command[i] = (struct nvme_command){.next = (uint16_t)(i + 1)};
	q->command[commands - 1].next = NVME_NO_COMMAND;
	q->free = 0;
	q->sq_tail = q->cq_head = q->unacked = 0;
	q->phase = 1;
	q->outstanding = 0;
	q->unrung = false;
}

/* 4.6.1.2: what the controller says, as an errno. */
static int error_of(unsigned status, bool aborted)
{
	switch (status & NVME_SC_MASK) {
	case 0:
		return 0;
	case NVME_SC_INVALID_FIELD:
	case NVME_SC_INVALID_NAMESPACE:
		return -EINVAL;
	case NVME_SC_ABORTED:
	case NVME_SC_SQ_DELETED:
		return aborted ? -ETIMEDOUT : -ECANCELED;
	case NVME_SC_LBA_RANGE:
		return -ERANGE;
	case NVME_SC_CAPACITY:
		return -ENOSPC;
	case NVME_SC_ACCESS_DENIED:
		return -EACCES;
	default:
		return -EIO;
	}
}

void nvme_queue_end(struct tce_nvme_queue *q, uint16_t cid, int err, unsigned status)
{
	struct nvme_command *c = &q->command[cid];
	tce_nvme_fn *fn = c->fn;

	c->fn = NULL;
	c->next = q->free;
	q->free = cid;
	q->outstanding--;
	fn(c->arg, err, status);
}

unsigned nvme_queue_harvest(struct tce_nvme_queue *q, unsigned max)
{
	unsigned done = 0;

	while (done < max && nvme_queue_ready(q)) {
		struct nvme_cqe *cqe = &q->cq[q->cq_head];
		uint16_t status, cid;

		/* The phase says that the rest is there; do not take what was loaded before it. */
		tce_dma_rmb();
		status = tce_le16(cqe->status) >> 1;
		cid = tce_le16(cqe->cid);
		if (++q->cq_head == q->cq_entries) {
			q->cq_head = 0;
			q->phase ^= 1;
		}
		q->unacked++;
		if (cid >= q->sq_entries - 1 || !q->command[cid].fn) {
			q->unknown++;
			continue;
		}
		nvme_queue_end(q, cid, status ? error_of(status, q->command[cid].aborted) : 0,
			       status);
		done++;
	}
	return done;
}

unsigned nvme_queue_fail(struct tce_nvme_queue *q, int err, unsigned max)
{
	unsigned n = 0;

	q->unrung = false;
	/* What a function gives anew is refused meanwhile, so that this comes to an end. */
	for (uint16_t cid = 0; cid < q->sq_entries - 1 && n < max; cid++) {
		if (!q->command[cid].fn)
			continue;
		nvme_queue_end(q, cid, q->command[cid].aborted ? -ETIMEDOUT : err, 0);
		n++;
	}
	return n;
}
