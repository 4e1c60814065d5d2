/* SPDX-License-Identifier: BSD-3-Clause */
/* One run over some ports: what was asked for, and the loop that does it. */
#ifndef FRAMES_RUN_H
#define FRAMES_RUN_H

#include "checker.h"
#include "port.h"

#include <signal.h>

enum mode {
	MODE_LOOP,    /* frames go out and must come back */
	MODE_SEND,    /* frames go out; what comes in is a defect */
	MODE_RECEIVE, /* the other side makes the frames: count them, look at their form */
};

struct options {
	enum mode mode;
	const char *path[CHECKER_STREAMS];
	unsigned int ports;
	bool paired;	    /* what enters port 2k leaves by 2k + 1, and the reverse */
	bool stale_allowed; /* an earlier run was cut off on these ports */
	uint32_t count;	    /* frames for each port; 0: until seconds have passed */
	uint32_t window;    /* frames in flight for each port at most */
	uint32_t rate;	    /* frames in a second for each port at most; 0: as they are taken */
	uint32_t length;    /* of each received frame in MODE_RECEIVE; 0: any */
	double seconds;	    /* stop sending then; 0: no such limit */
	double limit;	    /* give up then */
	double quiet;	    /* nothing for so long: the rest does not come back any more */
	int64_t max_lost;   /* more is a failure; negative: any number may be lost */
	uint64_t min_good;  /* fewer is a failure */
	struct frame_shape shape;
};

struct run {
	const struct options *opt;
	struct checker checker;
	struct port *port; /* opt->ports of them */
	double start;
	double now;
	double end;	 /* when the last frame came or went */
	uint32_t stalls; /* times that the window was given up for lost */
	bool expired;	 /* the limit ended it */
};

/* Set by a signal: send no more, wait for what is in flight, report. */
extern volatile sig_atomic_t run_stop;

/* 0 when the run came to its end, whatever it found; -errno and a sentence when it could not. */
int run_ports(struct run *r, char *why, size_t room);

#endif
