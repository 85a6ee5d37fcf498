/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/server/in_use.h"

#include <errno.h>
#include <stdio.h>

#include "core/bdev/desc.h"

struct holders {
	unsigned count;
	char first[96]; /* for people */
};

/* Under the registry's lock: only looks. */
static void see_holder(const struct ebb_bdev_desc *desc, void *arg)
{
	struct holders *holders = arg;

	holders->count++;
	if (holders->count > 1) {
		return;
	}
	if (desc->export_name != NULL) {
		snprintf(holders->first, sizeof(holders->first), "exported as '%.64s'",
			 desc->export_name);
	} else {
		snprintf(holders->first, sizeof(holders->first), "open on thread '%.64s'",
			 ebb_thread_name(desc->thread));
	}
}

int bench_in_use(const struct ebb_bdev *bdev, bool force, char error[BENCH_LOAD_ERROR_MAX])
{
	const char *holder = ebb_bdev_claim_holder(bdev);
	struct holders holders = {0};

	if (ebb_bdev_read_only(bdev)) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bdev '%.64s' is read-only: give workload_type read or randread",
			 ebb_bdev_name(bdev));
		return -EROFS;
	}
	if (holder != NULL) {
		snprintf(
			error, BENCH_LOAD_ERROR_MAX,
			"bdev '%.64s' is claimed by '%.64s', which stands on it: write to that, or "
			"read",
			ebb_bdev_name(bdev), holder);
		return -EPERM;
	}
	if (force) {
		return 0;
	}
	bdev_desc_for_each(bdev, see_holder, &holders);
	if (holders.count == 0) {
		return 0;
	}
	snprintf(error, BENCH_LOAD_ERROR_MAX,
		 "bdev '%.64s' is %s%s: writing would destroy what is there; read, or give force",
		 ebb_bdev_name(bdev), holders.first, holders.count > 1 ? " and elsewhere" : "");
	return -EBUSY;
}
