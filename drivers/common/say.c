/* SPDX-License-Identifier: BSD-3-Clause */
#include "common.h"

#include <stdarg.h>
#include <stdio.h>

#include <rte_log.h>

static _Thread_local char sentence[1200];

int say(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return err;
}

const char *said(void)
{
	return sentence;
}

void say_now(uint32_t level, const char *format, ...)
{
	char line[1400];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	rte_log(level, (uint32_t)plugin_log_type, "%s: %s\n", plugin_driver, line);
}
