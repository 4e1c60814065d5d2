/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plugin for tests: the vdev net_tce_test makes EAL's memory grow and shrink inside a DPDK
 * application that knows nothing of it, and writes what happened to a file, as one line of JSON.
 */
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	char mode[16];	 /* churn, mbufs, middle, steps, pool, mask, order */
	char out[256];	 /* file for the report; "" is none */
	uint64_t period; /* microseconds between two steps of churn */
	uint64_t least;	 /* bytes of the smallest block of churn */
	uint64_t most;	 /* bytes of the largest one */
	uint64_t blocks; /* blocks of churn at a time, at most */
	uint64_t seed;	 /* of churn's choices */
	uint64_t delay;	 /* milliseconds until churn or middle begins */
	uint64_t bits;	 /* of mode mask */
};

/* What happened. Written by the worker, read by whoever reports. */
struct tally {
	uint64_t allocs, failed, frees;	  /* of blocks */
	uint64_t corrupt;		  /* blocks whose contents somebody else changed */
	uint64_t grown, shrunk;		  /* bytes, by EAL's events */
	uint64_t bad_iova;		  /* pages that came without an IOVA */
	uint64_t free_before, free_after; /* hugepages free in the system, around middle's free */
	uint64_t regions_before, regions_after;
	uint64_t va, block_iova;    /* of the block of steps */
	uint64_t quarantined, dead; /* regions, bytes: after a step */
	uint64_t pages;		    /* pages of the range that middle made */
	bool pool_inside;	    /* a mempool lies in that range */
	bool done;
	char error[160];
};

extern struct options options;
extern struct tally tally;
extern volatile bool stopping;

/* Sleep, but not beyond the end. False: it is time to end. */
bool rest(uint64_t microseconds);
/* Write the report, all of it or nothing. */
void report(void);
/* Note what went wrong, the first time. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fill with the poison that the frame checker knows, and see whether it is intact. */
void poison(void *at, size_t len);
bool is_poisoned(const void *at, size_t len);

/* The modes. Those that prepare run in the probe, the others in a thread. */
void churn_run(void);
void mbufs_run(void);
int middle_prepare(void);
void middle_run(void);
void steps_run(void);

#endif
