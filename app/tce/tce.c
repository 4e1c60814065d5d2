/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The `tce` command, for operators. `tce check [PCI address]`: is this machine, is this device
 * ready? `tce probe <PCI address>`: which known defects does its kernel have?
 */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

const char *argp_program_version = "tce " VERSION;

struct command {
	const char *name;
	int (*run)(const struct arguments *a);
	bool needs_device;
};

static const struct command commands[] = {
	{"check", command_check, false},
	{"probe", command_probe, true},
	{0},
};

static const struct argp_option options[] = {
	{"mem", 'm', "SIZE", 0, "most memory mapped at a time, as 2G or 512M", 0},
	{"page", 'p', "SIZE", 0, "page that backs it, as 2M (the default hugepage)", 0},
	{"highest", 'x', "IOVA", 0, "highest IOVA that the device reaches, inclusive", 0},
	{"identity", 'i', "VA", 0, "IOVA=VA is wanted up to this address, inclusive", 0},
	{0},
};

/* A number with an optional K, M, G or T behind it. */
static int parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned shift;
	uint64_t n;
	char *end;

	/* strtoull() takes a sign, too, and answers its greatest number for a greater one. */
	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	n = strtoull(text, &end, 0);
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (errno || (*end && (!unit || end[1])) || n > UINT64_MAX >> shift)
		return -1;
	*size = n << shift;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	uint64_t *size = key == 'm'   ? &a->options.mem
			 : key == 'p' ? &a->options.page
			 : key == 'x' ? &a->options.highest
			 : key == 'i' ? &a->options.identity
				      : NULL;

	if (size) {
		if (parse_size(arg, size))
			argp_error(state,
				   "%s is no size: write a number, and K, M, G or T behind it",
				   arg);
		return 0;
	}
	if (key == ARGP_KEY_ARG && !a->command) {
		a->command = commands;
		while (a->command->name && strcmp(arg, a->command->name) != 0)
			a->command++;
		if (!a->command->name)
			argp_error(state, "no command %s: there are check and probe", arg);
		return 0;
	}
	if (key == ARGP_KEY_ARG && !a->device) {
		a->device = arg;
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS)
		argp_usage(state);
	if (key == ARGP_KEY_END && a->command->needs_device && !a->device)
		argp_error(state, "%s needs a device's PCI address", a->command->name);
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"check [PCI-ADDRESS]\nprobe PCI-ADDRESS",
		"check: tell whether this machine, and the device at PCI-ADDRESS, are ready for "
		"libtce. Nothing is changed. The exit status is 0 when all is ok, 1 when something "
		"is wrong.\n\n"
		"probe: tell which known defects this kernel's VFIO has, by what can be tried at "
		"the device's group without harm. The exit status is 0 when it was done, whatever "
		"was found.",
		NULL,
		NULL,
		NULL};
	struct arguments a = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return a.command->run(&a);
}
