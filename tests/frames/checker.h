/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ledger of one run: which frames went out, which came back, and what was wrong with the rest.
 * One stream for each port that sends. Not thread-safe.
 */
#ifndef FRAMES_CHECKER_H
#define FRAMES_CHECKER_H

#include "frame.h"

#define CHECKER_STREAMS	 16
#define CHECKER_ANY_PORT 0xffffu

enum verdict {
	FRAME_GOOD,
	FRAME_CORRUPT,	 /* a test frame of this run, but not as sent, or never sent */
	FRAME_DUPLICATE, /* as sent, for the second time */
	FRAME_FREED,	 /* carries the poison of a freed page */
	FRAME_MISROUTED, /* as sent, on a port where it does not belong */
	FRAME_STALE,	 /* intact, but of another run */
	FRAME_FOREIGN,	 /* not a test frame at all */
	FRAME_VERDICTS,
};

struct stream {
	uint8_t *seen; /* one bit for each number that came back */
	uint32_t room; /* bits that seen has */
	uint32_t sent;
	uint32_t good;
	uint32_t forgone;   /* taken out of the window: not waited for any more */
	uint32_t reordered; /* good, but behind a higher number */
	uint32_t highest;
	unsigned int home; /* port on which its frames come back, or CHECKER_ANY_PORT */
};

struct checker {
	struct frame_shape shape;
	unsigned int streams;
	struct stream stream[CHECKER_STREAMS];
	uint64_t count[FRAME_VERDICTS];
	uint64_t bytes;	 /* of good frames */
	char first[160]; /* the first defect in words, or empty */
};

/* 0, or -EINVAL when the shape or the number of streams is out of range. All homes are ANY_PORT. */
int checker_init(struct checker *c, const struct frame_shape *shape, unsigned int streams);
void checker_end(struct checker *c);

/* Builds the stream's next frame into buf (FRAME_MAX bytes). Its length, or -ENOMEM. */
int checker_send(struct checker *c, unsigned int stream, uint8_t *buf);

/* Judges and counts one frame that came in on a port. */
enum verdict checker_receive(struct checker *c, unsigned int port, const uint8_t *buf, size_t len);

/* Counts a frame that somebody else made: good if it is UDP of this length (0: any length). */
enum verdict checker_receive_udp(struct checker *c, const uint8_t *buf, size_t len, size_t want);

/* Frames that may still come back, and the decision not to wait for them. */
uint32_t checker_in_flight(const struct checker *c, unsigned int stream);
void checker_forgo(struct checker *c);

uint64_t checker_sent(const struct checker *c);
uint64_t checker_lost(const struct checker *c);

/* Frames that no correct forwarder produces: everything but good ones, and stale ones if allowed.
 */
uint64_t checker_defects(const struct checker *c, bool stale_allowed);

const char *verdict_name(enum verdict v);

#endif
