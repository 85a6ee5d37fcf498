/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BDEV_INFO_H
#define EBB_BDEV_INFO_H

/* Bdevs as people and clients see them. Thread: app. */

struct ebb_bdev;
struct ebb_call;
struct json_object;

/* One element of what bdev_get_bdevs answers. */
struct json_object *bdev_info_json(const struct ebb_bdev *bdev);

/* Ends @call: there is no bdev of that name. */
void bdev_answer_not_found(struct ebb_call *call, const char *name);

/* Shutdown: ends every call that waits for a bdev to appear. */
void bdev_waits_end(void);

#endif
