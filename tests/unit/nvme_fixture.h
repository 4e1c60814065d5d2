/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the NVMe driver share: a controller in a thread, open, with a queue and a
 * buffer. */
#ifndef UNIT_NVME_FIXTURE_H
#define UNIT_NVME_FIXTURE_H

#include <tce/nvme.h>

#include "nvme_device.h"

enum { BLOCK = 512, BUFFER = 512 * 1024 };

extern struct tce_nvme *nvme;
extern struct tce_nvme_queue *queue;
extern struct tce_nvme_namespace ns;
extern struct tce_arena *arena;
extern unsigned char *buf;

/* What a command's function was told, by note(). */
struct told {
	unsigned times, status;
	int err;
};

void note(void *arg, int err, unsigned status);

struct tce_nvme_options with_page(void);

/* Open it all; what waits for a time-out does not wait long, what must not meet one does. */
void start_for(bool sgl, unsigned timeout_ms);
void start(bool sgl);
void finish(void);

void refused(int ret, int want, const char *word);

/* Poll until nothing is under way; then this was told, once. */
void drain(void);
void ends(const struct told *t, int err);

void read_one(struct told *t);

/* After whatever happened the queue is of use, and its answers are right. */
void works(void);

#endif
