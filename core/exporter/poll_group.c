/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting for memory. What a client of this thread gives back is given on at once
 * (exporter_poll_group_wake_waiters()). For the rest there is a timer, while somebody waits: it looks
 * who takes nothing, and has that give back. Who lacks memory that it has a right to waits for
 * somebody who does not tell this group, another thread or another user of the pool: it asks again
 * and again, less and less often; and the other threads are asked to look at their clients too.
 */

#include "core/exporter/poll_group.h"

#include <errno.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#define MEM_LOOK_US      500000u /* while somebody waits for its turn */
#define MEM_RETRY_US     5000u   /* while somebody lacks memory, at first; doubled up to: */
#define MEM_RETRY_MAX_US 320000u
#define MEM_ASK_NS       EBB_NS_PER_S /* and as often the other threads are asked */

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

static void group_look(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	struct exporter_poll_group *group = ebb_io_channel_ctx(channel);

	(void)arg;
	(void)exporter_pot_look(&group->pot, ebb_clock_now_ns(), true);
	exporter_poll_group_wake_waiters(group);
	ebb_for_each_channel_next(iter, 0);
}

static void group_looked(void *arg, int rc)
{
	(void)arg;
	(void)rc;
}

static int group_mem_poll(void *arg);

/* @period_us: 0: no timer. */
static void group_set_timer(struct exporter_poll_group *group, uint64_t period_us)
{
	if (group->mem_poller != NULL && group->mem_period_us == period_us) {
		return;
	}
	ebb_poller_unregister(&group->mem_poller);
	group->mem_period_us = period_us;
	if (period_us > 0) {
		group->mem_poller = ebb_poller_register(group_mem_poll, group, period_us);
	}
}

static uint64_t group_retry_us(const struct exporter_poll_group *group)
{
	uint64_t period_us = group->mem_period_us * 2;

	if (group->mem_period_us == 0 || group->mem_period_us == MEM_LOOK_US) {
		return MEM_RETRY_US;
	}
	return period_us < MEM_RETRY_MAX_US ? period_us : MEM_RETRY_MAX_US;
}

static int group_mem_poll(void *arg)
{
	struct exporter_poll_group *group = arg;
	struct exporter_pot *pot = &group->pot;
	uint64_t now_ns = ebb_clock_now_ns();
	bool again = exporter_pot_look(pot, now_ns, false);

	exporter_pot_serve(pot);
	if (!ebb_list_empty(&pot->lacking)) {
		if (now_ns - group->asked_ns >= MEM_ASK_NS) {
			group->asked_ns = now_ns;
			ebb_for_each_channel(&device_exporter, group_look, NULL, group_looked);
		}
		group_set_timer(group, group_retry_us(group));
	} else {
		group_set_timer(group, again && !ebb_list_empty(&pot->waiters) ? MEM_LOOK_US : 0);
	}
	return 1;
}

void exporter_poll_group_wait_mem(struct exporter_poll_group *group)
{
	struct exporter_pot *pot = &group->pot;

	if (!ebb_list_empty(&pot->lacking)) {
		if (group->mem_poller == NULL || group->mem_period_us == MEM_LOOK_US) {
			group_set_timer(group, MEM_RETRY_US);
		}
	} else if (group->mem_poller == NULL && !ebb_list_empty(&pot->waiters)) {
		(void)exporter_pot_look(pot, ebb_clock_now_ns(), false);
		group_set_timer(group, MEM_LOOK_US);
	}
}

/* A thread's part of what all pots may have. */
static uint32_t group_pot_bytes(void)
{
	uint32_t bytes;
	unsigned reactors = 0;

	while (ebb_reactor_core(reactors) >= 0) {
		reactors++;
	}
	bytes = EXPORTER_POTS_MAX / (reactors > 0 ? reactors : 1);
	return bytes < EXPORTER_POT_MAX ? bytes : EXPORTER_POT_MAX;
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
	exporter_pot_init(&group->pot, group_pot_bytes());
	return 0;
}

static void group_destroy(void *device, void *ctx)
{
	struct exporter_poll_group *group = ctx;

	(void)device;
	ebb_assert(ebb_list_empty(&group->members) && ebb_list_empty(&group->ops.busy) &&
		   ebb_list_empty(&group->pot.shares));
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
