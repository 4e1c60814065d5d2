/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of lib/eal share. */
#ifndef EAL_INTERNAL_H
#define EAL_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "eal.h"
#include "range.h"
#include "runs.h"

/** Keep the sentence of a failure; returns @err. */
int eal_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* segments.c: EAL's memory segments. Those marked [locked] want EAL's memory lock held. */

/**
 * All memory in use, as runs, by list. IOVAs: those that the segments have if @ours. Of segments
 * without one only if @retry: their map failed in an event. [locked]
 */
int segments_all(struct runs *runs, bool ours, bool retry);
/** The memory of one event. [locked] */
int segments_of(const void *addr, size_t len, struct runs *runs);
/** Write a run's IOVA into its segments; RUN_ANY makes them RTE_BAD_IOVA. [locked] */
void segments_write(const struct run *run);
/** Whether any segment of this memory was given an IOVA. [locked] */
bool segments_mapped(const void *addr, size_t len);
/** Bytes of EAL's own memory on a socket. [locked] */
size_t segments_held(int socket);
/** Rewrite the IOVAs that memory zones keep. */
void segments_refresh_zones(void);
/** -EEXIST: a mempool keeps IOVAs other than its segments will have. */
int segments_check_pools(bool ours);

/* members.c: the spaces that take part. [locked] */

struct member {
	struct tce_eal_member is;
	bool placed;	/* the first run has its IOVA, where the space does not go by EAL's */
	uint64_t delta; /* from that run's address to its IOVA */
	struct member *next;
};

extern struct member *members;
/** Whether EAL's memory is registered, and followed. */
extern bool members_registered;
/** Whether EAL's segments carry our IOVAs already. */
extern bool members_laid_out;

/** The window of a space where memory of EAL's goes. -ENOSPC: none takes its page size. */
int members_window(const struct member *member, size_t page, struct tce_window_info *window);
/**
 * What every member that goes by EAL's IOVAs, and @extra unless it is NULL, can hand out for pages
 * of this size.
 */
int members_range(const struct member *extra, size_t page, struct range *range);
/** Map a run in one space: at its IOVA if it has one, and if the space goes by that. */
int members_map_one(struct member *member, struct run *run);
/** Clear a run that members_map_one() mapped. */
void members_unmap_one(const struct member *member, const struct run *run);
/** Map a run in every member's space, at the same IOVA in those that go by it. All or none. */
int members_map(struct run *run);
/** Register a run's memory, and take that back. */
int members_register(const struct run *run);
void members_release(const struct run *run);
/** Take memory away from every space; where that fails, stop the devices that may reach it. */
void members_discard(const void *addr, size_t len);

/* events.c */

/** Whether EAL's memory neither grows nor shrinks (--legacy-mem). */
extern bool events_never;

/** Follow EAL's memory from now on; more than once is the same as once. [locked] */
int events_follow(void);
/** Report a failure that nobody can be given. */
void events_report(const char *sentence);

/* need.c */

/** tce_eal_need() for those who hold EAL's memory lock. [locked] */
int need_now(struct tce_eal_need *need);
/** Whether EAL frees memory in the pieces that it allocated (--match-allocations). */
bool need_match_allocations(void);

#endif
