/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way out of quarantine. The kernel frees registered memory when the last container gives it up
 * and its own count of TCEs is 0 then; otherwise it keeps the pages and tells nobody. Locked memory
 * is what shows which of the two it was.
 */
#include "internal.h"

#define P tce_process
#define K tce_process.kernel

typedef unsigned long long ull;

static int stays(const struct tce_region *r, const char *why)
{
	return tce_fail(-EIO,
			"region %#zx + %#zx stays in quarantine: %s; do not unmap or reuse it",
			(size_t)r->va, r->len, why);
}

static int note_first(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		      void *arg)
{
	uint64_t *iova = arg;

	(void)space;
	*iova = w->start + ((uint64_t)s->at << w->shift);
	return 1;
}

/* The registrations that are ours. A space's end has taken its own along. */
static int give_up(struct tce_region *r)
{
	while (r->uses) {
		struct tce_space *space = r->use[r->uses - 1].space;
		int ret;

		P.calls.unenroll++;
		ret = K->unenroll(space->container_fd, (void *)r->va, r->len);
		/* It was given up before, when the kernel kept the pages all the same. */
		if (ret && ret != -ENOENT)
			return ret;
		r->uses--;
	}
	return 0;
}

/*
 * Does the kernel still have it? To register it once more pins free memory anew, and to give that
 * up again lets locked memory fall; what is there already counts one user more, and one less. That
 * no page could be pinned also says that nothing was there.
 */
static int ask(const struct tce_space *space, const struct tce_region *r, bool *gone)
{
	uint64_t before = 0, after = 0;
	int ret, unknown;

	P.calls.enroll++;
	ret = K->enroll(space->container_fd, (void *)r->va, r->len);
	/* An earlier question was not taken back: the kernel refused to. */
	if (ret == -EBUSY)
		ret = 0;
	*gone = ret == -EFAULT || ret > 0;
	if (ret)
		return *gone ? 0 : ret;
	unknown = K->locked(&before);
	P.calls.unenroll++;
	ret = K->unenroll(space->container_fd, (void *)r->va, r->len);
	if (!ret && !unknown)
		unknown = K->locked(&after);
	*gone = !ret && !unknown && before - after == r->len;
	return ret;
}

static int reclaim(uintptr_t va, size_t len)
{
	struct tce_region *r = tce_region_at(va);
	uint64_t iova = 0;
	bool gone = false;
	int ret;

	if (!r || r->va != va || r->len != len || !r->quarantined)
		return tce_fail(-ENOENT, "reclaim of VA %#zx + %#zx: no such region in quarantine",
				(size_t)va, len);
	if (tce_region_live(r)) {
		tce_walk(r, r->va, tce_last(r->va, r->len), note_first, &iova);
		return tce_fail(-EBUSY,
				"reclaim of VA %#zx + %#zx: %llu TCEs still point into it, the "
				"first at IOVA %#llx; unmap them, or close the space",
				(size_t)va, len, (ull)tce_region_live(r), (ull)iova);
	}
	if (!P.spaces)
		return tce_fail(-EAGAIN,
				"reclaim of VA %#zx + %#zx: no space is open to ask the kernel "
				"through; open one",
				(size_t)va, len);
	ret = give_up(r);
	for (int again = 0; !ret && !gone && again < 4; again++)
		ret = ask(P.space[0], r, &gone);
	if (ret)
		return stays(r, tce_errno_text(ret));
	if (!gone)
		return stays(r, "the kernel has not let go of its pages");
	tce_region_drop(r);
	return 0;
}

int tce_reclaim(void *va, size_t len)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(reclaim((uintptr_t)va, len));
}

uint64_t tce_quarantine_leaving(void)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < P.regions; i++)
		bytes += P.region[i]->leaving ? P.region[i]->len : 0;
	return bytes;
}

void tce_quarantine_left(bool free)
{
	for (size_t i = P.regions; i--;) {
		struct tce_region *r = P.region[i];

		if (!r->leaving)
			continue;
		r->leaving = false;
		if (!free)
			continue;
		r->quarantined = false;
		if (!r->users || r->ending)
			tce_region_drop(r);
	}
}
