/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases: who owns a container, and what becomes of it and of its pages when processes end. */
#include <fcntl.h>
#include <unistd.h>

#include "seat.h"

enum { PAGES = 4 };

struct work {
	struct seat s;
	char *va;
	uint64_t start;
	bool close_first, unmap_first;
	int child;
};

static struct bench_pages before;

static void count(struct bench *b)
{
	b->ops->settle(b->huge, b->ops->pages(b->huge).total);
	before = b->ops->pages(b->huge);
}

/* Hugepages that are missing since count(). */
static void say_pages(struct bench *b, const char *name)
{
	struct bench_pages now;

	b->ops->settle(b->huge, before.free);
	now = b->ops->pages(b->huge);
	say_number(name, (int64_t)(before.free - now.free));
	say_number("reserved", now.reserved - before.reserved);
}

static void group_free(struct bench *b, const char *name)
{
	int group = -1, fd = -1, ret;

	b->k->device_group(b->device[0], &group);
	ret = b->k->group_open(group, &fd);
	say(name, ret);
	if (!ret)
		b->k->close(fd);
}

/* A container with a window and memory that is mapped in it. */
static void mapped(struct bench *b, struct work *w)
{
	w->s = seat_open(b, 0);
	w->start = seat_window(b, &w->s);
	w->va = b->ops->alloc(PAGES * b->huge, b->huge);
	say("register", b->k->enroll(w->s.container, w->va, PAGES * b->huge));
	say("map", b->k->map(w->s.container, w->va, w->start, PAGES * b->huge, TCE_RW));
}

static void all_calls(struct bench *b, void *arg)
{
	struct work *w = arg;
	char *va = b->ops->alloc(b->huge, b->huge);
	struct tce_facts facts;
	uint64_t start = 0;
	unsigned flags = 0;

	say_number("child-locked", (int64_t)locked(b));
	say("facts", b->k->facts(w->s.container, &facts));
	say("create", b->k->window_create(w->s.container, w->s.iopage, w->s.iopage, 1, &start));
	say("remove", b->k->window_remove(w->s.container, w->start));
	say("register", b->k->enroll(w->s.container, va, b->huge));
	say("unregister", b->k->unenroll(w->s.container, w->va, PAGES * b->huge));
	say("map", b->k->map(w->s.container, w->va, w->start + GIB(1), w->s.iopage, TCE_RW));
	say("unmap", b->k->unmap(w->s.container, w->start, w->s.iopage));
	say("flags", b->k->group_flags(w->s.group, &flags));
	say_number("flag-bits", flags);
	say("check", b->k->container_check(w->s.container));
	b->k->close(w->s.group);
	b->k->close(w->s.container);
}

/* R15: what a child may do with its parent's container, and what its end does. */
static void child(struct bench *b)
{
	struct work w = {0};
	uint64_t kept;

	mapped(b, &w);
	kept = locked(b);
	b->ops->child(b, all_calls, &w);
	say_tces(b, "tces", 0);
	say_number("parent-locked", (int64_t)(locked(b) - kept));
	say("parent-unmap", b->k->unmap(w.s.container, w.start, PAGES * b->huge));
	say("parent-unregister", b->k->unenroll(w.s.container, w.va, PAGES * b->huge));
}

static void first_call(struct bench *b, void *arg)
{
	struct seat *s = arg;

	say("child-facts", b->k->facts(s->container, &s->facts));
	say("child-remove", b->k->window_remove(s->container, 0));
}

/* The owner is not who opened the container but who first registers, or changes a window. */
static void child_owns(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->huge, b->huge);
	uint64_t start;

	say("unregister-before", b->k->unenroll(s.container, va, b->huge));
	b->ops->child(b, first_call, &s);
	say("parent-facts", b->k->facts(s.container, &s.facts));
	say("parent-register", b->k->enroll(s.container, va, b->huge));
	say("parent-create", b->k->window_create(s.container, s.iopage, s.iopage, 1, &start));
	say("parent-map", b->k->map(s.container, va, 0, s.iopage, TCE_RW));
	say("detach", b->k->group_detach(s.group));
	say("attach", b->k->group_attach(s.group, s.container));
	say("register-now", b->k->enroll(s.container, va, b->huge));
}

static void end_by(struct bench *b, void *arg)
{
	struct work *w = arg;

	mapped(b, w);
	if (w->close_first)
		b->k->close(w->s.container);
	if (w->unmap_first)
		b->ops->free(w->va, PAGES * b->huge);
}

static void ended(struct bench *b, const char *name, struct work w)
{
	int p;

	count(b);
	p = b->ops->spawn(b, end_by, &w);
	group_free(b, "busy");
	say_tces(b, "tces", 0);
	b->ops->kill(b, p);
	say_tces(b, "tces", 0);
	say_pages(b, name);
	group_free(b, "free");
}

/* R6: killed with everything mapped: all pages come back. */
static void killed(struct bench *b)
{
	ended(b, "missing", (struct work){0});
	ended(b, "missing-container-closed", (struct work){.close_first = true});
	ended(b, "missing-memory-unmapped", (struct work){.unmap_first = true});
	ended(b, "missing-both", (struct work){.close_first = true, .unmap_first = true});
}

static void nothing(struct bench *b, void *arg)
{
}

/* One whole seat, and a process that has copies of its descriptors and is asleep. */
static void with_child(struct bench *b, void *arg)
{
	struct work *w = arg;

	mapped(b, w);
	w->child = b->ops->spawn(b, nothing, NULL);
}

/* R27 */
static void child_outlives(struct bench *b)
{
	struct work *w = (struct work *)b->ops->alloc(b->system_page, b->system_page);
	int parent;

	*w = (struct work){0};
	count(b);
	parent = b->ops->spawn(b, with_child, w);
	b->ops->kill(b, parent);
	say_pages(b, "missing-with-child");
	group_free(b, "with-child");
	say_tces(b, "tces", 0);
	b->ops->kill(b, w->child);
	say_pages(b, "missing-at-last");
	group_free(b, "at-last");
}

static void after_exec(struct bench *b, const int fds[BENCH_FDS])
{
	struct tce_facts facts;
	unsigned flags = 0;

	say_number("locked", (int64_t)locked(b));
	say("facts", b->k->facts(fds[0], &facts));
	say("unmap", b->k->unmap(fds[0], UINT64_C(1) << 59, MIB(16)));
	say("flags", b->k->group_flags(fds[1], &flags));
	say_number("flag-bits", flags);
	say("check-closed", b->k->container_check(fds[2]));
}

static void exec_with(struct bench *b, void *arg)
{
	struct work *w = arg;
	int closed = -1;

	mapped(b, w);
	b->k->container_open(&closed);
	fcntl(w->s.container, F_SETFD, 0);
	fcntl(w->s.group, F_SETFD, 0);
	b->ops->exec(b, (int[BENCH_FDS]){w->s.container, w->s.group, closed, -1});
}

/* A process that execs keeps what is not close-on-exec, and is a stranger to it. */
static void exec_keeps(struct bench *b)
{
	struct work w = {0};
	int p;

	count(b);
	p = b->ops->spawn(b, exec_with, &w);
	say_pages(b, "missing");
	group_free(b, "busy");
	say_tces(b, "tces", 0);
	b->ops->kill(b, p);
	say_pages(b, "missing-at-last");
	group_free(b, "free");
}

static void exec_without(struct bench *b, void *arg)
{
	struct work *w = arg;

	mapped(b, w);
	b->ops->exec(b, (int[BENCH_FDS]){w->s.container, w->s.group, -1, -1});
}

static void exec_closes(struct bench *b)
{
	struct work w = {0};
	int p;

	count(b);
	p = b->ops->spawn(b, exec_without, &w);
	say_pages(b, "missing");
	group_free(b, "free");
	b->ops->kill(b, p);
}

static void one_of_two(struct bench *b, void *arg)
{
	struct work *w = arg;

	say_number("locked", (int64_t)locked(b));
	say("child-register", b->k->enroll(w->s.container, w->va, b->huge));
}

/* Memory that a parent and its child share is registered by each for itself. */
static void shared_memory(struct bench *b)
{
	struct work w = {0};
	struct seat other;

	mapped(b, &w);
	other = seat_open(b, 1);
	w.s = other;
	b->ops->child(b, one_of_two, &w);
	say("parent-register", b->k->enroll(other.container, w.va, b->huge));
}

const struct conform_case conform_processes[] = {
	CASE("child", "R15", child, 0),
	CASE("child-owns", "R15 R32 G4", child_owns, 0),
	CASE("killed", "R6", killed, 0),
	CASE("child-outlives", "R27", child_outlives, 0),
	CASE_STEP("exec-keeps", "R27a", exec_keeps, 0, after_exec),
	CASE_STEP("exec-closes", "R27a", exec_closes, 0, after_exec),
	CASE("shared-memory", "", shared_memory, CONFORM_TWO),
	{.name = NULL},
};
