/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * beside COMMAND...: what a command costs the machine, the kernel's work for it included, on one
 * processor whose clock counts instructions. A program of the lowest priority takes whatever is
 * left, and counts: its rounds times what one costs when nothing else is to do are the time that
 * the processor would have been idle. Prints the rest of the time, in ns.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct moment {
	double ns, rounds;
};

static volatile uint64_t *rounds;

static struct moment now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct moment){(double)t.tv_sec * 1e9 + (double)t.tv_nsec, (double)*rounds};
}

static pid_t start_counter(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
	for (;;)
		++*rounds;
}

int main(int argc, char **argv)
{
	struct moment a, b, c;
	pid_t counter, command;
	double busy, round;
	int status;

	rounds = mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (argc < 2 || rounds == MAP_FAILED)
		return EXIT_FAILURE;
	counter = start_counter();
	usleep(100000);
	a = now();
	usleep(500000);
	b = now();
	command = fork();
	if (!command) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	waitpid(command, &status, 0);
	c = now();
	kill(counter, SIGKILL);
	round = (b.ns - a.ns) / (b.rounds - a.rounds);
	busy = (c.ns - b.ns) - (c.rounds - b.rounds) * round;
	printf("busy %.0f ns of %.0f; a round is %.3f ns\n", busy, c.ns - b.ns, round);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
