/* SPDX-License-Identifier: BSD-3-Clause */
#include "operations.h"

/* The same VAs in every world: two texts of its state can be compared. */
#define BASE ((char *)0x300000000000)

static struct tce_space *opened(const struct world *w, const char *device)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = w->page};
	struct tce_space *space = NULL;

	assert_ok(tce_space_open(device, &opts, &space));
	return space;
}

static void build_nothing(struct world *w)
{
	machine(w->profile->platform);
	model_set_quirks(w->profile->quirks);
	w->page = w->profile->platform->hugepage;
	w->va = BASE;
	w->iova = w->other = TCE_IOVA_ANY;
	model_alloc_at(w->va, PAGES * w->page, w->page);
}

static void build_given(struct world *w)
{
	build_nothing(w);
	assert_ok(tce_kernel_model.container_open(&w->container));
	assert_ok(tce_kernel_model.group_open(GROUP_A, &w->group));
}

static void build_space(struct world *w)
{
	build_nothing(w);
	w->a = opened(w, DEV_A);
}

/* A space whose default window the kernel has still to make. */
static void build_bare(struct world *w)
{
	struct tce_space_options none = {.no_windows = true};

	build_nothing(w);
	assert_ok(tce_space_open(DEV_A, &none, &w->a));
	assert_ok(tce_register(w->va, w->page, w->page));
}

/* Two regions, side by side. */
static void build_regions(struct world *w)
{
	build_space(w);
	assert_ok(tce_register(w->va, 2 * w->page, w->page));
	assert_ok(tce_register(w->va + 2 * w->page, 2 * w->page, w->page));
}

static void map_in(struct world *w, struct tce_space *space, tce_iova_t *iova)
{
	*iova = TCE_IOVA_ANY;
	assert_ok(tce_map(space, w->va, PAGES * w->page, NULL, iova));
}

static void build_mapped(struct world *w)
{
	build_regions(w);
	map_in(w, w->a, &w->iova);
}

/* The same memory at two IOVAs of one space. */
static void build_twice(struct world *w)
{
	build_mapped(w);
	map_in(w, w->a, &w->other);
}

static void build_two_spaces(struct world *w)
{
	build_mapped(w);
	w->b = opened(w, DEV_B);
	map_in(w, w->b, &w->other);
}

/* Registered by two spaces, mapped by none any more. */
static void build_idle(struct world *w)
{
	build_two_spaces(w);
	assert_ok(tce_unmap(w->a, w->iova, PAGES * w->page));
	assert_ok(tce_unmap(w->b, w->other, PAGES * w->page));
}

static void build_gap(struct world *w)
{
	build_space(w);
	assert_ok(tce_register(w->va + w->page, w->page, w->page));
}

static void build_automatic(struct world *w)
{
	build_space(w);
	assert_ok(tce_dma_map(w->a, w->va, PAGES * w->page, NULL, &w->iova));
}

static void build_discarded(struct world *w)
{
	build_mapped(w);
	assert_ok(tce_discard(w->va, w->page));
}

static int let_go(void *va, size_t len, void *arg)
{
	return 0;
}

static const struct tce_driver driver = {.quiesce = let_go};

static void build_watched(struct world *w)
{
	build_two_spaces(w);
	assert_ok(tce_watch(w->va, 2 * w->page, &driver));
}

/* Two devices of a group, both borrowed and at work, and all else that a space can have. */
static void build_busy(struct world *w)
{
	int fd;

	build_twice(w);
	assert_ptr_equal(opened(w, DEV_A2), w->a);
	assert_ok(tce_space_device(w->a, DEV_A, &fd));
	assert_ok(tce_space_device(w->a, DEV_A2, &fd));
	model_device_run(DEV_A);
	model_device_run(DEV_A2);
}

static void build_last(struct world *w)
{
	build_two_spaces(w);
	assert_ok(tce_space_device(w->a, DEV_A, &(int){-1}));
	model_device_run(DEV_A);
}

static void build_adopted(struct world *w)
{
	struct tce_space_options opts = {.mem = GIB(1)};

	build_given(w);
	opts.page = w->page;
	assert_ok(tce_space_adopt(w->group, w->container, &opts, &w->a));
	assert_ok(tce_dma_map(w->a, w->va, PAGES * w->page, NULL, &w->iova));
}

static void build_created(struct world *w)
{
	struct tce_space_options none = {.no_windows = true};

	build_nothing(w);
	assert_ok(tce_space_open(DEV_A, &none, &w->a));
	/* The first CREATE makes the default window, too (R22): have that behind us. */
	assert_ok(tce_window_create(w->a, KIB(64), GIB(64), 1, NULL));
	assert_ok(tce_window_remove(w->a, w->profile->platform->beside));
}

/* A region that the kernel refused to give up once, and would now. */
static void build_quarantined(struct world *w)
{
	build_mapped(w);
	assert_ok(tce_unmap(w->a, w->iova, PAGES * w->page));
	model_fail(MODEL_UNENROLL, 1, -EBUSY);
	assert_int_equal(tce_release(w->va, 2 * w->page, NULL, NULL), -EIO);
}

static int run_open(struct world *w)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = w->page};

	return tce_space_open(DEV_A, &opts, &w->a);
}

static int run_open_default(struct world *w)
{
	struct tce_space_options none = {.no_windows = true};

	return tce_space_open(DEV_A, &none, &w->a);
}

static int run_open_at_0(struct world *w)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = w->page, .identity = GIB(1024) - 1};

	return tce_space_open(DEV_A, &opts, &w->a);
}

static int run_share(struct world *w)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = w->page};
	struct tce_space *same;

	return tce_space_open(DEV_A2, &opts, &same);
}

static int run_adopt(struct world *w)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = w->page};

	return tce_space_adopt(w->group, w->container, &opts, &w->a);
}

static int run_device(struct world *w)
{
	return tce_space_device(w->a, DEV_A, &(int){-1});
}

/* A device of the group that nobody opened. */
static int run_device_more(struct world *w)
{
	return tce_space_device(w->a, DEV_A2, &(int){-1});
}

static int run_register(struct world *w)
{
	return tce_register(w->va, PAGES * w->page, 0);
}

static int run_watch(struct world *w)
{
	return tce_watch(w->va, 2 * w->page, &driver);
}

static int run_map(struct world *w)
{
	w->iova = TCE_IOVA_ANY;
	return tce_map(w->a, w->va, PAGES * w->page, NULL, &w->iova);
}

static int run_map_one(struct world *w)
{
	w->iova = TCE_IOVA_ANY;
	return tce_map(w->a, w->va, w->page, NULL, &w->iova);
}

static int run_dma_map(struct world *w)
{
	w->iova = TCE_IOVA_ANY;
	return tce_dma_map(w->a, w->va, PAGES * w->page, NULL, &w->iova);
}

static int run_unmap(struct world *w)
{
	return tce_unmap(w->a, w->iova, PAGES * w->page);
}

static int run_unmap_part(struct world *w)
{
	return tce_unmap(w->a, w->iova + w->page, w->page);
}

static int run_unmap_rest(struct world *w)
{
	return tce_unmap(w->a, w->iova + w->page, (PAGES - 1) * w->page);
}

static int run_dma_unmap(struct world *w)
{
	return tce_dma_unmap(w->a, w->iova, PAGES * w->page);
}

static int run_release(struct world *w)
{
	return tce_release(w->va, 2 * w->page, NULL, NULL);
}

static int run_discard_part(struct world *w)
{
	return tce_discard(w->va + w->page, w->page);
}

static int run_discard(struct world *w)
{
	return tce_discard(w->va, PAGES * w->page);
}

static int run_evict(struct world *w)
{
	return tce_evict(w->va, 2 * w->page, 1000);
}

static int run_reclaim(struct world *w)
{
	return tce_reclaim(w->va, 2 * w->page);
}

static int run_create(struct world *w)
{
	return tce_window_create(w->a, KIB(64), GIB(64), 1, NULL);
}

static int run_remove(struct world *w)
{
	return tce_window_remove(w->a, w->profile->platform->beside);
}

static int run_close(struct world *w)
{
	return tce_space_close(w->a, DEV_A);
}

static int run_close_adopted(struct world *w)
{
	return tce_space_close(w->a, NULL);
}

#define KERNEL .asks_kernel = true
#define MEMORY .takes_memory = true
#define WRITES .writes_tces = true
#define CLEARS .clears_tces = true
#define DONE   .ends = AS_DONE

const struct operation operations[] = {
	{"open", 0, KERNEL, MEMORY, .build = build_nothing, .run = run_open},
	{"open with the default window", 0, KERNEL, MEMORY, .build = build_nothing,
	 .run = run_open_default},
	{"open in place of the default window", NEEDS_REPLACE, KERNEL, MEMORY,
	 .build = build_nothing, .run = run_open_at_0},
	{"open a second device", 0, KERNEL, MEMORY, .build = build_space, .run = run_share},
	{"adopt", 0, KERNEL, MEMORY, .build = build_given, .run = run_adopt},
	{"borrow a device", 0, KERNEL, .build = build_space, .run = run_device},
	{"borrow one device more", 0, KERNEL, MEMORY, .build = build_space, .run = run_device_more},
	{"register", 0, KERNEL, MEMORY, .build = build_space, .run = run_register},
	{"watch", 0, MEMORY, .build = build_regions, .run = run_watch},
	{"map two regions", NEEDS_MAP, KERNEL, MEMORY, WRITES, .build = build_regions,
	 .run = run_map},
	{"map two regions once more", NEEDS_MAP, KERNEL, WRITES, .build = build_mapped,
	 .run = run_map},
	{"map two regions in a second space", NEEDS_MAP, KERNEL, WRITES, .build = build_idle,
	 .run = run_map},
	{"map before any window is made", NEEDS_MAP, KERNEL, MEMORY, WRITES, .build = build_bare,
	 .run = run_map_one},
	{"dma_map", NEEDS_MAP, KERNEL, MEMORY, WRITES, .build = build_space, .run = run_dma_map},
	{"dma_map around a region", NEEDS_MAP, KERNEL, MEMORY, WRITES, .build = build_gap,
	 .run = run_dma_map},
	{"unmap", NEEDS_MAP, KERNEL, CLEARS, .build = build_mapped, .run = run_unmap},
	{"unmap a part", NEEDS_MAP, KERNEL, CLEARS, .build = build_mapped, .run = run_unmap_part},
	{"unmap one of two IOVAs", NEEDS_MAP, KERNEL, CLEARS, .build = build_twice,
	 .run = run_unmap},
	{"unmap the rest of what was discarded", NEEDS_MAP, KERNEL, CLEARS, .ends = EITHER,
	 .build = build_discarded, .run = run_unmap_rest},
	{"dma_unmap", NEEDS_MAP, KERNEL, CLEARS, .build = build_automatic, .run = run_dma_unmap},
	{"release", NEEDS_MAP, KERNEL, .build = build_idle, .run = run_release},
	{"discard a part", NEEDS_MAP, KERNEL, MEMORY, CLEARS, .build = build_two_spaces,
	 .run = run_discard_part},
	{"discard two regions", NEEDS_MAP, KERNEL, MEMORY, CLEARS, DONE, .build = build_two_spaces,
	 .run = run_discard},
	{"evict", NEEDS_MAP, KERNEL, CLEARS, .build = build_watched, .run = run_evict},
	{"reclaim", NEEDS_MAP, KERNEL, .build = build_quarantined, .run = run_reclaim},
	{"create a window", NEEDS_CREATE, KERNEL, MEMORY, .build = build_created,
	 .run = run_create},
	{"remove a window", NEEDS_CREATE, KERNEL, .build = build_space, .run = run_remove},
	{"close one of two devices", NEEDS_MAP, KERNEL, DONE, .build = build_busy,
	 .run = run_close},
	{"close a space", NEEDS_MAP, KERNEL, CLEARS, DONE, .build = build_last, .run = run_close},
	{"close an adopted space", NEEDS_MAP, KERNEL, CLEARS, DONE, .build = build_adopted,
	 .run = run_close_adopted},
};

const size_t n_operations = sizeof(operations) / sizeof(operations[0]);

bool operation_fits(const struct operation *op, const struct profile *profile)
{
	const struct model_platform *p = profile->platform;

	return !((op->needs & NEEDS_MAP && p->no_ddw) ||
		 (op->needs & NEEDS_CREATE &&
		  (p->max_windows != 2 || !p->levels || p->fixed_window)) ||
		 (op->needs & NEEDS_REPLACE && p->pseries));
}
