/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

/* Bytes of this process's memory that are there and are neither hugepages nor files. */
long resident(void);

#endif
