/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A poll-mode driver for NVMe controllers. Commands go into the queue pairs of their threads,
 * without a lock or a system call; their ends are found by polling.
 *
 * Every command that was taken ends exactly once, by a call of its function: with the controller's
 * answer, or with an error when it did not answer in time, was reset, or is gone.
 */
#ifndef TCE_NVME_H
#define TCE_NVME_H

#include <sys/uio.h>
#include <tce/hugemem.h>
#include <tce/space.h>

TCE_BEGIN_DECLS

/** A controller. */
struct tce_nvme;

/** A pair of queues, of one thread at a time. */
struct tce_nvme_queue;

/** How to open a controller. Zero every field that is not set: 0 always means the default. */
struct tce_nvme_options {
	struct tce_space_options space; /**< mem= is to hold all that will be mapped for it */
	unsigned queues; /**< most queue pairs, up to 1024; default: 8. It sizes the memory */
	unsigned depth;	 /**< most commands of a queue pair at a time, up to 16383; default: 128 */
	unsigned timeout_ms;  /**< after which a command is aborted; default: 10000 */
	size_t page;	      /**< pages of the driver's memory; default: the default hugepage */
	bool any_node;	      /**< not of the controller's NUMA node only */
	bool no_sgl;	      /**< PRPs, even if the controller takes SGLs */
	uint64_t reserved[4]; /**< for later versions */
};

/** What a controller is. */
struct tce_nvme_info {
	char model[41], serial[21], firmware[9];
	uint32_t version;    /**< of the specification: major << 16 | minor << 8 | tertiary */
	uint32_t namespaces; /**< highest number that one may have */
	unsigned queues;     /**< queue pairs that may be open */
	unsigned depth;	     /**< commands of a queue pair at a time */
	size_t max_transfer; /**< bytes of a command */
	bool sgl;	     /**< SGLs are used */
	bool write_cache;    /**< a flush has something to do */
	uint64_t resets;     /**< resets since it was opened */
	uint64_t aborts;     /**< commands that it was told to abort */
};

/** A namespace; plain data, to be handed to reads and writes. */
struct tce_nvme_namespace {
	uint32_t id;
	uint32_t shift;	     /**< a block has 1 << shift bytes */
	uint64_t blocks;     /**< how many */
	uint32_t max_blocks; /**< of a command */
};

/**
 * Called once for each command that was taken, on the thread that polls. It may give new commands.
 * @err: 0; or -ETIMEDOUT, aborted after its time; -ECANCELED, the controller was reset meanwhile:
 * try again; -ENODEV, the controller is gone; -EINVAL, -ERANGE, -ENOSPC, -EACCES, -EIO: its answer.
 * @status: the answer itself, bits 1 to 15 of the completion's status; 0 if there was none.
 */
typedef void tce_nvme_fn(void *arg, int err, unsigned status);

/**
 * Open a controller: its space, its function, its memory; reset it and ask what it is.
 *
 * Units: @device as for tce_space_open(); @opts may be NULL.
 * Owner: @nvme is the library's until tce_nvme_close().
 * Threads: a control call.
 * Errors: as tce_space_open(), tce_pci_open(), tce_pci_bar(), tce_arena_open(), and
 *   -EINVAL  more queue pairs or commands than that, or a reserved field is not 0
 *   -ENODEV  its registers read all ones: it is gone
 *   -ENOTSUP no NVMe controller, or one without the NVM command set, or with pages too large
 *   -ETIMEDOUT  it did not get ready, or did not answer
 *   -EIO     it is in a fatal state, or refused a command: the sentence has the status
 */
int tce_nvme_open(const char *device, const struct tce_nvme_options *opts, struct tce_nvme **nvme);

/**
 * Shut a controller down and let it go.
 *
 * Units: none.
 * Owner: on 0 and -EIO @nvme is gone, and memory mapped for it may be unmapped on 0.
 * Threads: a control call; no thread may use the controller.
 * Errors:
 *   -EBUSY   queue pairs are open, or arenas mapped: the sentence says how many
 *   -EIO     as tce_space_close(), tce_arena_close()
 */
int tce_nvme_close(struct tce_nvme *nvme);

/**
 * Tell what a controller is.
 *
 * Units: see the struct.
 * Owner: the caller owns @info.
 * Threads: any; not a control call.
 * Errors: none.
 */
void tce_nvme_info(struct tce_nvme *nvme, struct tce_nvme_info *info);

/**
 * Give the space that the controller sees, to map memory in.
 *
 * Units: none.
 * Owner: the controller's, as long as it is open.
 * Threads: any; not a control call.
 * Errors: none.
 */
struct tce_space *tce_nvme_space(const struct tce_nvme *nvme);

/**
 * Map an arena for the controller. Buffers of it cost an addition to translate; others that are
 * mapped in the space are looked up.
 *
 * Units: none.
 * Owner: the mapping is undone by tce_nvme_unmap().
 * Threads: a control call.
 * Errors: as tce_arena_map(), and
 *   -ENOSPC  8 arenas are mapped already
 */
int tce_nvme_map(struct tce_nvme *nvme, struct tce_arena *arena);

/**
 * Undo a tce_nvme_map().
 *
 * Units: none.
 * Owner: the arena is the caller's alone.
 * Threads: a control call; no command with a buffer of the arena may be under way or be given.
 * Errors: as tce_arena_unmap(), and
 *   -ENOENT  the arena is not mapped
 */
int tce_nvme_unmap(struct tce_nvme *nvme, struct tce_arena *arena);

/**
 * Ask for a namespace.
 *
 * Units: @id: from 1.
 * Owner: the caller owns @ns.
 * Threads: any, not a signal handler; waits for the controller.
 * Errors:
 *   -ENOENT  no such namespace, or it is not active
 *   -ENOTSUP its format keeps metadata beside each block, or its blocks have an impossible size
 *   -ENODEV, -ETIMEDOUT, -EIO  the controller is gone, does not answer, refused
 *   -EPERM   in a child of the process that opened it
 */
int tce_nvme_namespace(struct tce_nvme *nvme, uint32_t id, struct tce_nvme_namespace *ns);

/**
 * Open a queue pair.
 *
 * Units: none.
 * Owner: @queue is the library's until tce_nvme_queue_close().
 * Threads: any, not a signal handler; waits for the controller. What is opened here is of one
 *   thread at a time.
 * Errors:
 *   -ENOSPC  as many as were asked for in the options, or as the controller has, are open
 *   -ENOMEM  no memory
 *   -ENODEV, -ETIMEDOUT, -EIO  the controller is gone, does not answer, refused
 *   -EPERM   in a child of the process that opened it
 */
int tce_nvme_queue_open(struct tce_nvme *nvme, struct tce_nvme_queue **queue);

/**
 * Close a queue pair.
 *
 * Units: none.
 * Owner: on 0 @queue is gone.
 * Threads: its own; waits for the controller.
 * Errors:
 *   -EBUSY   commands are under way: poll until there are none
 *   -EIO     the controller kept the queues; they are gone all the same
 *   -EPERM   in a child of the process that opened it
 */
int tce_nvme_queue_close(struct tce_nvme_queue *queue);

/**
 * Give a read to a queue. The controller is told at the next tce_nvme_ring() or
 * tce_nvme_poll(): once for a burst.
 *
 * Units: @lba, @blocks: of the namespace's blocks; @buf: at a multiple of 4, mapped in the space,
 *   of as many bytes as the blocks have.
 * Owner: the buffer is the controller's until @fn is called.
 * Threads: the queue's.
 * Errors: @fn is not called then
 *   -EAGAIN  the queue is full, or was reset: poll. No sentence is kept
 *   -EINVAL  no blocks, more than the controller takes, or a misaligned buffer
 *   -ERANGE  past the end of the namespace
 *   -ENOENT  the buffer, or part of it, is not mapped
 *   -ENODEV, -EIO  the controller is gone, or beyond help
 */
int tce_nvme_read(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		  uint32_t blocks, void *buf, tce_nvme_fn *fn, void *arg);

/**
 * Give a write to a queue.
 *
 * Units: as tce_nvme_read().
 * Owner: as tce_nvme_read().
 * Threads: the queue's.
 * Errors: as tce_nvme_read()
 */
int tce_nvme_write(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		   uint32_t blocks, const void *buf, tce_nvme_fn *fn, void *arg);

/**
 * Give a read into several buffers to a queue.
 *
 * Units: as tce_nvme_read(); the parts add up to the blocks' bytes. Without SGLs each but the first
 *   has to start, and each but the last to end, on a page of the controller (4 KiB).
 * Owner: as tce_nvme_read(); @iov itself is free at once.
 * Threads: the queue's.
 * Errors: as tce_nvme_read(), and
 *   -EINVAL  the parts are not as many bytes, or too many, or not as PRPs need them
 */
int tce_nvme_readv(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		   uint32_t blocks, const struct iovec *iov, unsigned n, tce_nvme_fn *fn,
		   void *arg);

/**
 * Give a write out of several buffers to a queue.
 *
 * Units: as tce_nvme_readv().
 * Owner: as tce_nvme_readv().
 * Threads: the queue's.
 * Errors: as tce_nvme_readv()
 */
int tce_nvme_writev(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns, uint64_t lba,
		    uint32_t blocks, const struct iovec *iov, unsigned n, tce_nvme_fn *fn,
		    void *arg);

/**
 * Have everything written before, and ended, put where it survives a loss of power.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: the queue's.
 * Errors: as tce_nvme_read()
 */
int tce_nvme_flush(struct tce_nvme_queue *queue, const struct tce_nvme_namespace *ns,
		   tce_nvme_fn *fn, void *arg);

/**
 * Tell the controller of the commands given since the last time: one write to a register, ordered
 * behind them.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: the queue's.
 * Errors: none.
 */
void tce_nvme_ring(struct tce_nvme_queue *queue);

/**
 * Look for commands that have ended, and call their functions; tce_nvme_ring() for new ones. Now
 * and then also look whether the controller is well and whether commands have been under way too
 * long: what that takes (an abort, a reset) happens in here, and may take seconds.
 *
 * Units: @max: most functions to call, 0 for no limit; the number that were called.
 * Owner: nothing changes hands.
 * Threads: the queue's.
 * Errors: none: they are the commands'.
 */
unsigned tce_nvme_poll(struct tce_nvme_queue *queue, unsigned max);

/**
 * Count the commands under way.
 *
 * Units: commands that were taken and whose function was not called yet.
 * Owner: nothing changes hands.
 * Threads: the queue's.
 * Errors: none.
 */
unsigned tce_nvme_outstanding(const struct tce_nvme_queue *queue);

/**
 * Reset the controller. Commands under way in any queue end with -ECANCELED as that queue is
 * polled, which also sets it up again.
 *
 * Units: none.
 * Owner: nothing changes hands.
 * Threads: any, not a signal handler; waits for the controller.
 * Errors:
 *   -ENODEV  it is gone
 *   -ETIMEDOUT, -EIO  it does not come back: every command ends with -EIO from now on
 *   -EPERM   in a child of the process that opened it
 */
int tce_nvme_reset(struct tce_nvme *nvme);

TCE_END_DECLS

#endif
