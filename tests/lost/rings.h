/* SPDX-License-Identifier: BSD-3-Clause */
/* A small program that uses a NIC, and what it tells of itself. */
#ifndef LOST_RINGS_H
#define LOST_RINGS_H

#include <stdatomic.h>
#include <stdint.h>

#include "memory.h"

/* In memory that outlives it. */
struct shared {
	_Atomic uint64_t frames; /* received, and sent back */
	_Atomic uint64_t astray; /* of these: done, says the device, but not in the memory */
	_Atomic uint64_t given;	 /* pieces of memory taken, used and given back under traffic */
};

/* Use this device until killed. */
void rings(const char *device, const struct memory *how, struct shared *told);

#endif
