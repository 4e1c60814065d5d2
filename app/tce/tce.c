/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The `tce` command, for operators. `tce check [PCI address]`: is this machine, is this device
 * ready? Every answer at once, and nothing is changed.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tce/tce.h>

const char *argp_program_version = "tce " VERSION;

struct arguments {
	const char *command;
	const char *device;
	struct tce_space_options options;
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
	char *end;
	uint64_t n = strtoull(text, &end, 0);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	if (end == text || (*end && (!unit || end[1])) || n > UINT64_MAX >> shift)
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
		a->command = arg;
		if (strcmp(arg, "check") != 0)
			argp_error(state, "no command %s: the only one is check", arg);
		return 0;
	}
	if (key == ARGP_KEY_ARG && !a->device) {
		a->device = arg;
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS)
		argp_usage(state);
	return ARGP_ERR_UNKNOWN;
}

static void print(const struct tce_finding *f, void *arg)
{
	static const char *const verdict[] = {
		[TCE_OK] = "ok", [TCE_WRONG] = "wrong", [TCE_UNKNOWN] = "unknown"};

	(void)arg;
	printf("%-8s %-32s %s\n", verdict[f->verdict], f->item, f->found);
	if (*f->remedy)
		printf("%-8s %-32s -> %s\n", "", "", f->remedy);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"check [PCI-ADDRESS]",
		"Tell whether this machine, and the device at PCI-ADDRESS, are ready for libtce. "
		"Nothing "
		"is changed. The exit status is 0 when all is ok, 1 when something is wrong.",
		NULL,
		NULL,
		NULL};
	struct arguments a = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return tce_check(a.device, &a.options, print, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
