/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous events (NVMe Base 2.0, 5.2). A controller that is ours is asked for them by a
 * request that it keeps until it has something to tell; one such request is enough, since what
 * happens meanwhile waits in the controller. A reset, or the end, gives the request back
 * unanswered.
 *
 * Each event is told once, and the next of its kind only after the log page that it names has been
 * read: so every event ends in reading that page, also those that ebb has nothing to do about but
 * to log.
 */
#include "drivers/nvme/async_event.h"

#include <errno.h>
#include <string.h>

#include <ebb/log.h>

#include <nvme/types.h>

#include "drivers/nvme/health.h"
#include "drivers/nvme/path.h"
#include "drivers/nvme/status.h"

/* Dword 0: type in bits 2:0, information in 15:8, log page in 23:16. */
#define EVENT_TYPE(dword) ((dword)&0x7u)
#define EVENT_INFO(dword) (((dword) >> 8) & 0xffu)

static const char *error_text(unsigned info)
{
	static const char *const texts[] = {
		[NVME_AER_ERROR_INVALID_DB_REG] = "write to an invalid doorbell",
		[NVME_AER_ERROR_INVALID_DB_VAL] = "invalid doorbell value",
		[NVME_AER_ERROR_DIAG_FAILURE] = "diagnostic failure",
		[NVME_AER_ERROR_PERSISTENT_INTERNAL_ERROR] = "persistent internal error",
		[NVME_AER_ERROR_TRANSIENT_INTERNAL_ERROR] = "transient internal error",
		[NVME_AER_ERROR_FW_IMAGE_LOAD_ERROR] = "firmware image could not be loaded",
	};

	return info < EBB_ARRAY_SIZE(texts) ? texts[info] : "unknown error event";
}

static const char *smart_text(unsigned info)
{
	static const char *const texts[] = {
		[NVME_AER_SMART_SUBSYSTEM_RELIABILITY] = "its reliability is degraded",
		[NVME_AER_SMART_TEMPERATURE_THRESHOLD] = "a temperature threshold is passed",
		[NVME_AER_SMART_SPARE_THRESHOLD] = "its spare capacity is low",
	};

	return info < EBB_ARRAY_SIZE(texts) ? texts[info] : "unknown health event";
}

static uint32_t notice_jobs(const struct nvme_path *path, unsigned info)
{
	switch (info) {
	case NVME_AER_NOTICE_NS_CHANGED:
		ebb_info("nvme", "%s: its namespaces have changed", path->drive->name);
		return EBB_BIT(NVME_JOB_CHANGED);
	case NVME_AER_NOTICE_FW_ACT_STARTING:
		ebb_notice("nvme", "%s: a new firmware is being activated", path->drive->name);
		return EBB_BIT(NVME_JOB_FIRMWARE);
	default:
		ebb_info("nvme", "%s: notice %02xh", path->drive->name, info);
		return 0;
	}
}

uint32_t nvme_async_event_jobs(const struct nvme_path *path, uint32_t dword)
{
	unsigned info = EVENT_INFO(dword);

	switch (EVENT_TYPE(dword)) {
	case NVME_AER_ERROR:
		ebb_error("nvme", "%s (%s): %s", path->drive->name, path->traddr, error_text(info));
		return EBB_BIT(NVME_JOB_ERRORS);
	case NVME_AER_SMART:
		ebb_warn("nvme", "%s (%s): %s", path->drive->name, path->traddr, smart_text(info));
		return EBB_BIT(NVME_JOB_HEALTH);
	case NVME_AER_NOTICE:
		return notice_jobs(path, info);
	default:
		ebb_info("nvme", "%s: asynchronous event %08xh", path->drive->name, dword);
		return 0;
	}
}

void nvme_async_event_send(struct nvme_path *path)
{
	struct nvme_async_event *event = &path->async_event;

	if (event->sent || nvme_drive_is_leaving(path->drive) || path->state == NVME_PATH_GONE ||
	    !path->limits.owns_controller) {
		return;
	}
	event->sent = true;
	event->request = (struct nvme_request){
		.opcode = nvme_admin_async_event,
		.done = event->done,
	};
	path->transport->admin(path, &event->request);
}

uint32_t nvme_async_event_end(struct nvme_path *path)
{
	struct nvme_async_event *event = &path->async_event;
	uint32_t dword = (uint32_t)event->request.result;

	event->sent = false;
	if (event->request.rc < 0) {
		return 0; /* a reset, whose end asks again; or the end */
	}
	if (event->request.status != 0) {
		ebb_notice("nvme", "%s: will not tell of events: %s", path->drive->name,
			   nvme_status_text(event->request.status));
		return 0;
	}
	nvme_async_event_send(path);
	return nvme_async_event_jobs(path, dword);
}

static void log_end(struct nvme_path *path, int rc)
{
	if (rc < 0) {
		ebb_info("nvme", "%s: a log page cannot be read: %s", path->drive->name,
			 strerror(-rc));
	}
	nvme_worker_job_end(path, 0);
}

static void health_end(struct nvme_path *path, int rc)
{
	struct nvme_health health;
	char warnings[256];

	if (rc == 0) {
		nvme_health_parse(path->admin.buf, &health);
		nvme_health_warnings(&health, warnings, sizeof(warnings));
		if (warnings[0] != '\0') {
			ebb_warn("nvme", "%s (%s, serial number %s): critical: %s",
				 path->drive->name, path->traddr, path->info.serial, warnings);
		}
	}
	log_end(path, rc);
}

static void changed_end(struct nvme_path *path, int rc)
{
	/* Which ones it does not matter: the scan finds what is different. */
	nvme_worker_add(&path->worker, EBB_BIT(NVME_JOB_SCAN));
	log_end(path, rc);
}

void nvme_async_event_read_log(struct nvme_path *path, enum nvme_job job)
{
	struct nvme_admin_command *admin = &path->admin;

	switch (job) {
	case NVME_JOB_HEALTH:
		nvme_worker_wait(&path->worker, health_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_SMART,
					   sizeof(struct nvme_smart_log));
		break;
	case NVME_JOB_ERRORS:
		nvme_worker_wait(&path->worker, log_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_ERROR,
					   sizeof(struct nvme_error_log_page));
		break;
	case NVME_JOB_FIRMWARE:
		nvme_worker_wait(&path->worker, log_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_FW_SLOT,
					   sizeof(struct nvme_firmware_slot));
		break;
	default:
		nvme_worker_wait(&path->worker, changed_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_CHANGED_NS, NVME_ADMIN_BYTES);
		break;
	}
}
