/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A large array of 64-bit words that costs address space, not memory: reserved read-only, where
 * every word reads 0, and made writable page by page. Not a writable no-reserve mapping, since
 * mlockall(MCL_FUTURE), which testpmd does by default, makes all of one resident; and it counts
 * under overcommit_memory=2. In a child after fork() every word reads 0 again.
 */
#ifndef TCE_LAZY_H
#define TCE_LAZY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tce_lazy {
	_Atomic uint64_t *word;
	size_t words;
	size_t page_words; /* words in a page of this system */
	size_t pages;
	size_t opened; /* pages made writable so far */
	uint8_t *open; /* a bit per page: writable */
};

/* -ENOMEM, with a sentence that calls the array @what. */
int tce_lazy_init(struct tce_lazy *lazy, size_t words, const char *what);
void tce_lazy_end(struct tce_lazy *lazy);

/* Make words [first, first + n) writable. -ENOMEM leaves what was opened open: it costs nothing. */
int tce_lazy_open(struct tce_lazy *lazy, size_t first, size_t n);

/* Give the memory of a page of zeroes back. Its words read 0 throughout. */
void tce_lazy_return(struct tce_lazy *lazy, size_t page);

#endif
