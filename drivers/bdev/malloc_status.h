/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_BDEV_MALLOC_STATUS_H
#define DRIVERS_BDEV_MALLOC_STATUS_H

#include <ebb/bdev_module.h>

/*
 * Answers a block status of a disk of memory that begins at @memory, of whole pages of 4 KiB. It looks
 * at so much of it that others need not wait. Thread: any.
 */
void malloc_status_answer(const char *memory, const struct ebb_bdev_io *io);

#endif
