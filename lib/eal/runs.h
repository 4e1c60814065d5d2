/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory segments put together into runs, each mapped by one call. */
#ifndef EAL_RUNS_H
#define EAL_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** No IOVA chosen yet. */
#define RUN_ANY UINT64_MAX

/** Contiguous memory of one kind. */
struct run {
	char *va;
	size_t len;	  /**< bytes */
	size_t page;	  /**< of the pages behind it, bytes */
	uint64_t iova;	  /**< of its first byte, or RUN_ANY */
	bool whole;	  /**< comes and goes in one piece: one region; else one per page */
	const void *list; /**< of EAL's lists of segments, the one it is in */
};

struct runs {
	struct run *run;
	size_t n;
	size_t room;
};

/**
 * Add a segment behind those added before: it continues the last run if it follows it in VA and
 * IOVA and is of its kind. -ENOMEM.
 */
int runs_add(struct runs *runs, const struct run *segment);

/** Free the memory of the list. */
void runs_free(struct runs *runs);

/** The size of the regions that a run is registered in. */
static inline size_t run_piece(const struct run *run)
{
	return run->whole ? run->len : run->page;
}

#endif
