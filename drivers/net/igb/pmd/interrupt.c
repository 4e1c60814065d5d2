/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts: vector 0 for the link, one for each receive queue, and VFIO's request to let go of
 * the device. EAL's interrupt thread waits for the first and the last.
 */
#include "pmd.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_epoll.h>

static void drain(const struct rte_intr_handle *handle)
{
	uint64_t count;

	if (read(rte_intr_fd_get(handle), &count, sizeof(count)) < 0)
		return;
}

static void on_link(void *arg)
{
	struct pmd_port *port = arg;

	drain(port->link);
	tce_igb_irq(port->nic, 0, true);
	link_update(port->dev, 0);
	rte_eth_dev_callback_process(port->dev, RTE_ETH_EVENT_INTR_LSC, NULL);
	if (port->nic->vf && igb_vf_is_lost(port->nic))
		rte_eth_dev_callback_process(port->dev, RTE_ETH_EVENT_INTR_RESET, NULL);
}

static void on_removal(void *arg)
{
	struct pmd_port *port = arg;

	drain(port->removal);
	rte_eth_dev_callback_process(port->dev, RTE_ETH_EVENT_INTR_RMV, NULL);
}

static int make(struct rte_intr_handle **handle, enum rte_intr_handle_type type, int fd)
{
	struct rte_intr_handle *made = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);

	if (made && !rte_intr_type_set(made, type) && !rte_intr_fd_set(made, fd)) {
		*handle = made;
		return 0;
	}
	rte_intr_instance_free(made);
	return say(-ENOMEM, "no memory for interrupts");
}

static void unmake(struct rte_intr_handle **handle, rte_intr_callback_fn fn, struct pmd_port *port)
{
	if (!*handle)
		return;
	if (fn)
		rte_intr_callback_unregister_sync(*handle, fn, port);
	if (rte_intr_fd_get(*handle) >= 0)
		close(rte_intr_fd_get(*handle));
	rte_intr_instance_free(*handle);
	*handle = NULL;
}

static int make_watched(struct rte_intr_handle **handle, rte_intr_callback_fn fn,
			struct pmd_port *port)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int err;

	if (fd < 0)
		return say(-errno, "no eventfd for an interrupt: %s", strerror(errno));
	err = make(handle, RTE_INTR_HANDLE_EXT, fd);
	if (err) {
		close(fd);
		return err;
	}
	if (!rte_intr_callback_register(*handle, fn, port))
		return 0;
	unmake(handle, NULL, port);
	return say(-EIO, "EAL does not watch an interrupt");
}

int interrupt_open(struct pmd_port *port)
{
	int fd, err = make_watched(&port->link, on_link, port);

	if (!err)
		err = make_watched(&port->removal, on_removal, port);
	if (!err)
		err = make(&port->queues, RTE_INTR_HANDLE_VDEV, -1);
	if (!err) {
		fd = rte_intr_fd_get(port->removal);
		err = tce_pci_irqs(tce_igb_pci(port->nic), TCE_PCI_REMOVAL, &fd, 1);
		err = err ? say(err, "%s", tce_error()) : 0;
	}
	if (err)
		interrupt_close(port);
	else
		port->dev->intr_handle = port->queues;
	return err;
}

void interrupt_close(struct pmd_port *port)
{
	tce_pci_irqs(tce_igb_pci(port->nic), TCE_PCI_REMOVAL, NULL, 0);
	port->dev->intr_handle = NULL;
	unmake(&port->queues, NULL, port);
	unmake(&port->removal, on_removal, port);
	unmake(&port->link, on_link, port);
}

/* Eventfds of the receive queues, where the application wants them: [1 + queue] of @fds. */
static int open_queues(struct rte_eth_dev *dev, int *fds, unsigned n)
{
	struct rte_intr_handle *handle = pmd_port(dev)->queues;

	if (n && rte_intr_vec_list_alloc(handle, NULL, (int)n))
		return say(-ENOMEM, "no memory for the interrupts of %u queues", n);
	for (unsigned i = 0; i < n; i++) {
		fds[1 + i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (fds[1 + i] < 0)
			return say(-errno, "no eventfd for queue %u: %s", i, strerror(errno));
		rte_intr_efds_index_set(handle, (int)i, fds[1 + i]);
		rte_intr_vec_list_index_set(handle, (int)i, (int)(RTE_INTR_VEC_RXTX_OFFSET + i));
		rte_intr_nb_efd_set(handle, (int)i + 1);
	}
	rte_intr_efd_counter_size_set(handle, sizeof(uint64_t));
	rte_intr_max_intr_set(handle, (int)n + 1);
	return 0;
}

static void close_queues(struct rte_eth_dev *dev)
{
	struct rte_intr_handle *handle = pmd_port(dev)->queues;
	int n = rte_intr_nb_efd_get(handle);

	rte_intr_free_epoll_fd(handle);
	for (int i = 0; i < n; i++)
		close(rte_intr_efds_index_get(handle, i));
	rte_intr_nb_efd_set(handle, 0);
	rte_intr_vec_list_free(handle);
}

int interrupt_start(struct rte_eth_dev *dev)
{
	const struct rte_eth_intr_conf *conf = &dev->data->dev_conf.intr_conf;
	struct pmd_port *port = pmd_port(dev);
	unsigned n = conf->rxq ? dev->data->nb_rx_queues : 0;
	int fds[1 + PMD_QUEUES] = {rte_intr_fd_get(port->link)}, err;

	if (!conf->rxq && !conf->lsc)
		return 0;
	err = open_queues(dev, fds, n);
	if (!err) {
		err = tce_pci_irqs(tce_igb_pci(port->nic), TCE_PCI_MSIX, fds, 1 + n);
		err = err ? say(err, "%s", tce_error()) : 0;
	}
	if (!err) {
		err = tce_igb_irq_route(port->nic, n);
		err = err ? say(err, "%s", tce_igb_error()) : 0;
	}
	if (err) {
		interrupt_stop(dev);
		return err;
	}
	if (conf->lsc)
		tce_igb_irq(port->nic, 0, true);
	return 0;
}

void interrupt_stop(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port(dev);

	for (unsigned v = 0; v <= PMD_QUEUES; v++)
		tce_igb_irq(port->nic, v, false);
	tce_pci_irqs(tce_igb_pci(port->nic), TCE_PCI_MSIX, NULL, 0);
	close_queues(dev);
}

int interrupt_rx_enable(struct rte_eth_dev *dev, uint16_t queue)
{
	tce_igb_irq(pmd_port(dev)->nic, 1u + queue, true);
	return 0;
}

int interrupt_rx_disable(struct rte_eth_dev *dev, uint16_t queue)
{
	tce_igb_irq(pmd_port(dev)->nic, 1u + queue, false);
	return 0;
}
