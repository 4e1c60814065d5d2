/* SPDX-License-Identifier: BSD-3-Clause */
/* Mapping: making TCEs of a space point into regions, and clearing them. */
#ifndef TCE_MAP_H
#define TCE_MAP_H

#include <tce/types.h>

TCE_BEGIN_DECLS

/** Where a mapping may go. Zero every field that is not set: 0 always means the default. */
struct tce_map_options {
	tce_iova_t lowest;  /**< lowest IOVA to hand out */
	tce_iova_t highest; /**< highest IOVA, inclusive; default: what the space was opened with */
	uint64_t align;	    /**< alignment of the IOVA, a power of two; default: the I/O page */
	unsigned access;    /**< of enum tce_access; default: TCE_RW */
	uint64_t reserved[4]; /**< for later versions */
};

/**
 * Map [va, va + len), which lies in one or more regions, at a run of IOVAs. Nothing is overwritten:
 * a TCE in use is a refusal. With TCE_IOVA_ANY the window is, of those whose I/O page fits the
 * memory and whose addresses the device reaches, the one with the largest I/O page that has room;
 * the run is where translation will guess it, if that is free, or else the lowest free one.
 *
 * Units: bytes; @va and @len multiples of the window's I/O page. @iova, in: the IOVA wanted, a
 *   multiple of the I/O page, or TCE_IOVA_ANY; out: where it is. @opts may be NULL.
 * Owner: the memory stays the caller's and registered until the TCEs are cleared.
 * Threads: a control call.
 * Errors:
 *   -EINVAL  empty or misaligned: the sentence names the alignment that would do; or, of the
 *            options, a reserved field is not 0, the alignment no power of two, the access not made
 *            of TCE_READ and TCE_WRITE
 *   -EEXIST  a TCE of the wanted range is in use
 *   -ENXIO   the wanted range is in no window, runs past its end, or is never handed out
 *   -ENOENT  part of the memory is in no region
 *   -ESTALE  part of it was discarded, or its region is in quarantine
 *   -ENOSPC  no window has a free run of this size and alignment, or there is none
 *   -ERANGE  the wanted range, or every window, is outside of what the device reaches or of
 *            @opts->lowest to @opts->highest
 *   -ENOMEM  memlock too small to pin the region: the sentence has the number
 *   -EFAULT  the kernel found pages of the region missing
 *   -EIO     the kernel refused, or the hardware failed: the sentence says which, and whether
 *            regions are in quarantine: these are not to be given back
 */
int tce_map(struct tce_space *space, void *va, size_t len, const struct tce_map_options *opts,
	    tce_iova_t *iova);

/**
 * Clear the TCEs of [iova, iova + len): a whole mapping, a part, or several adjacent ones.
 *
 * Units: bytes, multiples of the window's I/O page.
 * Owner: the regions behind them stay registered, but those that only waited for their last TCE
 *   (tce_discard()).
 * Threads: a control call. The caller promises that no DMA to the range is in flight (quiesce);
 *   readers between tce_read_begin() and tce_read_end() are waited for.
 * Errors:
 *   -EINVAL  empty or misaligned
 *   -ENXIO   the range is in no window or runs past its end
 *   -ENOENT  a TCE of it is not in use: the sentence names the first one
 *   -EDEADLK this thread is itself between tce_read_begin() and tce_read_end()
 *   -EIO     the kernel refused and the TCEs stay in use; or it did not let go of a region that
 *            ended, which is in quarantine then
 */
int tce_unmap(struct tce_space *space, tce_iova_t iova, uint64_t len);

/**
 * The one call in place of VFIO type1's MAP_DMA: register what of [va, va + len) is in no region
 * yet, widened to whole system pages, then tce_map().
 *
 * Units: as tce_map().
 * Owner: as tce_map(); what was registered here ends with its last TCE in tce_dma_unmap().
 * Threads: a control call.
 * Errors: as tce_map() but -ENOENT, and as tce_register().
 */
int tce_dma_map(struct tce_space *space, void *va, size_t len, const struct tce_map_options *opts,
		tce_iova_t *iova);

/**
 * The one call in place of VFIO type1's UNMAP_DMA: tce_unmap(), then release the regions that
 * tce_dma_map() registered and that no TCE of any space points into any more.
 *
 * Units: as tce_unmap().
 * Owner: on 0 memory that tce_dma_map() registered is the caller's to unmap once all of it was
 *   unmapped here in every space.
 * Threads: as tce_unmap().
 * Errors: as tce_unmap(), and
 *   -EIO     also when the kernel did not let go of the memory: it is in quarantine
 */
int tce_dma_unmap(struct tce_space *space, tce_iova_t iova, uint64_t len);

TCE_END_DECLS

#endif
