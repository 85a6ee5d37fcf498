/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_REGISTRY_H
#define CORE_BDEV_REGISTRY_H

/* The coming and going of bdevs, for the rest of the layer. Thread: app. */

#include "core/bdev/table.h"

/*
 * Somebody who waits for a bdev of a name to be registered, or to be free to be claimed; @appeared
 * is called once, on the app thread, when it has been taken off the list of those who wait.
 */
struct bdev_registry_waiter {
	const char *name;
	const char *makes;  /* the bdev that it registers then: the name is kept for it; or NULL */
	const char *method; /* with @makes: that has asked for it; without a wish it is not kept */
	void (*appeared)(struct bdev_registry_waiter *waiter, struct ebb_bdev *bdev);
	struct ebb_list link;
};

void bdev_registry_wait(struct bdev_registry_waiter *waiter);
/* Before all who wait already. */
void bdev_registry_wait_first(struct bdev_registry_waiter *waiter);
void bdev_registry_stop_waiting(struct bdev_registry_waiter *waiter);

/* What ebb_bdev_register() has said -EINVAL to, if the last call of it did, for people; or NULL. */
const char *bdev_registry_fault(void);

/*
 * From close to open ebb_bdev_register() answers -ESHUTDOWN. To forget: the bdevs that are left
 * can be found no more, and their names are free for the next run.
 */
void bdev_registry_open(void);
void bdev_registry_close(void);
void bdev_registry_forget(void);

/* How often it was opened: another number, another run, where numbers of names begin again. */
unsigned bdev_registry_run(void);

#endif
