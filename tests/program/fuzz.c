/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs by libFuzzer. Which subject, the environment says: SUBJECT. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct subject *subject;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("SUBJECT");

	for (unsigned i = 0; name && i < SUBJECTS; i++)
		if (!strcmp(name, subjects[i]->name))
			subject = subjects[i];
	if (!subject) {
		fprintf(stderr, "fuzz: set SUBJECT to one of those in program.c\n");
		exit(2);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct op op[512];
	static struct tally tally[KINDS];
	size_t n = size / sizeof(*op);

	if (n > sizeof(op) / sizeof(*op))
		n = sizeof(op) / sizeof(*op);
	memcpy(op, data, n * sizeof(*op));
	run_program(subject, (struct program){op, n}, 16, tally);
	return 0;
}
