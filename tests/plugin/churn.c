/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of random sizes come and go. Each is full of poison while it lives and when it is freed:
 * a device that reads where it should not sends the poison, one that writes there spoils it.
 */
#include "plugin.h"

#include <rte_malloc.h>

#define MAX_BLOCKS 256

struct block {
	void *at;
	size_t len;
};

/* splitmix64, of Steele, Lea and Flood */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void get(struct block *block, uint64_t *state)
{
	size_t span = options.most > options.least ? options.most - options.least : 0;

	block->len = options.least + (span ? draw(state) % span : 0);
	block->at = rte_malloc(NULL, block->len, 0);
	if (!block->at) {
		tally.failed++;
		return;
	}
	tally.allocs++;
	poison(block->at, block->len);
}

static void give_back(struct block *block)
{
	if (!is_poisoned(block->at, block->len))
		tally.corrupt++;
	rte_free(block->at);
	block->at = NULL;
	tally.frees++;
}

void churn_run(void)
{
	static struct block blocks[MAX_BLOCKS];
	uint64_t n = options.blocks < MAX_BLOCKS ? options.blocks : MAX_BLOCKS;
	uint64_t state = options.seed, steps = 0;

	if (!rest(options.delay * 1000))
		return;
	while (rest(options.period)) {
		struct block *block = &blocks[draw(&state) % n];

		if (block->at)
			give_back(block);
		else
			get(block, &state);
		if (++steps % 64 == 0)
			report();
	}
	for (uint64_t i = 0; i < n; i++)
		if (blocks[i].at)
			give_back(&blocks[i]);
	tally.done = true;
}
