/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystem "nbd". Its end takes all exports away and waits for their clients' requests; what
 * does not end in time is named, and left behind.
 */
#include <ebb/subsystem.h>

#include <ebb/log.h>

#include "core/exporter/export.h"
#include "drivers/nbd/rpc.h"
#include "core/exporter/threads.h"

#define FINI_TIMEOUT_MS 9000u

static struct ebb_subsystem nbd_subsystem;
static bool fini_waits;

static void fini_threads_stopped(void)
{
	if (fini_waits) {
		fini_waits = false;
		ebb_subsystem_fini_done(&nbd_subsystem);
	}
}

static struct exporter_threads_user nbd_threads = {
	.started = ebb_subsystem_init_next,
	.stopped = fini_threads_stopped,
};

static void fini_exports_stopped(void)
{
	exporter_threads_stop(&nbd_threads);
}

static void nbd_fini_expired(void)
{
	struct exporter_export *export = exporter_export_next(&nbd_exporter, NULL);

	if (export == NULL) {
		ebb_error("nbd", "its threads have not ended at shutdown; left behind");
	}
	for (; export != NULL; export = exporter_export_next(&nbd_exporter, export)) {
		ebb_error("nbd",
			  "export '%s' of bdev '%s' has not ended at shutdown: %u of its clients "
			  "are left; left behind",
			  export->name, export->bdev_name, export->num_clients);
	}
	fini_waits = false;
}

static void nbd_init(void)
{
	exporter_threads_start(&nbd_threads);
}

static void nbd_fini(void)
{
	fini_waits = true;
	nbd_rpc_fini();
	exporter_export_stop_all(&nbd_exporter, fini_exports_stopped);
}

static const char *const nbd_stats[] = {"nbd_get_exports", NULL};

static struct ebb_subsystem nbd_subsystem = {
	.name = "nbd",
	.init = nbd_init,
	.fini = nbd_fini,
	.fini_timeout_ms = FINI_TIMEOUT_MS,
	.fini_expired = nbd_fini_expired,
	.stats = nbd_stats,
};
EBB_SUBSYSTEM_REGISTER(nbd_subsystem)
EBB_SUBSYSTEM_DEPEND(nbd, bdev)
