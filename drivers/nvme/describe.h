/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_DESCRIBE_H
#define DRIVERS_NVME_DESCRIBE_H

/* Controllers and namespaces as JSON, in the shapes that SPDK's clients know. Thread: app. */

struct ebb_bdev;
struct nvme_drive;
struct json_object;

/* What driver_specific says of a namespace's bdev. */
void nvme_describe_bdev(const struct ebb_bdev *bdev, struct json_object *into);

/* One element of bdev_nvme_get_controllers. */
struct json_object *nvme_describe_drive(const struct nvme_drive *drive);

/* The names of its bdevs. */
struct json_object *nvme_describe_names(const struct nvme_drive *drive);

#endif
