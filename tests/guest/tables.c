/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tables DEVICE: maps and unmaps in every way that libtce has, refusals included. After each step
 * it prints the step's name, its tables, and "end", and waits for a line before it goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump.h"

#define MIB(n) ((size_t)(n) << 20)

enum { PAGES = 8 };

static struct tce_space *space;
static const char *device;
static char *va, *small;
static tce_iova_t iova[8], low;

static void fail(const char *what, int ret)
{
	printf("%s: %d: %s\n", what, ret, tce_error());
	exit(EXIT_FAILURE);
}

static void want(const char *what, int ret, int wanted)
{
	if (ret != wanted)
		fail(what, ret);
}

/* Print the tables, and wait for the reader to have compared them. */
static void step(const char *name)
{
	static const struct dump_calls calls = {tce_window_list, tce_space_runs, tce_audit};
	char line[16];
	int ret = 0;

	printf("step %s\n", name);
	if (space)
		ret = dump_space(stdout, &calls, space);
	printf("end %d\n", ret);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(EXIT_FAILURE);
}

static void map(const char *name, size_t page, size_t pages, const struct tce_map_options *opts,
		unsigned to)
{
	iova[to] = TCE_IOVA_ANY;
	want(name, tce_map(space, va + MIB(2) * page, MIB(2) * pages, opts, &iova[to]), 0);
	step(name);
}

static void map_in_every_way(void)
{
	struct tce_map_options reads = {.access = TCE_READ}, writes = {.access = TCE_WRITE};

	want("register", tce_register(va, MIB(2) * PAGES, MIB(2)), 0);
	step("register");
	map("map", 0, 4, NULL, 0);
	map("map-alias", 1, 2, NULL, 1);
	map("map-for-reading", 4, 1, &reads, 2);
	map("map-for-writing", 5, 1, &writes, 3);
	low = TCE_IOVA_ANY;
	want("map-small", tce_dma_map(space, small, 65536, NULL, &low), 0);
	step("map-small");
}

static void be_refused(void)
{
	tce_iova_t at = iova[0] + MIB(2), past = iova[0] & ~(MIB(2) - 1);
	struct tce_window_info w[4];
	size_t n = 4;

	want("map-over", tce_map(space, va + MIB(12), MIB(2), NULL, &at), -EEXIST);
	step("refused-overwriting");
	want("windows", tce_window_list(space, w, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (past - w[i].start < w[i].size)
			past = w[i].start + w[i].size - MIB(2);
	want("map-past", tce_map(space, va + MIB(12), MIB(4), NULL, &past), -ENXIO);
	step("refused-past-the-end");
	want("unmap-free", tce_unmap(space, past, MIB(2)), -ENOENT);
	want("release", tce_release(va, MIB(2) * PAGES, NULL, NULL), -EBUSY);
	step("refused-release");
}

static void fork_a_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		(void)tce_unmap(space, iova[0], MIB(8));
		(void)tce_space_close(space, device);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	step("child");
}

static void unmap_in_every_way(void)
{
	tce_iova_t hole = iova[0] + MIB(2);

	want("unmap-part", tce_unmap(space, hole, MIB(4)), 0);
	step("unmap-part");
	want("map-hole", tce_map(space, va + MIB(12), MIB(2), NULL, &hole), 0);
	step("map-into-the-hole");
	want("discard", tce_discard(va + MIB(2), MIB(2)), 0);
	step("discard");
	want("dma-unmap", tce_dma_unmap(space, low, 65536), 0);
	step("unmap-small");
	want("evict", tce_evict(va, MIB(2) * PAGES, 1000), 0);
	step("evict");
}

int main(int argc, char **argv)
{
	struct tce_space_options opts = {.mem = MIB(256), .page = MIB(2)};
	const int flags = MAP_SHARED | MAP_ANONYMOUS;

	device = argc > 1 ? argv[1] : "";
	va = mmap(NULL, MIB(2) * PAGES, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB | MAP_POPULATE,
		  -1, 0);
	small = mmap(NULL, 65536, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, -1, 0);
	if (va == MAP_FAILED || small == MAP_FAILED)
		fail("mmap", -errno);
	step("nothing");
	want("open", tce_space_open(device, &opts, &space), 0);
	step("open");
	map_in_every_way();
	be_refused();
	fork_a_child();
	unmap_in_every_way();
	want("close", tce_space_close(space, device), 0);
	space = NULL;
	step("close");
	want("open-again", tce_space_open(device, &opts, &space), 0);
	want("register", tce_register(va + MIB(8), MIB(4), MIB(2)), 0);
	map("map-again", 4, 2, NULL, 4);
	puts("done");
	fflush(stdout);
	pause(); /* to be killed as it is */
	return EXIT_FAILURE;
}
