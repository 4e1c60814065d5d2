/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An NVMe controller in a thread, on a model's device: it has registers, fetches commands by DMA
 * through the model's TCEs, keeps a small disk, and does what a test tells it to get wrong.
 */
#ifndef UNIT_NVME_DEVICE_H
#define UNIT_NVME_DEVICE_H

#include "fixture.h"

enum { DEVICE_BLOCKS = 4096, DEVICE_QUEUES = 4 };

/* What the controller gets wrong; to be changed while no command is under way, but for "gone". */
struct nvme_wrongs {
	bool never_ready;
	bool stays_ready;    /* does not go off */
	bool silent;	     /* fetches commands and does not answer */
	bool deaf_to_aborts; /* answers Abort, and the command stays */
	bool silent_once;    /* silent until it is reset */
	bool no_queues;	     /* refuses to make any */
	unsigned status;     /* of the next I/O command, type and code */
	unsigned hold;	     /* so many I/O commands are held back */
	bool stranger;	     /* before the next completion one of no command */
};

extern struct nvme_wrongs nvme_wrong;
extern unsigned nvme_entries; /* of an I/O ring, at most */
extern unsigned nvme_mdts;    /* the largest transfer, a shift of pages */
extern unsigned char nvme_disk[DEVICE_BLOCKS * 512];

/* Make DEV_A an NVMe controller that runs; and end it, before nothing_left(). */
void nvme_device_start(bool sgl);
void nvme_device_stop(void);
/* It answers nothing any more, and its registers read all ones. */
void nvme_device_pull(void);
/* It goes into its fatal state. */
void nvme_device_fail(void);
/* How many commands it was given in PRPs, PRP lists, descriptors, lists of those. */
struct nvme_shapes {
	unsigned prp, prp_list, sgl, sgl_list, flush, aborts, enables;
};
extern struct nvme_shapes nvme_shapes;

#endif
