/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library is built for these tests with other names for the functions that give memory: those
 * below. Page population is the kernel's: REGISTER answers -EFAULT, or how far it came.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inject.h"
#include "lib/kernel/model/model.h"

const struct fault faults[] = {
	{"the kernel answers EIO", FAULT_KERNEL, -EIO, false},
	{"the kernel answers ENOMEM", FAULT_KERNEL, -ENOMEM, false},
	{"the kernel answers EINVAL", FAULT_KERNEL, -EINVAL, false},
	{"the kernel answers EBUSY", FAULT_KERNEL, -EBUSY, false},
	{"the kernel answers EFAULT", FAULT_KERNEL, -EFAULT, false},
	{"the kernel answers 640", FAULT_KERNEL, 640, false},
	{"the kernel answers EIO from then on", FAULT_KERNEL, -EIO, true},
	{"the kernel answers 1 from then on", FAULT_KERNEL, 1, true},
	{"there is no memory", FAULT_MEMORY, 0, false},
	{"there is no memory from then on", FAULT_MEMORY, 0, true},
	{"a TCE cannot be written", FAULT_WRITE, -EIO, false},
	{"the hypervisor refuses a TCE", FAULT_WRITE, -4, false},
	{"a TCE is not cleared", FAULT_CLEAR, 0, false},
};
const unsigned n_faults = sizeof(faults) / sizeof(faults[0]);

static unsigned memory_in;
static bool memory_on, memory_failed;
static size_t asked;

static bool fails(void)
{
	if (!(memory_on && memory_failed) && (!memory_in || --memory_in))
		return false;
	memory_failed = true;
	errno = ENOMEM;
	return true;
}

void fault_arm(const struct fault *fault, unsigned n)
{
	switch (fault->source) {
	case FAULT_KERNEL:
		if (fault->on)
			model_fail_from(MODEL_ANY, n, fault->ret);
		else
			model_fail(MODEL_ANY, n, fault->ret);
		break;
	case FAULT_MEMORY:
		memory_in = n;
		memory_on = fault->on;
		memory_failed = false;
		break;
	case FAULT_WRITE:
		model_fail_write(n, fault->ret);
		break;
	default:
		model_fail_clear(n);
	}
}

bool fault_happened(const struct fault *fault)
{
	bool happened;

	switch (fault->source) {
	case FAULT_KERNEL:
		happened = model_failed();
		model_fail(MODEL_ANY, 0, 0);
		return happened;
	case FAULT_MEMORY:
		happened = memory_failed;
		memory_in = 0;
		memory_on = memory_failed = false;
		return happened;
	default:
		return model_tce_failed();
	}
}

size_t memory_asked(void)
{
	return asked;
}

void *oom_malloc(size_t size);
void *oom_calloc(size_t n, size_t size);
void *oom_realloc(void *p, size_t size);
void *oom_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int oom_mprotect(void *at, size_t len, int prot);
int oom_memfd_create(const char *name, unsigned flags);
int oom_ftruncate(int fd, off_t len);
int oom_madvise(void *at, size_t len, int advice);
int oom_pthread_atfork(void (*before)(void), void (*after)(void), void (*child)(void));

void *oom_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

void *oom_calloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n, size);
}

void *oom_realloc(void *p, size_t size)
{
	asked = size;
	return fails() ? NULL : realloc(p, size);
}

void *oom_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : mmap(at, len, prot, flags, fd, offset);
}

int oom_mprotect(void *at, size_t len, int prot)
{
	return fails() ? -1 : mprotect(at, len, prot);
}

int oom_memfd_create(const char *name, unsigned flags)
{
	return fails() ? -1 : memfd_create(name, flags);
}

int oom_ftruncate(int fd, off_t len)
{
	return fails() ? -1 : ftruncate(fd, len);
}

int oom_madvise(void *at, size_t len, int advice)
{
	return fails() ? -1 : madvise(at, len, advice);
}

int oom_pthread_atfork(void (*before)(void), void (*after)(void), void (*child)(void))
{
	return fails() ? ENOMEM : pthread_atfork(before, after, child);
}
