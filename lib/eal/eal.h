/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's memory in spaces: every page that EAL has, or gets later, is mapped in every space that
 * joined, at the same IOVA in each. For drivers only; not installed.
 *
 * Where EAL runs with IOVA as PA, the memory segments' IOVAs are rewritten to ours: pools, zones
 * and drivers take them from there. Where it runs with IOVA as VA, the windows must take EAL's
 * addresses as they are. Neither concerns a driver that translates from addresses itself: in its
 * space memory may be at any IOVA, and the segments' IOVAs are left alone for its sake.
 *
 * Functions that can fail return 0 or -errno, and tce_eal_error() has the sentence of this thread's
 * last failure. None may be called with a lock of EAL's memory held, but where it is said.
 */
#ifndef EAL_EAL_H
#define EAL_EAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tce/types.h>

/** What EAL's memory asks of the windows of a space. */
struct tce_eal_need {
	size_t page; /**< smallest hugepage that EAL may use, bytes */
	uint64_t
		identity; /**< last address of EAL's memory where it runs with IOVA as VA, else 0 */
	uint64_t highest; /**< last IOVA below the DMA mask set in EAL; UINT64_MAX: no mask set */
};

/** A space that takes part. */
struct tce_eal_member {
	struct tce_space *space;
	const char *name; /**< for sentences: "IOMMU group 7"; must live as long as the space */
	/**
	 * Stop all DMA of the space's devices, at once: memory could not be taken away from them.
	 * Called with EAL's memory locks held: may neither allocate from EAL nor wait for others.
	 */
	void (*stop)(void *arg);
	/**
	 * Memory was taken away: whatever was kept of its translation is void. May be NULL.
	 * Called as @stop is.
	 */
	void (*gone)(void *arg, const void *addr, size_t len);
	void *arg;
	/** The space's drivers translate from addresses: EAL's IOVAs mean nothing to them. */
	bool translates;
};

/** What EAL's memory needs. -ENOTSUP: EAL runs without hugepages. */
int tce_eal_need(struct tce_eal_need *need);

/**
 * May a space join, as far as can be told before its group is opened?
 * -EEXIST: a mempool keeps IOVAs that joining would change.
 */
int tce_eal_ready(void);

/**
 * Map all of EAL's memory into a space, and from then on whatever comes and goes.
 * -EEXIST: it has joined already, for another driver.
 * -ERANGE: its windows share no range with those of the spaces that joined before.
 * Otherwise what libtce answered. On failure nothing has changed.
 */
int tce_eal_join(const struct tce_eal_member *member);

/** Forget a space, before it is closed: its TCEs go with the close. */
void tce_eal_leave(struct tce_space *space);

/**
 * Map memory that is not EAL's, at the IOVA that the application chose, into one space; and clear
 * it again. What libtce answers.
 */
int tce_eal_dma_map(struct tce_space *space, void *va, uint64_t iova, size_t len);
int tce_eal_dma_unmap(struct tce_space *space, uint64_t iova, size_t len);

/** Have failures that nobody can be given reported: those in events of EAL's memory. */
void tce_eal_report(void (*report)(const char *sentence));

/** The sentence of this thread's last failure. */
const char *tce_eal_error(void);

#endif
