/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/poll_group.h"

#include <errno.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/thread.h>

#define MEM_RETRY_US 5000u

/* The io_device: its address is its identity. */
static char device_nbd;

static const char *const state_names[NBD_POLL_GROUP_STATE_COUNT] = {
	[NBD_POLL_GROUP_READY] = "ready",
	[NBD_POLL_GROUP_QUIESCING] = "quiescing",
	[NBD_POLL_GROUP_QUIET] = "quiet",
	[NBD_POLL_GROUP_BROKEN] = "broken",
};

/* A move that is cancelled ends where it began. */
static const uint32_t state_next[NBD_POLL_GROUP_STATE_COUNT] = {
	[NBD_POLL_GROUP_READY] = EBB_BIT(NBD_POLL_GROUP_QUIESCING),
	[NBD_POLL_GROUP_QUIESCING] = EBB_BIT(NBD_POLL_GROUP_QUIET) | EBB_BIT(NBD_POLL_GROUP_READY) |
				     EBB_BIT(NBD_POLL_GROUP_BROKEN),
	[NBD_POLL_GROUP_QUIET] = EBB_BIT(NBD_POLL_GROUP_READY) | EBB_BIT(NBD_POLL_GROUP_BROKEN),
	[NBD_POLL_GROUP_BROKEN] = EBB_BIT(NBD_POLL_GROUP_QUIESCING),
};

void nbd_poll_group_set_state(struct nbd_poll_group *group, enum nbd_poll_group_state state)
{
	ebb_assert((state_next[group->state] & EBB_BIT(state)) != 0);
	ebb_debug("nbd", "poll group: %s -> %s", state_names[group->state], state_names[state]);
	group->state = state;
}

void nbd_poll_group_quiesced_if_idle(struct nbd_poll_group *group)
{
	if (ebb_list_empty(&group->ops)) {
		nbd_poll_group_set_state(group, NBD_POLL_GROUP_QUIET);
		ebb_io_channel_quiesced(group->channel);
	}
}

struct io_uring_sqe *nbd_poll_group_sqe(struct nbd_poll_group *group, struct nbd_op *op)
{
	if (nbd_op_busy(op) || !nbd_poll_group_ready(group)) {
		return NULL;
	}
	op->group = group;
	ebb_list_push_back(&group->ops, &op->link);
	return ebb_uring_sqe(&op->uring, EBB_URING_OTHER);
}

void nbd_poll_group_cancel(struct nbd_op *op)
{
	if (nbd_op_busy(op)) {
		ebb_uring_cancel(&op->uring);
	}
}

static int group_retry_waiters(void *arg)
{
	struct nbd_poll_group *group = arg;
	struct ebb_list *node;
	int retried = 0;

	if (!base_wait_list_begin(&group->mem_waiters)) {
		return 0;
	}
	while ((node = base_wait_list_next(&group->mem_waiters)) != NULL) {
		struct nbd_mem_waiter *waiter = ebb_list_entry(node, struct nbd_mem_waiter, link);

		waiter->retry(waiter);
		retried++;
	}
	base_wait_list_end(&group->mem_waiters);
	if (base_wait_list_empty(&group->mem_waiters)) {
		ebb_poller_unregister(&group->mem_poller);
	}
	return retried;
}

void nbd_poll_group_wait_mem(struct nbd_poll_group *group, struct nbd_mem_waiter *waiter)
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

void nbd_poll_group_retry_waiters(struct nbd_poll_group *group)
{
	(void)group_retry_waiters(group);
	group->freed = false;
}

static int group_create(void *device, void *ctx)
{
	struct nbd_poll_group *group = ctx;
	int rc = ebb_uring_open(EBB_URING_PLAIN);

	(void)device;
	if (rc != 0) {
		return rc;
	}
	group->channel = ebb_io_channel_from_ctx(ctx);
	ebb_list_init(&group->members);
	ebb_list_init(&group->ops);
	base_wait_list_init(&group->mem_waiters);
	return 0;
}

static void group_destroy(void *device, void *ctx)
{
	struct nbd_poll_group *group = ctx;

	(void)device;
	ebb_assert(ebb_list_empty(&group->members) && ebb_list_empty(&group->ops));
	ebb_poller_unregister(&group->mem_poller);
}

static void group_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	struct nbd_poll_group *group = ctx;
	struct ebb_list *node;

	(void)channel;
	nbd_poll_group_set_state(group, NBD_POLL_GROUP_QUIESCING);
	ebb_list_for_each(node, &group->ops) {
		ebb_uring_cancel(&ebb_list_entry(node, struct nbd_op, link)->uring);
	}
	nbd_poll_group_quiesced_if_idle(group);
}

static void group_resume(void *ctx, struct ebb_io_channel *channel)
{
	struct nbd_poll_group *group = ctx;
	struct ebb_list *node, *tmp;
	int rc = ebb_uring_open(EBB_URING_PLAIN);

	(void)channel;
	nbd_poll_group_set_state(group, rc == 0 ? NBD_POLL_GROUP_READY : NBD_POLL_GROUP_BROKEN);
	if (rc != 0) {
		ebb_error("nbd",
			  "thread %s moved to a reactor without io_uring (error %d): its clients "
			  "are hung up on",
			  ebb_thread_name(ebb_thread_current()), rc);
	}
	ebb_list_for_each_safe(node, tmp, &group->members) {
		struct nbd_member *member = ebb_list_entry(node, struct nbd_member, link);

		member->resume(member);
	}
}

static const struct ebb_io_device_ops group_ops = {
	.name = "nbd",
	.ctx_size = sizeof(struct nbd_poll_group),
	.create = group_create,
	.destroy = group_destroy,
	.quiesce = group_quiesce,
	.resume = group_resume,
};

struct nbd_poll_group *nbd_poll_group_get(void)
{
	struct ebb_io_channel *channel = ebb_io_channel_get(&device_nbd);

	return channel == NULL ? NULL : ebb_io_channel_ctx(channel);
}

void nbd_poll_group_put(struct nbd_poll_group *group)
{
	ebb_io_channel_put(group->channel);
}

int nbd_poll_group_register(void)
{
	return ebb_io_device_register(&device_nbd, &group_ops);
}

void nbd_poll_group_unregister(void (*done)(void *device))
{
	if (ebb_io_device_unregister(&device_nbd, done) != 0) {
		done(&device_nbd);
	}
}
