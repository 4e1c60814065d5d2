/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The programs of a few seeds, on every profile of every subject, compared in full after every
 * operation. Each in a child of its own: what one leaves must not be the next one's.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

enum { OPERATIONS = 1000, SEEDS = 3 };

/* Written by children. */
static struct tally *tally;
static unsigned points, failed;

static void point(bool good, const char *what, const char *profile)
{
	failed += !good;
	printf("%sok %u - %s: %s\n", good ? "" : "not ", ++points, what, profile);
	fflush(stdout);
}

static bool seed_holds(const struct subject *s, unsigned profile, uint64_t seed, size_t n)
{
	struct op *op = calloc(n, sizeof(*op));
	int status = -1;
	pid_t pid;

	if (!op)
		return false;
	seed_program(op, n, seed, profile);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		run_program(s, (struct program){op, n}, 1, tally);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		printf("# seed %llu of %s on %s: status %#x\n", (unsigned long long)seed, s->name,
		       s->profile(profile), (unsigned)status);
		print_difference(stdout, s, op, n);
		status = -1;
	}
	free(op);
	return !status;
}

/* A kind that never got anywhere tested nothing. */
static bool all_done(const struct subject *s)
{
	bool good = true;

	for (unsigned i = 0; i < s->n_kinds; i++) {
		printf("# %-12s %8llu done %8llu refused\n", s->kinds[i].name,
		       (unsigned long long)tally[i].done, (unsigned long long)tally[i].refused);
		good &= tally[i].done != 0;
	}
	return good;
}

int test_main(int argc, char **argv)
{
	size_t n = argc ? strtoul(argv[0], NULL, 0) : OPERATIONS, bytes = KINDS * sizeof(*tally);
	unsigned plan = SUBJECTS;

	tally = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		return 2;
	for (unsigned i = 0; i < SUBJECTS; i++)
		plan += count_profiles(subjects[i]);
	printf("1..%u\n", plan);
	for (unsigned i = 0; i < SUBJECTS; i++) {
		const struct subject *s = subjects[i];

		memset(tally, 0, bytes);
		for (unsigned p = 0; s->profile(p); p++) {
			bool good = true;

			for (uint64_t seed = 1; seed <= SEEDS; seed++)
				good &= seed_holds(s, p, seed, n);
			point(good, s->name, s->profile(p));
		}
		point(all_done(s), s->name, "every kind of operation was done");
	}
	return failed != 0;
}
