/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases: windows, and what their tables cost. */
#include "seat.h"

/* CREATE, what it says, and what it took from memlock. */
static int create(struct bench *b, const struct seat *s, const char *name, uint64_t page,
		  uint64_t size, uint32_t levels)
{
	uint64_t before = locked(b), start = 0xbad;
	int ret = b->k->window_create(s->container, page, size, levels, &start);

	say(name, ret);
	if (!ret)
		say_hex("at", start);
	say_number("locked", (int64_t)(locked(b) - before));
	return ret;
}

static void remove_window(struct bench *b, const struct seat *s, const char *name, uint64_t start)
{
	uint64_t before = locked(b);

	say(name, b->k->window_remove(s->container, start));
	say_number("locked", (int64_t)(locked(b) - before));
}

static uint64_t usual(const struct seat *s)
{
	return s->iopage * 32768;
}

static void facts(struct bench *b)
{
	struct seat s = seat_open(b, 0);

	say_hex("start", s.facts.default_start);
	say_hex("size", s.facts.default_size);
	say_hex("pages", s.facts.page_sizes);
	say_number("windows", s.facts.max_windows);
	say_number("levels", s.facts.levels);
	say_number("system", (int64_t)s.facts.system_page);
}

static void beside(struct bench *b)
{
	struct seat s = seat_open(b, 0);

	create(b, &s, "create", s.iopage, usual(&s), 1);
	create(b, &s, "third", s.iopage, usual(&s), 1);
	create(b, &s, "third-of-no-page", KIB(8), usual(&s), 1);
}

static void every_page(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t start;

	for (unsigned shift = 12; shift < 40; shift++) {
		uint64_t page = UINT64_C(1) << shift;

		/* Without the default window's place: a 4K one would be taken for it. */
		if (!(s.facts.page_sizes & page) || page == KIB(4))
			continue;
		say_hex("page", page);
		say("create", b->k->window_create(s.container, page, page * 32768, 1, &start));
		say_hex("at", start);
		remove_window(b, &s, "remove", start);
	}
}

static void alone(struct bench *b)
{
	struct seat s = seat_open(b, 0);

	remove_window(b, &s, "remove", 0);
	remove_window(b, &s, "remove-again", 0);
	create(b, &s, "create", s.iopage, usual(&s), 1);
}

/* W3: in the default window's place, 4K pages and no larger. */
static void default_again(struct bench *b)
{
	struct seat s = seat_open(b, 0);

	remove_window(b, &s, "remove", 0);
	create(b, &s, "create", KIB(4), s.facts.default_size, 1);
	remove_window(b, &s, "remove-it", s.facts.default_start);
	create(b, &s, "smaller", KIB(4), s.facts.default_size / 2, 1);
	create(b, &s, "beside-it", s.iopage, usual(&s), 1);
}

/* The default window goes while a made one is there: what can come in its place? */
static void default_gone(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t start = seat_window(b, &s);

	remove_window(b, &s, "remove", 0);
	create(b, &s, "create", s.iopage, usual(&s), 1);
	create(b, &s, "create-small", KIB(4), s.facts.default_size, 1);
	remove_window(b, &s, "remove-made", start);
}

/* W4, W5: refused, and what is lost with each. */
static void refused(struct bench *b)
{
	struct seat s = seat_open(b, 0);

	create(b, &s, "too-large", s.iopage, UINT64_C(1) << 62, 1);
	if (!b->pseries) /* there the hypervisor says when a table is too large, and it costs the
			    slot */
		create(b, &s, "large-table", s.iopage, s.iopage << 32, 1);
	create(b, &s, "no-such-page", KIB(8), usual(&s), 1);
	create(b, &s, "no-power-of-two", s.iopage, usual(&s) / 2 * 3, 1);
	create(b, &s, "nothing", s.iopage, 0, 1);
	create(b, &s, "levels-of-too-many", s.iopage, usual(&s), 6);
	remove_window(b, &s, "remove-nothing", UINT64_C(1) << 60);
	remove_window(b, &s, "remove-beside", s.facts.default_size);
}

/*
 * W6: a large window in each number of levels. An LPAR knows one level, or none; a large window is
 * not made there, since W8 removing it takes a minute.
 */
static void levels(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	const uint64_t high = UINT64_C(1) << 59;
	/* POWER8 is told of each TCE that goes, too: less is enough there. */
	const uint64_t size = UINT64_C(1) << (s.facts.page_sizes & MIB(16) ? 36 : 40);

	if (b->pseries) {
		if (!create(b, &s, "none", s.iopage, usual(&s), 0))
			remove_window(b, &s, "remove", high);
		create(b, &s, "two", s.iopage, usual(&s), 2);
		return;
	}
	for (uint32_t n = 0; n <= 5; n++) {
		say_number("levels", n);
		if (!create(b, &s, "create", KIB(4), size, n))
			remove_window(b, &s, "remove", high);
	}
}

/* The table of a small window: on bare metal it fills a page, and so does the window. */
static void small(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->huge, b->huge);
	uint64_t start = 0, before = locked(b), past = b->system_page / 8;

	say("create", b->k->window_create(s.container, s.iopage, s.iopage * 16, 1, &start));
	say_hex("at", start);
	say_number("locked", (int64_t)(locked(b) - before));
	say("register", b->k->enroll(s.container, va, b->huge));
	say("map-15", b->k->map(s.container, va, start + 15 * s.iopage, s.iopage, TCE_RW));
	say("map-16", b->k->map(s.container, va, start + 16 * s.iopage, s.iopage, TCE_RW));
	say("map-last",
	    b->k->map(s.container, va, start + (past - 1) * s.iopage, s.iopage, TCE_RW));
	say("map-past", b->k->map(s.container, va, start + past * s.iopage, s.iopage, TCE_RW));
	say_tces(b, "tces", 0);
	remove_window(b, &s, "remove-by-its-middle", start + 8 * s.iopage);
}

/*
 * R29: below 4 GiB bare metal has its 32-bit MMIO, from 2 GiB on. A window that covers it takes
 * TCEs there as anywhere.
 */
static void over_mmio(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(2 * b->huge, b->huge);
	uint64_t start = 0, mmio = GIB(2), last = GIB(4) - s.iopage;

	say("remove", b->k->window_remove(s.container, 0));
	say("create", b->k->window_create(s.container, s.iopage, usual(&s), 1, &start));
	say_hex("at", start);
	if (start)
		return;
	set_word(va, 0x1111);
	set_word(va + b->huge, 0x2222);
	say("register", b->k->enroll(s.container, va, 2 * b->huge));
	say("map-mmio", b->k->map(s.container, va, mmio, s.iopage, TCE_RW));
	say("map-last", b->k->map(s.container, va + b->huge, last, s.iopage, TCE_RW));
	seat_dma_at(b, &s, GIB(4), s.iopage);
	say_hex("reads-mmio", seat_peek(b, &s, mmio));
	say_hex("reads-last", seat_peek(b, &s, last));
}

/* R22: the default window costs nothing before it is used. */
static void default_lazy(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->system_page, b->system_page);
	uint64_t before = locked(b);

	say("register", b->k->enroll(s.container, va, b->system_page));
	say_number("locked", (int64_t)(locked(b) - before));
	say("unmap", b->k->unmap(s.container, 0, KIB(4)));
	say_number("locked", (int64_t)(locked(b) - before));
	say("map", b->k->map(s.container, va, 0, KIB(4), TCE_RW));
	say_tces(b, "tces", 0);
	remove_window(b, &s, "remove", 0);
	say("map-without", b->k->map(s.container, va, 0, KIB(4), TCE_RW));
	say("unregister", b->k->unenroll(s.container, va, b->system_page));
	say_number("locked", (int64_t)(locked(b) - before));
}

static void default_cancelled(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->system_page, b->system_page);

	remove_window(b, &s, "remove", 0);
	say("register", b->k->enroll(s.container, va, b->system_page));
	say("map", b->k->map(s.container, va, 0, KIB(4), TCE_RW));
	say("unmap", b->k->unmap(s.container, 0, KIB(4)));
	remove_window(b, &s, "remove-again", 0);
}

/* Removing a window clears its TCEs, so that memory can be given back. */
static void remove_mapped(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->huge, b->huge);
	uint64_t before = locked(b), start = seat_window(b, &s);

	say("register", b->k->enroll(s.container, va, b->huge));
	say("map", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	say_tces(b, "tces", 0);
	say("remove", b->k->window_remove(s.container, start));
	say("map-gone", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	say("unregister", b->k->unenroll(s.container, va, b->huge));
	say_number("locked", (int64_t)(locked(b) - before));
}

/* R20: CREATE beyond memlock. Nothing is lost then. */
static void beyond_memlock(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t size = s.facts.default_size / 4096 * 8 * (b->pseries ? 1 : 2);

	b->ops->limit(locked(b) + size - b->system_page);
	create(b, &s, "default", s.iopage, usual(&s), 1);
	b->ops->limit(locked(b) + size);
	create(b, &s, "made", s.iopage, usual(&s), 1);
}

const struct conform_case conform_windows[] = {
	CASE("facts", "W1 W9", facts, 0),
	CASE("window-beside", "W2 W5a", beside, 0),
	CASE("window-of-every-page", "W1 W9", every_page, 0),
	CASE("window-alone", "W3 R22", alone, 0),
	CASE("window-default-again", "W3", default_again, 0),
	CASE("window-default-gone", "W3a", default_gone, 0),
	CASE("window-refused", "W4 W4a W5", refused, 0),
	CASE("window-levels", "W6 W4a", levels, 0),
	CASE("window-small", "W6a W13", small, 0),
	CASE("window-over-mmio", "R29", over_mmio, 0),
	CASE("window-default-lazy", "R22 W13", default_lazy, 0),
	CASE("window-default-cancelled", "R22", default_cancelled, 0),
	CASE("window-removed-mapped", "", remove_mapped, 0),
	CASE("window-beyond-memlock", "R20 W5a", beyond_memlock, 0),
	{.name = NULL},
};
