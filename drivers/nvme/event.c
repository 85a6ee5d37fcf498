/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous events (NVMe Base 2.0, 5.2). A controller that is ours is asked for them by a request
 * that it keeps until it has something to tell; one such request is enough, since what happens
 * meanwhile waits in the controller. A reset, or the end, gives the request back unanswered.
 *
 * Each event is told once, and the next of its kind only after the log page that it names has been
 * read: so every event ends in reading that page, also those that ebb has nothing to do about but
 * to log.
 */
#include "drivers/nvme/worker.h"

#include <errno.h>
#include <string.h>

#include <ebb/log.h>

#include <nvme/types.h>

#include "drivers/nvme/controllers.h"
#include "drivers/nvme/health.h"
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

static void notice_event(struct ebb_nvme_ctrlr *ctrlr, unsigned info)
{
	switch (info) {
	case NVME_AER_NOTICE_NS_CHANGED:
		ebb_info("nvme", "%s: its namespaces have changed", ctrlr->name);
		ebb_nvme_worker_add(ctrlr, EBB_BIT(EBB_NVME_JOB_CHANGED));
		break;
	case NVME_AER_NOTICE_FW_ACT_STARTING:
		ebb_notice("nvme", "%s: a new firmware is being activated", ctrlr->name);
		ebb_nvme_worker_add(ctrlr, EBB_BIT(EBB_NVME_JOB_FIRMWARE));
		break;
	default:
		ebb_info("nvme", "%s: notice %02xh", ctrlr->name, info);
		break;
	}
}

void ebb_nvme_async_event(struct ebb_nvme_ctrlr *ctrlr, uint32_t dword)
{
	unsigned info = EVENT_INFO(dword);

	switch (EVENT_TYPE(dword)) {
	case NVME_AER_ERROR:
		ebb_error("nvme", "%s (%s): %s", ctrlr->name, ctrlr->traddr, error_text(info));
		ebb_nvme_worker_add(ctrlr, EBB_BIT(EBB_NVME_JOB_ERRORS));
		break;
	case NVME_AER_SMART:
		ebb_warn("nvme", "%s (%s): %s", ctrlr->name, ctrlr->traddr, smart_text(info));
		ebb_nvme_worker_add(ctrlr, EBB_BIT(EBB_NVME_JOB_HEALTH));
		break;
	case NVME_AER_NOTICE:
		notice_event(ctrlr, info);
		break;
	default:
		ebb_info("nvme", "%s: asynchronous event %08xh", ctrlr->name, dword);
		break;
	}
}

static void event_done(struct ebb_nvme_request *request)
{
	struct ebb_nvme_ctrlr *ctrlr =
		ebb_container_of(request, struct ebb_nvme_ctrlr, event_request);
	uint32_t dword = (uint32_t)request->result;

	ctrlr->event_armed = false;
	if (request->rc < 0) {
		return; /* a reset, whose end asks again; or the end */
	}
	if (request->status != 0) {
		ebb_notice("nvme", "%s: will not tell of events: %s", ctrlr->name,
			   ebb_nvme_status_text(request->status));
		return;
	}
	ebb_nvme_async_arm(ctrlr);
	ebb_nvme_async_event(ctrlr, dword);
}

void ebb_nvme_async_arm(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->event_armed || ctrlr->detach_wanted || ctrlr->gone ||
	    !ctrlr->limits.owns_controller) {
		return;
	}
	ctrlr->event_armed = true;
	ctrlr->event_request = (struct ebb_nvme_request){
		.opcode = nvme_admin_async_event,
		.done = event_done,
	};
	ctrlr->transport->admin(ctrlr, &ctrlr->event_request);
}

static void log_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	if (rc < 0) {
		ebb_info("nvme", "%s: a log page cannot be read: %s", ctrlr->name, strerror(-rc));
	}
	ebb_nvme_worker_job_end(ctrlr, 0);
}

static void health_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	struct ebb_nvme_health health;
	char warnings[256];

	if (rc == 0) {
		ebb_nvme_health_parse(ctrlr->admin.buf, &health);
		ebb_nvme_health_warnings(&health, warnings, sizeof(warnings));
		if (warnings[0] != '\0') {
			ebb_warn("nvme", "%s (%s, serial number %s): critical: %s", ctrlr->name,
				 ctrlr->traddr, ctrlr->info.serial, warnings);
		}
	}
	log_end(ctrlr, rc);
}

static void changed_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	/* Which ones it does not matter: the scan finds what is different. */
	ctrlr->jobs |= EBB_BIT(EBB_NVME_JOB_SCAN);
	log_end(ctrlr, rc);
}

void ebb_nvme_log_begin(struct ebb_nvme_ctrlr *ctrlr, enum ebb_nvme_job job)
{
	struct nvme_admin_command *admin = &ctrlr->admin;

	switch (job) {
	case EBB_NVME_JOB_HEALTH:
		ebb_nvme_worker_wait(ctrlr, health_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_SMART,
					   sizeof(struct nvme_smart_log));
		break;
	case EBB_NVME_JOB_ERRORS:
		ebb_nvme_worker_wait(ctrlr, log_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_ERROR,
					   sizeof(struct nvme_error_log_page));
		break;
	case EBB_NVME_JOB_FIRMWARE:
		ebb_nvme_worker_wait(ctrlr, log_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_FW_SLOT,
					   sizeof(struct nvme_firmware_slot));
		break;
	default:
		ebb_nvme_worker_wait(ctrlr, changed_end);
		nvme_admin_command_get_log(admin, NVME_LOG_LID_CHANGED_NS, NVME_ADMIN_BYTES);
		break;
	}
}
