/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue pair's memory: rings and lists in the driver's arena, what only we see on the heap. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static size_t whole_pages(size_t n)
{
	return (n + NVME_LIST - 1) & ~(size_t)(NVME_LIST - 1);
}

/* CAP.MQES is of I/O queues only (3.1.1). */
static unsigned cq_entries(const struct tce_nvme *n, uint16_t id, unsigned commands)
{
	unsigned most = nvme_cap_entries(n->cap), want = 2 * (commands + 1);

	return !id || want < most ? want : most;
}

size_t nvme_pair_size(unsigned commands, bool lists)
{
	return whole_pages((commands + 1) * sizeof(struct nvme_sqe)) +
	       whole_pages(2 * (commands + 1) * sizeof(struct nvme_cqe)) +
	       (lists ? (size_t)commands * NVME_LIST : 0);
}

static int take_memory(struct tce_nvme *n, struct tce_nvme_queue *q, unsigned commands, bool lists)
{
	/* A ring starts on a page of the controller (5.3, 5.4); a list does not cross one. */
	size_t sq = q->sq_entries * sizeof(*q->sq), cq = q->cq_entries * sizeof(*q->cq);
	int ret = tce_arena_alloc(n->arena, sq, n->page, &q->sq_block);

	if (!ret)
		ret = tce_arena_alloc(n->arena, cq, n->page, &q->cq_block);
	if (!ret && lists)
		ret = tce_arena_alloc(n->arena, (size_t)commands * NVME_LIST, NVME_LIST, &q->list);
	if (ret)
		return ret;
	q->sq = q->sq_block;
	q->cq = q->cq_block;
	return lists ? tce_span_iova(&n->rings, q->list, 1, &q->list_iova) : 0;
}

int nvme_pair_make(struct tce_nvme *n, uint16_t id, unsigned commands, bool lists,
		   struct tce_nvme_queue **queue)
{
	struct tce_nvme_queue *q = calloc(1, sizeof(*q));
	unsigned stride = nvme_cap_stride(n->cap);
	volatile char *doorbells = n->regs + NVME_DOORBELLS;
	int ret;

	if (!q)
		return nvme_fail(n, -ENOMEM, "no memory to describe a queue pair");
	q->nvme = n;
	q->id = id;
	q->sq_entries = (uint16_t)(commands + 1);
	q->cq_entries = (uint16_t)cq_entries(n, id, commands);
	/* Not taken by us and not told of: never more than the ring has room for. */
	q->ack_at = (uint16_t)(q->cq_entries - commands);
	q->sgl = lists && n->info.sgl;
	q->sq_doorbell = doorbells + (size_t)stride * 2 * id;
	q->cq_doorbell = doorbells + (size_t)stride * (2 * id + 1u);
	q->command = calloc(commands, sizeof(*q->command));
	ret = q->command ? take_memory(n, q, commands, lists)
			 : nvme_fail(n, -ENOMEM, "no memory for %u commands", commands);
	if (ret) {
		nvme_pair_end(n, q);
		return ret;
	}
	nvme_queue_clear(q);
	*queue = q;
	return 0;
}

void nvme_pair_end(struct tce_nvme *n, struct tce_nvme_queue *q)
{
	if (q->sq_block)
		(void)tce_arena_free(n->arena, q->sq_block);
	if (q->cq_block)
		(void)tce_arena_free(n->arena, q->cq_block);
	if (q->list)
		(void)tce_arena_free(n->arena, q->list);
	free(q->command);
	free(q);
}
