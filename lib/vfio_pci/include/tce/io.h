/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access to a device's registers, and the order of memory that a device shares. Registers are
 * little-endian; values are the machine's.
 *
 * POWER orders neither loads nor stores to memory by itself, and a register is in storage of
 * another kind than a descriptor (Power ISA, Book II, 1.7: "Shared Storage"). So each access says
 * what it orders:
 *
 * tce_io_read*: sync; load; twi; isync
 *   Everything before it, to memory or registers, is done before the register is read; nothing
 *   after it begins before the value is there. What Linux's readl() gives.
 * tce_io_write*: sync; store
 *   Everything before it is seen by the device before this write is. What Linux's writel() gives.
 *   A doorbell: one per burst, not one per descriptor.
 * tce_io_*_relaxed: the access alone
 *   Relaxed writes to one device arrive in program order, and so do relaxed reads (its storage is
 *   guarded and not cached); a relaxed read may pass a relaxed write, and either may pass memory.
 * tce_io_wmb: sync
 *   For a doorbell made of several registers: this once, then relaxed writes.
 * tce_dma_rmb: lwsync
 *   After a load that says "the device has written this" (a descriptor's done bit, a completion's
 *   phase), before loads of what it wrote. Pairs with the order in which the device writes.
 *   Without it POWER may have loaded the rest first: there is only a branch between them.
 * tce_dma_wmb: lwsync
 *   Before the store that hands a descriptor to the device, after the stores that fill it, both in
 *   memory.
 *
 * On other machines these are C's fences: as strong or stronger.
 *
 * Units: registers by their address, a multiple of the access's size. Owner: nothing changes hands.
 * Threads: any, signal handlers included. Errors: none; a device that is gone reads all ones.
 */
#ifndef TCE_IO_H
#define TCE_IO_H

#include <tce/types.h>

#if defined(__powerpc64__)
#define TCE_SYNC()   __asm__ __volatile__("sync" : : : "memory")
#define TCE_LWSYNC() __asm__ __volatile__("lwsync" : : : "memory")
/* A trap that never happens depends on the value, and isync waits for it. */
#define TCE_LOADED(value) __asm__ __volatile__("twi 0,%0,0\n\tisync" : : "r"(value) : "memory")
#else
#define TCE_SYNC()	  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define TCE_LWSYNC()	  __atomic_thread_fence(__ATOMIC_ACQ_REL)
#define TCE_LOADED(value) __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define TCE_SWAP(bits, value) __builtin_bswap##bits(value)
#else
#define TCE_SWAP(bits, value) (value)
#endif

static inline void tce_io_wmb(void)
{
	TCE_SYNC();
}

static inline void tce_dma_rmb(void)
{
	TCE_LWSYNC();
}

static inline void tce_dma_wmb(void)
{
	TCE_LWSYNC();
}

/* The accesses of one width. */
#define TCE_IO_ACCESS(bits)                                                                        \
	static inline uint##bits##_t tce_io_read##bits##_relaxed(const volatile void *at)          \
	{                                                                                          \
		return TCE_SWAP(bits, *(const volatile uint##bits##_t *)at);                       \
	}                                                                                          \
	static inline uint##bits##_t tce_io_read##bits(const volatile void *at)                    \
	{                                                                                          \
		TCE_SYNC();                                                                        \
		uint##bits##_t value = *(const volatile uint##bits##_t *)at;                       \
		TCE_LOADED(value);                                                                 \
		return TCE_SWAP(bits, value);                                                      \
	}                                                                                          \
	static inline void tce_io_write##bits##_relaxed(volatile void *at, uint##bits##_t value)   \
	{                                                                                          \
		*(volatile uint##bits##_t *)at = TCE_SWAP(bits, value);                            \
	}                                                                                          \
	static inline void tce_io_write##bits(volatile void *at, uint##bits##_t value)             \
	{                                                                                          \
		TCE_SYNC();                                                                        \
		*(volatile uint##bits##_t *)at = TCE_SWAP(bits, value);                            \
	}

TCE_IO_ACCESS(16)
TCE_IO_ACCESS(32)
TCE_IO_ACCESS(64)

/** Memory's little-endian words, as descriptors have them. */
static inline uint16_t tce_le16(uint16_t value)
{
	return TCE_SWAP(16, value);
}

static inline uint32_t tce_le32(uint32_t value)
{
	return TCE_SWAP(32, value);
}

static inline uint64_t tce_le64(uint64_t value)
{
	return TCE_SWAP(64, value);
}

#endif
