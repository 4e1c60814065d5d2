/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases: containers, groups, devices, in every order. */
#include <fcntl.h>
#include <unistd.h>

#include "seat.h"

static int group_of(struct bench *b, unsigned n)
{
	int group = -1;

	b->k->device_group(b->device[n], &group);
	return group;
}

/* R1: a container without a group knows none of these. */
static void before_attach(struct bench *b)
{
	char *va = b->ops->alloc(b->system_page, b->system_page);
	struct tce_facts facts;
	uint64_t start;
	int c = -1;

	say("container", b->k->container_open(&c));
	say("check", b->k->container_check(c));
	say("facts", b->k->facts(c, &facts));
	say("create", b->k->window_create(c, KIB(64), GIB(2), 1, &start));
	say("remove", b->k->window_remove(c, 0));
	say("register", b->k->enroll(c, va, b->system_page));
	say("unregister", b->k->unenroll(c, va, b->system_page));
	say("map", b->k->map(c, va, 0, KIB(4), TCE_RW));
	say("unmap", b->k->unmap(c, 0, KIB(4)));
	say("close", b->k->close(c));
}

/* R21: what the first version of the interface begins and ends with. */
static void first_version(struct bench *b)
{
	uint64_t before;
	struct seat s;
	int c = -1;

	b->k->container_open(&c);
	say("enable-before-attach", b->ops->v1(c, true));
	s = seat_open(b, 0);
	before = locked(b);
	say("enable", b->ops->v1(s.container, true));
	say("disable", b->ops->v1(s.container, false));
	say_number("locked", (int64_t)(locked(b) - before));
}

/* Calls on a descriptor of another kind, or of none. */
static void wrong_descriptors(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	struct tce_facts facts;
	unsigned flags;
	int fd = -1, other = -1, n = -1;

	say("container_check-group", b->k->container_check(s.group));
	say("facts-group", b->k->facts(s.group, &facts));
	say("group_flags-container", b->k->group_flags(s.container, &flags));
	say("group_detach-container", b->k->group_detach(s.container));
	say("device_open-container", b->k->device_open(s.container, s.name, &fd));
	say("group_number", b->k->group_number(s.group, &n));
	say_number("number-right", n == group_of(b, 0));
	seat_close(b, &s);
	say("facts-closed", b->k->facts(s.container, &facts));
	say("flags-closed", b->k->group_flags(s.group, &flags));
	b->k->group_open(group_of(b, 0), &fd);
	say("join-group-as-container", b->k->group_join(fd, fd));
	b->k->container_open(&other);
	say("join-container-as-group", b->k->group_join(other, other));
	say("join-nothing", b->k->group_join(fd, 999));
}

/* A group is opened once, a device as often as one likes. */
static void group_busy(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	int again = -1, one = -1, two = -1, copy = -1;
	unsigned flags = 0;

	say("open-again", b->k->group_open(group_of(b, 0), &again));
	say("no-such-group", b->k->group_open(9999, &again));
	say("flags", b->k->group_flags(s.group, &flags));
	say_number("flag-bits", flags);
	say("attach-again", b->k->group_attach(s.group, s.container));
	say("no-such-device", b->k->device_open(s.group, "0099:00:00.0", &one));
	say("device", b->k->device_open(s.group, s.name, &one));
	say("device-again", b->k->device_open(s.group, s.name, &two));
	say("detach-with-devices", b->k->group_detach(s.group));
	b->k->close(one);
	say("detach-with-one", b->k->group_detach(s.group));
	say("dup", b->k->dup(s.group, &copy));
	b->k->close(s.group);
	say("open-while-copied", b->k->group_open(group_of(b, 0), &again));
	b->k->close(copy);
	say("open-while-device", b->k->group_open(group_of(b, 0), &again));
	b->k->close(two);
	say("open-at-last", b->k->group_open(group_of(b, 0), &again));
}

static void detach(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	struct tce_facts facts;
	unsigned flags = 0;
	int fd = -1;

	say("detach", b->k->group_detach(s.group));
	say("detach-again", b->k->group_detach(s.group));
	say("facts", b->k->facts(s.container, &facts));
	say("flags", b->k->group_flags(s.group, &flags));
	say_number("flag-bits", flags);
	say("device", b->k->device_open(s.group, s.name, &fd));
	say("join", b->k->group_join(s.group, s.container));
	say("device-before-iommu", b->k->device_open(s.group, s.name, &fd));
	say("facts-before-iommu", b->k->facts(s.container, &facts));
	say("detach-before-iommu", b->k->group_detach(s.group));
	say("attach", b->k->group_attach(s.group, s.container));
	say("facts-again", b->k->facts(s.container, &facts));
}

/* The container's descriptor goes first: what it holds lives on with the group. */
static void container_closed_first(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t before = locked(b), start = seat_window(b, &s);
	char *va = b->ops->alloc(b->huge, b->huge);
	int number = group_of(b, 0), again = -1;

	say("register", b->k->enroll(s.container, va, b->huge));
	say("map", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	seat_dma(b, &s, start);
	set_word(va, 0x1122334455667788);
	b->k->close(s.container);
	say_number("locked-still", locked(b) > before);
	say_tces(b, "tces", 0);
	say_hex("device-reads", seat_peek(b, &s, start));
	b->k->close(s.group);
	say("open-while-device", b->k->group_open(number, &again));
	b->k->close(s.device);
	say_number("locked", (int64_t)(locked(b) - before));
	say("open", b->k->group_open(number, &again));
}

/* W7, W10: a second group in a container; on an LPAR none of the two gets a window then. */
static void second_group(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	char *va = b->ops->alloc(b->system_page, b->system_page);
	uint64_t before = locked(b), start = 0;
	int g = -1;

	say("open", b->k->group_open(group_of(b, 1), &g));
	say("join", b->k->group_join(g, s.container));
	say("create", b->k->window_create(s.container, s.iopage, s.iopage * 32768, 1, &start));
	say_hex("start", start);
	say_number("locked", (int64_t)(locked(b) - before));
	say("register", b->k->enroll(s.container, va, b->system_page));
	say("map", b->k->map(s.container, va, 0, KIB(4), TCE_RW));
	say_tces(b, "tces", 0);
	say("join-again", b->k->group_join(g, s.container));
	say("detach", b->k->group_detach(g));
	say("attach", b->k->group_attach(g, s.container));
	b->k->close(g);
}

/* W7, W10: a second group comes when a window is there, and takes all TCEs along when it goes. */
static void second_group_late(struct bench *b)
{
	struct seat s = seat_open(b, 0);
	uint64_t start = seat_window(b, &s);
	char *va = b->ops->alloc(b->huge, b->huge);
	int g = -1, device = -1, joined;

	say("register", b->k->enroll(s.container, va, b->huge));
	say("map", b->k->map(s.container, va, start, s.iopage, TCE_RW));
	seat_dma(b, &s, start);
	set_word(va, 0x1122334455667788);
	say("open", b->k->group_open(group_of(b, 1), &g));
	joined = b->k->group_join(g, s.container);
	say("join", joined);
	say_hex("before", seat_peek(b, &s, start));
	if (joined)
		return;
	say("open-its-device", b->k->device_open(g, b->device[1], &device));
	say_hex("before-by-second", b->ops->peek(b, b->device[1], device, start));
	b->k->close(device);
	say("detach", b->k->group_detach(g));
	say("map-scratch", b->k->map(s.container, b->scratch, b->scratch_iova, s.iopage, TCE_RW));
	say_hex("after", seat_peek(b, &s, start));
}

const struct conform_case conform_groups[] = {
	CASE("before-attach", "R1", before_attach, 0),
	CASE("first-version", "R21", first_version, 0),
	CASE("wrong-descriptors", "", wrong_descriptors, 0),
	CASE("group-busy", "G1 G2", group_busy, 0),
	CASE("detach", "G2 G4", detach, 0),
	CASE("container-closed-first", "G3", container_closed_first, 0),
	CASE("second-group", "W7a W10 G5", second_group, CONFORM_TWO),
	CASE("second-group-late", "W7 W10", second_group_late, CONFORM_TWO),
	{.name = NULL},
};
