/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors for frames that need no look when they come back: each in one buffer of its own, of
 * the one pool that the queue knows, used by nobody else. Whether all were of that sort is known
 * at the end: what a burst writes behind the tail is the driver's, and may be written again.
 */
#ifndef PMD_TX_PUT_H
#define PMD_TX_PUT_H

#include <rte_vect.h>

#include "tx.h"

static_assert(offsetof(struct rte_mbuf, buf_addr) == 0, "first of 16 bytes");
static_assert(offsetof(struct rte_mbuf, data_off) == 16, "first of 16 bytes");
static_assert(offsetof(struct rte_mbuf, refcnt) == 18, "behind data_off");
static_assert(offsetof(struct rte_mbuf, nb_segs) == 20, "behind refcnt");
static_assert(offsetof(struct rte_mbuf, ol_flags) == 24, "second word of them");
static_assert(offsetof(struct rte_mbuf, data_len) == 40, "second word of 16 bytes");

/*
 * What is 0 if an mbuf is used by nobody else, has one segment and its own buffer: of its word from
 * data_off on, and of its flags.
 */
#define TX_SHARED  UINT64_C(0xfffefffe0000)
#define TX_FOREIGN (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)
static_assert(!(TX_FOREIGN & UINT64_MAX >> 16), "highest 16 bits");

#ifdef __POWER8_VECTOR__
/*
 * Two frames at a time, each in one of a vector's words. Words are loaded and stored in the order
 * of big-endian machines, so that no instruction goes into turning them: the first word in memory
 * is element 1, its bytes are 8 to 15.
 */
typedef __vector unsigned long long tx_words;
typedef __vector unsigned int tx_halves;
typedef __vector unsigned short tx_quarters;
typedef __vector unsigned char tx_bytes;

/* Constants, as they are in memory. */
struct tx_constants {
	uint8_t pick_state[16], pick_length[16];
	uint64_t first[2], length[2], command[2], bad[2];
};
#define TX_BOTH(word)                                                                              \
	{                                                                                          \
		word, word                                                                         \
	}
static const struct tx_constants tx_constants __attribute__((aligned(16))) = {
	/* Of mbuf[16..31] data_off, refcnt, nb_segs, and the highest 16 bits of ol_flags. */
	.pick_state = {8, 9, 10, 11, 12, 13, 6, 7, 24, 25, 26, 27, 28, 29, 22, 23},
	/* Of mbuf[32..47] data_len, four times. */
	.pick_length = {0, 1, 0, 1, 0, 1, 0, 1, 16, 17, 16, 17, 16, 17, 16, 17},
	/* What those are multiplied by, 16 bits each, and summed up, 32 bits each. */
	.first = TX_BOTH(1),
	.length = TX_BOTH(1 | IGB_TX_PAYLEN(1)),
	.command = TX_BOTH(TX_COMMAND),
	.bad = TX_BOTH(TX_SHARED | TX_FOREIGN),
};

/* Constants of a burst, and what all its frames have in common. */
struct tx_put {
	tx_words base, delta, command;
	tx_bytes pick_state, pick_length;
	tx_quarters first, length;
	tx_words furthest, any;
	tx_halves bytes;
};

static __rte_always_inline tx_words tx_load(const void *p, long at)
{
	return vec_xl_be(at, (const unsigned long long *)p);
}

#define TX_CONSTANT(name) tx_load(constants, offsetof(struct tx_constants, name))

static __rte_always_inline struct tx_put tx_begin(const struct pmd_run *home)
{
	const struct tx_constants *constants = &tx_constants;

	/* One address for all of them. */
	__asm__("" : "+r"(constants));
	return (struct tx_put){
		.base = vec_splats((unsigned long long)home->base),
		.delta = vec_splats((unsigned long long)home->delta),
		.command = TX_CONSTANT(command),
		.pick_state = (tx_bytes)TX_CONSTANT(pick_state),
		.pick_length = (tx_bytes)TX_CONSTANT(pick_length),
		.first = (tx_quarters)TX_CONSTANT(first),
		.length = (tx_quarters)TX_CONSTANT(length),
	};
}

/* Two frames into descriptors, of which the first is the @at-th; or one, twice the same. */
static __rte_always_inline void tx_two(struct tx_put *p, struct igb_tx_desc *desc, long at,
				       const struct rte_mbuf *one, const struct rte_mbuf *other,
				       bool two)
{
	unsigned long long *to = (unsigned long long *)desc;
	tx_words where = vec_mergel(tx_load(other, 0), tx_load(one, 0));
	tx_words state = (tx_words)vec_perm((tx_bytes)tx_load(one, 16),
					    (tx_bytes)tx_load(other, 16), p->pick_state);
	tx_quarters length = (tx_quarters)vec_perm((tx_bytes)tx_load(one, 32),
						   (tx_bytes)tx_load(other, 32), p->pick_length);
	/* The lower half of delta has room for data_off, see translate_learn(). */
	tx_words lower =
		where + (tx_words)vec_msum((tx_quarters)state, p->first, (tx_halves)p->delta);
	tx_words upper = (tx_words)vec_msum(length, p->length, (tx_halves)p->command);

	vec_xst_be(vec_mergel(upper, lower), 16 * at, to);
	if (two)
		vec_xst_be(vec_mergeh(upper, lower), 16 * at + 16, to);
	else
		length = (tx_quarters)vec_mergel((tx_words){0}, (tx_words)length);
	p->furthest = vec_max(p->furthest, where - p->base);
	p->any |= state;
	p->bytes = vec_msum(length, p->first, p->bytes);
}

/* Whether all frames were of that sort, and their bytes. */
static __rte_always_inline bool tx_judge(const struct tx_put *p, const struct pmd_run *home,
					 uint64_t *bytes)
{
	const struct tx_constants *constants = &tx_constants;
	const tx_words sums = (tx_words)p->bytes, none = {0};

	*bytes = sums[0] + sums[1];
	return vec_all_lt(p->furthest, vec_splats((unsigned long long)home->len)) &&
	       vec_all_eq(p->any & TX_CONSTANT(bad), none);
}
#else
struct tx_put {
	uint64_t base, delta, furthest, counts, flags, bytes;
};

static inline struct tx_put tx_begin(const struct pmd_run *home)
{
	return (struct tx_put){.base = home->base, .delta = home->delta};
}

static inline void tx_one(struct tx_put *p, struct igb_tx_desc *desc, const struct rte_mbuf *m)
{
	uint64_t where = (uintptr_t)m->buf_addr;

	desc->lower = where + m->data_off + p->delta;
	desc->upper = TX_COMMAND | m->data_len | IGB_TX_PAYLEN(m->data_len);
	p->furthest = RTE_MAX(p->furthest, where - p->base);
	p->counts |= rte_mbuf_refcnt_read(m) | m->nb_segs;
	p->flags |= m->ol_flags;
	p->bytes += m->data_len;
}

static inline void tx_two(struct tx_put *p, struct igb_tx_desc *desc, long at,
			  const struct rte_mbuf *one, const struct rte_mbuf *other, bool two)
{
	tx_one(p, desc + at, one);
	if (two)
		tx_one(p, desc + at + 1, other);
}

static inline bool tx_judge(const struct tx_put *p, const struct pmd_run *home, uint64_t *bytes)
{
	*bytes = p->bytes;
	return p->furthest < home->len && p->counts <= 1 && !(p->flags & TX_FOREIGN);
}
#endif

/* Write @n descriptors. False: a frame is of another sort, and all are to be written again. */
static __rte_always_inline bool tx_put(struct igb_tx_desc *desc, struct rte_mbuf **sw,
				       struct rte_mbuf **in, unsigned n, const struct pmd_run *home,
				       uint64_t *bytes)
{
	struct tx_put p = tx_begin(home);

	for (unsigned eights = n / 8; eights; eights--, desc += 8, sw += 8, in += 8) {
		struct igb_tx_desc *second = desc + 4;

		/* Twice the same four distances take fewer registers than eight. */
		__asm__("" : "+r"(second));
		tx_move_eight(sw, in);
		tx_two(&p, desc, 0, in[0], in[1], true);
		tx_two(&p, desc, 2, in[2], in[3], true);
		tx_two(&p, second, 0, in[4], in[5], true);
		tx_two(&p, second, 2, in[6], in[7], true);
	}
	for (n %= 8; n; n--, desc++, sw++, in++) {
		*sw = *in;
		tx_two(&p, desc, 0, *in, *in, false);
	}
	return tx_judge(&p, home, bytes);
}

#endif
