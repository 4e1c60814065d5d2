/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs that show what a kernel does wrong must never run where it matters: on somebody's
 * machine, or at a real device. A guest that is to be thrown away says so three times: QEMU by its
 * device tree, who started it by a word on the kernel's command line, and the rig by being its
 * first process. There is no way around this but to change this file.
 */
#ifndef GUEST_INSIDE_H
#define GUEST_INSIDE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Does the first line of a file have this in it? */
static inline bool inside_says(const char *path, const char *text)
{
	char line[4096] = "";
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		*line = '\0';
	fclose(f);
	return strstr(line, text);
}

/* Why this is no guest of the rig that is to be thrown away; NULL: it is one. */
static inline const char *inside_refusal(void)
{
	char init[64] = "";

	if (!inside_says("/proc/device-tree/model", "(emulated by qemu)"))
		return "this is no machine that QEMU emulates";
	if (!inside_says("/proc/cmdline", "libtce.throwaway=1"))
		return "its kernel was not started to be thrown away";
	if (readlink("/proc/1/exe", init, sizeof(init) - 1) < 0 || strcmp(init, "/init") != 0)
		return "its first process is not the test rig's";
	return NULL;
}

/* End the program with a sentence, unless this is such a guest. */
static inline void inside_a_guest(const char *program)
{
	const char *why = inside_refusal();

	if (!why)
		return;
	fprintf(stderr,
		"%s: this may lose memory until the machine is started again, and %s: it runs in "
		"guests of tests/guest, and nowhere else\n",
		program, why);
	exit(EXIT_FAILURE);
}

#endif
