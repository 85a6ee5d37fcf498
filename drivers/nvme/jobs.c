/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a controller has to be asked and told besides I/O. There is one worker for each controller,
 * and it does one job at a time: identify, features, logs, the scan of the namespaces. Who wants
 * something sets a bit; the lowest bit is done first, so that the order of start-up is the order of
 * the enum, and to ask twice for the same job is to ask once.
 *
 * A job is a chain of steps. Each begins something that answers later, or at once: so the chain
 * runs in a loop here and never recurses, however many namespaces there are and however soon a
 * transport answers.
 *
 * Jobs run while the controller starts and while it is enabled. In a reset they wait; what is under
 * way then fails, or goes on, as the transport sees fit, and the features and the scan are asked
 * for again when the reset has ended.
 */
#include "drivers/nvme/jobs.h"

#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include <nvme/types.h>

#include "drivers/nvme/apst.h"
#include "drivers/nvme/path.h"

/* From here on there are lists of namespaces, their descriptors, and command sets (VS). */
#define VERSION_1_4 0x10400u

/* Asynchronous Event Configuration: all critical warnings (Base 2.0, 5.27.1.8). */
#define EVENT_WARNINGS 0x1fu

static void identify_end(struct nvme_path *path, int rc)
{
	const char *fault = NULL;

	if (rc < 0) {
		nvme_path_fault(path, rc, "NVMe controller '%s' (%s) cannot be identified: %s",
				path->drive->name, path->traddr, strerror(-rc));
	} else {
		rc = nvme_identify_parse_ctrlr(path->admin.buf, &path->info, &fault);
		if (rc < 0) {
			nvme_path_fault(path, rc, "NVMe controller '%s' (%s) cannot be used: %s",
					path->drive->name, path->traddr, fault);
		}
	}
	nvme_worker_job_end(path, rc);
}

static void identify_begin(struct nvme_path *path)
{
	nvme_worker_wait(&path->worker, identify_end);
	nvme_admin_command_identify(&path->admin, NVME_IDENTIFY_CNS_CTRL, 0, 0);
}

static void command_set_end(struct nvme_path *path, int rc)
{
	if (rc == 0) {
		nvme_identify_parse_ctrlr_nvm(path->admin.buf, &path->info);
	}
	nvme_worker_job_end(path, 0); /* without, the defaults hold */
}

static void command_set_begin(struct nvme_path *path)
{
	if (path->info.version < VERSION_1_4) {
		nvme_worker_job_end(path, 0);
		return;
	}
	nvme_worker_wait(&path->worker, command_set_end);
	nvme_admin_command_identify(&path->admin, NVME_IDENTIFY_CNS_CSI_CTRL, 0, NVME_CSI_NVM);
}

static void events_end(struct nvme_path *path, int rc)
{
	if (rc < 0) {
		ebb_info("nvme", "%s: tells of no events: %s", path->drive->name, strerror(-rc));
	} else {
		nvme_async_event_send(path);
	}
	nvme_worker_job_end(path, 0);
}

static void events_begin(struct nvme_path *path)
{
	uint32_t wanted = EVENT_WARNINGS;

	if (!path->limits.owns_controller) {
		nvme_worker_job_end(path, 0);
		return;
	}
	/* The bits of the notices are those of OAES. */
	wanted |= path->info.oaes & (NVME_CTRL_OAES_NA | NVME_CTRL_OAES_FA);
	nvme_worker_wait(&path->worker, events_end);
	nvme_admin_command_set_feature(&path->admin, NVME_FEAT_FID_ASYNC_EVENT, wanted, 0);
}

static void power_end(struct nvme_path *path, int rc)
{
	if (rc < 0) {
		ebb_notice("nvme", "%s: its power saving cannot be set: %s", path->drive->name,
			   strerror(-rc));
	}
	nvme_worker_job_end(path, 0);
}

static void power_begin(struct nvme_path *path)
{
	struct nvme_apst_table table;
	unsigned count;

	if (!path->limits.owns_controller || !path->info.apst) {
		nvme_worker_job_end(path, 0);
		return;
	}
	count = nvme_apst_table_make(&path->info, path->drive->opts.apst_latency_us, &table);
	ebb_debug("nvme", "%s: goes to rest from %u of its power states", path->drive->name, count);
	memcpy(path->admin.buf, &table, sizeof(table));
	nvme_worker_wait(&path->worker, power_end);
	nvme_admin_command_set_feature(&path->admin, NVME_FEAT_FID_AUTO_PST, count > 0,
				       sizeof(table));
}

static void job_begin(struct nvme_path *path, enum nvme_job job)
{
	nvme_worker_begin(&path->worker, job);
	switch (job) {
	case NVME_JOB_IDENTIFY:
		identify_begin(path);
		break;
	case NVME_JOB_COMMAND_SET:
		command_set_begin(path);
		break;
	case NVME_JOB_EVENTS:
		events_begin(path);
		break;
	case NVME_JOB_POWER:
		power_begin(path);
		break;
	case NVME_JOB_HEALTH:
	case NVME_JOB_ERRORS:
	case NVME_JOB_FIRMWARE:
	case NVME_JOB_CHANGED:
		nvme_async_event_read_log(path, job);
		break;
	case NVME_JOB_SCAN:
		nvme_scan_begin(path);
		break;
	case NVME_JOB_COUNT:
	default:
		nvme_worker_job_end(path, 0);
		break;
	}
}

static bool may_work(const struct nvme_path *path)
{
	return !nvme_drive_is_leaving(path->drive) &&
	       (path->state == NVME_PATH_STARTING || path->state == NVME_PATH_ENABLED);
}

void nvme_jobs_run(struct nvme_path *path)
{
	struct nvme_worker *worker = &path->worker;

	if (worker->running) {
		return;
	}
	worker->running = true;
	for (;;) {
		if (worker->state == NVME_WORKER_ANSWERED) {
			nvme_worker_resume(worker)(path, worker->rc);
		} else if (worker->state == NVME_WORKER_IDLE && worker->jobs != 0 &&
			   may_work(path)) {
			job_begin(path, (enum nvme_job)__builtin_ctz(worker->jobs));
		} else {
			break;
		}
	}
	worker->running = false;
}
