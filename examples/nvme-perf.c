/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures an NVMe controller, or writes to it and verifies what was written.
 *
 *   cc nvme-perf.c -o nvme-perf $(pkg-config --cflags --libs tce-nvme)
 *   ./nvme-perf 0001:00:01.0 qd=32 size=4096 seconds=5        random reads
 *   ./nvme-perf 0001:00:01.0 op=write seq=1 size=131072       overwrites the namespace in order
 *   ./nvme-perf 0001:00:01.0 op=verify total=0x40000000       writes 1 GiB, reads it, compares it
 *
 * Options: op=read|write|verify, qd= commands at a time, size= bytes of each, seconds= or total=
 * bytes, seq=1 in order, ns= namespace, page= bytes of the pages behind it all, timeout= ms, lat=0
 * no clock for each command, sgl=0 PRPs only, node=0 memory of any NUMA node.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tce/nvme.h>
#include <tce/tce.h>

enum {
	READ,
	WRITE,
	VERIFY,
	QUEUES = 64,
	SUB = 32,
	BUCKETS = 64 * SUB,
	POLLS = 64,
	CALIBRATE = 50000
};

static struct {
	uint64_t op, qd, queues, size, seconds, total, seq, ns, page, timeout, lat, sgl, node;
} want = {
	.qd = 32, .queues = 1, .size = 4096, .seconds = 5, .ns = 1, .lat = 1, .sgl = 1, .node = 1};

/* A command that is given again and again. */
struct slot {
	struct tce_nvme_queue *queue;
	uint64_t lba, begin;
	char *buf;
	bool busy;
};

static struct tce_nvme *nvme;
static struct tce_nvme_queue *queue[QUEUES];
static struct tce_nvme_namespace ns;
static struct slot *slots;
static uint64_t given, ended, errors, wrong, limit, span, next, longest, histogram[BUCKETS];
static uint32_t blocks; /* of a command */
static int first_error; /* and what it was */
static bool stop, writing, comparing;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void check(int ret, const char *what)
{
	if (ret) {
		fprintf(stderr, "%s: %s\n", what,
			ret < 0 ? tce_error() : "see the top of the source");
		exit(1);
	}
}

/* Buckets of equal width within each power of two. */
static unsigned bucket(uint64_t ns_)
{
	unsigned shift = ns_ < SUB ? 0 : 63 - (unsigned)__builtin_clzll(ns_) - 5;

	return shift * SUB + (unsigned)(ns_ >> shift);
}

static double percentile(double share)
{
	uint64_t seen = 0, sum = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		sum += histogram[i];
	for (unsigned i = 0; i < BUCKETS; i++) {
		unsigned shift = i < 2 * SUB ? 0 : i / SUB - 1;

		seen += histogram[i];
		if ((double)seen >= share * (double)sum)
			return (double)((uint64_t)(i - shift * SUB) << shift) / 1000;
	}
	return 0;
}

/* What belongs into a block: its own address in every word, each in another way. */
static uint64_t word(uint64_t lba, size_t i)
{
	return (lba + 1) * 0x9e3779b97f4a7c15u + i;
}

static void pattern(struct slot *s, bool compare)
{
	size_t words = (size_t)1 << ns.shift >> 3;

	for (uint32_t b = 0; b < blocks; b++) {
		uint64_t *at = (uint64_t *)(s->buf + ((size_t)b << ns.shift)), differ = 0;

		for (size_t i = 0; i < words; i++) {
			if (compare)
				differ |= at[i] ^ word(s->lba + b, i);
			else
				at[i] = word(s->lba + b, i);
		}
		wrong += differ != 0;
	}
}

static uint64_t random_number(void)
{
	static uint64_t x = 88172645463325252u; /* Marsaglia's xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static void done(void *arg, int err, unsigned status);

/* Give a slot's next command, if there is one. */
static void give(struct slot *s)
{
	int ret;

	if (stop || (limit && given == limit))
		return;
	s->lba = (want.seq ? next++ % span : random_number() % span) * blocks;
	if (writing && want.op == VERIFY)
		pattern(s, false);
	if (want.lat)
		s->begin = now();
	ret = writing ? tce_nvme_write(s->queue, &ns, s->lba, blocks, s->buf, done, s)
		      : tce_nvme_read(s->queue, &ns, s->lba, blocks, s->buf, done, s);
	if (ret == -EAGAIN && !first_error)
		return; /* a reset: the main loop gives it again */
	if (ret) {
		stop = true;
		first_error = first_error ? first_error : ret;
		return;
	}
	s->busy = true;
	given++;
}

static void done(void *arg, int err, unsigned status)
{
	struct slot *s = arg;

	if (want.lat) {
		uint64_t took = now() - s->begin;

		histogram[bucket(took)]++;
		longest = took > longest ? took : longest;
	}
	ended++;
	wrong += !s->busy; /* ended twice */
	s->busy = false;
	if (err) {
		errors++;
		first_error = first_error ? first_error : err;
		stop |= err == -ENODEV || err == -EIO;
	} else if (comparing) {
		pattern(s, true);
	}
	give(s);
}

/* One turn of the loop: commands up to a depth, then some polls. The time after it. */
static uint64_t turn(uint64_t depth, uint64_t end, uint64_t *empty)
{
	uint64_t at;

	for (uint64_t i = 0; given - ended < depth && i < depth; i++)
		if (!slots[i].busy)
			give(&slots[i]);
	for (unsigned i = 0; i < POLLS; i++)
		for (unsigned q = 0; q < want.queues; q++)
			*empty += !tce_nvme_poll(queue[q], 0);
	at = now();
	if (limit ? given == limit : at >= end)
		stop = true;
	return at;
}

/* Run until time or number are reached, and every command has ended. */
static void run(const char *what)
{
	uint64_t begin = now(), end, turns = 0, empty = 0, idle = begin, each;
	const uint64_t polls = POLLS * want.queues; /* of a turn */

	/* What a poll costs that finds nothing. */
	given = ended = next = longest = 0;
	for (unsigned i = 0; i < CALIBRATE && !want.lat; i++)
		begin = turn(0, UINT64_MAX, &empty);
	printf("%s begin\n", what);
	idle = begin - idle;
	empty = 0;
	memset(histogram, 0, sizeof(histogram));
	for (end = begin + want.seconds * 1000000000u; !stop || given != ended; turns++)
		turn(want.qd * want.queues, end, &empty);
	end = now();
	each = ended ? ended : 1;
	printf("%s of %llu bytes %s, %llu x queue depth %llu: %llu I/Os, %.0f IOPS, %.1f MiB/s\n",
	       what, (unsigned long long)want.size, want.seq ? "in order" : "at random",
	       (unsigned long long)want.queues, (unsigned long long)want.qd,
	       (unsigned long long)ended, (double)ended * 1e9 / (double)(end - begin),
	       (double)(ended * want.size) * 1e9 / 1048576 / (double)(end - begin));
	if (want.lat)
		printf("latency, us: p50 %.1f, p99 %.1f, p99.9 %.1f, longest %.1f\n",
		       percentile(0.5), percentile(0.99), percentile(0.999),
		       (double)longest / 1000);
	if (!want.lat)
		printf("time of an I/O beside empty polls: %.1f ns; %llu of %llu polls were empty, "
		       "%.2f ns "
		       "each\n",
		       ((double)(end - begin) -
			(double)empty * (double)idle / CALIBRATE / (double)polls) /
			       (double)each,
		       (unsigned long long)empty, (unsigned long long)(turns * polls),
		       (double)idle / CALIBRATE / (double)polls);
	printf("%llu given, %llu ended, %llu with an error (%s), %llu blocks wrong\n",
	       (unsigned long long)given, (unsigned long long)ended, (unsigned long long)errors,
	       first_error ? strerror(-first_error) : "none", (unsigned long long)wrong);
}

static void flushed(void *arg, int err, unsigned status)
{
	*(int *)arg = err;
}

static void flush(void)
{
	int err = 1;

	check(tce_nvme_flush(queue[0], &ns, flushed, &err), "flush");
	while (err == 1)
		tce_nvme_poll(queue[0], 0);
	errors += err != 0;
}

static int option(const char *arg)
{
	static const struct {
		const char *name;
		uint64_t *to;
	} known[] = {
		{"qd", &want.qd},	    {"queues", &want.queues}, {"size", &want.size},
		{"seconds", &want.seconds}, {"total", &want.total},   {"seq", &want.seq},
		{"ns", &want.ns},	    {"page", &want.page},     {"timeout", &want.timeout},
		{"lat", &want.lat},	    {"sgl", &want.sgl},	      {"node", &want.node}};
	const char *value = strchr(arg, '=');
	char *end;

	if (!value++)
		return 1;
	if (!strncmp(arg, "op=", 3)) {
		want.op = !strcmp(value, "write")    ? WRITE
			  : !strcmp(value, "verify") ? VERIFY
						     : READ;
		return want.op == READ && strcmp(value, "read") != 0;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i].name);

		if (strncmp(arg, known[i].name, n) || arg[n] != '=')
			continue;
		*known[i].to = strtoull(value, &end, 0);
		return *value < '0' || *value > '9' || *end;
	}
	return 1;
}

static void open_all(const char *device, struct tce_arena **arena)
{
	struct tce_nvme_options opts = {.queues = (unsigned)want.queues,
					.depth = (unsigned)want.qd,
					.timeout_ms = (unsigned)want.timeout,
					.page = want.page,
					.any_node = !want.node,
					.no_sgl = !want.sgl};
	struct tce_nvme_info info;
	void *buf;

	check(tce_nvme_open(device, &opts, &nvme), "open");
	tce_nvme_info(nvme, &info);
	check(tce_nvme_namespace(nvme, (uint32_t)want.ns, &ns), "namespace");
	printf("%s, serial %s, firmware %s: %llu blocks of %u bytes, %s\n", info.model, info.serial,
	       info.firmware, (unsigned long long)ns.blocks, 1u << ns.shift,
	       info.sgl ? "SGLs" : "PRPs");
	blocks = (uint32_t)(want.size >> ns.shift);
	if (!blocks || want.size % (1u << ns.shift) || blocks > ns.max_blocks ||
	    want.qd > info.depth || want.queues > QUEUES || want.total > ns.blocks << ns.shift)
		check(1, "size=, qd=, queues= or total= does not fit this controller");
	span = (want.total ? want.total >> ns.shift : ns.blocks) / blocks;
	check(!span, "size= is more than total=, or than the namespace has");
	for (unsigned q = 0; q < want.queues; q++)
		check(tce_nvme_queue_open(nvme, &queue[q]), "queue");
	check(tce_arena_open(want.qd * want.queues * want.size, want.page, TCE_NODE_ANY, arena),
	      "buffers");
	check(tce_nvme_map(nvme, *arena), "buffers");
	slots = calloc(want.qd * want.queues, sizeof(*slots));
	check(!slots, "no memory");
	for (uint64_t i = 0; i < want.qd * want.queues; i++) {
		check(tce_arena_alloc(*arena, want.size, 4096, &buf), "buffers");
		slots[i].buf = buf;
		slots[i].queue = queue[i % want.queues];
	}
}

int main(int argc, char **argv)
{
	struct tce_arena *arena;
	struct tce_nvme_info info;

	check(argc < 2, "usage: nvme-perf <PCI address> [option=value ...]");
	for (int i = 2; i < argc; i++)
		check(option(argv[i]), argv[i]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	want.seq |= want.op == VERIFY;
	open_all(argv[1], &arena);
	limit = want.op == VERIFY ? span : want.total / want.size;
	writing = want.op != READ;
	run(writing ? "writes" : "reads");
	if (want.op == VERIFY && !errors) {
		flush();
		stop = writing = false;
		comparing = true;
		run("compared reads");
	}
	tce_nvme_info(nvme, &info);
	printf("%llu aborts, %llu resets\n", (unsigned long long)info.aborts,
	       (unsigned long long)info.resets);
	for (unsigned q = 0; q < want.queues; q++)
		check(tce_nvme_queue_close(queue[q]), "close");
	for (uint64_t i = 0; i < want.qd * want.queues; i++)
		check(tce_arena_free(arena, slots[i].buf), "close");
	check(tce_nvme_unmap(nvme, arena), "close");
	check(tce_nvme_close(nvme), "close");
	check(tce_arena_close(arena), "close");
	return errors || wrong || given != ended || first_error;
}
