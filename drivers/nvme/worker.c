/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a controller has to be asked and told besides I/O. There is one worker for each controller,
 * and it does one job at a time: identify, features, logs, the scan of the namespaces. Who wants
 * something sets a bit; the lowest bit is done first, so that the order of start-up is the order of
 * the enum, and two wishes for the same job are one.
 *
 * A job is a chain of steps. Each begins something that answers later, or at once: so the chain
 * runs in a loop here and never recurses, however many namespaces there are and however soon a
 * transport answers.
 *
 * Jobs run while the controller starts and while it is enabled. In a reset they wait; what is under
 * way then fails, or goes on, as the transport sees fit, and the features and the scan are asked for
 * again when the reset has ended.
 */
#include "drivers/nvme/worker.h"

#include <errno.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/log.h>

#include <nvme/types.h>

#include "drivers/nvme/controllers.h"
#include "drivers/nvme/apst.h"

/* From here on there are lists of namespaces, their descriptors, and command sets (VS). */
#define VERSION_1_4 0x10400u

/* Asynchronous Event Configuration: all critical warnings (Base 2.0, 5.27.1.8). */
#define EVENT_WARNINGS 0x1fu

/* Between two looks that failing I/O asks for. */
#define LOOK_NS EBB_NS_PER_S

static void worker_admin_done(struct nvme_admin_command *admin, int rc)
{
	ebb_nvme_worker_wake(admin->ctrlr, rc);
}

int ebb_nvme_worker_init(struct ebb_nvme_ctrlr *ctrlr)
{
	ebb_nvme_retry_init(&ctrlr->admin_retry, nvme_admin_command_again);
	return nvme_admin_command_init(&ctrlr->admin, ctrlr, worker_admin_done);
}

void ebb_nvme_worker_fini(struct ebb_nvme_ctrlr *ctrlr)
{
	nvme_admin_command_fini(&ctrlr->admin);
}

bool ebb_nvme_worker_idle(const struct ebb_nvme_ctrlr *ctrlr)
{
	return !ctrlr->working;
}

void ebb_nvme_worker_wait(struct ebb_nvme_ctrlr *ctrlr,
			  void (*step)(struct ebb_nvme_ctrlr *ctrlr, int rc))
{
	ebb_assert(ctrlr->step == NULL);
	ctrlr->step = step;
}

void ebb_nvme_worker_job_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ctrlr->working = false;
	if (rc < 0 && ctrlr->state == EBB_NVME_CTRLR_STARTING) {
		ctrlr->jobs = 0;
		ebb_nvme_ctrlr_start_failed(ctrlr, rc);
	}
}

static void identify_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	const char *fault = NULL;

	if (rc < 0) {
		ebb_nvme_ctrlr_fault(ctrlr, rc,
				     "NVMe controller '%s' (%s) cannot be identified: %s",
				     ctrlr->name, ctrlr->traddr, strerror(-rc));
	} else {
		rc = ebb_nvme_identify_ctrlr(ctrlr->admin.buf, &ctrlr->info, &fault);
		if (rc < 0) {
			ebb_nvme_ctrlr_fault(ctrlr, rc,
					     "NVMe controller '%s' (%s) cannot be used: %s",
					     ctrlr->name, ctrlr->traddr, fault);
		}
	}
	ebb_nvme_worker_job_end(ctrlr, rc);
}

static void identify_begin(struct ebb_nvme_ctrlr *ctrlr)
{
	ebb_nvme_worker_wait(ctrlr, identify_end);
	nvme_admin_command_identify(&ctrlr->admin, NVME_IDENTIFY_CNS_CTRL, 0, 0);
}

static void command_set_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	if (rc == 0) {
		ebb_nvme_identify_ctrlr_nvm(ctrlr->admin.buf, &ctrlr->info);
	}
	ebb_nvme_worker_job_end(ctrlr, 0); /* without, the defaults hold */
}

static void command_set_begin(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->info.version < VERSION_1_4) {
		ebb_nvme_worker_job_end(ctrlr, 0);
		return;
	}
	ebb_nvme_worker_wait(ctrlr, command_set_end);
	nvme_admin_command_identify(&ctrlr->admin, NVME_IDENTIFY_CNS_CSI_CTRL, 0, NVME_CSI_NVM);
}

static void events_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	if (rc < 0) {
		ebb_info("nvme", "%s: tells of no events: %s", ctrlr->name, strerror(-rc));
	} else {
		ebb_nvme_async_arm(ctrlr);
	}
	ebb_nvme_worker_job_end(ctrlr, 0);
}

static void events_begin(struct ebb_nvme_ctrlr *ctrlr)
{
	uint32_t wanted = EVENT_WARNINGS;

	if (!ctrlr->limits.owns_controller) {
		ebb_nvme_worker_job_end(ctrlr, 0);
		return;
	}
	/* The bits of the notices are those of OAES. */
	wanted |= ctrlr->info.oaes & (NVME_CTRL_OAES_NA | NVME_CTRL_OAES_FA);
	ebb_nvme_worker_wait(ctrlr, events_end);
	nvme_admin_command_set_feature(&ctrlr->admin, NVME_FEAT_FID_ASYNC_EVENT, wanted, 0);
}

static void power_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	if (rc < 0) {
		ebb_notice("nvme", "%s: its power saving cannot be set: %s", ctrlr->name,
			   strerror(-rc));
	}
	ebb_nvme_worker_job_end(ctrlr, 0);
}

static void power_begin(struct ebb_nvme_ctrlr *ctrlr)
{
	struct nvme_apst_table table;
	unsigned count;

	if (!ctrlr->limits.owns_controller || !ctrlr->info.apst) {
		ebb_nvme_worker_job_end(ctrlr, 0);
		return;
	}
	count = nvme_apst_table_make(&ctrlr->info, ctrlr->opts.apst_latency_us, &table);
	ebb_debug("nvme", "%s: goes to rest from %u of its power states", ctrlr->name, count);
	memcpy(ctrlr->admin.buf, &table, sizeof(table));
	ebb_nvme_worker_wait(ctrlr, power_end);
	nvme_admin_command_set_feature(&ctrlr->admin, NVME_FEAT_FID_AUTO_PST, count > 0,
				       sizeof(table));
}

static void job_begin(struct ebb_nvme_ctrlr *ctrlr, enum ebb_nvme_job job)
{
	ctrlr->jobs &= ~EBB_BIT(job);
	ctrlr->working = true;
	switch (job) {
	case EBB_NVME_JOB_IDENTIFY:
		identify_begin(ctrlr);
		break;
	case EBB_NVME_JOB_COMMAND_SET:
		command_set_begin(ctrlr);
		break;
	case EBB_NVME_JOB_EVENTS:
		events_begin(ctrlr);
		break;
	case EBB_NVME_JOB_POWER:
		power_begin(ctrlr);
		break;
	case EBB_NVME_JOB_HEALTH:
	case EBB_NVME_JOB_ERRORS:
	case EBB_NVME_JOB_FIRMWARE:
	case EBB_NVME_JOB_CHANGED:
		ebb_nvme_log_begin(ctrlr, job);
		break;
	case EBB_NVME_JOB_SCAN:
		ebb_nvme_scan_begin(ctrlr);
		break;
	case EBB_NVME_JOB_COUNT:
	default:
		ebb_nvme_worker_job_end(ctrlr, 0);
		break;
	}
}

static bool may_work(const struct ebb_nvme_ctrlr *ctrlr)
{
	return !ctrlr->detach_wanted && !ctrlr->gone &&
	       (ctrlr->state == EBB_NVME_CTRLR_STARTING || ctrlr->state == EBB_NVME_CTRLR_ENABLED);
}

/* Steps and jobs, until one waits. */
static void worker_run(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->running) {
		return;
	}
	ctrlr->running = true;
	for (;;) {
		if (ctrlr->woken) {
			void (*step)(struct ebb_nvme_ctrlr *, int) = ctrlr->step;

			ctrlr->woken = false;
			ctrlr->step = NULL;
			step(ctrlr, ctrlr->step_rc);
		} else if (!ctrlr->working && ctrlr->jobs != 0 && may_work(ctrlr)) {
			job_begin(ctrlr, (enum ebb_nvme_job)__builtin_ctz(ctrlr->jobs));
		} else {
			break;
		}
	}
	ctrlr->running = false;
	if (!ctrlr->working) {
		ebb_nvme_ctrlr_worker_idle(ctrlr);
	}
}

void ebb_nvme_worker_add(struct ebb_nvme_ctrlr *ctrlr, uint32_t jobs)
{
	ctrlr->jobs |= jobs;
	worker_run(ctrlr);
}

void ebb_nvme_worker_wake(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ebb_assert(ctrlr->step != NULL && !ctrlr->woken);
	ctrlr->woken = true;
	ctrlr->step_rc = rc;
	worker_run(ctrlr);
}

static void look_msg(void *arg)
{
	struct ebb_nvme_ctrlr *ctrlr = arg;

	atomic_store(&ctrlr->look_sent, false);
	ebb_nvme_worker_add(ctrlr, EBB_BIT(EBB_NVME_JOB_SCAN));
}

void ebb_nvme_worker_look(struct ebb_nvme_ctrlr *ctrlr)
{
	uint64_t now_ns = ebb_clock_now_ns();

	if (now_ns < atomic_load_explicit(&ctrlr->look_ns, memory_order_relaxed) ||
	    atomic_exchange(&ctrlr->look_sent, true)) {
		return;
	}
	atomic_store_explicit(&ctrlr->look_ns, now_ns + LOOK_NS, memory_order_relaxed);
	ebb_info("nvme", "%s: an answer does not fit its namespaces: they are looked at again",
		 ctrlr->name);
	ebb_msg_init(&ctrlr->look_msg, look_msg, ctrlr);
	ebb_thread_send(ebb_thread_app(), &ctrlr->look_msg);
}
