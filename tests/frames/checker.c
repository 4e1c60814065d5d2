/* SPDX-License-Identifier: BSD-3-Clause */
#include "checker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACS_LEN 12 /* of both addresses, at the start */

static const char *const names[FRAME_VERDICTS] = {
	[FRAME_GOOD] = "good",		 [FRAME_CORRUPT] = "corrupt",
	[FRAME_DUPLICATE] = "duplicate", [FRAME_FREED] = "freed",
	[FRAME_MISROUTED] = "misrouted", [FRAME_STALE] = "stale",
	[FRAME_FOREIGN] = "foreign",
};

const char *verdict_name(enum verdict v)
{
	return names[v];
}

int checker_init(struct checker *c, const struct frame_shape *shape, unsigned int streams)
{
	if (streams > CHECKER_STREAMS || shape->min < FRAME_MIN || shape->max > FRAME_MAX ||
	    shape->min > shape->max)
		return -EINVAL;
	memset(c, 0, sizeof(*c));
	c->shape = *shape;
	c->streams = streams;
	for (unsigned int i = 0; i < streams; i++)
		c->stream[i].home = CHECKER_ANY_PORT;
	return 0;
}

void checker_end(struct checker *c)
{
	for (unsigned int i = 0; i < c->streams; i++)
		free(c->stream[i].seen);
	memset(c, 0, sizeof(*c));
}

static int grow(struct stream *s)
{
	uint32_t room = s->room ? s->room * 2 : 1u << 17;
	uint8_t *seen = realloc(s->seen, room / 8);

	if (!seen)
		return -ENOMEM;
	memset(seen + s->room / 8, 0, (room - s->room) / 8);
	s->seen = seen;
	s->room = room;
	return 0;
}

int checker_send(struct checker *c, unsigned int stream, uint8_t *buf)
{
	struct stream *s = &c->stream[stream];
	struct frame_id id = {.run = c->shape.run, .stream = (uint16_t)stream, .number = s->sent};

	if (s->sent == s->room && grow(s) < 0)
		return -ENOMEM;
	s->sent++;
	return (int)frame_build(&c->shape, id, buf);
}

static enum verdict count(struct checker *c, enum verdict v)
{
	c->count[v]++;
	return v;
}

/* Only the first defect is put into words: the later ones are mostly its echo. */
static enum verdict defect(struct checker *c, enum verdict v, unsigned int port,
			   const struct frame_id *id, size_t len, const char *how)
{
	if (c->first[0] == '\0' && id)
		snprintf(c->first, sizeof(c->first),
			 "%s: port %u, stream %u, number %u, %zu bytes: %s", names[v], port,
			 id->stream, id->number, len, how);
	else if (c->first[0] == '\0')
		snprintf(c->first, sizeof(c->first), "%s: port %u, %zu bytes: %s", names[v], port,
			 len, how);
	return count(c, v);
}

static void swap_macs(uint8_t *buf)
{
	uint8_t first[MACS_LEN / 2];

	memcpy(first, buf, sizeof(first));
	memcpy(buf, buf + sizeof(first), sizeof(first));
	memcpy(buf + sizeof(first), first, sizeof(first));
}

/* True if the bytes are the frame id as it comes back; else how says in what they differ. */
static bool as_sent(const struct frame_shape *shape, struct frame_id id, const uint8_t *buf,
		    size_t len, char *how, size_t room)
{
	uint8_t want[FRAME_MAX];
	size_t want_len = frame_build(shape, id, want);
	size_t at = shape->mac == MAC_ANY ? MACS_LEN : 0;

	if (len != want_len) {
		snprintf(how, room, "%zu bytes were sent", want_len);
		return false;
	}
	if (shape->mac == MAC_SWAPPED)
		swap_macs(want);
	if (memcmp(want + at, buf + at, len - at) == 0)
		return true;
	while (want[at] == buf[at])
		at++;
	snprintf(how, room, "byte %zu is 0x%02x, sent was 0x%02x", at, buf[at], want[at]);
	return false;
}

static enum verdict receive_intact(struct checker *c, unsigned int port, const struct frame_id *id,
				   size_t len)
{
	struct stream *s = &c->stream[id->stream];
	uint8_t *byte = &s->seen[id->number / 8];
	uint8_t bit = (uint8_t)(1u << id->number % 8);

	if (s->home != CHECKER_ANY_PORT && s->home != port)
		return defect(c, FRAME_MISROUTED, port, id, len, "it belongs on another port");
	if (*byte & bit)
		return defect(c, FRAME_DUPLICATE, port, id, len, "it came back before");
	*byte |= bit;
	s->good++;
	if (id->number < s->highest)
		s->reordered++;
	else
		s->highest = id->number;
	c->bytes += len;
	return count(c, FRAME_GOOD);
}

enum verdict checker_receive(struct checker *c, unsigned int port, const uint8_t *buf, size_t len)
{
	struct frame_id id;
	char how[64];
	bool ours = frame_parse(buf, len, &id);

	if (!ours && !frame_has_poison(buf, len))
		return defect(c, FRAME_FOREIGN, port, NULL, len, "not a test frame");
	if (!ours)
		return defect(c, FRAME_FREED, port, NULL, len, "filled from a freed page");
	if (!as_sent(&c->shape, id, buf, len, how, sizeof(how))) {
		if (frame_has_poison(buf, len))
			return defect(c, FRAME_FREED, port, &id, len, "filled from a freed page");
		return defect(c, FRAME_CORRUPT, port, &id, len, how);
	}
	if (id.run != c->shape.run)
		return defect(c, FRAME_STALE, port, &id, len, "left over from another run");
	if (id.stream >= c->streams || id.number >= c->stream[id.stream].sent)
		return defect(c, FRAME_CORRUPT, port, &id, len, "it was never sent");
	return receive_intact(c, port, &id, len);
}

enum verdict checker_receive_udp(struct checker *c, const uint8_t *buf, size_t len, size_t want)
{
	if (frame_has_poison(buf, len))
		return defect(c, FRAME_FREED, 0, NULL, len, "filled from a freed page");
	if (!frame_is_udp(buf, len))
		return defect(c, FRAME_FOREIGN, 0, NULL, len, "not IPv4 and UDP");
	if (want && len != want)
		return defect(c, FRAME_CORRUPT, 0, NULL, len, "not of the expected length");
	c->bytes += len;
	return count(c, FRAME_GOOD);
}

uint32_t checker_in_flight(const struct checker *c, unsigned int stream)
{
	const struct stream *s = &c->stream[stream];

	/* A frame that was given up and still came is in both: it must not open the window twice.
	 */
	return s->sent - s->good > s->forgone ? s->sent - s->good - s->forgone : 0;
}

void checker_forgo(struct checker *c)
{
	for (unsigned int i = 0; i < c->streams; i++)
		c->stream[i].forgone = c->stream[i].sent - c->stream[i].good;
}

uint64_t checker_sent(const struct checker *c)
{
	uint64_t sent = 0;

	for (unsigned int i = 0; i < c->streams; i++)
		sent += c->stream[i].sent;
	return sent;
}

uint64_t checker_lost(const struct checker *c)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < c->streams; i++)
		lost += c->stream[i].sent - c->stream[i].good;
	return lost;
}

uint64_t checker_defects(const struct checker *c, bool stale_allowed)
{
	uint64_t defects = 0;

	for (int v = FRAME_GOOD + 1; v < FRAME_VERDICTS; v++)
		if (v != FRAME_STALE || !stale_allowed)
			defects += c->count[v];
	return defects;
}
