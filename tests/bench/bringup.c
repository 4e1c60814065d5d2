/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-bringup MODE DEVICE HUGEPAGES: what it costs to give a device so many hugepages of 2M, and
 * to take them back. The modes: libtce; raw, the fewest calls that the kernel can be asked with;
 * pages, one pair of calls for each hugepage, as DPDK's EAL does it. The memory is there before,
 * and nothing of it counts. Prints a line for each figure: name, value.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <tce/tce.h>
#include "lib/kernel/kernel.h"
#include "resident.h"

#define PAGE (2ull << 20)
#define K    tce_kernel_vfio

static const char *device;
static char *memory;
static uint64_t len, each; /* bytes in all, bytes for each pair of calls */

/* The program ends where the bench cannot go on. */
static void ok(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "bench-bringup: %s: %d: %s\n", what, ret, tce_error());
	exit(1);
}

static void step(const char *name)
{
	static double last;
	struct timespec t;
	double now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
	if (name)
		printf("%s\t%.0f\n", name, now - last);
	clock_gettime(CLOCK_MONOTONIC, &t);
	last = (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void print_calls(uint64_t calls)
{
	printf("calls\t%" PRIu64 "\n", calls);
}

static void by_library(void)
{
	struct tce_space_options opts = {.mem = len, .page = PAGE};
	struct tce_window_info info[8];
	tce_iova_t iova = TCE_IOVA_ANY;
	struct tce_space *space;
	struct tce_calls calls;
	long before = resident();
	size_t n = 8;

	step(NULL);
	ok(tce_space_open(device, &opts, &space), "open");
	step("open");
	ok(tce_register(memory, len, PAGE), "register");
	ok(tce_map(space, memory, len, NULL, &iova), "map");
	step("map");
	printf("resident\t%ld\n", resident() - before);
	ok(tce_window_list(space, info, &n), "list");
	for (size_t i = 0; i < n; i++)
		printf("table%zu\t%" PRIu64 "\ntces%zu\t%" PRIu64 "\n", i, info[i].table_mem, i,
		       info[i].tces);
	step(NULL);
	ok(tce_unmap(space, iova, len), "unmap");
	ok(tce_release(memory, len, NULL, NULL), "release");
	step("unmap");
	ok(tce_space_close(space, device), "close");
	step("close");
	ok(tce_calls(&calls), "calls");
	print_calls(calls.create + calls.remove + calls.enroll + calls.unenroll + calls.map +
		    calls.unmap);
}

static void by_hand(void)
{
	uint64_t start, window = 32768 * PAGE, calls = 2;
	int group, group_fd, container;

	while (window < len)
		window *= 2;
	ok(K.device_group(device, &group), "group");
	step(NULL);
	ok(K.container_open(&container), "container");
	ok(K.group_open(group, &group_fd), "group's file");
	ok(K.group_attach(group_fd, container), "attach");
	ok(K.window_create(container, PAGE, window, 1, &start), "window");
	step("open");
	for (uint64_t at = 0; at < len; at += each, calls += 4) {
		ok(K.enroll(container, memory + at, each), "register");
		ok(K.map(container, memory + at, start + at, each, TCE_RW), "map");
	}
	step("map");
	for (uint64_t at = 0; at < len; at += each) {
		ok(K.unmap(container, start + at, each), "unmap");
		ok(K.unenroll(container, memory + at, each), "unregister");
	}
	step("unmap");
	ok(K.window_remove(container, start), "remove");
	ok(K.group_detach(group_fd), "detach");
	K.close(group_fd);
	K.close(container);
	step("close");
	print_calls(calls);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: bench-bringup libtce|raw|pages DEVICE HUGEPAGES\n");
		return 2;
	}
	device = argv[2];
	len = strtoull(argv[3], NULL, 0) * PAGE;
	each = strcmp(argv[1], "pages") ? len : PAGE;
	memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED) {
		perror("bench-bringup: hugepages");
		return 1;
	}
	setvbuf(stdout, NULL, _IOFBF, 4096);
	if (!strcmp(argv[1], "libtce"))
		by_library();
	else
		by_hand();
	return 0;
}
