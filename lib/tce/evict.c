/* SPDX-License-Identifier: BSD-3-Clause */
/* Evict: nothing is cleared before everybody has let go, so that a time-out can undo it all. */
#include <time.h>

#include "internal.h"

#define P tce_process

static struct tce_region *exact(const char *call, uintptr_t va, size_t len)
{
	struct tce_region *r = tce_region_at(va);

	if (r && r->va == va && r->len == len)
		return r;
	tce_fail(-ENOENT, "%s of VA %#zx + %#zx: no region is registered as this", call, (size_t)va,
		 len);
	return NULL;
}

static int watch(uintptr_t va, size_t len, const struct tce_driver *driver)
{
	struct tce_region *r = exact("watch", va, len);

	return r ? tce_array_insert((void ***)&r->driver, &r->drivers, r->drivers, (void *)driver)
		 : -ENOENT;
}

int tce_watch(void *va, size_t len, const struct tce_driver *driver)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(watch((uintptr_t)va, len, driver));
}

static int unwatch(uintptr_t va, size_t len, const struct tce_driver *driver)
{
	struct tce_region *r = exact("unwatch", va, len);

	if (!r)
		return -ENOENT;
	for (size_t i = 0; i < r->drivers; i++) {
		if (r->driver[i] != driver)
			continue;
		tce_array_remove((void **)r->driver, &r->drivers, i);
		return 0;
	}
	return tce_fail(-ENOENT, "unwatch of VA %#zx + %#zx: this driver does not watch it",
			(size_t)va, len);
}

int tce_unwatch(void *va, size_t len, const struct tce_driver *driver)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(unwatch((uintptr_t)va, len, driver));
}

static int hide(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		void *arg)
{
	tce_table_unpublish(w, s->at, s->n);
	return 0;
}

static int show(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		void *arg)
{
	tce_table_publish(w, s->at, s->n);
	return 0;
}

static int clear(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		 void *arg)
{
	/* Hidden, and waited for, by evict(), which has a time to keep to. */
	return tce_clear_entries(space, w, s->at, s->n, false);
}

/* What was mapped twice may have been found by a TCE that is gone now. */
static int lead_back(struct tce_space *space, struct tce_window *w, const struct tce_stretch *s,
		     void *arg)
{
	tce_lead_back(space, w, s);
	return 0;
}

/* Ask every driver until it has let go. How many did; all of them, unless time ran out. */
static size_t quiesce(const struct tce_region *r, int64_t deadline)
{
	static const struct timespec moment = {.tv_nsec = 50000};

	for (size_t i = 0; i < r->drivers; i++) {
		const struct tce_driver *d = r->driver[i];

		while (d->quiesce((void *)r->va, r->len, d->arg)) {
			if (tce_now() >= deadline)
				return i;
			nanosleep(&moment, NULL);
		}
	}
	return r->drivers;
}

/* The region stays: for the drivers that had let go, and for translation. */
static void restore(struct tce_region *r, uintptr_t last, size_t asked)
{
	tce_walk(r, r->va, last, show, NULL);
	for (size_t i = 0; i < asked; i++)
		if (r->driver[i]->resume)
			r->driver[i]->resume((void *)r->va, r->len, r->driver[i]->arg);
}

static int evict(uintptr_t va, size_t len, unsigned milliseconds)
{
	int64_t deadline = tce_now() + (int64_t)milliseconds * 1000000;
	struct tce_region *r = exact("evict", va, len);
	uintptr_t last = va + (len - 1);
	size_t quiet;
	bool ending;
	int ret;

	if (!r)
		return -ENOENT;
	ret = tce_check_waiting("evict");
	if (ret)
		return ret;
	tce_walk(r, va, last, hide, NULL);
	if (!tce_synchronize_until(deadline)) {
		restore(r, last, 0);
		return tce_fail(-ETIMEDOUT,
				"evict of VA %#zx + %#zx: a reader did not end within %u ms",
				(size_t)va, len, milliseconds);
	}
	quiet = quiesce(r, deadline);
	if (quiet < r->drivers) {
		/* The one that did not may have begun to let go. */
		restore(r, last, quiet + 1);
		return tce_fail(
			-ETIMEDOUT,
			"evict of VA %#zx + %#zx: driver %zu of %zu did not let go within %u ms",
			(size_t)va, len, quiet + 1, r->drivers, milliseconds);
	}
	/* The last TCE must not end the region under the walk. */
	ending = r->ending;
	r->ending = false;
	ret = tce_walk(r, va, last, clear, NULL);
	r->ending = ending;
	if (ret) {
		restore(r, last, 0);
		tce_walk(r, va, last, lead_back, NULL);
		r->quarantined = true;
		return tce_fail(ret, "%s; region %#zx + %#zx is in quarantine: do not unmap it",
				tce_error(), (size_t)va, len);
	}
	return tce_region_end(r);
}

int tce_evict(void *va, size_t len, unsigned milliseconds)
{
	int ret = tce_enter();

	return ret ? ret : tce_leave(evict((uintptr_t)va, len, milliseconds));
}
