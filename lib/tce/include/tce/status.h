/* SPDX-License-Identifier: BSD-3-Clause */
/* What the library holds, and whether its counters agree with its tables. */
#ifndef TCE_STATUS_H
#define TCE_STATUS_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** A region as it stands. */
struct tce_region_info {
	void *va;
	size_t len;	  /**< bytes */
	size_t page;	  /**< smallest page that backs it, bytes; what limits its I/O pages */
	unsigned users;	  /**< registrations that were not released yet */
	unsigned spaces;  /**< spaces whose container has it registered */
	uint64_t tces;	  /**< TCEs of all spaces that point into it */
	uint64_t dead;	  /**< bytes of it that were discarded */
	bool automatic;	  /**< registered by tce_dma_map() */
	bool quarantined; /**< the kernel may still reach it: not to be given back before
			     tce_reclaim() */
};

/** A space as it stands. */
struct tce_space_info {
	int group;	  /**< number of its IOMMU group */
	unsigned users;	  /**< opens that were not closed yet */
	unsigned windows; /**< number of its windows */
	uint64_t tces;	  /**< TCEs in use */
	uint64_t highest; /**< highest IOVA that its device reaches, inclusive */
};

/** Calls made to the kernel since the process began, refused ones included. */
struct tce_calls {
	uint64_t create, remove, enroll, unenroll, map, unmap;
};

/** A run of TCEs that point at contiguous memory of one region. */
struct tce_run {
	tce_iova_t iova;
	uint64_t len; /**< bytes */
	void *va;
	unsigned access; /**< of enum tce_access */
};

/**
 * List the regions of this process, by VA.
 *
 * Units: @n, in: how many fit into @info; out: how many there are.
 * Owner: the caller owns the array.
 * Threads: any thread, not a signal handler.
 * Errors: none beyond those of every control call.
 */
int tce_region_list(struct tce_region_info *info, size_t *n);

/**
 * Describe a space.
 *
 * Units: see the struct.
 * Owner: the caller owns @info.
 * Threads: any thread, not a signal handler.
 * Errors: none beyond those of every control call.
 */
int tce_space_info(struct tce_space *space, struct tce_space_info *info);

/**
 * Count the calls made to the kernel.
 *
 * Units: calls: VFIO's CREATE, REMOVE, REGISTER_MEMORY, UNREGISTER_MEMORY, MAP_DMA, UNMAP_DMA.
 * Owner: the caller owns @calls.
 * Threads: any thread, not a signal handler.
 * Errors: none beyond those of every control call.
 */
int tce_calls(struct tce_calls *calls);

/**
 * Tell how much this process may still lock: what memory that is to be mapped has to fit into.
 *
 * Units: bytes; UINT64_MAX under CAP_IPC_LOCK and without a limit.
 * Owner: nothing changes hands.
 * Threads: any thread, not a signal handler; not a control call.
 * Errors:
 *   -EIO     the kernel does not tell
 */
int tce_lock_free(uint64_t *bytes);

/**
 * List what a space maps: the runs of its tables, by IOVA.
 *
 * Units: @n, in: how many fit into @runs; out: how many there are.
 * Owner: the caller owns the array.
 * Threads: any thread, not a signal handler.
 * Errors: none beyond those of every control call.
 */
int tce_space_runs(struct tce_space *space, struct tce_run *runs, size_t *n);

/**
 * Recompute every counter from the tables and compare: TCEs per region, space and leaf, and the
 * way from each VA to its IOVA.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: any thread, not a signal handler.
 * Errors:
 *   -EUCLEAN they differ: the sentence has the first difference. A defect of the library
 */
int tce_audit(void);

TCE_END_DECLS

#endif
