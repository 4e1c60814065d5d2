/* SPDX-License-Identifier: BSD-3-Clause */
/* What most cases begin with: a container with the group of a device, a window, memory. */
#ifndef CONFORM_SEAT_H
#define CONFORM_SEAT_H

#include "bench.h"

struct seat {
	int container, group, device; /* descriptors; device -1 until seat_dma() */
	const char *name;
	struct tce_facts facts;
	uint64_t iopage; /* the largest I/O page that a hugepage holds */
};

/* Open the @n-th device's group in a container. Ends the case if that cannot be. */
struct seat seat_open(struct bench *b, unsigned n);
/* Give all back, the device's descriptor first. */
void seat_close(struct bench *b, struct seat *s);
/* A window of 32768 I/O pages of the seat's size beside the default one; its start. */
uint64_t seat_window(struct bench *b, const struct seat *s);
/*
 * Let the device do DMA: open it, and map scratch memory for bench_ops.peek at the last I/O page of
 * the window at @start, or of the default window.
 */
void seat_dma(struct bench *b, struct seat *s, uint64_t start);
/* The same with the scratch memory at this IOVA, in an I/O page of this size. */
void seat_dma_at(struct bench *b, struct seat *s, uint64_t iova, uint64_t page);
uint64_t seat_peek(struct bench *b, const struct seat *s, uint64_t iova);
void seat_poke(struct bench *b, const struct seat *s, uint64_t iova, uint64_t word);

/*
 * Say what TCEs the hardware has for the @n-th device: "IOVA/I/O page*how many:access@page, ...".
 * Pages are numbered as they come, so that one page has one number; "+" and bytes: a part inside of
 * it. Only on an LPAR, where the hypervisor's trace tells.
 */
void say_tces(struct bench *b, const char *name, unsigned n);

/* VmLck of the caller, in bytes. */
uint64_t locked(struct bench *b);
/* The system's word at a VA. */
uint64_t word_at(const char *va);
void set_word(char *va, uint64_t word);
/* End the case: something that every case needs was refused. */
_Noreturn void give_up(const char *what, int ret);

#endif
