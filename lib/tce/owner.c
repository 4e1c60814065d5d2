/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The owner: the process, that is the mm, which made the first control call. An address means
 * nothing without its address space, so nobody else may change anything.
 *
 * The token is a page that the kernel wipes in every child that gets an mm of its own, however it
 * was made. The marker is a mapping with a name that a second copy of the library finds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define MARKER "libtce-owner"

struct tce_process tce_process = {.kernel = &tce_kernel_vfio};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned *token; /* 1 in the owner, 0 in its children, NULL before the first call */
static void *marker;
static bool handlers;

void tce_use_kernel(const struct tce_kernel *kernel)
{
	tce_process.kernel = kernel;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/*
 * The originals of an adopted space, if they are what they were: their owner may have closed them
 * since, and the numbers may be other files' now.
 */
static void close_given(const struct tce_space *space)
{
	const struct tce_kernel *k = tce_process.kernel;
	int group;

	if (space->given_group_fd >= 0 && !k->group_number(space->given_group_fd, &group) &&
	    group == space->group)
		k->close(space->given_group_fd);
	if (space->given_container_fd >= 0 && !k->container_check(space->given_container_fd))
		k->close(space->given_container_fd);
}

/*
 * In the child: its copies of the descriptors would keep the parent's pages pinned and its group
 * busy after the parent's end. The devices' come first, as at every end of a space.
 */
static void in_child(void)
{
	pthread_mutex_init(&lock, NULL);
	if (!token || atomic_load_explicit(token, memory_order_relaxed))
		return;
	for (size_t i = 0; i < tce_process.spaces; i++) {
		const struct tce_space *space = tce_process.space[i];

		for (size_t d = 0; d < space->devices; d++)
			if (space->device[d].fd >= 0)
				tce_process.kernel->close(space->device[d].fd);
		tce_process.kernel->close(space->group_fd);
		tce_process.kernel->close(space->container_fd);
		close_given(space);
	}
	/* A child of the child has nothing left to close. */
	tce_process.spaces = 0;
}

/* How many mappings carry the marker's name? -1: unknown. */
static int count_markers(void)
{
	FILE *f = fopen("/proc/thread-self/maps", "re");
	char *line = NULL;
	size_t room = 0;
	int n = 0;

	if (!f)
		return -1;
	while (getline(&line, &room, f) > 0)
		n += strstr(line, "/memfd:" MARKER) != NULL;
	free(line);
	fclose(f);
	return n;
}

static int set_marker(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create(MARKER, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)page)) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return tce_fail(-ENOMEM, "cannot mark this process as libtce's: %s",
				tce_errno_text(err));
	}
	marker = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (marker == MAP_FAILED || madvise(marker, page, MADV_DONTFORK)) {
		int err = -errno;

		if (marker != MAP_FAILED)
			munmap(marker, page);
		return tce_fail(-ENOMEM, "cannot mark this process as libtce's: %s",
				tce_errno_text(err));
	}
	if (count_markers() <= 1)
		return 0;
	munmap(marker, page);
	return tce_fail(-EEXIST,
			"a second copy of libtce is at work in this process: link everything "
			"in it against the one shared library");
}

static int make_token(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, page, MADV_WIPEONFORK)) {
		int err = -errno;

		if (p != MAP_FAILED)
			munmap(p, page);
		return tce_fail(-ENOMEM, "no page to record the owner process in: %s",
				tce_errno_text(err));
	}
	token = p;
	return 0;
}

static int become_owner(void)
{
	int ret;

	if (!handlers && pthread_atfork(before_fork, after_fork, in_child))
		return tce_fail(-ENOMEM, "no memory for the fork handlers");
	handlers = true;
	ret = set_marker();
	if (ret)
		return ret;
	ret = make_token();
	if (ret) {
		munmap(marker, (size_t)sysconf(_SC_PAGESIZE));
		return ret;
	}
	atomic_store_explicit(token, 1, memory_order_relaxed);
	return 0;
}

int tce_enter(void)
{
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (!token)
		ret = become_owner();
	else if (!atomic_load_explicit(token, memory_order_relaxed))
		ret = tce_fail(-EPERM,
			       "process %d is not the owner of libtce's spaces and regions: "
			       "they belong to the process that made them, its parent; "
			       "this one must exec() first",
			       getpid());
	if (ret)
		return tce_leave(ret);
	return 0;
}

uint64_t tce_locked_by_regions(void)
{
	uint64_t bytes = 0;

	pthread_mutex_lock(&lock);
	if (token && atomic_load_explicit(token, memory_order_relaxed))
		for (size_t i = 0; i < tce_process.regions; i++) {
			const struct tce_region *r = tce_process.region[i];

			bytes += r->uses ? r->len : 0;
		}
	pthread_mutex_unlock(&lock);
	return bytes;
}

int tce_leave(int ret)
{
	pthread_mutex_unlock(&lock);
	return tce_report(ret);
}

int tce_array_insert(void ***array, size_t *n, size_t at, void *item)
{
	void **bigger = *array;

	/* Room grows by doubling: a power of two (or 0) is full. */
	if (!(*n & (*n - 1)) || !*n) {
		bigger = realloc(*array, (*n ? 2 * *n : 1) * sizeof(void *));
		if (!bigger)
			return tce_fail(-ENOMEM, "no memory for one more of %zu entries", *n);
		*array = bigger;
	}
	memmove(bigger + at + 1, bigger + at, (*n - at) * sizeof(void *));
	bigger[at] = item;
	++*n;
	return 0;
}

void tce_array_remove(void **array, size_t *n, size_t at)
{
	memmove(array + at, array + at + 1, (*n - at - 1) * sizeof(void *));
	--*n;
}
