/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "internal.h"

#define MID_SIZE (1ull << TCE_DIR_MID_SHIFT)
#define LOW_SIZE (1ull << TCE_DIR_LOW_SHIFT)

typedef _Atomic uint64_t slot_t;

/* Everything here but tce_dir_slot() is for who changes the directory, under the process lock. */
static uint64_t peek(const slot_t *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed);
}

/* Pairs with tce_dir_slot(): a node is whole before it is seen, a TCE valid before its hint. */
static void publish(slot_t *slot, uint64_t to)
{
	atomic_store_explicit(slot, to, memory_order_release);
}

int tce_dir_init(struct tce_dir *dir)
{
	return tce_lazy_init(&dir->top, 1ull << (TCE_VA_BITS - TCE_DIR_TOP_SHIFT),
			     "the directory of a space");
}

static slot_t *node_of(uint64_t slot)
{
	return (slot_t *)(uintptr_t)(slot & ~TCE_HINT_NODE);
}

static void free_mid(slot_t *mid)
{
	for (unsigned i = 0; i < TCE_DIR_MID_SLOTS; i++)
		if (peek(&mid[i]) & TCE_HINT_NODE)
			free((void *)node_of(peek(&mid[i])));
	free((void *)mid);
}

void tce_dir_end(struct tce_dir *dir)
{
	if (!dir->top.word)
		return;
	for (size_t page = 0; page < dir->top.pages; page++) {
		size_t first = page * dir->top.page_words;

		if (!(dir->top.open[page / 8] & (1u << page % 8)))
			continue;
		for (size_t i = first; i < first + dir->top.page_words && i < dir->top.words; i++)
			if (peek(&dir->top.word[i]))
				free_mid(node_of(peek(&dir->top.word[i])));
	}
	tce_lazy_end(&dir->top);
}

/* A node that says of every part of a 2 MiB what the slot above said of the whole. */
static slot_t *new_low(uint64_t above)
{
	slot_t *low = calloc(TCE_DIR_LOW_SLOTS, sizeof(*low));

	if (low && above)
		for (unsigned i = 0; i < TCE_DIR_LOW_SLOTS; i++)
			atomic_init(&low[i], above + i * LOW_SIZE);
	return low;
}

/* The middle slot of a VA, whose node must be there. */
static slot_t *mid_slot(const struct tce_dir *dir, uint64_t va)
{
	slot_t *mid = node_of(peek(&dir->top.word[va >> TCE_DIR_TOP_SHIFT]));

	return mid + (va >> TCE_DIR_MID_SHIFT & (TCE_DIR_MID_SLOTS - 1));
}

/* Does [va, last] cover the 2 MiB around va? */
static bool covers_mid(uint64_t va, uint64_t last)
{
	return va % MID_SIZE == 0 && last - va >= MID_SIZE - 1;
}

static int prepare_mid(struct tce_dir *dir, uint64_t va, bool whole, tce_dir_true_fn *is_true,
		       const void *arg)
{
	slot_t *top = &dir->top.word[va >> TCE_DIR_TOP_SHIFT], *slot, *low;
	uint64_t old;

	if (!peek(top)) {
		slot_t *mid = calloc(TCE_DIR_MID_SLOTS, sizeof(*mid));

		if (!mid)
			return tce_fail(-ENOMEM, "no memory for the directory of a space");
		publish(top, (uint64_t)(uintptr_t)mid);
	}
	slot = mid_slot(dir, va);
	old = peek(slot);
	if (old & TCE_HINT_NODE)
		return 0;
	if (whole && (!(old & TCE_HINT_IOVA) ||
		      !is_true(arg, va & ~(MID_SIZE - 1), MID_SIZE, old & ~TCE_HINT_BITS)))
		return 0;
	low = new_low(old);
	if (!low)
		return tce_fail(-ENOMEM, "no memory for the directory of a space");
	publish(slot, (uint64_t)(uintptr_t)low | TCE_HINT_NODE);
	return 0;
}

int tce_dir_prepare(struct tce_dir *dir, uint64_t va, uint64_t len, tce_dir_true_fn *is_true,
		    const void *arg)
{
	uint64_t last = tce_last(va, len);
	int ret;

	if (last >> TCE_VA_BITS)
		return tce_fail(-EINVAL,
				"VA %#llx is above %u bits, more than any POWER kernel has",
				(unsigned long long)last, TCE_VA_BITS);
	ret = tce_lazy_open(&dir->top, va >> TCE_DIR_TOP_SHIFT,
			    (last >> TCE_DIR_TOP_SHIFT) - (va >> TCE_DIR_TOP_SHIFT) + 1);
	while (!ret && va <= last) {
		ret = prepare_mid(dir, va, covers_mid(va, last), is_true, arg);
		va = (va & ~(MID_SIZE - 1)) + MID_SIZE;
	}
	return ret;
}

static void set_low(slot_t *slot, uint64_t va, uint64_t iova, tce_dir_true_fn *is_true,
		    const void *arg)
{
	uint64_t old = peek(slot), was = old & ~TCE_HINT_BITS, to = iova | TCE_HINT_IOVA;

	if (was == iova)
		to |= old & TCE_HINT_ALIAS;
	else if ((old & TCE_HINT_IOVA) && is_true(arg, va, LOW_SIZE, was))
		to |= TCE_HINT_ALIAS;
	publish(slot, to);
}

void tce_dir_set(struct tce_dir *dir, uint64_t va, uint64_t len, uint64_t iova,
		 tce_dir_true_fn *is_true, const void *arg)
{
	uint64_t end = va + len;

	while (va < end) {
		slot_t *slot = mid_slot(dir, va), *low;
		uint64_t next = (va & ~(MID_SIZE - 1)) + MID_SIZE;

		if (!(peek(slot) & TCE_HINT_NODE)) {
			/* The whole 2 MiB, and mapped nowhere else: see tce_dir_prepare(). */
			publish(slot, iova | TCE_HINT_IOVA);
			iova += next - va;
			va = next;
			continue;
		}
		low = node_of(peek(slot));
		for (; va < next && va < end; va += LOW_SIZE, iova += LOW_SIZE)
			set_low(&low[va >> TCE_DIR_LOW_SHIFT & (TCE_DIR_LOW_SLOTS - 1)], va, iova,
				is_true, arg);
	}
}

bool tce_dir_aliased(const struct tce_dir *dir, uint64_t va, uint64_t len)
{
	uint64_t end = va + len;

	while (va < end) {
		unsigned shift;
		uint64_t slot = tce_dir_slot(dir, va, &shift);

		if (slot & TCE_HINT_ALIAS)
			return true;
		va = (va >> shift << shift) + (1ull << shift);
	}
	return false;
}
