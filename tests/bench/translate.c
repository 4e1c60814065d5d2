/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-translate va|pa ROUNDS REGIONS...: what a look-up costs, VA to IOVA and IOVA to VA, beside
 * a bare call and beside what DPDK has. DPDK runs with IOVA=VA and without hugepages, or with
 * IOVA=PA, which needs both root and hugepages. Prints one line for each figure: way, layout, hit
 * or miss, regions, subject, ns apart, ns chained.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_memory.h>

#include <tce/tce.h>
#include "easy.h"
#include "lookup.h"
#include "regions.h"

enum { ADDRESSES = 16384, SLOW = 64 };

static bool pa;

static uint64_t to_iova(void *arg, uint64_t addr)
{
	tce_iova_t iova = 0;
	size_t len;

	tce_iova(arg, (const void *)(uintptr_t)addr, 64, &iova, &len);
	return iova;
}
LOOKUP(to_iova)

static uint64_t to_va(void *arg, uint64_t addr)
{
	void *va = NULL;
	size_t len;

	tce_va(arg, addr, 64, &va, &len);
	return (uintptr_t)va;
}
LOOKUP(to_va)

static uint64_t bare(void *arg, uint64_t addr)
{
	uint64_t iova = 0;
	size_t len;

	lookup_bare(arg, (const void *)(uintptr_t)addr, 64, &iova, &len);
	return iova;
}
LOOKUP(bare)

/* With IOVA=PA it has to be memory that is there: one page will do. */
static uint64_t virt2iova(void *arg, uint64_t addr)
{
	return rte_mem_virt2iova(arg ? arg : (const void *)(uintptr_t)addr);
}
LOOKUP(virt2iova)

static uint64_t virt2memseg(void *arg, uint64_t addr)
{
	const struct rte_memseg *ms = rte_mem_virt2memseg((const void *)(uintptr_t)addr, NULL);

	return ms ? ms->iova : 0;
}
LOOKUP(virt2memseg)

static void print(const struct subject *s, size_t subjects, const char *what, size_t regions)
{
	for (size_t i = 0; i < subjects; i++)
		printf("%s\t%zu\t%s\t%.4f\t%.4f\n", what, regions, s[i].name, s[i].best[0],
		       s[i].best[1]);
	fflush(stdout);
}

/* One way, hit or miss: every subject, round by round. */
static void measure_one(const struct regions *r, struct subject *s, size_t n, const char *what,
			int iova, int hit, unsigned rounds)
{
	static uint64_t addr[ADDRESSES];

	for (size_t i = 0; i < n; i++)
		s[i].best[0] = s[i].best[1] = 0;
	for (unsigned round = 0; round < rounds; round++) {
		regions_addresses(r, addr, ADDRESSES, iova, hit, round);
		lookup_time(s, n, addr, ADDRESSES);
	}
	print(s, n, what, r->n);
}

static void measure(const struct regions *r, enum layout layout, unsigned rounds)
{
	static char page;
	struct subject forth[] = {
		SUBJECT("libtce", to_iova, r->space),
		SUBJECT("bare call", bare, NULL),
		SUBJECT("DPDK virt2memseg", virt2memseg, NULL),
		SUBJECT(pa ? "DPDK virt2iova, IOVA=PA" : "DPDK virt2iova, IOVA=VA", virt2iova,
			pa ? &page : NULL),
	};
	struct subject back[] = {
		SUBJECT("libtce", to_va, r->space),
		SUBJECT("bare call", bare, NULL),
	};
	const char *where = layout == SCATTERED ? "scattered" : "side by side";
	char what[64];

	page = 1;
	forth[3].most = pa ? SLOW : 0;
	for (int hit = 1; hit >= 0; hit--) {
		snprintf(what, sizeof(what), "VA to IOVA\t%s\t%s", where, hit ? "hit" : "miss");
		measure_one(r, forth, sizeof(forth) / sizeof(*forth), what, 0, hit, rounds);
		snprintf(what, sizeof(what), "IOVA to VA\t%s\t%s", where, hit ? "hit" : "miss");
		measure_one(r, back, sizeof(back) / sizeof(*back), what, 1, hit, rounds);
	}
}

static void start_dpdk(char *program)
{
	char options[128], *argv[16] = {program}, *save;
	int argc = 1;

	/* EAL binds this thread to the processor that it is on. */
	snprintf(options, sizeof(options),
		 "%s -m 16 --no-pci --iova-mode=%s --lcores 0@%d --log-level=1 --no-telemetry",
		 pa ? "--in-memory" : "--no-huge --no-shconf", pa ? "pa" : "va", sched_getcpu());
	for (char *word = strtok_r(options, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	if (rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "bench-translate: EAL does not start\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 3 ? (unsigned)atoi(argv[2]) : 0;

	if (!rounds || (strcmp(argv[1], "va") != 0 && strcmp(argv[1], "pa") != 0)) {
		fprintf(stderr, "usage: bench-translate va|pa ROUNDS REGIONS...\n");
		return 2;
	}
	pa = !strcmp(argv[1], "pa");
	start_dpdk(argv[0]);
	easy_start(1);
	for (int i = 3; i < argc; i++) {
		for (enum layout layout = SIDE_BY_SIDE; layout <= SCATTERED; layout++) {
			struct regions r;

			regions_begin(&r, 0, (size_t)atol(argv[i]), layout);
			if (rte_extmem_register(r.room, r.room_len, NULL, 0, EASY_PAGE))
				fprintf(stderr, "bench-translate: DPDK does not take the memory\n");
			measure(&r, layout, rounds);
			rte_extmem_unregister(r.room, r.room_len);
			regions_end(&r, 0);
		}
	}
	return 0;
}
