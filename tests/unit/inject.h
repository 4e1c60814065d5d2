/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of every kind, one after the other: the n-th of its chances fails. */
#ifndef UNIT_INJECT_H
#define UNIT_INJECT_H

#include <stdbool.h>
#include <stddef.h>

enum fault_source {
	FAULT_KERNEL, /* a call to the kernel */
	FAULT_MEMORY, /* malloc, mmap and the like */
	FAULT_WRITE,  /* a TCE that MAP writes: the hardware fails, and the kernel loses count (R25)
		       */
	FAULT_CLEAR,  /* a TCE that UNMAP does not clear, and says so to nobody (R25) */
	FAULT_SOURCES,
};

struct fault {
	const char *name;
	enum fault_source source;
	int ret;
	bool on; /* and all that follow, too: what would undo it fails as well */
};

extern const struct fault faults[];
extern const unsigned n_faults;

/* From now on; n counts from 1. */
void fault_arm(const struct fault *fault, unsigned n);
/* No fault any more. Did it happen? */
bool fault_happened(const struct fault *fault);

/* How much the library has asked for when it made room for more the last time. */
size_t memory_asked(void);

#endif
