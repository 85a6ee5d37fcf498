/* SPDX-License-Identifier: Apache-2.0 */
/* Devices whose channels get channels of other devices, and many devices at once. */
#include "core/event/channel.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define LEVELS 3

/* Each stands on the next; the last stands on nothing. */
struct level {
	struct level *base;
	int create_rc;
	unsigned created, destroyed;
};

struct level_channel {
	struct ebb_io_channel *base;
	struct ebb_poller *poller;
};

static struct level levels[LEVELS];
static struct ebb_thread *thread;
static unsigned polls;

static int level_create(void *device, void *ctx)
{
	struct level *level = device;
	struct level_channel *channel = ctx;

	if (level->create_rc != 0) {
		return level->create_rc;
	}
	if (level->base != NULL) {
		channel->base = ebb_io_channel_get(level->base);
		if (channel->base == NULL) {
			return -ENODEV;
		}
	}
	channel->poller = ebb_poller_register(stepper_poll_count, &polls, 0);
	ck_assert_ptr_nonnull(channel->poller);
	level->created++;
	return 0;
}

static void level_destroy(void *device, void *ctx)
{
	struct level *level = device;
	struct level_channel *channel = ctx;

	ck_assert_ptr_eq(ebb_thread_current(), thread);
	if (channel->base != NULL) {
		ebb_io_channel_put(channel->base);
	}
	ebb_poller_unregister(&channel->poller);
	level->destroyed++;
}

static void setup(void)
{
	static const struct ebb_io_device_ops ops = {
		.name = "level",
		.ctx_size = sizeof(struct level_channel),
		.create = level_create,
		.destroy = level_destroy,
	};

	stepper_start();
	thread = stepper_thread("worker", 0);
	stepper_enter(ebb_thread_app());
	for (unsigned i = 0; i < LEVELS; i++) {
		levels[i].base = i + 1 < LEVELS ? &levels[i + 1] : NULL;
		ck_assert_int_eq(ebb_io_device_register(&levels[i], &ops), 0);
	}
	stepper_enter(thread);
}

static void teardown(void)
{
	stepper_enter(ebb_thread_app());
	for (unsigned i = 0; i < LEVELS; i++) {
		ck_assert_int_eq(ebb_io_device_unregister(&levels[i], NULL), 0);
	}
	stepper_leave();
	stepper_stop();
}

static void check_levels(unsigned created, unsigned destroyed)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		ck_assert_uint_eq(levels[i].created, created);
		ck_assert_uint_eq(levels[i].destroyed, destroyed);
	}
}

/* One get makes a channel of each, and one put ends them. */
START_TEST(test_get_and_put)
{
	struct ebb_io_channel *channel = ebb_io_channel_get(&levels[0]);

	ck_assert_ptr_nonnull(channel);
	check_levels(1, 0);
	ck_assert_uint_eq(thread->num_channels, LEVELS);
	stepper_leave();
	stepper_turn();
	ck_assert_uint_eq(polls, LEVELS);
	stepper_enter(thread);
	ebb_io_channel_put(channel);
	stepper_leave();
	stepper_settle();
	check_levels(1, 1);
	ck_assert_uint_eq(thread->num_channels, 0);
}
END_TEST

/* The thread exits with the outermost put and the others still held by it: it waits for them all. */
START_TEST(test_exit_meanwhile)
{
	struct ebb_io_channel *channel = ebb_io_channel_get(&levels[0]);

	ebb_io_channel_put(channel);
	ebb_thread_exit();
	ck_assert_int_ne(atomic_load(&thread->state), EVENT_THREAD_EXITED);
	stepper_leave();
	for (unsigned turn = 0; turn < 20 && levels[LEVELS - 1].destroyed == 0; turn++) {
		ck_assert_int_ne(atomic_load(&thread->state), EVENT_THREAD_EXITED);
		stepper_turn();
	}
	check_levels(1, 1);
	stepper_settle();
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITED);
	ck_assert_uint_eq(log_count("is forced"), 0);
}
END_TEST

/* The one in the middle has another holder, and outlives the outermost. */
START_TEST(test_shared_base)
{
	struct ebb_io_channel *outer = ebb_io_channel_get(&levels[0]);
	struct ebb_io_channel *inner = ebb_io_channel_get(&levels[1]);

	ck_assert_uint_eq(levels[1].created, 1);
	ebb_io_channel_put(outer);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(levels[0].destroyed, 1);
	ck_assert_uint_eq(levels[1].destroyed, 0);
	ck_assert_uint_eq(levels[2].destroyed, 0);
	stepper_enter(thread);
	ebb_io_channel_put(inner);
	stepper_leave();
	stepper_settle();
	check_levels(1, 1);
}
END_TEST

/* What the innermost refuses, all refuse, and nothing of any is left; later it may go well. */
START_TEST(test_innermost_fails)
{
	struct ebb_io_channel *channel;

	levels[LEVELS - 1].create_rc = -EIO;
	ck_assert_ptr_null(ebb_io_channel_get(&levels[0]));
	ck_assert_uint_eq(thread->num_channels, 0);
	ck_assert_uint_eq(log_count("'worker' gets no channel to 'level'"), LEVELS);
	stepper_leave();
	stepper_settle();
	check_levels(0, 0);
	levels[LEVELS - 1].create_rc = 0;
	stepper_enter(thread);
	channel = ebb_io_channel_get(&levels[0]);
	ck_assert_ptr_nonnull(channel);
	ebb_io_channel_put(channel);
	stepper_leave();
	stepper_settle();
	check_levels(1, 1);
}
END_TEST

/* Devices are told apart by the whole of their addresses, which need not be memory. */
START_TEST(test_far_addresses)
{
	static const uintptr_t addresses[] = {
		0x1,         0x7fffffff,         0x80000000,         0x100000000,
		0x100000001, 0x8000000000000000, 0x8000000100000000, UINTPTR_MAX,
	};
	struct ebb_io_channel *channels[EBB_ARRAY_SIZE(addresses)];
	struct ebb_io_device_ops ops = {.ctx_size = 8};
	char name[32];

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(addresses); i++) {
		snprintf(name, sizeof(name), "at %u", i);
		ops.name = name;
		ck_assert_int_eq(ebb_io_device_register((void *)addresses[i], &ops), 0);
		ck_assert_int_eq(ebb_io_device_register((void *)addresses[i], &ops), -EEXIST);
	}
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(addresses); i++) {
		channels[i] = ebb_io_channel_get((void *)addresses[i]);
		ck_assert_ptr_nonnull(channels[i]);
		snprintf(name, sizeof(name), "at %u", i);
		ck_assert_str_eq(ebb_io_channel_name(channels[i]), name);
		for (unsigned j = 0; j < i; j++) {
			ck_assert_ptr_ne(channels[i], channels[j]);
		}
	}
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(addresses); i++) {
		ebb_io_channel_put(channels[i]);
		ck_assert_int_eq(ebb_io_device_unregister((void *)addresses[i], NULL), 0);
		ck_assert_ptr_null(ebb_io_channel_get((void *)addresses[i]));
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_get_and_put),
		UNIT_TEST(test_exit_meanwhile),
		UNIT_TEST(test_shared_base),
		UNIT_TEST(test_innermost_fails),
		UNIT_TEST(test_far_addresses),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
