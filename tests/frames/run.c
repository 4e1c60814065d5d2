/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

volatile sig_atomic_t run_stop;

struct arrival {
	struct run *run;
	unsigned int port;
};

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void arrived(void *arg, const uint8_t *frame, size_t len)
{
	const struct arrival *a = arg;
	struct run *r = a->run;
	enum verdict v;

	if (r->opt->mode == MODE_RECEIVE)
		v = checker_receive_udp(&r->checker, frame, len, r->opt->length);
	else
		v = checker_receive(&r->checker, a->port, frame, len);
	if (v == FRAME_GOOD)
		r->end = r->now;
}

static bool may_send(const struct run *r, unsigned int port)
{
	const struct options *o = r->opt;
	uint32_t sent = r->checker.stream[port].sent;

	if (o->mode == MODE_RECEIVE || run_stop || (o->count && sent >= o->count) ||
	    (o->seconds > 0 && r->now - r->start >= o->seconds))
		return false;
	if (o->rate && sent > (r->now - r->start) * o->rate)
		return false;
	return o->mode == MODE_SEND || checker_in_flight(&r->checker, port) < o->window;
}

static int send_what_fits(struct run *r, unsigned int i)
{
	struct port *p = &r->port[i];
	uint8_t *room;
	int len;

	while (may_send(r, i) && (room = port_room(p))) {
		len = checker_send(&r->checker, i, room);
		if (len < 0)
			return len;
		port_queue(p, (size_t)len);
		r->end = r->now;
	}
	return port_flush(p);
}

static bool sending(const struct run *r)
{
	const struct options *o = r->opt;

	if (o->mode == MODE_RECEIVE || run_stop ||
	    (o->seconds > 0 && r->now - r->start >= o->seconds))
		return false;
	for (unsigned int i = 0; i < o->ports; i++)
		if (!o->count || r->checker.stream[i].sent < o->count)
			return true;
	return false;
}

static bool receiving_done(const struct run *r)
{
	const struct options *o = r->opt;

	return run_stop || (o->count && r->checker.count[FRAME_GOOD] >= o->count) ||
	       (o->seconds > 0 && r->now - r->start >= o->seconds);
}

static bool any_pending(const struct run *r)
{
	for (unsigned int i = 0; i < r->opt->ports; i++)
		if (port_pending(&r->port[i]))
			return true;
	return false;
}

/* The socket holds frames that the guest has not taken yet, so "sent" alone is never the end. */
static bool finished(struct run *r)
{
	const struct options *o = r->opt;
	double idle = r->now - r->end;

	if (o->mode == MODE_RECEIVE)
		return receiving_done(r);
	if (o->mode == MODE_SEND && any_pending(r))
		return false; /* the guest is slow: time does not help who has to wait for it */
	if (!sending(r))
		return idle >= o->quiet || (o->mode == MODE_LOOP && checker_lost(&r->checker) == 0);
	if (o->mode == MODE_LOOP && idle >= o->quiet) {
		checker_forgo(&r->checker);
		r->stalls++;
		r->end = r->now;
	}
	return false;
}

static int serve(struct run *r, unsigned int i, short events)
{
	struct arrival a = {.run = r, .port = i};
	int ret;

	if (events & (POLLIN | POLLHUP | POLLERR)) {
		ret = port_receive(&r->port[i], arrived, &a);
		if (ret < 0)
			return ret;
	}
	return send_what_fits(r, i);
}

static int loop(struct run *r, unsigned int *port)
{
	struct pollfd fds[CHECKER_STREAMS];
	int ret;

	while (!finished(r)) {
		if (r->now - r->start >= r->opt->limit) {
			r->expired = true;
			return 0;
		}
		for (unsigned int i = 0; i < r->opt->ports; i++) {
			fds[i].fd = r->port[i].fd;
			fds[i].events =
				(short)(port_pending(&r->port[i]) ? POLLIN | POLLOUT : POLLIN);
		}
		if (poll(fds, r->opt->ports, r->opt->rate ? 2 : 20) < 0 && errno != EINTR)
			return -errno;
		r->now = seconds_now();
		for (*port = 0; *port < r->opt->ports; ++*port) {
			ret = serve(r, *port, fds[*port].revents);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

static int open_ports(struct run *r, unsigned int *opened)
{
	unsigned int wait_ms = 10 * 1000;
	int ret;

	for (*opened = 0; *opened < r->opt->ports; ++*opened) {
		ret = port_open(&r->port[*opened], r->opt->path[*opened], wait_ms);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void set_homes(struct run *r)
{
	for (unsigned int i = 0; i < r->opt->ports; i++)
		r->checker.stream[i].home = r->opt->paired ? i ^ 1u : i;
}

int run_ports(struct run *r, char *why, size_t room)
{
	unsigned int opened, at = 0;
	int ret = open_ports(r, &opened);

	if (ret < 0) {
		snprintf(why, room, "cannot connect to %s: %s; is QEMU's netdev listening there?",
			 r->opt->path[opened], strerror(-ret));
	} else {
		set_homes(r);
		r->start = r->now = r->end = seconds_now();
		ret = loop(r, &at);
		if (ret < 0)
			snprintf(why, room, "port %s failed: %s; did QEMU end?", r->opt->path[at],
				 strerror(-ret));
	}
	while (opened-- > 0)
		port_close(&r->port[opened]);
	return ret;
}
