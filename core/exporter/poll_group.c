/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/poll_group.h"

#include <errno.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/thread.h>

#define MEM_RETRY_US 5000u

/* The io_device: its address is its identity. */
static char device_exporter;

static const char *const state_names[EXPORTER_POLL_GROUP_STATE_COUNT] = {
	[EXPORTER_POLL_GROUP_READY] = "ready",
	[EXPORTER_POLL_GROUP_QUIESCING] = "quiescing",
	[EXPORTER_POLL_GROUP_QUIET] = "quiet",
	[EXPORTER_POLL_GROUP_BROKEN] = "broken",
};

/* A move that is cancelled ends where it began. */
static const uint32_t state_next[EXPORTER_POLL_GROUP_STATE_COUNT] = {
	[EXPORTER_POLL_GROUP_READY] = EBB_BIT(EXPORTER_POLL_GROUP_QUIESCING),
	[EXPORTER_POLL_GROUP_QUIESCING] = EBB_BIT(EXPORTER_POLL_GROUP_QUIET) |
					  EBB_BIT(EXPORTER_POLL_GROUP_READY) |
					  EBB_BIT(EXPORTER_POLL_GROUP_BROKEN),
	[EXPORTER_POLL_GROUP_QUIET] =
		EBB_BIT(EXPORTER_POLL_GROUP_READY) | EBB_BIT(EXPORTER_POLL_GROUP_BROKEN),
	[EXPORTER_POLL_GROUP_BROKEN] = EBB_BIT(EXPORTER_POLL_GROUP_QUIESCING),
};

void exporter_poll_group_set_state(struct exporter_poll_group *group,
				   enum exporter_poll_group_state state)
{
	ebb_assert((state_next[group->state] & EBB_BIT(state)) != 0);
	ebb_debug("exporter", "poll group: %s -> %s", state_names[group->state],
		  state_names[state]);
	group->state = state;
}

void exporter_poll_group_quiesced_if_idle(struct exporter_poll_group *group)
{
	if (ebb_list_empty(&group->ops.busy)) {
		exporter_poll_group_set_state(group, EXPORTER_POLL_GROUP_QUIET);
		ebb_io_channel_quiesced(group->channel);
	}
}

static int group_retry_waiters(void *arg)
{
	struct exporter_poll_group *group = arg;
	struct ebb_list *node;
	int retried = 0;

	if (!base_wait_list_begin(&group->mem_waiters)) {
		return 0;
	}
	while ((node = base_wait_list_next(&group->mem_waiters)) != NULL) {
		struct exporter_mem_waiter *waiter =
			ebb_list_entry(node, struct exporter_mem_waiter, link);

		waiter->retry(waiter);
		retried++;
	}
	base_wait_list_end(&group->mem_waiters);
	if (base_wait_list_empty(&group->mem_waiters)) {
		ebb_poller_unregister(&group->mem_poller);
	}
	return retried;
}

void exporter_poll_group_wait_mem(struct exporter_poll_group *group,
				  struct exporter_mem_waiter *waiter)
{
	if (!ebb_list_empty(&waiter->link)) {
		return;
	}
	base_wait_list_add(&group->mem_waiters, &waiter->link);
	/*
	 * The memory may be in the hands of somebody who does not tell this group: look again now
	 * and then, for as long as somebody waits and no longer.
	 */
	if (group->mem_poller == NULL) {
		group->mem_poller = ebb_poller_register(group_retry_waiters, group, MEM_RETRY_US);
	}
}

void exporter_poll_group_retry_waiters(struct exporter_poll_group *group)
{
	(void)group_retry_waiters(group);
	group->freed = false;
}

static int group_create(void *device, void *ctx)
{
	struct exporter_poll_group *group = ctx;
	int rc;

	(void)device;
	exporter_op_set_init(&group->ops);
	rc = exporter_op_set_open(&group->ops);
	if (rc != 0) {
		return rc;
	}
	group->channel = ebb_io_channel_from_ctx(ctx);
	ebb_list_init(&group->members);
	base_wait_list_init(&group->mem_waiters);
	return 0;
}

static void group_destroy(void *device, void *ctx)
{
	struct exporter_poll_group *group = ctx;

	(void)device;
	ebb_assert(ebb_list_empty(&group->members) && ebb_list_empty(&group->ops.busy));
	ebb_poller_unregister(&group->mem_poller);
}

static void group_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	struct exporter_poll_group *group = ctx;

	(void)channel;
	exporter_poll_group_set_state(group, EXPORTER_POLL_GROUP_QUIESCING);
	exporter_op_set_cancel(&group->ops);
	exporter_poll_group_quiesced_if_idle(group);
}

static void group_resume(void *ctx, struct ebb_io_channel *channel)
{
	struct exporter_poll_group *group = ctx;
	struct ebb_list *node, *tmp;
	int rc = exporter_op_set_open(&group->ops);

	(void)channel;
	exporter_poll_group_set_state(group, rc == 0 ? EXPORTER_POLL_GROUP_READY
						     : EXPORTER_POLL_GROUP_BROKEN);
	if (rc != 0) {
		ebb_error("exporter",
			  "thread %s moved to a reactor without io_uring (error %d): its clients "
			  "are hung up on",
			  ebb_thread_name(ebb_thread_current()), rc);
	}
	ebb_list_for_each_safe(node, tmp, &group->members) {
		struct exporter_member *member = ebb_list_entry(node, struct exporter_member, link);

		member->resume(member);
	}
}

static const struct ebb_io_device_ops group_ops = {
	.name = "exporter",
	.ctx_size = sizeof(struct exporter_poll_group),
	.create = group_create,
	.destroy = group_destroy,
	.quiesce = group_quiesce,
	.resume = group_resume,
};

struct exporter_poll_group *exporter_poll_group_get(void)
{
	struct ebb_io_channel *channel = ebb_io_channel_get(&device_exporter);

	return channel == NULL ? NULL : ebb_io_channel_ctx(channel);
}

void exporter_poll_group_put(struct exporter_poll_group *group)
{
	ebb_io_channel_put(group->channel);
}

int exporter_poll_group_register(void)
{
	return ebb_io_device_register(&device_exporter, &group_ops);
}

void exporter_poll_group_unregister(void (*done)(void *device))
{
	if (ebb_io_device_unregister(&device_exporter, done) != 0) {
		done(&device_exporter);
	}
}
