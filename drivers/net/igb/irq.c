/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts by MSI-X: which cause goes to which vector, and which are let through [7.3]. */
#include "device.h"

#include <errno.h>

/* At most 20 000 interrupts of a vector in a second. */
#define PAUSE_USEC 50u

int tce_igb_irq_route(struct tce_igb *nic, unsigned queues)
{
	unsigned vectors = nic->vf ? IGB_VF_VECTORS : TCE_IGB_VECTORS;

	if (queues >= vectors)
		return igb_fail(-EINVAL, "%s: no vectors for %u receive queues, there are %u",
				nic->name, queues, vectors - 1);
	if (nic->vf) {
		igb_vf_irq_route(nic, queues);
		return 0;
	}
	igb_write(nic, IGB_EIMC, UINT32_MAX);
	igb_write(nic, IGB_IMC, UINT32_MAX);
	/*
	 * Each vector by itself; a cause is cleared as its message is sent [7.3.2.11]. Behind
	 * vector 0 there are causes of its own: reading them clears them, whatever else is on.
	 */
	igb_write(nic, IGB_GPIE, IGB_GPIE_NSICR | IGB_GPIE_MSIX | IGB_GPIE_PBA | IGB_GPIE_EIAME);
	igb_write(nic, IGB_EIAC, (2u << queues) - 1);
	igb_write(nic, IGB_IVAR_MISC, IGB_IVAR_OTHER(0u));
	for (unsigned q = 0; q < queues; q++) {
		igb_write(nic, IGB_IVAR(q), IGB_IVAR_RX(1 + q));
		igb_write(nic, IGB_EITR(1 + q), IGB_EITR_USEC(PAUSE_USEC));
	}
	return 0;
}

void tce_igb_irq(struct tce_igb *nic, unsigned vector, bool through)
{
	if (vector == 0 && !nic->vf) {
		/* Reading what has come clears it, so that the next change of the link is one. */
		igb_read(nic, IGB_ICR);
		igb_write(nic, through ? IGB_IMS : IGB_IMC, IGB_ICR_LSC);
	}
	igb_write(nic, through ? IGB_EIMS : IGB_EIMC, 1u << vector);
}
