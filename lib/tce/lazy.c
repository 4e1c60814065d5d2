/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "lazy.h"

/* Since Linux 5.18; Debian 12's libc does not name it everywhere. */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

int tce_lazy_init(struct tce_lazy *lazy, size_t words, const char *what)
{
	size_t page_words = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	size_t all = round_up(words, page_words);
	uint8_t *open = calloc((all / page_words + 7) / 8, 1);
	void *p;

	if (!open)
		return tce_fail(-ENOMEM, "no memory for the index of %s", what);
	p = mmap(NULL, all * sizeof(uint64_t), PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || madvise(p, all * sizeof(uint64_t), MADV_WIPEONFORK)) {
		int err = -errno;

		if (p != MAP_FAILED)
			munmap(p, all * sizeof(uint64_t));
		free(open);
		return tce_fail(
			-ENOMEM,
			"cannot reserve %s of address space for %s: %s; under mlockall() it counts "
			"as locked: raise the memlock limit (ulimit -l) by as much",
			tce_bytes(all * sizeof(uint64_t)), what, tce_errno_text(err));
	}
	*lazy = (struct tce_lazy){
		.word = p,
		.words = words,
		.page_words = page_words,
		.pages = all / page_words,
		.open = open,
	};
	return 0;
}

void tce_lazy_end(struct tce_lazy *lazy)
{
	if (!lazy->word)
		return;
	munmap((void *)lazy->word, lazy->pages * lazy->page_words * sizeof(uint64_t));
	free(lazy->open);
	*lazy = (struct tce_lazy){0};
}

static bool is_open(const struct tce_lazy *lazy, size_t page)
{
	return lazy->open[page / 8] & (1u << page % 8);
}

int tce_lazy_open(struct tce_lazy *lazy, size_t first, size_t n)
{
	size_t page = first / lazy->page_words, end = (first + n - 1) / lazy->page_words + 1;

	while (page < end) {
		size_t stop = page;

		while (stop < end && !is_open(lazy, stop))
			stop++;
		if (stop == page) {
			page++;
			continue;
		}
		/* One call for a run of pages, and neighbours merge into one mapping. */
		if (mprotect((void *)(lazy->word + page * lazy->page_words),
			     (stop - page) * lazy->page_words * sizeof(uint64_t),
			     PROT_READ | PROT_WRITE))
			return tce_fail(-ENOMEM, "no memory for %s of the table: %s",
					tce_bytes((stop - page) * lazy->page_words * 8),
					tce_errno_text(-errno));
		lazy->opened += stop - page;
		for (; page < stop; page++)
			lazy->open[page / 8] |= (uint8_t)(1u << page % 8);
	}
	return 0;
}

void tce_lazy_return(struct tce_lazy *lazy, size_t page)
{
	void *p = (void *)(lazy->word + page * lazy->page_words);
	size_t len = lazy->page_words * sizeof(uint64_t);

	/*
	 * The page stays writable, which costs nothing. Where neither call works (mlockall on a
	 * kernel before 5.18) it stays resident too, which is correct and bounded.
	 */
	if (madvise(p, len, MADV_DONTNEED_LOCKED))
		(void)!madvise(p, len, MADV_DONTNEED);
}
