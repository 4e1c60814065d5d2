/* SPDX-License-Identifier: BSD-3-Clause */
/* The interpreter, and what shrinks a program that found a difference. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tce/error.h>

#include "program.h"

const struct subject *const subjects[SUBJECTS] = {&library_subject, &table_subject,
						  &allocator_subject, &directory_subject};

/* Where the interpreter is, for the report of a difference. */
static struct {
	const struct subject *subject;
	const struct op *op;
	size_t step;
} now;

static unsigned kind_of(const struct subject *s, const struct op *op)
{
	unsigned all = 0, at, kind = 0;

	for (unsigned i = 0; i < s->n_kinds; i++)
		all += s->kinds[i].weight;
	must(all <= 256); /* or the last kinds are never met */
	for (at = op->code % all; at >= s->kinds[kind].weight; kind++)
		at -= s->kinds[kind].weight;
	return kind;
}

static void print_op(FILE *out, const struct subject *s, const struct op *op)
{
	fprintf(out, "%-12s who %3u where %3u first %3u n %3u flags %#04x at %5u",
		s->kinds[kind_of(s, op)].name, op->who, op->where, op->first, op->n, op->flags,
		op->at);
}

void print_program(FILE *out, const struct subject *s, struct program p)
{
	for (size_t i = 0; i < p.n; i++) {
		fprintf(out, "# %4zu ", i);
		if (i)
			print_op(out, s, &p.op[i]);
		else
			fprintf(out, "the world: flags %#x, at %u", p.op[i].flags, p.op[i].at);
		fputc('\n', out);
	}
}

void differs(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "difference in %s, step %zu", now.subject->name, now.step);
	if (now.op) {
		fputs(", ", stderr);
		print_op(stderr, now.subject, now.op);
	}
	fputs("\n  ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void must_answer(int answer, int expected, const char *call)
{
	if (answer != expected)
		differs("%s answered %d, and has to answer %d; the last sentence: %s", call, answer,
			expected, tce_error());
}

unsigned count_profiles(const struct subject *s)
{
	unsigned n = 0;

	while (s->profile(n))
		n++;
	return n;
}

void run_program(const struct subject *s, struct program p, unsigned every, struct tally *tally)
{
	static const struct op plain;
	size_t asked = 0;

	now.subject = s;
	now.op = NULL;
	now.step = 0;
	s->begin(p.n ? p.op->who % count_profiles(s) : 0, p.n ? p.op : &plain);
	for (size_t i = 1; i < p.n; i++) {
		const struct op *op = &p.op[i];
		unsigned kind = kind_of(s, op);
		int ret = 0;

		now.op = op;
		now.step = i;
		if (!s->step(kind, op, &ret))
			continue;
		tally[kind].done += !ret;
		tally[kind].refused += ret != 0;
		if (++asked % every == 0)
			s->compare();
	}
	s->compare();
	now.op = NULL;
	s->end();
}

void seed_program(struct op *op, size_t n, uint64_t seed, unsigned profile)
{
	/* xorshift64*: Vigna, An experimental exploration of Marsaglia's xorshift generators. */
	uint64_t x = (seed * 256 + profile) * 0x9e3779b97f4a7c15u + 1;

	for (size_t i = 0; i < n; i++) {
		uint64_t word;

		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		word = x * 0x2545f4914f6cdd1du;
		memcpy(&op[i], &word, sizeof(word));
	}
	op->who = (uint8_t)profile;
}

bool program_holds(const struct subject *s, struct program p, unsigned every, bool silent)
{
	struct tally tally[KINDS] = {{0}};
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return true;
	if (!pid) {
		/* One that hangs is ended, and does not hold. */
		alarm(60);
		if (silent && !freopen("/dev/null", "w", stderr))
			_exit(0);
		run_program(s, p, every, tally);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return true;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

size_t shrink(const struct subject *s, struct op *op, size_t n)
{
	struct op *less = malloc(n * sizeof(*op));
	size_t part = n / 2;

	if (!less)
		return n;
	/* Stretch by stretch, ever shorter ones; again with the shortest until none can go. */
	while (part) {
		bool went = false;

		for (size_t at = 1; at < n;) {
			size_t out = part < n - at ? part : n - at;

			memcpy(less, op, at * sizeof(*op));
			memcpy(less + at, op + at + out, (n - at - out) * sizeof(*op));
			if (program_holds(s, (struct program){less, n - out}, 1, true)) {
				at += out;
				continue;
			}
			n -= out;
			memcpy(op, less, n * sizeof(*op));
			went = true;
		}
		if (part > 1 || !went)
			part /= 2;
	}
	free(less);
	return n;
}

/* A program as a line of hexadecimal digits, as the corpus has them and replay reads them. */
static void print_line(FILE *out, struct program p)
{
	const unsigned char *byte = (const unsigned char *)p.op;

	for (size_t i = 0; i < p.n * sizeof(*p.op); i++)
		fprintf(out, "%02x", byte[i]);
	fputc('\n', out);
}

void print_difference(FILE *out, const struct subject *s, struct op *op, size_t n)
{
	if (program_holds(s, (struct program){op, n}, 1, true)) {
		fprintf(out, "# alone the program holds: it needs what ran before it\n");
		return;
	}
	n = shrink(s, op, n);
	fprintf(out, "# what is needed of it:\n");
	print_program(out, s, (struct program){op, n});
	(void)program_holds(s, (struct program){op, n}, 1, false);
	fprintf(out, "# as replay reads it, and tests/fuzz/corpus/%s.hex keeps it:\n# ", s->name);
	print_line(out, (struct program){op, n});
}
