/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands of the admin queue (5), one at a time. */
#include <errno.h>
#include <string.h>

#include "internal.h"

struct answer {
	bool there;
	unsigned status;
};

static void note(void *arg, int err, unsigned status)
{
	struct answer *a = arg;

	a->there = true;
	a->status = status;
}

/* An answer that came too late has nobody to go to. */
static void ignore(void *arg, int err, unsigned status)
{
}

static int wait_for(struct tce_nvme *n, uint16_t cid, const struct answer *a, const char *what)
{
	uint64_t now = nvme_ticks(), ms = nvme_ticks_per_ms();
	uint64_t end = now + NVME_ADMIN_MS * ms, look = now + ms;
	uint32_t csts;
	int ret;

	while (!nvme_queue_harvest(n->admin, 1) || !a->there) {
		now = nvme_ticks();
		if (now < look)
			continue;
		look = now + ms;
		ret = nvme_status(n, &csts);
		if (!ret && now < end && !(csts & NVME_CSTS_CFS))
			continue;
		n->admin->command[cid].fn = ignore;
		if (ret)
			return ret;
		return nvme_fail(n, now < end ? -EIO : -ETIMEDOUT,
				 "no answer to %s in %u ms (status %#x)", what, NVME_ADMIN_MS,
				 csts);
	}
	return 0;
}

int nvme_admin(struct tce_nvme *n, const struct nvme_sqe *command, const char *what,
	       uint32_t *result, unsigned *status)
{
	struct tce_nvme_queue *q = n->admin;
	struct answer a = {false, 0};
	uint16_t cid;
	struct nvme_sqe *sqe = nvme_queue_take(q, &cid);
	int ret;

	if (!sqe)
		return nvme_fail(n, -ETIMEDOUT, "earlier admin commands have no answer yet");
	*sqe = *command;
	sqe->cdw0 |= tce_le32((uint32_t)cid << 16);
	nvme_queue_put(q, cid, note, &a);
	nvme_queue_ring(q);
	ret = wait_for(n, cid, &a, what);
	if (status)
		*status = a.status;
	if (ret)
		return ret;
	nvme_queue_acknowledge(q);
	/* The last that was taken is this one's. */
	if (result)
		*result = tce_le32(q->cq[(q->cq_head ? q->cq_head : q->cq_entries) - 1].result);
	if (!a.status)
		return 0;
	return nvme_fail(n, -EIO, "the controller refused %s: status type %u, code %#x", what,
			 a.status >> 8 & 7, a.status & 0xff);
}

int nvme_identify(struct tce_nvme *n, uint32_t nsid, unsigned cns, unsigned *status)
{
	struct nvme_sqe c = {
		.cdw0 = tce_le32(NVME_IDENTIFY), .nsid = tce_le32(nsid), .cdw10 = tce_le32(cns)};
	tce_iova_t iova;
	int ret = tce_span_iova(&n->rings, n->page_block, NVME_LIST, &iova);

	if (ret)
		return nvme_fail(n, ret, "the driver's page is not mapped");
	memset(n->page_block, 0, NVME_LIST);
	c.prp[0] = tce_le64(iova);
	return nvme_admin(n, &c, "Identify", NULL, status);
}

int nvme_set_queues(struct tce_nvme *n, unsigned want, unsigned *got)
{
	struct nvme_sqe c = {.cdw0 = tce_le32(NVME_SET_FEATURES),
			     .cdw10 = tce_le32(NVME_FEATURE_QUEUES),
			     .cdw11 = tce_le32((want - 1) << 16 | (want - 1))};
	uint32_t result = 0;
	unsigned sq, cq;
	int ret = nvme_admin(n, &c, "Set Features of the number of queues", &result, NULL);

	if (ret)
		return ret;
	sq = (result & 0xffff) + 1;
	cq = (result >> 16) + 1;
	*got = sq < cq ? sq : cq;
	if (*got > want)
		*got = want;
	return 0;
}

static int create(struct tce_nvme *n, unsigned operation, void *ring, unsigned entries, uint16_t id,
		  uint32_t cdw11, const char *what)
{
	struct nvme_sqe c = {.cdw0 = tce_le32(operation),
			     .cdw10 = tce_le32((entries - 1) << 16 | id),
			     .cdw11 = tce_le32(cdw11)};
	tce_iova_t iova;
	int ret = tce_span_iova(&n->rings, ring, 1, &iova);

	if (ret)
		return nvme_fail(n, ret, "a queue is not mapped");
	c.prp[0] = tce_le64(iova);
	return nvme_admin(n, &c, what, NULL, NULL);
}

static int delete (struct tce_nvme *n, unsigned operation, uint16_t id, const char *what)
{
	struct nvme_sqe c = {.cdw0 = tce_le32(operation), .cdw10 = tce_le32(id)};

	return nvme_admin(n, &c, what, NULL, NULL);
}

int nvme_create_queue(struct tce_nvme *n, struct tce_nvme_queue *q)
{
	int ret = create(n, NVME_CREATE_CQ, q->cq, q->cq_entries, q->id, NVME_QUEUE_CONTIGUOUS,
			 "Create I/O Completion Queue");

	if (ret)
		return ret;
	ret = create(n, NVME_CREATE_SQ, q->sq, q->sq_entries, q->id,
		     (uint32_t)q->id << 16 | NVME_QUEUE_CONTIGUOUS, "Create I/O Submission Queue");
	if (ret)
		(void)delete (n, NVME_DELETE_CQ, q->id, "Delete I/O Completion Queue");
	return ret;
}

int nvme_delete_queue(struct tce_nvme *n, struct tce_nvme_queue *q)
{
	int ret = delete (n, NVME_DELETE_SQ, q->id, "Delete I/O Submission Queue");

	return ret ? ret : delete (n, NVME_DELETE_CQ, q->id, "Delete I/O Completion Queue");
}

int nvme_abort(struct tce_nvme *n, uint16_t sq_id, uint16_t cid)
{
	struct nvme_sqe c = {.cdw0 = tce_le32(NVME_ABORT),
			     .cdw10 = tce_le32((uint32_t)cid << 16 | sq_id)};

	return nvme_admin(n, &c, "Abort", NULL, NULL);
}
