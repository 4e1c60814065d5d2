/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_DEFECT = 1, EXIT_USAGE = 2, EXIT_BROKEN = 3 };

static const char usage[] =
	"usage: frames loop|send|receive --port PATH [--port PATH ...] [options]\n"
	"  PATH is the socket of a QEMU -netdev stream,server=on,addr.type=unix,addr.path=PATH.\n"
	"  loop: sends numbered frames, compares what comes back; send: only sends;\n"
	"  receive: counts UDP frames that the other side makes and checks their form.\n"
	"  --count N      frames for each port (receive: in all)\n"
	"  --seconds S    stop sending (receive: counting) after S seconds\n"
	"  --paired       what enters port 0 leaves by port 1, and the reverse (default: same "
	"port)\n"
	"  --window N     frames in flight for each port (256)\n"
	"  --rate N       frames in a second for each port (as fast as they are taken)\n"
	"  --sizes A:B    frame lengths without CRC (60:1514)\n"
	"  --length N     receive: the length that each frame has\n"
	"  --run N        number of this run, from which payloads are made (default: from the "
	"clock)\n"
	"  --quiet S      nothing came for so long: the rest is lost (1)\n"
	"  --limit S      give up after so long (120)\n"
	"  --max-lost N   more lost frames are a failure (default: losses are only counted)\n"
	"  --min-good N   fewer good frames are a failure (1)\n"
	"  --swapped-mac  frames come back with their Ethernet addresses exchanged\n"
	"  --any-mac      frames come back with other Ethernet addresses\n"
	"  --allow-stale  frames of an earlier run are no failure\n"
	"One line of JSON says what happened. Exit: 0 good, 1 defects, 2 usage, 3 could not run.\n";

static void on_signal(int sig)
{
	(void)sig;
	run_stop = 1;
}

/* A whole number from 0 to max, or the end of the program: nothing runs on a misread option. */
static uint64_t number(const char *name, const char *text, uint64_t max)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || v > max) {
		fprintf(stderr, "frames: %s takes a number from 0 to %" PRIu64 ", not \"%s\"\n",
			name, max, text);
		exit(EXIT_USAGE);
	}
	return v;
}

static double duration(const char *name, const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= 0 && v <= 86400)) {
		fprintf(stderr, "frames: %s takes seconds from 0 to 86400, not \"%s\"\n", name,
			text);
		exit(EXIT_USAGE);
	}
	return v;
}

static void set_sizes(struct options *o, const char *text)
{
	unsigned int min, max;
	char rest;

	if (sscanf(text, "%u:%u%c", &min, &max, &rest) != 2 || min < FRAME_MIN || max > FRAME_MAX ||
	    min > max) {
		fprintf(stderr, "frames: --sizes takes A:B within %d:%d, not \"%s\"\n", FRAME_MIN,
			FRAME_MAX, text);
		exit(EXIT_USAGE);
	}
	o->shape.min = (uint16_t)min;
	o->shape.max = (uint16_t)max;
}

static void add_port(struct options *o, const char *path)
{
	if (o->ports == CHECKER_STREAMS) {
		fprintf(stderr, "frames: at most %d ports\n", CHECKER_STREAMS);
		exit(EXIT_USAGE);
	}
	o->path[o->ports++] = path;
}

static void set_option(struct options *o, const char *name, const char *text)
{
	if (!strcmp(name, "port"))
		add_port(o, text);
	else if (!strcmp(name, "count"))
		o->count = (uint32_t)number(name, text, UINT32_MAX / 2);
	else if (!strcmp(name, "seconds"))
		o->seconds = duration(name, text);
	else if (!strcmp(name, "paired"))
		o->paired = true;
	else if (!strcmp(name, "window"))
		o->window = (uint32_t)number(name, text, UINT32_MAX / 2);
	else if (!strcmp(name, "rate"))
		o->rate = (uint32_t)number(name, text, UINT32_MAX / 2);
	else if (!strcmp(name, "sizes"))
		set_sizes(o, text);
	else if (!strcmp(name, "length"))
		o->length = (uint32_t)number(name, text, FRAME_MAX);
	else if (!strcmp(name, "run"))
		o->shape.run = (uint32_t)number(name, text, UINT32_MAX);
	else if (!strcmp(name, "quiet"))
		o->quiet = duration(name, text);
	else if (!strcmp(name, "limit"))
		o->limit = duration(name, text);
	else if (!strcmp(name, "max-lost"))
		o->max_lost = (int64_t)number(name, text, INT64_MAX);
	else if (!strcmp(name, "min-good"))
		o->min_good = number(name, text, UINT64_MAX);
	else if (!strcmp(name, "swapped-mac"))
		o->shape.mac = MAC_SWAPPED;
	else if (!strcmp(name, "any-mac"))
		o->shape.mac = MAC_ANY;
	else
		o->stale_allowed = true;
}

static const struct option long_options[] = {
	{"port", required_argument, NULL, 0},
	{"count", required_argument, NULL, 0},
	{"seconds", required_argument, NULL, 0},
	{"paired", no_argument, NULL, 0},
	{"window", required_argument, NULL, 0},
	{"sizes", required_argument, NULL, 0},
	{"length", required_argument, NULL, 0},
	{"run", required_argument, NULL, 0},
	{"quiet", required_argument, NULL, 0},
	{"limit", required_argument, NULL, 0},
	{"max-lost", required_argument, NULL, 0},
	{"min-good", required_argument, NULL, 0},
	{"rate", required_argument, NULL, 0},
	{"allow-stale", no_argument, NULL, 0},
	{"swapped-mac", no_argument, NULL, 0},
	{"any-mac", no_argument, NULL, 0},
	{NULL, 0, NULL, 0},
};

static int find_mode(const char *name, enum mode *mode)
{
	static const char *const modes[] = {"loop", "send", "receive"};

	for (int i = 0; i < 3; i++) {
		if (!strcmp(name, modes[i])) {
			*mode = (enum mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void usage_exit(const char *why)
{
	fprintf(stderr, "frames: %s\n%s", why, usage);
	exit(EXIT_USAGE);
}

static void parse(struct options *o, int argc, char **argv)
{
	int c, at;

	if (argc < 2 || find_mode(argv[1], &o->mode) < 0)
		usage_exit("the first argument is loop, send or receive");
	optind = 2;
	while ((c = getopt_long(argc, argv, "", long_options, &at)) == 0)
		set_option(o, long_options[at].name, optarg);
	if (c != -1 || optind != argc)
		usage_exit("wrong option");
	if (o->ports == 0 || (o->count == 0 && o->seconds <= 0) || o->window == 0)
		usage_exit("wanted: --port, --count or --seconds, a window above 0");
	if (o->paired && o->ports % 2)
		usage_exit("--paired takes an even number of ports");
}

static void print_json(const struct run *r)
{
	const struct checker *c = &r->checker;
	uint64_t reordered = 0;
	double seconds = r->end - r->start;
	double rate = seconds > 0 ? (double)c->count[FRAME_GOOD] / seconds : 0;

	printf("{\"run\": %u, \"sent\": %" PRIu64, c->shape.run, checker_sent(c));
	for (int v = 0; v < FRAME_VERDICTS; v++)
		printf(", \"%s\": %" PRIu64, verdict_name((enum verdict)v), c->count[v]);
	for (unsigned int i = 0; i < c->streams; i++)
		reordered += c->stream[i].reordered;
	printf(", \"lost\": %" PRIu64 ", \"reordered\": %" PRIu64, checker_lost(c), reordered);
	printf(", \"stalls\": %u, \"bytes\": %" PRIu64, r->stalls, c->bytes);
	printf(", \"seconds\": %.3f, \"pps\": %.0f, \"streams\": [", seconds, rate);
	for (unsigned int i = 0; i < c->streams; i++)
		printf("%s{\"sent\": %u, \"good\": %u}", i ? ", " : "", c->stream[i].sent,
		       c->stream[i].good);
	printf("]}\n");
}

/* Every reason to fail gets its sentence; a run without one is good. */
static int judge(const struct run *r)
{
	const struct options *o = r->opt;
	const struct checker *c = &r->checker;
	int status = EXIT_SUCCESS;

	if (checker_defects(c, o->stale_allowed)) {
		fprintf(stderr, "frames: %" PRIu64 " defects, the first: %s\n",
			checker_defects(c, o->stale_allowed), c->first);
		status = EXIT_DEFECT;
	}
	if (o->mode == MODE_LOOP && o->max_lost >= 0 && checker_lost(c) > (uint64_t)o->max_lost) {
		fprintf(stderr,
			"frames: %" PRIu64 " of %" PRIu64 " frames lost, %" PRId64 " allowed\n",
			checker_lost(c), checker_sent(c), o->max_lost);
		status = EXIT_DEFECT;
	}
	if (o->mode != MODE_SEND && c->count[FRAME_GOOD] < o->min_good) {
		fprintf(stderr, "frames: %" PRIu64 " good frames, at least %" PRIu64 " wanted\n",
			c->count[FRAME_GOOD], o->min_good);
		status = EXIT_DEFECT;
	}
	if (r->expired) {
		fprintf(stderr, "frames: not finished after %.0f seconds\n", o->limit);
		status = EXIT_DEFECT;
	}
	return status;
}

static uint32_t run_from_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint32_t)t.tv_sec << 12 ^ (uint32_t)t.tv_nsec ^ (uint32_t)getpid() << 20;
}

int main(int argc, char **argv)
{
	struct options opt = {
		.window = 256,
		.limit = 120,
		.quiet = 1,
		.max_lost = -1,
		.min_good = 1,
		.shape = {.run = run_from_clock(), .min = FRAME_MIN, .max = FRAME_MAX},
	};
	struct run run = {.opt = &opt};
	char why[256];
	int status = EXIT_BROKEN;

	parse(&opt, argc, argv);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	run.port = calloc(opt.ports, sizeof(*run.port));
	if (!run.port || checker_init(&run.checker, &opt.shape, opt.ports) < 0) {
		fprintf(stderr, "frames: out of memory\n");
		free(run.port);
		return EXIT_BROKEN;
	}
	if (run_ports(&run, why, sizeof(why)) < 0)
		fprintf(stderr, "frames: %s\n", why);
	else
		status = judge(&run);
	print_json(&run);
	checker_end(&run.checker);
	free(run.port);
	return status;
}
