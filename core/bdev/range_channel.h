/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_RANGE_CHANNEL_H
#define CORE_BDEV_RANGE_CHANNEL_H

/* A channel's part in locks of ranges, from its beginning to its end. Thread: the channel's. */

struct bdev_channel;

/* Return: 0; -ENOMEM. */
int bdev_range_channel_init(struct bdev_channel *ch);
void bdev_range_channel_fini(struct bdev_channel *ch);

/* The channel goes on after its thread has moved: so do writes that wait for no lock any more. */
void bdev_range_channel_resume(struct bdev_channel *ch);

#endif
