/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static unsigned sentences;

static void count_sentence(int err, const char *sentence, void *arg)
{
	assert_true(err < 0);
	assert_true(sentence[0]);
	assert_string_equal(sentence, tce_error());
	sentences++;
}

void machine(const struct model_platform *platform)
{
	model_start(platform);
	model_add_device(DEV_A, GROUP_A, "vfio-pci");
	model_add_device(DEV_A2, GROUP_A, "vfio-pci");
	model_add_device(DEV_B, GROUP_B, "vfio-pci");
	tce_use_kernel(&tce_kernel_model);
	tce_error_callback(count_sentence, NULL);
}

/* Of the leak sanitizer, where there is one: a child's _exit() would pass it by. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* What hangs from a space's tables the sanitizer cannot follow. */
void assert_no_leak(void)
{
	if (__lsan_do_recoverable_leak_check && !tce_process.spaces)
		assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
}

void nothing_left(void)
{
	size_t n = 0;

	assert_ok(tce_audit());
	assert_ok(tce_region_list(NULL, &n));
	assert_int_equal(n, 0);
	assert_int_equal(tce_process.spaces, 0);
	assert_int_equal(model_fds(), 0);
	assert_int_equal(model_orphans(), 0);
	assert_int_equal(model_strays(), 0);
	assert_int_equal(model_lost_pages(), 0);
	assert_int_equal(model_locked(), model_lost_memlock());
	model_stop();
	assert_no_leak();
}

static void run_unit(const void *arg)
{
	const struct unit *unit = arg;

	unit->fn();
	if (!unit->leaves)
		nothing_left();
}

void isolated(void **state)
{
	in_child(run_unit, *state);
}

size_t system_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

const struct model_platform *lpar_here(void)
{
	return system_page() > KIB(4) ? &model_lpar_64k : &model_lpar;
}

const struct model_platform *p9_here(void)
{
	return system_page() > KIB(4) ? &model_p9_64k : &model_p9;
}

struct tce_space *open_space(const char *device, uint64_t mem)
{
	struct tce_space_options opts = {.mem = mem, .page = MIB(2)};
	struct tce_space *space = NULL;

	assert_ok(tce_space_open(device, &opts, &space));
	assert_non_null(space);
	return space;
}

tce_iova_t window_start(struct tce_space *space, uint64_t page)
{
	struct tce_window_info info[8];
	size_t n = 8;

	assert_ok(tce_window_list(space, info, &n));
	for (size_t i = 0; i < n; i++)
		if (info[i].page == page)
			return info[i].start;
	fail_msg("no window with an I/O page of %#" PRIx64, page);
	return 0;
}

static struct tce_run *runs_of(struct tce_space *space, size_t *n)
{
	struct tce_run *runs;

	*n = 0;
	assert_ok(tce_space_runs(space, NULL, n));
	runs = calloc(*n + 1, sizeof(*runs));
	assert_non_null(runs);
	assert_ok(tce_space_runs(space, runs, n));
	return runs;
}

static void describe_space(FILE *out, struct tce_space *space)
{
	struct tce_window_info info[8];
	struct tce_space_info si;
	size_t n = 8, r;
	struct tce_run *runs = runs_of(space, &r);

	assert_ok(tce_space_info(space, &si));
	fprintf(out, "space of group %d: users %u tces %" PRIu64 " highest %#" PRIx64 "\n",
		si.group, si.users, si.tces, si.highest);
	assert_ok(tce_window_list(space, info, &n));
	for (size_t i = 0; i < n; i++)
		fprintf(out,
			" window %#" PRIx64 " + %#" PRIx64 " page %#" PRIx64 " levels %u"
			" default %d tces %" PRIu64 " largest %#" PRIx64 "\n",
			info[i].start, info[i].size, info[i].page, info[i].levels,
			info[i].is_default, info[i].tces, info[i].largest);
	for (size_t i = 0; i < r; i++)
		fprintf(out, " run %#" PRIx64 " + %#" PRIx64 " va %p access %u\n", runs[i].iova,
			runs[i].len, runs[i].va, runs[i].access);
	free(runs);
}

static void describe_regions(FILE *out)
{
	struct tce_region_info *r;
	size_t n = 0;

	assert_ok(tce_region_list(NULL, &n));
	r = calloc(n + 1, sizeof(*r));
	assert_non_null(r);
	assert_ok(tce_region_list(r, &n));
	for (size_t i = 0; i < n; i++)
		fprintf(out,
			"region %p + %#zx page %#zx users %u spaces %u tces %" PRIu64
			" dead %" PRIu64 " automatic %d quarantined %d\n",
			r[i].va, r[i].len, r[i].page, r[i].users, r[i].spaces, r[i].tces, r[i].dead,
			r[i].automatic, r[i].quarantined);
	free(r);
}

char *describe(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	describe_regions(out);
	for (size_t i = 0; i < tce_process.spaces; i++)
		describe_space(out, tce_process.space[i]);
	model_describe(out);
	fclose(out);
	return text;
}

/* Each TCE of the table is in the hardware, and the hardware has no other. */
static void assert_same_as_hardware(struct tce_space *space)
{
	struct tce_window_info info[8];
	struct tce_space_info si;
	size_t n = 8, r;
	struct tce_run *runs = runs_of(space, &r);
	uint64_t total = 0;

	assert_ok(tce_space_info(space, &si));
	assert_ok(tce_window_list(space, info, &n));
	assert_int_equal(n, model_windows(si.group));
	for (size_t i = 0; i < r; i++) {
		uint64_t page = 0;

		for (size_t w = 0; w < n; w++)
			if (runs[i].iova - info[w].start < info[w].size)
				page = info[w].page;
		assert_true(page);
		for (uint64_t at = 0; at < runs[i].len; at += page, total++)
			if (!model_leads_to(si.group, runs[i].iova + at, (char *)runs[i].va + at,
					    runs[i].access))
				fail_msg("the hardware's TCE at %#" PRIx64 " is not the table's",
					 runs[i].iova + at);
	}
	assert_int_equal(total, model_tces(si.group));
	assert_int_equal(total, si.tces);
	free(runs);
}

void assert_sound(void)
{
	assert_ok(tce_audit());
	for (size_t i = 0; i < tce_process.spaces; i++)
		assert_same_as_hardware(tce_process.space[i]);
	assert_int_equal(model_strays(), 0);
}

void assert_same_state(const char *is, const char *was)
{
	if (!strcmp(is, was))
		return;
	fprintf(stderr, "wanted:\n%s\nis:\n%s\n", was, is);
	fail_msg("the state is another one");
}

void before(struct before *b)
{
	b->state = describe();
	assert_ok(tce_calls(&b->calls));
	b->sentences = sentences;
}

void assert_failed(struct before *b, int ret, int want)
{
	char *after;

	if (ret != want)
		fail_msg("answered %d, wanted %d: %s", ret, want, tce_error());
	assert_int_equal(sentences, b->sentences + 1);
	assert_true(strlen(tce_error()) > 10);
	assert_null(strchr(tce_error(), '\n'));
	after = describe();
	assert_same_state(after, b->state);
	free(after);
	free(b->state);
	assert_sound();
}

void assert_refused(struct before *b, int ret, int want)
{
	struct tce_calls calls;

	assert_ok(tce_calls(&calls));
	assert_memory_equal(&calls, &b->calls, sizeof(calls));
	assert_failed(b, ret, want);
}

int child_status(void (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* A failed assertion is to end the child, not to go on with the next test in it. */
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		fn(arg);
		fflush(NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void in_child(void (*fn)(const void *arg), const void *arg)
{
	int status = child_status(fn, arg);

	if (status)
		fail_msg("the test ended with %d", status);
}

void assert_status(int status, int want, const char *what)
{
	if (status == want)
		return;
	if (status == -SIGALRM || status == -SIGPROF)
		fail_msg("%s did not come back", what);
	if (status < 0)
		fail_msg("%s ended with %d", what, status);
	fail_msg("%s answered %d, wanted %d", what, status, want);
}

void assert_ok_at(int ret, const char *call, const char *file, int line)
{
	if (ret) {
		print_error("%s answered %d: %s\n", call, ret, tce_error());
		_fail(file, line);
	}
}

void assert_sentence(const char *word)
{
	if (!strstr(tce_error(), word))
		fail_msg("no \"%s\" in: %s", word, tce_error());
}
