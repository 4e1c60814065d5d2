/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations that change nothing when they fail, for sweeps that fail them at every step. */
#ifndef UNIT_OPERATIONS_H
#define UNIT_OPERATIONS_H

#include <tce/pci.h>

#include "fixture.h"

struct world {
	const struct model_platform *platform;
	struct tce_space *space;
	struct tce_pci *pci;
	char *va;
	tce_iova_t iova;
	int group, container;
};

/* An operation, and the world in which it starts. */
struct operation {
	const char *name;
	void (*build)(struct world *w);
	int (*run)(struct world *w);
};

extern const struct operation operations[];
extern const size_t n_operations;

/* Bare metal only: a window at 0 in place of the default one. */
extern const struct operation open_alone;

#endif
