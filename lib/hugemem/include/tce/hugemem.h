/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arenas: hugepages of one size and one NUMA node, registered as one region, and blocks of them for
 * what a device reads and writes. A child after fork has none of it: it neither copies a page that
 * a device writes to nor keeps one.
 */
#ifndef TCE_HUGEMEM_H
#define TCE_HUGEMEM_H

#include <errno.h>
#include <tce/map.h>
#include <tce/types.h>

TCE_BEGIN_DECLS

/** Memory from whichever node. */
#define TCE_NODE_ANY (-1)

/** Hugepages of one size and node. */
struct tce_arena;

/** An arena as it stands. */
struct tce_arena_info {
	void *va;
	size_t len;	/**< bytes */
	size_t page;	/**< its pages, bytes */
	int node;	/**< where all of them are; TCE_NODE_ANY if that was asked for */
	size_t used;	/**< bytes in blocks */
	size_t largest; /**< bytes of the largest free run */
};

/** An arena as a space maps it: one run of IOVAs, so that translation is an addition. */
struct tce_span {
	struct tce_space *space;
	uintptr_t va;
	size_t len;
	uint64_t delta; /**< what is added to a VA, modulo 2 to the 64th */
};

/**
 * Translate by the span: compare and add, no table.
 *
 * Units: @len: bytes from @va on that have to be in the span, at least 1.
 * Owner: nothing changes hands.
 * Threads: any, signal handlers included, while the span is mapped.
 * Errors (no sentence is kept):
 *   -ENOENT  not in the span, or not all of it
 */
static inline int tce_span_iova(const struct tce_span *span, const void *va, size_t len,
				tce_iova_t *iova)
{
	uintptr_t at = (uintptr_t)va - span->va;

	if (at >= span->len || len > span->len - at)
		return -ENOENT;
	*iova = (uintptr_t)va + span->delta;
	return 0;
}

/**
 * Make an arena: take pages of one node, see that they are there, register them as one region.
 *
 * Units: @size in bytes, rounded up to whole pages; @page: bytes of a page, 0 for the machine's
 *   default hugepage, or the system page for ordinary memory, which is not locked to its node by
 *   reservation; @node: a NUMA node, or TCE_NODE_ANY.
 * Owner: @arena is the library's until tce_arena_close().
 * Threads: a control call.
 * Errors: as tce_register(), and
 *   -EINVAL  no size, or this kernel has no pages of that size: the sentence names those it has
 *   -ENODEV  no such node, or one without memory
 *   -ENOMEM  too few pages are free: the sentence has the command that reserves more
 *   -EXDEV   pages came from another node although the policy forbids it
 *   -EIO     the kernel refused: the sentence has the call and its errno
 */
int tce_arena_open(size_t size, size_t page, int node, struct tce_arena **arena);

/**
 * Give an arena back.
 *
 * Units: none.
 * Owner: on 0 @arena and its memory are gone. On -EIO @arena is gone, and its memory stays mapped
 *   for good: it is in quarantine.
 * Threads: a control call; nobody may use the arena meanwhile.
 * Errors: as tce_release(), and
 *   -EBUSY   blocks of it are in use, or a space maps it
 */
int tce_arena_close(struct tce_arena *arena);

/**
 * Tell how an arena stands.
 *
 * Units: see the struct.
 * Owner: the caller owns @info; the memory is the arena's.
 * Threads: any, not a signal handler; not a control call.
 * Errors: none.
 */
void tce_arena_info(struct tce_arena *arena, struct tce_arena_info *info);

/**
 * Take a block out of an arena: the lowest place that fits, all zeroes.
 *
 * Units: @len in bytes, at least 1, rounded up to whole cache lines of 128 bytes, so that no two
 *   blocks share one; @align: a power of two, at most the arena's page, or 0 for 128.
 * Owner: the block is the caller's until tce_arena_free().
 * Threads: any, not a signal handler; not a control call.
 * Errors:
 *   -EINVAL  no length, or no such alignment
 *   -ENOSPC  no free run is large enough: the sentence has the largest
 *   -ENOMEM  no memory to note the block
 */
int tce_arena_alloc(struct tce_arena *arena, size_t len, size_t align, void **va);

/**
 * Give a block back.
 *
 * Units: @va as tce_arena_alloc() gave it.
 * Owner: the block is the arena's. No device may have it in a descriptor any more.
 * Threads: any, not a signal handler; not a control call.
 * Errors:
 *   -ENOENT  no block starts there
 */
int tce_arena_free(struct tce_arena *arena, void *va);

/**
 * Map all of an arena in a space, as one run of IOVAs. It may be mapped in several spaces.
 *
 * Units: @opts as for tce_map(), may be NULL.
 * Owner: the mapping is the arena's; undone by tce_arena_unmap(), or the space's end. The caller
 *   owns @span.
 * Threads: a control call.
 * Errors: as tce_map()
 */
int tce_arena_map(struct tce_arena *arena, struct tce_space *space,
		  const struct tce_map_options *opts, struct tce_span *span);

/**
 * Undo a tce_arena_map(). No DMA to the arena may be under way in that space.
 *
 * Units: @span as tce_arena_map() filled it.
 * Owner: on 0 the span translates no more.
 * Threads: a control call.
 * Errors: as tce_unmap()
 */
int tce_arena_unmap(struct tce_arena *arena, const struct tce_span *span);

TCE_END_DECLS

#endif
