/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases after which a kernel is not what it was. They run in a guest that is thrown away. */
#include "seat.h"

enum { PAGES = 4 };

struct lost {
	struct seat s;
	uint64_t start;
	char *va;
	char *(*alloc)(size_t len, size_t page);
};

/* R4: UNREGISTER with live TCEs. */
static void make_orphan(struct bench *b, void *arg)
{
	struct lost *o = arg;
	uint64_t kept;

	o->s = seat_open(b, 0);
	o->start = seat_window(b, &o->s);
	o->va = o->alloc(PAGES * b->huge, b->huge);
	set_word(o->va, 0x1111);
	say("register", b->k->enroll(o->s.container, o->va, PAGES * b->huge));
	say("map", b->k->map(o->s.container, o->va, o->start, PAGES * b->huge, TCE_RW));
	seat_dma(b, &o->s, o->start);
	kept = locked(b);
	say("unregister", b->k->unenroll(o->s.container, o->va, PAGES * b->huge));
	say_number("locked", (int64_t)(locked(b) - kept));
	say_hex("device-reads", seat_peek(b, &o->s, o->start));
}

static void orphan_and_regret(struct bench *b, void *arg)
{
	struct lost *o = arg;

	make_orphan(b, o);
	say("unmap", b->k->unmap(o->s.container, o->start, PAGES * b->huge));
	say("unregister-again", b->k->unenroll(o->s.container, o->va, PAGES * b->huge));
	say("register-again", b->k->enroll(o->s.container, o->va, PAGES * b->huge));
	say("unregister-last", b->k->unenroll(o->s.container, o->va, PAGES * b->huge));
}

/* R5: fresh pages at the same address get the old ones' TCEs. */
static void orphan_and_reuse(struct bench *b, void *arg)
{
	struct lost *o = arg;

	make_orphan(b, o);
	b->ops->free(o->va, PAGES * b->huge);
	b->ops->alloc_at(o->va, PAGES * b->huge, b->huge);
	set_word(o->va, 0x2222);
	say("register-fresh", b->k->enroll(o->s.container, o->va, PAGES * b->huge));
	say("map-fresh", b->k->map(o->s.container, o->va, o->start + GIB(1), b->huge, TCE_RW));
	say_hex("device-reads-fresh", seat_peek(b, &o->s, o->start + GIB(1)));
	seat_poke(b, &o->s, o->start + GIB(1), 0x3333);
	say_hex("memory-has", word_at(o->va));
	say_hex("device-has", seat_peek(b, &o->s, o->start));
}

static void in_a_process(struct bench *b, bench_fn *fn)
{
	struct lost o = {.alloc = b->ops->alloc};
	struct bench_pages was, is;

	b->ops->settle();
	was = b->ops->pages(b->huge);
	b->ops->child(b, fn, &o);
	b->ops->settle();
	is = b->ops->pages(b->huge);
	say_number("missing", (int64_t)(was.free - is.free));
	say_number("reserved", is.reserved - was.reserved);
	say_number("total", (int64_t)(is.total - was.total));
}

/* The kernel warns once from boot to boot. */
static void orphan(struct bench *b)
{
	unsigned warnings = b->ops->warnings();

	in_a_process(b, orphan_and_regret);
	say_number("warned", b->ops->warnings() > warnings);
}

/* The same with memory that is a process's own, for which the kernel counts otherwise. */
static void private_orphan(struct bench *b, void *arg)
{
	struct lost *o = arg;

	o->alloc = b->ops->alloc_private;
	make_orphan(b, o);
}

static void orphan_private(struct bench *b)
{
	in_a_process(b, private_orphan);
}

static void orphan_reused(struct bench *b)
{
	in_a_process(b, orphan_and_reuse);
}

/* REGISTER of nothing asks the kernel for memory of no size. */
static void register_nothing(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->system_page, b->system_page);
	unsigned warnings = b->ops->warnings();

	say("register", b->k->enroll(s.container, va, 0));
	say_number("warned", b->ops->warnings() > warnings);
	say("register-page", b->k->enroll(s.container, va, b->system_page));
}

/* W3, W11: a second window where the platform has no room for it costs an LPAR's slot. */
static void slot_lost(struct bench *b)
{
	struct seat s = seat_open(b, 1);
	uint64_t start = 0;

	say("remove", b->k->window_remove(s.container, 0));
	say("create", b->k->window_create(s.container, s.iopage, s.iopage * 32768, 1, &start));
	say_hex("at", start);
	say("second", b->k->window_create(s.container, s.iopage, s.iopage * 32768, 1, &start));
	say_hex("at", start);
	say("lost", b->k->slot_lost(s.name));
	say("remove-made", b->k->window_remove(s.container, UINT64_C(1) << 59));
	say("third", b->k->window_create(s.container, s.iopage, s.iopage * 32768, 1, &start));
	seat_close(b, &s);
	s = seat_open(b, 1);
	say("next-opener", b->k->window_create(s.container, s.iopage, s.iopage * 32768, 1, &start));
}

/* An LPAR's slot without DDW. */
static void no_ddw(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->system_page, b->system_page);
	uint64_t before = locked(b), start = 0;

	say_hex("size", s.facts.default_size);
	say_hex("pages", s.facts.page_sizes);
	say_number("windows", s.facts.max_windows);
	say_number("levels", s.facts.levels);
	say("register", b->k->enroll(s.container, va, b->system_page));
	say("map", b->k->map(s.container, va, 0, KIB(4), TCE_RW));
	say_number("locked", (int64_t)(locked(b) - before));
	say("map-again", b->k->map(s.container, va, 0, KIB(4), TCE_RW));
	say_number("locked", (int64_t)(locked(b) - before));
	say("unmap", b->k->unmap(s.container, 0, KIB(4)));
	say("create", b->k->window_create(s.container, KIB(4), MIB(128), 1, &start));
	say("remove", b->k->window_remove(s.container, 0));
	say("map-without", b->k->map(s.container, va, 0, KIB(4), TCE_RW));
	say("create-now", b->k->window_create(s.container, KIB(4), MIB(128), 1, &start));
	say_number("locked", (int64_t)(locked(b) - before));
}

static void past_end(struct bench *b, void *arg)
{
	struct seat *s = arg;
	uint64_t start = seat_window(b, s), last = start + s->iopage * 32767;
	char *va = b->ops->alloc(2 * b->huge, b->huge);
	int ret;

	say("register", b->k->enroll(s->container, va, 2 * b->huge));
	say("map-last", b->k->map(s->container, va, last, s->iopage, TCE_RW));
	ret = b->k->map(s->container, va, last, 2 * s->iopage, TCE_RW);
	if (ret)
		say("refused", ret);
}

/* R7: MAP past the window's end is not refused. What then happens is nobody's promise,
 * and not compared. */
static void map_past_end(struct bench *b)
{
	struct seat s = seat_open(b, 0);

	b->ops->child(b, past_end, &s);
}

static void unmap_past(struct bench *b, void *arg)
{
	struct seat *s = arg;
	uint64_t start = seat_window(b, s), last = start + s->iopage * 32767;
	char *va = b->ops->alloc(b->huge, b->huge);
	int ret;

	say("register", b->k->enroll(s->container, va, b->huge));
	say("map-last", b->k->map(s->container, va, last, s->iopage, TCE_RW));
	ret = b->k->unmap(s->container, last, 2 * s->iopage);
	if (ret)
		say("refused", ret);
}

/*
 * R14: nor is UNMAP, on Linux before 6.12.112: iommu_tce_check_ioba() of
 * arch/powerpc/kernel/iommu.c (6.12.95: line 1076) looks at the first TCE only. Later ones look at
 * the last, and answer +1; for MAP they are still told of one TCE (iommu_tce_put_param_check() of
 * asm/iommu.h).
 */
static void unmap_past_end(struct bench *b)
{
	struct seat s = seat_open(b, 0);

	b->ops->child(b, unmap_past, &s);
}

const struct conform_case conform_poison[] = {
	CASE("orphan", "R4 R26", orphan, CONFORM_POISON),
	CASE("orphan-private", "R4", orphan_private, CONFORM_POISON),
	CASE("orphan-reused", "R5", orphan_reused, CONFORM_POISON),
	CASE("register-nothing", "", register_nothing, CONFORM_POISON),
	CASE("slot-lost", "W3 W11", slot_lost, CONFORM_POISON | CONFORM_TWO),
	CASE("no-ddw", "W11", no_ddw, CONFORM_POISON | CONFORM_NO_DDW),
	CASE("unmap-past-end", "R14", unmap_past_end, CONFORM_POISON | CONFORM_LAST),
	CASE("map-past-end", "R7", map_past_end, CONFORM_POISON | CONFORM_LAST),
	{.name = NULL},
};
