/* SPDX-License-Identifier: BSD-3-Clause */
/* An arena's life: its pages, its region, its mappings. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tce/region.h>
#include <unistd.h>

#include "internal.h"

#define HUGE_SHIFT 26 /* MAP_HUGE_SHIFT: where memfd_create() wants the size's logarithm */

/*
 * A file of so many bytes, without pages yet. It is closed as soon as it is mapped: the mapping
 * alone keeps the pages, and a child does not get it.
 */
static int make_file(size_t len, size_t page, int *fd)
{
	unsigned flags = MFD_CLOEXEC;
	int made;

	if (page != tce_pool_system_page())
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(page) << HUGE_SHIFT;
	made = memfd_create("libtce-arena", flags);
	if (made < 0 || ftruncate(made, (off_t)len)) {
		int err = errno;

		if (made >= 0)
			close(made);
		return tce_error_set(-EIO, "no file for %zu bytes in pages of %zu: %s", len, page,
				     strerror(err));
	}
	*fd = made;
	return 0;
}

/*
 * Have every page allocated. By the file, since it answers an error: a page that is missing when it
 * is touched ends the process by SIGBUS. And under this thread's policy: hugetlbfs does not look at
 * the mapping's when it allocates so.
 */
static int allocate(const struct tce_arena *a, int fd)
{
	struct tce_policy before;
	int err, ret = tce_node_enter(a->node, &before);

	if (ret)
		return ret;
	do {
		err = fallocate(fd, 0, 0, (off_t)a->len) ? errno : 0;
	} while (err == EINTR);
	ret = tce_node_leave(a->node, &before);
	if (err == ENOSPC || err == ENOMEM)
		return tce_pool_too_few(a->page, a->node, a->len / a->page);
	if (err)
		return tce_error_set(-EIO, "fallocate of %zu bytes in pages of %zu failed: %s",
				     a->len, a->page, strerror(err));
	return ret;
}

static int fill(struct tce_arena *a, int fd)
{
	int ret = allocate(a, fd);

	for (size_t at = 0; at < a->len && !ret; at += a->page)
		*(volatile char *)(a->va + at) = 0;
	return ret ? ret : tce_node_verify(a->va, a->len, a->page, a->node);
}

static int map_file(struct tce_arena *a, int fd)
{
	void *va = mmap(NULL, a->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (va == MAP_FAILED)
		return errno == ENOMEM ? tce_pool_too_few(a->page, a->node, a->len / a->page)
				       : tce_error_set(-EIO, "mmap of %zu bytes failed: %s", a->len,
						       strerror(errno));
	a->va = va;
	if (madvise(va, a->len, MADV_DONTFORK))
		return tce_error_set(-EIO, "madvise of %zu bytes failed: %s", a->len,
				     strerror(errno));
	return tce_node_bind(va, a->len, a->node);
}

static int take_pages(struct tce_arena *a)
{
	int fd = -1, ret = tce_pool_check_free(a->page, a->node, a->len / a->page);

	if (!ret)
		ret = make_file(a->len, a->page, &fd);
	if (ret)
		return ret;
	ret = map_file(a, fd);
	if (!ret)
		ret = fill(a, fd);
	close(fd);
	return ret;
}

/* Memory and description of an arena that is no region any more. */
static void drop(struct tce_arena *a)
{
	if (a->va)
		munmap(a->va, a->len);
	pthread_mutex_destroy(&a->lock);
	free(a->block);
	free(a);
}

int tce_arena_open(size_t size, size_t page, int node, struct tce_arena **arena)
{
	struct tce_arena *a;
	int ret;

	if (!page)
		page = tce_pool_default_page();
	if (!size || size > SIZE_MAX / 2)
		return tce_error_set(-EINVAL, "no arena of %zu bytes", size);
	ret = tce_pool_check_size(page);
	if (!ret)
		ret = tce_node_check(node);
	if (ret)
		return ret;
	a = calloc(1, sizeof(*a));
	if (!a)
		return tce_error_set(-ENOMEM, "no memory to describe an arena");
	pthread_mutex_init(&a->lock, NULL);
	a->page = page;
	a->len = (size + page - 1) & ~(page - 1);
	a->node = node;
	ret = take_pages(a);
	if (!ret)
		ret = tce_register(a->va, a->len, page);
	if (ret)
		drop(a);
	else
		*arena = a;
	return ret;
}

int tce_arena_close(struct tce_arena *arena)
{
	int ret;

	if (arena->blocks)
		return tce_error_set(-EBUSY,
				     "arena %p + %zu: %zu blocks of it are in use, the first at %p",
				     (void *)arena->va, arena->len, arena->blocks,
				     (void *)(arena->va + arena->block[0].at));
	ret = tce_release(arena->va, arena->len, NULL, NULL);
	/* In quarantine its pages may still be written to: they stay where they are. */
	if (ret == -EIO)
		arena->va = NULL;
	if (!ret || ret == -EIO)
		drop(arena);
	return ret;
}

int tce_arena_map(struct tce_arena *arena, struct tce_space *space,
		  const struct tce_map_options *opts, struct tce_span *span)
{
	tce_iova_t iova = TCE_IOVA_ANY;
	int ret = tce_map(space, arena->va, arena->len, opts, &iova);

	if (!ret)
		*span = (struct tce_span){.space = space,
					  .va = (uintptr_t)arena->va,
					  .len = arena->len,
					  .delta = iova - (uintptr_t)arena->va};
	return ret;
}

int tce_arena_unmap(struct tce_arena *arena, const struct tce_span *span)
{
	return tce_unmap(span->space, (uintptr_t)arena->va + span->delta, arena->len);
}
