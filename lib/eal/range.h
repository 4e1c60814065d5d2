/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges of IOVAs, by first and last: the last byte of the address space can be in one. */
#ifndef EAL_RANGE_H
#define EAL_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tce/window.h>

struct range {
	uint64_t first;
	uint64_t last; /**< inclusive */
};

/** The part that both have. False if there is none; @both is then left alone. */
static inline bool range_both(const struct range *a, const struct range *b, struct range *both)
{
	uint64_t first = a->first > b->first ? a->first : b->first;
	uint64_t last = a->last < b->last ? a->last : b->last;

	if (first > last)
		return false;
	*both = (struct range){first, last};
	return true;
}

/**
 * The window, of @n, where memory of this page size goes: the one with the largest I/O page that
 * fits, and of those the largest. NULL: there is none.
 */
const struct tce_window_info *range_home(const struct tce_window_info *windows, size_t n,
					 size_t page);

/**
 * What may be handed out of a window: all of it but its first page where it starts at 0, so that
 * RTE_BAD_IOVA with a small number added to it is never an address that a device could use.
 */
struct range range_usable(const struct tce_window_info *window, size_t page);

/** Bytes of a range that are not in a hole of @size bytes at @hole. */
uint64_t range_room(const struct range *range, uint64_t hole, uint64_t size);

#endif
