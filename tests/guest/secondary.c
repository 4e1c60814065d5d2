/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A secondary process of DPDK's, for the guest suites: it asks EAL for memory, which the primary
 * then gets, maps and gives away. Commands by line: get, check, free, quit.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#define BYTES ((size_t)24 << 20)

static char *block;

/* Where the pages of the block are for a device, and how many are nowhere. */
static void show(void)
{
	uint64_t lowest = UINT64_MAX;
	unsigned bad = 0, pages = 0;

	for (size_t at = 0; at < BYTES; pages++) {
		const struct rte_memseg *seg = rte_mem_virt2memseg(block + at, NULL);

		if (!seg || seg->iova == RTE_BAD_IOVA)
			bad++;
		else if (seg->iova < lowest)
			lowest = seg->iova;
		at += seg ? seg->len : BYTES;
	}
	printf("got %u pages, %u without an IOVA, the lowest at 0x%" PRIx64 "\n", pages, bad,
	       lowest);
}

static bool intact(void)
{
	for (size_t i = 0; i < BYTES; i++)
		if (block[i] != 0x5a)
			return false;
	return true;
}

static bool obey(const char *command)
{
	if (!strcmp(command, "get")) {
		block = rte_malloc(NULL, BYTES, 0);
		if (block) {
			memset(block, 0x5a, BYTES);
			show();
		} else {
			printf("refused: %s\n", rte_strerror(rte_errno));
		}
	} else if (!strcmp(command, "check")) {
		printf("%s\n", block && intact() ? "intact" : "changed");
	} else if (!strcmp(command, "free")) {
		rte_free(block);
		block = NULL;
		printf("freed\n");
	} else {
		return false;
	}
	fflush(stdout);
	return true;
}

int main(int argc, char **argv)
{
	char command[32];

	if (rte_eal_init(argc, argv) < 0 || rte_eal_process_type() != RTE_PROC_SECONDARY)
		return 1;
	printf("up\n");
	fflush(stdout);
	while (fgets(command, sizeof(command), stdin)) {
		command[strcspn(command, "\n")] = '\0';
		if (!obey(command))
			break;
	}
	return rte_eal_cleanup() ? 1 : 0;
}
