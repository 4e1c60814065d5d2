/* SPDX-License-Identifier: BSD-3-Clause */
/* Map, unmap of any part, dma_map and dma_unmap, aliases, access, data by DMA. */
#include "fixture.h"

/* What a device reads at iova is what is in memory, and what it writes arrives there. */
static void assert_dma(int group, tce_iova_t iova, void *va, size_t len)
{
	char *buf = malloc(len);

	assert_non_null(buf);
	for (size_t i = 0; i < len; i++)
		((char *)va)[i] = (char)(i * 7 + len);
	assert_ok(model_device_read(group, iova, buf, len));
	assert_memory_equal(buf, va, len);
	memset(buf, 0x5a, len);
	assert_ok(model_device_write(group, iova, buf, len));
	assert_memory_equal(buf, va, len);
	free(buf);
}

/* Map one region whole, unmap it in parts: first, last, middle, rest. */
static void parts(const struct model_platform *platform)
{
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	machine(platform);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(16), MIB(2));
	assert_ok(tce_register(va, MIB(16), MIB(2)));
	assert_ok(tce_map(space, va, MIB(16), NULL, &iova));
	assert_int_equal(iova, window_start(space, MIB(2)));
	assert_sound();
	assert_dma(GROUP_A, iova + MIB(1), va + MIB(1), MIB(3));
	assert_ok(tce_unmap(space, iova, MIB(2)));
	assert_sound();
	assert_ok(tce_unmap(space, iova + MIB(14), MIB(2)));
	assert_sound();
	assert_ok(tce_unmap(space, iova + MIB(6), MIB(4)));
	assert_sound();
	assert_dma(GROUP_A, iova + MIB(2), va + MIB(2), MIB(4));
	assert_dma(GROUP_A, iova + MIB(10), va + MIB(10), MIB(4));
	assert_ok(tce_unmap(space, iova + MIB(2), MIB(4)));
	assert_ok(tce_unmap(space, iova + MIB(10), MIB(4)));
	assert_sound();
	assert_int_equal(model_tces(GROUP_A), 0);
	assert_ok(tce_release(va, MIB(16), NULL, NULL));
	assert_false(model_pinned(va));
	model_free(va, MIB(16));
	assert_ok(tce_space_close(space, DEV_A));
}

static void unmap_in_parts(void)
{
	parts(&model_p9);
	nothing_left();
	parts(&model_lpar);
	nothing_left();
	parts(&model_lpar_4g);
	nothing_left();
	parts(&model_lpar_64k);
}

/* What was unmapped is what the next map gets; the rest stays where it is. */
static void a_hole_is_used_again(void)
{
	struct tce_space *space;
	tce_iova_t a = TCE_IOVA_ANY, b = TCE_IOVA_ANY, c = TCE_IOVA_ANY;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(16), MIB(2));
	assert_ok(tce_register(va, MIB(16), MIB(2)));
	assert_ok(tce_map(space, va, MIB(8), NULL, &a));
	assert_ok(tce_map(space, va + MIB(8), MIB(8), NULL, &b));
	assert_int_equal(b, a + MIB(8));
	assert_ok(tce_unmap(space, a + MIB(2), MIB(4)));
	assert_ok(tce_map(space, va + MIB(12), MIB(4), NULL, &c));
	assert_int_equal(c, a + MIB(2));
	assert_sound();
	assert_dma(GROUP_A, a, va, MIB(2));
	assert_dma(GROUP_A, c, va + MIB(12), MIB(4));
	/* One call takes all of them, whatever is behind. */
	assert_ok(tce_unmap(space, a, MIB(16)));
	assert_sound();
	assert_ok(tce_release(va, MIB(16), NULL, NULL));
	model_free(va, MIB(16));
	assert_ok(tce_space_close(space, DEV_A));
}

static void two_regions_in_one_map(void)
{
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	machine(&model_p9);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(12), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_register(va + MIB(4), MIB(8), MIB(2)));
	assert_ok(tce_map(space, va, MIB(12), NULL, &iova));
	assert_sound();
	assert_dma(GROUP_A, iova + MIB(3), va + MIB(3), MIB(2));
	assert_int_equal(tce_release(va, MIB(4), NULL, NULL), -EBUSY);
	assert_ok(tce_unmap(space, iova, MIB(4)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	assert_sound();
	assert_ok(tce_unmap(space, iova + MIB(4), MIB(8)));
	assert_ok(tce_release(va + MIB(4), MIB(8), NULL, NULL));
	model_free(va, MIB(12));
	assert_ok(tce_space_close(space, DEV_A));
}

static void fixed_aligned_bounded(void)
{
	struct tce_map_options opts = {.align = MIB(8)};
	struct tce_space *space;
	tce_iova_t start, a, b = TCE_IOVA_ANY, c = TCE_IOVA_ANY, d = TCE_IOVA_ANY;
	tce_iova_t e = TCE_IOVA_ANY, f = TCE_IOVA_ANY;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	start = window_start(space, MIB(2));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	a = start + MIB(2);
	assert_ok(tce_map(space, va, MIB(2), NULL, &a));
	assert_int_equal(a, start + MIB(2));
	assert_ok(tce_map(space, va, MIB(2), &opts, &b));
	assert_int_equal(b, start);
	assert_ok(tce_map(space, va, MIB(2), &opts, &c));
	assert_int_equal(c, start + MIB(8));
	opts = (struct tce_map_options){.lowest = start + MIB(32) + 1, .highest = start + MIB(40)};
	assert_ok(tce_map(space, va, MIB(4), &opts, &d));
	assert_int_equal(d, start + MIB(34));
	/* The bound is the last byte: one less, and it does not fit. */
	opts = (struct tce_map_options){.lowest = start + MIB(64), .highest = start + MIB(68) - 1};
	assert_ok(tce_map(space, va, MIB(4), &opts, &e));
	assert_int_equal(e, start + MIB(64));
	opts = (struct tce_map_options){.lowest = start + MIB(80), .highest = start + MIB(84) - 2};
	assert_int_equal(tce_map(space, va, MIB(4), &opts, &f), -ENOSPC);
	f = start + MIB(80);
	assert_int_equal(tce_map(space, va, MIB(4), &opts, &f), -ERANGE);
	opts.highest++;
	assert_ok(tce_map(space, va, MIB(4), &opts, &f));
	assert_sound();
	assert_ok(tce_unmap(space, start, MIB(4)));
	assert_ok(tce_unmap(space, c, MIB(2)));
	assert_ok(tce_unmap(space, d, MIB(4)));
	assert_ok(tce_unmap(space, e, MIB(4)));
	assert_ok(tce_unmap(space, f, MIB(4)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	model_free(va, MIB(4));
	assert_ok(tce_space_close(space, DEV_A));
}

static void access_is_kept(void)
{
	struct tce_map_options ro = {.access = TCE_READ}, wo = {.access = TCE_WRITE};
	struct tce_space *space;
	tce_iova_t r = TCE_IOVA_ANY, w = TCE_IOVA_ANY;
	char *va, byte = 1;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_map(space, va, MIB(2), &ro, &r));
	assert_ok(tce_map(space, va, MIB(2), &wo, &w));
	assert_sound();
	assert_ok(model_device_read(GROUP_A, r, &byte, 1));
	assert_ok(model_device_write(GROUP_A, w, &byte, 1));
	assert_int_equal(model_device_write(GROUP_A, r, &byte, 1), -EFAULT);
	assert_int_equal(model_device_read(GROUP_A, w, &byte, 1), -EFAULT);
	assert_int_equal(model_strays(), 2);
	assert_ok(tce_unmap(space, r, MIB(4)));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

/* The window with the largest I/O page that fits: 4K memory goes to the default window. */
static void small_memory_in_the_default_window(void)
{
	struct tce_space *space;
	tce_iova_t small = TCE_IOVA_ANY, large = TCE_IOVA_ANY;
	size_t len = system_page() > KIB(4) ? system_page() : KIB(12);
	char *va, *big;

	machine(p9_here());
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(len, system_page());
	big = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_dma_map(space, va, KIB(12), NULL, &small));
	assert_ok(tce_dma_map(space, big, MIB(2), NULL, &large));
	assert_true(small < GIB(2));
	assert_int_equal(large, UINT64_C(1) << 59);
	assert_sound();
	assert_dma(GROUP_A, small, va, KIB(12));
	assert_dma(GROUP_A, large, big, MIB(2));
	assert_ok(tce_dma_unmap(space, small, KIB(12)));
	assert_ok(tce_dma_unmap(space, large, MIB(2)));
	assert_false(model_pinned(va));
	model_free(va, len);
	model_free(big, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
}

/* Buffers smaller than a system page: neighbours in one share its region, the last one ends it. */
static void less_than_a_system_page(void)
{
	tce_iova_t a = TCE_IOVA_ANY, b = TCE_IOVA_ANY;
	struct tce_space *space;
	size_t n = 0;
	char *va;

	machine(lpar_here());
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(system_page(), system_page());
	assert_ok(tce_dma_map(space, va + KIB(4), KIB(4), NULL, &a));
	assert_ok(tce_dma_map(space, va + KIB(12), KIB(8), NULL, &b));
	assert_ok(tce_region_list(NULL, &n));
	assert_int_equal(n, 1);
	assert_sound();
	assert_dma(GROUP_A, a, va + KIB(4), KIB(4));
	assert_dma(GROUP_A, b, va + KIB(12), KIB(8));
	assert_ok(tce_dma_unmap(space, a, KIB(4)));
	assert_true(model_pinned(va));
	assert_ok(tce_dma_unmap(space, b, KIB(8)));
	assert_false(model_pinned(va));
	model_free(va, system_page());
	assert_ok(tce_space_close(space, DEV_A));
}

/* What dma_map registered ends with its last TCE, of whatever mapping, in whatever part. */
static void dma_map_registers_what_is_missing(void)
{
	struct tce_space *space;
	tce_iova_t a = TCE_IOVA_ANY, b = TCE_IOVA_ANY;
	size_t n = 0;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(12), MIB(2));
	assert_ok(tce_register(va + MIB(4), MIB(4), MIB(2)));
	assert_ok(tce_dma_map(space, va, MIB(12), NULL, &a));
	assert_sound();
	assert_ok(tce_region_list(NULL, &n));
	assert_int_equal(n, 3);
	assert_ok(tce_dma_map(space, va, MIB(2), NULL, &b));
	assert_ok(tce_dma_unmap(space, a, MIB(12)));
	assert_true(model_pinned(va));
	assert_false(model_pinned(va + MIB(8)));
	assert_true(model_pinned(va + MIB(4)));
	n = 0;
	assert_ok(tce_region_list(NULL, &n));
	assert_int_equal(n, 2);
	assert_ok(tce_dma_unmap(space, b, MIB(2)));
	assert_false(model_pinned(va));
	assert_sound();
	/* What the caller registered stays his. */
	assert_ok(tce_release(va + MIB(4), MIB(4), NULL, NULL));
	model_free(va, MIB(12));
	assert_ok(tce_space_close(space, DEV_A));
}

static void one_va_at_several_iovas(void)
{
	struct tce_space *space;
	tce_iova_t at[3] = {TCE_IOVA_ANY, TCE_IOVA_ANY, TCE_IOVA_ANY}, iova;
	char *va;
	void *back;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	for (int i = 0; i < 3; i++)
		assert_ok(tce_map(space, va, MIB(4), NULL, &at[i]));
	assert_sound();
	for (int i = 0; i < 3; i++) {
		assert_ok(tce_va(space, at[i] + 5, 1, &back, NULL));
		assert_ptr_equal(back, va + 5);
	}
	/* Whichever goes, those that are left are found. */
	assert_ok(tce_unmap(space, at[0], MIB(4)));
	assert_ok(tce_iova(space, va, 1, &iova, NULL));
	assert_true(iova == at[1] || iova == at[2]);
	assert_sound();
	assert_ok(tce_unmap(space, at[2], MIB(4)));
	assert_ok(tce_iova(space, va, 1, &iova, NULL));
	assert_int_equal(iova, at[1]);
	assert_sound();
	/* Two of three go in one call: the one that stays is found. */
	assert_int_equal(at[2], at[1] + MIB(4));
	for (int i = 0; i < 3; i += 2)
		assert_ok(tce_map(space, va, MIB(4), NULL, &at[i]));
	assert_ok(tce_unmap(space, at[1], MIB(8)));
	assert_ok(tce_iova(space, va, 1, &iova, NULL));
	assert_int_equal(iova, at[0]);
	assert_sound();
	assert_int_equal(tce_release(va, MIB(4), NULL, NULL), -EBUSY);
	assert_ok(tce_unmap(space, at[0], MIB(4)));
	assert_int_equal(tce_iova(space, va, 1, &iova, NULL), -ENOENT);
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	model_free(va, MIB(4));
	assert_ok(tce_space_close(space, DEV_A));
}

/* 4K TCEs have no room for the number of the 512th region: the VA finds it. */
static void more_regions_than_an_entry_can_name(void)
{
	enum { N = 700 };
	struct tce_space *space;
	tce_iova_t at[N];
	struct tce_holder holder;
	size_t n = 1, page = system_page();
	char *va;

	machine(lpar_here());
	space = open_space(DEV_A, GIB(1));
	/* Every other page, so that no two regions are adjacent. */
	va = model_alloc(2 * page * N, page);
	for (int i = 0; i < N; i++) {
		at[i] = TCE_IOVA_ANY;
		assert_ok(tce_register(va + 2 * page * i, page, page));
		assert_ok(tce_map(space, va + 2 * page * i, page, NULL, &at[i]));
	}
	assert_sound();
	for (int i = 0; i < N; i += 100) {
		n = 1;
		assert_int_equal(tce_release(va + 2 * page * i, page, &holder, &n), -EBUSY);
		assert_int_equal(n, 1);
		assert_int_equal(holder.iova, at[i]);
		assert_ptr_equal(holder.va, va + 2 * page * i);
	}
	for (int i = N; i-- > 0;) {
		assert_ok(tce_unmap(space, at[i], page));
		assert_ok(tce_release(va + 2 * page * i, page, NULL, NULL));
		assert_false(model_pinned(va + 2 * page * i));
	}
	assert_sound();
	model_free(va, 2 * page * N);
	assert_ok(tce_space_close(space, DEV_A));
}

/* Two windows of one I/O page: where one is out of reach, or full, the other one serves. */
static void windows_alike(void)
{
	struct tce_space_options opts = {.no_windows = true};
	struct tce_map_options low = {.highest = GIB(1) - 1};
	struct tce_space *space;
	tce_iova_t near = TCE_IOVA_ANY, far = TCE_IOVA_ANY;
	char *va;

	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &opts, &space));
	assert_ok(tce_window_create(space, MIB(2), GIB(64), 1, NULL));
	assert_ok(tce_window_remove(space, 0));
	assert_ok(tce_window_create(space, MIB(2), MIB(4), 1, NULL));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_map(space, va, MIB(4), &low, &near));
	assert_int_equal(near, 0);
	assert_ok(tce_map(space, va, MIB(4), NULL, &far));
	assert_int_equal(far, UINT64_C(1) << 59);
	assert_sound();
	assert_ok(tce_unmap(space, near, MIB(4)));
	assert_ok(tce_unmap(space, far, MIB(4)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	model_free(va, MIB(4));
	assert_ok(tce_space_close(space, DEV_A));
}

/* Bare metal has its MMIO and MSI there: in a window at 0 nothing below 4 GiB but the default's. */
static void nothing_up_to_4_gib(void)
{
	struct tce_space_options opts = {.mem = GIB(1), .page = MIB(2), .no_windows = true};
	struct tce_map_options top = {.highest = GIB(4) - 1};
	struct tce_window_info info;
	struct tce_space *space;
	tce_iova_t iova = GIB(3), any = TCE_IOVA_ANY;
	struct before b;
	char *va;

	machine(&model_p9);
	assert_ok(tce_space_open(DEV_A, &opts, &space));
	assert_ok(tce_window_remove(space, 0));
	assert_ok(tce_window_create(space, MIB(2), GIB(64), 1, &info));
	assert_int_equal(info.start, 0);
	va = model_alloc(GIB(3), MIB(2));
	assert_ok(tce_register(va, GIB(3), MIB(2)));
	before(&b);
	assert_refused(&b, tce_map(space, va, MIB(2), NULL, &iova), -ENXIO);
	iova = GIB(2) - MIB(2);
	before(&b);
	assert_refused(&b, tce_map(space, va, MIB(4), NULL, &iova), -ENXIO);
	before(&b);
	assert_refused(&b, tce_map(space, va, GIB(3), &top, &any), -ENOSPC);
	assert_ok(tce_map(space, va, GIB(3), NULL, &any));
	assert_true(any >= GIB(4));
	assert_sound();
	assert_ok(tce_unmap(space, any, GIB(3)));
	assert_ok(tce_release(va, GIB(3), NULL, NULL));
	model_free(va, GIB(3));
	assert_ok(tce_space_close(space, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(unmap_in_parts),
		whole_test(a_hole_is_used_again),
		whole_test(two_regions_in_one_map),
		whole_test(fixed_aligned_bounded),
		leaving_test(access_is_kept),
		whole_test(small_memory_in_the_default_window),
		whole_test(dma_map_registers_what_is_missing),
		whole_test(one_va_at_several_iovas),
		whole_test(more_regions_than_an_entry_can_name),
		whole_test(windows_alike),
		whole_test(nothing_up_to_4_gib),
		/* Where a TCE can be smaller than a page of the system only. */
		whole_test(less_than_a_system_page),
	};
	size_t n = sizeof(tests) / sizeof(tests[0]) - (system_page() == KIB(4));

	return _cmocka_run_group_tests("map", tests, n, NULL, NULL);
}
