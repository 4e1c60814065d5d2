/* SPDX-License-Identifier: BSD-3-Clause */
/* A window and its table: one life. create() begins both, remove_window() ends both. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define P tce_process

typedef unsigned long long ull;

static unsigned count_windows(const struct tce_space *space)
{
	const struct tce_window *w;
	unsigned n = 0;

	TCE_FOR_EACH_WINDOW(w, space)
	n++;
	return n;
}

static void set_slot(struct tce_space *space, const struct tce_window *from, struct tce_window *to)
{
	unsigned i = 0;

	while (tce_window_peek(space, i) != from)
		i++;
	if (i >= atomic_load_explicit(&space->slots, memory_order_relaxed))
		atomic_store_explicit(&space->slots, i + 1, memory_order_relaxed);
	/* Pairs with tce_window_at(). */
	atomic_store_explicit(&space->window[i], to, memory_order_release);
}

/* A window's table, before the kernel is asked: what can fail without it fails first. */
static int new_window(uint64_t size, uint64_t page, struct tce_window **window)
{
	struct tce_window *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return tce_fail(-ENOMEM, "no memory to describe a window");
	ret = tce_table_init(w, size, tce_log2(page));
	if (ret)
		free(w);
	else
		*window = w;
	return ret;
}

/* The kernel has the window: readers may. */
static void put_window(struct tce_space *space, struct tce_window *w, uint64_t start)
{
	const struct tce_facts *f = &space->facts;

	w->start = start;
	/* 32-bit MMIO and MSI of bare metal: the kernel keeps them free in its own windows only. */
	if (f->default_size && !w->is_default)
		tce_table_exclude(w, f->default_start + f->default_size, UINT32_MAX);
	set_slot(space, NULL, w);
}

static void end_window(struct tce_window *w)
{
	tce_table_end(w);
	free(w);
}

static void take_window(struct tce_space *space, struct tce_window *w)
{
	if (atomic_load_explicit(&space->guess, memory_order_relaxed) == w)
		atomic_store_explicit(&space->guess, &tce_no_window, memory_order_relaxed);
	set_slot(space, w, NULL);
	tce_synchronize();
	end_window(w);
}

static _Atomic uint64_t no_entry;
const struct tce_window tce_no_window = {.entry = &no_entry, .telling = TCE_ENTRY_VALID};

void tce_windows_guess(struct tce_space *space)
{
	const struct tce_window *w, *guess = &tce_no_window;

	/* Most memory is where the largest I/O page is. */
	TCE_FOR_EACH_WINDOW(w, space)
	if (w->shift > guess->shift)
		guess = w;
	atomic_store_explicit(&space->guess, guess, memory_order_relaxed);
}

int tce_windows_default(struct tce_space *space)
{
	struct tce_window *w = NULL;
	int ret;

	if (!space->facts.default_size)
		return 0;
	/* IOMMU_PAGE_SIZE_4K: the default window's, on every platform. */
	ret = new_window(space->facts.default_size, 4096, &w);
	if (ret)
		return ret;
	w->is_default = true;
	w->levels = 1;
	put_window(space, w, space->facts.default_start);
	space->pending = true;
	return 0;
}

uint64_t tce_windows_pending(const struct tce_space *space)
{
	return space->pending ? tce_plan_locked(&space->facts, 4096, space->facts.default_size, 1)
			      : 0;
}

/* So much less memory that its plan needs no window as large; 0: there is no such plan. */
static uint64_t less_memory(const struct tce_space *space, const struct tce_need *need,
			    uint64_t size)
{
	struct tce_need less = *need;
	struct tce_plan plan;

	for (less.mem = size / 2; less.mem >= size / 4; less.mem /= 2)
		if (!tce_plan(&space->facts, &less, &plan) && plan.size < size)
			return less.mem;
	return 0;
}

static int create_refused(const struct tce_space *space, const struct tce_need *need, int ret,
			  uint64_t page, uint64_t size, uint32_t levels)
{
	uint64_t less = need ? less_memory(space, need, size) : 0;
	char words[128], memory[64] = "";

	snprintf(words, sizeof(words), "%s", tce_errno_text(ret));
	if (ret == -ENODEV)
		return tce_fail(
			-EIO,
			"the platform refused a window of %s (%s): it has given out this slot's "
			"window, or an earlier failure has lost it until the machine reboots; use "
			"the default window (page=4K, and mem= at most its size), or reboot",
			tce_bytes(size), words);
	if (less)
		snprintf(memory, sizeof(memory), "less memory (mem=%llu) or ", (ull)less);
	return tce_fail(
		ret == -ENOMEM ? -ENOMEM : -EIO,
		"the platform refused a window of %s in I/O pages of %s, %u levels (%s); pass %s%s "
		"pages (page=)",
		tce_bytes(size), tce_bytes(page), levels, words, memory,
		ret == -ENOMEM ? "larger" : "other");
}

/* @need: what it was planned for, if it was. */
static int create(struct tce_space *space, const struct tce_need *need, uint64_t page,
		  uint64_t size, uint32_t levels, struct tce_window **window)
{
	struct tce_window *w = NULL;
	uint64_t start;
	int ret = tce_lock_check(tce_plan_locked(&space->facts, page, size, levels) +
					 tce_windows_pending(space),
				 "the table of this window");

	if (!ret)
		ret = new_window(size, page, &w);
	if (ret)
		return ret;
	P.calls.create++;
	ret = P.kernel->window_create(space->container_fd, page, size, levels, &start);
	if (ret) {
		end_window(w);
		return create_refused(space, need, ret, page, size, levels);
	}
	space->pending = false;
	w->levels = levels;
	put_window(space, w, start);
	*window = w;
	return 0;
}

static int remove_window(struct tce_space *space, struct tce_window *w)
{
	uint64_t start = w->start;
	int ret;

	P.calls.remove++;
	ret = P.kernel->window_remove(space->container_fd, start);
	if (ret)
		return tce_fail(-EIO, "the kernel refused to remove the window at %#llx: %s",
				(ull)start, tce_errno_text(ret));
	if (w->is_default)
		space->pending = false;
	take_window(space, w);
	return 0;
}

int tce_windows_plan(struct tce_space *space, const struct tce_need *need)
{
	struct tce_window *w;
	struct tce_plan plan;
	int ret = tce_plan(&space->facts, need, &plan);

	if (ret || !plan.create)
		return ret;
	/* The default one is the only one yet. */
	if (plan.remove_default && space->facts.default_size)
		ret = remove_window(space, tce_window_peek(space, 0));
	if (ret)
		return ret;
	ret = create(space, need, plan.page, plan.size, plan.levels, &w);
	if (ret)
		return ret;
	w->promised = (need->mem + plan.page - 1) / plan.page;
	return tce_plan_verify(need, w->start, w->size);
}

int tce_windows_close(struct tce_space *space)
{
	bool leaving = tce_quarantine_leaving();
	struct tce_window *w;
	int result = 0;

	TCE_FOR_EACH_WINDOW(w, space)
	{
		/* The default one ends with the container; but its table is locked memory, too. */
		int ret = w->is_default && !leaving ? 0 : remove_window(space, w);

		if (tce_window_peek(space, w_slot))
			take_window(space, w);
		result = result ? result : ret;
	}
	return result;
}

static struct tce_window *find_start(const struct tce_space *space, tce_iova_t start)
{
	struct tce_window *w = tce_window_at(space, start);

	return w && w->start == start ? w : NULL;
}

static void describe(const struct tce_window *w, struct tce_window_info *info)
{
	*info = (struct tce_window_info){
		.start = w->start,
		.size = w->size,
		.page = 1ull << w->shift,
		.levels = w->levels,
		.is_default = w->is_default,
		.hole = w->start + ((uint64_t)w->hole_first << w->shift),
		.hole_size = w->hole_first <= w->hole_last
				     ? (uint64_t)(w->hole_last - w->hole_first + 1) << w->shift
				     : 0,
		.tces = w->used,
		.largest = (uint64_t)tce_table_largest(w) << w->shift,
		.table_mem = w->lazy.opened * w->lazy.page_words * sizeof(uint64_t),
	};
}

static int check_create(const struct tce_space *space, uint64_t page, uint64_t size,
			uint32_t levels)
{
	const struct tce_facts *f = &space->facts;

	if (!tce_plan_has_ddw(f))
		return tce_fail(
			-ENOSPC,
			"create of a window: this slot has its default window only, no DDW; "
			"use that, or enable DDW for the slot");
	if (!tce_is_pow2(page) || !tce_is_pow2(size) || size < page || !(f->page_sizes & page))
		return tce_fail(-EINVAL,
				"create of a window of %#llx bytes in I/O pages of %#llx: both "
				"must be powers "
				"of two, and the page one of the platform's, a mask of %#llx",
				(ull)size, (ull)page, (ull)f->page_sizes);
	if (!tce_plan_levels_fit(f, page, size, levels))
		return tce_fail(-EINVAL,
				"create of a window of %#llx bytes in I/O pages of %#llx with %u "
				"levels: the platform has 1 to %u, and fewer for a table as small; "
				"pass 1",
				(ull)size, (ull)page, levels, f->levels);
	if (count_windows(space) >= f->max_windows || count_windows(space) == TCE_WINDOWS_MAX)
		return tce_fail(
			-ENOSPC,
			"create of a window: the platform has room for %u, and they are there; "
			"remove one first",
			f->max_windows);
	return 0;
}

int tce_window_create(struct tce_space *space, uint64_t page, uint64_t size, uint32_t levels,
		      struct tce_window_info *info)
{
	struct tce_window *w;
	int ret = tce_enter();

	if (ret)
		return ret;
	ret = check_create(space, page, size, levels);
	if (!ret)
		ret = create(space, NULL, page, size, levels, &w);
	if (!ret && info)
		describe(w, info);
	return tce_leave(ret);
}

int tce_window_remove(struct tce_space *space, tce_iova_t start)
{
	struct tce_window *w;
	int ret = tce_enter();

	if (ret)
		return ret;
	ret = tce_check_waiting("remove of a window");
	if (ret)
		return tce_leave(ret);
	w = find_start(space, start);
	if (!w)
		ret = tce_fail(-ENOENT, "remove: no window starts at %#llx", (ull)start);
	else if (w->used)
		ret = tce_fail(-EBUSY,
			       "remove of the window at %#llx: %zu TCEs of it are in use; unmap "
			       "them first",
			       (ull)start, w->used);
	else
		ret = remove_window(space, w);
	return tce_leave(ret);
}

int tce_window_list(struct tce_space *space, struct tce_window_info *info, size_t *n)
{
	const struct tce_window *w;
	uint64_t above = 0;
	size_t at = 0, room = *n;
	int ret = tce_enter();

	if (ret)
		return ret;
	/* By start: the lowest one that was not listed yet. */
	for (*n = count_windows(space); at < *n && at < room; at++) {
		const struct tce_window *next = NULL;

		TCE_FOR_EACH_WINDOW(w, space)
		if ((!at || w->start > above) && (!next || w->start < next->start))
			next = w;
		describe(next, &info[at]);
		above = next->start;
	}
	return tce_leave(0);
}
