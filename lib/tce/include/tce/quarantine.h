/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quarantine: memory that the kernel may still reach after a failure. tce_region_list() shows it;
 * this is the way out.
 */
#ifndef TCE_QUARANTINE_H
#define TCE_QUARANTINE_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/**
 * Try to take a region out of quarantine. It comes out when the kernel is seen to have let go of
 * it, never by guess: it is registered and given up once more, for which locked memory falls by its
 * size if it was free, and stays as it is if the kernel had kept it. What the kernel keeps while a
 * container is open may be free after the end of the space; what it has lost count of is not before
 * the end of the process. A space that is opened by tce_space_open() does the same for its regions
 * when it is closed.
 *
 * Units: @va and @len exactly as registered.
 * Owner: on 0 the memory is the caller's to unmap, and the region is gone for all of its users.
 * Threads: a control call. Another thread's mlock() at that moment may blur what is seen, and the
 *   answer is -EIO then: ask again.
 * Errors:
 *   -ENOENT  no region is registered as this, or it is not in quarantine
 *   -EBUSY   TCEs still point into it: the sentence names the first. Unmap them, or close the space
 *   -EAGAIN  no space is open, through which the kernel could be asked: open one
 *   -EIO     the kernel has not let go, or could not be asked: it stays in quarantine
 */
int tce_reclaim(void *va, size_t len);

TCE_END_DECLS

#endif
