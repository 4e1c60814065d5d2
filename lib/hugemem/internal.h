/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of lib/hugemem share. */
#ifndef HUGEMEM_INTERNAL_H
#define HUGEMEM_INTERNAL_H

#include <pthread.h>
#include <tce/error.h>
#include <tce/hugemem.h>

enum { TCE_NODES = 1024, TCE_NODES_WORD = 8 * sizeof(unsigned long) };
enum { TCE_BLOCK = 128 }; /* a cache line of POWER; no block is smaller, none shares one */

struct tce_block {
	size_t at, len;
};

struct tce_arena {
	char *va;
	size_t len, page;
	int node;
	pthread_mutex_t lock;	 /* of what follows */
	struct tce_block *block; /* in use, by place */
	size_t blocks, room;
	size_t used;
};

/* ---- pool.c: what the kernel tells of its hugepages ---- */

/* The system page, and the kernel's default hugepage (0: none). */
size_t tce_pool_system_page(void);
size_t tce_pool_default_page(void);

/* Does this kernel have hugepages of this size? -EINVAL and a sentence that names those it has. */
int tce_pool_check_size(size_t page);

/* Are so many free? -ENOMEM as below; 0 also where nobody tells. */
int tce_pool_check_free(size_t page, int node, size_t want);

/* -ENOMEM and the sentence that says how to reserve so many pages. */
int tce_pool_too_few(size_t page, int node, size_t want);

/* ---- node.c: NUMA ---- */

/* Is there such a node, with memory? -ENODEV. */
int tce_node_check(int node);

/* Have pages of [va, va + len) come from a node; see that the kernel took the policy. */
int tce_node_bind(void *va, size_t len, int node);

/* A thread's own policy, while another one is in its place. */
struct tce_policy {
	int mode;
	unsigned long nodes[TCE_NODES / TCE_NODES_WORD];
};

/* Have what this thread allocates come from a node, until tce_node_leave(). */
int tce_node_enter(int node, struct tce_policy *before);
int tce_node_leave(int node, const struct tce_policy *before);

/* Are they all there? They have been touched. -EXDEV. */
int tce_node_verify(void *va, size_t len, size_t page, int node);

/* "2M", as hugeadm wants it: into text. */
const char *tce_pool_size_text(size_t page, char text[24]);

#endif
