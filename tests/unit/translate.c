/* SPDX-License-Identifier: BSD-3-Clause */
/* Translation both ways, with the length that follows contiguously. */
#include <signal.h>
#include <sys/mman.h>

#include "fixture.h"

static struct tce_space *space;

static void to_iova(const void *va, size_t want, tce_iova_t iova, size_t len)
{
	tce_iova_t found = 0;
	size_t n = 0;

	assert_ok(tce_iova(space, va, want, &found, &n));
	assert_int_equal(found, iova);
	assert_int_equal(n, len);
	assert_ok(tce_iova(space, va, want, &found, NULL));
}

static void to_va(tce_iova_t iova, size_t want, const void *va, size_t len)
{
	void *found = NULL;
	size_t n = 0;

	assert_ok(tce_va(space, iova, want, &found, &n));
	assert_ptr_equal(found, va);
	assert_int_equal(n, len);
	assert_ok(tce_va(space, iova, want, &found, NULL));
}

static void nowhere(const void *va, tce_iova_t iova)
{
	tce_iova_t found = 1;
	void *back = &found;
	size_t n = 7;

	assert_int_equal(tce_iova(space, va, 1, &found, &n), -ENOENT);
	assert_int_equal(tce_va(space, iova, 1, &back, &n), -ENOENT);
	assert_int_equal(found, 1);
	assert_ptr_equal(back, &found);
	assert_int_equal(n, 7);
}

/* Two pages swapped: contiguous within each, not across. */
static void lengths(void)
{
	tce_iova_t start, a, b, c;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	start = window_start(space, MIB(2));
	va = model_alloc(MIB(12), MIB(2));
	assert_ok(tce_register(va, MIB(12), MIB(2)));
	a = start;
	b = start + MIB(8);
	c = start + MIB(4);
	assert_ok(tce_map(space, va, MIB(4), NULL, &a));
	assert_ok(tce_map(space, va + MIB(4), MIB(4), NULL, &b));
	assert_ok(tce_map(space, va + MIB(8), MIB(2), NULL, &c));
	to_iova(va, 1, a, 1);
	to_iova(va, MIB(4), a, MIB(4));
	to_iova(va + 3, MIB(12), a + 3, MIB(4) - 3);
	to_iova(va + MIB(4) - 1, 2, a + MIB(4) - 1, 1);
	to_iova(va + MIB(4), MIB(8), b, MIB(4));
	to_iova(va + MIB(9) + 9, MIB(8), c + MIB(1) + 9, MIB(1) - 9);
	to_va(a, SIZE_MAX, va, MIB(4));
	to_va(a + MIB(1), MIB(2), va + MIB(1), MIB(2));
	to_va(a + MIB(4) - 1, 2, va + MIB(4) - 1, 1);
	to_va(c + MIB(1), MIB(4), va + MIB(9), MIB(1));
	to_va(b + 5, SIZE_MAX, va + MIB(4) + 5, MIB(4) - 5);
	nowhere(va + MIB(10), start + MIB(6));
	nowhere(va - 1, start - 1);
	nowhere(va + MIB(12), start + MIB(12));
	nowhere(NULL, 0);
	nowhere((void *)UINTPTR_MAX, UINT64_MAX);
	assert_ok(tce_unmap(space, start, MIB(6)));
	nowhere(va, start);
	nowhere(va + MIB(9), start + MIB(5));
	to_iova(va + MIB(4), MIB(8), b, MIB(4));
	assert_ok(tce_unmap(space, b, MIB(4)));
	assert_ok(tce_release(va, MIB(12), NULL, NULL));
	model_free(va, MIB(12));
	assert_ok(tce_space_close(space, DEV_A));
}

/* VAs and IOVAs that run on across two mappings and two regions run on in the answer, too. */
static void across_mappings(void)
{
	tce_iova_t a, b;
	char *va;

	machine(&model_p9);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(4), MIB(2)));
	assert_ok(tce_register(va + MIB(4), MIB(4), MIB(2)));
	a = window_start(space, MIB(2));
	b = a + MIB(4);
	assert_ok(tce_map(space, va, MIB(4), NULL, &a));
	assert_ok(tce_map(space, va + MIB(4), MIB(4), NULL, &b));
	to_iova(va + MIB(1), MIB(7), a + MIB(1), MIB(7));
	to_va(a + MIB(1), MIB(7), va + MIB(1), MIB(7));
	assert_ok(tce_unmap(space, a, MIB(8)));
	assert_ok(tce_release(va, MIB(4), NULL, NULL));
	assert_ok(tce_release(va + MIB(4), MIB(4), NULL, NULL));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(space, DEV_A));
}

/* 4K TCEs, at a VA that shares its 2 MiB with others. */
static void small_pages(void)
{
	tce_iova_t a = TCE_IOVA_ANY, b = TCE_IOVA_ANY;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(KIB(64), KIB(4));
	assert_ok(tce_register(va, KIB(64), KIB(4)));
	assert_ok(tce_map(space, va, KIB(4), NULL, &a));
	assert_ok(tce_map(space, va + KIB(8), KIB(24), NULL, &b));
	to_iova(va + 4095, 2, a + 4095, 1);
	nowhere(va + KIB(4), b + KIB(24));
	to_iova(va + KIB(9), KIB(64), b + KIB(1), KIB(23));
	to_va(b + KIB(1), KIB(64), va + KIB(9), KIB(23));
	/* va's neighbour at the next IOVA: not contiguous in VA. */
	to_va(a, KIB(8), va, KIB(4));
	assert_ok(tce_unmap(space, b + KIB(8), KIB(4)));
	to_iova(va + KIB(8), KIB(64), b, KIB(8));
	nowhere(va + KIB(16), b + KIB(8));
	to_iova(va + KIB(20), KIB(64), b + KIB(12), KIB(12));
	assert_sound();
	assert_ok(tce_unmap(space, a, KIB(4)));
	assert_ok(tce_unmap(space, b, KIB(8)));
	assert_ok(tce_unmap(space, b + KIB(12), KIB(12)));
	assert_ok(tce_release(va, KIB(64), NULL, NULL));
	model_free(va, KIB(64));
	assert_ok(tce_space_close(space, DEV_A));
}

/* A large region, one run: the length is not limited by pages or by the directory's levels. */
static void gigabytes(void)
{
	tce_iova_t a = TCE_IOVA_ANY;
	char *va;

	machine(&model_p9);
	space = open_space(DEV_A, GIB(4));
	va = model_alloc(GIB(3), MIB(2));
	assert_ok(tce_register(va, GIB(3), MIB(2)));
	assert_ok(tce_map(space, va, GIB(3), NULL, &a));
	to_iova(va + 1, SIZE_MAX, a + 1, GIB(3) - 1);
	to_va(a + 1, SIZE_MAX, va + 1, GIB(3) - 1);
	assert_ok(tce_unmap(space, a + GIB(1), GIB(1)));
	to_iova(va + 1, SIZE_MAX, a + 1, GIB(1) - 1);
	to_iova(va + GIB(2), SIZE_MAX, a + GIB(2), GIB(1));
	nowhere(va + GIB(1), a + GIB(2) - 1);
	assert_sound();
	assert_ok(tce_unmap(space, a, GIB(1)));
	assert_ok(tce_unmap(space, a + GIB(2), GIB(1)));
	assert_ok(tce_release(va, GIB(3), NULL, NULL));
	model_free(va, GIB(3));
	assert_ok(tce_space_close(space, DEV_A));
}

static void *trap;
static tce_iova_t going;

/* The reader is about to load an entry of the page: now its TCE goes. */
static void unmap_now(int signal)
{
	if (mprotect(trap, system_page(), PROT_READ | PROT_WRITE) ||
	    tce_unmap(space, going, MIB(2)))
		_exit(42);
}

/* A TCE that goes between the hint and the entry: where else the memory is mapped is found. */
static void looks_again(void)
{
	const size_t per_page = system_page() / sizeof(uint64_t);
	tce_iova_t first = TCE_IOVA_ANY, stays, found = 0;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(8), MIB(2));
	assert_ok(tce_register(va, MIB(8), MIB(2)));
	/* The guess is of the table's first page, the TCE that goes of the second. */
	assert_ok(tce_map(space, va, MIB(4), NULL, &first));
	going = first + per_page * MIB(2);
	stays = first + 2 * per_page * MIB(2);
	assert_ok(tce_map(space, va + MIB(4), MIB(2), NULL, &stays));
	assert_ok(tce_map(space, va + MIB(4), MIB(2), NULL, &going));
	assert_ok(tce_iova(space, va + MIB(4), 1, &found, NULL));
	assert_int_equal(found, going);
	trap = (void *)(space->guess->entry + per_page);
	signal(SIGSEGV, unmap_now);
	assert_int_equal(mprotect(trap, system_page(), PROT_NONE), 0);
	to_iova(va + MIB(4) + 42, 1, stays + 42, 1);
	signal(SIGSEGV, SIG_DFL);
	assert_int_equal(tce_va(space, going, 1, &(void *){NULL}, NULL), -ENOENT);
	/* And where it is mapped nowhere else, it is not found. */
	going = stays;
	trap = (void *)(space->guess->entry + 2 * per_page);
	signal(SIGSEGV, unmap_now);
	assert_int_equal(mprotect(trap, system_page(), PROT_NONE), 0);
	assert_int_equal(tce_iova(space, va + MIB(4), 1, &found, NULL), -ENOENT);
	signal(SIGSEGV, SIG_DFL);
	assert_ok(tce_unmap(space, first, MIB(4)));
	assert_ok(tce_release(va, MIB(8), NULL, NULL));
	model_free(va, MIB(8));
	assert_ok(tce_space_close(space, DEV_A));
}

/* Each space has its own translation. */
static void spaces_apart(void)
{
	struct tce_space *other;
	tce_iova_t a = TCE_IOVA_ANY, b, found;
	char *va;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	other = open_space(DEV_B, GIB(1));
	va = model_alloc(MIB(2), MIB(2));
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_map(space, va, MIB(2), NULL, &a));
	assert_int_equal(tce_iova(other, va, 1, &found, NULL), -ENOENT);
	b = a + MIB(64);
	assert_ok(tce_map(other, va, MIB(2), NULL, &b));
	to_iova(va, 1, a, 1);
	assert_ok(tce_iova(other, va, 1, &found, NULL));
	assert_int_equal(found, b);
	assert_sound();
	assert_ok(tce_unmap(space, a, MIB(2)));
	assert_int_equal(tce_release(va, MIB(2), NULL, NULL), -EBUSY);
	assert_ok(tce_unmap(other, b, MIB(2)));
	assert_ok(tce_release(va, MIB(2), NULL, NULL));
	model_free(va, MIB(2));
	assert_ok(tce_space_close(space, DEV_A));
	assert_ok(tce_space_close(other, DEV_B));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(lengths),   whole_test(across_mappings), whole_test(small_pages),
		whole_test(gigabytes), whole_test(spaces_apart),    whole_test(looks_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
