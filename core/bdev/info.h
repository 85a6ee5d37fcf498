/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_INFO_H
#define CORE_BDEV_INFO_H

/* Bdevs as people and clients see them. Thread: app. */

struct ebb_bdev;
struct json_object;

/* One element of what bdev_get_bdevs answers. */
struct json_object *bdev_info_json(const struct ebb_bdev *bdev);

#endif
