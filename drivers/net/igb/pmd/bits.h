/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fields of words by one instruction each, where compilers (gcc 12, clang 14) take two or three.
 * The bursts do these for every frame.
 */
#ifndef PMD_BITS_H
#define PMD_BITS_H

#include <stdint.h>

#if defined(__powerpc64__)
/* @word with its bits from @at to @at + @len - 1 replaced by the lowest of @value. */
#define BITS_INSERT(word, value, at, len)                                                          \
	({                                                                                         \
		uint64_t bits_word = (word);                                                       \
		__asm__("rldimi %0,%1,%2,%3"                                                       \
			: "+r"(bits_word)                                                          \
			: "r"((uint64_t)(value)), "n"(at), "n"(64 - (at) - (len)));                \
		bits_word;                                                                         \
	})
/* @word with its lowest bits once more from @at up; it has none above them. */
#define BITS_TWICE(word, at)                                                                       \
	({                                                                                         \
		uint64_t bits_word = (word);                                                       \
		__asm__("rldimi %0,%0,%1,0" : "+r"(bits_word) : "n"(at));                          \
		bits_word;                                                                         \
	})
/* The low half of @word turned left by @by, and of that the bits from @first to @last. */
#define BITS_TURN(word, by, first, last)                                                           \
	({                                                                                         \
		uint64_t bits_turned;                                                              \
		__asm__("rlwinm %0,%1,%2,%3,%4"                                                    \
			: "=r"(bits_turned)                                                        \
			: "r"((uint64_t)(word)), "n"(by), "n"(31 - (last)), "n"(31 - (first)));    \
		bits_turned;                                                                       \
	})
#else
#define BITS_MASK(at, len) ((UINT64_MAX >> (64 - (len))) << (at))
#define BITS_INSERT(word, value, at, len)                                                          \
	(((uint64_t)(word) & ~BITS_MASK(at, len)) | ((uint64_t)(value) << (at)&BITS_MASK(at, len)))
#define BITS_TWICE(word, at) ((uint64_t)(word) | (uint64_t)(word) << (at))
#define BITS_TURN(word, by, first, last)                                                           \
	((uint64_t)((uint32_t)(word) << (by) | (uint32_t)(word) >> (32 - (by))) &                  \
	 BITS_MASK(first, (last) - (first) + 1))
#endif

#endif
