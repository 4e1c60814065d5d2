/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shadow of the whole library: regions, spaces, windows, and the VA behind every TCE that a
 * program can reach, written down without any cleverness. shadow.c answers questions from it,
 * memory.c, maps.c and spaces.c run the operations, compare.c holds it against library and kernel.
 */
#ifndef PROGRAM_SHADOW_H
#define PROGRAM_SHADOW_H

#include <string.h>

#include "lib/kernel/model/model.h"
#include "lib/tce/internal.h"
#include "profiles.h"
#include "program.h"

enum {
	GROUPS = 3,
	DEVICES = 4,
	ARENAS = 3,
	UNITS = 32,   /* most units of an arena */
	REGIONS = 96, /* a unit is in one at most */
	WINDOWS = 2,  /* of a space */
	SLOTS = 320,  /* most TCEs of a window in use */
	CROWD = 520,  /* regions that use up the numbers that a 4K TCE has room for */
};

/* Memory whose pages have one size. Regions are made of its units. */
struct shadow_arena {
	char *va;
	size_t page, unit;
	unsigned units;
	int region[UNITS]; /* an index, or -1 */
};

struct shadow_region {
	bool used, automatic, ending, quarantined;
	uintptr_t va;
	size_t len;
	size_t page;	    /* the largest I/O page that the library allows */
	size_t kernel_page; /* and that the kernel does */
	unsigned users;
	uint32_t dead; /* by unit of the arena */
	struct shadow_arena *arena;
	unsigned first, n; /* units */
	bool enrolled[GROUPS];
	unsigned live[GROUPS];
	unsigned watchers;
	bool touched; /* lost a TCE in the operation under way */
};

struct shadow_slot {
	uint64_t entry;
	uintptr_t va;
	unsigned access;
};

struct shadow_window {
	bool used, is_default;
	uint64_t start, size, page, entries;
	uint64_t hole_first, hole_last; /* entries never handed out */
	uint64_t promised, base;	/* what placing goes by: see expect_guess() */
	unsigned tces;
	struct shadow_slot slot[SLOTS]; /* what is in use, by entry */
};

struct shadow_space {
	struct tce_space *handle; /* NULL: not open */
	unsigned users;
	uint64_t highest;
	bool opened[DEVICES]; /* by name */
	int borrowed[DEVICES];
	bool adopted;
	bool pending;	     /* the library puts memlock by for the default window */
	bool kernel_pending; /* the kernel has still to make it */
	int given_group, given_container;
	struct shadow_window window[WINDOWS];
};

struct shadow {
	const struct profile *profile;
	const struct model_platform *platform;
	struct shadow_arena arena[ARENAS];
	struct shadow_region region[REGIONS];
	struct shadow_space space[GROUPS];
	char *crowd; /* NULL: none */
	uint64_t locked, limit;
	bool slot_lost[GROUPS];
	unsigned regions;
};

extern struct shadow shadow;
extern const char *const device_name[DEVICES];
extern const int device_group[DEVICES]; /* an index of shadow.space; the group's number is 1 more */

/* shadow.c */
struct shadow_region *region_at(uintptr_t va);
struct shadow_region *region_exact(uintptr_t va, size_t len);
struct shadow_region *region_add(struct shadow_arena *a, unsigned first, unsigned n, size_t page);
void region_drop(struct shadow_region *r);
unsigned region_live(const struct shadow_region *r);
bool region_enrolled(const struct shadow_region *r);
/* What of a region's units lies in [va, va + len), as bits. */
uint32_t region_units(const struct shadow_region *r, uintptr_t va, size_t len);
/* Units [*first, +n) of the arena that an operation means, inside of it. */
struct shadow_arena *pick_units(const struct op *op, unsigned *first, unsigned *n);

/* The first slot at or behind an entry, as an index; what an entry has: NULL if it is free. */
unsigned slot_index(const struct shadow_window *w, uint64_t entry);
const struct shadow_slot *slot_at(const struct shadow_window *w, uint64_t entry);
struct shadow_window *window_at(struct shadow_space *s, uint64_t iova);
struct shadow_space *pick_space(const struct op *op, unsigned *index);
struct shadow_window *pick_window(struct shadow_space *s, const struct op *op);
void slots_set(unsigned space, struct shadow_window *w, uint64_t entry, unsigned n, uintptr_t va,
	       unsigned access);
/* Clear n slots from an index on. What waited for its last TCE is ended by end_regions(). */
void slots_clear(unsigned space, struct shadow_window *w, unsigned index, unsigned n);
/* End the regions without TCEs that the library ends by itself. */
void end_regions(bool automatic);
/* What the library puts by for a window's table; for the default one that is still to be made. */
uint64_t table_locked(uint64_t page, uint64_t size, uint32_t levels);
uint64_t pending_locked(const struct shadow_space *s);
/* The kernel is asked for a MAP or a CREATE: false if it cannot make the default window before. */
bool kernel_default(unsigned index);
/* Is there memlock for so many more bytes? */
bool lockable(uint64_t bytes);

/* compare.c: what an operation touched, and all there is. */
void compare_counts(void);
void compare_entry(unsigned space, const struct shadow_window *w, uint64_t entry);
void compare_region(const struct shadow_region *r);
void compare_all(void);

/* The operations: false if there is nothing to ask. *ret is what the library answered. */
typedef bool operation_fn(const struct op *op, int *ret);
operation_fn do_register, do_release, do_discard, do_evict, do_watch, do_unwatch;
operation_fn do_map, do_dma_map, do_unmap, do_dma_unmap, do_translate;
operation_fn do_open, do_close, do_adopt, do_borrow, do_create, do_remove, do_fork, do_kill;

#endif
