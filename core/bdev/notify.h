/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_NOTIFY_H
#define CORE_BDEV_NOTIFY_H

/* The events of bdevs; each one's context is the bdev's name. */

#include <ebb/notify.h>

extern struct ebb_notify_type bdev_notify_register;   /* it can be opened */
extern struct ebb_notify_type bdev_notify_unregister; /* it has gone; its name is free */
extern struct ebb_notify_type bdev_notify_resize;

#endif
