/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drives that there are, and how one goes.
 *
 *	attaching -> online -> leaving -> deleting -> closing -> gone
 *
 * It ends in one order, whoever wants it (a user, the end of the process, a start that failed, a
 * device that has left): wait for what is under way (attach, reset, a job), take the bdevs away,
 * close each namespace when its last channel has gone, wait for the channels of the drive, then let
 * go of the device. Whatever has ended calls nvme_drive_go_on(), which looks how far that is.
 * Clients that do not let go keep it waiting: the device stays theirs. An attach that fails is
 * answered when all of that is done: whoever tries again finds name and device free.
 */
#include "drivers/nvme/drive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ebb/assert.h>

#include "drivers/nvme/channel.h"
#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/namespace.h"
#include "drivers/nvme/path.h"

static struct ebb_list drives = EBB_LIST_INIT(drives);
static void (*none_fn)(void *arg);
static void *none_arg;

struct nvme_drive *nvme_drive_next(struct nvme_drive *previous)
{
	struct ebb_list *node = previous == NULL ? drives.next : previous->link.next;

	return node == &drives ? NULL : ebb_list_entry(node, struct nvme_drive, link);
}

struct nvme_drive *nvme_drive_find(const char *name)
{
	struct nvme_drive *drive = NULL;

	while ((drive = nvme_drive_next(drive)) != NULL) {
		if (strcmp(drive->name, name) == 0) {
			break;
		}
	}
	return drive;
}

struct nvme_drive *nvme_drive_find_address(const struct nvme_transport *transport,
					   const char *traddr)
{
	struct nvme_drive *drive = NULL;
	char bdf[HOST_PCI_BDF_SIZE];

	traddr = host_pci_bdf_parse(traddr, bdf) ? bdf : traddr;
	while ((drive = nvme_drive_next(drive)) != NULL) {
		if (drive->path->transport == transport &&
		    strcasecmp(drive->path->traddr, traddr) == 0) {
			break;
		}
	}
	return drive;
}

void nvme_drive_wait_none(void (*fn)(void *arg), void *arg)
{
	if (ebb_list_empty(&drives)) {
		fn(arg);
		return;
	}
	none_fn = fn;
	none_arg = arg;
}

struct nvme_drive *nvme_drive_create(const char *name, const struct nvme_attach_opts *opts,
				     nvme_drive_cb done, void *arg)
{
	struct nvme_drive *drive = calloc(1, sizeof(*drive));

	if (drive == NULL) {
		return NULL;
	}
	drive->name = strdup(name);
	if (drive->name == NULL) {
		free(drive);
		return NULL;
	}
	drive->opts = *opts;
	drive->state = NVME_DRIVE_ATTACHING;
	drive->attach.done = done;
	drive->attach.arg = arg;
	ebb_list_init(&drive->namespaces);
	ebb_list_push_back(&drives, &drive->link);
	return drive;
}

void nvme_drive_answer_attach(struct nvme_drive *drive, int rc)
{
	nvme_drive_cb done = drive->attach.done;

	drive->attach.done = NULL;
	if (done != NULL) {
		done(drive->attach.arg, drive, rc);
	}
}

void nvme_drive_answer_reset(struct nvme_drive *drive, int rc)
{
	nvme_drive_cb done = drive->reset.done;

	drive->reset.done = NULL;
	if (done != NULL) {
		done(drive->reset.arg, drive, rc);
	}
}

void nvme_drive_unlist(struct nvme_drive *drive)
{
	ebb_assert(ebb_list_empty(&drive->namespaces));
	ebb_list_remove(&drive->link);
	nvme_drive_answer_attach(drive, drive->attach.rc != 0 ? drive->attach.rc : -ECANCELED);
}

void nvme_drive_destroy(struct nvme_drive *drive)
{
	void (*done)(void *arg) = drive->detach.done;
	void *done_arg = drive->detach.arg;
	void (*none)(void *arg) = none_fn;

	free(drive->name);
	free(drive);
	if (done != NULL) {
		done(done_arg);
	}
	if (none != NULL && ebb_list_empty(&drives)) {
		none_fn = NULL;
		none(none_arg);
	}
}

static void bdevs_remove(struct nvme_drive *drive)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &drive->namespaces) {
		nvme_ns_remove(ebb_list_entry(node, struct nvme_ns, link), NULL);
	}
}

void nvme_drive_end_io(struct nvme_drive *drive)
{
	struct nvme_path *path = drive->path;

	atomic_store_explicit(&path->no_retries, true, memory_order_relaxed);
	nvme_retry_flush(&path->admin_retry);
	nvme_channels_flush(drive);
	bdevs_remove(drive);
}

static void channels_gone(void *device)
{
	struct nvme_drive *drive = device;

	drive->path->call = NVME_PATH_CALL_DETACH;
	drive->path->transport->detach(drive->path);
}

/* Something is under way on it that has to end before the drive can go. */
static bool path_is_busy(const struct nvme_path *path)
{
	return path->call != NVME_PATH_CALL_NONE || !nvme_worker_quiet(&path->worker) ||
	       !nvme_retry_idle(&path->admin_retry);
}

/* See the top of the file. */
void nvme_drive_go_on(struct nvme_drive *drive)
{
	struct nvme_path *path = drive->path;

	if (!nvme_drive_is_leaving(drive) || drive->users > 0 || path_is_busy(path)) {
		return;
	}
	if (drive->state == NVME_DRIVE_LEAVING) {
		nvme_drive_state_set(drive, NVME_DRIVE_DELETING);
		nvme_path_state_set(path, NVME_PATH_DELETING);
		atomic_store_explicit(&path->no_retries, true, memory_order_relaxed);
		bdevs_remove(drive);
	}
	if (ebb_list_empty(&drive->namespaces) && drive->state == NVME_DRIVE_DELETING) {
		nvme_drive_state_set(drive, NVME_DRIVE_CLOSING);
		nvme_channels_end(drive, channels_gone);
	}
}

void nvme_drive_leave(struct nvme_drive *drive)
{
	if (!nvme_drive_is_leaving(drive)) {
		nvme_drive_state_set(drive, NVME_DRIVE_LEAVING);
	}
	nvme_drive_go_on(drive);
}

bool nvme_drive_get(struct nvme_drive *drive)
{
	if (drive->path->state != NVME_PATH_ENABLED || nvme_drive_is_leaving(drive)) {
		return false;
	}
	drive->users++;
	return true;
}

void nvme_drive_put(struct nvme_drive *drive)
{
	ebb_assert(drive->users > 0);
	drive->users--;
	nvme_drive_go_on(drive);
}

int nvme_drive_detach(struct nvme_drive *drive, void (*done)(void *arg), void *arg)
{
	ebb_assert(ebb_thread_is_app());
	if (nvme_drive_is_leaving(drive) && drive->detach.done != NULL) {
		return -EALREADY;
	}
	drive->detach.done = done;
	drive->detach.arg = arg;
	nvme_drive_leave(drive);
	return 0;
}

int nvme_drive_reset(struct nvme_drive *drive, nvme_drive_cb done, void *arg)
{
	struct nvme_path *path = drive->path;

	ebb_assert(ebb_thread_is_app());
	if (nvme_drive_is_leaving(drive) || path->state == NVME_PATH_GONE) {
		return -ENODEV;
	}
	/* One that has failed in a reset may still be in it. */
	if (path->call != NVME_PATH_CALL_NONE ||
	    (path->state != NVME_PATH_ENABLED && path->state != NVME_PATH_FAILED)) {
		return -EBUSY;
	}
	nvme_path_state_set(path, NVME_PATH_RESETTING);
	path->call = NVME_PATH_CALL_RESET;
	drive->reset.done = done;
	drive->reset.arg = arg;
	path->transport->reset(path);
	return 0;
}
