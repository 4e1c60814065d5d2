/* SPDX-License-Identifier: BSD-3-Clause */
/* The spaces that take part, and memory mapped in all of them. */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>

#include <rte_memory.h>

#include <tce/tce.h>

struct member *members;
bool members_registered;
bool members_laid_out;

/* The kernel offers 2 windows for each group; a platform with more than this is not known. */
#define MAX_WINDOWS 8
/* Places that are tried for a run, each behind the one before. */
#define DODGES 64

int members_window(const struct member *member, size_t page, struct tce_window_info *window)
{
	struct tce_window_info list[MAX_WINDOWS];
	const struct tce_window_info *home;
	size_t n = MAX_WINDOWS;
	int err = tce_window_list(member->is.space, list, &n);

	if (err)
		return eal_fail(err, "%s", tce_error());
	home = range_home(list, n < MAX_WINDOWS ? n : MAX_WINDOWS, page);
	if (!home)
		return eal_fail(-ENOSPC,
				"%s has no window whose I/O page fits EAL's pages of %zu bytes: "
				"use larger hugepages, or give page=%zu",
				member->is.name, page, page);
	*window = *home;
	return 0;
}

static int narrow(const struct member *member, size_t page, struct range *range,
		  const struct member *first)
{
	struct tce_window_info window;
	struct tce_space_info info;
	struct range mine;
	int err = members_window(member, page, &window);

	if (!err && tce_space_info(member->is.space, &info))
		err = eal_fail(-EIO, "%s", tce_error());
	if (err)
		return err;
	mine = range_usable(&window, page);
	if (info.highest < mine.last)
		mine.last = info.highest;
	if (range_both(range, &mine, range))
		return 0;
	return eal_fail(-ERANGE,
			"the windows of %s (0x%" PRIx64 " to 0x%" PRIx64 ") and of %s (0x%" PRIx64
			" to 0x%" PRIx64 ") share no range: EAL's memory has one IOVA for all "
			"devices, so these two cannot serve one process",
			member->is.name, mine.first, mine.last, first->is.name, range->first,
			range->last);
}

int members_range(const struct member *extra, size_t page, struct range *range)
{
	struct range common = {0, UINT64_MAX};
	const struct member *first = NULL;
	int err = 0;

	for (const struct member *m = members; m && !err; m = m->next) {
		if (m->is.translates)
			continue;
		first = first ? first : m;
		err = narrow(m, page, &common, first);
	}
	first = first ? first : extra;
	if (extra && !err)
		err = narrow(extra, page, &common, first);
	if (!err)
		*range = common;
	return err;
}

/*
 * Memory of a driver that translates from addresses: where it can be, at IOVAs that lie to each
 * other as the addresses do, so that one addition translates most of it. Not at 0, which devices
 * skip.
 */
static int map_anywhere(struct member *member, const struct run *run)
{
	struct tce_map_options opts = {.lowest = run->page};
	tce_iova_t iova = (uintptr_t)run->va + member->delta;
	int err;

	if (member->placed && !tce_map(member->is.space, run->va, run->len, &opts, &iova))
		return 0;
	iova = TCE_IOVA_ANY;
	err = tce_map(member->is.space, run->va, run->len, &opts, &iova);
	if (err)
		return err;
	if (!member->placed)
		member->delta = iova - (uintptr_t)run->va;
	member->placed = true;
	return 0;
}

static int map_at(const struct member *member, struct run *run, uint64_t lowest)
{
	tce_iova_t iova = run->iova == RUN_ANY ? TCE_IOVA_ANY : run->iova;
	struct tce_map_options opts = {0};
	struct range range;
	int err = 0;

	if (run->iova == RUN_ANY) {
		err = members_range(member, run->page, &range);
		if (err)
			return err;
		opts.lowest = range.first > lowest ? range.first : lowest;
		opts.highest = range.last;
	}
	err = tce_map(member->is.space, run->va, run->len, &opts, &iova);
	if (err)
		return eal_fail(err, "%s: %s", member->is.name, tce_error());
	run->iova = iova;
	return 0;
}

static int map_one(struct member *member, struct run *run, uint64_t lowest)
{
	int err;

	if (!member->is.translates)
		return map_at(member, run, lowest);
	err = map_anywhere(member, run);
	return err ? eal_fail(err, "%s: %s", member->is.name, tce_error()) : 0;
}

int members_map_one(struct member *member, struct run *run)
{
	return map_one(member, run, 0);
}

void members_unmap_one(const struct member *member, const struct run *run)
{
	tce_iova_t iova = run->iova;

	if (!member->is.translates || !tce_iova(member->is.space, run->va, 1, &iova, NULL))
		tce_unmap(member->is.space, iova, run->len);
}

/* Where nothing is chosen yet, not below @lowest. All or none; @run has what was chosen. */
static int map_in_all(struct run *run, uint64_t lowest)
{
	for (struct member *m = members; m; m = m->next) {
		int err = map_one(m, run, lowest);

		for (const struct member *u = members; err && u != m; u = u->next)
			members_unmap_one(u, run);
		if (err)
			return err;
	}
	return 0;
}

int members_map(struct run *run)
{
	struct run mapped = *run;
	int err = map_in_all(&mapped, 0);

	/* What one space has free, another one may have given to memory that it has alone. */
	for (int i = 0; err == -EEXIST && run->iova == RUN_ANY && i < DODGES; i++) {
		uint64_t behind = mapped.iova + mapped.len;

		mapped = *run;
		err = map_in_all(&mapped, behind);
	}
	if (!err)
		run->iova = mapped.iova;
	return err;
}

static void release_part(const struct run *run, size_t len)
{
	size_t piece = run_piece(run);

	for (size_t done = 0; done < len; done += piece)
		tce_release(run->va + done, piece, NULL, NULL);
}

/* Where memory was in quarantine at this address, it may have come free meanwhile. */
static int register_piece(void *va, size_t len, size_t page)
{
	int err = tce_register(va, len, page);

	if (err == -EEXIST && !tce_reclaim(va, len))
		err = tce_register(va, len, page);
	return err ? eal_fail(err, "%s", tce_error()) : 0;
}

int members_register(const struct run *run)
{
	size_t piece = run_piece(run);

	for (size_t done = 0; done < run->len; done += piece) {
		int err = register_piece(run->va + done, piece, run->page);

		if (err) {
			release_part(run, done);
			return err;
		}
	}
	return 0;
}

void members_release(const struct run *run)
{
	release_part(run, run->len);
}

/* Whether a TCE of a member's space still points into this memory. */
static bool is_reached(const struct member *member, const char *addr, size_t len)
{
	size_t one;

	for (size_t done = 0; done < len; done += one) {
		const struct rte_memseg_list *list = rte_mem_virt2memseg_list(addr + done);
		tce_iova_t iova;

		if (!tce_iova(member->is.space, addr + done, 1, &iova, NULL))
			return true;
		one = list ? list->page_sz : len;
	}
	return false;
}

static bool stop_those_that_reach(const char *addr, size_t len)
{
	bool any = false;

	for (const struct member *m = members; m; m = m->next) {
		if (!is_reached(m, addr, len))
			continue;
		any = true;
		m->is.stop(m->is.arg);
	}
	return any;
}

static void stop_after(const char *addr, size_t len)
{
	if (!stop_those_that_reach(addr, len)) {
		/* Memory whose map failed: that was reported, and no device was given it. */
		if (!segments_mapped(addr, len))
			return;
		/* No TCE is left, and the kernel keeps the memory. For whom is not known. */
		for (const struct member *m = members; m; m = m->next)
			m->is.stop(m->is.arg);
	}
	events_report(tce_error());
}

void members_discard(const void *addr, size_t len)
{
	union {
		const void *fixed;
		void *open;
	} va = {.fixed = addr};

	/* EAL's events show memory as constant; nothing here writes to it. */
	if (tce_discard(va.open, len))
		stop_after(addr, len);
	for (const struct member *m = members; m; m = m->next)
		if (m->is.gone)
			m->is.gone(m->is.arg, addr, len);
}
