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
	say_tces(b, "tces", 0);
	seat_dma(b, &o->s, o->start);
	kept = locked(b);
	say("unregister", b->k->unenroll(o->s.container, o->va, PAGES * b->huge));
	say_number("locked", (int64_t)(locked(b) - kept));
	say_hex("device-reads", seat_peek(b, &o->s, o->start));
	say_tces(b, "tces", 0);
}

static void orphan_and_regret(struct bench *b, void *arg)
{
	struct lost *o = arg;

	make_orphan(b, o);
	say("unmap", b->k->unmap(o->s.container, o->start, PAGES * b->huge));
	say_tces(b, "tces", 0);
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
	say_tces(b, "tces", 0);
	say_hex("device-reads-fresh", seat_peek(b, &o->s, o->start + GIB(1)));
	seat_poke(b, &o->s, o->start + GIB(1), 0x3333);
	say_hex("memory-has", word_at(o->va));
	say_hex("device-has", seat_peek(b, &o->s, o->start));
}

static void in_a_process(struct bench *b, bench_fn *fn)
{
	struct lost o = {.alloc = b->ops->alloc};
	struct bench_pages was, is;

	b->ops->settle(b->huge, b->ops->pages(b->huge).total);
	was = b->ops->pages(b->huge);
	b->ops->child(b, fn, &o);
	b->ops->settle(b->huge, was.free);
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

/*
 * R24, R25: a hypervisor that refuses a TCE. The kernel asks it for the one past the end of a
 * window whose table ends within a page of the system, and there has room in its own view of it.
 */
static void refused_midway(struct bench *b, void *arg)
{
	struct lost *o = arg;
	struct seat s = seat_open(b, 0);
	uint64_t start = 0, last = 15 * s.iopage, kept;
	char *one = o->alloc(b->huge, b->huge), *two = o->alloc(2 * b->huge, b->huge);

	say("create", b->k->window_create(s.container, s.iopage, 16 * s.iopage, 1, &start));
	last += start;
	say("register", b->k->enroll(s.container, one, b->huge));
	say("register", b->k->enroll(s.container, two, 2 * b->huge));
	say("map", b->k->map(s.container, one, last, s.iopage, TCE_RW));
	say_tces(b, "tces", 0);
	say("map-past", b->k->map(s.container, two, last, 2 * s.iopage, TCE_RW));
	say_tces(b, "tces", 0);
	say("map", b->k->map(s.container, one, last, s.iopage, TCE_RW));
	say("unmap-past", b->k->unmap(s.container, last, 2 * s.iopage));
	say_tces(b, "tces", 0);
	say("unmap", b->k->unmap(s.container, last, s.iopage));
	kept = locked(b);
	say("unregister", b->k->unenroll(s.container, one, b->huge));
	say_number("locked", (int64_t)(locked(b) - kept));
	kept = locked(b);
	say("unregister-refused", b->k->unenroll(s.container, two, 2 * b->huge));
	say_number("locked", (int64_t)(locked(b) - kept));
}

static void hypervisor_refuses(struct bench *b)
{
	if (b->pseries)
		in_a_process(b, refused_midway);
	else
		say_text("hypervisor", "none");
}

enum { RACERS = 32, RACES = 10000 };

/* R16: MAP meets a region that another thread is about to unregister, and says that all is done. */
static void race(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	size_t page = b->system_page;
	unsigned short_maps = 0;

	/* An emulated POWER8 did not come to an end within minutes. */
	if (s.facts.page_sizes & MIB(256)) {
		say_text("race", "not-run");
		return;
	}
	say("remove", b->k->window_remove(s.container, UINT64_C(1) << 40)); /* now it is ours */
	for (unsigned i = 0; i < RACES && !short_maps; i++) {
		char *va = b->ops->alloc(RACERS * page, page);
		uint64_t before;

		for (unsigned r = 0; r < RACERS; r++)
			if (b->k->enroll(s.container, va + r * page, page))
				give_up("register", (int)r);
		before = locked(b);
		/* If it had mapped them all, none could have been given back. */
		if (!b->ops->race(b, s.container, va, RACERS) && locked(b) < before)
			short_maps++;
		b->k->unmap(s.container, 0, RACERS * page);
	}
	say_number("short-maps", short_maps);
}

static void past_end(struct bench *b, void *arg)
{
	struct seat *s = arg;
	uint64_t start = seat_window(b, s), last = start + s->iopage * 32767;
	char *va = b->ops->alloc(2 * b->huge, b->huge);
	int ret;

	say("register", b->k->enroll(s->container, va, 2 * b->huge));
	say("map-last", b->k->map(s->container, va, last, s->iopage, TCE_RW));
	say_tces(b, "tces", 0);
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
	say_tces(b, "tces", 0);
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
	CASE("register-nothing", "R31", register_nothing, CONFORM_POISON),
	CASE("slot-lost", "W3 W11", slot_lost, CONFORM_POISON | CONFORM_TWO),
	CASE("hypervisor-refuses", "R24 R25", hypervisor_refuses, CONFORM_POISON),
	CASE("map-races-unregister", "R16", race, CONFORM_POISON),
	CASE("no-ddw", "W11b", no_ddw, CONFORM_POISON | CONFORM_NO_DDW),
	CASE("unmap-past-end", "R14", unmap_past_end, CONFORM_POISON | CONFORM_LAST),
	CASE("map-past-end", "R7", map_past_end, CONFORM_POISON | CONFORM_LAST),
	{.name = NULL},
};
