/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One test frame. Every byte of it follows from its run, stream and number, so whoever receives a
 * frame can rebuild what was sent and compare: no copy of what is in flight is kept anywhere.
 */
#ifndef FRAMES_FRAME_H
#define FRAMES_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MIN 60   /* Ethernet's smallest frame without its CRC */
#define FRAME_MAX 1514 /* the largest at an MTU of 1500 */

/* Repeated over a page that is about to be freed; "FREEDPG!" in memory, at any alignment. */
#define FRAME_POISON	 "FREEDPG!"
#define FRAME_POISON_LEN 8

/* What a forwarder does to the addresses of Ethernet. */
enum frame_mac { MAC_KEPT, MAC_SWAPPED, MAC_ANY };

struct frame_shape {
	uint32_t run; /* differs between two runs, so that a left-over is told from ours */
	uint16_t min; /* lengths in bytes without CRC, both inclusive */
	uint16_t max;
	enum frame_mac mac; /* how the addresses come back */
};

struct frame_id {
	uint32_t run;
	uint16_t stream;
	uint32_t number;
};

/* Writes the frame into buf (FRAME_MAX bytes) and returns its length. */
size_t frame_build(const struct frame_shape *shape, struct frame_id id, uint8_t *buf);

/* True when the bytes claim to be a test frame; id then says which. Nothing else is checked. */
bool frame_parse(const uint8_t *buf, size_t len, struct frame_id *id);

/* True when the bytes are Ethernet, IPv4 and UDP whose lengths and header checksum agree. */
bool frame_is_udp(const uint8_t *buf, size_t len);

/* True when any part of the bytes came from a page that was filled with FRAME_POISON. */
bool frame_has_poison(const uint8_t *buf, size_t len);

#endif
