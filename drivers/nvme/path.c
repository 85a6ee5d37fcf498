/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path's life.
 *
 *	attaching -> starting -> enabled <-> resetting
 *	                |           |            |
 *	                |           +-> failed <-+     (a reset may bring it back)
 *	all but the first -> gone    all of them -> deleting
 *
 * Here is all that comes from outside: the transport's answers and news, those to the worker's
 * commands, and what channels ask for. Each tells the worker, or the drive, what has happened and
 * ends in path_run(), which looks what there is to do. Nothing below calls back.
 */
#include "drivers/nvme/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/wanted.h>

#include "drivers/nvme/channel.h"
#include "drivers/nvme/jobs.h"

#define START_JOBS                                                                               \
	(EBB_BIT(NVME_JOB_IDENTIFY) | EBB_BIT(NVME_JOB_COMMAND_SET) | EBB_BIT(NVME_JOB_EVENTS) | \
	 EBB_BIT(NVME_JOB_POWER) | EBB_BIT(NVME_JOB_SCAN))
/* What a reset makes a controller forget; and what may have changed meanwhile, too. */
#define FEATURE_JOBS (EBB_BIT(NVME_JOB_EVENTS) | EBB_BIT(NVME_JOB_POWER))
#define RESET_JOBS   (FEATURE_JOBS | EBB_BIT(NVME_JOB_SCAN))

/* Nothing but what is refused: whoever attaches it wants to know, and has no use for it. */
static bool start_is_useless(const struct nvme_path *path)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &path->drive->namespaces) {
		if (ebb_list_entry(node, struct nvme_ns, link)->state == NVME_NS_ONLINE) {
			return false;
		}
	}
	return path->scan.refused > 0;
}

static void start_failed(struct nvme_path *path, int rc)
{
	path->drive->attach.rc = rc;
	nvme_drive_leave(path->drive);
}

static void start_end(struct nvme_path *path)
{
	struct nvme_drive *drive = path->drive;

	if (start_is_useless(path)) {
		nvme_path_fault(path, path->scan.refusal_rc,
				"NVMe controller '%s' (%s): none of its %u namespaces can be "
				"used: %s",
				drive->name, path->traddr, path->scan.refused, path->scan.refusal);
		start_failed(path, path->scan.refusal_rc);
		return;
	}
	nvme_path_state_set(path, NVME_PATH_ENABLED);
	nvme_drive_state_set(drive, NVME_DRIVE_ONLINE);
	nvme_drive_answer_attach(drive, 0);
}

/* What there is to do. May free @path. */
static void path_run(struct nvme_path *path)
{
	struct nvme_drive *drive = path->drive;

	nvme_jobs_run(path);
	if (path->worker.running || path->worker.state != NVME_WORKER_IDLE) {
		return; /* called from inside, the outer one goes on; or it waits */
	}
	if (drive->attach.rc < 0 || nvme_drive_is_leaving(drive)) {
		nvme_drive_leave(drive);
	} else if (path->state == NVME_PATH_STARTING && path->worker.jobs == 0) {
		start_end(path);
	}
}

static void path_add_jobs(struct nvme_path *path, uint32_t jobs)
{
	nvme_worker_add(&path->worker, jobs);
	path_run(path);
}

/* The event request has come back. */
static void event_done(struct nvme_request *request, uint16_t use)
{
	struct nvme_path *path = ebb_container_of(request, struct nvme_path, async_event.request);
	uint32_t jobs = nvme_async_event_end(path);

	(void)use;
	if (jobs != 0) {
		path_add_jobs(path, jobs);
	}
}

static void admin_done(struct nvme_admin_command *admin, int rc)
{
	struct nvme_path *path = admin->path;

	nvme_worker_wake(&path->worker, rc);
	path_run(path);
}

static void look_msg(void *arg)
{
	struct nvme_path *path = arg;

	atomic_store(&path->worker.look.sent, false);
	path_add_jobs(path, EBB_BIT(NVME_JOB_SCAN));
}

struct nvme_path *nvme_path_create(struct nvme_drive *drive, const struct nvme_transport *transport,
				   const char *traddr)
{
	struct nvme_path *path = calloc(1, sizeof(*path));

	if (path == NULL) {
		return NULL;
	}
	path->drive = drive;
	path->transport = transport;
	path->state = NVME_PATH_ATTACHING;
	path->traddr = strdup(traddr);
	nvme_retry_init(&path->admin_retry, nvme_admin_command_again);
	ebb_msg_init(&path->worker.look.msg, look_msg, path);
	path->async_event.done = event_done;
	if (path->traddr == NULL || nvme_admin_command_init(&path->admin, path, admin_done) < 0) {
		nvme_path_destroy(path);
		return NULL;
	}
	return path;
}

void nvme_path_destroy(struct nvme_path *path)
{
	nvme_admin_command_fini(&path->admin);
	free(path->traddr);
	free(path);
}

/* It has been let go of, or was never had; and so its drive. */
static void path_end(struct nvme_path *path)
{
	struct nvme_drive *drive = path->drive;

	nvme_drive_unlist(drive);
	nvme_path_destroy(path);
	nvme_drive_destroy(drive);
}

void nvme_path_detached(struct nvme_path *path)
{
	ebb_assert(ebb_thread_is_app() && path->call == NVME_PATH_CALL_DETACH);
	path_end(path);
}

/* An attach has come to nothing. */
static void attach_close(struct nvme_path *path, int rc)
{
	nvme_path_state_set(path, NVME_PATH_DELETING);
	nvme_drive_state_set(path->drive, NVME_DRIVE_CLOSING);
	path->drive->attach.rc = rc;
}

/* The same, when the transport has it. */
static void attach_undo(struct nvme_path *path, int rc)
{
	attach_close(path, rc);
	path->call = NVME_PATH_CALL_DETACH;
	path->transport->detach(path);
}

void nvme_path_attached(struct nvme_path *path, int rc)
{
	struct nvme_drive *drive = path->drive;

	ebb_assert(ebb_thread_is_app() && path->call == NVME_PATH_CALL_ATTACH);
	path->call = NVME_PATH_CALL_NONE;
	if (rc < 0) {
		if (drive->fault[0] == '\0') {
			nvme_path_fault(path, rc,
					"NVMe controller '%s' (%s) cannot be attached: %s",
					drive->name, path->traddr, strerror(-rc));
		}
		attach_close(path, rc);
		path_end(path);
		return;
	}
	if (nvme_drive_is_leaving(drive)) {
		nvme_path_fault(path, -ECANCELED,
				"NVMe controller '%s' is detached before it was attached",
				drive->name);
		attach_undo(path, 0);
		return;
	}
	rc = nvme_channels_begin(drive);
	if (rc < 0) {
		nvme_path_fault(path, rc, "NVMe controller '%s': out of memory", drive->name);
		attach_undo(path, rc);
		return;
	}
	nvme_path_state_set(path, NVME_PATH_STARTING);
	path_add_jobs(path, START_JOBS);
}

/* It stays wanted while it is out of order or out of the machine. */
static void path_present(const struct nvme_path *path, bool present)
{
	ebb_wanted_set_present("bdev_nvme_attach_controller", path->drive->name, present);
}

/* It works (again): what a reset has undone is done once more. May free @path. */
static void path_ready(struct nvme_path *path)
{
	if (path->state == NVME_PATH_STARTING) {
		path_add_jobs(path, FEATURE_JOBS); /* what has been set so far is gone */
		return;
	}
	if (path->state != NVME_PATH_RESETTING) {
		return;
	}
	nvme_path_state_set(path, NVME_PATH_ENABLED);
	path_present(path, true);
	atomic_store_explicit(&path->no_retries, false, memory_order_relaxed);
	path_add_jobs(path, RESET_JOBS);
}

static void path_failed(struct nvme_path *path)
{
	struct nvme_drive *drive = path->drive;

	if (path->state == NVME_PATH_STARTING) {
		nvme_path_fault(path, -EIO,
				"NVMe controller '%s' (%s) has failed, and no reset has "
				"helped; look at the kernel's log, or power it off and on",
				drive->name, path->traddr);
		start_failed(path, -EIO);
		return;
	}
	if (!nvme_path_state_may_follow(path->state, NVME_PATH_FAILED)) {
		return;
	}
	ebb_error("nvme",
		  "%s (%s) has failed, and no reset has helped: its bdevs are removed; reset it "
		  "by bdev_nvme_reset_controller, or detach it",
		  drive->name, path->traddr);
	nvme_path_state_set(path, NVME_PATH_FAILED);
	path_present(path, false);
	nvme_drive_end_io(drive);
}

void nvme_path_was_reset(struct nvme_path *path, int rc)
{
	struct nvme_drive *drive = path->drive;

	ebb_assert(ebb_thread_is_app() && path->call == NVME_PATH_CALL_RESET);
	path->call = NVME_PATH_CALL_NONE;
	if (rc < 0) {
		path_failed(path); /* its state was resetting: it is still there */
	}
	nvme_drive_answer_reset(drive, rc);
	if (nvme_drive_is_leaving(drive)) {
		nvme_drive_go_on(drive);
	} else if (rc == 0) {
		path_ready(path);
	}
}

static void path_gone(struct nvme_path *path)
{
	if (path->state == NVME_PATH_GONE || path->state == NVME_PATH_DELETING) {
		return;
	}
	nvme_path_state_set(path, NVME_PATH_GONE);
	path_present(path, false);
	ebb_error("nvme", "%s (%s) has left, or is asked for: its bdevs are removed",
		  path->drive->name, path->traddr);
	nvme_drive_end_io(path->drive);
	nvme_drive_leave(path->drive);
}

void nvme_path_event(struct nvme_path *path, enum nvme_event event, uint32_t value)
{
	ebb_assert(ebb_thread_is_app());
	switch (event) {
	case NVME_EVENT_ASYNC:
		path_add_jobs(path, nvme_async_event_jobs(path, value));
		break;
	case NVME_EVENT_NS_CHANGED:
		path_add_jobs(path, EBB_BIT(NVME_JOB_SCAN));
		break;
	case NVME_EVENT_RESET:
		if (path->state == NVME_PATH_ENABLED) {
			ebb_warn("nvme", "%s (%s) is being reset", path->drive->name, path->traddr);
			nvme_path_state_set(path, NVME_PATH_RESETTING);
		}
		break;
	case NVME_EVENT_READY:
		if (path->call != NVME_PATH_CALL_RESET) {
			ebb_notice("nvme", "%s (%s) works again", path->drive->name, path->traddr);
			path_ready(path);
		}
		break;
	case NVME_EVENT_FAILED:
		path_failed(path);
		break;
	case NVME_EVENT_GONE:
		path_gone(path);
		break;
	}
}

void nvme_path_ns_opened(struct nvme_path_ns *ns, int rc)
{
	nvme_worker_wake(&ns->path->worker, rc);
	path_run(ns->path);
}

void nvme_path_ns_closed(struct nvme_path_ns *ns)
{
	struct nvme_path *path = ns->path;

	ebb_assert(ebb_thread_is_app() && ns->ns->state == NVME_NS_CLOSING);
	nvme_ns_free(ns->ns);
	if (nvme_drive_is_leaving(path->drive)) {
		nvme_drive_go_on(path->drive);
	} else if (path->scan.again) {
		path_add_jobs(path, EBB_BIT(NVME_JOB_SCAN));
	}
}
