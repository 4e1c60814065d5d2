/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one processor executes whose clock counts instructions: a process of the lowest priority
 * takes whatever is left of it, and counts. Its rounds, times what one costs when nothing else is
 * to do, are the time in which the processor would have been idle.
 */
#ifndef GUEST_COUNTER_H
#define GUEST_COUNTER_H

#include <sys/types.h>

struct moment {
	double ns, rounds;
};

/* Now, with the rounds so far: 0 if nobody counts. */
struct moment counter_now(void);

/*
 * Start the process, and wait until it counts. It ends with this one, or by a signal before. -1: it
 * cannot be had.
 */
pid_t counter_start(void);

/* What a round costs in ns: measured while this process sleeps. */
double counter_round(void);

/* ns since a moment that the counter did not get. */
double counter_spent(const struct moment *since, double round);

#endif
