/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of `tce` are given. Each is one file, and returns the exit status. */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include <tce/tce.h>

struct arguments {
	const struct command *command;
	const char *device; /* NULL: none was named */
	struct tce_space_options options;
};

int command_check(const struct arguments *a);
int command_probe(const struct arguments *a);

#endif
