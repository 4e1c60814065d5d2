/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LENGTH_BYTES  4
#define LARGEST_FRAME 65536u /* QEMU's own limit is just above that */

static int connect_once(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 &&
	    fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

int port_open(struct port *p, const char *path, unsigned int wait_ms)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	for (unsigned int waited = 0;; waited += 20) {
		fd = connect_once(&addr);
		if (fd >= 0 || waited >= wait_ms)
			break;
		nanosleep(&pause, NULL);
	}
	if (fd < 0)
		return fd;
	p->fd = fd;
	p->out_at = p->out_end = p->in_end = 0;
	return 0;
}

void port_close(struct port *p)
{
	close(p->fd);
	p->fd = -1;
}

uint8_t *port_room(struct port *p)
{
	if (p->out_at == p->out_end)
		p->out_at = p->out_end = 0;
	if (PORT_BUFFER - p->out_end < LENGTH_BYTES + FRAME_MAX)
		return NULL;
	return p->out + p->out_end + LENGTH_BYTES;
}

void port_queue(struct port *p, size_t len)
{
	uint32_t wire = htonl((uint32_t)len);

	memcpy(p->out + p->out_end, &wire, sizeof(wire));
	p->out_end += LENGTH_BYTES + len;
}

bool port_pending(const struct port *p)
{
	return p->out_at < p->out_end;
}

int port_flush(struct port *p)
{
	while (port_pending(p)) {
		ssize_t n = send(p->fd, p->out + p->out_at, p->out_end - p->out_at, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		p->out_at += (size_t)n;
	}
	return 0;
}

/* Hands on the whole frames of the input buffer and keeps the rest at its start. */
static int split(struct port *p, port_frame_fn *fn, void *arg)
{
	size_t at = 0;
	uint32_t len;
	int frames = 0;

	while (p->in_end - at >= LENGTH_BYTES) {
		memcpy(&len, p->in + at, sizeof(len));
		len = ntohl(len);
		if (len == 0 || len > LARGEST_FRAME)
			return -EBADMSG;
		if (p->in_end - at < LENGTH_BYTES + len)
			break;
		fn(arg, p->in + at + LENGTH_BYTES, len);
		at += LENGTH_BYTES + len;
		frames++;
	}
	memmove(p->in, p->in + at, p->in_end - at);
	p->in_end -= at;
	return frames;
}

int port_receive(struct port *p, port_frame_fn *fn, void *arg)
{
	ssize_t n = recv(p->fd, p->in + p->in_end, PORT_BUFFER - p->in_end, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	p->in_end += (size_t)n;
	return split(p, fn, arg);
}
