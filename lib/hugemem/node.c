/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Placement on a NUMA node. By libnuma's calls of numaif.h: those of numa.h print, and exit, when
 * something fails.
 */
#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The policy of that node and no other. */
static struct tce_policy only(int node)
{
	struct tce_policy p = {.mode = MPOL_BIND};

	p.nodes[(unsigned)node / TCE_NODES_WORD] = 1ul << ((unsigned)node % TCE_NODES_WORD);
	return p;
}

static bool is_free(int node)
{
	return node == TCE_NODE_ANY || numa_available() < 0;
}

static int refused(const char *call, int node)
{
	int err = errno;

	return tce_error_set(-EIO, "memory of node %d: %s failed: %s", node, call, strerror(err));
}

int tce_node_check(int node)
{
	if (node == TCE_NODE_ANY)
		return 0;
	if (numa_available() < 0)
		return node ? tce_error_set(-ENODEV, "no node %d: this kernel has no NUMA", node)
			    : 0;
	if (node < 0 || node >= TCE_NODES || node > numa_max_node() ||
	    !numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)node))
		return tce_error_set(-ENODEV,
				     "no node %d with memory that this process may use; numactl "
				     "--hardware lists them",
				     node);
	return 0;
}

int tce_node_bind(void *va, size_t len, int node)
{
	struct tce_policy want, got = {.mode = -1};

	if (is_free(node))
		return 0;
	want = only(node);
	if (mbind(va, len, MPOL_BIND, want.nodes, TCE_NODES, 0))
		return refused("mbind", node);
	if (get_mempolicy(&got.mode, got.nodes, TCE_NODES, va, MPOL_F_ADDR))
		return refused("get_mempolicy", node);
	if (!memcmp(&want, &got, sizeof(got)))
		return 0;
	return tce_error_set(-EIO,
			     "memory of node %d: the kernel did not take the policy (mode %d)",
			     node, got.mode);
}

int tce_node_enter(int node, struct tce_policy *before)
{
	struct tce_policy want;

	if (is_free(node))
		return 0;
	want = only(node);
	memset(before, 0, sizeof(*before));
	if (get_mempolicy(&before->mode, before->nodes, TCE_NODES, NULL, 0))
		return refused("get_mempolicy", node);
	return set_mempolicy(MPOL_BIND, want.nodes, TCE_NODES) ? refused("set_mempolicy", node) : 0;
}

int tce_node_leave(int node, const struct tce_policy *before)
{
	bool none = before->mode == MPOL_DEFAULT;

	if (is_free(node))
		return 0;
	return set_mempolicy(before->mode, none ? NULL : before->nodes, none ? 0 : TCE_NODES)
		       ? refused("set_mempolicy", node)
		       : 0;
}

/* Which nodes up to 512 pages are on: their sort of error is of the call, not of a page. */
static int verify_some(char *va, size_t n, size_t page, int node)
{
	void *at[512];
	int status[512];

	for (size_t i = 0; i < n; i++)
		at[i] = va + i * page;
	if (move_pages(0, n, at, NULL, status, 0))
		return refused("move_pages", node);
	for (size_t i = 0; i < n; i++)
		if (status[i] != node)
			return tce_error_set(-EXDEV,
					     "memory of node %d: page %p answers %d when asked for "
					     "its node",
					     node, at[i], status[i]);
	return 0;
}

int tce_node_verify(void *va, size_t len, size_t page, int node)
{
	size_t n = len / page;
	int ret = 0;

	if (is_free(node))
		return 0;
	for (size_t i = 0; i < n && !ret; i += 512)
		ret = verify_some((char *)va + i * page, n - i < 512 ? n - i : 512, page, node);
	return ret;
}
