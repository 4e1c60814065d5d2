/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases: MAP, UNMAP, and what a device's DMA then meets. */
#include "seat.h"

/* A seat with a window, and registered hugepages, each with a word of its own. */
struct desk {
	struct seat s;
	uint64_t start, io;
	size_t page;
	char *va;
};

static struct desk desk(struct bench *b)
{
	struct desk d = {.s = seat_open(b, 0), .page = b->huge};

	d.io = d.s.iopage;
	d.start = seat_window(b, &d.s);
	d.va = b->ops->alloc(3 * d.page, d.page);
	for (unsigned i = 0; i < 3; i++)
		set_word(d.va + i * d.page, (i + 1) * 0x1111);
	for (unsigned i = 0; i < 3; i++)
		say("register", b->k->enroll(d.s.container, d.va + i * d.page, d.page));
	return d;
}

static void map(struct bench *b, const struct desk *d, const char *name, char *va, uint64_t iova,
		uint64_t len)
{
	say(name, b->k->map(d->s.container, va, iova, len, TCE_RW));
}

static void unmap(struct bench *b, const struct desk *d, const char *name, uint64_t iova,
		  uint64_t len)
{
	say(name, b->k->unmap(d->s.container, iova, len));
}

static void peek(struct bench *b, const struct desk *d, const char *name, uint64_t iova)
{
	say_hex(name, seat_peek(b, &d->s, iova));
}

/* R12 */
static void map_first(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t start = seat_window(b, &s);
	char *va = b->ops->alloc(b->huge, b->huge);

	say("map", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	say("unmap", b->k->unmap(s.container, start, s.iopage));
	say("map-misaligned", b->k->map(s.container, va, start + 1, s.iopage, TCE_RW));
	say("map-outside", b->k->map(s.container, va, start - s.iopage, s.iopage, TCE_RW));
}

/* R7, R9, R10: every refusal, and what is none. */
static void map_refused(struct bench *b)
{
	struct desk d = desk(b);
	char *small = b->ops->alloc(d.page, b->system_page), *none = b->ops->alloc(d.page, d.page);

	say("register-small", b->k->enroll(d.s.container, small, d.page));
	map(b, &d, "outside", d.va, d.start - d.io, d.io);
	map(b, &d, "behind", d.va, d.start + 32768 * d.io, d.io);
	map(b, &d, "unregistered", none, d.start, d.io);
	map(b, &d, "misaligned-va", d.va + KIB(4), d.start, d.io);
	map(b, &d, "misaligned-length", d.va, d.start, d.io + KIB(4));
	map(b, &d, "small-pages", small, d.start, d.io);
	map(b, &d, "misaligned-iova", d.va, d.start + KIB(4), d.io);
	map(b, &d, "misaligned-iova-of-none", none, d.start + KIB(4), d.io);
	map(b, &d, "misaligned-both", d.va + KIB(4), d.start + KIB(4), d.io);
	map(b, &d, "nothing", d.va, d.start, 0);
	map(b, &d, "nothing-outside", d.va, d.start - d.io, 0);
	map(b, &d, "nothing-misaligned", d.va, d.start + 1, 0);
	say("no-access", b->k->map(d.s.container, d.va, d.start, d.io, 0));
	say("no-access-misaligned", b->k->map(d.s.container, d.va, d.start + 1, d.io, 0));
	map(b, &d, "small-as-small", small, 0, KIB(4));
	map(b, &d, "huge-as-small", d.va + KIB(4), KIB(4), KIB(8));
}

/* R8 */
static void map_over(struct bench *b)
{
	struct desk d = desk(b);
	uint64_t before;

	seat_dma(b, &d.s, d.start);
	map(b, &d, "map", d.va, d.start, d.io);
	peek(b, &d, "reads", d.start);
	say_tces(b, "tces", 0);
	map(b, &d, "over", d.va + d.page, d.start, d.io);
	say_tces(b, "tces", 0);
	peek(b, &d, "reads", d.start);
	before = locked(b);
	say("unregister-first", b->k->unenroll(d.s.container, d.va, d.page));
	say_number("locked", (int64_t)(locked(b) - before));
	map(b, &d, "the-same", d.va + d.page, d.start, d.io);
	unmap(b, &d, "unmap", d.start, d.io);
	before = locked(b);
	say("unregister-second", b->k->unenroll(d.s.container, d.va + d.page, d.page));
	say_number("locked", (int64_t)(locked(b) - before));
}

/* R11 */
static void map_two_regions(struct bench *b)
{
	struct desk d = desk(b);
	uint64_t before;

	map(b, &d, "map", d.va, d.start, 2 * d.page);
	say_tces(b, "tces", 0);
	unmap(b, &d, "unmap-first", d.start, d.page);
	say_tces(b, "tces", 0);
	before = locked(b);
	say("unregister-first", b->k->unenroll(d.s.container, d.va, d.page));
	say_number("locked", (int64_t)(locked(b) - before));
	unmap(b, &d, "unmap-second", d.start + d.page, d.page);
	say("unregister-second", b->k->unenroll(d.s.container, d.va + d.page, d.page));
	say_number("locked", (int64_t)(locked(b) - before));
}

/* R17: a MAP that fails on its way takes along what was there. */
static void map_fails_midway(struct bench *b)
{
	struct desk d = desk(b);
	uint64_t last = d.start + d.page;

	seat_dma(b, &d.s, d.start);
	map(b, &d, "map", d.va, d.start, d.io);
	map(b, &d, "map-behind", d.va + 2 * d.page, last, d.io);
	say_tces(b, "tces", 0);
	say("unregister", b->k->unenroll(d.s.container, d.va + d.page, d.page));
	peek(b, &d, "reads", d.start);
	/* The first page again and then one of unregistered memory, over the other TCE. */
	map(b, &d, "over", d.va, d.start, 2 * d.page);
	say_tces(b, "tces", 0);
	peek(b, &d, "reads-first", d.start);
	peek(b, &d, "reads-behind", last);
	unmap(b, &d, "unmap", last, d.io);
	say_number("locked", (int64_t)locked(b));
	say("unregister-first", b->k->unenroll(d.s.container, d.va, d.page));
	say_number("locked", (int64_t)locked(b));
}

/* R13 */
static void unmap_free(struct bench *b)
{
	struct desk d = desk(b);

	seat_dma(b, &d.s, d.start);
	unmap(b, &d, "never-mapped", d.start, d.io);
	map(b, &d, "map", d.va, d.start + d.io, d.io);
	say_tces(b, "tces", 0);
	unmap(b, &d, "around", d.start, 3 * d.io);
	unmap(b, &d, "twice", d.start + d.io, d.io);
	peek(b, &d, "reads", d.start + d.io);
	unmap(b, &d, "outside", d.start - d.io, d.io);
	unmap(b, &d, "misaligned", d.start + KIB(4), d.io);
	unmap(b, &d, "misaligned-length", d.start, d.io + KIB(4));
	unmap(b, &d, "nothing", d.start, 0);
	unmap(b, &d, "nothing-misaligned", d.start + 1, 0);
}

/* What a TCE's access bits let a device do. */
static void access_bits(struct bench *b)
{
	struct desk d = desk(b);

	seat_dma(b, &d.s, d.start);
	say("map-read", b->k->map(d.s.container, d.va, d.start, d.io, TCE_READ));
	say("map-write", b->k->map(d.s.container, d.va + d.page, d.start + d.io, d.io, TCE_WRITE));
	peek(b, &d, "read-by-read", d.start);
	seat_poke(b, &d.s, d.start, 0x7777);
	say_hex("after-write-by-read", word_at(d.va));
	seat_poke(b, &d.s, d.start + d.io, 0x7777);
	say_hex("after-write-by-write", word_at(d.va + d.page));
	peek(b, &d, "read-by-write", d.start + d.io);
}

/* R28: nothing is read where no TCE is, and nothing written; the device lives on. */
static void stray(struct bench *b)
{
	struct desk d = desk(b);

	seat_dma(b, &d.s, d.start);
	peek(b, &d, "reads", d.start);
	seat_poke(b, &d.s, d.start, 0x7777);
	map(b, &d, "map", d.va, d.start, d.io);
	peek(b, &d, "reads-mapped", d.start);
	seat_poke(b, &d.s, d.start, 0x7777);
	say_hex("written", word_at(d.va));
	say_tces(b, "tces", 0);
	peek(b, &d, "outside", d.start - d.io);
	unmap(b, &d, "unmap", d.start, d.io);
	peek(b, &d, "reads-unmapped", d.start);
	seat_poke(b, &d.s, d.start, 0x8888);
	say_hex("not-written", word_at(d.va));
}

/* The default window's 4K TCEs, within one page of the system and across several. */
static void small_tces(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(4 * KIB(64), b->system_page);

	seat_dma(b, &s, 0);
	for (unsigned i = 0; i < 64; i++)
		set_word(va + i * KIB(4), 0x1000 + i);
	say("register", b->k->enroll(s.container, va, 4 * KIB(64)));
	say("map", b->k->map(s.container, va + KIB(12), KIB(4), KIB(128), TCE_RW));
	say_tces(b, "tces", 0);
	say_hex("first", seat_peek(b, &s, KIB(4)));
	say_hex("at-16", seat_peek(b, &s, KIB(4 + 64)));
	say_hex("last", seat_peek(b, &s, KIB(128)));
	say_hex("past", seat_peek(b, &s, KIB(132)));
	say("unmap-one", b->k->unmap(s.container, KIB(8), KIB(4)));
	say_hex("gone", seat_peek(b, &s, KIB(8)));
	say_hex("next", seat_peek(b, &s, KIB(12)));
}

enum { MANY = 512, TRIES = 8 };

/* The least of some tries, since an interrupt can come between. */
static void least_work(struct bench *b, const struct seat *s, char *va, int64_t work[2])
{
	for (unsigned i = 0; i < TRIES; i++) {
		int64_t begin = b->ops->work(), mapped, unmapped;
		int ret = b->k->map(s->container, va, 0, KIB(4), TCE_RW);

		mapped = b->ops->work();
		if (ret || b->k->unmap(s->container, 0, KIB(4)))
			give_up("map", ret);
		unmapped = b->ops->work();
		work[0] = i && work[0] < mapped - begin ? work[0] : mapped - begin;
		work[1] = i && work[1] < unmapped - mapped ? work[1] : unmapped - mapped;
	}
}

/* R18: what a TCE costs, with one region, and with many that were registered after its own. */
static void walk(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc((MANY + 1) * b->system_page, b->system_page);
	int64_t alone[2], old[2], newest[2];

	say("register", b->k->enroll(s.container, va, b->system_page));
	least_work(b, &s, va, alone);
	for (unsigned i = 1; i <= MANY; i++)
		if (b->k->enroll(s.container, va + i * b->system_page, b->system_page))
			give_up("register", (int)i);
	least_work(b, &s, va, old);
	least_work(b, &s, va + MANY * b->system_page, newest);
	say_number("map-walks-all", old[0] - alone[0] >= MANY);
	say_number("unmap-walks-all", old[1] - alone[1] >= MANY);
	say_number("map-of-newest-walks", newest[0] - alone[0] >= MANY);
	say_number("unmap-of-newest-walks", newest[1] - alone[1] >= MANY);
}

const struct conform_case conform_tces[] = {
	CASE("map-first", "R12", map_first, 0),
	CASE("map-refused", "R7 R9 R10", map_refused, 0),
	CASE("map-over", "R8", map_over, 0),
	CASE("map-two-regions", "R11", map_two_regions, 0),
	CASE("map-fails-midway", "R17", map_fails_midway, 0),
	CASE("map-small", "", small_tces, 0),
	CASE("map-of-many-regions", "R18", walk, 0),
	CASE("unmap-free", "R13", unmap_free, 0),
	CASE("access", "R30", access_bits, 0),
	CASE("stray", "R28", stray, 0),
	{.name = NULL},
};
