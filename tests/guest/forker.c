/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into a program: at SIGUSR2 it forks, at no moment of its own choice. The child does
 * nothing for a minute, which is what a daemon's helper does to a parent that is killed.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void on_signal(int sig)
{
	char said[48];
	int len;

	(void)sig;
	if (fork() != 0)
		return;
	setpgid(0, 0); /* a signal to the parent's group is not for us */
	len = snprintf(said, sizeof(said), "\nforker: child %d lives\n", (int)getpid());
	(void)!write(STDOUT_FILENO, said, (size_t)len);
	sleep(60);
	_exit(0);
}

__attribute__((constructor)) static void install(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigaction(SIGUSR2, &action, NULL);
}
