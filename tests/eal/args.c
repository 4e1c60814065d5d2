/* SPDX-License-Identifier: BSD-3-Clause */
/* What a vdev makes of its arguments. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common.h"

const char plugin_driver[] = "net_tce_test";
int plugin_log_type;

static void sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"1", 1},
		{"0x1000", 4096},
		{"64k", UINT64_C(64) << 10},
		{"16M", UINT64_C(16) << 20},
		{"2G", UINT64_C(2) << 30},
		{"1T", UINT64_C(1) << 40},
	};
	static const char *const bad[] = {
		"", "x", "-1", "1Q", "1Gi", "G", "99999999999999999999", "16777216T", " 1"};
	uint64_t bytes = 7;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(args_size(good[i].text, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
	bytes = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(args_size(bad[i], &bytes), -EINVAL);
	assert_true(bytes == 7);
}

static void a_device_is_named_as_the_bus_does(void **state)
{
	struct plugin_args args;

	assert_int_equal(args_read("dev=1:0.0", &args), 0);
	assert_string_equal(args.device, "0000:01:00.0");
	assert_int_equal(args_read("mem=4G,dev=0003:01:1f.7,page=64K", &args), 0);
	assert_string_equal(args.device, "0003:01:1f.7");
	assert_true(args.mem == UINT64_C(4) << 30 && args.page == UINT64_C(64) << 10);
}

static void what_cannot_be_read_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text, *names;
	} bad[] = {
		{"", "dev="},
		{"mem=1G", "dev="},
		{"dev=1:0.0,dev=2:0.0", "dev="},
		{"dev=eth0", "eth0"},
		{"dev=1:0.0,mem=lots", "mem=lots"},
		{"dev=1:0.0,mem=0", "mem=0"},
		{"dev=1:0.0,page=3M", "page="},
		{"dev=1:0.0,pages=2M", "pages=2M"},
	};
	struct plugin_args args = {.mem = 7};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(args_read(bad[i].text, &args), -EINVAL);
		assert_non_null(strstr(said(), bad[i].names));
		assert_null(strchr(said(), '\n'));
	}
	assert_int_equal(args_read(NULL, &args), -EINVAL);
	assert_true(args.mem == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(a_device_is_named_as_the_bus_does),
		cmocka_unit_test(what_cannot_be_read_is_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
