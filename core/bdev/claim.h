/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_CLAIM_H
#define CORE_BDEV_CLAIM_H

#include <stdbool.h>

struct ebb_bdev_internal;

/* Has anybody claimed the bdev? Thread: any. */
bool bdev_claim_is_held(struct ebb_bdev_internal *internal);

#endif
