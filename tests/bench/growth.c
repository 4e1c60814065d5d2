/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-growth ROUNDS: what the library's own work costs as there is more of everything, on a
 * kernel that says yes at once. Prints one line for each figure: table, how many, what, value (ns,
 * bytes).
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tce/tce.h>
#include "easy.h"
#include "regions.h"
#include "resident.h"

enum { SPACES = 16 };

#define TIB (1ull << 40)

static unsigned rounds;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void least(double *best, double begin)
{
	double took = now() - begin;

	if (!*best || took < *best)
		*best = took;
}

static void print(const char *table, uint64_t n, const char *what, double value)
{
	printf("%s\t%llu\t%s\t%.0f\n", table, (unsigned long long)n, what, value);
	fflush(stdout);
}

/* One more region of a hugepage comes and goes among those that are there. */
static void among_regions(size_t n)
{
	double come = 0, go = 0, list = 0;
	char *more = easy_room(EASY_PAGE);
	struct regions r;

	regions_begin(&r, 0, n, SIDE_BY_SIDE);
	for (unsigned i = 0; i < rounds; i++) {
		tce_iova_t iova = TCE_IOVA_ANY;
		double begin = now();

		easy_ok(tce_register(more, EASY_PAGE, EASY_PAGE), "register");
		easy_ok(tce_map(r.space, more, EASY_PAGE, NULL, &iova), "map");
		least(&come, begin);
		begin = now();
		easy_ok(tce_unmap(r.space, iova, EASY_PAGE), "unmap");
		easy_ok(tce_release(more, EASY_PAGE, NULL, NULL), "release");
		least(&go, begin);
	}
	for (unsigned i = 0; i < rounds && i < 3; i++) {
		double begin = now();

		easy_ok(tce_audit(), "audit");
		least(&list, begin);
	}
	print("regions", n, "register and map", come);
	print("regions", n, "unmap and release", go);
	print("regions", n, "audit, per region", list / (double)n);
	regions_end(&r, 0);
}

/* A window of that size, in which nothing is mapped; then one hugepage. */
static void in_window(uint64_t size)
{
	double open = 0, close = 0, map = 0;
	char *memory = easy_room(EASY_PAGE);
	long before, held = 0;

	/* What earlier windows left in the heap would hide what this one takes. */
	malloc_trim(0);
	before = resident();

	for (unsigned i = 0; i < rounds; i++) {
		tce_iova_t iova = TCE_IOVA_ANY;
		double begin = now();
		struct tce_space *space = easy_open(0, size);

		least(&open, begin);
		held = i ? held : resident() - before;
		begin = now();
		easy_ok(tce_dma_map(space, memory, EASY_PAGE, NULL, &iova), "map");
		least(&map, begin);
		begin = now();
		easy_ok(tce_space_close(space, easy_device(0)), "close");
		least(&close, begin);
	}
	print("window", size / TIB, "open", open);
	print("window", size / TIB, "map one page", map);
	print("window", size / TIB, "close", close);
	print("unmapped", size / TIB, "resident", (double)held);
}

/* A gigabyte mapped in one space after the other, in the same place. */
static void in_spaces(void)
{
	const uint64_t len = 1ull << 30;
	char *memory = easy_room(len);
	struct tce_space *space[SPACES];
	double took[SPACES] = {0};

	for (unsigned i = 0; i < SPACES; i++)
		space[i] = easy_open(i, len);
	for (unsigned round = 0; round < rounds; round++) {
		tce_iova_t iova = TCE_IOVA_ANY;

		easy_ok(tce_register(memory, len, EASY_PAGE), "register");
		for (unsigned i = 0; i < SPACES; i++) {
			double begin = now();

			easy_ok(tce_map(space[i], memory, len, NULL, &iova), "map");
			least(&took[i], begin);
		}
		for (unsigned i = 0; i < SPACES; i++)
			easy_ok(tce_unmap(space[i], iova, len), "unmap");
		easy_ok(tce_release(memory, len, NULL, NULL), "release");
	}
	for (unsigned i = 0; i < SPACES; i++)
		easy_ok(tce_space_close(space[i], easy_device(i)), "close");
	for (unsigned i = 1; i <= SPACES; i *= 2)
		print("spaces", i, "map 1 GiB in the last", took[i - 1]);
}

int main(int argc, char **argv)
{
	rounds = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
	if (!rounds) {
		fprintf(stderr, "usage: bench-growth ROUNDS\n");
		return 2;
	}
	easy_start(SPACES);
	for (uint64_t size = TIB; size <= 64 * TIB; size *= 4)
		in_window(size);
	for (size_t n = 1; n <= 16384; n *= 4)
		among_regions(n);
	in_spaces();
	return 0;
}
