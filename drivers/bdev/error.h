/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_BDEV_ERROR_H
#define DRIVERS_BDEV_ERROR_H

/* The error bdev: passes requests on to its base, but for those that it is told to spoil. */

#include "core/bdev/virtual.h"

enum error_kind {
	ERROR_NONE,
	ERROR_FAILURE,      /* ends with -EIO; the base does not see it */
	ERROR_PENDING,      /* does not end */
	ERROR_CORRUPT_DATA, /* one byte is another one */
	ERROR_NOMEM,        /* goes to the base later, as if that had had no memory for it */
	ERROR_NVME_FAILURE, /* ends as if an NVMe drive had answered so */
};

/* What is to happen to requests of one type. */
struct error_injection {
	enum error_kind kind;
	uint8_t corrupt_value;   /* by which the byte is XORed */
	int status;              /* ERROR_NVME_FAILURE: how it ends */
	uint32_t generation;     /* which of the injections into the type it is */
	uint64_t queue_depth;    /* only while so many are in flight in the channel */
	uint64_t corrupt_offset; /* bytes, from the beginning of the request */
};

extern const struct bdev_virtual_kind bdev_error_kind;

/**
 * bdev_error_inject() - spoil the next @num requests of some types
 * @types: mask of EBB_BIT(enum ebb_bdev_io_type)
 * @injection: copied, but for its generation
 * @done: once, when all channels know, never inside this call: 0, or -ENODEV: @virtual is going
 * Thread: app. @virtual: of bdev_error_kind, not waiting.
 */
void bdev_error_inject(struct bdev_virtual *virtual, uint32_t types,
		       const struct error_injection *injection, uint32_t num,
		       void (*done)(void *arg, int rc), void *arg);

/* Injects no more ERROR_PENDING, and lets the requests go on that are pending. As above. */
void bdev_error_resume_pending(struct bdev_virtual *virtual, void (*done)(void *arg, int rc),
			       void *arg);

/* How a request ends that an NVMe drive ends with this status. Return: negative errno. */
int bdev_error_of_nvme(uint32_t sct, uint32_t sc);

#endif
