/* SPDX-License-Identifier: BSD-3-Clause */
/* Every machine that the model can be: what sweeps and programs run on, one after the other. */
#ifndef PROGRAM_PROFILES_H
#define PROGRAM_PROFILES_H

#include "lib/kernel/model/model.h"

struct profile {
	const char *name;
	const struct model_platform *platform;
	struct model_quirks quirks;
};

/* The n-th of those whose pages this process can have; NULL: there are no more. */
const struct profile *profile_at(unsigned n);

/* Start its machine, without devices. */
void profile_start(const struct profile *profile);

#endif
