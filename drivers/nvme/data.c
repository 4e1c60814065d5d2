/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a command's data is. One or two pages are PRPs in the command itself (4.3). More of it at
 * contiguous IOVAs, which memory of one arena has, is one descriptor in the command (4.4) where the
 * controller takes SGLs, else a list of PRPs. Pieces are a list of descriptors, or of PRPs if they
 * meet on pages.
 */
#include <errno.h>
#include <tce/translate.h>

#include "internal.h"

enum { PRPS = NVME_LIST / sizeof(uint64_t), DESCRIPTORS = NVME_LIST / sizeof(struct nvme_sgl) };

static uint64_t *prps_of(const struct tce_nvme_queue *q, uint16_t cid)
{
	return (uint64_t *)((char *)q->list + (size_t)cid * NVME_LIST);
}

static tce_iova_t list_at(const struct tce_nvme_queue *q, uint16_t cid)
{
	return q->list_iova + (tce_iova_t)cid * NVME_LIST;
}

static void describe(struct nvme_sgl *d, tce_iova_t iova, size_t len, uint8_t type)
{
	*d = (struct nvme_sgl){
		.address = tce_le64(iova), .length = tce_le32((uint32_t)len), .type = type};
}

void nvme_data_run(struct tce_nvme_queue *q, struct nvme_sqe *sqe, uint16_t cid, tce_iova_t iova,
		   size_t len)
{
	size_t page = q->nvme->page, first = page - (iova & (page - 1));
	uint64_t *list;

	if (len <= first + page) {
		sqe->prp[0] = tce_le64(iova);
		sqe->prp[1] = len <= first ? 0 : tce_le64(iova + first);
		return;
	}
	if (q->sgl) {
		sqe->cdw0 |= tce_le32(NVME_SQE_SGL);
		describe(&sqe->sgl, iova, len, NVME_SGL_DATA);
		return;
	}
	/* The largest transfer is what the list's page has room for: tce_nvme_open() sees to it. */
	list = prps_of(q, cid);
	for (size_t at = first; at < len; at += page)
		*list++ = tce_le64(iova + at);
	sqe->prp[0] = tce_le64(iova);
	sqe->prp[1] = tce_le64(list_at(q, cid));
}

/* The pieces of buffers that are contiguous for the device, one after the other. */
struct walk {
	const struct iovec *iov;
	unsigned n;
	size_t at; /* in the first of them */
};

/* The next piece: 0, -ENOENT if it is not mapped, or 1 at the end. */
static int next_run(const struct tce_nvme *n, struct walk *w, tce_iova_t *iova, size_t *len)
{
	while (w->n && w->at == w->iov->iov_len) {
		w->iov++;
		w->n--;
		w->at = 0;
	}
	if (!w->n)
		return 1;
	if (tce_iova(n->space, (char *)w->iov->iov_base + w->at, w->iov->iov_len - w->at, iova,
		     len))
		return nvme_fail(n, -ENOENT, "buffer %p + %zu is not mapped from %p on",
				 w->iov->iov_base, w->iov->iov_len,
				 (void *)((char *)w->iov->iov_base + w->at));
	if ((*iova | *len) & 3)
		return nvme_fail(n, -EINVAL,
				 "buffer %p + %zu: places and lengths are multiples of 4 bytes",
				 w->iov->iov_base, w->iov->iov_len);
	w->at += *len;
	return 0;
}

static int by_descriptors(struct tce_nvme_queue *q, struct nvme_sqe *sqe, uint16_t cid,
			  struct walk w)
{
	struct nvme_sgl *list = (struct nvme_sgl *)prps_of(q, cid);
	tce_iova_t iova;
	unsigned n = 0;
	size_t len;
	int ret;

	while (!(ret = next_run(q->nvme, &w, &iova, &len))) {
		if (n == DESCRIPTORS)
			return nvme_fail(q->nvme, -EINVAL,
					 "buffers in more than %d pieces: give them by several "
					 "commands",
					 DESCRIPTORS);
		describe(&list[n++], iova, len, NVME_SGL_DATA);
	}
	if (ret < 0)
		return ret;
	sqe->cdw0 |= tce_le32(NVME_SQE_SGL);
	describe(&sqe->sgl, list_at(q, cid), n * sizeof(*list), NVME_SGL_LAST_SEGMENT);
	return 0;
}

static int by_prps(struct tce_nvme_queue *q, struct nvme_sqe *sqe, uint16_t cid, struct walk w)
{
	size_t page = q->nvme->page, len, before = page;
	uint64_t *list = prps_of(q, cid);
	unsigned n = 0; /* in the list, where the first page is not: it is in the command (4.3) */
	bool first = true;
	tce_iova_t iova;
	int ret;

	while (!(ret = next_run(q->nvme, &w, &iova, &len))) {
		if (!first && ((iova & (page - 1)) || (before & (page - 1))))
			return nvme_fail(q->nvme, -EINVAL,
					 "buffers that do not meet on pages of %zu bytes: without "
					 "SGLs give them by several commands",
					 page);
		before = iova + len;
		for (size_t at = 0; at < len; at += page - ((iova + at) & (page - 1))) {
			if (n == PRPS)
				return nvme_fail(q->nvme, -EINVAL,
						 "buffers of more than %d pages of %zu bytes: give "
						 "them by several commands",
						 PRPS + 1, page);
			if (first)
				sqe->prp[0] = tce_le64(iova + at);
			else
				list[n++] = tce_le64(iova + at);
			first = false;
		}
	}
	if (ret < 0)
		return ret;
	/* A second page that is the last one is in the command, too. */
	sqe->prp[1] = n == 0 ? 0 : n == 1 ? list[0] : tce_le64(list_at(q, cid));
	return 0;
}

int nvme_data_parts(struct tce_nvme_queue *q, struct nvme_sqe *sqe, uint16_t cid,
		    const struct iovec *iov, unsigned n, size_t len)
{
	struct walk w = {iov, n, 0};
	size_t sum = 0, run;
	tce_iova_t iova;
	int ret;

	for (unsigned i = 0; i < n && sum <= len; i++)
		sum = iov[i].iov_len > len - sum ? len + 1 : sum + iov[i].iov_len;
	if (sum != len)
		return nvme_fail(q->nvme, -EINVAL,
				 "%u buffers are not the %zu bytes that their blocks have", n, len);
	ret = next_run(q->nvme, &w, &iova, &run);
	if (ret < 0)
		return ret;
	if (run == len) {
		nvme_data_run(q, sqe, cid, iova, len);
		return 0;
	}
	w = (struct walk){iov, n, 0};
	return q->sgl ? by_descriptors(q, sqe, cid, w) : by_prps(q, sqe, cid, w);
}
