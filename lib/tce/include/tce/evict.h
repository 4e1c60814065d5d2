/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking a region back from the drivers that use it. */
#ifndef TCE_EVICT_H
#define TCE_EVICT_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/**
 * A driver that uses a region, and can let go of it. Both functions are called on the thread that
 * evicts, with the library's lock held: they must not make control calls, and must not block. They
 * may translate: what is to be evicted is not found any more.
 */
struct tce_driver {
	/**
	 * Let go of [va, va + len): 0 once no DMA to it is in flight, no descriptor holds it and no
	 * thread keeps a translated address of it; -EAGAIN until then, to be asked again.
	 */
	int (*quiesce)(void *va, size_t len, void *arg);
	/** The region stays after all: use it again. May be NULL. */
	void (*resume)(void *va, size_t len, void *arg);
	void *arg;
};

/**
 * Have a driver asked before a region is evicted.
 *
 * Units: @va and @len exactly as registered.
 * Owner: @driver stays the caller's and must live until tce_unwatch() or the end of the region.
 * Threads: a control call.
 * Errors:
 *   -ENOENT  no such region
 */
int tce_watch(void *va, size_t len, const struct tce_driver *driver);

/**
 * The reverse of tce_watch().
 *
 * Units: @va, @len and @driver as for tce_watch().
 * Owner: @driver is the caller's alone again.
 * Threads: a control call.
 * Errors:
 *   -ENOENT  no such region, or the driver does not watch it
 */
int tce_unwatch(void *va, size_t len, const struct tce_driver *driver);

/**
 * Take a region back, whoever its users are: its VA is no longer found, its drivers are asked to
 * let go, its TCEs are cleared in runs in every space, and it is released. If a driver or a reader
 * does not let go in time, everything is as it was.
 *
 * Units: @va and @len exactly as registered; @milliseconds: how long to wait for readers and
 *   drivers in all.
 * Owner: on 0 the memory is the caller's to unmap, and the region is gone for all of its users.
 * Threads: a control call; others wait until it has ended.
 * Errors:
 *   -ENOENT  no such region
 *   -ETIMEDOUT  a driver, or a reader between tce_read_begin() and tce_read_end(), did not let go
 *            in time: the sentence says which. Drivers that had are resumed; nothing changed
 *   -EDEADLK this thread is itself between tce_read_begin() and tce_read_end()
 *   -EIO     the kernel refused to clear a TCE or to let go: the region is in quarantine
 */
int tce_evict(void *va, size_t len, unsigned milliseconds);

TCE_END_DECLS

#endif
