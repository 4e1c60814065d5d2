/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory: from a VA to the IOVA where it is likely mapped. Only a hint: whoever follows it
 * confirms it in the window's table, so that a hint may go stale when its TCEs are cleared and need
 * not be taken back. A page that is mapped has a hint that leads to one of its IOVAs.
 *
 * Three levels, flat and never searched: 1 GiB of VA, 2 MiB, 4 KiB (the smallest TCE). The last
 * exists only where a mapping does not cover a whole 2 MiB.
 */
#ifndef TCE_DIR_H
#define TCE_DIR_H

#include "lazy.h"

/* TASK_SIZE_4PB of arch/powerpc/include/asm/task_size_64.h: no POWER kernel gives more. */
#define TCE_VA_BITS	  52
#define TCE_DIR_TOP_SHIFT 30
#define TCE_DIR_MID_SHIFT 21
#define TCE_DIR_LOW_SHIFT 12
#define TCE_DIR_MID_SLOTS (1u << (TCE_DIR_TOP_SHIFT - TCE_DIR_MID_SHIFT))
#define TCE_DIR_LOW_SLOTS (1u << (TCE_DIR_MID_SHIFT - TCE_DIR_LOW_SHIFT))

/* A slot: 0, the address of a lower node with bit 0, or an IOVA of 4 KiB pages with bit 1. */
#define TCE_HINT_NODE 1ull
#define TCE_HINT_IOVA 2ull
#define TCE_HINT_ALIAS                                                                             \
	4ull /* the page has been mapped at more than one IOVA: lowest level only                  \
	      */
#define TCE_HINT_BITS 0xfffull

struct tce_dir {
	struct tce_lazy top; /* addresses of nodes of the middle level, or 0 */
};

int tce_dir_init(struct tce_dir *dir);
void tce_dir_end(struct tce_dir *dir);

/* Is any of [va, va + len) mapped at the IOVAs from iova on? Answered by who owns the tables. */
typedef bool tce_dir_true_fn(const void *arg, uint64_t va, uint64_t len, uint64_t iova);

/*
 * Make tce_dir_set() of this range unable to fail. A 2 MiB that is mapped already, in any part,
 * gets its lowest level: there each page has its own way, and none is lost when one of several
 * IOVAs goes. -ENOMEM, -EINVAL past TCE_VA_BITS.
 */
int tce_dir_prepare(struct tce_dir *dir, uint64_t va, uint64_t len, tce_dir_true_fn *is_true,
		    const void *arg);

/* Lead [va, va + len), multiples of 4 KiB, to iova. What is led elsewhere truly becomes an alias.
 */
void tce_dir_set(struct tce_dir *dir, uint64_t va, uint64_t len, uint64_t iova,
		 tce_dir_true_fn *is_true, const void *arg);

/* May any of [va, va + len) be mapped at more than one IOVA? */
bool tce_dir_aliased(const struct tce_dir *dir, uint64_t va, uint64_t len);

/* The slot behind a VA, and how many low bits of the VA add to its IOVA. Wait-free. */
static inline uint64_t tce_dir_slot(const struct tce_dir *dir, uint64_t va, unsigned *shift)
{
	const _Atomic uint64_t *node;
	uint64_t slot;

	*shift = TCE_DIR_TOP_SHIFT;
	if (va >> TCE_VA_BITS)
		return 0;
	/* Acquire: pairs with publish() of dir.c. */
	slot = atomic_load_explicit(&dir->top.word[va >> TCE_DIR_TOP_SHIFT], memory_order_acquire);
	if (!slot)
		return 0;
	node = (const _Atomic uint64_t *)(uintptr_t)slot;
	slot = atomic_load_explicit(&node[va >> TCE_DIR_MID_SHIFT & (TCE_DIR_MID_SLOTS - 1)],
				    memory_order_acquire);
	*shift = TCE_DIR_MID_SHIFT;
	if (!(slot & TCE_HINT_NODE))
		return slot;
	node = (const _Atomic uint64_t *)(uintptr_t)(slot & ~TCE_HINT_NODE);
	*shift = TCE_DIR_LOW_SHIFT;
	return atomic_load_explicit(&node[va >> TCE_DIR_LOW_SHIFT & (TCE_DIR_LOW_SLOTS - 1)],
				    memory_order_acquire);
}

/* The IOVA where a VA is likely mapped; false where it surely is not. Wait-free. */
static inline bool tce_dir_hint(const struct tce_dir *dir, uint64_t va, uint64_t *iova)
{
	unsigned shift;
	uint64_t slot = tce_dir_slot(dir, va, &shift);

	if (!(slot & TCE_HINT_IOVA))
		return false;
	*iova = (slot & ~TCE_HINT_BITS) + (va & ((1ull << shift) - 1));
	return true;
}

#endif
