/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a case of the conformance suite runs on: the real kernel of a throw-away guest, or the
 * model. A case is a function that makes calls of lib/kernel's table and says what it saw; what is
 * said has to be the same on both.
 */
#ifndef CONFORM_BENCH_H
#define CONFORM_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/kernel.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

enum {
	BENCH_DEVICES = 8,
	BENCH_FDS = 4,	 /* descriptors that a step after exec gets */
	BENCH_TCES = 64, /* that a case leaves in a group's tables at most */
};

#define BENCH_STEP "--step" /* how this program is called after exec */

/* A machine's hugepage counts. */
struct bench_pages {
	uint64_t total, free;
	int64_t reserved;
};

/* A TCE that the hardware has. */
struct bench_tce {
	uint64_t iova, page, real;
	unsigned access;
};

struct bench;
typedef void bench_fn(struct bench *b, void *arg);
typedef void bench_step(struct bench *b, const int fds[BENCH_FDS]);

/* How memory, processes and DMA are done: by the system, or by the model. */
struct bench_ops {
	/* Populated pages of one size, shared with children, at a multiple of it. */
	char *(*alloc)(size_t len, size_t page);
	char *(*alloc_private)(size_t len, size_t page); /* not shared */
	void (*alloc_at)(char *va, size_t len, size_t page);
	void (*free)(char *va, size_t len);
	void (*read_only)(char *va, size_t len);
	/* What was given back is free, if it ever will be: at the latest when so many pages are. */
	void (*settle)(size_t page, uint64_t free);
	struct bench_pages (*pages)(size_t page);
	unsigned (*warnings)(void); /* of the kernel, so far */

	void (*child)(struct bench *b, bench_fn *fn, void *arg); /* run to its end */
	int (*spawn)(struct bench *b, bench_fn *fn, void *arg);	 /* run, then wait to be killed */
	void (*kill)(struct bench *b, int process);
	/* In a spawned process: a new address space, in which the case's step goes on. */
	void (*exec)(struct bench *b, const int fds[BENCH_FDS]);
	void (*limit)(uint64_t memlock); /* without CAP_IPC_LOCK */

	/* One word by the device's DMA, what it reads by way of scratch memory. 0: nothing. */
	uint64_t (*peek)(struct bench *b, const char *device, int fd, uint64_t iova);
	void (*poke)(struct bench *b, const char *device, int fd, uint64_t iova, uint64_t word);

	int (*v1)(int container, bool enable); /* VFIO_IOMMU_ENABLE and _DISABLE */
	int64_t (*work)(void);		       /* instructions, or the model's steps, so far */
	/* What MAP of all these regions answers while another thread unregisters the last first. */
	int (*race)(struct bench *b, int container, char *va, unsigned regions);

	/* The hardware's TCEs of a device's group; how many, or -1: nobody tells. */
	int (*tces)(struct bench *b, const char *device, struct bench_tce tce[BENCH_TCES]);
};

struct bench {
	const struct tce_kernel *k;
	const struct bench_ops *ops;
	const char *device[BENCH_DEVICES];
	unsigned devices;
	const struct conform_case *running;
	size_t system_page, huge; /* pages of the system; its default hugepages */
	bool pseries;
	uint64_t scratch_iova; /* where peek() may let the device write, mapped by seat_dma() */
	char *scratch;
};

/* Say what was seen: one value of the case's verdict. Names are words, in the order of the case. */
void say_text(const char *name, const char *text);
void say_number(const char *name, int64_t value);
void say_hex(const char *name, uint64_t value);
void say(const char *name, int ret); /* what a call of the boundary returned */

enum conform_flag {
	CONFORM_POISON = 1, /* what it leaves behind is there until reboot */
	CONFORM_NO_DDW = 2, /* only on an LPAR without DDW, where no other runs */
	CONFORM_TWO = 4,    /* needs devices of two groups */
	CONFORM_LAST = 8,   /* the kernel may be broken: after all others */
};

struct conform_case {
	const char *name, *facts; /* facts of doc/kernel.md, for readers */
	void (*fn)(struct bench *b);
	unsigned flags;
	bench_step *step; /* after exec */
};

#define CASE_STEP(name, facts, fn, flags, step)                                                    \
	{                                                                                          \
		name, facts, fn, flags, step                                                       \
	}
#define CASE(name, facts, fn, flags) CASE_STEP(name, facts, fn, flags, NULL)

extern const struct conform_case conform_groups[], conform_windows[], conform_memory[],
	conform_tces[], conform_processes[], conform_poison[];

/* What the processes of a case share, and with the runner. */
struct bench_shared {
	size_t used;
	char text[16000]; /* the verdict so far */
	unsigned processes;
	struct {
		int pid;
		bool ready;
	} process[16];
};
extern struct bench_shared *bench_shared;
extern int bench_shared_fd;

extern const struct bench_ops bench_real, bench_model;
/* The same program after exec: go on with the case's step. */
int bench_after_exec(struct bench *b, char **argv);
/* Why the real kernel that runs here must not be tested; NULL: it is a guest made for it. */
const char *bench_refusal(void);

#endif
