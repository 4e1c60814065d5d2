/* SPDX-License-Identifier: BSD-3-Clause */
/* Which windows a space should have: platform facts in, plan or sentence out. */
#ifndef TCE_PLAN_H
#define TCE_PLAN_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** What the platform says of a group (VFIO_IOMMU_SPAPR_TCE_GET_INFO). */
struct tce_facts {
	uint64_t default_start; /**< IOVA where the default 32-bit window starts */
	uint64_t default_size;	/**< its bytes; its I/O page is 4 KiB */
	uint64_t page_sizes;  /**< I/O page sizes that a created window can have: a mask of bytes */
	uint32_t max_windows; /**< windows at a time, the default one included; 0: no DDW */
	uint32_t levels;      /**< most levels of a table; 1 on pseries */
	uint64_t lock_free;   /**< bytes this process may still lock; UINT64_MAX: no limit */
	uint64_t system_page; /**< bytes of a page of this kernel */
};

/** What the windows are for. */
struct tce_need {
	uint64_t mem;	   /**< most bytes mapped at a time */
	uint64_t page;	   /**< smallest page that backs this memory, bytes, a power of two */
	uint64_t highest;  /**< highest IOVA that the device can reach, inclusive */
	uint64_t identity; /**< IOVA=VA is wanted up to this address, inclusive; 0: it is not */
	uint64_t tce_page; /**< I/O page size to insist on; 0: the best one */
};

/** What to do. */
struct tce_plan {
	bool remove_default; /**< give the default window up first */
	bool create;	     /**< create a window of the sizes below; else the default one serves */
	uint64_t page;	     /**< its I/O page, bytes */
	uint64_t size;	     /**< its size, bytes, a power of two */
	uint32_t levels;     /**< levels of its table */
	uint64_t locked;     /**< bytes of memlock that the kernel takes for its table */
};

/**
 * Decide which windows serve a need. Asks nobody: the same facts give the same plan. The default
 * window stays wherever the platform leaves room for both, since small buffers and devices with
 * short DMA masks live there. The created window has the largest I/O page not larger than
 * @need->page, at least 32768 TCEs (PowerVM refuses fewer), one level on pseries, and elsewhere
 * as many as keep each level's allocation at 1 MiB.
 *
 * Units: bytes; addresses inclusive where the struct says so.
 * Owner: the caller owns all three.
 * Threads: any, signal handlers included but for the sentence of a failure.
 * Errors:
 *   -EINVAL  the need is no power-of-two page, no memory, or contradicts itself
 *   -ENOSPC  no window that this platform can make serves: the sentence says what would
 *   -ENOMEM  the table's share of memlock is larger than what is left: the sentence has the number
 */
int tce_plan(const struct tce_facts *facts, const struct tce_need *need, struct tce_plan *plan);

/**
 * Judge a window where the platform has put it: no platform says beforehand where that will be.
 *
 * Units: bytes.
 * Owner: the caller owns @need.
 * Threads: as tce_plan().
 * Errors:
 *   -ENOSPC  the window cannot serve the need from there: the sentence says why
 */
int tce_plan_verify(const struct tce_need *need, tce_iova_t start, uint64_t size);

TCE_END_DECLS

#endif
