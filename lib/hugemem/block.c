/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of an arena: first fit over a sorted list of what is in use, kept outside of the arena,
 * where no device can write to it. Drivers take blocks when queues are set up, not for each
 * descriptor.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Where the gap before the i-th block starts and ends; the last gap ends with the arena. */
static size_t gap(const struct tce_arena *a, size_t i, size_t *end)
{
	*end = i < a->blocks ? a->block[i].at : a->len;
	return i ? a->block[i - 1].at + a->block[i - 1].len : 0;
}

static size_t largest_gap(const struct tce_arena *a)
{
	size_t largest = 0, end;

	for (size_t i = 0; i <= a->blocks; i++) {
		size_t start = gap(a, i, &end);

		if (end - start > largest)
			largest = end - start;
	}
	return largest;
}

static int insert(struct tce_arena *a, size_t i, size_t at, size_t len)
{
	if (a->blocks == a->room) {
		size_t room = a->room ? 2 * a->room : 16;
		void *bigger = realloc(a->block, room * sizeof(*a->block));

		if (!bigger)
			return -ENOMEM;
		a->block = bigger;
		a->room = room;
	}
	memmove(&a->block[i + 1], &a->block[i], (a->blocks - i) * sizeof(*a->block));
	a->block[i] = (struct tce_block){at, len};
	a->blocks++;
	a->used += len;
	return 0;
}

static int take(struct tce_arena *a, size_t len, size_t align, void **va)
{
	for (size_t i = 0; i <= a->blocks; i++) {
		size_t end, at = (gap(a, i, &end) + align - 1) & ~(align - 1);

		if (at > end || len > end - at)
			continue;
		if (insert(a, i, at, len))
			return -ENOMEM;
		*va = a->va + at;
		return 0;
	}
	return -ENOSPC;
}

int tce_arena_alloc(struct tce_arena *arena, size_t len, size_t align, void **va)
{
	size_t largest;
	void *at;
	int ret;

	if (!align)
		align = TCE_BLOCK;
	if (!len || len > arena->len || align & (align - 1) || align > arena->page)
		return tce_error_set(
			len > arena->len ? -ENOSPC : -EINVAL,
			"no block of %zu bytes at a multiple of %zu: the arena has %zu "
			"bytes in pages of %zu",
			len, align, arena->len, arena->page);
	len = (len + TCE_BLOCK - 1) & ~(size_t)(TCE_BLOCK - 1);
	pthread_mutex_lock(&arena->lock);
	ret = take(arena, len, align < TCE_BLOCK ? TCE_BLOCK : align, &at);
	largest = ret ? largest_gap(arena) : 0;
	pthread_mutex_unlock(&arena->lock);
	if (ret == -ENOSPC)
		return tce_error_set(ret,
				     "no room for a block of %zu bytes at a multiple of %zu: the "
				     "largest free run of the arena (%zu bytes) is %zu",
				     len, align, arena->len, largest);
	if (ret)
		return tce_error_set(ret, "no memory to note a block of %zu bytes", len);
	memset(at, 0, len);
	*va = at;
	return 0;
}

int tce_arena_free(struct tce_arena *arena, void *va)
{
	size_t i = 0, at = (size_t)((char *)va - arena->va);

	pthread_mutex_lock(&arena->lock);
	while (i < arena->blocks && arena->block[i].at != at)
		i++;
	if (i < arena->blocks) {
		arena->used -= arena->block[i].len;
		arena->blocks--;
		memmove(&arena->block[i], &arena->block[i + 1],
			(arena->blocks - i) * sizeof(*arena->block));
		pthread_mutex_unlock(&arena->lock);
		return 0;
	}
	pthread_mutex_unlock(&arena->lock);
	return tce_error_set(-ENOENT, "no block of the arena starts at %p", va);
}

void tce_arena_info(struct tce_arena *arena, struct tce_arena_info *info)
{
	pthread_mutex_lock(&arena->lock);
	*info = (struct tce_arena_info){.va = arena->va,
					.len = arena->len,
					.page = arena->page,
					.node = arena->node,
					.used = arena->used,
					.largest = largest_gap(arena)};
	pthread_mutex_unlock(&arena->lock);
}
