/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs model-checked programs:
 *   program test [OPERATIONS]     a few seeds of every subject and profile; prints TAP
 *   program soak [OPTION...]      as many as wanted, on every processor: see soak.c
 *   program replay SUBJECT HEX... programs as they are printed, and kept in tests/fuzz/corpus
 */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int replay(const struct subject *s, const char *line)
{
	struct tally tally[KINDS] = {{0}};
	size_t n = strlen(line) / 2 / sizeof(struct op);
	struct op *op = calloc(n + 1, sizeof(*op));

	if (!op)
		return 2;
	for (size_t i = 0; i < n * sizeof(*op); i++) {
		int high = digit(line[2 * i]), low = digit(line[2 * i + 1]);

		if (high < 0 || low < 0) {
			fprintf(stderr, "not a program: %s\n", line);
			free(op);
			return 2;
		}
		((unsigned char *)op)[i] = (unsigned char)(high << 4 | low);
	}
	print_program(stdout, s, (struct program){op, n});
	fflush(stdout);
	run_program(s, (struct program){op, n}, 1, tally);
	printf("# no difference\n");
	free(op);
	return 0;
}

int replay_main(int argc, char **argv)
{
	int worst = argc < 2 ? 2 : 0;

	for (unsigned i = 0; argc > 1 && i < SUBJECTS; i++)
		for (int at = 1; !strcmp(subjects[i]->name, argv[0]) && at < argc; at++) {
			int ret = replay(subjects[i], argv[at]);

			worst = ret > worst ? ret : worst;
		}
	return worst;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "test"))
		return test_main(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "soak"))
		return soak_main(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "replay"))
		return replay_main(argc - 2, argv + 2);
	fprintf(stderr, "usage: program test|soak|replay [ARGUMENT...]\n");
	return 2;
}
