/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Model-checked programs. A program is a stream of operations, each read from eight bytes, which
 * one interpreter runs on a subject: a part of the library, or all of it on the model of the
 * kernel. Beside it the subject keeps a shadow: the same truth in the plainest way. Each operation
 * says beforehand what the answer has to be; after it, library, kernel and shadow are compared.
 *
 * The bytes come from a seed (test.c, soak.c), from libFuzzer (fuzz.c), or from a file.
 */
#ifndef PROGRAM_PROGRAM_H
#define PROGRAM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What an operation is made of; each subject reads them as it likes. */
struct op {
	uint8_t code, who, where, first, n, flags;
	uint16_t at;
};
_Static_assert(sizeof(struct op) == 8, "a program is read from bytes");

struct program {
	const struct op *op;
	size_t n;
};

/* How often an operation was answered 0, and how often refused. */
struct tally {
	uint64_t done, refused;
};

enum { KINDS = 24 };

/* A kind of operation, and how often it is met beside the others. */
struct kind {
	const char *name;
	unsigned weight;
};

/* What can be given a program. */
struct subject {
	const char *name;
	const struct kind *kinds;
	unsigned n_kinds;
	const char *(*profile)(unsigned profile); /* its name; NULL: there are no more */
	/* The first operation of a program says how the world is, its who the profile. */
	void (*begin)(unsigned profile, const struct op *world);
	/* False: there was nothing to ask. *ret is the answer otherwise. */
	bool (*step)(unsigned kind, const struct op *op, int *ret);
	void (*compare)(void);	   /* everything; step() compares what it touched */
	void (*end)(void);	   /* give everything back, and compare that nothing is left */
	void (*report)(FILE *out); /* figures of this process; NULL if there are none */
};

extern const struct subject library_subject, table_subject, allocator_subject, directory_subject;
extern const struct subject *const subjects[];
enum { SUBJECTS = 4 };

/*
 * The interpreter: tally has one for each kind of operation. A full comparison comes after every so
 * many operations, and at the end.
 */
void run_program(const struct subject *s, struct program p, unsigned every, struct tally *tally);
unsigned count_profiles(const struct subject *s);

/* Library and shadow differ: say how, and abort. */
_Noreturn void differs(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define must(condition)                                                                            \
	((condition) ? (void)0 : differs("%s:%d: not so: %s", __FILE__, __LINE__, #condition))
/* The same of an answer: the sentence of the library is shown, too. */
void must_answer(int answer, int expected, const char *call);

/* Write the operations of a program down, one a line. */
void print_program(FILE *out, const struct subject *s, struct program p);

/* The program of a seed: always the same n operations. */
void seed_program(struct op *op, size_t n, uint64_t seed, unsigned profile);

/* Does this program end as it should? In a child; silently, or with what it says on stderr. */
bool program_holds(const struct subject *s, struct program p, unsigned every, bool silent);
/* Take out of a program that does not hold all that is not needed for that; the rest's length. */
size_t shrink(const struct subject *s, struct op *op, size_t n);
/* Shrink a program that did not hold, and write down what is left of it and what it says. */
void print_difference(FILE *out, const struct subject *s, struct op *op, size_t n);

/* The ways to run programs, with the arguments behind their names. Exit statuses. */
int test_main(int argc, char **argv);
int soak_main(int argc, char **argv);
int replay_main(int argc, char **argv);

#endif
