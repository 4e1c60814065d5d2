/* SPDX-License-Identifier: BSD-3-Clause */
/* Many regions of one hugepage each, mapped in one space, and addresses in them to look up. */
#ifndef BENCH_REGIONS_H
#define BENCH_REGIONS_H

#include <stddef.h>
#include <stdint.h>

struct tce_space;

enum layout {
	SIDE_BY_SIDE, /* as hugepages of one arena are */
	SCATTERED,    /* each at a place of its own, somewhere in 64 times as much address space */
};

struct regions {
	struct tce_space *space;
	size_t n;
	char *room;
	uint64_t room_len;
	char **va;	/* of each region */
	uint64_t *iova; /* of each region */
};

/* Register and map n of them in a new space of the device. */
void regions_begin(struct regions *r, unsigned device, size_t n, enum layout layout);
void regions_end(struct regions *r, unsigned device);

/* Addresses to look up, in any order: VAs or IOVAs, in regions or in none. */
void regions_addresses(const struct regions *r, uint64_t *addr, size_t n, int iova, int hit,
		       uint64_t seed);

#endif
