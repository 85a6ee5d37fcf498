/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_SETTINGS_H
#define CORE_BDEV_SETTINGS_H

/*
 * What methods have set of a bdev, by its name: it outlives a bdev that goes by itself (a drive
 * that is unplugged), and counts again when one of that name comes. Thread: app.
 */

#include <ebb/bdev_module.h>

/* @bdev goes: what is set of it is wanted, and absent. */
void bdev_settings_absent(const struct ebb_bdev *bdev);

/* A method has set something of @bdev, and its call has ended: the bdev may be going meanwhile. */
void bdev_settings_made(const struct ebb_bdev *bdev);

/* @bdev has come: calls the methods again that have set what is absent. */
void bdev_settings_recall(const struct ebb_bdev *bdev);

#endif
