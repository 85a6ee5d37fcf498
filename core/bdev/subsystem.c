/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystem "bdev". Its end takes all bdevs away and waits for their holders; those that do not
 * let go in time are named, and left behind.
 */
#include <ebb/subsystem.h>

#include <ebb/bdev_module.h>
#include <ebb/log.h>
#include <ebb/startup.h>

#include "core/bdev/desc.h"
#include "core/bdev/qos_channel.h"
#include "core/bdev/registry.h"
#include "core/bdev/rpc.h"

#define FINI_TIMEOUT_MS 5000u

static struct ebb_subsystem bdev_subsystem;
static unsigned bdevs_leaving;
static bool fini_waits; /* for them */

static void bdev_left(void *arg)
{
	(void)arg;
	/* The end may have been declared already. */
	if (--bdevs_leaving == 0 && fini_waits) {
		fini_waits = false;
		bdev_registry_forget();
		ebb_subsystem_fini_done(&bdev_subsystem);
	}
}

static void name_holder(const struct ebb_bdev_desc *desc, void *arg)
{
	(void)arg;
	ebb_error("bdev", "bdev '%s' is still held open by thread '%s' at shutdown; left behind",
		  desc->bdev->name, ebb_thread_name(desc->thread));
}

static void bdev_fini_expired(void)
{
	struct ebb_bdev *bdev = NULL;

	while ((bdev = ebb_bdev_next(bdev)) != NULL) {
		if (bdev->internal->state == BDEV_TEARDOWN) {
			ebb_error("bdev",
				  "channels of bdev '%s' are still open at shutdown; "
				  "left behind",
				  bdev->name);
		}
		bdev_desc_for_each(bdev, name_holder, NULL);
	}
	fini_waits = false;
	bdev_registry_forget();
}

/* A bdev that is going already has a waiter of its own, and is not waited for twice. */
static void bdev_fini(void)
{
	struct ebb_bdev *bdev, *next;

	bdev_registry_close();
	bdev_rpc_end_waits();
	bdevs_leaving = 1; /* for this function */
	fini_waits = true;
	for (bdev = ebb_bdev_next(NULL); bdev != NULL; bdev = next) {
		next = ebb_bdev_next(bdev);
		if (ebb_bdev_unregister(bdev, bdev_left, NULL) == 0) {
			bdevs_leaving++;
		}
	}
	bdev_left(NULL);
}

static void bdev_init(void)
{
	bdev_registry_open();
	ebb_subsystem_init_next(0);
}

static void limits_begin(struct ebb_step step, void *arg)
{
	(void)arg;
	ebb_step_next(step, 0);
}

/*
 * Shutdown begins: nothing waits for a rate any more, before those are waited for whose requests it
 * is, such as exports.
 */
static void limits_end(struct ebb_step step, void *arg)
{
	struct ebb_bdev *bdev = NULL;

	(void)arg;
	while ((bdev = ebb_bdev_next(bdev)) != NULL) {
		bdev_qos_lift(bdev->internal);
	}
	ebb_step_next(step, 0);
}

static struct ebb_startup_step limits_step = {
	.ops = {.name = "rate limits", .start = limits_begin, .undo = limits_end},
	.rank = EBB_STARTUP_RPC_STATE,
};
EBB_STARTUP_STEP_REGISTER(limits_step)

static const char *const bdev_stats[] = {"bdev_get_bdevs", "bdev_get_iostat", NULL};

static struct ebb_subsystem bdev_subsystem = {
	.name = "bdev",
	.init = bdev_init,
	.fini = bdev_fini,
	.fini_timeout_ms = FINI_TIMEOUT_MS,
	.fini_expired = bdev_fini_expired,
	.stats = bdev_stats,
};

EBB_SUBSYSTEM_REGISTER(bdev_subsystem)
