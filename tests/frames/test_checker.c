/* SPDX-License-Identifier: BSD-3-Clause */
#include "checker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MANY 300000 /* enough that the ledger has to grow twice */

static const struct frame_shape shape = {.run = 7, .min = FRAME_MIN, .max = FRAME_MAX};

static int start(void **state)
{
	static struct checker c;

	*state = &c;
	return checker_init(&c, &shape, 2);
}

static int end(void **state)
{
	checker_end(*state);
	return 0;
}

static size_t next(struct checker *c, unsigned int stream, uint8_t *buf)
{
	int len = checker_send(c, stream, buf);

	assert_true(len > 0);
	return (size_t)len;
}

static void perfect_loop_passes(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];

	for (int i = 0; i < MANY; i++) {
		size_t len = next(c, (unsigned int)i % 2, buf);

		assert_int_equal(checker_receive(c, 0, buf, len), FRAME_GOOD);
	}
	assert_int_equal(checker_sent(c), MANY);
	assert_int_equal(c->count[FRAME_GOOD], MANY);
	assert_int_equal(checker_lost(c), 0);
	assert_int_equal(checker_defects(c, false), 0);
	assert_int_equal(checker_in_flight(c, 0), 0);
}

static void lengths_span_the_range(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];
	size_t min = FRAME_MAX, max = 0;

	for (int i = 0; i < 50000; i++) {
		size_t len = next(c, 0, buf);

		min = len < min ? len : min;
		max = len > max ? len : max;
		assert_true(frame_is_udp(buf, len));
	}
	assert_int_equal(min, FRAME_MIN);
	assert_int_equal(max, FRAME_MAX);
}

/* Every byte counts, headers and the last one included: flip each in turn. */
static void any_flipped_byte_fails(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];
	size_t len = next(c, 0, buf);

	for (size_t at = 0; at < len; at++) {
		buf[at] ^= 0x10;
		assert_int_not_equal(checker_receive(c, 0, buf, len), FRAME_GOOD);
		buf[at] ^= 0x10;
	}
	assert_int_equal(checker_defects(c, true), len);
	assert_int_equal(checker_lost(c), 1);
	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_GOOD);
}

static void flipped_payload_is_corrupt(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];
	size_t len = next(c, 0, buf);

	buf[len - 1] ^= 1;
	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_CORRUPT);
	assert_non_null(strstr(c->first, "number 0"));
	assert_non_null(strstr(c->first, "byte "));
}

static void wrong_length_is_corrupt(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX + 4] = {0};
	size_t len = next(c, 0, buf);

	assert_int_equal(checker_receive(c, 0, buf, len + 1), FRAME_CORRUPT);
	assert_int_equal(checker_receive(c, 0, buf, 58), FRAME_CORRUPT);
	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_GOOD);
}

static void duplicate_fails(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];
	size_t len = next(c, 1, buf);

	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_GOOD);
	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_DUPLICATE);
	assert_int_equal(checker_defects(c, false), 1);
	assert_int_equal(c->stream[1].good, 1);
}

static void frame_never_sent_is_corrupt(void **state)
{
	struct checker *c = *state;
	struct frame_id id = {.run = shape.run, .stream = 0, .number = 1};
	uint8_t buf[FRAME_MAX];

	next(c, 0, buf);
	assert_int_equal(checker_receive(c, 0, buf, frame_build(&shape, id, buf)), FRAME_CORRUPT);
	id.number = 0;
	id.stream = 2;
	assert_int_equal(checker_receive(c, 0, buf, frame_build(&shape, id, buf)), FRAME_CORRUPT);
}

/* A page is freed while its frame is in flight: all of it, or only a frame's tail, is poison. */
static void freed_page_fails(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX], poison[FRAME_MAX];
	size_t len;

	for (size_t i = 0; i < FRAME_MAX; i++)
		poison[i] = (uint8_t)FRAME_POISON[(i + 5) % FRAME_POISON_LEN];
	do
		len = next(c, 0, buf);
	while (len < 200);
	memcpy(buf + len - 20, poison, 20);
	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_FREED);
	assert_int_equal(checker_receive(c, 0, poison, len), FRAME_FREED);
	assert_int_equal(checker_receive_udp(c, poison, len, len), FRAME_FREED);
	assert_int_equal(checker_defects(c, true), 3);
	assert_int_equal(c->stream[0].good, 0);
}

static void loss_is_counted(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];

	for (int i = 0; i < 100; i++) {
		size_t len = next(c, 0, buf);

		if (i % 10)
			assert_int_equal(checker_receive(c, 0, buf, len), FRAME_GOOD);
	}
	assert_int_equal(checker_lost(c), 10);
	assert_int_equal(checker_defects(c, false), 0);
	assert_int_equal(checker_in_flight(c, 0), 10);
	checker_forgo(c);
	assert_int_equal(checker_in_flight(c, 0), 0);
	assert_int_equal(checker_lost(c), 10);
}

static void late_frame_does_not_open_the_window(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX], late[FRAME_MAX];
	size_t len = next(c, 0, late);

	checker_forgo(c);
	assert_int_equal(checker_receive(c, 0, late, len), FRAME_GOOD);
	assert_int_equal(checker_lost(c), 0);
	next(c, 0, buf);
	assert_true(checker_in_flight(c, 0) <= 1);
}

static void overtaking_is_no_defect(void **state)
{
	struct checker *c = *state;
	uint8_t first[FRAME_MAX], second[FRAME_MAX];
	size_t first_len = next(c, 0, first);
	size_t second_len = next(c, 0, second);

	assert_int_equal(checker_receive(c, 0, second, second_len), FRAME_GOOD);
	assert_int_equal(checker_receive(c, 0, first, first_len), FRAME_GOOD);
	assert_int_equal(c->stream[0].reordered, 1);
	assert_int_equal(checker_defects(c, false), 0);
}

static void wrong_port_is_misrouted(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];
	size_t len = next(c, 0, buf);

	c->stream[0].home = 1;
	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_MISROUTED);
	assert_int_equal(checker_receive(c, 1, buf, len), FRAME_GOOD);
	assert_int_equal(checker_defects(c, false), 1);
}

static void another_run_is_stale(void **state)
{
	struct checker *c = *state;
	struct frame_shape before = {.run = 6, .min = FRAME_MIN, .max = FRAME_MAX};
	struct frame_id id = {.run = 6, .stream = 0, .number = 3};
	uint8_t buf[FRAME_MAX];
	size_t len = frame_build(&before, id, buf);

	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_STALE);
	assert_int_equal(checker_defects(c, true), 0);
	assert_int_equal(checker_defects(c, false), 1);
	buf[50] ^= 1;
	assert_int_equal(checker_receive(c, 0, buf, len), FRAME_CORRUPT);
}

static void other_traffic_is_foreign(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MIN] = {0};

	assert_int_equal(checker_receive(c, 0, buf, sizeof(buf)), FRAME_FOREIGN);
	assert_int_equal(checker_receive(c, 0, buf, 14), FRAME_FOREIGN);
	assert_int_equal(checker_defects(c, true), 2);
}

static void udp_is_checked(void **state)
{
	struct checker *c = *state;
	uint8_t buf[FRAME_MAX];
	size_t len = next(c, 0, buf);

	assert_int_equal(checker_receive_udp(c, buf, len, 0), FRAME_GOOD);
	assert_int_equal(checker_receive_udp(c, buf, len, len), FRAME_GOOD);
	assert_int_equal(checker_receive_udp(c, buf, len, len + 1), FRAME_CORRUPT);
	assert_int_equal(checker_receive_udp(c, buf, len - 1, 0), FRAME_FOREIGN);
	buf[30] ^= 1;
	assert_int_equal(checker_receive_udp(c, buf, len, 0), FRAME_FOREIGN);
}

static void wrong_shapes_are_refused(void **state)
{
	static const struct frame_shape wrong[] = {
		{.min = FRAME_MIN - 1, .max = FRAME_MAX},
		{.min = FRAME_MIN, .max = FRAME_MAX + 1},
		{.min = 100, .max = 99},
	};
	struct checker c;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(checker_init(&c, &wrong[i], 1), -EINVAL);
	assert_int_equal(checker_init(&c, &shape, CHECKER_STREAMS + 1), -EINVAL);
}

#define CHECK(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK(perfect_loop_passes),
		CHECK(lengths_span_the_range),
		CHECK(any_flipped_byte_fails),
		CHECK(flipped_payload_is_corrupt),
		CHECK(wrong_length_is_corrupt),
		CHECK(duplicate_fails),
		CHECK(frame_never_sent_is_corrupt),
		CHECK(freed_page_fails),
		CHECK(loss_is_counted),
		CHECK(late_frame_does_not_open_the_window),
		CHECK(overtaking_is_no_defect),
		CHECK(wrong_port_is_misrouted),
		CHECK(another_run_is_stale),
		CHECK(other_traffic_is_foreign),
		CHECK(udp_is_checked),
		cmocka_unit_test(wrong_shapes_are_refused),
	};

	return cmocka_run_group_tests_name("frames checker", tests, NULL, NULL);
}
