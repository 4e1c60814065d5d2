/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into a program: stands in for a kernel that refuses a call. The file /tmp/refuse has
 * the name of one of those below, and is removed by the one call that this happened to. Every other
 * call goes to the C library's ioctl(), which on POWER does more than the system call: it
 * translates the requests of terminals.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "/tmp/refuse"

int ioctl(int fd, unsigned long request, ...);

static bool is_refused(const char *what)
{
	char wanted[16] = "";
	FILE *f = fopen(FILE_NAME, "re");

	if (!f)
		return false;
	if (fscanf(f, "%15s", wanted) != 1)
		wanted[0] = '\0';
	fclose(f);
	return !strcmp(wanted, what) && !unlink(FILE_NAME);
}

/* The answer, if not the kernel's: an errno, or 0 for "done" to what was not. */
static const struct refusal {
	const char *what;
	unsigned long request;
	int err;
} refusals[] = {
	{"map", VFIO_IOMMU_MAP_DMA, EIO},
	{"unmap", VFIO_IOMMU_UNMAP_DMA, EIO},
	{"unregister", VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, EIO},
	{"unmap-not", VFIO_IOMMU_UNMAP_DMA, 0},
};

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int fd, unsigned long request, ...);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (request != refusals[i].request || !is_refused(refusals[i].what))
			continue;
		errno = refusals[i].err;
		return errno ? -1 : 0;
	}
	return next(fd, request, arg);
}
