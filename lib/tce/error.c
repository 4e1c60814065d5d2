/* SPDX-License-Identifier: BSD-3-Clause */
/* This thread's last sentence, and the words that sentences are made of. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

static _Thread_local char sentence[512];
static tce_error_fn *callback;
static void *callback_arg;

int tce_fail(int err, const char *format, ...)
{
	char text[sizeof(sentence)];
	va_list ap;

	/* By way of a buffer, since an argument may be the last sentence itself. */
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	memcpy(sentence, text, sizeof(sentence));
	return err;
}

int tce_report(int ret)
{
	if (ret < 0 && callback)
		callback(ret, sentence, callback_arg);
	return ret;
}

const char *tce_bytes(uint64_t n)
{
	static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	static _Thread_local char text[8][32];
	static _Thread_local unsigned next;
	char *t = text[next++ % 8];
	unsigned u = 0;

	while (n && n % 1024 == 0 && u < 6) {
		n /= 1024;
		u++;
	}
	snprintf(t, sizeof(text[0]), "%llu %s", (unsigned long long)n, unit[u]);
	return t;
}

const char *tce_errno_text(int err)
{
	static _Thread_local char text[96];
	const char *name;

	if (err > 0) {
		snprintf(text, sizeof(text), "+%d, which means nothing was done", err);
		return text;
	}
	name = strerrorname_np(-err);
	snprintf(text, sizeof(text), "%s (%s)", name ? name : "?", strerrordesc_np(-err));
	if (!name)
		snprintf(text, sizeof(text), "errno %d", -err);
	return text;
}

const char *tce_error(void)
{
	return sentence;
}

void tce_error_callback(tce_error_fn *fn, void *arg)
{
	callback = NULL;
	callback_arg = arg;
	callback = fn;
}
