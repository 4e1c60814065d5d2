/* SPDX-License-Identifier: BSD-3-Clause */
/* A region and a container: REGISTER, UNREGISTER, and the memlock that they move. */
#include <stdlib.h>

#include "internal.h"

#define P tce_process

struct tce_use *tce_use_of(struct tce_region *r, const struct tce_space *space)
{
	for (size_t i = 0; i < r->uses; i++)
		if (r->use[i].space == space)
			return &r->use[i];
	return NULL;
}

int tce_lock_check(uint64_t bytes, const char *what)
{
	uint64_t locked, limit;
	int ret = P.kernel->lock_limit(&limit);

	if (!ret && limit == UINT64_MAX)
		return 0;
	if (!ret)
		ret = P.kernel->locked(&locked);
	if (ret)
		return tce_fail(-EIO, "cannot read this process's memlock: %s",
				tce_errno_text(ret));
	if (locked <= limit && bytes <= limit - locked)
		return 0;
	return tce_fail(
		-ENOMEM,
		"memlock is too small: %s needs %llu kB beside the %llu kB locked already, and the "
		"limit is %llu kB; raise it to %llu kB (ulimit -l, or LimitMEMLOCK= of the "
		"service)",
		what, (unsigned long long)bytes / 1024, (unsigned long long)locked / 1024,
		(unsigned long long)limit / 1024,
		(unsigned long long)(bytes + locked + 1023) / 1024);
}

/* What enrolling failed with, in words. */
static int enroll_failed(const struct tce_region *r, int ret)
{
	if (ret == -ENOMEM)
		return tce_fail(-ENOMEM,
				"registering VA %#zx + %#zx: the kernel has no memory for it or "
				"its memlock "
				"is too small: %s are to be locked",
				(size_t)r->va, r->len, tce_bytes(r->len));
	/* A positive count: so many pages could be pinned, and were let go. */
	if (ret == -EFAULT || ret > 0)
		return tce_fail(
			-EFAULT,
			"registering VA %#zx + %#zx: not all of it is mapped in this process (the "
			"kernel answered %s)",
			(size_t)r->va, r->len, tce_errno_text(ret));
	return tce_fail(
		-EIO,
		"registering VA %#zx + %#zx: the kernel answered %s; does something else in this "
		"process register memory that overlaps it?",
		(size_t)r->va, r->len, tce_errno_text(ret));
}

int tce_enroll(struct tce_space *space, struct tce_region *r)
{
	struct tce_use *bigger;
	int ret;

	if (tce_use_of(r, space))
		return 0;
	/* Locked once per process, however many containers have it. */
	ret = r->uses ? 0 : tce_lock_check(r->len, "registering this region");
	if (ret)
		return ret;
	bigger = realloc(r->use, (r->uses + 1) * sizeof(*bigger));
	if (!bigger)
		return tce_fail(-ENOMEM, "no memory to note a space of a region");
	r->use = bigger;
	P.calls.enroll++;
	ret = P.kernel->enroll(space->container_fd, (void *)r->va, r->len);
	if (ret)
		return enroll_failed(r, ret);
	r->use[r->uses++] = (struct tce_use){.space = space, .fresh = true};
	return 0;
}

int tce_quarantine(struct tce_region *r, const char *why)
{
	r->quarantined = true;
	return tce_fail(
		-EIO,
		"region %#zx + %#zx is in quarantine: %s; its pages stay pinned: do not unmap or "
		"reuse them before tce_reclaim() answers 0",
		(size_t)r->va, r->len, why);
}

/*
 * One round of UNREGISTER with its witness: locked memory falls by the region's size when the
 * kernel lets go, and does not move when it keeps the pages all the same.
 */
static int let_go(const struct tce_space *space, const struct tce_region *r, bool *seen)
{
	uint64_t before = 0, after = 0;
	int ret = P.kernel->locked(&before);

	if (ret)
		return ret;
	P.calls.unenroll++;
	ret = P.kernel->unenroll(space->container_fd, (void *)r->va, r->len);
	if (ret)
		return ret;
	ret = P.kernel->locked(&after);
	*seen = !ret && before - after == r->len;
	return 0;
}

/*
 * The last registration of a region. Another thread's mlock() may blur the witness: then the region
 * is registered and unregistered once more, which for a true end pins and lets go again, and for
 * pages that the kernel kept changes nothing.
 */
static int end_last(struct tce_space *space, struct tce_region *r)
{
	bool seen = false;
	int ret = let_go(space, r, &seen);

	for (int again = 0; !ret && !seen && again < 3; again++) {
		P.calls.enroll++;
		if (P.kernel->enroll(space->container_fd, (void *)r->va, r->len))
			break;
		ret = let_go(space, r, &seen);
	}
	if (!ret && !seen)
		return tce_quarantine(
			r, "the kernel answered success to UNREGISTER, but locked memory did "
			   "not fall by the region's size");
	return ret;
}

int tce_unenroll(struct tce_space *space, struct tce_region *r)
{
	struct tce_use *use = tce_use_of(r, space);
	int ret;

	if (r->uses == 1) {
		ret = end_last(space, r);
	} else {
		P.calls.unenroll++;
		ret = P.kernel->unenroll(space->container_fd, (void *)r->va, r->len);
	}
	if (r->quarantined)
		return ret;
	if (ret)
		return tce_quarantine(r, ret == -EBUSY
						 ? "the kernel says that TCEs still point into it"
						 : "the kernel refused UNREGISTER");
	*use = r->use[--r->uses];
	return 0;
}
