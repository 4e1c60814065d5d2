/* SPDX-License-Identifier: BSD-3-Clause */
/* What a transmit queue of net_tce_igb knows of memory whose IOVAs do not all follow each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include <tce/translate.h>

#include "tx.h"

#define PAGE  (UINT64_C(2) << 20)
#define FIRST (UINT64_C(0x100000000000))

/* Pages 0, 1 and 2 of a list; the last lies apart from the others. */
static struct rte_memseg_list list = {.addr_64 = FIRST, .page_sz = PAGE, .len = 3 * PAGE};
static const uint64_t iovas[] = {5 * PAGE, 6 * PAGE, 9 * PAGE};

struct rte_memseg_list *rte_mem_virt2memseg_list(const void *va)
{
	return (uintptr_t)va - FIRST < list.len ? &list : NULL;
}

int tce_iova(const struct tce_space *space, const void *va, size_t len, tce_iova_t *iova,
	     size_t *got)
{
	uint64_t at = (uintptr_t)va - FIRST;
	uint64_t end = at < 2 * PAGE ? 2 * PAGE : 3 * PAGE;

	if (at >= 3 * PAGE)
		return -ENOENT;
	*iova = iovas[at / PAGE] + at % PAGE;
	if (got)
		*got = RTE_MIN(len, end - at);
	return 0;
}

static uint64_t sent_from(struct pmd_txq *q, uint64_t at, uint16_t len)
{
	struct rte_mbuf m = {.buf_addr = (void *)(uintptr_t)(FIRST + at), .data_len = len};

	return tx_iova(q, &m);
}

static void a_frame_is_translated_as_a_whole(void **state)
{
	static const uint16_t lens[] = {1, 60, 1500, 9728, UINT16_MAX};
	atomic_uint forgotten = 0;
	struct pmd_txq q = {.forgotten = &forgotten};

	for (unsigned i = 0; i < RTE_DIM(lens); i++)
		for (uint64_t at = 0; at < 3 * PAGE; at += 1021) {
			bool whole = at >= 2 * PAGE ? at + lens[i] <= 3 * PAGE
						    : at + lens[i] <= 2 * PAGE;
			uint64_t iova = sent_from(&q, at, lens[i]);

			assert_true(iova == (whole ? iovas[at / PAGE] + at % PAGE : 0));
		}
	/* Most of it was known. */
	assert_in_range(q.misses, 1, RTE_DIM(lens) * 3 * PAGE / 1021 / 2);
}

static void the_run_around_a_frame_is_learned(void **state)
{
	atomic_uint forgotten = 0;
	struct pmd_txq q = {.forgotten = &forgotten};

	assert_true(sent_from(&q, PAGE + 7, 60) == 6 * PAGE + 7);
	assert_true(q.run.base == FIRST && q.run.delta == 5 * PAGE - FIRST);
	assert_in_range(q.run.len, PAGE + 1, 2 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_translated_as_a_whole),
		cmocka_unit_test(the_run_around_a_frame_is_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
