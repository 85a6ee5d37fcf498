/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/channel.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

struct context {
	unsigned number;
	char zeroed[100];
};

static struct ebb_thread *thread, *other;
static char device, second_device;
static unsigned creates, destroys, gone;
static int create_rc;
static bool unregister_in_create, get_in_create, keep_in_create;
static struct ebb_io_channel *got_in_create;

static void on_gone(void *arg)
{
	ck_assert_ptr_eq(arg, &device);
	ck_assert_ptr_eq(ebb_thread_current(), ebb_thread_app());
	gone++;
}

static int create(void *created_for, void *ctx)
{
	static const char zeroes[100];
	struct context *context = ctx;

	ck_assert_ptr_eq(created_for, &device);
	ck_assert_uint_eq(context->number, 0);
	ck_assert_int_eq(memcmp(context->zeroed, zeroes, sizeof(zeroes)), 0);
	if (get_in_create) {
		got_in_create = ebb_io_channel_get(&device);
		ck_assert_ptr_eq(got_in_create, ebb_io_channel_from_ctx(ctx));
		ck_assert_uint_eq(got_in_create->ref, 2);
		if (!keep_in_create) {
			ebb_io_channel_put(got_in_create);
		}
	}
	if (unregister_in_create) {
		ck_assert_int_eq(ebb_io_device_unregister(&device, NULL), 0);
	}
	if (create_rc == 0) {
		context->number = ++creates;
	}
	return create_rc;
}

static void destroy(void *destroyed_for, void *ctx)
{
	ck_assert_ptr_eq(destroyed_for, &device);
	ck_assert_uint_ne(((struct context *)ctx)->number, 0);
	destroys++;
}

static const struct ebb_io_device_ops ops = {
	.name = "disk0",
	.ctx_size = sizeof(struct context),
	.create = create,
	.destroy = destroy,
};

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
	other = stepper_thread("other", 0);
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &ops), 0);
	stepper_enter(thread);
}

static void teardown(void)
{
	stepper_enter(ebb_thread_app());
	ebb_io_device_unregister(&device, NULL);
	ebb_io_device_unregister(&second_device, NULL);
	stepper_leave();
	stepper_stop();
}

static struct ebb_io_channel *get(void)
{
	struct ebb_io_channel *channel = ebb_io_channel_get(&device);

	ck_assert_ptr_nonnull(channel);
	return channel;
}

static void settle(void)
{
	stepper_leave();
	stepper_settle();
	stepper_enter(thread);
}

static void unregister(void)
{
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_unregister(&device, on_gone), 0);
	ck_assert_uint_eq(gone, 0);
	stepper_enter(thread);
}

START_TEST(test_one_per_thread)
{
	struct ebb_io_channel *channel = get(), *others;

	ck_assert_ptr_eq(get(), channel);
	ck_assert_uint_eq(creates, 1);
	stepper_enter(other);
	others = get();
	ck_assert_ptr_ne(others, channel);
	ck_assert_uint_eq(creates, 2);
	ebb_io_channel_put(others);
	stepper_enter(thread);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 2);
}
END_TEST

START_TEST(test_properties)
{
	struct ebb_io_channel *channel = get();
	struct context *context = ebb_io_channel_ctx(channel);

	ck_assert_uint_eq(context->number, 1);
	ck_assert_uint_eq((uintptr_t)context % 64, 0);
	ck_assert_ptr_eq(ebb_io_channel_from_ctx(context), channel);
	ck_assert_ptr_eq(ebb_io_channel_thread(channel), thread);
	ck_assert_str_eq(ebb_io_channel_name(channel), "disk0");
	ebb_io_channel_put(channel);
}
END_TEST

/* The destruction is put off to a later turn … */
START_TEST(test_put_defers)
{
	struct ebb_io_channel *channel = get();

	ck_assert_ptr_eq(ebb_io_channel_ref(channel), channel);
	ebb_io_channel_put(channel);
	ebb_io_channel_put(channel);
	ck_assert_uint_eq(destroys, 0);
	settle();
	ck_assert_uint_eq(destroys, 1);
	ck_assert_uint_eq(thread->num_channels, 0);
}
END_TEST

/* … so that a get before takes the channel back, any number of times. */
START_TEST(test_get_takes_back)
{
	struct ebb_io_channel *channel = get();

	for (unsigned i = 0; i < 3; i++) {
		ebb_io_channel_put(channel);
		ck_assert_ptr_eq(get(), channel);
	}
	settle();
	ck_assert_uint_eq(creates, 1);
	ck_assert_uint_eq(destroys, 0);
	/* And it can go and come once more. */
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
	channel = get();
	ck_assert_uint_eq(creates, 2);
	ebb_io_channel_put(channel);
}
END_TEST

/* Taken back and put again before the first put's message has run: it goes once. */
START_TEST(test_put_get_put)
{
	struct ebb_io_channel *channel = get();

	ebb_io_channel_put(channel);
	ck_assert_ptr_eq(get(), channel);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
}
END_TEST

START_TEST(test_create_fails)
{
	create_rc = -EIO;
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	ck_assert_uint_eq(thread->num_channels, 0);
	ck_assert_uint_eq(log_count("'worker' gets no channel to 'disk0': Input/output"), 1);
	settle();
	ck_assert_uint_eq(destroys, 0);
	create_rc = 0;
	ebb_io_channel_put(get());
	unregister();
	settle();
	ck_assert_uint_eq(gone, 1);
}
END_TEST

/* The device was being unregistered while create() ran, and waited for this channel. */
START_TEST(test_create_fails_last)
{
	unregister_in_create = true;
	create_rc = -EIO;
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	ck_assert_uint_eq(thread->pending_unregisters, 1);
	settle();
	ck_assert_uint_eq(thread->pending_unregisters, 0);
	ck_assert_ptr_null(ebb_io_channel_get(&device));
}
END_TEST

/* … and when create() succeeds, the channel holds the device as any does. */
START_TEST(test_unregister_in_create)
{
	struct ebb_io_channel *channel;

	unregister_in_create = true;
	channel = get();
	settle();
	ck_assert_uint_eq(thread->pending_unregisters, 1);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(thread->pending_unregisters, 0);
}
END_TEST

/* Inside create() it is the same channel, with one more reference: not one of another create(). */
START_TEST(test_get_in_create)
{
	struct ebb_io_channel *channel;

	get_in_create = true;
	channel = get();
	ck_assert_ptr_eq(got_in_create, channel);
	ck_assert_uint_eq(creates, 1);
	ck_assert_uint_eq(thread->num_channels, 1);
	ck_assert_uint_eq(channel->ref, 1);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
}
END_TEST

START_TEST(test_keep_in_create)
{
	struct ebb_io_channel *channel;

	get_in_create = true;
	keep_in_create = true;
	channel = get();
	ck_assert_uint_eq(channel->ref, 2);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 0);
	ebb_io_channel_put(got_in_create);
	settle();
	ck_assert_uint_eq(destroys, 1);
}
END_TEST

/* What was got and put inside is of no consequence for a create() that fails. */
START_TEST(test_get_in_create_fails)
{
	get_in_create = true;
	create_rc = -ENOMEM;
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	ck_assert_uint_eq(thread->num_channels, 0);
	ck_assert_uint_eq(log_count("rule 2"), 0);
	unregister();
	settle();
	ck_assert_uint_eq(gone, 1);
}
END_TEST

/* What was got inside and kept is void, reported, and gone when it is put, without a destroy(). */
START_TEST(test_keep_in_create_fails)
{
	struct ebb_io_channel *channel;

	get_in_create = true;
	keep_in_create = true;
	create_rc = -ENOMEM;
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	ck_assert_uint_eq(log_count("(in a create() that failed, and not put there)() on 'disk0'"),
			  1);
	get_in_create = false;
	create_rc = 0;
	channel = get();
	ck_assert_ptr_ne(channel, got_in_create);
	ebb_io_channel_put(channel);
	unregister();
	settle();
	ck_assert_uint_eq(destroys, 1);
	ck_assert_uint_eq(gone, 0);
	ebb_io_channel_put(got_in_create);
	settle();
	ck_assert_uint_eq(destroys, 1);
	ck_assert_uint_eq(gone, 1);
	ck_assert_uint_eq(thread->num_channels, 0);
}
END_TEST

static int put_own(void *created_for, void *ctx)
{
	(void)created_for;
	ebb_io_channel_put(ebb_io_channel_from_ctx(ctx));
	return 0;
}

/* The reference that create() runs for is the caller's of the get: not create()'s to put. */
START_TEST(test_put_in_create)
{
	static const struct ebb_io_device_ops putting = {.name = "disk1", .create = put_own};
	struct ebb_io_channel *channel;

	ck_assert_int_eq(ebb_io_device_register(&second_device, &putting), 0);
	channel = ebb_io_channel_get(&second_device);
	ck_assert_ptr_nonnull(channel);
	ck_assert_uint_eq(channel->ref, 1);
	ck_assert_uint_eq(log_count("(in create(), of what was not got there)"), 1);
	ebb_io_channel_put(channel);
}
END_TEST

START_TEST(test_register_twice)
{
	ck_assert_int_eq(ebb_io_device_register(&device, &ops), -EEXIST);
	ebb_io_channel_put(get());
}
END_TEST

START_TEST(test_unregister_idle)
{
	unregister();
	settle();
	ck_assert_uint_eq(gone, 1);
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_unregister(&device, on_gone), -ENODEV);
	stepper_enter(thread);
	settle();
	ck_assert_uint_eq(gone, 1);
}
END_TEST

START_TEST(test_unregister_waits)
{
	struct ebb_io_channel *channel = get(), *others;

	stepper_enter(other);
	others = get();
	unregister();
	settle();
	ck_assert_uint_eq(gone, 0);
	/* New ones are refused at once, also to those who have one. */
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	ck_assert_uint_eq(log_count("not registered, or going"), 1);
	ck_assert_int_eq(ebb_io_device_unregister(&device, on_gone), -ENODEV);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(gone, 0);
	stepper_enter(other);
	ebb_io_channel_put(others);
	ck_assert_uint_eq(gone, 0);
	settle();
	ck_assert_uint_eq(gone, 1);
	ck_assert_uint_eq(destroys, 2);
}
END_TEST

/* The address may be registered anew while its former device still waits for a channel. */
START_TEST(test_register_again_meanwhile)
{
	struct ebb_io_channel *channel = get(), *fresh;

	unregister();
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &ops), 0);
	stepper_enter(thread);
	fresh = get();
	ck_assert_ptr_ne(fresh, channel);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(gone, 1);
	ebb_io_channel_put(fresh);
}
END_TEST

START_TEST(test_foreign_thread)
{
	struct ebb_io_channel *channel = get();

	stepper_enter(other);
	ebb_io_channel_put(channel);
	ck_assert_ptr_null(ebb_io_channel_ref(channel));
	ebb_io_channel_quiesced(channel);
	ck_assert_uint_eq(log_count("rule 2"), 3);
	ck_assert_uint_eq(log_count("belongs to thread 'worker', by thread 'other'"), 3);
	stepper_leave();
	ck_assert_ptr_null(ebb_io_channel_ref(channel));
	ck_assert_uint_eq(log_count("by thread 'none'"), 1);
	stepper_enter(thread);
	settle();
	ck_assert_uint_eq(destroys, 0);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
}
END_TEST

START_TEST(test_no_thread)
{
	stepper_leave();
	ck_assert_int_eq(ebb_io_device_register(&second_device, &ops), -EPERM);
	ck_assert_int_eq(ebb_io_device_unregister(&device, NULL), -EPERM);
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	ck_assert_uint_eq(log_count("rule 4"), 3);
}
END_TEST

START_TEST(test_unknown_device)
{
	ck_assert_ptr_null(ebb_io_channel_get(&second_device));
	ck_assert_uint_eq(log_count("'worker' gets no channel"), 1);
	ck_assert_int_eq(ebb_io_device_unregister(&second_device, NULL), -ENODEV);
}
END_TEST

/* A device may do without callbacks and without a context; its name is copied. */
START_TEST(test_bare_device)
{
	char name[] = "bare";
	struct ebb_io_device_ops bare = {.name = name};
	struct ebb_io_channel *channel;

	ck_assert_int_eq(ebb_io_device_register(&second_device, &bare), 0);
	memset(name, 'x', 4);
	channel = ebb_io_channel_get(&second_device);
	ck_assert_str_eq(ebb_io_channel_name(channel), "bare");
	ebb_io_channel_put(channel);
}
END_TEST

/* Once too often, before and after the channel has gone: its next user does not lose it. */
START_TEST(test_put_too_often)
{
	struct ebb_io_channel *channel = get();

	ebb_io_channel_put(channel);
	ebb_io_channel_put(channel);
	ck_assert_uint_eq(log_count("ebb_io_channel_put (one too many)() on 'disk0'"), 1);
	ck_assert_ptr_eq(get(), channel); /* taken back */
	settle();
	ck_assert_uint_eq(destroys, 0);
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
	ebb_io_channel_put(channel);
	ck_assert_uint_eq(log_count("one too many)() on 'a channel that has gone'"), 1);
	stepper_enter(other);
	ebb_io_channel_put(channel);
	ck_assert_uint_eq(log_count("one too many)() on 'a channel that has gone'"), 2);
	stepper_enter(thread);
	settle();
	ck_assert_uint_eq(destroys, 1);
}
END_TEST

static bool device_busy;

static bool is_busy(void *ctx)
{
	ck_assert_uint_ne(((struct context *)ctx)->number, 0);
	return device_busy;
}

/* The last put, with work under way: the channel stays its caller's, who puts it again later. */
START_TEST(test_put_while_busy)
{
	struct ebb_io_device_ops busy_ops = ops;
	struct ebb_io_channel *channel;

	unregister();
	busy_ops.busy = is_busy;
	ck_assert_int_eq(ebb_io_device_register(&device, &busy_ops), 0);
	channel = get();
	device_busy = true;
	ck_assert_ptr_eq(get(), channel);
	ebb_io_channel_put(channel); /* not the last */
	ck_assert_uint_eq(log_count("rule 2"), 0);
	ebb_io_channel_put(channel);
	ck_assert_uint_eq(log_count("ebb_io_channel_put (with work under way)() on 'disk0'"), 1);
	settle();
	ck_assert_uint_eq(destroys, 0);
	device_busy = false;
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
}
END_TEST

/* Work that began after the last put, before the channel went: it is kept, too. */
START_TEST(test_busy_after_put)
{
	struct ebb_io_device_ops busy_ops = ops;
	struct ebb_io_channel *channel;

	unregister();
	busy_ops.busy = is_busy;
	ck_assert_int_eq(ebb_io_device_register(&device, &busy_ops), 0);
	channel = get();
	ebb_io_channel_put(channel);
	device_busy = true;
	settle();
	ck_assert_uint_eq(destroys, 0);
	ck_assert_uint_eq(log_count("ebb_io_channel_put (used afterwards)() on 'disk0'"), 1);
	device_busy = false;
	ebb_io_channel_put(channel);
	settle();
	ck_assert_uint_eq(destroys, 1);
}
END_TEST

static void list_channel(const char *device_name, unsigned ref, void *arg)
{
	ck_assert_str_eq(device_name, "disk0");
	*(unsigned *)arg += ref;
}

START_TEST(test_list)
{
	struct ebb_io_channel *channel = get();
	unsigned refs = 0;

	ebb_io_channel_ref(channel);
	ebb_io_channel_for_each(list_channel, &refs);
	ck_assert_uint_eq(refs, 2);
	ebb_io_channel_put(channel);
	ebb_io_channel_put(channel);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_one_per_thread),
		UNIT_TEST(test_properties),
		UNIT_TEST(test_put_defers),
		UNIT_TEST(test_get_takes_back),
		UNIT_TEST(test_put_get_put),
		UNIT_TEST(test_create_fails),
		UNIT_TEST(test_create_fails_last),
		UNIT_TEST(test_unregister_in_create),
		UNIT_TEST(test_get_in_create),
		UNIT_TEST(test_keep_in_create),
		UNIT_TEST(test_get_in_create_fails),
		UNIT_TEST(test_keep_in_create_fails),
		UNIT_TEST(test_put_in_create),
		UNIT_TEST(test_register_twice),
		UNIT_TEST(test_unregister_idle),
		UNIT_TEST(test_unregister_waits),
		UNIT_TEST(test_register_again_meanwhile),
		UNIT_TEST(test_foreign_thread),
		UNIT_TEST(test_no_thread),
		UNIT_TEST(test_unknown_device),
		UNIT_TEST(test_bare_device),
		UNIT_TEST(test_list),
		UNIT_TEST(test_put_too_often),
		UNIT_TEST(test_put_while_busy),
		UNIT_TEST(test_busy_after_put),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
