/* SPDX-License-Identifier: BSD-3-Clause */
/* Arenas of ordinary pages: their blocks, region, mappings, refusals. Hugepages are the guests'. */
#include <sys/mman.h>
#include <unistd.h>

#include <tce/hugemem.h>

#include "fixture.h"

enum { PAGES = 16 };

static struct tce_arena *arena;
static struct tce_arena_info info;

static void build(void)
{
	machine(lpar_here());
	assert_ok(tce_arena_open(PAGES * system_page(), system_page(), TCE_NODE_ANY, &arena));
	tce_arena_info(arena, &info);
	model_adopt(info.va, info.len, info.page);
}

static void end(void)
{
	assert_ok(tce_arena_close(arena));
	model_forget(info.va);
	/* Gone from the process too. */
	assert_int_equal(msync(info.va, system_page(), MS_ASYNC), -1);
}

static void refused(int ret, int want, const char *word)
{
	if (ret != want)
		fail_msg("answered %d, wanted %d: %s", ret, want, tce_error());
	assert_sentence(word);
}

static void one_region(void)
{
	struct tce_region_info region;
	size_t n = 1;

	build();
	assert_int_equal(info.len, PAGES * system_page());
	assert_int_equal(info.page, system_page());
	assert_int_equal(info.node, TCE_NODE_ANY);
	assert_int_equal(info.used, 0);
	assert_int_equal(info.largest, info.len);
	assert_ok(tce_region_list(&region, &n));
	assert_int_equal(n, 1);
	assert_ptr_equal(region.va, info.va);
	assert_int_equal(region.len, info.len);
	end();
}

static void what_is_no_arena(void)
{
	struct tce_arena *none = NULL;

	machine(lpar_here());
	refused(tce_arena_open(0, system_page(), TCE_NODE_ANY, &none), -EINVAL, "0 bytes");
	refused(tce_arena_open(1, 12345, TCE_NODE_ANY, &none), -EINVAL, "no pages of 12345");
	refused(tce_arena_open(1, MIB(3), TCE_NODE_ANY, &none), -EINVAL, "system page is");
	refused(tce_arena_open(1, system_page(), 4000, &none), -ENODEV, "no node 4000");
	refused(tce_arena_open(1, system_page(), -2, &none), -ENODEV, "no node -2");
	refused(tce_arena_open(UINT64_C(1) << 62, system_page(), TCE_NODE_ANY, &none), -ENOMEM,
		"no memory for");
	assert_null(none);
}

static void blocks(void)
{
	struct tce_arena_info now;
	void *a, *b, *c, *d;

	build();
	assert_ok(tce_arena_alloc(arena, 1, 0, &a));
	assert_ptr_equal(a, info.va);
	memset(a, 0xff, 128);
	assert_ok(tce_arena_alloc(arena, 300, system_page(), &b));
	assert_ptr_equal(b, (char *)info.va + system_page());
	assert_ok(tce_arena_alloc(arena, 300, 0, &c)); /* the gap between them */
	assert_ptr_equal(c, (char *)a + 128);
	assert_ok(tce_arena_alloc(arena, 8, 8, &d));
	assert_ptr_equal(d, (char *)c + 384);
	tce_arena_info(arena, &now);
	assert_int_equal(now.used, 128 + 384 + 384 + 128);
	assert_int_equal(now.largest, info.len - system_page() - 384);
	refused(tce_arena_close(arena), -EBUSY, "4 blocks");
	assert_ok(tce_arena_free(arena, a));
	refused(tce_arena_free(arena, a), -ENOENT, "no block");
	refused(tce_arena_free(arena, (char *)c + 128), -ENOENT, "no block");
	assert_ok(tce_arena_alloc(arena, 128, 0, &a)); /* all zeroes again */
	assert_ptr_equal(a, info.va);
	assert_int_equal(*(unsigned char *)a, 0);
	for (size_t i = 0; i < 4; i++)
		assert_ok(tce_arena_free(arena, (void *[]){a, b, c, d}[i]));
	tce_arena_info(arena, &now);
	assert_int_equal(now.used, 0);
	assert_int_equal(now.largest, info.len);
	end();
}

static void blocks_that_cannot_be(void)
{
	void *a = NULL, *b;

	build();
	refused(tce_arena_alloc(arena, 0, 0, &a), -EINVAL, "0 bytes");
	refused(tce_arena_alloc(arena, 1, 3, &a), -EINVAL, "multiple of 3");
	refused(tce_arena_alloc(arena, 1, 2 * info.page, &a), -EINVAL, "multiple of");
	refused(tce_arena_alloc(arena, info.len + 1, 0, &a), -ENOSPC, "the arena has");
	assert_ok(tce_arena_alloc(arena, info.len - 128, 0, &b));
	refused(tce_arena_alloc(arena, 129, 0, &a), -ENOSPC, "largest free run");
	assert_null(a);
	assert_ok(tce_arena_alloc(arena, 128, 0, &a));
	refused(tce_arena_alloc(arena, 1, 0, &a), -ENOSPC, "is 0");
	assert_ok(tce_arena_free(arena, a));
	assert_ok(tce_arena_free(arena, b));
	end();
}

/* Blocks in random order against a plain map of what is in use. */
static void blocks_at_random(void)
{
	enum { UNITS = 256, TRIES = 4000 };
	static struct {
		char *va;
		size_t len;
	} held[UNITS];
	unsigned char *shadow;
	unsigned seed = 1;

	build();
	shadow = calloc(info.len / 128, 1);
	assert_non_null(shadow);
	for (unsigned t = 0; t < TRIES; t++) {
		unsigned i = (unsigned)rand_r(&seed) % UNITS;
		size_t len = 1 + (size_t)rand_r(&seed) % 3000, unit;
		size_t align = 128u << ((unsigned)rand_r(&seed) % 5);
		void *va;

		if (held[i].va) {
			unit = (size_t)(held[i].va - (char *)info.va) / 128;
			memset(shadow + unit, 0, (held[i].len + 127) / 128);
			assert_ok(tce_arena_free(arena, held[i].va));
			held[i].va = NULL;
		} else if (!tce_arena_alloc(arena, len, align, &va)) {
			unit = (size_t)((char *)va - (char *)info.va) / 128;
			assert_int_equal((uintptr_t)va & (align - 1), 0);
			assert_null(memchr(shadow + unit, 1, (len + 127) / 128));
			memset(shadow + unit, 1, (len + 127) / 128);
			held[i].va = va;
			held[i].len = len;
		}
	}
	for (unsigned i = 0; i < UNITS; i++)
		if (held[i].va)
			assert_ok(tce_arena_free(arena, held[i].va));
	free(shadow);
	end();
}

static void translation(void)
{
	struct tce_space *a, *b;
	struct tce_span in_a, in_b;
	tce_iova_t iova, slow;
	char *va;

	build();
	va = info.va;
	a = open_space(DEV_A, GIB(1));
	b = open_space(DEV_B, GIB(1));
	assert_ok(tce_arena_map(arena, a, NULL, &in_a));
	assert_ok(tce_arena_map(arena, b, &(struct tce_map_options){.lowest = MIB(64)}, &in_b));
	for (size_t at = 0; at < info.len; at += 4000) {
		assert_int_equal(tce_span_iova(&in_a, va + at, 1, &iova), 0);
		assert_int_equal(tce_iova(a, va + at, 1, &slow, NULL), 0);
		assert_int_equal(iova, slow);
		assert_int_equal(tce_span_iova(&in_b, va + at, 1, &iova), 0);
		assert_int_equal(tce_iova(b, va + at, 1, &slow, NULL), 0);
		assert_int_equal(iova, slow);
	}
	iova = 7;
	assert_int_equal(tce_span_iova(&in_a, va, info.len, &slow), 0);
	assert_int_equal(tce_span_iova(&in_a, va, info.len + 1, &iova), -ENOENT);
	assert_int_equal(tce_span_iova(&in_a, va + 1, info.len, &iova), -ENOENT);
	assert_int_equal(tce_span_iova(&in_a, va - 1, 2, &iova), -ENOENT);
	assert_int_equal(tce_span_iova(&in_a, va + info.len, 1, &iova), -ENOENT);
	assert_int_equal(tce_span_iova(&in_a, va + 1, SIZE_MAX, &iova), -ENOENT);
	assert_int_equal(iova, 7);
	refused(tce_arena_close(arena), -EBUSY, "still point into");
	assert_ok(tce_arena_unmap(arena, &in_b));
	assert_ok(tce_arena_unmap(arena, &in_a));
	assert_ok(tce_space_close(a, DEV_A));
	assert_ok(tce_space_close(b, DEV_B));
	end();
}

static void child(const void *arg)
{
	struct tce_arena *none;

	assert_int_equal(msync(info.va, info.page, MS_ASYNC), -1);
	refused(tce_arena_open(1, system_page(), TCE_NODE_ANY, &none), -EPERM, "owner");
	refused(tce_arena_close(arena), -EPERM, "owner");
}

static void a_child_has_none(void)
{
	build();
	in_child(child, NULL);
	strcpy(info.va, "the parent's");
	end();
}

/* The kernel kept the pages: they stay mapped, where it can write to them. */
static void in_quarantine(void)
{
	struct tce_space *space;
	struct tce_span span;

	build();
	space = open_space(DEV_A, GIB(1));
	assert_ok(tce_arena_map(arena, space, NULL, &span));
	assert_ok(tce_arena_unmap(arena, &span));
	model_fail(MODEL_UNENROLL, 1, -EIO);
	refused(tce_arena_close(arena), -EIO, "quarantine");
	strcpy(info.va, "still here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(one_region),	      whole_test(what_is_no_arena),
		whole_test(blocks),	      whole_test(blocks_that_cannot_be),
		whole_test(blocks_at_random), whole_test(translation),
		whole_test(a_child_has_none), leaving_test(in_quarantine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
