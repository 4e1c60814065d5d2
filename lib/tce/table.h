/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A window's table: one 64-bit entry per TCE.
 *
 *   bits shift..63   the page of the VA behind the TCE
 *   bits 3..shift-1  the region's number; all ones: the VA finds the region
 *   bit 2, bit 1     the device may write, may read
 *   bit 0            valid: published to translation
 *
 * 0 is a free TCE; an entry that is neither 0 nor valid is claimed: the kernel is being asked, or
 * is being asked to clear it. One word, so that a reader sees old or new, never a mixture.
 *
 * Changes are made under the process lock: free -> claim -> publish -> unpublish -> free. The table
 * is also the truth of IOVA allocation: a free run is a run of zero entries.
 *
 * Invariants: leaf[i].used is the number of entries of leaf i that are not 0, used is their sum,
 * every leaf below full_below is full, astray is the number of those whose VA is not base + offset.
 */
#ifndef TCE_TABLE_H
#define TCE_TABLE_H

#include "lazy.h"

#define TCE_ENTRY_VALID	       1ull
#define TCE_ENTRY_ACCESS_SHIFT 1
#define TCE_ENTRY_NUMBER_SHIFT 3
#define TCE_NUMBER_BITS_MAX    20
#define TCE_NOWHERE	       (1ull << 63) /* far above every VA: see TCE_VA_BITS */

struct tce_window {
	/* What translation reads; set when the space is handed out, but for base and back. */
	uint64_t start;
	uint64_t size;
	_Atomic uint64_t *entry;
	/*
	 * The guess: a VA is likely mapped at offset (VA - base) & mask. Any multiple of the page
	 * will do as a base, since the entry says whether the guess is right; the mask keeps it
	 * inside of the window.
	 */
	_Atomic uint64_t base;
	uint64_t mask;
	/*
	 * The guess back: behind an offset is likely back + offset. That is the base, or
	 * TCE_NOWHERE if too many entries are astray: a processor predicts a guess that is never
	 * right, but not one that is right now and then.
	 */
	_Atomic uint64_t back;
	uint64_t telling; /* the bits of an entry that say whether a guess is right */
	uint64_t inside;  /* the bits of an address that lie inside of a page */
	unsigned shift;	  /* log2 of the I/O page */
	unsigned number_bits;
	size_t entries;
	size_t promised; /* entries that the space was opened for; 0: nobody said */
	struct tce_lazy lazy;
	uint16_t *leaf; /* entries in use per page of the table */
	size_t used;
	size_t astray;	   /* of these, where base + offset is not the VA */
	size_t full_below; /* a leaf index */
	size_t hole_first; /* entries never handed out: none if hole_first > hole_last */
	size_t hole_last;
	size_t kept; /* the leaf that emptied last, with its memory */
	uint32_t levels;
	bool is_default;
};

/* A stretch of entries that are alike: contiguous memory of one region. */
struct tce_stretch {
	size_t at, n;
	uint64_t va;
	uint64_t bits; /* below the page: number, access, valid */
};

/* The window's start is set when the platform has chosen it. */
int tce_table_init(struct tce_window *w, uint64_t size, unsigned shift);
void tce_table_end(struct tce_window *w);

/* Keep IOVAs first to last, inclusive, from being handed out. */
void tce_table_exclude(struct tce_window *w, uint64_t first, uint64_t last);

/* Is one of n entries in use, or never handed out? Then *busy is the last such. */
bool tce_table_busy(const struct tce_window *w, size_t at, size_t n, size_t *busy);

/* Is one of n entries never handed out? */
bool tce_table_excluded(const struct tce_window *w, size_t at, size_t n);

/*
 * The lowest free run of n entries within [low, high], inclusive, that starts at an IOVA which is a
 * multiple of align.
 */
bool tce_table_find(const struct tce_window *w, size_t n, uint64_t align, size_t low, size_t high,
		    size_t *at);

/* Entries of the largest free run. */
size_t tce_table_largest(const struct tce_window *w);

/* Make n free entries ready to be claimed: after this claiming cannot fail. */
int tce_table_open(struct tce_window *w, size_t at, size_t n);

/* What an entry below its page says. */
uint64_t tce_table_bits(const struct tce_window *w, unsigned number, unsigned access);

/*
 * The free run of n entries where the guess will find a VA: false if there is none, or if taking
 * it would leave holes that cost too much: it has to touch something in use or an end of the
 * window, or leave room in one piece for what the space was opened for.
 */
bool tce_table_guess(const struct tce_window *w, uint64_t va, size_t n, size_t *at);

/* A mapping larger than all before it is the one to be guessed right. */
void tce_table_rebase(struct tce_window *w, size_t at, size_t n, uint64_t va);

void tce_table_claim(struct tce_window *w, size_t at, size_t n, uint64_t va, uint64_t bits);
void tce_table_publish(struct tce_window *w, size_t at, size_t n);
void tce_table_unpublish(struct tce_window *w, size_t at, size_t n);
void tce_table_free(struct tce_window *w, size_t at, size_t n);

/*
 * The first stretch of entries in use at or behind at, of at most n entries from at on; false if
 * there is none.
 */
bool tce_table_next(const struct tce_window *w, size_t at, size_t n, struct tce_stretch *s);

/* Recount: true when leaf[], used, and full_below agree with the entries. */
bool tce_table_agrees(const struct tce_window *w);

/* The same of astray, when the entries are known to be right. */
bool tce_table_astray_agrees(const struct tce_window *w);

static inline uint64_t tce_entry_load(const struct tce_window *w, size_t at)
{
	/* Pairs with the release stores of tce_table_publish(). */
	return atomic_load_explicit(&w->entry[at], memory_order_acquire);
}

/* The same for who changes the table, that is under the process lock: nothing to wait for. */
static inline uint64_t tce_entry_peek(const struct tce_window *w, size_t at)
{
	return atomic_load_explicit(&w->entry[at], memory_order_relaxed);
}

/* The offset into the window at which a VA is likely mapped. */
static inline uint64_t tce_guess(const struct tce_window *w, uint64_t va)
{
	return (va - atomic_load_explicit(&w->base, memory_order_relaxed)) & w->mask;
}

/* Does an entry say that this VA, whose offset into the page was guessed right, is behind it? */
static inline bool tce_entry_is(const struct tce_window *w, uint64_t entry, uint64_t va)
{
	return !((entry ^ (va | TCE_ENTRY_VALID)) & w->telling);
}

static inline uint64_t tce_entry_va(const struct tce_window *w, uint64_t entry)
{
	return entry & ~w->inside;
}

#endif
