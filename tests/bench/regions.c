/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <sys/mman.h>

#include <tce/tce.h>
#include "easy.h"
#include "regions.h"

/* A sequence that is the same in each run: Knuth's MMIX constants. */
static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 16;
}

static void *room_for(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		easy_ok(-1, "no memory");
	return p;
}

/* The place of each region, as hugepages into the room: each a place of its own. */
static void scatter(struct regions *r, size_t pages)
{
	unsigned char *taken = room_for(pages, 1);
	uint64_t state = 1;

	for (size_t i = 0; i < r->n; i++) {
		size_t at = next(&state) % pages;

		while (taken[at])
			at = (at + 1) % pages;
		taken[at] = 1;
		r->va[i] = r->room + at * EASY_PAGE;
	}
	free(taken);
}

void regions_begin(struct regions *r, unsigned device, size_t n, enum layout layout)
{
	size_t pages = layout == SCATTERED ? n * 64 : n;

	*r = (struct regions){
		.space = easy_open(device, n * EASY_PAGE),
		.n = n,
		.room = easy_room(pages * EASY_PAGE),
		.room_len = pages * EASY_PAGE,
		.va = room_for(n, sizeof(*r->va)),
		.iova = room_for(n, sizeof(*r->iova)),
	};
	for (size_t i = 0; i < n; i++)
		r->va[i] = r->room + i * EASY_PAGE;
	if (layout == SCATTERED)
		scatter(r, pages);
	for (size_t i = 0; i < n; i++) {
		r->iova[i] = TCE_IOVA_ANY;
		easy_ok(tce_register(r->va[i], EASY_PAGE, EASY_PAGE), "register");
		easy_ok(tce_map(r->space, r->va[i], EASY_PAGE, NULL, &r->iova[i]), "map");
	}
}

void regions_end(struct regions *r, unsigned device)
{
	for (size_t i = 0; i < r->n; i++) {
		easy_ok(tce_unmap(r->space, r->iova[i], EASY_PAGE), "unmap");
		easy_ok(tce_release(r->va[i], EASY_PAGE, NULL, NULL), "release");
	}
	easy_ok(tce_space_close(r->space, easy_device(device)), "close");
	munmap(r->room, r->room_len);
	free(r->va);
	free(r->iova);
}

void regions_addresses(const struct regions *r, uint64_t *addr, size_t n, int iova, int hit,
		       uint64_t seed)
{
	uint64_t state = seed;

	for (size_t i = 0; i < n; i++) {
		size_t at = next(&state) % r->n;
		uint64_t in = next(&state) % EASY_PAGE & ~63ull;

		addr[i] = (iova ? r->iova[at] : (uint64_t)(uintptr_t)r->va[at]) + in;
		if (!hit)
			/* Beside the window, or in address space where nothing is. */
			addr[i] = iova ? addr[i] ^ 1ull << 58
				       : (uint64_t)(uintptr_t)r->room + r->room_len + in +
						  (at + 1) * EASY_PAGE;
	}
}
