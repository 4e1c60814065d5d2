/* SPDX-License-Identifier: BSD-3-Clause */
/* Every operation of several steps, and the world in which it starts: for sweeps of faults. */
#ifndef UNIT_OPERATIONS_H
#define UNIT_OPERATIONS_H

#include "fixture.h"
#include "tests/program/profiles.h"

struct world {
	const struct profile *profile;
	size_t page; /* the platform's hugepage */
	struct tce_space *a, *b;
	char *va; /* PAGES pages, and whatever registers or maps them */
	tce_iova_t iova, other;
	int group, container;
};

enum { PAGES = 4 };

/* What an operation needs of a platform. */
enum operation_needs {
	NEEDS_NOTHING = 0,
	NEEDS_MAP = 1,	   /* a default window that the kernel can make */
	NEEDS_CREATE = 2,  /* windows beside the default one */
	NEEDS_REPLACE = 4, /* a window at 0 in its place: bare metal */
};

/* How an operation leaves everything that is not in quarantine when it fails. */
enum operation_ends {
	AS_BEFORE,
	AS_DONE, /* every step is taken all the same */
	EITHER,	 /* TCEs are cleared, and only then the memory behind them is given up */
};

struct operation {
	const char *name;
	unsigned needs; /* of enum operation_needs */
	/* What can fail in it: its sweep has to meet these on every profile. */
	bool asks_kernel, takes_memory, writes_tces, clears_tces;
	enum operation_ends ends;
	void (*build)(struct world *w);
	int (*run)(struct world *w);
};

extern const struct operation operations[];
extern const size_t n_operations;

bool operation_fits(const struct operation *op, const struct profile *profile);

#endif
