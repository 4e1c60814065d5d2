/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kernel that takes everything at once: the model, but for windows, memory and TCEs, where it
 * only says yes. What is measured on it is the library's own work, at any size. No DMA can be done
 * on it, and memory need not exist.
 */
#ifndef BENCH_EASY_H
#define BENCH_EASY_H

#include <stddef.h>
#include <stdint.h>

#define EASY_PAGE (2ull << 20)

struct tce_space;

/* The machine, with so many devices, each in a group of its own. Ends the program if it cannot. */
void easy_start(unsigned devices);

/* The name of a device. */
const char *easy_device(unsigned device);

/* Open a device's space with windows for so much memory of 2M pages. */
struct tce_space *easy_open(unsigned device, uint64_t mem);

/* Address space for len bytes, aligned to EASY_PAGE, without memory. */
char *easy_room(uint64_t len);

/* End the program with the library's sentence if a call failed. */
void easy_ok(int ret, const char *what);

#endif
