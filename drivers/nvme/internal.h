/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the driver share. */
#ifndef NVME_INTERNAL_H
#define NVME_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <tce/error.h>
#include <tce/pci.h>

#include "queue.h"

/* How many spans there are, of the word that also tells that they changed. */
#define NVME_SPANS_OF(word) ((word)&15u)

enum { NVME_SPANS = 8, NVME_ADMIN_COMMANDS = 31, NVME_ADMIN_MS = 5000 };

enum nvme_state {
	NVME_RUNS,
	NVME_LOST,   /* gone, or wanted back: -ENODEV */
	NVME_BROKEN, /* did not come back from a reset: -EIO */
};

struct tce_nvme {
	/* Read for each command. The epoch changes when the controller forgets its queues. */
	_Atomic unsigned epoch;
	_Atomic unsigned spans; /* NVME_SPANS_OF() it; the rest changes when one of them moves */
	struct tce_span span[NVME_SPANS]; /* of the arenas that are mapped */
	struct tce_space *space;
	size_t page; /* the controller's, CC.MPS */

	_Atomic enum nvme_state state;
	char device[64];
	struct tce_nvme_options opts;
	struct tce_nvme_info info;
	struct tce_pci *pci;
	volatile char *regs;
	uint64_t cap;
	unsigned depth, queue_limit;
	unsigned shutdown_ms; /* to be waited for the end of a shutdown */
	uint64_t timeout;     /* ticks */
	uint64_t look_every;  /* ticks */
	int removal;	      /* eventfd: the device is wanted back */

	struct tce_arena *arena; /* of the rings */
	struct tce_span rings;

	/* What follows is under the lock: the admin queue and its buffer, which queues there are.
	 */
	pthread_mutex_t lock;
	struct tce_nvme_queue *admin;
	void *page_block;
	bool *queue_open; /* by identifier */
	struct tce_arena *mapped[NVME_SPANS];
};

/* Keep the sentence, "nvme DEVICE: ...", and return err. */
int nvme_fail(const struct tce_nvme *n, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Take the lock, unless this process is a child, which has neither registers nor rings: -EPERM. */
int nvme_enter(struct tce_nvme *n);

/* Why commands are refused or ended: -ENODEV, -EIO, or -ECANCELED for those of before a reset. */
int nvme_state_error(const struct tce_nvme *n);

/* ---- controller.c: registers; under the lock ---- */

/* Status, of a controller that is there: -ENODEV if it is gone. */
int nvme_status(struct tce_nvme *n, uint32_t *csts);

/* CC.EN cleared and seen to be; no DMA after 0. */
int nvme_disable(struct tce_nvme *n);

/* Make it run with the admin queue, and nothing else. */
int nvme_enable(struct tce_nvme *n);

/* Tell it of the end, and wait for its word. */
void nvme_shut_down(struct tce_nvme *n);

/* ---- admin.c: commands of the admin queue, one at a time; under the lock ---- */

/* Give it a command and wait: 0, -ETIMEDOUT, -ENODEV, -EIO with the status in the sentence. */
int nvme_admin(struct tce_nvme *n, const struct nvme_sqe *command, const char *what,
	       uint32_t *result, unsigned *status);

int nvme_identify(struct tce_nvme *n, uint32_t nsid, unsigned cns, unsigned *status);
int nvme_set_queues(struct tce_nvme *n, unsigned want, unsigned *got);
int nvme_create_queue(struct tce_nvme *n, struct tce_nvme_queue *q);
int nvme_delete_queue(struct tce_nvme *n, struct tce_nvme_queue *q);
int nvme_abort(struct tce_nvme *n, uint16_t sq_id, uint16_t cid);

/* ---- pair.c: a queue pair's memory ---- */

int nvme_pair_make(struct tce_nvme *n, uint16_t id, unsigned commands, bool lists,
		   struct tce_nvme_queue **queue);
void nvme_pair_end(struct tce_nvme *n, struct tce_nvme_queue *q);
/* Bytes of the arena that a pair of so many commands takes. */
size_t nvme_pair_size(unsigned commands, bool lists);

/* ---- recover.c ---- */

/*
 * The queue's rings are of an older epoch: end up to max of what was under way, and set them up
 * again after the last; how many.
 */
unsigned nvme_recover(struct tce_nvme_queue *q, unsigned max);

/* Is the controller well, was a command under way too long? */
void nvme_look(struct tce_nvme_queue *q);

/* ---- data.c: PRPs and SGLs ---- */

/* Describe a contiguous range of IOVAs. */
void nvme_data_run(struct tce_nvme_queue *q, struct nvme_sqe *sqe, uint16_t cid, tce_iova_t iova,
		   size_t len);

/* Describe buffers that are to have len bytes together. */
int nvme_data_parts(struct tce_nvme_queue *q, struct nvme_sqe *sqe, uint16_t cid,
		    const struct iovec *iov, unsigned n, size_t len);

#endif
