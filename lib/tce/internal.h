/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of lib/tce share. Everything here is called under the process lock, between
 * tce_enter() and tce_leave(), unless it says [any].
 */
#ifndef TCE_INTERNAL_H
#define TCE_INTERNAL_H

#include <stdatomic.h>
#include <errno.h>
#include <stdarg.h>
#include <tce/tce.h>

#include "../kernel/kernel.h"
#include "dir.h"
#include "table.h"

#define TCE_PRINTF(at) __attribute__((format(printf, at, at + 1)))

/* ---- bytes and ranges [any] ---- */

static inline bool tce_is_pow2(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* The largest power of two that divides n; 0 for 0. */
static inline uint64_t tce_low_bit(uint64_t n)
{
	return n & -n;
}

static inline unsigned tce_log2(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n);
}

/* Last byte of (start, len), len > 0; the caller has excluded an overflow. */
static inline uint64_t tce_last(uint64_t start, uint64_t len)
{
	return start + (len - 1);
}

/* Does (start, len) run past the end of 64 bits? */
static inline bool tce_wraps(uint64_t start, uint64_t len)
{
	return len && start > UINT64_MAX - (len - 1);
}

/* ---- error.c [any] ---- */

/* Keep this thread's sentence; returns err. */
int tce_fail(int err, const char *format, ...) TCE_PRINTF(2);

/* Hand a failure to the callback, when ret is one; returns ret. Not under the lock. */
int tce_report(int ret);

/* "1 GiB", "64 KiB", "12345 bytes": into one of a few buffers of this thread. */
const char *tce_bytes(uint64_t n);

/* Are the fields for later versions of some options 0? -EINVAL. */
int tce_check_reserved(const char *options, const uint64_t reserved[4]);

/* An errno in words, "EBUSY (Device or resource busy)". Also for what the kernel returned > 0. */
const char *tce_errno_text(int err);

/* ---- owner.c ---- */

/* The process: what there is once. */
struct tce_process {
	const struct tce_kernel *kernel;
	struct tce_calls calls;
	struct tce_space **space; /* every open space */
	size_t spaces;
	struct tce_region **region; /* by VA */
	size_t regions;
	struct tce_region **number; /* by number; holes are NULL */
	size_t numbers;
	size_t numbered; /* there is no hole below */
};

extern struct tce_process tce_process;

/* Lock, and check that this process is the owner: 0, -EPERM, -EEXIST or -ENOMEM, unlocked then. */
int tce_enter(void);

/* Unlock, report a failure; returns ret. */
int tce_leave(int ret);

/* Put another kernel behind the library, for tests: before the first control call. */
void tce_use_kernel(const struct tce_kernel *kernel);

/* Append to, or take out of, an array of pointers. -ENOMEM leaves it alone. */
int tce_array_insert(void ***array, size_t *n, size_t at, void *item);
void tce_array_remove(void **array, size_t *n, size_t at);

/* ---- epoch.c ---- */

/* May this thread wait for readers, for @call? -EDEADLK: it is one itself. [any] */
int tce_check_waiting(const char *call);

/* Now, on the clock of deadlines: nanoseconds. */
int64_t tce_now(void);

/* Wait for every reader that has begun. False: one is left at the deadline. */
bool tce_synchronize_until(int64_t deadline);

static inline void tce_synchronize(void)
{
	(void)tce_synchronize_until(INT64_MAX);
}

/* ---- region.c ---- */

/* A space that has a region registered in its container. */
struct tce_use {
	struct tce_space *space;
	uint64_t live;	  /* its TCEs that point into the region: a cache of its tables */
	uint64_t counted; /* live, as an audit finds it */
	bool fresh;	  /* registered by the call under way, which undoes it if it fails */
};

/* A part of a region that was discarded. */
struct tce_extent {
	uintptr_t va;
	size_t len;
};

struct tce_region {
	uintptr_t va;
	size_t len;
	size_t page;	 /* largest I/O page that can map it */
	unsigned number; /* what table entries call it */
	unsigned users;
	bool automatic;
	bool quarantined;
	bool leaving; /* in quarantine, and the space that is being closed was the last to have it
		       */
	bool ending;  /* lost a part: ends with its last TCE */
	bool fresh;   /* made by the call under way, which undoes it if it fails */
	const struct tce_driver **driver; /* who is asked before it is evicted */
	size_t drivers;
	struct tce_use *use;
	size_t uses;
	bool all_dead;		 /* there was no memory to note which part is */
	struct tce_extent *dead; /* by VA, merged */
	size_t deads;
};

/* The region that holds an address, or NULL. */
struct tce_region *tce_region_at(uintptr_t va);

/* The first region that ends behind an address, as an index into the process's array. */
size_t tce_region_index(uintptr_t va);

/* The region a table entry points into. */
struct tce_region *tce_region_of(const struct tce_window *w, uint64_t entry);

/* Is this a range of whole system pages, for @call? -EINVAL. */
int tce_check_range(const char *call, uintptr_t va, size_t len);

int tce_region_add(uintptr_t va, size_t len, size_t page, struct tce_region **region);

/* Register (va, len) for a user, or with none for tce_dma_map(). */
int tce_region_register(uintptr_t va, size_t len, size_t page, bool automatic);

/* Forget a region that nothing has registered any more. */
void tce_region_drop(struct tce_region *r);

/* TCEs of all spaces that point into it. */
uint64_t tce_region_live(const struct tce_region *r);

/* Is any of (va, len) dead? */
bool tce_region_is_dead(const struct tce_region *r, uintptr_t va, size_t len);

/* Unregister everywhere and forget; on -EIO it stays, quarantined. Only without TCEs. */
int tce_region_end(struct tce_region *r);

/* ---- enroll.c: a region and a container ---- */

struct tce_use *tce_use_of(struct tce_region *r, const struct tce_space *space);

/* Register with the space's container, a fresh use then; 0 also when it is registered already. */
int tce_enroll(struct tce_space *space, struct tce_region *r);

/* The reverse; no TCE of the space points into it. -EIO: quarantined. */
int tce_unenroll(struct tce_space *space, struct tce_region *r);

/* Bytes of the regions that are locked, if this process has any. Not under the lock. */
uint64_t tce_locked_by_regions(void);

/* Put a region into quarantine, or say that it is there: -EIO with the sentence. */
int tce_quarantine(struct tce_region *r, const char *why);

/* Is there memlock for so many more bytes? -ENOMEM with the number. */
int tce_lock_check(uint64_t bytes, const char *what);

/* ---- quarantine.c: what leaves with a space ---- */

/* Bytes of the regions that the space's end may free. */
uint64_t tce_quarantine_leaving(void);

/* It has ended: were they seen to be free, or is it not known? */
void tce_quarantine_left(bool free);

/* ---- walk.c ---- */

/* What is called for each stretch of a region's TCEs; anything but 0 ends the walk. */
typedef int tce_stretch_fn(struct tce_space *space, struct tce_window *w,
			   const struct tce_stretch *s, void *arg);

/* Walk all TCEs that point into [va, last] of a region, in every space. */
int tce_walk(struct tce_region *r, uintptr_t va, uintptr_t last, tce_stretch_fn *fn, void *arg);

/* ---- plan.c [any] ---- */

/* Memlock of a window's table: the hardware's, and on bare metal the kernel's view of it too. */
uint64_t tce_plan_locked(const struct tce_facts *facts, uint64_t page, uint64_t size,
			 uint32_t levels);

/* Can the slot have windows made for it at all? */
bool tce_plan_has_ddw(const struct tce_facts *facts);

/* Does the kernel split a window's table into so many levels? */
bool tce_plan_levels_fit(const struct tce_facts *facts, uint64_t page, uint64_t size,
			 uint32_t levels);

bool tce_plan_is_pseries(const struct tce_facts *facts);

/* ---- space.c, window.c ---- */

enum { TCE_WINDOWS_MAX = 8 };

/* A device of the space, by name; fd is -1 until it is borrowed. */
struct tce_device {
	char name[KERNEL_NAME_MAX];
	int fd;
	bool opened; /* by tce_space_open(): a second open of it is refused */
};

struct tce_space {
	int group;
	int group_fd;
	int container_fd;
	int given_group_fd; /* the originals of an adopted space, for a forked child to close; or -1
			     */
	int given_container_fd;
	bool adopted; /* and the adopter's use is not closed yet */
	bool pending; /* the kernel may have still to make the default window: no MAP or CREATE
		       * has succeeded yet */
	unsigned users;
	uint64_t highest;
	struct tce_facts facts;
	/* Read without the lock; a window keeps its slot for life, and slots may be NULL. */
	struct tce_window *_Atomic window[TCE_WINDOWS_MAX];
	/* Slots that have ever had a window: it grows before the slot is filled. */
	_Atomic unsigned slots;
	/*
	 * The window in which translation looks first. It is chosen before the space is handed out,
	 * and changes only to tce_no_window, so that a reader needs no order to see what is in it.
	 */
	const struct tce_window *_Atomic guess;
	struct tce_dir dir;
	_Atomic uint64_t leads; /* how often memory was led elsewhere: see tce_iova_by_hint() */
	struct tce_device *device;
	size_t devices;
};

/* A slot, for who changes it. */
static inline struct tce_window *tce_window_peek(const struct tce_space *space, unsigned slot)
{
	return atomic_load_explicit(&space->window[slot], memory_order_relaxed);
}

/* For each window of a space, in the order of slots: the default one first. */
#define TCE_FOR_EACH_WINDOW(w, space)                                                              \
	for (unsigned w##_slot = 0; w##_slot < TCE_WINDOWS_MAX; w##_slot++)                        \
		if (((w) = tce_window_peek(space, w##_slot)))

/* The window that holds an IOVA, or NULL. [any] */
static inline struct tce_window *tce_window_at(const struct tce_space *space, uint64_t iova)
{
	/* Relaxed: whoever has been told of an IOVA was told of its window's slot, too. */
	unsigned slots = atomic_load_explicit(&space->slots, memory_order_relaxed);

	for (unsigned i = 0; i < slots; i++) {
		/* Pairs with the release store of set_slot(). */
		struct tce_window *w =
			atomic_load_explicit(&space->window[i], memory_order_acquire);
		if (w && iova - w->start < w->size)
			return w;
	}
	return NULL;
}

/* A window of no IOVA, whose only entry is free. */
extern const struct tce_window tce_no_window;

int tce_windows_default(struct tce_space *space);

/*
 * Memlock that the default window may still take, in bytes: the kernel makes it with the first MAP
 * or CREATE (tce_iommu_create_default_window() of vfio_iommu_spapr_tce.c). 0: that is behind us.
 */
uint64_t tce_windows_pending(const struct tce_space *space);
int tce_windows_plan(struct tce_space *space, const struct tce_need *need);

/* The windows are there: choose the one in which translation looks first. */
void tce_windows_guess(struct tce_space *space);
int tce_windows_close(struct tce_space *space);

/* What a space is opened for, every default filled in. */
int tce_need_fill(const struct tce_space_options *opts, struct tce_need *need);

/* ---- device.c: the questions that open and check both ask [any] ---- */

int tce_ask_driver(const char *device);
int tce_ask_siblings(int group);
int tce_ask_container(int *fd);
int tce_ask_group(int group, int *fd);
int tce_ask_attach(int group, int group_fd, int container_fd);
int tce_ask_facts(int container_fd, struct tce_facts *facts);

/* ---- translate.c [any] ---- */

/* tce_iova() where the guess fails: another window, memory that lies otherwise, or none. */
int tce_iova_by_hint(const struct tce_space *space, uint64_t va, size_t want, tce_iova_t *iova,
		     size_t *len);

/* ---- map.c ---- */

int tce_map_locked(struct tce_space *space, uintptr_t va, size_t len,
		   const struct tce_map_options *opts, tce_iova_t *iova);

/* Clear valid TCEs of one window and count them off; regions that end by that, end. */
int tce_unmap_entries(struct tce_space *space, struct tce_window *w, size_t at, size_t n,
		      bool end_automatic);

/* The same for TCEs that are unpublished already, and that no reader sees any more. */
int tce_clear_entries(struct tce_space *space, struct tce_window *w, size_t at, size_t n,
		      bool end_automatic);

/* Let look-ups find the TCEs of a stretch by the addresses behind them. */
void tce_lead_back(struct tce_space *space, const struct tce_window *w,
		   const struct tce_stretch *s);

int tce_unmap_locked(struct tce_space *space, tce_iova_t iova, uint64_t len, bool end_automatic);

#endif
