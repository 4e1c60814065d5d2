/* SPDX-License-Identifier: BSD-3-Clause */
/* Regions: users, spaces, release, discard, memlock, the witness, quarantine. */
#include <tce/pci.h>

#include "fixture.h"

static struct tce_region_info region_at(const void *va)
{
	struct tce_region_info info[16];
	size_t n = 16;

	assert_ok(tce_region_list(info, &n));
	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++)
		if (info[i].va == va)
			return info[i];
	fail_msg("no region at %p", va);
	return info[0];
}

static bool is_region(const void *va)
{
	struct tce_region_info info[16];
	size_t n = 16;

	assert_ok(tce_region_list(info, &n));
	for (size_t i = 0; i < n; i++)
		if (info[i].va == va)
			return true;
	return false;
}

/* Pinned with the first map, not before; the same (va, len) again is one more user. */
static void users_are_counted(void)
{
	struct tce_space *space;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	machine(&model_lpar);
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), 0));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_false(model_pinned(va));
	space = open_space(DEV_A, GIB(1));
	assert_ok(tce_map(space, va, MIB(4), NULL, &iova));
	assert_true(model_pinned(va));
	assert_int_equal(region_at(va).users, 2);
	assert_int_equal(region_at(va).spaces, 1);
	assert_int_equal(region_at(va).tces, 2);
	/* One of two users may go while TCEs are left: the other keeps it. */
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	assert_int_equal(tce_release(va, MIB(4), NULL, NULL), -EBUSY);
	assert_ok(tce_unmap(space, iova, MIB(4)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	assert_false(is_region(va));
	assert_false(model_pinned(va));
	model_free(va, MIB(4));
	assert_ok(tce_space_close(space, DEV_A));
}

/* Each container has the region registered, memlock counts it once, the last release frees it. */
static void two_spaces(void)
{
	struct tce_holder holder[4];
	struct tce_space *a, *b;
	tce_iova_t in_a = TCE_IOVA_ANY, in_b = TCE_IOVA_ANY;
	uint64_t locked;
	size_t n = 4;
	char *va;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	b = open_space(DEV_B, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	locked = model_locked();
	assert_ok(tce_map(a, va, MIB(8), NULL, &in_a));
	assert_ok(tce_map(b, va, MIB(4), NULL, &in_b));
	assert_int_equal(model_locked(), locked + MIB(8));
	assert_int_equal(region_at(va).spaces, 2);
	assert_sound();
	assert_int_equal(tce_release(va, MIB(8), holder, &n), -EBUSY);
	assert_int_equal(n, 2);
	assert_true(holder[0].space != holder[1].space);
	assert_ok(tce_unmap(a, in_a, MIB(8)));
	n = 4;
	assert_int_equal(tce_release(va, MIB(8), holder, &n), -EBUSY);
	assert_int_equal(n, 1);
	assert_ptr_equal(holder[0].space, b);
	assert_ok(tce_unmap(b, in_b, MIB(4)));
	assert_ok(tce_release(va, MIB(8), NULL, NULL));
	assert_int_equal(model_locked(), locked);
	model_free(va, MIB(8));
	assert_ok(tce_space_close(a, DEV_A));
	assert_ok(tce_space_close(b, DEV_B));
}

/* A space that closes takes its TCEs and registrations with it; the region lives on. */
static void a_space_closes_first(void)
{
	struct tce_space *a, *b;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	machine(&model_p9);
	a = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	assert_ok(tce_map(a, va, MIB(8), NULL, &iova));
	assert_ok(tce_space_close(a, DEV_A));
	assert_false(model_pinned(va));
	assert_int_equal(region_at(va).spaces, 0);
	assert_int_equal(region_at(va).tces, 0);
	b = open_space(DEV_A, GIB(1));
	iova = TCE_IOVA_ANY;
	assert_ok(tce_map(b, va, MIB(8), NULL, &iova));
	assert_sound();
	assert_ok(tce_unmap(b, iova, MIB(8)));
	assert_ok(tce_release(va, MIB(8), NULL, NULL));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(b, DEV_A));
}

/* A part that is freed: its TCEs go in every space, its VA is dead, the region ends by itself. */
static void discard_a_part(void)
{
	struct tce_space *a, *b;
	tce_iova_t in_a = TCE_IOVA_ANY, in_b = TCE_IOVA_ANY, again = TCE_IOVA_ANY;
	struct before bf;
	char *va;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	b = open_space(DEV_B, GIB(1));
	va = model_alloc(MIB(16), MIB(2));
	assert_ok(tce_register(va, MIB(16), MIB(2)));
	assert_ok(tce_map(a, va, MIB(16), NULL, &in_a));
	assert_ok(tce_map(b, va, MIB(16), NULL, &in_b));
	assert_ok(tce_discard(va + MIB(4), MIB(6)));
	assert_sound();
	assert_int_equal(region_at(va).dead, MIB(6));
	assert_int_equal(region_at(va).tces, 10);
	before(&bf);
	assert_refused(&bf, tce_map(a, va + MIB(4), MIB(2), NULL, &again), -ESTALE);
	before(&bf);
	assert_refused(&bf, tce_map(a, va + MIB(2), MIB(4), NULL, &again), -ESTALE);
	before(&bf);
	assert_refused(&bf, tce_dma_map(a, va + MIB(8), MIB(4), NULL, &again), -ESTALE);
	/* What is not dead can still be mapped. */
	assert_ok(tce_map(a, va, MIB(4), NULL, &again));
	assert_ok(tce_unmap(a, again, MIB(4)));
	/* The pages are the caller's: a fresh page there is not what the kernel would map. */
	model_free(va + MIB(4), MIB(6));
	assert_ok(tce_discard(va, MIB(4)));
	assert_ok(tce_discard(va + MIB(4), MIB(10)));
	assert_sound();
	assert_int_equal(region_at(va).tces, 2);
	assert_ok(tce_discard(va + MIB(14), MIB(2)));
	assert_false(is_region(va));
	assert_sound();
	assert_int_equal(model_tces(GROUP_A) + model_tces(GROUP_B), 0);
	model_free(va, MIB(4));
	model_free(va + MIB(10), MIB(6));
	assert_int_equal(model_lost_pages(), 0);
	/* The VA is free for another region at once. */
	model_alloc_at(va, MIB(16), MIB(2));
	assert_ok(tce_register(va, MIB(16), MIB(2)));
	assert_ok(tce_map(a, va, MIB(16), NULL, &again));
	assert_sound();
	assert_ok(tce_unmap(a, again, MIB(16)));
	assert_ok(tce_release(va, MIB(16), NULL, NULL));
	model_free(va, MIB(16));
	assert_ok(tce_space_close(a, DEV_A));
	assert_ok(tce_space_close(b, DEV_B));
}

/* A region that lost a part ends with its last TCE, too, when that goes by unmap. */
static void discard_then_unmap(void)
{
	struct tce_space *a;
	tce_iova_t iova = TCE_IOVA_ANY;
	char *va;

	machine(&model_p9);
	a = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	assert_ok(tce_map(a, va, MIB(8), NULL, &iova));
	assert_ok(tce_discard(va, MIB(2)));
	assert_ok(tce_unmap(a, iova + MIB(2), MIB(6)));
	assert_false(is_region(va));
	assert_false(model_pinned(va + MIB(2)));
	assert_sound();
	model_free(va, MIB(8));
	assert_ok(tce_space_close(a, DEV_A));
}

static void discard_what_is_not_ours(void)
{
	struct tce_space *a;
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;
	char *va;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va + MIB(2), MIB(4), MIB(2)));
	assert_ok(tce_map(a, va + MIB(2), MIB(4), NULL, &iova));
	before(&b);
	assert_refused(&b, tce_discard(va + MIB(1), MIB(2)), -EINVAL);
	assert_sentence("discard whole I/O pages");
	before(&b);
	assert_refused(&b, tce_discard(va + 1, MIB(2)), -EINVAL);
	/* Where nothing is registered, and across the region's ends. */
	assert_ok(tce_discard(va + MIB(6), MIB(2)));
	assert_ok(tce_discard(va, MIB(8)));
	assert_false(is_region(va + MIB(2)));
	assert_sound();
	model_free(va, MIB(8));
	assert_ok(tce_space_close(a, DEV_A));
}

/* Memlock is held against the limit before the kernel is asked, and the sentence has the number. */
static void memlock(void)
{
	struct tce_space *a;
	tce_iova_t iova = TCE_IOVA_ANY;
	struct before b;
	char *va;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	model_set_memlock(model_locked() + MIB(8) - 1, false);
	before(&b);
	assert_refused(&b, tce_map(a, va, MIB(8), NULL, &iova), -ENOMEM);
	assert_sentence("memlock");
	assert_int_equal(iova, TCE_IOVA_ANY);
	model_set_memlock(0, true);
	assert_ok(tce_map(a, va, MIB(8), NULL, &iova));
	assert_ok(tce_unmap(a, iova, MIB(8)));
	model_set_memlock(model_locked(), false);
	iova = TCE_IOVA_ANY;
	assert_ok(tce_map(a, va, MIB(8), NULL, &iova));
	assert_ok(tce_unmap(a, iova, MIB(8)));
	assert_ok(tce_release(va, MIB(8), NULL, NULL));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(a, DEV_A));
}

/* The kernel makes the default window with the first MAP, and takes memlock for it, too. */
static void memlock_of_the_default_window(void)
{
	struct tce_space_options none = {.no_windows = true};
	uint64_t table = model_lpar.default_size / KIB(4) * 8;
	tce_iova_t iova = TCE_IOVA_ANY;
	struct tce_space *a;
	struct before b;
	char *va;

	machine(&model_lpar);
	assert_ok(tce_space_open(DEV_A, &none, &a));
	va = model_alloc(MIB(2), system_page());
	assert_ok(tce_register(va, MIB(2), 0));
	model_set_memlock(MIB(2) + table - 1, false);
	before(&b);
	assert_failed(&b, tce_map(a, va, MIB(2), NULL, &iova), -ENOMEM);
	assert_sentence("default window");
	assert_int_equal(model_calls(MODEL_MAP), 0);
	/* The same answer of the kernel, which was asked: no TCE was written, nothing is lost. */
	model_set_memlock(0, true);
	model_fail(MODEL_MAP, 1, -ENOMEM);
	before(&b);
	assert_failed(&b, tce_map(a, va, MIB(2), NULL, &iova), -ENOMEM);
	model_set_memlock(MIB(2) + table, false);
	assert_ok(tce_map(a, va, MIB(2), NULL, &iova));
	assert_sound();
	assert_ok(tce_unmap(a, iova, MIB(2)));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	model_free(va, MIB(2));
	assert_ok(tce_space_close(a, DEV_A));
}

/* And so does the first CREATE: both tables are counted before the kernel is asked. */
static void memlock_of_both_windows(void)
{
	struct tce_space_options one = {.mem = GIB(64), .page = MIB(2)};
	uint64_t tables = (model_lpar.default_size / KIB(4) + GIB(64) / MIB(2)) * 8;
	struct tce_space *a = NULL;

	machine(&model_lpar);
	model_set_memlock(tables - 1, false);
	assert_int_equal(tce_space_open(DEV_A, &one, &a), -ENOMEM);
	assert_sentence("memlock");
	assert_int_equal(model_calls(MODEL_WINDOW_CREATE), 0);
	model_set_memlock(tables, false);
	assert_ok(tce_space_open(DEV_A, &one, &a));
	assert_ok(tce_space_close(a, DEV_A));
}

/* A reset stops the device and gives nothing back: memory is its driver's to unmap. */
static void a_reset_keeps_the_tces(void)
{
	struct tce_space *a;
	struct tce_pci *pci;
	tce_iova_t iova = TCE_IOVA_ANY, same;
	char *va;

	machine(&model_lpar);
	a = open_space(DEV_A, GIB(1));
	assert_ok(tce_pci_open(a, DEV_A, &pci));
	va = model_alloc(MIB(4), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_map(a, va, MIB(4), NULL, &iova));
	assert_ok(tce_pci_bus_master(pci, true));
	model_device_run(DEV_A);
	assert_ok(tce_pci_reset(pci));
	assert_false(model_device_runs(DEV_A));
	assert_int_equal(model_tces(GROUP_A), 2);
	assert_ok(tce_iova(a, va, 1, &same, NULL));
	assert_true(same == iova);
	assert_int_equal(tce_release(va, MIB(4), NULL, NULL), -EBUSY);
	assert_sound();
	assert_ok(tce_pci_close(pci));
	assert_ok(tce_unmap(a, iova, MIB(4)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	model_free(va, MIB(4));
	assert_ok(tce_space_close(a, DEV_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(users_are_counted),
		whole_test(two_spaces),
		whole_test(a_space_closes_first),
		whole_test(discard_a_part),
		whole_test(discard_then_unmap),
		whole_test(discard_what_is_not_ours),
		whole_test(memlock),
		whole_test(memlock_of_the_default_window),
		whole_test(memlock_of_both_windows),
		whole_test(a_reset_keeps_the_tces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
