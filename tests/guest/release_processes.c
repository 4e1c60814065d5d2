/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenes of the program `release` that have more than one process. */
#include "release.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 30 };

static struct edu edu;
static _Atomic bool over;

static void *map_on(void *arg)
{
	while (!over) {
		tce_iova_t iova = TCE_IOVA_ANY;

		WANT(!tce_dma_map(edu.space, arg, LEN, NULL, &iova));
		WANT(!tce_dma_unmap(edu.space, iova, LEN));
	}
	return NULL;
}

/* In a child: no call changes anything, nothing is found, no file of VFIO's is open. */
static int look(char *va)
{
	char path[64], target[128];
	tce_iova_t iova = TCE_IOVA_ANY;

	if (tce_dma_map(edu.space, va, LEN, NULL, &iova) != -EPERM)
		return 1;
	if (tce_iova(edu.space, va, 1, &iova, NULL) != -ENOENT)
		return 2;
	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strstr(target, "vfio"))
			return 3;
	}
	return 0;
}

void scene_fork(const char *name)
{
	char *held = pages_get(), *moving = pages_get();
	tce_iova_t iova = TCE_IOVA_ANY;
	pthread_t mapper;
	int status;

	edu_open(&edu, name);
	WANT(!tce_dma_map(edu.space, held, LEN, NULL, &iova));
	WANT(!pthread_create(&mapper, NULL, map_on, moving));
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();

		if (!child)
			_exit(look(held));
		WANT(child > 0 && waitpid(child, &status, 0) == child);
		WANT(status == 0);
	}
	over = true;
	WANT(!pthread_join(mapper, NULL) && !tce_audit());
	edu_copy(&edu, iova, false);
	/* One lives on when this process is killed, which maps meanwhile. The device rests: edu has
	 * no reset, and what it has begun it tries to end, bus mastering or not. */
	over = false;
	WANT(!pthread_create(&mapper, NULL, map_on, moving));
	if (!fork()) {
		setpgid(0, 0);
		printf("child %d lives\n", (int)getpid());
		fflush(stdout);
		sleep(60);
		_exit(0);
	}
	WANT(!pthread_join(mapper, NULL));
}

void scene_exec(const char *name)
{
	char *va = pages_get();
	tce_iova_t iova = TCE_IOVA_ANY;

	edu_open(&edu, name);
	WANT(!tce_dma_map(edu.space, va, LEN, NULL, &iova));
	execl("/bin/sh", "sh", "-c", "ls -l /proc/$$/fd; echo another program; exec sleep 30",
	      (char *)NULL);
	WANT(false);
}

/* Two descriptors over a socket, as any program can pass its own. */
static void send_files(int socket, const int fds[2])
{
	char room[CMSG_SPACE(2 * sizeof(int))] = {0}, byte = 0;
	struct iovec one = {&byte, 1};
	struct msghdr message = {.msg_iov = &one,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(head), fds, 2 * sizeof(int));
	WANT(sendmsg(socket, &message, 0) == 1);
}

void scene_pass(const char *self, const char *name)
{
	char path[64], text[16], *va = pages_get();
	tce_iova_t iova = TCE_IOVA_ANY;
	int group, fds[2], pair[2], status;
	pid_t other;

	WANT(!tce_device_group(name, &group));
	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	fds[0] = open(path, O_RDWR | O_CLOEXEC);
	fds[1] = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	WANT(fds[0] >= 0 && fds[1] >= 0);
	WANT(!tce_space_adopt(fds[0], fds[1], NULL, &edu.space));
	WANT(!tce_dma_map(edu.space, va, LEN, NULL, &iova));
	WANT(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	snprintf(text, sizeof(text), "%d", pair[1]);
	other = fork();
	if (!other) {
		execl(self, self, "take", text, (char *)NULL);
		_exit(9);
	}
	close(pair[1]);
	send_files(pair[0], fds);
	WANT(waitpid(other, &status, 0) == other);
	WANT(status == 0);
	WANT(!tce_audit() && !tce_dma_unmap(edu.space, iova, LEN));
	WANT(!tce_space_close(edu.space, NULL));
	pages_drop(va);
}

/* The receiver, another program with nothing of the sender's but these. */
void scene_take(int socket)
{
	char room[CMSG_SPACE(2 * sizeof(int))], byte;
	struct iovec one = {&byte, 1};
	struct msghdr message = {.msg_iov = &one,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	struct tce_space *space;
	struct tce_calls calls;
	int fds[2];

	WANT(recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message));
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fds));
	WANT(tce_space_adopt(fds[0], fds[1], NULL, &space) == -EPERM);
	printf("adopt: %s\n", tce_error());
	WANT(!tce_calls(&calls));
	WANT(!calls.create && !calls.remove && !calls.enroll && !calls.map);
}
