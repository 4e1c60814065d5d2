/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conform: the conformance cases, on a profile of the model or on the real kernel of a guest that
 * was started for them. Each case runs in a process of its own and leaves one line: its name, and
 * what it saw. Comparing them is the business of tests/guest/conformance.py.
 *
 *   conform list                              the cases and their facts
 *   conform model PROFILE WHICH [CASE]...     the profile is one of the model's names; behind it
 *                                             "+unmap-checks-end" or "+busy-unregister": on another
 *                                             kernel, which does that; "+default-mib=N": with
 *                                             another default window
 *   conform kernel WHICH DEVICE... [-- CASE...]
 *
 * WHICH is "clean" (cases that leave a kernel as it was), "poison" (those that do not), or
 * "no-ddw" (those for an LPAR without dynamic windows).
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kernel/model/model.h"
#include "seat.h"

enum { CASE_SECONDS = 180 };

struct bench_shared *bench_shared;
int bench_shared_fd;

static struct model_quirks quirks;

static const struct conform_case *const all[] = {
	conform_groups, conform_windows,   conform_memory,
	conform_tces,	conform_processes, conform_poison,
};

static void __attribute__((format(printf, 1, 2))) put(const char *format, ...)
{
	size_t room = sizeof(bench_shared->text) - bench_shared->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(bench_shared->text + bench_shared->used, room, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < room)
		bench_shared->used += (size_t)n;
}

void say_text(const char *name, const char *text)
{
	put(" %s=%s", name, text);
}

void say_number(const char *name, int64_t value)
{
	put(" %s=%ld", name, (long)value);
}

void say_hex(const char *name, uint64_t value)
{
	put(" %s=%#lx", name, (unsigned long)value);
}

void say(const char *name, int ret)
{
	const char *text = ret < 0 ? strerrorname_np(-ret) : NULL;

	if (ret < 0 && text)
		put(" %s=%s", name, text);
	else
		put(" %s=%s%d", name, ret > 0 ? "+" : "", ret);
}

/* A profile, its kernel's quirks, its default window: "lpar+unmap-checks-end"; NULL if there is
 * none of that name. */
static const struct model_platform *profile_of(const char *text)
{
	static const char window[] = "+default-mib=";
	static struct model_platform machine;
	const char *mib = strstr(text, window);
	size_t n = strcspn(text, "+");
	const struct model_platform *const *p = model_platforms;

	quirks = (struct model_quirks){.busy_unenroll = strstr(text, "+busy-unregister"),
				       .unmap_checks_end = strstr(text, "+unmap-checks-end")};
	while (*p && (strncmp((*p)->name, text, n) != 0 || (*p)->name[n]))
		p++;
	if (!*p)
		return NULL;
	machine = **p;
	if (mib)
		machine.default_size = MIB(strtoull(mib + strlen(window), NULL, 10));
	return &machine;
}

static bool wanted(const struct conform_case *c, const char *which, char **names)
{
	const char *kind = c->flags & CONFORM_NO_DDW   ? "no-ddw"
			   : c->flags & CONFORM_POISON ? "poison"
						       : "clean";

	if (strcmp(which, kind) != 0)
		return false;
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, c->name))
			return true;
	return false;
}

/* The process of one case. */
static _Noreturn void run_case(struct bench *b, const struct conform_case *c,
			       const struct model_platform *platform)
{
	b->running = c;
	if (platform) {
		model_start(platform);
		model_set_quirks(quirks);
		for (unsigned i = 0; i < b->devices; i++)
			model_add_device(b->device[i], (int)i + 1, "vfio-pci");
		if (c->flags & CONFORM_LAST)
			fclose(stderr); /* where the model says why it aborts: it is to */
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	alarm(CASE_SECONDS);
	c->fn(b);
	if (!(c->flags & CONFORM_LAST))
		say_tces(b, "tces", 0);
	if (c->flags & CONFORM_TWO)
		say_tces(b, "tces-of-second", 1);
	_exit(0);
}

/* Whatever a case started and left. */
static void reap(void)
{
	for (unsigned i = 0; i < bench_shared->processes; i++)
		if (bench_shared->process[i].pid)
			kill(bench_shared->process[i].pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void one(struct bench *b, const struct conform_case *c,
		const struct model_platform *platform)
{
	int status = 0, pid;

	memset(bench_shared, 0, sizeof(*bench_shared));
	fflush(NULL);
	pid = fork();
	if (!pid)
		run_case(b, c, platform);
	waitpid(pid, &status, 0);
	reap();
	printf("%s:%s", c->name, bench_shared->text);
	if (WIFSIGNALED(status) && !(c->flags & CONFORM_LAST))
		printf(" died");
	putchar('\n');
	fflush(stdout);
}

static int run(struct bench *b, const char *which, char **names,
	       const struct model_platform *platform)
{
	unsigned n = 0;

	for (int last = 0; last < 2; last++) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			for (const struct conform_case *c = all[i]; c->name; c++) {
				if (!wanted(c, which, names) || last != !!(c->flags & CONFORM_LAST))
					continue;
				one(b, c, platform);
				n++;
			}
		}
	}
	return n ? 0 : 2;
}

static int list(void)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (const struct conform_case *c = all[i]; c->name; c++)
			printf("%s %s%s\n", c->name, c->facts,
			       c->flags & CONFORM_POISON ? " (poison)" : "");
	return 0;
}

static int on_model(const char *profile, const char *which, char **names)
{
	struct bench b = {.k = &tce_kernel_model,
			  .ops = &bench_model,
			  .device = {"0001:00:01.0", "0002:00:01.0"},
			  .devices = 2};
	const struct model_platform *platform = profile_of(profile);

	if (!platform) {
		fprintf(stderr, "conform: the model has no profile %s; it has:\n", profile);
		for (size_t i = 0; model_platforms[i]; i++)
			fprintf(stderr, "  %s\n", model_platforms[i]->name);
		return 2;
	}
	b.system_page = platform->system_page;
	b.huge = platform->hugepage;
	b.pseries = platform->pseries;
	return run(&b, which, names, platform);
}

/* The bench on this kernel; false, with a sentence, where that must not be. */
static bool real_bench(struct bench *b)
{
	const char *refusal = bench_refusal();
	uint64_t total, huge = 0;

	if (refusal) {
		fprintf(stderr,
			"conform: %s: cases run on a real kernel in the test rig's guests only, "
			"since some break it (make conform starts them)\n",
			refusal);
		return false;
	}
	*b = (struct bench){.k = &tce_kernel_vfio, .ops = &bench_real};
	b->k->memory(&total, &huge);
	b->system_page = (size_t)sysconf(_SC_PAGESIZE);
	b->huge = huge;
	b->pseries = !access("/proc/device-tree/rtas", F_OK) &&
		     access("/proc/device-tree/ibm,opal", F_OK);
	return true;
}

static int on_kernel(const char *which, char **argv)
{
	struct bench b;

	if (!real_bench(&b))
		return 2;
	for (; *argv && strcmp(*argv, "--") != 0 && b.devices < BENCH_DEVICES; argv++)
		b.device[b.devices++] = *argv;
	return run(&b, which, *argv ? argv + 1 : argv, NULL);
}

static int after_exec(char **argv)
{
	struct bench b;

	if (!real_bench(&b))
		return 2;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (const struct conform_case *c = all[i]; c->name; c++)
			if (!strcmp(c->name, argv[0]))
				b.running = c;
	return b.running ? bench_after_exec(&b, argv + 1) : 2;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], BENCH_STEP))
		return after_exec(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	bench_shared_fd = memfd_create("conform", MFD_CLOEXEC);
	if (bench_shared_fd < 0 || ftruncate(bench_shared_fd, sizeof(*bench_shared)))
		return 2;
	bench_shared = mmap(NULL, sizeof(*bench_shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			    bench_shared_fd, 0);
	if (bench_shared == MAP_FAILED)
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (argc > 3 && !strcmp(argv[1], "model"))
		return on_model(argv[2], argv[3], argv + 4);
	if (argc > 3 && !strcmp(argv[1], "kernel"))
		return on_kernel(argv[2], argv + 3);
	fputs("usage: conform list | model PROFILE WHICH [CASE]... | kernel WHICH DEVICE... "
	      "[-- CASE...]\n",
	      stderr);
	return 2;
}
