/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The delay bdev: passes requests on to its base, and keeps reads and writes for a while when the
 * base is done with them. One in a hundred is kept for the p99 latency, the others for the average
 * one; which of a hundred it is, is drawn.
 *
 * What is kept stands in a queue for each latency, in the order of its time, so that it joins at
 * the end: only what comes after a latency was made shorter may have to pass some before it. One
 * timer of the channel is set to the earliest time of all; with nothing kept it is not set.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/poller.h>
#include <ebb/reactor.h>
#include <ebb/wanted.h>

#include "core/bdev/answer.h"
#include "core/bdev/uuid.h"
#include "core/bdev/virtual.h"

#define LATENCY_MAX_US (86400ull * 1000000) /* a day */
#define HUNDRED        100u

enum delay_class {
	DELAY_AVG_READ,
	DELAY_P99_READ,
	DELAY_AVG_WRITE,
	DELAY_P99_WRITE,
	DELAY_CLASS_COUNT, /* or: not kept at all */
};

static const char *const class_names[] = {"avg_read", "p99_read", "avg_write", "p99_write", NULL};

struct delay_bdev {
	struct bdev_virtual virtual;
	/* Any thread reads what the app thread writes; an old value or the new one will do. */
	_Atomic uint64_t latency_us[DELAY_CLASS_COUNT];
};

/* Of each hundred requests, the one that is slow. */
struct delay_draw {
	unsigned count; /* of the hundred */
	unsigned slow;
};

struct delay_channel {
	struct bdev_virtual_channel ch;
	struct ebb_list kept[DELAY_CLASS_COUNT];
	struct ebb_poller *timer;
	uint64_t timer_ns; /* when it runs; UINT64_MAX: paused */
	struct delay_draw reads, writes;
	uint64_t random;
};

struct delay_io {
	struct bdev_virtual_io vio;
	struct ebb_list link;
	uint64_t end_ns;
	enum delay_class class;
	int status;
};

static struct delay_bdev *bdev_of(struct bdev_virtual *virtual)
{
	return ebb_container_of(virtual, struct delay_bdev, virtual);
}

/* Marsaglia's xorshift. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static bool draw_slow(struct delay_channel *ch, struct delay_draw *draw)
{
	bool slow;

	if (draw->count == 0) {
		draw->slow = (unsigned)(random_next(&ch->random) % HUNDRED);
	}
	slow = draw->count == draw->slow;
	draw->count = (draw->count + 1) % HUNDRED;
	return slow;
}

/* ---- what is kept ---- */

static void timer_set(struct delay_channel *ch, uint64_t end_ns)
{
	ch->timer_ns = end_ns;
	if (end_ns == UINT64_MAX) {
		ebb_poller_pause(ch->timer);
	} else {
		ebb_poller_run_at(ch->timer, end_ns);
	}
}

static void kept_add(struct delay_channel *ch, struct delay_io *dio)
{
	struct ebb_list *list = &ch->kept[dio->class];
	struct ebb_list *last = list->prev;

	while (last != list && ebb_list_entry(last, struct delay_io, link)->end_ns > dio->end_ns) {
		last = last->prev;
	}
	ebb_list_insert_before(&dio->link, last->next);
	if (dio->end_ns < ch->timer_ns) {
		timer_set(ch, dio->end_ns);
	}
}

/* Ends those of one queue whose time is not after @now_ns. Return: how many. */
static unsigned kept_end(struct ebb_list *list, uint64_t now_ns)
{
	unsigned count = 0;

	while (!ebb_list_empty(list)) {
		struct delay_io *dio = ebb_list_first(list, struct delay_io, link);

		if (dio->end_ns > now_ns) {
			break;
		}
		ebb_list_remove(&dio->link);
		bdev_virtual_complete(&dio->vio, dio->status);
		count++;
	}
	return count;
}

static uint64_t kept_next_ns(const struct delay_channel *ch)
{
	uint64_t next_ns = UINT64_MAX;
	unsigned class;

	for (class = 0; class < DELAY_CLASS_COUNT; class ++) {
		const struct ebb_list *list = &ch->kept[class];

		if (!ebb_list_empty(list)) {
			uint64_t end_ns = ebb_list_first(list, struct delay_io, link)->end_ns;

			next_ns = end_ns < next_ns ? end_ns : next_ns;
		}
	}
	return next_ns;
}

/*
 * Nothing ends before its time by either clock: the turn's may be ahead of the kernel's by a little,
 * and is behind it by what the turn has taken; but it is the turn's that latencies are counted by.
 */
static uint64_t kept_now_ns(void)
{
	uint64_t now_ns = ebb_clock_now_ns();
	uint64_t turn_ns = ebb_reactor_now_ns();

	return now_ns < turn_ns ? now_ns : turn_ns;
}

static int delay_timer(void *arg)
{
	struct delay_channel *ch = arg;
	uint64_t now_ns = kept_now_ns();
	unsigned count = 0;
	unsigned class;

	for (class = 0; class < DELAY_CLASS_COUNT; class ++) {
		count += kept_end(&ch->kept[class], now_ns);
	}
	timer_set(ch, kept_next_ns(ch));
	return count > 0;
}

/* ---- requests ---- */

static void delay_passed(struct bdev_virtual_io *vio, int status)
{
	struct delay_io *dio = ebb_container_of(vio, struct delay_io, vio);
	struct delay_channel *ch = ebb_container_of(vio->ch, struct delay_channel, ch);
	uint64_t latency_us = 0;

	if (dio->class < DELAY_CLASS_COUNT && !ch->ch.draining) {
		latency_us =
			atomic_load_explicit(&bdev_of(vio->ch->virtual)->latency_us[dio->class],
					     memory_order_relaxed);
	}
	if (latency_us == 0) {
		bdev_virtual_complete(vio, status);
		return;
	}
	dio->status = status;
	dio->end_ns = ebb_clock_now_ns() + latency_us * EBB_NS_PER_US;
	kept_add(ch, dio);
}

static void delay_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	const struct ebb_bdev_io *io = handle.io;
	struct delay_io *dio =
		ebb_container_of(bdev_virtual_io_begin(ctx, handle), struct delay_io, vio);
	struct delay_channel *ch = ctx;

	ebb_list_init(&dio->link);
	if (io->type == EBB_BDEV_READ) {
		dio->class = draw_slow(ch, &ch->reads) ? DELAY_P99_READ : DELAY_AVG_READ;
	} else if (io->type == EBB_BDEV_WRITE) {
		dio->class = draw_slow(ch, &ch->writes) ? DELAY_P99_WRITE : DELAY_AVG_WRITE;
	} else {
		dio->class = DELAY_CLASS_COUNT;
	}
	bdev_virtual_pass(&dio->vio, delay_passed);
}

static int channel_begin(struct bdev_virtual_channel *virtual_ch)
{
	struct delay_channel *ch = ebb_container_of(virtual_ch, struct delay_channel, ch);
	unsigned class;

	for (class = 0; class < DELAY_CLASS_COUNT; class ++) {
		ebb_list_init(&ch->kept[class]);
	}
	ch->random = ebb_clock_now_ns() ^ (uintptr_t)ch;
	ch->random |= 1;
	/* The period is of no account: the timer is told each time when to run. */
	ch->timer = ebb_poller_register(delay_timer, ch, 1000000);
	if (ch->timer == NULL) {
		return -ENOMEM;
	}
	timer_set(ch, UINT64_MAX);
	return 0;
}

static void channel_end(struct bdev_virtual_channel *virtual_ch)
{
	struct delay_channel *ch = ebb_container_of(virtual_ch, struct delay_channel, ch);

	ebb_assert(kept_next_ns(ch) == UINT64_MAX);
	ebb_poller_unregister(&ch->timer);
}

/* What is kept has been done: it ends with its own status, and only sooner. */
static void channel_drain(struct bdev_virtual_channel *virtual_ch)
{
	struct delay_channel *ch = ebb_container_of(virtual_ch, struct delay_channel, ch);
	unsigned class;

	if (!virtual_ch->draining) {
		return; /* its time will come */
	}
	for (class = 0; class < DELAY_CLASS_COUNT; class ++) {
		kept_end(&ch->kept[class], UINT64_MAX);
	}
	timer_set(ch, UINT64_MAX);
}

/* ---- the bdev ---- */

static const char update_name[] = "bdev_delay_update_latency";

/* The latencies that were changed are wanted with the bdev. */
static void delay_presence(struct bdev_virtual *virtual, bool present)
{
	unsigned class;

	for (class = 0; class < DELAY_CLASS_COUNT; class ++) {
		char *object;

		if (asprintf(&object, "%s %s", virtual->name, class_names[class]) >= 0) {
			ebb_wanted_set_present(update_name, object, present);
			free(object);
		}
	}
}

static void delay_dump_info(const struct ebb_bdev *bdev, struct json_object *into)
{
	static const char *const fields[] = {"avg_read_latency", "p99_read_latency",
					     "avg_write_latency", "p99_write_latency"};
	const struct delay_bdev *delay =
		ebb_container_of(bdev, const struct delay_bdev, virtual.bdev);
	const char *base = ebb_bdev_name(ebb_bdev_desc_bdev(delay->virtual.base));
	struct json_object *object = json_object_new_object();
	char uuid[BDEV_UUID_TEXT_SIZE];
	unsigned class;

	bdev_uuid_format(bdev->uuid, uuid);
	json_object_object_add(object, "name", json_object_new_string(bdev->name));
	json_object_object_add(object, "base_bdev_name", json_object_new_string(base));
	json_object_object_add(object, "uuid", json_object_new_string(uuid));
	for (class = 0; class < DELAY_CLASS_COUNT; class ++) {
		json_object_object_add(object, fields[class],
				       json_object_new_uint64(
					       atomic_load(&delay->latency_us[class])));
	}
	json_object_object_add(into, "delay", object);
}

static const struct ebb_bdev_ops delay_ops = {
	.submit = delay_submit,
	.leaving = bdev_virtual_leaving,
	.destruct = bdev_virtual_destruct,
	.dump_info = delay_dump_info,
};

static const struct bdev_virtual_kind delay_kind = {
	.kind = "delay",
	.method = "bdev_delay_create",
	.base_param = "base_bdev_name",
	.product_name = "delay",
	.ops = &delay_ops,
	.size = sizeof(struct delay_bdev),
	.io_size = sizeof(struct delay_io),
	.channel_size = sizeof(struct delay_channel),
	.channel_begin = channel_begin,
	.channel_end = channel_end,
	.channel_drain = channel_drain,
	.presence = delay_presence,
};

/* ---- methods ---- */

struct create_params {
	char *name;
	char *base_bdev_name;
	uint8_t uuid[16];
	uint64_t avg_read_latency;
	uint64_t p99_read_latency;
	uint64_t avg_write_latency;
	uint64_t p99_write_latency;
};

#define CREATE(field, type, ...) EBB_PARAM(struct create_params, field, type, __VA_ARGS__)

static const struct ebb_param create_table[] = {
	CREATE(name, EBB_PARAM_STRING, .help = "name of the new bdev"),
	CREATE(base_bdev_name, EBB_PARAM_STRING,
	       .help = "the bdev to stand on; if it is not there, it is waited for"),
	CREATE(uuid, EBB_PARAM_UUID, .optional = true, .help = "made up if not given"),
	CREATE(avg_read_latency, EBB_PARAM_UINT64, .max = LATENCY_MAX_US,
	       .help = "us that 99 of 100 reads are kept"),
	CREATE(p99_read_latency, EBB_PARAM_UINT64, .max = LATENCY_MAX_US,
	       .help = "us that 1 of 100 reads is kept"),
	CREATE(avg_write_latency, EBB_PARAM_UINT64, .max = LATENCY_MAX_US,
	       .help = "us that 99 of 100 writes are kept"),
	CREATE(p99_write_latency, EBB_PARAM_UINT64, .max = LATENCY_MAX_US,
	       .help = "us that 1 of 100 writes is kept"),
};

static void delay_fill(struct bdev_virtual *virtual, const void *arg)
{
	const struct create_params *params = arg;
	struct delay_bdev *delay = bdev_of(virtual);

	atomic_init(&delay->latency_us[DELAY_AVG_READ], params->avg_read_latency);
	atomic_init(&delay->latency_us[DELAY_P99_READ], params->p99_read_latency);
	atomic_init(&delay->latency_us[DELAY_AVG_WRITE], params->avg_write_latency);
	atomic_init(&delay->latency_us[DELAY_P99_WRITE], params->p99_write_latency);
}

static void create_call(struct ebb_call *call, void *arg)
{
	const struct create_params *params = arg;
	const struct bdev_virtual_opts opts = {
		.kind = &delay_kind,
		.name = params->name,
		.base_name = params->base_bdev_name,
		.uuid = params->uuid,
		.fill = delay_fill,
		.params = params,
	};

	if (params->p99_read_latency < params->avg_read_latency ||
	    params->p99_write_latency < params->avg_write_latency) {
		ebb_call_error(call, -EINVAL,
			       "delay bdev '%s': a p99 latency cannot be less than the average one",
			       params->name);
		return;
	}
	bdev_virtual_create(call, &opts, json_object_new_string(params->name));
}

struct delete_params {
	char *name;
	bool force;
};

static const struct ebb_param delete_table[] = {
	EBB_PARAM(struct delete_params, name, EBB_PARAM_STRING, .help = "of a delay bdev"),
	BDEV_ANSWER_PARAM_FORCE(struct delete_params),
};

static void delete_call(struct ebb_call *call, void *arg)
{
	const struct delete_params *params = arg;

	bdev_virtual_delete(call, params->name, &delay_kind, params->force);
}

struct update_params {
	char *delay_bdev_name;
	int latency_type;
	uint64_t latency_us;
};

static const struct ebb_param update_table[] = {
	EBB_PARAM(struct update_params, delay_bdev_name, EBB_PARAM_STRING,
		  .help = "of a delay bdev, there or waiting"),
	EBB_PARAM(struct update_params, latency_type, EBB_PARAM_ENUM, .names = class_names,
		  .help = "which latency"),
	EBB_PARAM(struct update_params, latency_us, EBB_PARAM_UINT64, .max = LATENCY_MAX_US,
		  .help = "what it is from now on; what is kept already ends as it would have"),
};

static void update_call(struct ebb_call *call, void *arg)
{
	const struct update_params *params = arg;
	struct bdev_virtual *virtual = bdev_virtual_find(params->delay_bdev_name, &delay_kind);

	if (virtual == NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "delay_bdev_name: there is no delay bdev '%s'; bdev_delay_create "
			       "makes one",
			       params->delay_bdev_name);
		return;
	}
	atomic_store(&bdev_of(virtual)->latency_us[params->latency_type], params->latency_us);
	ebb_call_took_effect(call, "delay_bdev_name", json_object_new_string(virtual->name));
	ebb_call_result(call, json_object_new_boolean(true));
	if (virtual->state != BDEV_VIRTUAL_READY) {
		delay_presence(virtual, false); /* with the bdev, whose absence has been told */
	}
}

static struct ebb_method create_method = {
	.name = "bdev_delay_create",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "make a block device that stands on another, and takes its time",
	.params = create_table,
	.num_params = EBB_ARRAY_SIZE(create_table),
	.params_size = sizeof(struct create_params),
	.fn = create_call,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "bdev",
	.object = "name",
	.stands_on = "base_bdev_name",
};

static struct ebb_method delete_method = {
	.name = "bdev_delay_delete",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "take a delay bdev away, there or waiting; its base stays",
	.params = delete_table,
	.num_params = EBB_ARRAY_SIZE(delete_table),
	.params_size = sizeof(struct delete_params),
	.fn = delete_call,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "bdev",
	.object = "name",
	.undoes = "bdev_delay_create",
};

static struct ebb_method update_method = {
	.name = update_name,
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "change how long a delay bdev keeps requests",
	.params = update_table,
	.num_params = EBB_ARRAY_SIZE(update_table),
	.params_size = sizeof(struct update_params),
	.fn = update_call,
	.effect = EBB_METHOD_SETS,
	.subsystem = "bdev",
	.object = "delay_bdev_name latency_type",
	.stands_on = "delay_bdev_name",
};

EBB_METHOD_REGISTER(create_method)
EBB_METHOD_REGISTER(delete_method)
EBB_METHOD_REGISTER(update_method)
