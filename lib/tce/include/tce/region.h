/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions: process memory registered with the kernel. Registration belongs to the process and needs
 * no handle: two libraries of one process that register the same memory share it, counted.
 */
#ifndef TCE_REGION_H
#define TCE_REGION_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** A run of TCEs that still points into a region. */
struct tce_holder {
	struct tce_space *space;
	tce_iova_t iova; /**< where the run starts */
	uint64_t len;	 /**< bytes */
	void *va;	 /**< the memory behind its first byte */
};

/**
 * Register [va, va + len) as one region. The kernel's part, pinning, happens with each space's
 * first map of it. The same (va, len) again counts one more user.
 *
 * Units: @va and @len in bytes, multiples of the system page; @page is the smallest page that backs
 *   the range (for hugepages their size), 0 to have it looked up.
 * Owner: the memory stays the caller's. It must stay mapped at @va, with the same pages behind it,
 *   until tce_release() or tce_discard() has answered 0.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  not aligned to the system page, empty, or past the end of the address space; @page is
 *            no power of two
 *   -EEXIST  overlaps a region without being it, or one in quarantine or with a part discarded: the
 *            sentence names it
 *   -EFAULT  @page is 0, was looked up since the range could have larger pages than the system's,
 *            and part of it is not mapped in this process. Otherwise the first map finds that out
 */
int tce_register(void *va, size_t len, size_t page);

/**
 * End one use of a region. The last use gives it back: it is unregistered from every space, and 0
 * then means that no device can reach the memory and that no page of it is pinned any more.
 *
 * Units: @va and @len exactly as registered. @n, in: how many holders fit into @holders; out, on
 *   -EBUSY: how many there are. @holders may be NULL, and then @n too.
 * Owner: the caller's memory is free to be unmapped on 0, and only then; while other users are
 *   left, it is they who keep it.
 * Threads: a control call.
 * Errors:
 *   -ENOENT  no such region: the sentence names what is registered there instead
 *   -EBUSY   TCEs still point into it: @holders and @n tell which; nothing was changed
 *   -EIO     the kernel did not let go of the memory. The region is in quarantine: still pinned,
 *            not to be given to the allocator or the OS before tce_reclaim()
 */
int tce_release(void *va, size_t len, struct tce_holder *holders, size_t *n);

/**
 * Take a part of the registered memory away from every device: its TCEs are cleared in every space
 * and its VA is dead, so that nothing is mapped from it again. A region that lost a part ends by
 * itself with its last TCE, whoever its users are. For owners of memory that free other pieces than
 * they registered.
 *
 * Units: bytes, multiples of the system page. May span regions; what is not registered is skipped.
 * Owner: the pages of the part are the caller's to unmap once this returned 0. Pages of a region
 *   that others of its pages keep registered stay pinned until it ends.
 * Threads: a control call. The caller promises that no DMA to the part is in flight (quiesce).
 * Errors:
 *   -EINVAL  not aligned to the system page or to the I/O pages of the TCEs that hold it
 *   -EDEADLK this thread is itself between tce_read_begin() and tce_read_end()
 *   -EIO     the kernel refused to clear a TCE or to let go: what it kept is in quarantine; do not
 *            unmap the memory
 */
int tce_discard(void *va, size_t len);

TCE_END_DECLS

#endif
