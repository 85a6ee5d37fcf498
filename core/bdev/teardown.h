/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_TEARDOWN_H
#define CORE_BDEV_TEARDOWN_H

/* How a bdev goes, once it has been told to. */

#include "core/bdev/table.h"

/* From READY to REMOVING. Under the lock; bdev_teardown_check_locked() follows. */
void bdev_teardown_begin_locked(struct ebb_bdev_internal *internal);

/* Begins the teardown when nobody holds a bdev that is REMOVING. Under the lock. Thread: any. */
void bdev_teardown_check_locked(struct ebb_bdev_internal *internal);

/* Keeps @internal from being freed. Return: false: it is going already. Thread: any. */
bool bdev_pin(struct ebb_bdev_internal *internal);
void bdev_unpin(struct ebb_bdev_internal *internal);

#endif
