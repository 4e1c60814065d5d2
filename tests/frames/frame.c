/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <string.h>

enum {
	ETH_TYPE = 12,
	IP = 14,
	IP_LENGTH = IP + 2,
	IP_ID = IP + 4,
	IP_TTL = IP + 8,
	IP_PROTOCOL = IP + 9,
	IP_CHECKSUM = IP + 10,
	IP_SOURCE = IP + 12,
	IP_DESTINATION = IP + 16,
	UDP = IP + 20,
	UDP_LENGTH = UDP + 4,
	MARK = UDP + 8,
	MARK_RUN = MARK + 4,
	MARK_STREAM = MARK + 8,
	MARK_NUMBER = MARK + 10,
	FILL = MARK + 14,
	PROTOCOL_UDP = 17,
};

static const uint8_t mark[4] = {'t', 'c', 'e', 0xf7};

_Static_assert(FILL < FRAME_MIN, "the smallest frame holds the mark and some fill");

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* splitmix64 (Steele, Lea, Flood 2014): one multiply-xor chain for each 8 bytes of payload. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint16_t ip_sum(const uint8_t *buf)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += get16(buf + IP + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void build_headers(struct frame_id id, size_t len, uint16_t source_port, uint8_t *buf)
{
	/* Locally administered unicast addresses; 198.18/15 is kept for benchmarks by RFC 2544. */
	static const uint8_t ethernet[14] = {2, 't', 'c', 'e', 0, 1, 2, 't', 'c', 'e', 0, 0, 8, 0};
	static const uint8_t net[4] = {198, 18, 0, 1};

	memcpy(buf, ethernet, sizeof(ethernet));
	buf[10] = (uint8_t)id.stream;
	memset(buf + IP, 0, MARK - IP);
	buf[IP] = 0x45;
	put16(buf + IP_LENGTH, (uint16_t)(len - IP));
	put16(buf + IP_ID, (uint16_t)id.number);
	buf[IP_TTL] = 64;
	buf[IP_PROTOCOL] = PROTOCOL_UDP;
	memcpy(buf + IP_SOURCE, net, sizeof(net));
	memcpy(buf + IP_DESTINATION, net, sizeof(net));
	buf[IP_DESTINATION + 1] = 19;
	put16(buf + IP_CHECKSUM, (uint16_t)~ip_sum(buf));
	put16(buf + UDP, source_port);
	put16(buf + UDP + 2, 9);
	put16(buf + UDP_LENGTH, (uint16_t)(len - UDP));
}

size_t frame_build(const struct frame_shape *shape, struct frame_id id, uint8_t *buf)
{
	uint64_t state = (uint64_t)id.run << 32 ^ (uint64_t)id.stream << 48 ^ id.number;
	uint64_t word = next_random(&state);
	size_t len = shape->min + word % (shape->max - shape->min + 1u);
	size_t at = FILL;

	build_headers(id, len, (uint16_t)(0x8000 | word >> 48), buf);
	memcpy(buf + MARK, mark, sizeof(mark));
	put32(buf + MARK_RUN, id.run);
	put16(buf + MARK_STREAM, id.stream);
	put32(buf + MARK_NUMBER, id.number);
	for (; at + sizeof(word) <= len; at += sizeof(word)) {
		word = next_random(&state);
		memcpy(buf + at, &word, sizeof(word));
	}
	word = next_random(&state);
	memcpy(buf + at, &word, len - at);
	return len;
}

bool frame_parse(const uint8_t *buf, size_t len, struct frame_id *id)
{
	if (len < FILL || memcmp(buf + MARK, mark, sizeof(mark)) != 0)
		return false;
	id->run = get32(buf + MARK_RUN);
	id->stream = get16(buf + MARK_STREAM);
	id->number = get32(buf + MARK_NUMBER);
	return true;
}

bool frame_is_udp(const uint8_t *buf, size_t len)
{
	size_t total;

	if (len < FRAME_MIN || get16(buf + ETH_TYPE) != 0x0800 || buf[IP] != 0x45)
		return false;
	total = get16(buf + IP_LENGTH);
	/* A short datagram is padded up to Ethernet's smallest frame; a longer one never is. */
	if (total < MARK - IP || (total + IP != len && !(len == FRAME_MIN && total + IP < len)))
		return false;
	return buf[IP_PROTOCOL] == PROTOCOL_UDP && ip_sum(buf) == 0xffff &&
	       get16(buf + UDP_LENGTH) == total - (UDP - IP);
}

bool frame_has_poison(const uint8_t *buf, size_t len)
{
	return memmem(buf, len, FRAME_POISON, FRAME_POISON_LEN) != NULL;
}
