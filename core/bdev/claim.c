/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: who stands on a bdev is the only one who writes to it. A claim is its descriptor's, and
 * goes with it; what keeps others from opening for writing is in desc.c, under the same lock.
 */
#include "core/bdev/claim.h"

#include <errno.h>

#include <ebb/bdev_module.h>
#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/bdev/desc.h"
#include "core/event/app_only.h"

/* Reports use of @desc after its close, or on another thread than the app thread or its own. */
static bool claim_is_mine(const struct ebb_bdev_desc *desc, const char *function, const void *site)
{
	const struct ebb_thread *runner = ebb_thread_current();

	if (!bdev_desc_is_open(desc)) {
		ebb_violation_at(2, function, "a descriptor that is not open", NULL, runner, site);
		return false;
	}
	if (!event_app_only(function, desc->bdev->name, site)) {
		return false;
	}
	if (desc->thread != runner) {
		ebb_violation_at(2, function, desc->bdev->name, desc->thread, runner, site);
		return false;
	}
	return true;
}

/* Somebody else who has @desc's bdev open for writing, or NULL. */
static const struct ebb_bdev_desc *claim_other_writer(const struct ebb_bdev_desc *desc)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &desc->internal->descs) {
		const struct ebb_bdev_desc *other =
			ebb_list_entry(node, struct ebb_bdev_desc, link);

		if (other != desc && other->write) {
			return other;
		}
	}
	return NULL;
}

EBB_REPORTS int ebb_bdev_claim(struct ebb_bdev_desc *desc, const char *holder)
{
	struct ebb_bdev_internal *internal;
	const struct ebb_bdev_desc *writer;
	int rc = 0;

	if (!claim_is_mine(desc, __func__, __builtin_return_address(0))) {
		return -EPERM;
	}
	internal = desc->internal;
	bdev_table_lock();
	writer = claim_other_writer(desc);
	if (internal->claim != NULL) {
		rc = -EPERM;
		ebb_error("bdev", "bdev '%s' cannot be claimed by '%s': '%s' has claimed it",
			  internal->bdev->name, holder, internal->claim_holder);
	} else if (writer != NULL) {
		rc = -EPERM;
		ebb_error("bdev",
			  "bdev '%s' cannot be claimed by '%s': thread '%s' has it open for "
			  "writing",
			  internal->bdev->name, holder, ebb_thread_name(writer->thread));
	} else {
		internal->claim = desc;
		internal->claim_holder = holder;
		desc->claims = true;
		desc->write = !internal->bdev->read_only;
	}
	internal->claim_refused = internal->claim_refused || rc < 0;
	bdev_table_unlock();
	return rc;
}

EBB_REPORTS void ebb_bdev_release(struct ebb_bdev_desc *desc)
{
	if (!claim_is_mine(desc, __func__, __builtin_return_address(0))) {
		return;
	}
	bdev_table_lock();
	bdev_desc_release_locked(desc);
	bdev_table_unlock();
}

EBB_REPORTS const char *ebb_bdev_claim_holder(const struct ebb_bdev *bdev)
{
	const char *holder;

	if (!event_app_only(__func__, bdev->name, __builtin_return_address(0))) {
		return NULL;
	}
	bdev_table_lock();
	holder = bdev->internal != NULL ? bdev->internal->claim_holder : NULL;
	bdev_table_unlock();
	return holder;
}

bool bdev_claim_is_held(struct ebb_bdev_internal *internal)
{
	bool held;

	bdev_table_lock();
	held = internal->claim != NULL;
	bdev_table_unlock();
	return held;
}
