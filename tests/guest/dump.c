/* SPDX-License-Identifier: BSD-3-Clause */
#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PFN_MASK ((UINT64_C(1) << 55) - 1) /* admin-guide/mm/pagemap.rst of Linux */

/* The physical address behind a VA of this process; 0 if none is known. */
static uint64_t physical(int pagemap, const char *va)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), entry = 0;
	off_t at = (off_t)((uintptr_t)va / page * sizeof(entry));

	if (pread(pagemap, &entry, sizeof(entry), at) != sizeof(entry))
		return 0;
	return (entry & PFN_MASK) * page + (uintptr_t)va % page;
}

static uint64_t page_of(const struct tce_window_info *windows, size_t n, tce_iova_t iova)
{
	for (size_t i = 0; i < n; i++)
		if (iova - windows[i].start < windows[i].size)
			return windows[i].page;
	return 0;
}

static int dump_run(FILE *out, int pagemap, const struct tce_run *run, uint64_t page)
{
	for (uint64_t at = 0; at < run->len; at += page) {
		uint64_t real = physical(pagemap, (char *)run->va + at);

		if (!real)
			return -EFAULT;
		fprintf(out, "%llx %llx %x\n", (unsigned long long)(run->iova + at),
			(unsigned long long)real, run->access);
	}
	return 0;
}

int dump_space(FILE *out, const struct dump_calls *calls, struct tce_space *space)
{
	struct tce_window_info windows[8];
	size_t n_windows = 8, n = 0;
	struct tce_run *runs = NULL;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int ret = pagemap < 0 ? -errno : calls->audit();

	if (!ret)
		ret = calls->windows(space, windows, &n_windows);
	if (!ret)
		ret = calls->runs(space, NULL, &n);
	runs = calloc(n + 1, sizeof(*runs));
	if (!ret)
		ret = runs ? calls->runs(space, runs, &n) : -ENOMEM;
	for (size_t i = 0; !ret && i < n; i++) {
		uint64_t page = page_of(windows, n_windows, runs[i].iova);

		ret = page ? dump_run(out, pagemap, &runs[i], page) : -ERANGE;
	}
	free(runs);
	if (pagemap >= 0)
		close(pagemap);
	return ret;
}
