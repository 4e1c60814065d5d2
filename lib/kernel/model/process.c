/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes of the model's machine, each with an address space of its own. All are played by the
 * one real process that the test is: model_switch() says which one calls.
 */
#include <stdlib.h>
#include <unistd.h>

#include "state.h"

static uint32_t free_bit(void)
{
	uint32_t used = 0;

	for (const struct mm *mm = model.mms; mm; mm = mm->next)
		used |= mm->bit;
	if (!~used)
		model_die("more than 32 address spaces at a time");
	return ~used & -~used;
}

static struct mm *mm_new(void)
{
	struct mm *mm = model_zalloc(1, sizeof(*mm));

	*mm = (struct mm){.next = model.mms, .users = 1, .bit = free_bit()};
	model.mms = mm;
	return mm;
}

void model_mm_get(struct mm *mm)
{
	mm->users++;
}

/* R4: what is registered when an address space ends is lost, with a warning of the kernel's. */
void model_mm_put(struct mm *mm)
{
	struct mm **at = &model.mms;

	if (--mm->users)
		return;
	if (mm->regions)
		model.warnings++;
	model_regions_free(mm);
	while (*at != mm)
		at = &(*at)->next;
	*at = mm->next;
	free(mm);
}

static struct process *process_new(struct mm *mm)
{
	struct process *p = model_zalloc(1, sizeof(*p));

	*p = (struct process){.next = model.processes, .number = ++model.n_processes, .mm = mm};
	model.processes = p;
	return p;
}

static struct process *find(int number)
{
	struct process *p = model.processes;

	while (p && p->number != number)
		p = p->next;
	if (!p)
		model_die("there is no process %d", number);
	return p;
}

static struct process *caller(void)
{
	if (!model.current)
		model_die("the process that called has ended");
	return model.current;
}

struct mm *model_mm(void)
{
	return getpid() == model.owner ? caller()->mm : NULL;
}

int model_fork(void)
{
	struct process *parent = caller(), *child = process_new(mm_new());

	model_memory_fork(parent->mm, child->mm);
	model_files_fork(parent, child);
	return child->number;
}

void model_switch(int process)
{
	model.current = find(process);
}

int model_process(void)
{
	return caller()->number;
}

/* The old address space may live on in containers whose descriptors are not close-on-exec. */
void model_exec(void)
{
	struct process *p = caller();
	struct mm *old = p->mm;

	model_memory_exit(old);
	p->mm = mm_new();
	model_files_exec(p);
	model_mm_put(old);
}

/* Memory goes first, then descriptors, as in do_exit(). */
void model_exit(int process)
{
	struct process *p = find(process), **at = &model.processes;

	model_memory_exit(p->mm);
	model_files_exit(p);
	model_mm_put(p->mm);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (model.current == p)
		model.current = NULL;
	free(p);
}

unsigned model_warnings(void)
{
	return model.warnings;
}

void model_processes_start(void)
{
	model.current = process_new(mm_new());
}

void model_processes_end(void)
{
	while (model.processes) {
		struct process *p = model.processes;

		model.processes = p->next;
		free(p);
	}
	while (model.mms) {
		struct mm *mm = model.mms;

		model.mms = mm->next;
		model_regions_free(mm);
		free(mm);
	}
}
