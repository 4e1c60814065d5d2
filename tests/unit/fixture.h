/* SPDX-License-Identifier: BSD-3-Clause */
/* What the unit tests share: the library on the model, and the state of both as a text. */
#ifndef UNIT_FIXTURE_H
#define UNIT_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <tce/tce.h>
#include "lib/kernel/model/model.h"
#include "lib/tce/internal.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/* Two devices of one group, one of another; all bound to vfio-pci. */
#define DEV_A  "0001:00:01.0"
#define DEV_A2 "0001:00:01.1"
#define DEV_B  "0002:00:01.0"
enum { GROUP_A = 1, GROUP_B = 2 };

/* A machine of that kind with these devices, and the library on it. */
void machine(const struct model_platform *platform);

/*
 * A test is a function that runs in a child of its own, since the library's owner is a process and
 * since what a failed test leaves must not fail the next. whole_test() also demands that nothing is
 * left at its end: no space, region, pinned page, descriptor or TCE.
 */
struct unit {
	void (*fn)(void);
	bool leaves;
};
#define whole_test(f)                                                                              \
	{                                                                                          \
		.name = #f, .test_func = isolated, .initial_state = &(struct unit)                 \
		{                                                                                  \
			f, false                                                                   \
		}                                                                                  \
	}
#define leaving_test(f)                                                                            \
	{                                                                                          \
		.name = #f, .test_func = isolated, .initial_state = &(struct unit)                 \
		{                                                                                  \
			f, true                                                                    \
		}                                                                                  \
	}
void isolated(void **state);
void nothing_left(void);

/* The platforms with the page of the system that the test runs on, which is what this is. */
size_t system_page(void);
const struct model_platform *lpar_here(void);
const struct model_platform *p9_here(void);

/* Open a space with room for mem bytes of 2M pages; fails the test if it cannot. */
struct tce_space *open_space(const char *device, uint64_t mem);

/* The start of the space's window with this I/O page. */
tce_iova_t window_start(struct tce_space *space, uint64_t page);

/* The library's and the model's state; free() it. The spaces are those that are open. */
char *describe(void);

/* Two such texts are one; else they are printed as a whole, for which cmocka has no room. */
void assert_same_state(const char *is, const char *was);

/* I1, I2: tables and counters agree with themselves and the hardware, for every open space. */
void assert_sound(void);

/* What every refusal owes: this errno, a sentence, nothing changed, the kernel not asked. */
struct before {
	char *state;
	struct tce_calls calls;
	unsigned sentences;
};
void before(struct before *b);
void assert_refused(struct before *b, int ret, int want);
/* As above, but the kernel may have been asked. */
void assert_failed(struct before *b, int ret, int want);

/* Run a function in a child: its exit status, or minus its signal. in_child() wants 0. */
int child_status(void (*fn)(const void *arg), const void *arg);
void in_child(void (*fn)(const void *arg), const void *arg);
/* What child_status() answered; only an alarm or an exit is a finding: a crash has found nothing.
 */
void assert_status(int status, int want, const char *what);

/* No memory is leaked, as far as can be seen: with a leak sanitizer, and no space open. */
void assert_no_leak(void);

/* assert_int_equal(call, 0) that shows the sentence. */
#define assert_ok(call) assert_ok_at((call), #call, __FILE__, __LINE__)
void assert_ok_at(int ret, const char *call, const char *file, int line);

/* The sentence of the last failure has this word in it. */
void assert_sentence(const char *word);

#endif
