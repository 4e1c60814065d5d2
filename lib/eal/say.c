/* SPDX-License-Identifier: BSD-3-Clause */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char sentence[1024];

int eal_fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return err;
}

const char *tce_eal_error(void)
{
	return sentence;
}
