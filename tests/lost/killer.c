/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * killer N SEED DEVICE libtce|mistake: lets `rings` use a device N times, each time in a process of
 * its own, and kills it at a random moment of its traffic: after the first frames have come and the
 * first memory was given back. Prints what all of them did as JSON.
 *
 * It runs in a guest of the rig only.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rings.h"
#include "tests/guest/inside.h"

enum { FRAMES = 32, PATIENCE_MS = 30000, MOMENT_US = 60000 };

static struct shared *shared;

static void fail(const char *why)
{
	fprintf(stderr, "killer: %s\n", why);
	exit(EXIT_FAILURE);
}

static void sleep_us(unsigned us)
{
	struct timespec t = {us / 1000000, (long)(us % 1000000) * 1000};

	nanosleep(&t, NULL);
}

static pid_t start(const char *device, const struct memory *how)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork failed");
	if (!pid)
		rings(device, how, shared);
	return pid;
}

/* Until the program is in full traffic. */
static void wait_for_traffic(pid_t pid)
{
	int status;

	for (unsigned ms = 0; shared->frames < FRAMES || !shared->given; ms++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			fail("the program ended by itself");
		if (ms == PATIENCE_MS) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			fail("there was no traffic");
		}
		sleep_us(1000);
	}
}

/* Kill it at a random moment. */
static void kill_once(const char *device, const struct memory *how)
{
	pid_t pid = start(device, how);
	int status;

	wait_for_traffic(pid);
	sleep_us((unsigned)rand() % MOMENT_US);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("the program was not killed: it ended by itself");
}

int main(int argc, char **argv)
{
	unsigned n = argc == 5 ? (unsigned)atoi(argv[1]) : 0;
	uint64_t frames = 0, astray = 0, given = 0;
	const struct memory *how;

	inside_a_guest("killer");
	if (!n)
		fail("usage: killer N SEED DEVICE libtce|mistake");
	how = strcmp(argv[4], "mistake") ? &memory_libtce : &memory_mistake;
	srand((unsigned)atoi(argv[2]));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		fail("no memory");
	for (unsigned i = 0; i < n; i++) {
		shared->frames = shared->astray = shared->given = 0;
		kill_once(argv[3], how);
		frames += shared->frames;
		astray += shared->astray;
		given += shared->given;
	}
	printf("{\"kills\": %u, \"frames\": %" PRIu64 ", \"astray\": %" PRIu64
	       ", \"given\": %" PRIu64 "}\n",
	       n, frames, astray, given);
	return EXIT_SUCCESS;
}
