/* SPDX-License-Identifier: BSD-3-Clause */
/* How a driver comes by memory that its device reaches, and gives it back: two ways to do it. */
#ifndef LOST_MEMORY_H
#define LOST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

enum { HUGEPAGE = 2 << 20 };

struct memory {
	const char *name;
	/* Open the device; its BAR 0. */
	volatile uint8_t *(*open)(const char *device);
	/* Let it do DMA: after its reset, since who was killed left its rings on. */
	void (*bus_master)(void);
	/* Hugepages that the device reaches from @iova on. */
	void *(*take)(size_t len, uint64_t *iova);
	/* The device has let go of them: the end of what take() did. */
	void (*give)(void *va, size_t len, uint64_t iova);
};

extern const struct memory memory_libtce;  /* through libtce */
extern const struct memory memory_mistake; /* straight against the kernel, in the usual order */

/* Print a sentence and end, unless this holds. */
void must(int holds, const char *what, const char *why);

/* Fresh hugepages, none of which is a copy in a child. */
void *hugepages(size_t len);

#endif
