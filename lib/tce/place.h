/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a mapping goes: a window and a run of its entries, checked, nothing changed yet. */
#ifndef TCE_PLACE_H
#define TCE_PLACE_H

#include "internal.h"

struct tce_place {
	struct tce_window *w;
	size_t at, n; /* entries */
};

/*
 * Find the place of a mapping: at iova, or anywhere for TCE_IOVA_ANY. @fits is the largest I/O page
 * that can map the memory. The errnos are tce_map()'s.
 */
int tce_place_find(const struct tce_space *space, uintptr_t va, size_t len, uint64_t fits,
		   const struct tce_map_options *opts, tce_iova_t iova, struct tce_place *place);

/* The entries of [iova, iova + len), for @call: -EINVAL, -ENXIO. */
int tce_place_of(const struct tce_space *space, const char *call, tce_iova_t iova, uint64_t len,
		 struct tce_place *place);

#endif
