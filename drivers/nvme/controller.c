/* SPDX-License-Identifier: BSD-3-Clause */
/* The controller's registers: off, on, shut down (7.6.1, 7.6.2, 7.3.2). */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "internal.h"

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

int nvme_status(struct tce_nvme *n, uint32_t *csts)
{
	*csts = tce_io_read32(n->regs + NVME_CSTS);
	if (*csts != NVME_GONE)
		return 0;
	return nvme_fail(n, -ENODEV, "the controller is gone: its registers read all ones");
}

/* Wait until bits of the status are as wanted; -EIO when it turns fatal before, if it may not. */
static int wait_status(struct tce_nvme *n, uint32_t mask, uint32_t wanted, unsigned ms,
		       bool may_be_fatal)
{
	uint64_t end = nvme_ticks() + (uint64_t)ms * nvme_ticks_per_ms();
	uint32_t csts;

	for (;;) {
		bool late = nvme_ticks() > end;
		int ret = nvme_status(n, &csts);

		if (ret || (csts & mask) == wanted)
			return ret;
		if ((csts & NVME_CSTS_CFS) && !may_be_fatal)
			return nvme_fail(n, -EIO, "the controller is in a fatal state (status %#x)",
					 csts);
		if (late)
			return nvme_fail(
				n, -ETIMEDOUT,
				"its status is %#x after %u ms, and does not become %#x in "
				"the bits %#x",
				csts, ms, wanted, mask);
		nap();
	}
}

static unsigned ready_ms(const struct tce_nvme *n)
{
	unsigned ms = nvme_cap_timeout_ms(n->cap);

	return ms ? ms : 500;
}

int nvme_disable(struct tce_nvme *n)
{
	uint32_t csts;
	int ret = nvme_status(n, &csts);

	if (ret)
		return ret;
	/* Not before it is ready: EN may not change while RDY does not agree (3.1.5). */
	if (tce_io_read32(n->regs + NVME_CC) & NVME_CC_EN) {
		(void)wait_status(n, NVME_CSTS_RDY, NVME_CSTS_RDY, ready_ms(n), false);
		tce_io_write32(n->regs + NVME_CC, 0);
	}
	return wait_status(n, NVME_CSTS_RDY, 0, ready_ms(n), true);
}

int nvme_enable(struct tce_nvme *n)
{
	struct tce_nvme_queue *q = n->admin;
	unsigned shift = (unsigned)__builtin_ctzll(n->page);
	tce_iova_t sq, cq;
	int ret = tce_span_iova(&n->rings, q->sq, 1, &sq);

	if (!ret)
		ret = tce_span_iova(&n->rings, q->cq, 1, &cq);
	if (ret)
		return nvme_fail(n, ret, "the admin queue is not mapped");
	nvme_queue_clear(q);
	/* Completions are polled for; the admin queue's cannot be created without an interrupt. */
	tce_io_write32(n->regs + NVME_INTMS, UINT32_MAX);
	tce_io_write32(n->regs + NVME_AQA, (q->cq_entries - 1u) << 16 | (q->sq_entries - 1u));
	tce_io_write64(n->regs + NVME_ASQ, sq);
	tce_io_write64(n->regs + NVME_ACQ, cq);
	ret = tce_pci_bus_master(n->pci, true);
	if (ret)
		return ret;
	tce_io_write32(n->regs + NVME_CC, NVME_CC_ENTRY_SHIFTS | NVME_CC_MPS(shift) | NVME_CC_EN);
	return wait_status(n, NVME_CSTS_RDY, NVME_CSTS_RDY, ready_ms(n), false);
}

void nvme_shut_down(struct tce_nvme *n)
{
	uint32_t cc = tce_io_read32(n->regs + NVME_CC);

	if (cc == NVME_GONE || !(cc & NVME_CC_EN))
		return;
	tce_io_write32(n->regs + NVME_CC, (cc & ~NVME_CC_SHN_MASK) | NVME_CC_SHN_NORMAL);
	(void)wait_status(n, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_DONE, n->shutdown_ms, false);
}
