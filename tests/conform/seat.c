/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seat.h"

void give_up(const char *what, int ret)
{
	say(what, ret);
	say_text("case", "given-up");
	_exit(2);
}

static void must(int ret, const char *what)
{
	if (ret)
		give_up(what, ret);
}

static uint64_t largest(uint64_t mask, uint64_t limit)
{
	mask &= limit | (limit - 1);
	return mask ? UINT64_C(1) << (63 - __builtin_clzll(mask)) : 0;
}

struct seat seat_open(struct bench *b, unsigned n)
{
	struct seat s = {.device = -1};
	int number;

	if (n >= b->devices)
		give_up("devices", (int)b->devices);
	s.name = b->device[n];
	must(b->k->device_group(s.name, &number), "device_group");
	must(b->k->container_open(&s.container), "container_open");
	must(b->k->group_open(number, &s.group), "group_open");
	must(b->k->group_attach(s.group, s.container), "group_attach");
	must(b->k->facts(s.container, &s.facts), "facts");
	s.iopage = largest(s.facts.page_sizes, b->huge);
	return s;
}

void seat_close(struct bench *b, struct seat *s)
{
	if (s->device >= 0)
		b->k->close(s->device);
	b->k->close(s->group);
	b->k->close(s->container);
}

uint64_t seat_window(struct bench *b, const struct seat *s)
{
	uint64_t start = 0;

	must(b->k->window_create(s->container, s->iopage, s->iopage * 32768, 1, &start), "window");
	return start;
}

void seat_dma(struct bench *b, struct seat *s, uint64_t start)
{
	uint64_t page = start ? s->iopage : KIB(4);
	uint64_t last = start ? page * 32767 : s->facts.default_size - page;
	size_t len = start ? b->huge : b->system_page;

	must(b->k->device_open(s->group, s->name, &s->device), "device_open");
	b->scratch = b->ops->alloc(len, len);
	b->scratch_iova = start + last;
	must(b->k->enroll(s->container, b->scratch, len), "scratch");
	must(b->k->map(s->container, b->scratch, b->scratch_iova, page, TCE_RW), "scratch-map");
}

uint64_t seat_peek(struct bench *b, const struct seat *s, uint64_t iova)
{
	return b->ops->peek(b, s->name, s->device, iova);
}

void seat_poke(struct bench *b, const struct seat *s, uint64_t iova, uint64_t word)
{
	b->ops->poke(b, s->name, s->device, iova, word);
}

uint64_t locked(struct bench *b)
{
	uint64_t bytes = 0;

	must(b->k->locked(&bytes), "locked");
	return bytes;
}

uint64_t word_at(const char *va)
{
	return *(const volatile uint64_t *)va;
}

void set_word(char *va, uint64_t word)
{
	*(volatile uint64_t *)va = word;
}
