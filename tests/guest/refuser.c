/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into a program: stands in for a kernel that refuses to map or to clear TCEs. The file
 * /tmp/refuse says which is refused next, "map" or "unmap", and is removed by the one call that
 * this happened to. Every other call goes to the C library's ioctl(), which on POWER does more than
 * the system call: it translates the requests of terminals.
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
	if ((request == VFIO_IOMMU_MAP_DMA && is_refused("map")) ||
	    (request == VFIO_IOMMU_UNMAP_DMA && is_refused("unmap"))) {
		errno = EIO;
		return -1;
	}
	return next(fd, request, arg);
}
