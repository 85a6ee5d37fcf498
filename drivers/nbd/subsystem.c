/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/subsystem.h>

#include "drivers/nbd/export.h"
#include "drivers/nbd/rpc.h"
#include "drivers/nbd/threads.h"

static void fini_exports_stopped(void)
{
	nbd_threads_stop(ebb_subsystem_fini_next);
}

static void nbd_init(void)
{
	nbd_threads_start(ebb_subsystem_init_next);
}

static void nbd_fini(void)
{
	nbd_rpc_fini();
	nbd_export_stop_all(fini_exports_stopped);
}

static const char *const nbd_stats[] = {"nbd_get_exports", NULL};

static struct ebb_subsystem nbd_subsystem = {
	.name = "nbd",
	.init = nbd_init,
	.fini = nbd_fini,
	.stats = nbd_stats,
};
EBB_SUBSYSTEM_REGISTER(nbd_subsystem)
EBB_SUBSYSTEM_DEPEND(nbd, bdev)
