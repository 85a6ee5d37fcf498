/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/notify.h"

struct ebb_notify_type bdev_notify_register = {.name = "bdev_register"};
EBB_NOTIFY_TYPE_REGISTER(bdev_notify_register)

struct ebb_notify_type bdev_notify_unregister = {.name = "bdev_unregister"};
EBB_NOTIFY_TYPE_REGISTER(bdev_notify_unregister)

struct ebb_notify_type bdev_notify_resize = {.name = "bdev_resize"};
EBB_NOTIFY_TYPE_REGISTER(bdev_notify_resize)
