/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-bringup MODE DEVICE HUGEPAGES [count]: what it costs to give a device so many hugepages of
 * 2M, and to take them back. The modes: libtce; raw, the fewest calls that the kernel can be asked
 * with; pages, one pair of calls for each hugepage, as DPDK's EAL does it. The memory is there
 * before, and nothing of it counts. Prints a line for each figure: name, value.
 *
 * A step's figure is its time by the clock, sleeps included. With count it is what the processor
 * executes, see tests/guest/counter.h. On one processor whose clock counts instructions that is
 * exact.
 *
 * UNREGISTER only queues the end of a registration: the kernel unpins the pages after an RCU grace
 * period, page by page, in whatever runs then (mm_iommu_free() of book3s64/iommu_api.c). So it is
 * waited for after each step that could have queued it, and is a figure of its own.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <tce/tce.h>
#include "lib/kernel/kernel.h"
#include "resident.h"
#include "tests/guest/counter.h"

#define PAGE  (2ull << 20)
#define PAUSE 100000 /* us */
#define K     tce_kernel_vfio

static const char *device;
static char *memory;
static uint64_t len, each; /* bytes in all, bytes for each pair of calls */
static double round_ns;	   /* 0: nobody counts */
static long sleeps;	   /* of all calls */
static int64_t pinned_before;
static struct moment last;

/* The program ends where the bench cannot go on. */
static void ok(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "bench-bringup: %s: %d: %s\n", what, ret, tce_error());
	exit(1);
}

/* How often this program has let another run because it had to wait. */
static long waits(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static void begin(void)
{
	sleeps -= waits();
	last = counter_now();
}

/* What was spent since begin(), without what the counter had. */
static double spent(void)
{
	double ns = counter_spent(&last, round_ns);

	sleeps += waits();
	return ns;
}

static void step(const char *name)
{
	printf("%s\t%.0f\n", name, spent());
}

/* Pages of the system's that its kernel has pinned. */
static int64_t pinned(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	int64_t n = 0, value;
	char name[64];

	if (!f)
		ok(-1, "/proc/vmstat");
	while (fscanf(f, "%63s %" SCNd64, name, &value) == 2)
		if (!strcmp(name, "nr_foll_pin_acquired"))
			n += value;
		else if (!strcmp(name, "nr_foll_pin_released"))
			n -= value;
	fclose(f);
	return n;
}

/*
 * Until the kernel has unpinned what was registered: to less than a hugepage, since each processor
 * keeps some of the count for itself. To look does not count.
 */
static void settle(const char *name)
{
	long before = sleeps;
	double figure = 0;
	int tries = 0;

	do {
		if (tries++ == 600)
			ok(-1, "pages are still pinned after a minute");
		begin();
		usleep(PAUSE);
		figure += spent();
	} while (pinned() - pinned_before >= (int64_t)(PAGE / (uint64_t)sysconf(_SC_PAGESIZE)));
	sleeps = before;
	if (round_ns > 0)
		printf("%s\t%.0f\n", name, figure);
}

/* Count what is left of the processor that this program has to itself. */
static void start_counter(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first))
		ok(-1, "the first processor");
	if (counter_start() < 0)
		ok(-1, "a process that counts");
	round_ns = counter_round();
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

	begin();
	ok(tce_space_open(device, &opts, &space), "open");
	step("open");
	begin();
	ok(tce_register(memory, len, PAGE), "register");
	ok(tce_map(space, memory, len, NULL, &iova), "map");
	step("map");
	printf("resident\t%ld\n", resident() - before);
	ok(tce_window_list(space, info, &n), "list");
	for (size_t i = 0; i < n; i++)
		printf("table%zu\t%" PRIu64 "\ntces%zu\t%" PRIu64 "\n", i, info[i].table_mem, i,
		       info[i].tces);
	begin();
	ok(tce_unmap(space, iova, len), "unmap");
	ok(tce_release(memory, len, NULL, NULL), "release");
	step("unmap");
	settle("unpin");
	begin();
	ok(tce_space_close(space, device), "close");
	step("close");
	settle("rest");
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
	begin();
	ok(K.container_open(&container), "container");
	ok(K.group_open(group, &group_fd), "group's file");
	ok(K.group_attach(group_fd, container), "attach");
	ok(K.window_create(container, PAGE, window, 1, &start), "window");
	step("open");
	begin();
	for (uint64_t at = 0; at < len; at += each, calls += 4) {
		ok(K.enroll(container, memory + at, each), "register");
		ok(K.map(container, memory + at, start + at, each, TCE_RW), "map");
	}
	step("map");
	begin();
	for (uint64_t at = 0; at < len; at += each) {
		ok(K.unmap(container, start + at, each), "unmap");
		ok(K.unenroll(container, memory + at, each), "unregister");
	}
	step("unmap");
	settle("unpin");
	begin();
	ok(K.window_remove(container, start), "remove");
	ok(K.group_detach(group_fd), "detach");
	K.close(group_fd);
	K.close(container);
	step("close");
	settle("rest");
	print_calls(calls);
}

int main(int argc, char **argv)
{
	if (argc < 4 || argc > 5 || (argc == 5 && strcmp(argv[4], "count"))) {
		fprintf(stderr, "usage: bench-bringup libtce|raw|pages DEVICE HUGEPAGES [count]\n");
		return 2;
	}
	device = argv[2];
	len = strtoull(argv[3], NULL, 0) * PAGE;
	each = strcmp(argv[1], "pages") ? len : PAGE;
	if (argc == 5)
		start_counter();
	pinned_before = pinned();
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
	printf("sleeps\t%ld\n", sleeps);
	return 0;
}
