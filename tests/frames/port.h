/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outer end of an emulated NIC: a unix socket on which QEMU's `-netdev stream` passes frames,
 * each behind its length (4 bytes, big-endian). Nothing is lost on it: who cannot take more, stops.
 */
#ifndef FRAMES_PORT_H
#define FRAMES_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_BUFFER (256u * 1024)

struct port {
	int fd;
	size_t out_at;
	size_t out_end;
	size_t in_end;
	uint8_t out[PORT_BUFFER];
	uint8_t in[PORT_BUFFER];
};

/* What to do with each frame that came in. */
typedef void port_frame_fn(void *arg, const uint8_t *frame, size_t len);

/* Connects, trying again until so many milliseconds have passed. 0 or -errno. */
int port_open(struct port *p, const char *path, unsigned int wait_ms);
void port_close(struct port *p);

/* Room for a frame of FRAME_MAX bytes in the output buffer, or NULL while that is full. */
uint8_t *port_room(struct port *p);
/* Queues the frame of this length that was written to port_room(). */
void port_queue(struct port *p, size_t len);
bool port_pending(const struct port *p);

/* Writes what the socket takes without blocking. 0 or -errno. */
int port_flush(struct port *p);

/* Reads what is there without blocking and calls fn for each whole frame. Frames, or -errno. */
int port_receive(struct port *p, port_frame_fn *fn, void *arg);

#endif
