/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
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

void seat_dma_at(struct bench *b, struct seat *s, uint64_t iova, uint64_t page)
{
	size_t len = page > KIB(4) ? b->huge : b->system_page;

	must(b->k->device_open(s->group, s->name, &s->device), "device_open");
	b->scratch = b->ops->alloc(len, len);
	b->scratch_iova = iova;
	must(b->k->enroll(s->container, b->scratch, len), "scratch");
	must(b->k->map(s->container, b->scratch, b->scratch_iova, page, TCE_RW), "scratch-map");
}

void seat_dma(struct bench *b, struct seat *s, uint64_t start)
{
	if (start)
		seat_dma_at(b, s, start + s->iopage * 32767, s->iopage);
	else
		seat_dma_at(b, s, s->facts.default_size - KIB(4), KIB(4));
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

static int by_iova(const void *a, const void *b)
{
	const struct bench_tce *x = a, *y = b;

	return (x->iova > y->iova) - (x->iova < y->iova);
}

static bool overlap(const struct bench_tce *a, const struct bench_tce *b)
{
	return a->real < b->real + b->page && b->real < a->real + a->page;
}

/* The first TCE whose page this one's shares; itself, if none does. */
static int sharer(const struct bench_tce *tce, int i)
{
	for (int j = 0; j < i; j++)
		if (overlap(&tce[j], &tce[i]))
			return j;
	return i;
}

/* Does a TCE go on where the one before it ended, on a page of its own? */
static bool goes_on(const struct bench_tce *tce, int i, int n)
{
	return i < n && tce[i].page == tce[i - 1].page && tce[i].access == tce[i - 1].access &&
	       tce[i].iova == tce[i - 1].iova + tce[i].page && sharer(tce, i) == i &&
	       sharer(tce, i - 1) == i - 1;
}

static void write_tces(FILE *out, const struct bench_tce *tce, int n)
{
	int number[BENCH_TCES], pages = 0;

	for (int i = 0, run; i < n; i += run) {
		int with = sharer(tce, i);

		fprintf(out, "%s%#lx/%#lx", i ? "," : "", (unsigned long)tce[i].iova,
			(unsigned long)tce[i].page);
		number[i] = with == i ? pages++ : number[with];
		for (run = 1; goes_on(tce, i + run, n); run++)
			number[i + run] = pages++;
		if (run > 1)
			fprintf(out, "*%d", run);
		fprintf(out, ":%s%s@%d", tce[i].access & TCE_READ ? "r" : "",
			tce[i].access & TCE_WRITE ? "w" : "", number[i]);
		if (tce[i].real != tce[with].real)
			fprintf(out, "%+ld", (long)(tce[i].real - tce[with].real));
	}
}

void say_tces(struct bench *b, const char *name, unsigned n)
{
	struct bench_tce tce[BENCH_TCES];
	char text[4096] = "none";
	FILE *out;
	int tces;

	if (!b->pseries)
		return;
	tces = b->ops->tces(b, b->device[n], tce);
	if (tces < 0)
		strcpy(text, "untold");
	if (tces > 0) {
		qsort(tce, (size_t)tces, sizeof(*tce), by_iova);
		out = fmemopen(text, sizeof(text), "w");
		if (!out)
			give_up("tces", -ENOMEM);
		write_tces(out, tce, tces);
		fclose(out);
	}
	say_text(name, text);
}
