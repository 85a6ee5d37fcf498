/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/retry.h"

#include <ebb/clock.h>

#include "drivers/nvme/path.h"
#include "drivers/nvme/status.h"

#define CRD_UNIT_NS (100 * EBB_NS_PER_MS)
#define CRD_MAX_NS  (60 * EBB_NS_PER_S) /* a device may say up to 109 minutes */

static void retry_arm(struct nvme_retry *retry);

/* Submits what is due; what comes back meanwhile is for a later turn. */
static void retry_run(struct nvme_retry *retry, uint64_t now_ns)
{
	struct ebb_list due = EBB_LIST_INIT(due);
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &retry->waiting) {
		if (ebb_list_entry(node, struct nvme_request, link)->deadline_ns <= now_ns) {
			ebb_list_remove(node);
			ebb_list_push_back(&due, node);
		}
	}
	while ((node = ebb_list_pop_front(&due)) != NULL) {
		retry->again(retry, ebb_list_entry(node, struct nvme_request, link));
	}
}

static void retry_msg(void *arg)
{
	struct nvme_retry *retry = arg;

	retry->sent = false;
	retry_run(retry, ebb_clock_now_ns());
	retry_arm(retry);
}

static int retry_timer(void *arg)
{
	struct nvme_retry *retry = arg;

	retry_run(retry, ebb_clock_now_ns());
	retry_arm(retry);
	return 1;
}

static void retry_kick(struct nvme_retry *retry)
{
	if (!retry->sent) {
		ebb_msg_init(&retry->msg, retry_msg, retry);
		retry->sent = ebb_thread_send(ebb_thread_current(), &retry->msg) == 0;
	}
}

/* A timer for the first that is due; none without one. */
static void retry_arm(struct nvme_retry *retry)
{
	uint64_t now_ns = ebb_clock_now_ns();
	uint64_t first_ns = UINT64_MAX;
	struct ebb_list *node;

	ebb_poller_unregister(&retry->timer);
	ebb_list_for_each(node, &retry->waiting) {
		uint64_t due_ns = ebb_list_entry(node, struct nvme_request, link)->deadline_ns;

		first_ns = due_ns < first_ns ? due_ns : first_ns;
	}
	if (first_ns == UINT64_MAX) {
		return;
	}
	if (first_ns > now_ns) {
		retry->timer = ebb_poller_register(retry_timer, retry,
						   (first_ns - now_ns) / EBB_NS_PER_US + 1);
		if (retry->timer != NULL) {
			return;
		}
		nvme_retry_flush(retry); /* better early than never */
		return;
	}
	retry_kick(retry);
}

void nvme_retry_init(struct nvme_retry *retry,
		     void (*again)(struct nvme_retry *retry, struct nvme_request *request))
{
	*retry = (struct nvme_retry){.again = again};
	ebb_list_init(&retry->waiting);
}

bool nvme_retry_idle(const struct nvme_retry *retry)
{
	return ebb_list_empty(&retry->waiting) && !retry->sent;
}

bool nvme_retry_wanted(struct nvme_retry *retry, struct nvme_request *request,
		       const struct nvme_path *path)
{
	unsigned crd = request->rc == 0 ? NVME_CRD(request->status) : 0;
	bool may = request->rc == 0 ? nvme_status_retry(request->status)
				    : nvme_status_rc_retry(request->rc);

	if (!may || request->tries >= path->drive->opts.retry_count ||
	    atomic_load_explicit(&path->no_retries, memory_order_relaxed)) {
		return false;
	}
	request->tries++;
	request->deadline_ns = 0;
	ebb_list_push_back(&retry->waiting, &request->link);
	if (crd == 0) {
		retry_kick(retry);
	} else {
		uint64_t delay_ns = path->info.retry_delay_100ms[crd] * CRD_UNIT_NS;

		request->deadline_ns =
			ebb_clock_now_ns() + (delay_ns < CRD_MAX_NS ? delay_ns : CRD_MAX_NS);
		retry_arm(retry);
	}
	return true;
}

void nvme_retry_flush(struct nvme_retry *retry)
{
	struct ebb_list *node;

	ebb_poller_unregister(&retry->timer);
	ebb_list_for_each(node, &retry->waiting) {
		ebb_list_entry(node, struct nvme_request, link)->deadline_ns = 0;
	}
	if (!ebb_list_empty(&retry->waiting)) {
		retry_kick(retry);
	}
}
