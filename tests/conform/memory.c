/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases: registration. */
#include "seat.h"

/* REGISTER or UNREGISTER, what it says, and what memlock shows (R26). */
static void enroll(struct bench *b, int c, const char *name, char *va, size_t len)
{
	uint64_t before = locked(b);

	say(name, b->k->enroll(c, va, len));
	say_number("locked", (int64_t)(locked(b) - before));
}

static void unenroll(struct bench *b, int c, const char *name, char *va, size_t len)
{
	uint64_t before = locked(b);

	say(name, b->k->unenroll(c, va, len));
	say_number("locked", (int64_t)(locked(b) - before));
}

static void overlap(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	size_t page = b->huge;
	char *va = b->ops->alloc(4 * page, page);

	enroll(b, s.container, "register", va + page, 2 * page);
	enroll(b, s.container, "same", va + page, 2 * page);
	enroll(b, s.container, "front", va, 2 * page);
	enroll(b, s.container, "back", va + 2 * page, 2 * page);
	enroll(b, s.container, "inside", va + page, page);
	enroll(b, s.container, "around", va, 4 * page);
	enroll(b, s.container, "before-it", va, page);
	enroll(b, s.container, "behind-it", va + 3 * page, page);
	unenroll(b, s.container, "unregister", va + page, 2 * page);
	enroll(b, s.container, "inside-now", va + page, page);
}

static void part(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	size_t page = b->huge;
	char *va = b->ops->alloc(2 * page, page);

	unenroll(b, s.container, "before-any", va, page);
	enroll(b, s.container, "register", va, 2 * page);
	unenroll(b, s.container, "front", va, page);
	unenroll(b, s.container, "back", va + page, page);
	unenroll(b, s.container, "unknown", va - page, page);
	unenroll(b, s.container, "longer", va, 3 * page);
	unenroll(b, s.container, "nothing", va, 0);
	unenroll(b, s.container, "misaligned-va", va + 1, page);
	unenroll(b, s.container, "misaligned-length", va, page + 1);
	unenroll(b, s.container, "unregister", va, 2 * page);
	unenroll(b, s.container, "again", va, 2 * page);
}

static void shapes(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	size_t page = b->system_page;
	char *va = b->ops->alloc(4 * page, page);

	enroll(b, s.container, "misaligned-va", va + 1, page);
	enroll(b, s.container, "misaligned-length", va, page + 1);
	enroll(b, s.container, "around-the-top", va, -(uintptr_t)va + page);
	enroll(b, s.container, "one-page", va, page);
}

/* R23 */
static void hole(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	size_t page = b->system_page;
	char *va = b->ops->alloc(8 * page, page);

	b->ops->free(va + 5 * page, page);
	enroll(b, s.container, "tail-missing", va, 8 * page);
	enroll(b, s.container, "head-missing", va + 5 * page, 3 * page);
	enroll(b, s.container, "whole", va, 5 * page);
	unenroll(b, s.container, "unregister", va, 5 * page);
}

static void read_only(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	size_t page = b->system_page;
	char *va = b->ops->alloc(4 * page, page);

	b->ops->read_only(va + 2 * page, 2 * page);
	enroll(b, s.container, "read-only", va + 2 * page, page);
	enroll(b, s.container, "tail-read-only", va, 4 * page);
	enroll(b, s.container, "writable", va, 2 * page);
}

/* R20 */
static void beyond_memlock(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(2 * b->huge, b->huge);

	b->ops->limit(b->huge);
	enroll(b, s.container, "too-much", va, 2 * b->huge);
	enroll(b, s.container, "enough", va, b->huge);
	enroll(b, s.container, "one-more", va + b->huge, b->system_page);
	unenroll(b, s.container, "unregister", va, b->huge);
	enroll(b, s.container, "other", va + b->huge, b->huge);
}

/* Registration is the process's: a second container finds the region, and shares its pages. */
static void two_containers(struct bench *b)
{
	struct seat s = seat_open(b, 0), t = seat_open(b, 1);
	size_t page = b->huge;
	char *va = b->ops->alloc(2 * page, page);
	uint64_t start;

	enroll(b, s.container, "first", va, 2 * page);
	enroll(b, t.container, "part-in-second", va, page);
	enroll(b, t.container, "second", va, 2 * page);
	enroll(b, t.container, "second-again", va, 2 * page);
	unenroll(b, s.container, "end-first", va, 2 * page);
	start = seat_window(b, &s);
	say("map-in-first", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	say_tces(b, "tces", 0);
	say("unmap-in-first", b->k->unmap(s.container, start, s.iopage));
	unenroll(b, s.container, "first-again", va, 2 * page);
	unenroll(b, t.container, "end-second", va, 2 * page);
	enroll(b, s.container, "third", va, page);
	seat_close(b, &t);
	seat_close(b, &s);
	say_number("locked", (int64_t)locked(b));
}

/*
 * R19: what divides address and length is the largest I/O page, and what the pages are that lie
 * behind; of a small page behind a huge one only MAP finds out.
 */
static void io_page(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t start = seat_window(b, &s);
	size_t page = b->huge;
	char *va = b->ops->alloc(4 * page, page);

	enroll(b, s.container, "shifted", va + b->system_page, page);
	say("map-shifted", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	say("map-small", b->k->map(s.container, va + b->system_page, 0, KIB(4), TCE_RW));
	say_tces(b, "tces", 0);
	say("unmap-small", b->k->unmap(s.container, 0, KIB(4)));
	unenroll(b, s.container, "unregister", va + b->system_page, page);
	enroll(b, s.container, "odd", va, page + b->system_page);
	say("map-odd", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	unenroll(b, s.container, "unregister", va, page + b->system_page);
	enroll(b, s.container, "whole", va, 2 * page);
	say("map-whole", b->k->map(s.container, va, start, 2 * page, TCE_RW));
}

/* One region of a huge and of small pages. With the hash MMU they cannot be neighbours. */
static void mixed(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t start = seat_window(b, &s);
	size_t page = b->huge;
	char *va;

	if (page > MIB(2)) {
		say_text("mixed", "cannot-be");
		return;
	}
	va = b->ops->alloc(4 * page, b->system_page);
	va += -(uintptr_t)va & (page - 1);
	b->ops->free(va, page);
	b->ops->alloc_at(va, page, page);
	enroll(b, s.container, "huge-first", va, 2 * page);
	say("map-huge", b->k->map(s.container, va, start, page, TCE_RW));
	say("map-small", b->k->map(s.container, va + page, start + page, page, TCE_RW));
	say_tces(b, "tces", 0);
	say("map-both", b->k->map(s.container, va, start, 2 * page, TCE_RW));
	say("map-small-as-small", b->k->map(s.container, va + page, 0, KIB(4), TCE_RW));
	say_tces(b, "tces", 0);
	say("unmap-small", b->k->unmap(s.container, 0, KIB(4)));
	unenroll(b, s.container, "unregister", va, 2 * page);
	b->ops->free(va, page);
	b->ops->alloc_at(va, page, b->system_page);
	b->ops->free(va + page, page);
	b->ops->alloc_at(va + page, page, page);
	enroll(b, s.container, "small-first", va, 2 * page);
	say("map-huge", b->k->map(s.container, va + page, start, page, TCE_RW));
}

const struct conform_case conform_memory[] = {
	CASE("register-overlap", "R2 R26", overlap, 0),
	CASE("register-part", "R3 R32", part, 0),
	CASE("register-shapes", "R3", shapes, 0),
	CASE("register-hole", "R23", hole, 0),
	CASE("register-read-only", "", read_only, 0),
	CASE("register-beyond-memlock", "R20", beyond_memlock, 0),
	CASE("register-in-two", "R2a", two_containers, CONFORM_TWO),
	CASE("register-io-page", "R19", io_page, 0),
	CASE("register-mixed", "R19", mixed, 0),
	{.name = NULL},
};
