/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan of a space's windows: arithmetic on facts, no question to anybody. */
#include "internal.h"

typedef unsigned long long ull;

/* Fewer TCEs PowerVM is reported to refuse. */
#define TCES_MIN 32768ull
/* Largest contiguous allocation that a level of a table may ask of the kernel. */
#define LEVEL_SHIFT_MAX 20
/* Both platforms put a window made beside the default one here: pnv_pci_ioda2_setup_dma_pe(),
 * ddw's find in pseries/iommu.c. Where it is elsewhere, tce_plan_verify() judges. */
#define USUAL_START (1ull << 59)
#define BELOW_4G    0xffffffffull
/* The default window's I/O page, IOMMU_PAGE_SIZE_4K, on every platform. */
#define DEFAULT_PAGE 4096

static uint64_t pow2_up(uint64_t n)
{
	return tce_is_pow2(n) ? n : 2ull << tce_log2(n);
}

static uint64_t default_last(const struct tce_facts *f)
{
	return f->default_size ? tce_last(f->default_start, f->default_size) : 0;
}

/* Bytes of the default window that the device reaches. */
static uint64_t default_room(const struct tce_facts *f, const struct tce_need *need)
{
	uint64_t last = default_last(f);

	if (!f->default_size || need->highest < f->default_start)
		return 0;
	if (last > need->highest)
		last = need->highest;
	return last - f->default_start + 1;
}

/*
 * Can windows be made at all? On a pseries slot without DDW the kernel says so by no levels, and
 * gives the number of windows as -1.
 */
bool tce_plan_has_ddw(const struct tce_facts *f)
{
	return f->levels && f->page_sizes && f->max_windows && f->max_windows != UINT32_MAX;
}

/* Is this a pseries slot? Tables of more than one level are bare metal's. */
static bool is_pseries(const struct tce_facts *f)
{
	return f->levels <= 1;
}

bool tce_plan_is_pseries(const struct tce_facts *f)
{
	return is_pseries(f);
}

/* The largest I/O page that a created window can have for this memory; 0 if none. */
static uint64_t best_page(const struct tce_facts *f, const struct tce_need *need)
{
	uint64_t mask = f->page_sizes & ((need->page << 1) - 1);

	/*
	 * On pseries the kernel always reports 4 KiB, for the default window's sake, whether or not
	 * the hypervisor makes such windows: to ask in vain loses the slot until reboot.
	 */
	if (is_pseries(f))
		mask &= ~(uint64_t)DEFAULT_PAGE;
	if (need->tce_page)
		mask &= need->tce_page;
	return mask ? 1ull << tce_log2(mask) : 0;
}

/* log2 of the bytes of each part of a table with so many levels. */
static unsigned level_shift(const struct tce_facts *f, uint64_t page, uint64_t size,
			    uint32_t levels)
{
	unsigned tces_shift = tce_log2(size / page), page_shift = tce_log2(f->system_page);
	unsigned shift = (tces_shift + levels - 1) / levels + 3;

	return shift < page_shift ? page_shift : shift;
}

bool tce_plan_levels_fit(const struct tce_facts *f, uint64_t page, uint64_t size, uint32_t levels)
{
	if (is_pseries(f))
		return levels == 1;
	/* As pnv_pci_ioda2_table_alloc_pages() of powernv/pci-ioda-tce.c judges them. */
	return levels && levels <= f->levels &&
	       (level_shift(f, page, size, levels) - 3) * levels + tce_log2(page) < 55;
}

/* The fewest levels whose tables stay small; 0 if the platform has not as many. */
static uint32_t best_levels(const struct tce_facts *f, uint64_t page, uint64_t size)
{
	uint32_t levels = 1;

	if (is_pseries(f))
		return 1;
	while (levels <= f->levels && (level_shift(f, page, size, levels) > LEVEL_SHIFT_MAX ||
				       !tce_plan_levels_fit(f, page, size, levels)))
		levels++;
	return levels <= f->levels ? levels : 0;
}

uint64_t tce_plan_locked(const struct tce_facts *f, uint64_t page, uint64_t size, uint32_t levels)
{
	uint64_t table = size / page * 8, part, bytes = 0;

	if (is_pseries(f))
		return table < f->system_page ? f->system_page : table;
	/* As pnv_pci_ioda2_get_table_size() of powernv/pci-ioda.c adds them up. */
	part = 1ull << level_shift(f, page, size, levels);
	for (; levels; levels--) {
		table = (table + part - 1) / part * part;
		bytes += table;
		table = table / part * 8;
	}
	return 2 * bytes;
}

static int check_need(const struct tce_need *need)
{
	if (!need->mem)
		return tce_fail(-EINVAL, "plan: no memory is to be mapped; give its size (mem=)");
	if (need->mem > 1ull << 60 || need->identity >= 1ull << 60)
		return tce_fail(-EINVAL,
				"plan: %#llx bytes of memory, or IOVA=VA up to %#llx, are more "
				"than any window holds; give less (mem=)",
				(ull)need->mem, (ull)need->identity);
	if (!tce_is_pow2(need->page) || need->page < 4096)
		return tce_fail(-EINVAL, "plan: a page of %llu bytes is no page (page=)",
				(ull)need->page);
	if (need->tce_page && (!tce_is_pow2(need->tce_page) || need->tce_page > need->page))
		return tce_fail(-EINVAL,
				"plan: an I/O page of %llu bytes cannot map memory of %s pages",
				(ull)need->tce_page, tce_bytes(need->page));
	if (need->identity && need->identity > need->highest)
		return tce_fail(
			-EINVAL,
			"plan: IOVA=VA up to %#llx is wanted, but the device reaches %#llx only",
			(ull)need->identity, (ull)need->highest);
	return 0;
}

static int use_default(struct tce_plan *plan)
{
	*plan = (struct tce_plan){0};
	return 0;
}

static int no_ddw(const struct tce_facts *f, const struct tce_need *need)
{
	return tce_fail(
		-ENOSPC,
		"this platform makes no windows for the device (no DDW), and of its default window "
		"the device reaches %s, less than the %s to be mapped; map less (mem=%llu) or "
		"enable DDW for the slot",
		tce_bytes(default_room(f, need)), tce_bytes(need->mem), (ull)default_room(f, need));
}

static int create(const struct tce_facts *f, const struct tce_need *need, uint64_t room,
		  bool remove_default, struct tce_plan *plan)
{
	uint64_t page = best_page(f, need), size;
	struct tce_plan p = {.create = true, .remove_default = remove_default, .page = page};

	if (!page)
		return tce_fail(
			-ENOSPC,
			"no window can take pages of %s: the platform's I/O page sizes are "
			"a mask of %#llx; use larger hugepages (page=), or map no more than "
			"the default window takes (mem=%llu)",
			tce_bytes(need->tce_page ? need->tce_page : need->page), (ull)f->page_sizes,
			(ull)default_room(f, need));
	size = pow2_up(room);
	if (size < TCES_MIN * page)
		size = TCES_MIN * page;
	p.size = size;
	p.levels = best_levels(f, page, size);
	if (!p.levels)
		return tce_fail(
			-ENOSPC,
			"a window of %s in I/O pages of %s needs tables of more than %u levels, "
			"all "
			"that the platform has; map less (mem=) or use larger hugepages (page=)",
			tce_bytes(size), tce_bytes(page), f->levels);
	p.locked = tce_plan_locked(f, page, size, p.levels);
	if (p.locked > f->lock_free)
		return tce_fail(-ENOMEM,
				"memlock is too small: the table of a window of %s needs %llu kB, "
				"and %llu kB "
				"are left; raise the limit by %llu kB for it and by %llu kB for "
				"the memory to "
				"be mapped (ulimit -l, or LimitMEMLOCK= of the service)",
				tce_bytes(size), (ull)p.locked / 1024, (ull)f->lock_free / 1024,
				(ull)(p.locked - f->lock_free + 1023) / 1024,
				(ull)need->mem / 1024);
	*plan = p;
	return 0;
}

/* IOVA=VA: a window at 0 that reaches the top of the memory. */
static int plan_identity(const struct tce_facts *f, const struct tce_need *need,
			 struct tce_plan *plan)
{
	if (f->default_size && !f->default_start && default_last(f) >= need->identity)
		return use_default(plan);
	/* Only bare metal starts a window at 0 in place of the default one. */
	if (is_pseries(f) || !tce_plan_has_ddw(f))
		return tce_fail(
			-ENOSPC,
			"IOVA=VA up to %#llx needs a window at 0 that reaches there, and this "
			"platform has none: let the library choose the IOVAs",
			(ull)need->identity);
	return create(f, need, need->identity + 1, true, plan);
}

/* What the device reaches of a window that starts at 0 in place of the default one. */
static uint64_t room_at_0(const struct tce_facts *f, const struct tce_need *need)
{
	uint64_t room = default_room(f, need);

	return need->highest > BELOW_4G ? room + (need->highest - BELOW_4G) : room;
}

static int out_of_reach(const struct tce_need *need, uint64_t room)
{
	return tce_fail(-ENOSPC,
			"the device reaches IOVAs up to %#llx, and %s of windows there, less than "
			"the %s to be mapped; map less (mem=%llu)",
			(ull)need->highest, tce_bytes(room), tce_bytes(need->mem), (ull)room);
}

/* A short DMA mask, and more memory than the default window takes. */
static int plan_short(const struct tce_facts *f, const struct tce_need *need, bool only,
		      struct tce_plan *plan)
{
	uint64_t hole = BELOW_4G - default_last(f);

	/* An LPAR's windows start above the default one: how far, no fact says. */
	if (is_pseries(f))
		return need->highest > default_last(f) ? create(f, need, need->mem, only, plan)
						       : out_of_reach(need, default_room(f, need));
	/* Bare metal's start at 0 in place of the default one, with a hole up to 4 GiB. */
	if (need->mem > room_at_0(f, need))
		return out_of_reach(need, room_at_0(f, need));
	return create(f, need, need->mem + hole, true, plan);
}

int tce_plan(const struct tce_facts *f, const struct tce_need *need, struct tce_plan *plan)
{
	bool only = f->default_size && f->max_windows == 1, as_good;
	int ret = check_need(need);

	if (ret)
		return ret;
	if (need->identity)
		return plan_identity(f, need, plan);
	if (!tce_plan_has_ddw(f))
		return need->mem <= default_room(f, need) ? use_default(plan) : no_ddw(f, need);
	/* With room for one window only, or none with a larger page, the one that is there has to
	 * serve if it can. */
	as_good = only || (f->default_size && best_page(f, need) <= DEFAULT_PAGE);
	if (need->mem <= default_room(f, need) && (as_good || need->highest < USUAL_START))
		return use_default(plan);
	if (need->highest < USUAL_START)
		return plan_short(f, need, only, plan);
	return create(f, need, need->mem, only, plan);
}

int tce_plan_verify(const struct tce_need *need, tce_iova_t start, uint64_t size)
{
	uint64_t last = tce_last(start, size);

	if (need->identity && (start || last < need->identity))
		return tce_fail(-ENOSPC,
				"the platform put the window at %#llx to %#llx; IOVA=VA up to "
				"%#llx needs it "
				"at 0: let the library choose the IOVAs",
				(ull)start, (ull)last, (ull)need->identity);
	if (need->highest < start || need->highest - start < need->mem - 1)
		return tce_fail(
			-ENOSPC,
			"the platform put the window at %#llx to %#llx, but the device reaches "
			"IOVAs up to %#llx only; map no more than the default window takes (mem=)",
			(ull)start, (ull)last, (ull)need->highest);
	return 0;
}
