/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs without end: so many operations on each profile, on every processor, one seed after the
 * other. Each operation compares what it touched, and every so many compare everything. The seed of
 * a program that finds a difference is printed, and what is needed of that program.
 *
 *   --operations N   on each profile (default: 10 million)
 *   --subject NAME, --profile NAME   only these
 *   --seed N         the first seed (default: 1): goes on where an earlier run ended
 *   --jobs N         processes (default: one for each processor)
 *   --seconds N      for all of it in place of a number of operations, shared out evenly
 */
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

enum { PROGRAM = 4096, EVERY = 64, JOBS_MAX = 256 };

struct options {
	uint64_t operations, seed;
	double seconds;
	unsigned jobs;
	const char *subject, *profile;
};

/* What the processes tell of themselves. */
struct job {
	pid_t pid;
	_Atomic uint64_t seed; /* of the program under way */
	_Atomic uint64_t asked;
	struct tally tally[KINDS];
};

static struct job *job;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Processor time of the processes that have ended: what a busy machine does not blur. */
static double spent(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static uint64_t asked_of(const struct tally *tally)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < KINDS; i++)
		n += tally[i].done + tally[i].refused;
	return n;
}

/* One process: every jobs-th seed, until its share of operations is done. */
static void work(const struct subject *s, unsigned profile, const struct options *o, unsigned me)
{
	static struct op op[PROGRAM];
	double until = now() + o->seconds;
	uint64_t share = o->operations / o->jobs + 1;

	for (uint64_t seed = o->seed + me;; seed += o->jobs) {
		atomic_store(&job[me].seed, seed);
		if (o->seconds ? now() >= until : asked_of(job[me].tally) >= share)
			break;
		seed_program(op, PROGRAM, seed, profile);
		run_program(s, (struct program){op, PROGRAM}, EVERY, job[me].tally);
	}
	if (!me && s->report)
		s->report(stdout);
	fflush(NULL);
	_exit(0);
}

static void explain(const struct subject *s, unsigned profile, uint64_t seed)
{
	static struct op op[PROGRAM];

	printf("soak %s %s: seed %llu found a difference\n", s->name, s->profile(profile),
	       (unsigned long long)seed);
	seed_program(op, PROGRAM, seed, profile);
	print_difference(stdout, s, op, PROGRAM);
}

static void print_kinds(const struct subject *s, unsigned jobs)
{
	for (unsigned k = 0; k < s->n_kinds; k++) {
		struct tally t = {0};

		for (unsigned i = 0; i < jobs; i++) {
			t.done += job[i].tally[k].done;
			t.refused += job[i].tally[k].refused;
		}
		printf("    %-12s %10llu done %10llu refused\n", s->kinds[k].name,
		       (unsigned long long)t.done, (unsigned long long)t.refused);
	}
}

/* Wait for all; the first that ends badly ends the others. Its number, or -1. */
static int wait_for(unsigned jobs)
{
	int bad = -1;

	for (unsigned left = jobs; left; left--) {
		int status;
		pid_t pid = wait(&status);

		for (unsigned i = 0; i < jobs; i++) {
			if (job[i].pid == pid)
				job[i].pid = 0;
			else
				continue;
			if (status && bad < 0) {
				bad = (int)i;
				for (unsigned k = 0; k < jobs; k++)
					if (job[k].pid)
						kill(job[k].pid, SIGKILL);
			}
		}
	}
	return bad;
}

static bool soak(const struct subject *s, unsigned profile, const struct options *o)
{
	uint64_t asked = 0, last = 0;
	double begin = now(), before = spent();
	int bad;

	memset(job, 0, o->jobs * sizeof(*job));
	fflush(NULL);
	for (unsigned i = 0; i < o->jobs; i++) {
		job[i].pid = fork();
		if (job[i].pid < 0)
			return false;
		if (!job[i].pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			work(s, profile, o, i);
		}
	}
	bad = wait_for(o->jobs);
	if (bad >= 0) {
		explain(s, profile, atomic_load(&job[bad].seed));
		return false;
	}
	for (unsigned i = 0; i < o->jobs; i++) {
		asked += asked_of(job[i].tally);
		last = job[i].seed > last ? job[i].seed : last;
	}
	printf("soak %s %s: %llu operations, no difference; %.0f a second of processor time, %.0f "
	       "s "
	       "in %u processes; seeds %llu to %llu\n",
	       s->name, s->profile(profile), (unsigned long long)asked,
	       (double)asked / (spent() - before), now() - begin, o->jobs,
	       (unsigned long long)o->seed, (unsigned long long)last - o->jobs);
	print_kinds(s, o->jobs);
	fflush(stdout);
	return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"operations", required_argument, NULL, 'n'},
		{"subject", required_argument, NULL, 's'},
		{"profile", required_argument, NULL, 'p'},
		{"seed", required_argument, NULL, 'e'},
		{"jobs", required_argument, NULL, 'j'},
		{"seconds", required_argument, NULL, 't'},
		{0},
	};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int c;

	*o = (struct options){.operations = 10000000, .seed = 1, .jobs = cores > 0 ? cores : 1};
	/* getopt passes over the first argument: the word soak. */
	while ((c = getopt_long(argc + 1, argv - 1, "", known, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->operations = strtoull(optarg, NULL, 0);
			break;
		case 's':
			o->subject = optarg;
			break;
		case 'p':
			o->profile = optarg;
			break;
		case 'e':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			o->jobs = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 't':
			o->seconds = strtod(optarg, NULL);
			break;
		default:
			return false;
		}
	}
	return o->jobs && o->jobs <= JOBS_MAX;
}

static bool is_wanted(const struct subject *s, unsigned profile, const struct options *o)
{
	return (!o->subject || !strcmp(o->subject, s->name)) &&
	       (!o->profile || !strcmp(o->profile, s->profile(profile)));
}

int soak_main(int argc, char **argv)
{
	unsigned wanted = 0;
	struct options o;

	if (!read_options(argc, argv, &o))
		return 2;
	job = mmap(NULL, JOBS_MAX * sizeof(*job), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job == MAP_FAILED)
		return 2;
	for (unsigned i = 0; i < SUBJECTS; i++)
		for (unsigned p = 0; subjects[i]->profile(p); p++)
			wanted += is_wanted(subjects[i], p, &o);
	if (!wanted) {
		fprintf(stderr, "soak: no such subject or profile\n");
		return 2;
	}
	o.seconds /= wanted;
	for (unsigned i = 0; i < SUBJECTS; i++)
		for (unsigned p = 0; subjects[i]->profile(p); p++)
			if (is_wanted(subjects[i], p, &o) && !soak(subjects[i], p, &o))
				return 1;
	return 0;
}
