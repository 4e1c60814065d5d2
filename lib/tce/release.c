/* SPDX-License-Identifier: BSD-3-Clause */
/* Giving memory back: whole regions with release, parts of them with discard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define P tce_process

typedef unsigned long long ull;

struct holders {
	struct tce_holder *holder;
	size_t room, n;
	struct tce_holder first;
};

static int note_holder(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		       void *arg)
{
	struct holders *h = arg;
	struct tce_holder one = {
		.space = space,
		.iova = w->start + ((uint64_t)s->at << w->shift),
		.len = (uint64_t)s->n << w->shift,
		.va = (void *)(uintptr_t)s->va,
	};

	if (!h->n)
		h->first = one;
	if (h->n < h->room)
		h->holder[h->n] = one;
	h->n++;
	return 0;
}

static int release(uintptr_t va, size_t len, struct tce_holder *holder, size_t *n)
{
	struct holders h = {.holder = holder, .room = holder ? *n : 0};
	struct tce_region *r = tce_region_at(va);

	if (!r)
		return tce_fail(-ENOENT, "release of VA %#zx + %#zx: nothing is registered there",
				(size_t)va, len);
	if (r->va != va || r->len != len || !r->users)
		return tce_fail(
			-ENOENT,
			"release of VA %#zx + %#zx: the region there is %#zx + %#zx%s; a region is "
			"released exactly as it was registered",
			(size_t)va, len, (size_t)r->va, r->len,
			r->users ? "" : ", registered by tce_dma_map()");
	if (r->users > 1) {
		r->users--;
		return 0;
	}
	if (!tce_region_live(r))
		return tce_region_end(r);
	tce_walk(r, r->va, tce_last(r->va, r->len), note_holder, &h);
	if (n)
		*n = h.n;
	return tce_fail(
		-EBUSY,
		"release of VA %#zx + %#zx: %llu TCEs in %zu runs still point into it, the first "
		"at IOVA %#llx + %#llx of group %d; unmap them first",
		(size_t)va, len, (ull)tce_region_live(r), h.n, (ull)h.first.iova, (ull)h.first.len,
		h.first.space->group);
}

int tce_release(void *va, size_t len, struct tce_holder *holders, size_t *n)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(release((uintptr_t)va, len, holders, n));
}

struct part {
	uintptr_t va, last;
};

/* May these TCEs be cleared without taking memory outside of the part along? */
static int check_whole(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		       void *arg)
{
	const struct part *part = arg;
	uint64_t last = tce_last(s->va, (uint64_t)s->n << w->shift);

	(void)space;
	if (s->va >= part->va && last <= part->last)
		return 0;
	return tce_fail(
		-EINVAL,
		"discard of VA %#zx to %#zx: it is mapped by TCEs of %s that reach beyond it; "
		"discard whole I/O pages",
		(size_t)part->va, (size_t)part->last, tce_bytes(1ull << w->shift));
}

/* The first failure of several. */
struct failure {
	int ret;
	char why[512];
};

/* What the kernel refuses in one space is taken away from the others all the same. */
static int clear(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		 void *arg)
{
	struct failure *first = arg;
	int ret = tce_unmap_entries(space, w, s->at, s->n, false);

	if (ret && !first->ret) {
		first->ret = ret;
		snprintf(first->why, sizeof(first->why), "%s", tce_error());
	}
	return 0;
}

/* Add to the dead parts of a region; it is all dead where there is no memory to say which part. */
static void mark_dead(struct tce_region *r, uintptr_t va, size_t len)
{
	struct tce_extent *bigger = realloc(r->dead, (r->deads + 1) * sizeof(*bigger));
	size_t i = 0;

	if (!bigger) {
		r->all_dead = true;
		return;
	}
	r->dead = bigger;
	while (i < r->deads && r->dead[i].va < va)
		i++;
	memmove(bigger + i + 1, bigger + i, (r->deads - i) * sizeof(*bigger));
	bigger[i] = (struct tce_extent){va, len};
	r->deads++;
	/* Merge with the neighbours; a part may be discarded twice. */
	for (i = i ? i - 1 : 0; i + 1 < r->deads;) {
		uintptr_t end = bigger[i].va + bigger[i].len, next = bigger[i + 1].va;
		uintptr_t next_end = next + bigger[i + 1].len;

		if (end < next) {
			i++;
			continue;
		}
		if (next_end > end)
			bigger[i].len = next_end - bigger[i].va;
		memmove(bigger + i + 1, bigger + i + 2, (r->deads - i - 2) * sizeof(*bigger));
		r->deads--;
	}
}

/* Discard the part of one region that lies in a range. */
static int discard_part(struct tce_region *r, uintptr_t va, uintptr_t last)
{
	struct failure first = {0};

	mark_dead(r, va, last - va + 1);
	/* The last TCE must not end the region under the walk. */
	r->ending = false;
	tce_walk(r, va, last, clear, &first);
	r->ending = true;
	if (first.ret) {
		r->quarantined = true;
		return tce_fail(first.ret,
				"%s; region %#zx + %#zx is in quarantine: do not unmap it",
				first.why, (size_t)r->va, r->len);
	}
	if (r->quarantined)
		return tce_fail(
			-EIO,
			"discard of VA %#zx to %#zx: region %#zx + %#zx is in quarantine: do not "
			"unmap it",
			(size_t)va, (size_t)last, (size_t)r->va, r->len);
	return tce_region_live(r) ? 0 : tce_region_end(r);
}

static int discard(uintptr_t va, size_t len)
{
	struct part part = {va, tce_last(va, len)};
	int result = tce_check_range("discard", va, len);
	uintptr_t at;

	if (!result)
		result = tce_check_waiting("discard");
	if (result)
		return result;
	for (size_t i = tce_region_index(va); i < P.regions && P.region[i]->va <= part.last; i++) {
		int ret = tce_walk(P.region[i], va, part.last, check_whole, &part);

		if (ret)
			return ret;
	}
	for (at = va; at >= va && at <= part.last;) {
		size_t i = tce_region_index(at);
		struct tce_region *r = i < P.regions ? P.region[i] : NULL;
		uintptr_t last;
		int ret;

		if (!r || r->va > part.last)
			break;
		at = r->va > at ? r->va : at;
		last = tce_last(r->va, r->len);
		last = last < part.last ? last : part.last;
		ret = discard_part(r, at, last);
		result = result ? result : ret;
		at = last + 1;
	}
	return result;
}

int tce_discard(void *va, size_t len)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(discard((uintptr_t)va, len));
}
