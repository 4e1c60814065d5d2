/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows by hand, for experts: tce_space_open() plans and makes them for everybody else. */
#ifndef TCE_WINDOW_H
#define TCE_WINDOW_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** A window: a contiguous range of IOVAs of one I/O page size. */
struct tce_window_info {
	tce_iova_t start;   /**< chosen by the platform */
	uint64_t size;	    /**< bytes */
	uint64_t page;	    /**< its I/O page, bytes */
	uint32_t levels;    /**< levels of its table */
	bool is_default;    /**< the 32-bit window that the platform made */
	tce_iova_t hole;    /**< where nothing is ever handed out: 32-bit MMIO and MSI */
	uint64_t hole_size; /**< bytes of it in the window; 0: there is none */
	uint64_t tces;	    /**< TCEs in use */
	uint64_t largest;   /**< bytes of the largest free run */
	uint64_t table_mem; /**< bytes of memory that the library's table of it takes */
};

/**
 * Create one window and its table. One attempt with exactly these values: a refused attempt costs
 * memlock until the process ends, and on some LPARs the slot's window until reboot.
 *
 * Units: @page and @size in bytes, powers of two; @levels from 1.
 * Owner: the window is the space's. @info, which may be NULL, is filled with what was made.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  not powers of two, or not among what the platform offers: the kernel is not asked
 *   -ENOSPC  the platform has no room for one more window, or makes none
 *   -ENOMEM  memlock or memory too small: the sentence has the number
 *   -EIO     the platform refused; the sentence names the size and what to pass next
 */
int tce_window_create(struct tce_space *space, uint64_t page, uint64_t size, uint32_t levels,
		      struct tce_window_info *info);

/**
 * Remove a window and its table. On pseries this takes time in proportion to its size.
 *
 * Units: @start as tce_window_list() has it.
 * Owner: the window is gone on 0.
 * Threads: a control call; no other thread may translate in the space meanwhile, unless it
 *   announced that by tce_read_begin(): look-ups look at all windows.
 * Errors:
 *   -EDEADLK this thread is itself between tce_read_begin() and tce_read_end()
 *   -ENOENT  no window starts there
 *   -EBUSY   TCEs of it are in use: unmap them first
 *   -EIO     the kernel refused; the window stays
 */
int tce_window_remove(struct tce_space *space, tce_iova_t start);

/**
 * List the windows of a space, by start.
 *
 * Units: @n, in: how many fit into @info; out: how many there are.
 * Owner: the caller owns the array.
 * Threads: any thread, not a signal handler.
 * Errors: none beyond those of every control call.
 */
int tce_window_list(struct tce_space *space, struct tce_window_info *info, size_t *n);

TCE_END_DECLS

#endif
