/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timing of look-ups. A subject answers a question for one address; it is timed in two ways: apart,
 * where the processor may have many look-ups under way at a time, and chained, where each address
 * depends on the answer before it. Subjects take turns in short runs, each with addresses that no
 * run had before, lest the processor learn their order. The shortest run of each counts: what else
 * the machine does makes a run longer, never shorter.
 */
#ifndef BENCH_LOOKUP_H
#define BENCH_LOOKUP_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef uint64_t lookup_run(void *arg, const uint64_t *addr, size_t n);

struct subject {
	const char *name;
	lookup_run *run[2]; /* apart, chained */
	void *arg;
	size_t most;	/* look-ups in a run; 0: all addresses */
	double best[2]; /* ns for each look-up */
};

/* Always 0, which the compiler does not know. */
extern volatile uint64_t lookup_zero;
/* What was found goes here, so that it is asked for. */
extern volatile uint64_t lookup_sink;

/* The two runs of a function uint64_t ask(void *arg, uint64_t addr). */
#define LOOKUP(ask)                                                                                \
	static uint64_t ask##_apart(void *arg, const uint64_t *addr, size_t n)                     \
	{                                                                                          \
		uint64_t sum = 0;                                                                  \
		for (size_t i = 0; i < n; i++)                                                     \
			sum += ask(arg, addr[i]);                                                  \
		return sum;                                                                        \
	}                                                                                          \
	static uint64_t ask##_chained(void *arg, const uint64_t *addr, size_t n)                   \
	{                                                                                          \
		uint64_t last = 0, zero = lookup_zero;                                             \
		for (size_t i = 0; i < n; i++)                                                     \
			last = ask(arg, addr[i] ^ (last & zero));                                  \
		return last;                                                                       \
	}

#define SUBJECT(text, ask, data)                                                                   \
	{                                                                                          \
		.name = (text), .run = {ask##_apart, ask##_chained}, .arg = (data)                 \
	}

/* A turn of each subject on n addresses. */
void lookup_time(struct subject *subject, size_t subjects, const uint64_t *addr, size_t n);

/* A call that does as little as a look-up can: what the ways of calling cost. */
int lookup_bare(const void *space, const void *va, size_t want, uint64_t *iova, size_t *len);

#endif
