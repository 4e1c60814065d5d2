/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's pools of hugepages, as sysfs tells of them. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define POOLS "/sys/kernel/mm/hugepages"

size_t tce_pool_system_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

size_t tce_pool_default_page(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (f && !kib && fgets(line, sizeof(line), f))
		if (sscanf(line, "Hugepagesize: %lu kB", &kib) != 1)
			kib = 0;
	if (f)
		fclose(f);
	return (size_t)kib << 10;
}

const char *tce_pool_size_text(size_t page, char text[24])
{
	static const char unit[] = {'K', 'M', 'G'};
	size_t n = page >> 10;
	unsigned u = 0;

	while (n % 1024 == 0 && u + 1 < sizeof(unit)) {
		n /= 1024;
		u++;
	}
	snprintf(text, 24, "%zu%c", n, unit[u]);
	return text;
}

/* A number of a pool: of one node, or of the whole machine. 0 also if there is no such. */
static size_t pool_number(size_t page, int node, const char *what)
{
	unsigned long n = 0;
	char path[160];
	FILE *f;

	if (node == TCE_NODE_ANY)
		snprintf(path, sizeof(path), POOLS "/hugepages-%zukB/%s", page >> 10, what);
	else
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%d/hugepages/hugepages-%zukB/%s", node,
			 page >> 10, what);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* The sizes that there are: "2M, 1G". */
static void list_sizes(char *text, size_t room)
{
	DIR *dir = opendir(POOLS);
	struct dirent *d;
	size_t kib, used = 0;
	char one[24];

	snprintf(text, room, "none");
	while (dir && (d = readdir(dir))) {
		if (sscanf(d->d_name, "hugepages-%zukB", &kib) != 1 || used + 32 > room)
			continue;
		used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "",
					 tce_pool_size_text(kib << 10, one));
	}
	if (dir)
		closedir(dir);
}

int tce_pool_check_size(size_t page)
{
	char path[96], sizes[160], one[24];

	if (page == tce_pool_system_page())
		return 0;
	snprintf(path, sizeof(path), POOLS "/hugepages-%zukB", page >> 10);
	if (page && !(page & (page - 1)) && page >= 1024 && !access(path, F_OK))
		return 0;
	list_sizes(sizes, sizeof(sizes));
	return tce_error_set(-EINVAL,
			     "this kernel has no pages of %zu bytes: its system page is %s, its "
			     "hugepages are %s",
			     page, tce_pool_size_text(tce_pool_system_page(), one), sizes);
}

int tce_pool_check_free(size_t page, int node, size_t want)
{
	if (page == tce_pool_system_page() || pool_number(page, node, "free_hugepages") >= want)
		return 0;
	return tce_pool_too_few(page, node, want);
}

int tce_pool_too_few(size_t page, int node, size_t want)
{
	size_t left = pool_number(page, node, "free_hugepages");
	size_t there = pool_number(page, node, "nr_hugepages");
	/* Others may hold reservations of free ones: then all that is wanted has to be added. */
	size_t more = left < want ? want - left : want;
	char size[24], where[32] = "", prefix[40] = "", suffix[24] = "";

	tce_pool_size_text(page, size);
	if (page == tce_pool_system_page())
		return tce_error_set(-ENOMEM, "no memory for %zu pages of %s", want, size);
	if (node != TCE_NODE_ANY) {
		snprintf(where, sizeof(where), "node %d: ", node);
		snprintf(prefix, sizeof(prefix), "numactl --membind=%d ", node);
		snprintf(suffix, sizeof(suffix), " --obey-mempolicy");
	}
	return tce_error_set(-ENOMEM,
			     "%s%zu of %zu hugepages of %s are free, %zu are needed; reserve more: "
			     "%shugeadm --pool-pages-min=%s:+%zu%s",
			     where, left, there, size, want, prefix, size, more, suffix);
}
