/* SPDX-License-Identifier: BSD-3-Clause */
/* tce_audit() finds each thing that could be wrong with what the library keeps. */
#include "fixture.h"

static struct tce_space *space;
static struct tce_window *w;
static char *va, *other, *idle;
static tce_iova_t iova;
static size_t at; /* of the first entry */

/* Two regions, mapped side by side, and one that is mapped nowhere. */
static void build(void)
{
	tce_iova_t next;

	machine(&model_lpar);
	space = open_space(DEV_A, GIB(1));
	va = model_alloc(MIB(6), MIB(2));
	other = va + MIB(2);
	idle = va + MIB(4);
	iova = TCE_IOVA_ANY;
	assert_ok(tce_register(va, MIB(2), MIB(2)));
	assert_ok(tce_register(other, MIB(2), MIB(2)));
	assert_ok(tce_register(idle, MIB(2), MIB(2)));
	assert_ok(tce_map(space, va, MIB(2), NULL, &iova));
	next = iova + MIB(2);
	assert_ok(tce_map(space, other, MIB(2), NULL, &next));
	w = tce_window_at(space, iova);
	at = (iova - w->start) >> w->shift;
	assert_ok(tce_audit());
}

static void take_down(void)
{
	assert_sound();
	assert_ok(tce_space_close(space, DEV_A));
	for (char *p = va; p < va + MIB(6); p += MIB(2))
		assert_ok(tce_release(p, MIB(2), NULL, NULL));
	model_free(va, MIB(6));
}

static void assert_found(const char *word)
{
	assert_int_equal(tce_audit(), -EUCLEAN);
	assert_sentence(word);
}

static uint64_t named(const char *region)
{
	return tce_table_bits(w, tce_region_at((uintptr_t)region)->number, TCE_RW) |
	       TCE_ENTRY_VALID;
}

static void entries(void)
{
	uint64_t good;

	build();
	good = w->entry[at];
	w->entry[at] = good & ~TCE_ENTRY_VALID;
	assert_found("the region that it names");
	w->entry[at] = (uintptr_t)va | named(other);
	assert_found("the region that it names");
	w->entry[at] = (uintptr_t)idle | named(idle);
	assert_found("the region that it names");
	/* The VA has to find its region here, and there is none. */
	w->entry[at] =
		((uintptr_t)va + MIB(6)) | tce_table_bits(w, UINT32_MAX, TCE_RW) | TCE_ENTRY_VALID;
	assert_found("the region that it names");
	w->entry[at] = good;
	take_down();
}

static void summaries(void)
{
	size_t leaf;

	build();
	leaf = at / w->lazy.page_words;
	w->leaf[leaf]++;
	assert_found("summary");
	w->leaf[leaf]--;
	w->used++;
	assert_found("summary");
	w->used--;
	w->full_below = leaf + 1;
	assert_found("summary");
	w->full_below = leaf;
	w->astray++;
	assert_found("summary");
	w->astray--;
	w->lazy.open[leaf / 8] = 0;
	assert_found("summary");
	w->lazy.open[leaf / 8] = (uint8_t)(1u << leaf % 8);
	take_down();
}

static void counts(void)
{
	struct tce_use *use;

	build();
	use = tce_use_of(tce_region_at((uintptr_t)other), space);
	use->live++;
	assert_found("counts 2 TCEs");
	use->live -= 2;
	assert_found("counts 0 TCEs");
	use->live++;
	take_down();
}

static void directory(void)
{
	_Atomic uint64_t *mid;
	tce_iova_t to;
	uint64_t good;

	build();
	mid = (_Atomic uint64_t *)(uintptr_t)space->dir.top.word[(uintptr_t)va >> 30];
	mid += (uintptr_t)va >> 21 & 511;
	good = *mid;
	/* A whole 2 MiB needs no node of its own. */
	assert_true(good & TCE_HINT_IOVA);
	*mid = 0;
	assert_found("is not found");
	*mid = good + MIB(2);
	assert_found("is not found");
	/* To the right entry, but not to the right place in its page. */
	*mid = good + KIB(4);
	assert_int_equal(tce_iova_by_hint(space, (uintptr_t)va, 1, &to, NULL), -ENOENT);
	*mid = good;
	take_down();
}

/* One wrong space among good ones is found, wherever it stands. */
static void every_space(void)
{
	struct tce_space *b;

	build();
	b = open_space(DEV_B, GIB(1));
	w->used++;
	assert_found("group 1");
	w->used--;
	b->window[0]->used++;
	assert_found("group 2");
	b->window[0]->used--;
	assert_ok(tce_space_close(b, DEV_B));
	take_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		whole_test(entries),   whole_test(summaries),	whole_test(counts),
		whole_test(directory), whole_test(every_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
