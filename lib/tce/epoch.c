/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers without a driver announce themselves, and unmap waits for those that began before it.
 *
 * Two counters of readers, and a phase that says which one new readers use. To wait for all readers
 * that have begun, the phase is turned and the counter left behind drained, twice: a reader may
 * have read the phase before the first turn and count itself only after the drain was seen, and
 * then the second turn waits for it.
 *
 * One full fence on each side: a reader's increment is ordered before its loads of the table, and
 * the writer's unpublishing stores before its loads of the counters (store then load on both sides,
 * which acquire and release do not order). doc/memory-order.md has the argument.
 */
#include <sched.h>
#include <time.h>

#include "internal.h"

static _Atomic unsigned phase;
static struct {
	_Alignas(128) _Atomic unsigned long n; /* a cache line of POWER each */
} readers[2];

/*
 * This thread's stretches: twice their depth, plus the phase that the outermost one counted in. One
 * word, written once on each side, so that a signal handler anywhere in between, which begins and
 * ends stretches of its own, finds it whole and leaves it as it was. Initial-exec, since the
 * general way to a thread's variable of a loaded library may allocate memory, which a handler must
 * not.
 */
static _Thread_local volatile unsigned stretch __attribute__((tls_model("initial-exec")));

void tce_read_begin(void)
{
	unsigned p;

	if (stretch) {
		stretch += 2;
		return;
	}
	p = atomic_load_explicit(&phase, memory_order_relaxed) & 1;
	atomic_fetch_add_explicit(&readers[p].n, 1, memory_order_relaxed);
	/* Pairs with the fence of tce_synchronize_until(). */
	atomic_thread_fence(memory_order_seq_cst);
	stretch = 2 | p;
}

void tce_read_end(void)
{
	unsigned p = stretch & 1;

	if (stretch > 3) {
		stretch -= 2;
		return;
	}
	stretch = 0;
	/* Pairs with the loads of tce_synchronize_until(). */
	atomic_fetch_sub_explicit(&readers[p].n, 1, memory_order_release);
}

int tce_check_waiting(const char *call)
{
	if (!stretch)
		return 0;
	return tce_fail(-EDEADLK,
			"%s between tce_read_begin() and tce_read_end() of the same thread would "
			"wait for itself",
			call);
}

int64_t tce_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool tce_synchronize_until(int64_t deadline)
{
	/* Pairs with the fence of tce_read_begin(). */
	atomic_thread_fence(memory_order_seq_cst);
	for (int turn = 0; turn < 2; turn++) {
		unsigned old = atomic_fetch_add_explicit(&phase, 1, memory_order_relaxed) & 1;

		/* Acquire: what a reader did in its stretch is over. Pairs with tce_read_end(). */
		while (atomic_load_explicit(&readers[old].n, memory_order_acquire)) {
			if (deadline != INT64_MAX && tce_now() >= deadline)
				return false;
			sched_yield();
		}
	}
	return true;
}
