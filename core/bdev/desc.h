/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BDEV_DESC_H
#define EBB_BDEV_DESC_H

/* Between registry.c and desc.c. */

#include "core/bdev/registry.h"

/* Makes @desc hold the bdev called @name. Return: as ebb_bdev_open(). Thread: any. */
int bdev_desc_link(struct ebb_bdev_desc *desc, const char *name);

/* @desc holds its bdev no longer; the last one begins the bdev's teardown. Under the lock. */
void bdev_desc_unlink_locked(struct ebb_bdev_desc *desc);

/* Tells each holder, on its thread. Under the lock. */
void bdev_desc_tell_all(struct ebb_bdev_internal *internal, enum ebb_bdev_event event);

#endif
