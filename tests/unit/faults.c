/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every operation, on every profile of the model, with the n-th chance to fail taken, for every n
 * and every kind of fault. Afterwards everything is as before, the operation can be done, and then
 * everything is as if nothing had failed; or memory is in quarantine, the call says so, and all
 * else is as before. And whatever happened: memory that the library does not list is free. Only
 * what takes TCEs away does without memory; all else tells that there is none.
 */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inject.h"
#include "operations.h"
#include "tests/program/forget.h"

/*
 * What has been injected so far, by source, and how often memory went into quarantine by it.
 * Written by children: an operation that ends its process is not to hide what another one does.
 */
static struct total {
	unsigned long met[FAULT_SOURCES], quarantined;
} * total;

static unsigned stride = 1;

/* The trial under way, for messages. */
struct trial {
	const struct operation *op;
	const struct profile *profile;
	const struct fault *fault;
	unsigned n;
	const char *done; /* the state after success */
};

/* The trial under way had no memory. */
static bool met_no_memory;
/* And its group was opened by who calls the library. */
static bool group_given;

enum { REGIONS_MAX = 16 };
struct quarantine {
	struct tce_region_info region[REGIONS_MAX];
	size_t n; /* of them, quarantined ones */
};

static void regions_of(struct quarantine *all)
{
	all->n = REGIONS_MAX;
	assert_ok(tce_region_list(all->region, &all->n));
	assert_true(all->n <= REGIONS_MAX);
}

static void only_quarantined(struct quarantine *q)
{
	size_t n = 0;

	regions_of(q);
	for (size_t i = 0; i < q->n; i++)
		if (q->region[i].quarantined)
			q->region[n++] = q->region[i];
	q->n = n;
}

static bool holds(const struct quarantine *q, uintptr_t va)
{
	for (size_t i = 0; i < q->n; i++)
		if (va - (uintptr_t)q->region[i].va < q->region[i].len)
			return true;
	return false;
}

/* ---- states as texts: see describe() and model_describe() ---- */

/* A line of the hardware's TCEs: 4 TCEs at 0x...: page 0x..., va 0x..., 3 */
struct tces {
	uint64_t n, iova, va;
	unsigned access;
};

static bool read_tces(const char *line, struct tces *t)
{
	uint64_t page;

	return sscanf(line,
		      " %" SCNu64 " TCEs at %" SCNx64 ": page %" SCNx64 ", va %" SCNx64 ", %u",
		      &t->n, &t->iova, &page, &t->va, &t->access) == 5;
}

/*
 * One line without what two runs may differ in: the hardware's TCEs one by one, without the pages'
 * addresses; with a quarantine, without what is in it, and without counts of what may be in it.
 */
static void print_line(FILE *out, char *line, uint64_t page, const struct quarantine *q)
{
	struct tces t;
	uint64_t va, size;
	int end = 0;
	char *cut;

	if (read_tces(line, &t)) {
		for (uint64_t i = 0; i < t.n; i++)
			if (!holds(q, t.va + i * page))
				fprintf(out, "TCE %#" PRIx64 " va %#" PRIx64 " %u\n",
					t.iova + i * page, t.va + i * page, t.access);
		return;
	}
	/*
	 * The default window is made by the first MAP or CREATE, be it one that fails. A group that
	 * the kernel does not let go keeps its windows, if its giver has it open.
	 */
	if (sscanf(line, " window %" SCNx64 " + %*x page %" SCNx64 " levels %*u%n", &va, &size,
		   &end) == 2 &&
	    end && !line[end] && (size == 4096 || group_given))
		return;
	if (!strcmp(line, " container with 0 regions"))
		return;
	if (!strncmp(line, "memlock", 7) && (q->n || group_given))
		line = strchr(line, ',');
	/* Without memory to note which part of a region is dead, all of it is. */
	cut = strstr(line, " dead ");
	if (cut && met_no_memory)
		memset(cut, ' ', strcspn(cut + 6, " ") + 6);
	if (q->n) {
		if (sscanf(line, "region %" SCNx64, &va) == 1 && holds(q, va))
			return;
		/* The library's runs are the hardware's: assert_sound(). */
		if (!strncmp(line, " run", 4) || !strncmp(line, " container", 10))
			return;
		cut = strstr(line, " tces ");
		if (cut)
			*cut = '\0';
	}
	fprintf(out, "%s\n", line);
}

static char *comparable(const char *text, const struct quarantine *q)
{
	char *copy = strdup(text), *result = NULL, *save = NULL;
	uint64_t start, len, page = 0;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	assert_true(copy && out);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		(void)sscanf(line, " window %" SCNx64 " + %" SCNx64 " page %" SCNx64, &start, &len,
			     &page);
		print_line(out, line, page, q);
	}
	fclose(out);
	free(copy);
	return result;
}

/* The library's part alone ends where the model's first line has the descriptors. */
static bool same(const char *a, const char *b, const struct quarantine *q, bool library_only)
{
	char *x = comparable(a, q), *y = comparable(b, q), *end;
	bool equal;

	if (library_only) {
		end = strstr(x, ", descriptors");
		*end = '\0';
		end = strstr(y, ", descriptors");
		*end = '\0';
	}
	equal = !strcmp(x, y);
	free(x);
	free(y);
	return equal;
}

/* ---- the guarantee ---- */

/* What the library does not list any more, no device reaches and nothing pins. */
static void assert_free_if_not_listed(const struct world *w, const char *state)
{
	uint64_t start, len, page = 0;
	struct quarantine listed;
	struct tces t;

	regions_of(&listed);
	for (unsigned i = 0; i < PAGES; i++)
		if (!holds(&listed, (uintptr_t)w->va + i * w->page))
			assert_false(model_pinned(w->va + i * w->page));
	for (const char *line = state; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		(void)sscanf(line, " window %" SCNx64 " + %" SCNx64 " page %" SCNx64, &start, &len,
			     &page);
		for (uint64_t i = 0; read_tces(line, &t) && i < t.n; i++)
			assert_true(holds(&listed, t.va + i * page));
	}
}

static void differ(const struct trial *t, int ret, const char *what, const char *a, const char *b)
{
	fprintf(stderr, "wanted:\n%s\nis:\n%s\n", a, b);
	fail_msg("%s on %s, %s, the %u. time: answered %d (%s), and %s", t->op->name,
		 t->profile->name, t->fault->name, t->n, ret, tce_error(), what);
}

static void check_failure(const struct trial *t, int ret, const char *before, const char *after,
			  const struct quarantine *q, bool fresh)
{
	if (ret > 0 || strlen(tce_error()) <= 10)
		differ(t, ret, "has no sentence", "", "");
	if (t->fault->source == FAULT_MEMORY && ret != -ENOMEM)
		differ(t, ret, "tells of something else than memory", "", "");
	if (fresh && (ret != -EIO || !strstr(tce_error(), "quarantine")))
		differ(t, ret, "does not tell of the quarantine", before, after);
	if (t->op->ends != AS_BEFORE && same(t->done, after, q, false))
		return;
	if (t->op->ends == AS_DONE)
		differ(t, ret, "did not take every step", t->done, after);
	if (!same(before, after, q, t->fault->source == FAULT_CLEAR))
		differ(t, ret, "something is not as before", before, after);
}

/* One fault in one world; false: there were fewer than n chances. */
static bool run_trial(const struct trial *t)
{
	struct world w = {.profile = t->profile, .group = -1, .container = -1};
	struct quarantine was, is;
	char *before, *after;
	bool met;
	int ret;

	t->op->build(&w);
	group_given = w.group >= 0;
	before = describe();
	only_quarantined(&was);
	fault_arm(t->fault, t->n);
	ret = t->op->run(&w);
	met = fault_happened(t->fault);
	met_no_memory = met && t->fault->source == FAULT_MEMORY && !ret;
	after = describe();
	only_quarantined(&is);
	if (met) {
		assert_free_if_not_listed(&w, after);
		if (t->fault->source == FAULT_CLEAR)
			assert_ok(tce_audit());
		else
			assert_sound();
		if (ret)
			check_failure(t, ret, before, after, &is, is.n > was.n);
		else if (met_no_memory && !t->op->clears_tces)
			differ(t, ret, "does not tell that there is no memory", before, after);
		else if (!same(t->done, after, &is, t->fault->source == FAULT_CLEAR))
			differ(t, ret, "not all was done", t->done, after);
		total->met[t->fault->source]++;
		total->quarantined += is.n > was.n;
	}
	if (met && ret && t->op->ends == AS_BEFORE && !t->fault->on && is.n <= was.n) {
		free(after);
		ret = t->op->run(&w);
		after = describe();
		only_quarantined(&is);
		if (ret || !same(t->done, after, &is, false))
			differ(t, ret, "cannot be done any more", t->done, after);
		assert_sound();
	}
	free(before);
	free(after);
	model_stop();
	forget_library();
	return met;
}

/* The state after success, and with what has been done before: nothing failed yet. */
static char *succeed(const struct operation *op, const struct profile *profile)
{
	struct world w = {.profile = profile, .group = -1, .container = -1};
	char *text;
	int ret;

	op->build(&w);
	ret = op->run(&w);
	if (ret)
		fail_msg("%s on %s: answered %d without any fault: %s", op->name, profile->name,
			 ret, tce_error());
	assert_sound();
	text = describe();
	assert_free_if_not_listed(&w, text);
	model_stop();
	forget_library();
	return text;
}

static void sweep(const struct operation *op, const struct profile *profile)
{
	unsigned met[FAULT_SOURCES] = {0};
	char *done = succeed(op, profile);

	for (unsigned i = 0; i < n_faults; i++) {
		const struct fault *fault = &faults[i];
		bool many = fault->source == FAULT_WRITE || fault->source == FAULT_CLEAR;
		struct trial t = {op, profile, fault, 1, done};

		/* Of thousands of TCEs the first ones, and then ever fewer. */
		for (; run_trial(&t); t.n += many && t.n >= 4 ? t.n : 1)
			met[fault->source]++;
		assert_true(t.n < 100000);
	}
	free(done);
	/* A kind that was not met was not tested. */
	if ((op->asks_kernel && !met[FAULT_KERNEL]) || (op->takes_memory && !met[FAULT_MEMORY]) ||
	    (op->writes_tces && !met[FAULT_WRITE]) || (op->clears_tces && !met[FAULT_CLEAR]))
		fail_msg("%s on %s met %u faults of the kernel, %u of memory, %u of TCEs written, "
			 "%u of TCEs cleared",
			 op->name, profile->name, met[FAULT_KERNEL], met[FAULT_MEMORY],
			 met[FAULT_WRITE], met[FAULT_CLEAR]);
}

static void sweep_all(const void *arg)
{
	const struct operation *op = arg;
	const struct profile *profile;
	unsigned swept = 0;

	for (unsigned i = 0; (profile = profile_at(i)); i += stride) {
		if (!operation_fits(op, profile))
			continue;
		sweep(op, profile);
		swept++;
	}
	if (stride == 1)
		assert_true(swept);
	assert_no_leak();
}

static void operation_is_swept(void **state)
{
	in_child(sweep_all, *state);
}

static const struct fault no_memory = {"there is no memory", FAULT_MEMORY, 0, false};

/* Bytes of this process's address space, but for the heap. */
static uint64_t mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uint64_t begin, end, sum = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &begin, &end) == 2 &&
		    !strstr(line, "[heap]"))
			sum += end - begin;
	fclose(f);
	return sum;
}

static int lowest_descriptor(void)
{
	int fd = dup(1);

	close(fd);
	return fd;
}

/* The first call of all makes the process the owner; or nothing is left of the attempt. */
static void first_call(const void *arg)
{
	const unsigned *n = arg;
	size_t regions = 0;
	uint64_t before;
	bool met;
	int ret;

	machine(&model_lpar);
	/* Descriptor 0 may be one of the library's, too. */
	close(0);
	before = mapped();
	fault_arm(&no_memory, *n);
	ret = tce_region_list(NULL, &regions);
	met = fault_happened(&no_memory);
	assert_int_equal(ret, met ? -ENOMEM : 0);
	if (met) {
		assert_sentence("memory");
		assert_int_equal(mapped(), before);
		assert_int_equal(lowest_descriptor(), 0);
	}
	assert_ok(tce_region_list(NULL, &regions));
	if (!met)
		_exit(42);
}

static void becoming_the_owner(void **state)
{
	unsigned n = 1;
	int status;

	while (!(status = child_status(first_call, &n)))
		n++;
	assert_status(status, 42, "the first call");
	assert_true(n > 5);
}

/* Address space that was reserved in vain is given back. */
static void reserve(const void *arg)
{
	struct tce_lazy lazy = {0};
	unsigned n = 1;

	for (;; n++) {
		uint64_t before = mapped();
		bool met;
		int ret;

		fault_arm(&no_memory, n);
		ret = tce_lazy_init(&lazy, 1 << 20, "a test");
		met = fault_happened(&no_memory);
		assert_int_equal(ret, met ? -ENOMEM : 0);
		if (!met)
			break;
		assert_null(lazy.word);
		assert_int_equal(mapped(), before);
	}
	assert_int_equal(n, 4);
	tce_lazy_end(&lazy);
}

static void reserving_in_vain(void **state)
{
	in_child(reserve, NULL);
}

static void *without_words(void *arg)
{
	static const struct fault from_now_on = {"", FAULT_MEMORY, 0, true};

	tce_error_callback(NULL, NULL);
	fault_arm(&from_now_on, 1);
	assert_int_equal(tce_release(NULL, 4096, NULL, NULL), -ENOENT);
	assert_true(fault_happened(&from_now_on));
	assert_string_equal(tce_error(), "");
	return NULL;
}

/* A thread's first failure, without the memory for its sentence, is a failure all the same. */
static void fail_without_words(const void *arg)
{
	size_t n = 0;
	pthread_t t;

	machine(&model_lpar);
	assert_ok(tce_region_list(NULL, &n));
	assert_int_equal(pthread_create(&t, NULL, without_words, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
}

static void failing_without_words(void **state)
{
	in_child(fail_without_words, NULL);
}

/* A list has asked for room for all that is in it. */
static void room_for_a_list(void **state)
{
	void **list = NULL;
	size_t n = 0;

	while (n < 40) {
		assert_ok(tce_array_insert(&list, &n, n, NULL));
		assert_true(memory_asked() >= n * sizeof(*list));
	}
	free(list);
}

/* faults [STRIDE]: every so many profiles only, where a run is slow. */
int main(int argc, char **argv)
{
	struct CMUnitTest tests[64] = {
		cmocka_unit_test(becoming_the_owner),
		cmocka_unit_test(reserving_in_vain),
		cmocka_unit_test(failing_without_words),
		cmocka_unit_test(room_for_a_list),
	};
	enum { OTHERS = 4 };
	int failed;

	if (argc > 1)
		stride = (unsigned)strtoul(argv[1], NULL, 0);
	total = mmap(NULL, sizeof(*total), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert(n_operations < 64 - OTHERS && stride && total != MAP_FAILED);
	for (size_t i = 0; i < n_operations; i++)
		tests[i + OTHERS] = (struct CMUnitTest){.name = operations[i].name,
							.test_func = operation_is_swept,
							.initial_state = (void *)&operations[i]};
	failed = _cmocka_run_group_tests("faults", tests, n_operations + OTHERS, NULL, NULL);
	printf("# faults injected: %lu calls to the kernel, %lu requests for memory, %lu TCEs "
	       "written, %lu TCEs cleared; memory went into quarantine by %lu\n",
	       total->met[FAULT_KERNEL], total->met[FAULT_MEMORY], total->met[FAULT_WRITE],
	       total->met[FAULT_CLEAR], total->quarantined);
	return failed;
}
