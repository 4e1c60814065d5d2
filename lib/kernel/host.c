/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host.h"

/* The last component of what a link points to. */
static int link_name(const char *path, char *name, size_t room)
{
	char target[512];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return snprintf(name, room, "%s", slash ? slash + 1 : target) < (int)room ? 0
										  : -ENAMETOOLONG;
}

/* A device's name becomes part of a path: nothing that leads elsewhere. */
static bool is_name(const char *device)
{
	return *device && strlen(device) < KERNEL_NAME_MAX && !strchr(device, '/') &&
	       strcmp(device, ".") != 0 && strcmp(device, "..") != 0;
}

int host_device_group(const char *device, int *group)
{
	char path[256], name[32];

	if (!is_name(device))
		return -ENODEV;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", device);
	if (link_name(path, name, sizeof(name)))
		return -ENODEV;
	*group = atoi(name);
	return 0;
}

int host_device_driver(const char *device, char driver[KERNEL_NAME_MAX])
{
	char path[256];

	if (!is_name(device))
		return -ENODEV;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", device);
	if (access(path, F_OK))
		return -ENODEV;
	strncat(path, "/driver", sizeof(path) - strlen(path) - 1);
	if (link_name(path, driver, KERNEL_NAME_MAX))
		*driver = '\0';
	return 0;
}

int host_device_node(const char *device, int *node)
{
	char path[256];
	FILE *f;
	int ret;

	if (!is_name(device))
		return -ENODEV;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", device);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	ret = fscanf(f, "%d", node) == 1 ? 0 : -EIO;
	fclose(f);
	return ret;
}

int host_group_device(int group, unsigned at, char device[KERNEL_NAME_MAX])
{
	struct dirent *d;
	char path[128];
	int ret = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices", group);
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	while (ret && (d = readdir(dir))) {
		if (*d->d_name == '.' || at--)
			continue;
		snprintf(device, KERNEL_NAME_MAX, "%.*s", KERNEL_NAME_MAX - 1, d->d_name);
		ret = 0;
	}
	closedir(dir);
	return ret;
}

int host_group_number(int fd, int *group)
{
	char path[64], name[32], *end;
	long n;

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	if (link_name(path, name, sizeof(name)))
		return -EBADF;
	n = strtol(name, &end, 10);
	if (end == name || *end)
		return -EBADF;
	*group = (int)n;
	return 0;
}

/* The number behind a key at the start of a line of a file, in the file's unit. */
static int read_number(const char *path, const char *key, uint64_t *number)
{
	FILE *f = fopen(path, "re");
	char line[256];
	int ret = -ENODATA;

	if (!f)
		return -errno;
	while (ret && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)))
			continue;
		*number = strtoull(line + strlen(key), NULL, 0);
		ret = 0;
	}
	fclose(f);
	return ret;
}

int host_locked(uint64_t *bytes)
{
	uint64_t kb;
	int ret = read_number("/proc/thread-self/status", "VmLck:", &kb);

	if (!ret)
		*bytes = kb * 1024;
	return ret;
}

/* Has this thread CAP_IPC_LOCK? The kernel asks the same of it: account_locked_vm() of mm/util.c.
 */
static bool may_lock(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	/* libc has no wrapper. */
	return !syscall(SYS_capget, &head, caps) &&
	       caps[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK);
}

int host_lock_limit(uint64_t *bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	*bytes = limit.rlim_cur == RLIM_INFINITY || may_lock() ? UINT64_MAX : limit.rlim_cur;
	return 0;
}

/* The two lines of smaps that matter: a mapping's range, and the size of its pages. */
struct mapping {
	uintptr_t start, end;
	size_t page;
};

static bool next_mapping(FILE *f, struct mapping *m)
{
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end, kb;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			m->start = start;
			m->end = end;
		} else if (sscanf(line, "KernelPageSize: %lu kB", &kb) == 1) {
			m->page = kb * 1024;
			return true;
		}
	}
	return false;
}

int host_backing_page(const void *va, size_t len, size_t *page)
{
	uintptr_t at = (uintptr_t)va, end = at + len;
	FILE *f = fopen("/proc/thread-self/smaps", "re");
	size_t smallest = SIZE_MAX;
	struct mapping m;

	if (!f)
		return -errno;
	while (at < end && next_mapping(f, &m)) {
		if (m.end <= at)
			continue;
		if (m.start > at)
			break;
		at = m.end;
		if (m.page < smallest)
			smallest = m.page;
	}
	fclose(f);
	if (at < end)
		return -EFAULT;
	*page = smallest;
	return 0;
}

int host_memory(uint64_t *total, uint64_t *hugepage)
{
	uint64_t kb, huge_kb;
	int ret = read_number("/proc/meminfo", "MemTotal:", &kb);

	if (ret)
		return ret;
	*total = kb * 1024;
	/* A kernel without hugepages has no such line: its system page then. */
	if (read_number("/proc/meminfo", "Hugepagesize:", &huge_kb))
		*hugepage = (uint64_t)sysconf(_SC_PAGESIZE);
	else
		*hugepage = huge_kb * 1024;
	return 0;
}

uint64_t host_hugepages_free(uint64_t page)
{
	char path[128];
	uint64_t n;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/free_hugepages",
		 (unsigned long long)page / 1024);
	return read_number(path, "", &n) ? 0 : n;
}

int host_release(unsigned *major, unsigned *minor)
{
	struct utsname u;

	if (uname(&u))
		return -errno;
	return sscanf(u.release, "%u.%u", major, minor) == 2 ? 0 : -ENODATA;
}

int host_pages(size_t len, void **va)
{
	/* Shared: a child of a fork is not to take a copy of what is pinned. */
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	*va = p;
	return 0;
}

void host_pages_end(void *va, size_t len)
{
	munmap(va, len);
}
