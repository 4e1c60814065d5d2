/* SPDX-License-Identifier: BSD-3-Clause */
/* The model's state as a text, for comparing before and after. */
#include <inttypes.h>
#include <stdio.h>

#include "state.h"

static bool follows(const struct hw_tce *a, const struct hw_tce *b, uint64_t page)
{
	return a->access == b->access && a->frame + page == b->frame && a->va + page == b->va;
}

/* TCEs in runs: a line for each. */
static void describe_table(FILE *out, const struct table *table)
{
	uint64_t n = table->size / table->page, run = 0, start = 0;
	struct hw_tce *first = NULL, *last = NULL;

	fprintf(out, " window %#" PRIx64 " + %#" PRIx64 " page %#" PRIx64 " levels %u\n",
		table->start, table->size, table->page, table->levels);
	for (uint64_t i = 0; i <= n; i++) {
		struct hw_tce *tce = NULL;

		if (i < n && !table->leaves[i / MODEL_LEAF])
			i |= MODEL_LEAF - 1;
		else if (i < n && model_entry(table, i)->access)
			tce = model_entry(table, i);
		if (run && !(tce && follows(last, tce, table->page))) {
			fprintf(out, "  %" PRIu64 " TCEs at %#" PRIx64 ": page %p, va %p, %u\n",
				run, start, (void *)first->frame, (void *)first->va, first->access);
			run = 0;
		}
		if (tce && !run++) {
			first = tce;
			start = table->start + i * table->page;
		}
		last = tce;
	}
}

void model_describe(FILE *out)
{
	fprintf(out, "memlock %" PRIu64 ", descriptors %u, lost pages %" PRIu64 "\n",
		model_locked() - model_lost_memlock(), model_fds(), model_lost_pages());
	for (struct mm *mm = model.mms; mm; mm = mm->next)
		for (struct region *r = mm->regions; r; r = r->next)
			fprintf(out, "region %p + %#zx page %#" PRIx64 " used %u mapped %ld\n",
				(void *)r->va, r->len, r->page, r->used, r->mapped);
	for (struct group *g = model.groups; g; g = g->next) {
		fprintf(out, "group %d files %u devices %u\n", g->number, g->files,
			g->devices_open);
		if (!g->container)
			continue;
		fprintf(out, " container with %zu regions\n", g->container->n_enrolled);
		for (unsigned i = 0; i < MODEL_TABLES; i++)
			if (g->container->tables[i].used)
				describe_table(out, &g->container->tables[i]);
	}
	for (struct device *d = model.devices; d; d = d->next)
		for (unsigned i = 0; i < KERNEL_IRQS; i++)
			if (d->irq[i].set)
				fprintf(out, "device %s: %u interrupts of sort %u\n", d->name,
					d->irq[i].set, i);
}
