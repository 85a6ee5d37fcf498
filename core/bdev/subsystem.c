/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystem "bdev". Its end takes all bdevs away and waits for their holders; those that do not
 * let go in time are named, and left behind.
 */
#include <ebb/subsystem.h>

#include <ebb/bdev_module.h>
#include <ebb/log.h>
#include <ebb/poller.h>

#include "core/bdev/desc.h"
#include "core/bdev/registry.h"
#include "core/bdev/rpc.h"

#define FINI_TIMEOUT_US 5000000u

static unsigned bdevs_leaving;
static struct ebb_poller *fini_timer;

static void fini_end(void)
{
	ebb_poller_unregister(&fini_timer);
	bdev_registry_forget();
	ebb_subsystem_fini_next();
}

static void bdev_left(void *arg)
{
	(void)arg;
	/* Without a timer the end has been declared already. */
	if (--bdevs_leaving == 0 && fini_timer != NULL) {
		fini_end();
	}
}

static void name_holder(const struct ebb_bdev_desc *desc, void *arg)
{
	(void)arg;
	ebb_error("bdev", "bdev '%s' is still held open by thread '%s' at shutdown; left behind",
		  desc->bdev->name, ebb_thread_name(desc->thread));
}

static int fini_expired(void *arg)
{
	struct ebb_bdev *bdev = NULL;

	(void)arg;
	while ((bdev = ebb_bdev_next(bdev)) != NULL) {
		if (bdev->internal->state == BDEV_TEARDOWN) {
			ebb_error("bdev",
				  "channels of bdev '%s' are still open at shutdown; "
				  "left behind",
				  bdev->name);
		}
		bdev_desc_for_each(bdev, name_holder, NULL);
	}
	fini_end();
	return 1;
}

/* A bdev that is going already has a waiter of its own, and is not waited for twice. */
static void bdev_fini(void)
{
	struct ebb_bdev *bdev, *next;

	bdev_registry_close();
	bdev_waits_end();
	bdevs_leaving = 1; /* for this function */
	for (bdev = ebb_bdev_next(NULL); bdev != NULL; bdev = next) {
		next = ebb_bdev_next(bdev);
		if (ebb_bdev_unregister(bdev, bdev_left, NULL) == 0) {
			bdevs_leaving++;
		}
	}
	fini_timer = ebb_poller_register(fini_expired, NULL, FINI_TIMEOUT_US);
	if (fini_timer == NULL) {
		ebb_error("bdev", "no timer for the shutdown of the bdevs; not waiting for them");
		fini_end();
		return;
	}
	bdev_left(NULL);
}

static void bdev_init(void)
{
	bdev_registry_open();
	ebb_subsystem_init_next(0);
}

static struct ebb_subsystem bdev_subsystem = {
	.name = "bdev",
	.init = bdev_init,
	.fini = bdev_fini,
};

EBB_SUBSYSTEM_REGISTER(bdev_subsystem)
