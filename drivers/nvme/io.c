/* SPDX-License-Identifier: BSD-3-Clause */
/* The path of reads and writes, in and out. */
#include <errno.h>
#include <limits.h>

#include "internal.h"

/* Refused before a command is taken: why. */
static int refuse(struct tce_nvme_queue *q, const struct tce_nvme_namespace *ns, uint64_t lba,
		  uint32_t blocks)
{
	const struct tce_nvme *n = q->nvme;

	if (atomic_load(&n->state) == NVME_LOST)
		return nvme_fail(n, -ENODEV, "the controller is gone");
	if (atomic_load(&n->state) == NVME_BROKEN)
		return nvme_fail(n, -EIO, "the controller did not come back from its reset");
	if (!blocks || blocks > ns->max_blocks)
		return nvme_fail(n, -EINVAL, "%u blocks of %u bytes: a command has 1 to %u", blocks,
				 1u << ns->shift, ns->max_blocks);
	if (lba >= ns->blocks || blocks > ns->blocks - lba)
		return nvme_fail(n, -ERANGE, "blocks %llu + %u: namespace %u has %llu",
				 (unsigned long long)lba, blocks, ns->id,
				 (unsigned long long)ns->blocks);
	return -EAGAIN;
}

/* May this be given to the queue now? The place for it, or NULL. */
static inline struct nvme_sqe *begin(struct tce_nvme_queue *q, const struct tce_nvme_namespace *ns,
				     uint64_t lba, uint32_t blocks, uint16_t *cid)
{
	/* Relaxed: who misses the change gives a command to rings that the next poll clears. */
	if (atomic_load_explicit(&q->nvme->epoch, memory_order_relaxed) != q->epoch ||
	    blocks - 1 >= ns->max_blocks || lba >= ns->blocks || blocks > ns->blocks - lba)
		return NULL;
	return nvme_queue_take(q, cid);
}

static inline void fill(struct nvme_sqe *sqe, const struct tce_nvme_namespace *ns, uint16_t cid,
			unsigned operation, uint64_t lba, uint32_t blocks)
{
	sqe->cdw0 = tce_le32(operation | (uint32_t)cid << 16);
	sqe->nsid = tce_le32(ns->id);
	sqe->cdw10 = tce_le32((uint32_t)lba);
	sqe->cdw11 = tce_le32((uint32_t)(lba >> 32));
	sqe->cdw12 = tce_le32(blocks - 1);
}

/* By the arenas' spans. */
static inline bool near(const struct tce_nvme *n, const void *buf, size_t len, tce_iova_t *iova)
{
	/* Pairs with the release of set_spans(). */
	unsigned spans = atomic_load_explicit(&n->spans, memory_order_acquire);

	for (unsigned i = 0; i < NVME_SPANS_OF(spans); i++) {
		if (tce_span_iova(&n->span[i], buf, len, iova))
			continue;
		/* A span that moved meanwhile was half one and half the other: ask the table. */
		atomic_thread_fence(memory_order_acquire);
		return atomic_load_explicit(&n->spans, memory_order_relaxed) == spans &&
		       !(*iova & 3);
	}
	return false;
}

static int transfer(struct tce_nvme_queue *q, const struct tce_nvme_namespace *ns,
		    unsigned operation, uint64_t lba, uint32_t blocks, void *buf, tce_nvme_fn *fn,
		    void *arg)
{
	uint16_t cid;
	struct nvme_sqe *sqe = begin(q, ns, lba, blocks, &cid);
	size_t len = (size_t)blocks << ns->shift;
	tce_iova_t iova;

	if (!sqe)
		return refuse(q, ns, lba, blocks);
	fill(sqe, ns, cid, operation, lba, blocks);
	if (near(q->nvme, buf, len, &iova)) {
		nvme_data_run(q, sqe, cid, iova, len);
	} else {
		int ret = nvme_data_parts(q, sqe, cid, &(struct iovec){buf, len}, 1, len);

		if (ret)
			return ret;
	}
	nvme_queue_put(q, cid, fn, arg);
	return 0;
}

static int transfer_parts(struct tce_nvme_queue *q, const struct tce_nvme_namespace *ns,
			  unsigned operation, uint64_t lba, uint32_t blocks,
			  const struct iovec *iov, unsigned n, tce_nvme_fn *fn, void *arg)
{
	uint16_t cid;
	struct nvme_sqe *sqe = begin(q, ns, lba, blocks, &cid);
	int ret;

	if (!sqe)
		return refuse(q, ns, lba, blocks);
	fill(sqe, ns, cid, operation, lba, blocks);
	ret = nvme_data_parts(q, sqe, cid, iov, n, (size_t)blocks << ns->shift);
	if (!ret)
		nvme_queue_put(q, cid, fn, arg);
	return ret;
}

int tce_nvme_read(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		  uint32_t blocks, void *buf, tce_nvme_fn *fn, void *arg)
{
	return transfer(queue, ns, NVME_READ, lba, blocks, buf, fn, arg);
}

int tce_nvme_write(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		   uint32_t blocks, const void *buf, tce_nvme_fn *fn, void *arg)
{
	return transfer(queue, ns, NVME_WRITE, lba, blocks, (void *)(uintptr_t)buf, fn, arg);
}

int tce_nvme_readv(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		   uint32_t blocks, const struct iovec *iov, unsigned n, tce_nvme_fn *fn, void *arg)
{
	return transfer_parts(queue, ns, NVME_READ, lba, blocks, iov, n, fn, arg);
}

int tce_nvme_writev(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		    uint32_t blocks, const struct iovec *iov, unsigned n, tce_nvme_fn *fn,
		    void *arg)
{
	return transfer_parts(queue, ns, NVME_WRITE, lba, blocks, iov, n, fn, arg);
}

int tce_nvme_flush(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns,
		   tce_nvme_fn *fn, void *arg)
{
	uint16_t cid;
	struct nvme_sqe *sqe = begin(queue, ns, 0, 1, &cid);

	if (!sqe)
		return refuse(queue, ns, 0, 1);
	fill(sqe, ns, cid, NVME_FLUSH, 0, 1);
	sqe->prp[0] = sqe->prp[1] = 0;
	nvme_queue_put(queue, cid, fn, arg);
	return 0;
}

void tce_nvme_ring(struct tce_nvme_queue *queue)
{
	nvme_queue_ring(queue);
}

unsigned tce_nvme_poll(struct tce_nvme_queue *queue, unsigned max)
{
	unsigned done = 0;

	max = max ? max : UINT_MAX;
	if (atomic_load_explicit(&queue->nvme->epoch, memory_order_relaxed) != queue->epoch)
		return nvme_recover(queue, max);
	nvme_queue_ring(queue);
	/* Most polls find nothing. */
	if (nvme_queue_ready(queue)) {
		done = nvme_queue_harvest(queue, max);
		nvme_queue_acknowledge(queue);
		nvme_queue_ring(queue);
	}
	if (nvme_ticks() >= queue->look_at)
		nvme_look(queue);
	return done;
}

unsigned tce_nvme_outstanding(const struct tce_nvme_queue *queue)
{
	return queue->outstanding;
}
