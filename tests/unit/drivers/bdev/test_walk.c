/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random walk: a null bdev, an error bdev on it and a delay bdev on that are made, unplugged and
 * deleted in any order, while clients on two threads do I/O on each of them, everything is injected
 * that can be, rates are limited, latencies and requests are counted, and the threads become quiet
 * as if to move. Whatever happened, each request ends once, a thread does become quiet, all can be
 * taken away in the end, and nothing is left (a build with a sanitizer looks).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/wanted.h>

#include "core/bdev/channel.h"
#include "core/bdev/pool.h"
#include "core/bdev/virtual.h"
#include "core/event/channel.h"
#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define STEPS   3000
#define CLIENTS 6
#define DEPTH   8
#define WALKS   16

/* A thread that is to move is quiet by then. */
#define QUIET_STEPS 300

static const char *const names[] = {"base", "EE_base", "D"};

/* Somebody who has one of the bdevs open on one of the threads. */
struct client {
	struct ebb_thread *thread;
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	unsigned under_way;
	bool told; /* that it goes: as soon as nothing is under way, it closes */
	bool writes;
};

struct request {
	struct client *client;
	uint8_t buf[FAKE_BLOCK];
	struct ebb_bdev_extent extent;
	struct ebb_bdev_extents extents;
	bool used;
};

static struct client clients[CLIENTS];
static struct request pool[CLIENTS * DEPTH];
static struct ebb_thread *threads[2];
static unsigned moving[2]; /* since so many steps; 0: it is not */
static unsigned moves;
static struct fake *fake;
static struct call calls[4];
static bool calling[4];
static unsigned begun, ended;
static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % below);
}

static void client_close(struct client *client)
{
	if (client->desc != NULL && client->told && client->under_way == 0) {
		ebb_io_channel_put(client->ch);
		ebb_bdev_close(client->desc);
		*client = (struct client){0};
	}
}

static void client_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct client *client = arg;

	(void)bdev;
	if (event == EBB_BDEV_EVENT_REMOVE) {
		client->told = true;
		client_close(client);
	}
}

static void request_done(void *arg, int status)
{
	struct request *request = arg;
	struct client *client = request->client;

	(void)status;
	ck_assert(request->used && client->under_way > 0);
	ck_assert_ptr_eq(ebb_thread_current(), client->thread);
	request->used = false;
	client->under_way--;
	ended++;
	client_close(client);
}

static void step_open(void)
{
	struct client *client = &clients[draw(CLIENTS)];

	if (client->desc != NULL) {
		return;
	}
	client->thread = threads[draw(2)];
	client->writes = draw(2) == 0;
	stage_enter(client->thread);
	if (ebb_bdev_open(names[draw(3)], client->writes, client_event, client, &client->desc) !=
	    0) {
		*client = (struct client){0};
	} else {
		client->ch = ebb_bdev_channel_get(client->desc);
		ck_assert_ptr_nonnull(client->ch);
	}
	stage_enter(ebb_thread_app());
}

static int request_begin(struct client *client, struct request *request)
{
	uint64_t at = draw(64);

	switch (draw(client->writes ? 6 : 3)) {
	case 0:
		return ebb_bdev_read(client->desc, client->ch, request->buf, at, 1, request_done,
				     request);
	case 1:
		return ebb_bdev_flush(client->desc, client->ch, request_done, request);
	case 2:
		request->extents = (struct ebb_bdev_extents){.max = 1, .extent = &request->extent};
		return ebb_bdev_block_status(client->desc, client->ch, at, 9, &request->extents,
					     request_done, request);
	case 3:
		return ebb_bdev_write(client->desc, client->ch, request->buf, at, 1,
				      draw(2) == 0 ? EBB_BDEV_FUA : 0, request_done, request);
	case 4:
		return ebb_bdev_unmap(client->desc, client->ch, at, 1, request_done, request);
	default:
		return ebb_bdev_write_zeroes(client->desc, client->ch, at, 1, draw(8), request_done,
					     request);
	}
}

static void step_io(void)
{
	struct client *client = &clients[draw(CLIENTS)];
	struct request *request = &pool[draw(CLIENTS * DEPTH)];

	if (client->desc == NULL || client->told || request->used) {
		return;
	}
	stage_enter(client->thread);
	request->client = client;
	if (request_begin(client, request) == 0) {
		request->used = true;
		client->under_way++;
		begun++;
	}
	stage_enter(ebb_thread_app());
}

static void step_leave(void)
{
	struct client *client = &clients[draw(CLIENTS)];

	if (client->desc != NULL) {
		stage_enter(client->thread);
		client->told = true;
		client_close(client);
		stage_enter(ebb_thread_app());
	}
}

/* Begins a call if one may be begun; how it ends is of no account, but it must. */
static void step_call(const char *method, const char *params)
{
	unsigned i;

	for (i = 0; i < 4; i++) {
		if (calling[i] && calls[i].done) {
			call_end(&calls[i]);
			calling[i] = false;
		}
	}
	for (i = 0; i < 4; i++) {
		if (!calling[i]) {
			calling[i] = true;
			call_begin(&calls[i], method, params);
			return;
		}
	}
}

static void step_inject(void)
{
	static const char *const io_types[] = {"read", "write", "unmap",       "flush",
					       "all",  "clear", "block_status"};
	static const char *const errors[] = {"failure", "pending", "corrupt_data", "nomem"};
	char text[256];

	snprintf(text, sizeof(text),
		 "{'name': 'EE_base', 'io_type': '%s', 'error_type': '%s', 'num': %u, "
		 "'queue_depth': %u, 'corrupt_offset': %u, 'corrupt_value': 1}",
		 io_types[draw(7)], errors[draw(4)], draw(6), draw(2), draw(600));
	step_call("bdev_error_inject_error", text);
}

static void step_update(void)
{
	static const char *const types[] = {"avg_read", "p99_read", "avg_write", "p99_write"};
	char text[256];

	snprintf(text, sizeof(text),
		 "{'delay_bdev_name': 'D', 'latency_type': '%s', 'latency_us': %u}", types[draw(4)],
		 draw(3) * draw(3000));
	step_call("bdev_delay_update_latency", text);
}

static void step_limit(void)
{
	static const char *const limits[] = {
		"'rw_ios_per_sec': 1000",
		"'rw_ios_per_sec': 0",
		"'rw_mbytes_per_sec': 1",
		"'rw_mbytes_per_sec': 0",
		"'r_mbytes_per_sec': 1, 'w_mbytes_per_sec': 1",
		"'r_mbytes_per_sec': 0, 'w_mbytes_per_sec': 0",
	};
	char text[256];

	snprintf(text, sizeof(text), "{'name': '%s', %s}", names[draw(3)], limits[draw(6)]);
	step_call("bdev_set_qos_limit", text);
}

static void step_count(void)
{
	static const char *const modes[] = {"none", "all", "maxmin", "error"};
	const char *name = names[draw(3)];
	char text[256];

	switch (draw(4)) {
	case 0:
		snprintf(text, sizeof(text), "{'name': '%s', 'enable': %s, 'granularity': %u}",
			 name, draw(2) == 0 ? "true" : "false", 1 + draw(3));
		step_call("bdev_enable_histogram", text);
		break;
	case 1:
		snprintf(text, sizeof(text), "{'name': '%s'}", name);
		step_call("bdev_get_histogram", text);
		break;
	case 2:
		snprintf(text, sizeof(text),
			 "{'name': '%s', 'per_channel': true, 'reset_mode': '%s'}", name,
			 modes[draw(4)]);
		step_call("bdev_get_iostat", text);
		break;
	default:
		snprintf(text, sizeof(text), "{'mode': '%s'}", modes[draw(4)]);
		step_call("bdev_reset_iostat", text);
		break;
	}
}

/* A thread begins to move, unless it does already. */
static void step_move(void)
{
	unsigned i = draw(2);

	if (moving[i] == 0) {
		moving[i] = 1;
		stage_enter(threads[i]);
		event_channels_quiesce(threads[i]);
		stage_enter(ebb_thread_app());
	}
}

static void moves_go_on(void)
{
	for (unsigned i = 0; i < 2; i++) {
		if (moving[i] == 0) {
			continue;
		}
		if (event_channels_quiet(threads[i])) {
			moving[i] = 0;
			moves++;
			stage_enter(threads[i]);
			event_channels_resume(threads[i]);
			stage_enter(ebb_thread_app());
		} else {
			ck_assert_msg(++moving[i] < QUIET_STEPS, "a thread does not become quiet");
		}
	}
}

/* The base is plugged in, or out. */
static void step_base(void)
{
	if (fake == NULL) {
		fake = fake_create("base");
		fake->bdev.zero_flags = draw(4) << 1;
		ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
		fake->mode = draw(2) == 0 ? FAKE_HOLD : FAKE_AT_ONCE;
	} else if (fake->bdev.internal != NULL) {
		(void)ebb_bdev_unregister(&fake->bdev, NULL, NULL);
	}
}

/* The base that has been unplugged has gone. */
static void base_check(void)
{
	if (fake != NULL && fake->destructed != 0) {
		stage_turns(8); /* its io_device goes */
		free(fake);
		fake = NULL;
	}
}

static void base_work(void)
{
	if (fake != NULL && fake->num_held > 0) {
		/* Each ends on the thread that it came by. */
		for (unsigned i = 0; i < CLIENTS && fake->num_held > 0; i++) {
			struct ebb_bdev_io *io = fake->held[0].io;
			struct ebb_thread *thread = bdev_req_from_io(io)->ch->thread;

			stage_enter(thread);
			fake_complete_one(fake, draw(8) == 0 ? -EIO : 0);
		}
		stage_enter(ebb_thread_app());
	}
}

static void step(void)
{
	moves_go_on();
	switch (draw(20)) {
	case 0:
		step_call("bdev_error_create", "{'base_name': 'base'}");
		break;
	case 1:
		step_call("bdev_delay_create",
			  "{'name': 'D', 'base_bdev_name': 'EE_base', 'avg_read_latency': 5, "
			  "'p99_read_latency': 900, 'avg_write_latency': 0, "
			  "'p99_write_latency': 50}");
		break;
	case 2:
		if (draw(4) == 0) {
			step_call("bdev_error_delete", "{'name': 'EE_base'}");
		}
		break;
	case 3:
		if (draw(4) == 0) {
			step_call("bdev_delay_delete", "{'name': 'D'}");
		}
		break;
	case 4:
		if (fake == NULL || draw(8) == 0) {
			step_base();
		}
		break;
	case 5:
		step_inject();
		break;
	case 6:
		step_update();
		break;
	case 7:
		/* Without it, too, a thread that is to move becomes quiet. */
		if (draw(4) == 0 && moving[0] == 0 && moving[1] == 0) {
			step_call("bdev_error_resume_pending", "{'name': 'EE_base'}");
		}
		break;
	case 8:
		step_leave();
		break;
	case 9:
	case 10:
		step_open();
		break;
	case 11:
		step_limit();
		break;
	case 12:
		step_count();
		break;
	case 13:
		step_move();
		break;
	default:
		step_io();
		break;
	}
}

/* Everything is taken away, and does go. */
static void finish(void)
{
	unsigned rounds = 0;
	bool left = true;

	for (unsigned i = 0; i < 4; i++) {
		while (calling[i] && !calls[i].done && rounds++ < 1000) {
			moves_go_on();
			base_work();
			stage_clock_advance(EBB_NS_PER_MS);
			stage_turns(2);
			for (unsigned c = 0; c < CLIENTS; c++) {
				step_leave();
			}
		}
	}
	step_call("bdev_delay_delete", "{'name': 'D'}");
	step_call("bdev_error_delete", "{'name': 'EE_base'}");
	if (fake != NULL && fake->bdev.internal != NULL) {
		(void)ebb_bdev_unregister(&fake->bdev, NULL, NULL);
	}
	while (left && rounds++ < 2000) {
		moves_go_on();
		base_work();
		stage_clock_advance(EBB_NS_PER_MS);
		stage_turns(2);
		step_leave();
		base_check();
		left = fake != NULL || ebb_bdev_next(NULL) != NULL;
		for (unsigned i = 0; i < CLIENTS; i++) {
			left = left || clients[i].desc != NULL;
		}
	}
	ck_assert_msg(!left, "something does not go");
	stage_turns(8);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(!calling[i] || calls[i].done);
		if (calling[i]) {
			call_end(&calls[i]);
		}
	}
}

/* The fake base was made by nobody's call: what has been set of it stays wanted, and nothing else. */
static void wanted_check(void)
{
	const struct ebb_wanted *wanted = NULL;

	while ((wanted = ebb_wanted_next(wanted)) != NULL) {
		ck_assert_msg(strcmp(wanted->object, "base") == 0, "%s of '%s' is wanted",
			      wanted->method->name, wanted->object);
		ck_assert(!wanted->present);
	}
	method_wanted_clear();
}

START_TEST(anything_in_any_order)
{
	seed = 0x9e3779b97f4a7c15u * (uint64_t)(_i + 1);
	stage_begin();
	bdev_pool_set_size(_i % 2 == 0 ? 0 : 4);
	threads[0] = stage_thread("one");
	threads[1] = stage_thread("two");
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		if (draw(3) == 0) {
			stage_clock_advance(draw(400) * EBB_NS_PER_US);
		}
		stage_turn();
		if (draw(2) == 0) {
			base_work();
		}
		base_check();
	}
	finish();
	ck_assert_uint_eq(begun, ended);
	ck_assert_uint_gt(begun, 100);
	ck_assert_uint_gt(moves, 10);
	call_text("bdev_delay_delete", "{'name': 'D'}");
	call_text("bdev_error_delete", "{'name': 'EE_base'}");
	ck_assert_ptr_null(bdev_virtual_next_waiting(NULL));
	wanted_check();
	ck_assert_uint_eq(stage_violations(2) + stage_violations(3) + stage_violations(4), 0);
	stage_thread_exit(threads[0]);
	stage_thread_exit(threads[1]);
	stage_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(anything_in_any_order, 0, WALKS),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
