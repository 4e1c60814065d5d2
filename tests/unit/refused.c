/* SPDX-License-Identifier: BSD-3-Clause */
/* What the library refuses by itself: the right errno, a sentence, the kernel not asked. */
#include "fixture.h"

struct world {
	struct tce_space *space;
	char *va;
	tce_iova_t start, iova;
};

enum { LEN = 16 << 20 };

/* A region of 16 MiB, of which 8 are mapped, 4 MiB from the window's start. */
static void build(struct world *w, const struct model_platform *platform)
{
	machine(platform);
	w->space = open_space(DEV_A, GIB(1));
	w->start = window_start(w->space, MIB(2));
	w->iova = w->start + MIB(4);
	w->va = model_alloc(LEN, MIB(2));
	assert_ok(tce_register(w->va, LEN, MIB(2)));
	assert_ok(tce_map(w->space, w->va, MIB(8), NULL, &w->iova));
}

static void take_down(struct world *w)
{
	assert_ok(tce_unmap(w->space, w->iova, MIB(8)));
	assert_ok(tce_release(w->va, LEN, NULL, NULL));
	model_free(w->va, LEN);
	assert_ok(tce_space_close(w->space, DEV_A));
}

static uint64_t window_end(struct world *w)
{
	struct tce_window_info info[8];
	size_t n = 8;

	assert_ok(tce_window_list(w->space, info, &n));
	for (size_t i = 0; i < n; i++)
		if (info[i].start == w->start)
			return info[i].start + info[i].size;
	fail();
	return 0;
}

static void refuse_map(struct world *w, size_t at, size_t len, uint64_t iova, int want)
{
	struct before b;
	tce_iova_t wanted = iova;

	before(&b);
	assert_refused(&b, tce_map(w->space, w->va + at, len, NULL, &wanted), want);
	assert_int_equal(wanted, iova);
	before(&b);
	assert_refused(&b, tce_dma_map(w->space, w->va + at, len, NULL, &wanted), want);
	assert_int_equal(wanted, iova);
}

static void refuse_unmap(struct world *w, uint64_t iova, uint64_t len, int want)
{
	struct before b;

	before(&b);
	assert_refused(&b, tce_unmap(w->space, iova, len), want);
	before(&b);
	assert_refused(&b, tce_dma_unmap(w->space, iova, len), want);
}

static void map_over_live_tces(void)
{
	struct world w;

	build(&w, &model_lpar);
	refuse_map(&w, MIB(8), MIB(2), w.iova, -EEXIST);
	refuse_map(&w, MIB(8), MIB(2), w.iova + MIB(6), -EEXIST);
	refuse_map(&w, MIB(8), MIB(8), w.iova - MIB(4), -EEXIST);
	refuse_map(&w, MIB(8), MIB(8), w.iova + MIB(6), -EEXIST);
	refuse_map(&w, 0, MIB(8), w.iova, -EEXIST);
	take_down(&w);
}

static void outside_every_window(void)
{
	struct world w;
	uint64_t end;

	build(&w, &model_lpar);
	end = window_end(&w);
	refuse_map(&w, MIB(8), MIB(4), end - MIB(2), -ENXIO);
	refuse_map(&w, MIB(8), MIB(2), end, -ENXIO);
	refuse_map(&w, MIB(8), MIB(2), w.start - MIB(2), -ENXIO);
	refuse_map(&w, MIB(8), MIB(4), w.start - MIB(2), -ENXIO);
	refuse_unmap(&w, end - MIB(2), MIB(4), -ENXIO);
	refuse_unmap(&w, end, MIB(2), -ENXIO);
	refuse_unmap(&w, w.start - MIB(2), MIB(2), -ENXIO);
	refuse_unmap(&w, w.start - MIB(2), MIB(8), -ENXIO);
	/* Lengths whose end wraps around. */
	refuse_unmap(&w, w.iova, -w.iova, -ENXIO);
	refuse_unmap(&w, w.iova, UINT64_MAX - MIB(2) + 1, -ENXIO);
	take_down(&w);
}

static void misaligned(void)
{
	struct world w;

	build(&w, &model_p9);
	refuse_map(&w, MIB(8), MIB(2), w.iova + MIB(8) + KIB(4), -EINVAL);
	refuse_map(&w, MIB(8) + KIB(4), MIB(2), w.iova + MIB(8), -EINVAL);
	refuse_map(&w, MIB(8), MIB(1), w.iova + MIB(8), -EINVAL);
	refuse_map(&w, MIB(8), 0, w.iova + MIB(8), -EINVAL);
	refuse_map(&w, MIB(8), 1, w.iova + MIB(8), -EINVAL);
	refuse_unmap(&w, w.iova + 1, MIB(2), -EINVAL);
	refuse_unmap(&w, w.iova + MIB(1), MIB(2), -EINVAL);
	refuse_unmap(&w, w.iova, MIB(1), -EINVAL);
	refuse_unmap(&w, w.iova, 0, -EINVAL);
	take_down(&w);
}

static void what_is_free_or_unknown(void)
{
	struct world w;
	struct before b;
	tce_iova_t any = TCE_IOVA_ANY;
	char *other;

	build(&w, &model_lpar);
	refuse_unmap(&w, w.iova + MIB(8), MIB(2), -ENOENT);
	refuse_unmap(&w, w.iova - MIB(2), MIB(4), -ENOENT);
	refuse_unmap(&w, w.iova + MIB(6), MIB(4), -ENOENT);
	other = model_alloc(MIB(2), MIB(2));
	before(&b);
	assert_refused(&b, tce_map(w.space, other, MIB(2), NULL, &any), -ENOENT);
	before(&b);
	assert_refused(&b, tce_map(w.space, w.va + MIB(14), MIB(4), NULL, &any), -ENOENT);
	before(&b);
	assert_refused(&b, tce_release(other, MIB(2), NULL, NULL), -ENOENT);
	before(&b);
	assert_refused(&b, tce_release(w.va, MIB(8), NULL, NULL), -ENOENT);
	before(&b);
	assert_refused(&b, tce_release(w.va + MIB(2), MIB(2), NULL, NULL), -ENOENT);
	model_free(other, MIB(2));
	take_down(&w);
}

static void options_that_do_not_fit(void)
{
	struct tce_map_options opts;
	struct world w;
	struct before b;
	tce_iova_t any = TCE_IOVA_ANY;

	build(&w, &model_lpar);
	opts = (struct tce_map_options){.align = MIB(3)};
	before(&b);
	assert_refused(&b, tce_map(w.space, w.va, MIB(2), &opts, &any), -EINVAL);
	opts = (struct tce_map_options){.access = 4};
	before(&b);
	assert_refused(&b, tce_map(w.space, w.va, MIB(2), &opts, &any), -EINVAL);
	opts = (struct tce_map_options){.lowest = (UINT64_C(1) << 60)};
	before(&b);
	assert_refused(&b, tce_map(w.space, w.va, MIB(2), &opts, &any), -ERANGE);
	opts = (struct tce_map_options){.lowest = GIB(2), .highest = GIB(3)};
	before(&b);
	assert_refused(&b, tce_map(w.space, w.va, MIB(2), &opts, &any), -ERANGE);
	opts = (struct tce_map_options){.lowest = w.start, .highest = w.start + MIB(5)};
	before(&b);
	assert_refused(&b, tce_map(w.space, w.va, MIB(8), &opts, &any), -ENOSPC);
	take_down(&w);
}

static void registration(void)
{
	struct world w;
	struct before b;
	char *other;

	build(&w, &model_lpar_64k);
	other = model_alloc(MIB(4), MIB(2));
	before(&b);
	assert_refused(&b, tce_register(w.va + MIB(2), MIB(2), MIB(2)), -EEXIST);
	before(&b);
	assert_refused(&b, tce_register(w.va + MIB(14), MIB(4), MIB(2)), -EEXIST);
	before(&b);
	assert_refused(&b, tce_register(other, 0, MIB(2)), -EINVAL);
	before(&b);
	assert_refused(&b, tce_register(other + 1, MIB(2), MIB(2)), -EINVAL);
	before(&b);
	assert_refused(&b, tce_register(other, MIB(2) + 1, MIB(2)), -EINVAL);
	before(&b);
	assert_refused(&b, tce_register((void *)(UINTPTR_MAX - MIB(2) + 1), MIB(4), MIB(2)),
		       -EINVAL);
	before(&b);
	assert_refused(&b, tce_register(other, MIB(4), MIB(3)), -EINVAL);
	model_free(other, MIB(4));
	before(&b);
	assert_refused(&b, tce_register(other, MIB(4), 0), -EFAULT);
	take_down(&w);
}

static void release_with_holders(void)
{
	struct tce_holder holder[2];
	struct world w;
	struct before b;
	size_t n = 2;

	build(&w, &model_lpar);
	before(&b);
	assert_refused(&b, tce_release(w.va, LEN, holder, &n), -EBUSY);
	assert_int_equal(n, 1);
	assert_ptr_equal(holder[0].space, w.space);
	assert_int_equal(holder[0].iova, w.iova);
	assert_int_equal(holder[0].len, MIB(8));
	assert_ptr_equal(holder[0].va, w.va);
	before(&b);
	assert_refused(&b, tce_release(w.va, LEN, NULL, NULL), -EBUSY);
	/* More holders than there is room for. */
	assert_ok(tce_unmap(w.space, w.iova + MIB(2), MIB(2)));
	n = 1;
	before(&b);
	assert_refused(&b, tce_release(w.va, LEN, holder, &n), -EBUSY);
	assert_int_equal(n, 2);
	assert_int_equal(holder[0].len, MIB(2));
	assert_ok(tce_unmap(w.space, w.iova, MIB(2)));
	w.iova += MIB(4);
	assert_ok(tce_unmap(w.space, w.iova, MIB(4)));
	assert_ok(tce_map(w.space, w.va, MIB(8), NULL, &w.iova));
	take_down(&w);
}

/* More holders than there is room for: nothing is written behind it, and the first is told. */
static void release_with_two_holders(void)
{
	struct tce_holder holder[2], untouched;
	tce_iova_t second;
	char word[64];
	size_t n = 1;
	struct world w;

	build(&w, &model_lpar);
	second = w.iova + MIB(64);
	assert_ok(tce_map(w.space, w.va, MIB(2), NULL, &second));
	memset(holder, 0x5a, sizeof(holder));
	untouched = holder[1];
	assert_int_equal(tce_release(w.va, LEN, holder, &n), -EBUSY);
	assert_int_equal(n, 2);
	assert_int_equal(holder[0].iova, w.iova);
	assert_memory_equal(&holder[1], &untouched, sizeof(untouched));
	snprintf(word, sizeof(word), "the first at IOVA %#llx + 0x800000 of group 1",
		 (unsigned long long)w.iova);
	assert_sentence(word);
	assert_ok(tce_unmap(w.space, second, MIB(2)));
	take_down(&w);
}

static void windows(void)
{
	struct tce_window_info info = {.start = 42};
	struct world w;
	struct before b;

	build(&w, &model_p9);
	before(&b);
	assert_refused(&b, tce_window_remove(w.space, w.start), -EBUSY);
	before(&b);
	assert_refused(&b, tce_window_remove(w.space, w.start + MIB(2)), -ENOENT);
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(2), GIB(64), 1, &info), -ENOSPC);
	assert_ok(tce_window_remove(w.space, 0));
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(3), GIB(64), 1, &info), -EINVAL);
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(16), GIB(64), 1, &info), -EINVAL);
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(2), GIB(3), 1, &info), -EINVAL);
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(2), MIB(1), 1, &info), -EINVAL);
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(2), GIB(64), 0, &info), -EINVAL);
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(2), GIB(64), 6, &info), -EINVAL);
	/* The kernel refuses levels that would reach past 55 bits, and keeps the memlock. */
	before(&b);
	assert_refused(&b, tce_window_create(w.space, MIB(2), GIB(1), 5, &info), -EINVAL);
	assert_int_equal(info.start, 42);
	take_down(&w);
}

/* To ask in vain may cost the slot its window until reboot. */
static void create_without_ddw(void)
{
	struct tce_space *space;
	struct before b;

	machine(&model_no_ddw);
	space = NULL;
	assert_ok(tce_space_open(DEV_A, &(struct tce_space_options){.no_windows = true}, &space));
	before(&b);
	assert_refused(&b, tce_window_create(space, KIB(4), MIB(128), 1, NULL), -ENOSPC);
	assert_sentence("DDW");
	assert_ok(tce_space_close(space, DEV_A));
}

static void unmap_while_reading(void)
{
	struct world w;
	struct before b;

	build(&w, &model_lpar);
	before(&b);
	tce_read_begin();
	assert_int_equal(tce_unmap(w.space, w.iova, MIB(2)), -EDEADLK);
	assert_int_equal(tce_discard(w.va, MIB(2)), -EDEADLK);
	tce_read_end();
	b.sentences++;
	assert_refused(&b, -EDEADLK, -EDEADLK);
	take_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(map_over_live_tces),
		whole_test(outside_every_window),
		whole_test(misaligned),
		whole_test(what_is_free_or_unknown),
		whole_test(options_that_do_not_fit),
		whole_test(registration),
		whole_test(release_with_holders),
		whole_test(release_with_two_holders),
		whole_test(windows),
		whole_test(create_without_ddw),
		whole_test(unmap_while_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
