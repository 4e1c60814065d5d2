/* SPDX-License-Identifier: BSD-3-Clause */
/* This thread's last sentence, and the words that sentences are made of. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * A thread's words. On the heap, since what a library has of static thread-local storage must be
 * little: it is loaded by dlopen() as part of a plugin, and epoch.c needs its variable to be there.
 */
struct words {
	char sentence[512];
	char bytes[8][32];
	unsigned next;
	char number[96];
};

static _Thread_local struct words *mine __attribute__((tls_model("initial-exec")));
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static tce_error_fn *callback;
static void *callback_arg;

static const char no_memory[] = "no memory for the sentence of this failure";

static void forget(void *words)
{
	mine = NULL;
	free(words);
}

static void make_key(void)
{
	/* Without it a thread's words stay behind when it ends, and nothing else happens. */
	(void)pthread_key_create(&key, forget);
}

/* This thread's words; NULL without memory. */
static struct words *words(void)
{
	if (mine)
		return mine;
	pthread_once(&once, make_key);
	mine = calloc(1, sizeof(*mine));
	if (mine)
		(void)pthread_setspecific(key, mine);
	return mine;
}

__attribute__((format(printf, 2, 0))) static int keep(int err, const char *format, va_list ap)
{
	struct words *w = words();
	char text[sizeof(w->sentence)];

	if (!w)
		return err;
	/* By way of a buffer, since an argument may be the last sentence itself. */
	vsnprintf(text, sizeof(text), format, ap);
	memcpy(w->sentence, text, sizeof(text));
	return err;
}

int tce_fail(int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	err = keep(err, format, ap);
	va_end(ap);
	return err;
}

int tce_error_set(int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	err = keep(err, format, ap);
	va_end(ap);
	return tce_report(err);
}

int tce_report(int ret)
{
	if (ret < 0 && callback)
		callback(ret, mine ? mine->sentence : no_memory, callback_arg);
	return ret;
}

const char *tce_bytes(uint64_t n)
{
	static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	struct words *w = words();
	unsigned u = 0;
	char *t;

	if (!w)
		return "?";
	t = w->bytes[w->next++ % 8];
	while (n && n % 1024 == 0 && u < 6) {
		n /= 1024;
		u++;
	}
	snprintf(t, sizeof(w->bytes[0]), "%llu %s", (unsigned long long)n, unit[u]);
	return t;
}

const char *tce_errno_text(int err)
{
	struct words *w = words();
	const char *name;

	if (!w)
		return "?";
	if (err > 0) {
		snprintf(w->number, sizeof(w->number), "+%d, which means nothing was done", err);
		return w->number;
	}
	name = strerrorname_np(-err);
	if (name)
		snprintf(w->number, sizeof(w->number), "%s (%s)", name, strerrordesc_np(-err));
	else
		snprintf(w->number, sizeof(w->number), "errno %d", -err);
	return w->number;
}

const char *tce_error(void)
{
	return mine ? mine->sentence : "";
}

void tce_error_callback(tce_error_fn *fn, void *arg)
{
	callback = NULL;
	callback_arg = arg;
	callback = fn;
}

int tce_check_reserved(const char *options, const uint64_t reserved[4])
{
	if (!(reserved[0] | reserved[1] | reserved[2] | reserved[3]))
		return 0;
	return tce_fail(-EINVAL,
			"options of a %s: a reserved field is not 0; zero the struct, and link the "
			"library it was compiled for",
			options);
}
