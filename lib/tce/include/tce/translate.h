/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation, both ways, out of the table: lock-free, wait-free, no system call, no allocation.
 * One begun after an unmap fails. One begun before may still return the address: a driver that
 * unmaps promises that nobody keeps one; readers without a driver announce themselves with
 * tce_read_begin(), and unmap waits for them.
 */
#ifndef TCE_TRANSLATE_H
#define TCE_TRANSLATE_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/**
 * Find the IOVA behind a VA, and how far both run on together: as PRP and SGL builders need it.
 * Memory that is mapped more than once has one of its IOVAs returned.
 *
 * Units: @want: bytes asked for, at least 1; @len: how many of them follow contiguously from @iova,
 *   1 to @want. @len may be NULL.
 * Owner: nothing changes hands.
 * Threads: any, signal handlers included.
 * Errors (no sentence is kept):
 *   -ENOENT  @va is not mapped in this space
 */
int tce_iova(const struct tce_space *space, const void *va, size_t want, tce_iova_t *iova,
	     size_t *len);

/**
 * Find the VA behind an IOVA, and how far both run on together.
 *
 * Units: as tce_iova().
 * Owner: the memory is its region's owner's.
 * Threads: any, signal handlers included.
 * Errors (no sentence is kept):
 *   -ENOENT  nothing is mapped at @iova
 */
int tce_va(const struct tce_space *space, tce_iova_t iova, size_t want, void **va, size_t *len);

/**
 * Begin a stretch in which this thread keeps translated addresses. Unmaps that begin later wait for
 * its end. Stretches nest. Keep them short, and make no control call inside.
 *
 * Units: none.
 * Owner: pairs with tce_read_end() on the same thread.
 * Threads: any, signal handlers included; wait-free.
 * Errors: none.
 */
void tce_read_begin(void);

/**
 * End a stretch begun by tce_read_begin().
 *
 * Units: none.
 * Owner: addresses translated inside the stretch are not to be used any more.
 * Threads: the one that began it.
 * Errors: none.
 */
void tce_read_end(void);

TCE_END_DECLS

#endif
