/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * beside COMMAND...: what a command costs the machine, the kernel's work for it included, on one
 * processor whose clock counts instructions: see counter.h. Prints that, in ns.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counter.h"

int main(int argc, char **argv)
{
	pid_t counter = argc < 2 ? -1 : counter_start(), command;
	struct moment begin;
	double busy, round;
	int status;

	if (counter < 0)
		return EXIT_FAILURE;
	round = counter_round();
	begin = counter_now();
	command = fork();
	if (!command) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	waitpid(command, &status, 0);
	busy = counter_spent(&begin, round);
	printf("busy %.0f ns of %.0f; a round is %.3f ns\n", busy, counter_now().ns - begin.ns,
	       round);
	kill(counter, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
