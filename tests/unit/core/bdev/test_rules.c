/* SPDX-License-Identifier: Apache-2.0 */
/* Rules 2 and 3: whose a channel is, and where and how often a request completes. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <ebb/thread.h>
#include <ebb/violation.h>

#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static struct ebb_thread *called_on;
static char buf[16 * FAKE_BLOCK] __attribute__((aligned(4096)));

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	fake->mode = FAKE_HOLD;
	memset(&result, 0, sizeof(result));
	called_on = NULL;
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	stage_end();
}

static void done(void *arg, int status)
{
	called_on = ebb_thread_current();
	fake_done(arg, status);
}

static void submit_all_kinds(void)
{
	struct iovec iov[2] = {{buf, FAKE_BLOCK}, {buf, FAKE_BLOCK}};
	struct ebb_bdev_io_wait wait = {.fn = NULL};

	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), -EPERM);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 0, done, &result), -EPERM);
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 2, 0, 2, done, &result), -EPERM);
	ck_assert_int_eq(ebb_bdev_flush(desc, ch, done, &result), -EPERM);
	ebb_bdev_queue_io_wait(ch, &wait);
	ck_assert_uint_eq(fake->num_records, 0);
}

static void submit_foreign(void *arg)
{
	(void)arg;
	submit_all_kinds();
}

START_TEST(a_channel_is_its_threads)
{
	struct ebb_thread *thread = stage_thread("other");

	stage_enter(thread);
	submit_all_kinds();
	ck_assert_uint_eq(stage_violations(2), 5);
	stage_foreign(submit_foreign, NULL);
	ck_assert_uint_eq(stage_violations(2), 10);
	stage_enter(ebb_thread_app());
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 0);
	stage_thread_exit(thread);
}
END_TEST

static void complete_foreign(void *arg)
{
	ebb_bdev_io_complete(*(struct ebb_bdev_io_handle *)arg, -EIO);
}

static void complete_foreign_twice(void *arg)
{
	ebb_bdev_io_complete(*(struct ebb_bdev_io_handle *)arg, 0);
	ebb_bdev_io_complete(*(struct ebb_bdev_io_handle *)arg, -EIO);
}

START_TEST(completion_on_a_foreign_os_thread_is_carried)
{
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	stage_foreign(complete_foreign, &fake->held[0]);
	fake->num_held = 0;
	ck_assert_uint_eq(result.calls, 0);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -EIO);
	ck_assert_ptr_eq(called_on, ebb_thread_app());
	ck_assert_uint_eq(stage_violations(3), 1);
}
END_TEST

/* To the thread that has the channel, which need not be the app thread. */
START_TEST(a_completion_is_carried_to_the_channels_own_thread)
{
	struct ebb_thread *thread = stage_thread("other");
	struct ebb_io_channel *other_ch;

	stage_enter(thread);
	other_ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(other_ch);
	ck_assert_int_eq(ebb_bdev_read(desc, other_ch, buf, 0, 1, done, &result), 0);
	stage_foreign(complete_foreign, &fake->held[0]);
	fake->num_held = 0;
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -EIO);
	ck_assert_ptr_eq(called_on, thread);
	ck_assert_uint_eq(stage_violations(3), 1);
	ebb_io_channel_put(other_ch);
	stage_enter(ebb_thread_app());
	stage_turns(2);
	stage_thread_exit(thread);
}
END_TEST

START_TEST(completion_on_another_thread_is_carried)
{
	struct ebb_thread *thread = stage_thread("other");

	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	stage_enter(thread);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 0);
	stage_enter(ebb_thread_app());
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_ptr_eq(called_on, ebb_thread_app());
	ck_assert_uint_eq(stage_violations(3), 1);
	stage_thread_exit(thread);
}
END_TEST

START_TEST(foreign_twice_completes_once)
{
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	stage_foreign(complete_foreign_twice, &fake->held[0]);
	fake->num_held = 0;
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(stage_violations(3), 2);
}
END_TEST

/* The carried completion arrives when its request has ended and is another's, of the same time. */
START_TEST(a_carried_second_completion_does_not_end_another_request)
{
	struct ebb_bdev_io_handle first;

	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	first = fake->held[0];
	stage_foreign(complete_foreign, &first);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	ck_assert_ptr_eq(fake->held[0].io, first.io);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_uint_eq(log_count("completed a request twice"), 1);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 2);
	ck_assert_int_eq(result.status, 0);
}
END_TEST

/* Two of one request's memory are under way at a time: the newer one is carried, the older is void. */
START_TEST(a_carried_second_completion_does_not_hold_up_another_requests)
{
	struct fake_result second = {0};
	struct ebb_bdev_io_handle old;

	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	old = fake->held[0];
	stage_foreign(complete_foreign, &old);
	fake_complete_one(fake, 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &second), 0);
	ck_assert_ptr_eq(fake->held[0].io, old.io);
	stage_foreign(complete_foreign, &fake->held[0]);
	stage_foreign(complete_foreign, &old);
	fake->num_held = 0;
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(second.calls, 1);
	ck_assert_int_eq(second.status, -EIO);
	ck_assert_uint_eq(stage_violations(3), 3);
}
END_TEST

#define RACES 300

struct racer {
	pthread_barrier_t *barrier;
	struct ebb_bdev_io_handle handle;
};

static void *race_main(void *arg)
{
	const struct racer *racer = arg;

	pthread_barrier_wait(racer->barrier);
	ebb_bdev_io_complete(racer->handle, -EIO);
	return NULL;
}

/* Two OS threads complete the same request at once, and in every other round its owner does, too. */
START_TEST(of_completions_that_race_one_counts)
{
	pthread_barrier_t barrier;
	pthread_t pthreads[2];

	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 3), 0);
	for (unsigned i = 0; i < RACES; i++) {
		struct racer racer = {.barrier = &barrier};

		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
		racer.handle = fake->held[0];
		fake->num_held = 0;
		for (unsigned j = 0; j < 2; j++) {
			ck_assert_int_eq(pthread_create(&pthreads[j], NULL, race_main, &racer), 0);
		}
		pthread_barrier_wait(&barrier);
		if (i % 2 == 1) {
			ebb_bdev_io_complete(racer.handle, 0);
		}
		stage_turn();
		for (unsigned j = 0; j < 2; j++) {
			ck_assert_int_eq(pthread_join(pthreads[j], NULL), 0);
		}
		stage_turns(2);
		ck_assert_uint_eq(result.calls, i + 1);
		ck_assert_int_eq(result.status, i % 2 == 1 ? 0 : -EIO);
	}
	pthread_barrier_destroy(&barrier);
}
END_TEST

static void count_flush_sites(const struct ebb_violation_record *record, void *arg)
{
	*(unsigned *)arg += strcmp(record->function, "ebb_bdev_flush") == 0;
}

START_TEST(each_wrong_caller_is_one_site)
{
	struct ebb_thread *thread = stage_thread("other");
	unsigned before = 0, after = 0;
	unsigned i;

	ebb_violation_for_each(count_flush_sites, &before);
	stage_enter(thread);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(ebb_bdev_flush(desc, ch, done, &result), -EPERM);
	}
	ck_assert_int_eq(ebb_bdev_flush(desc, ch, done, &result), -EPERM);
	ebb_violation_for_each(count_flush_sites, &after);
	ck_assert_uint_eq(after - before, 2);
	stage_enter(ebb_thread_app());
	stage_thread_exit(thread);
}
END_TEST

START_TEST(a_second_completion_is_reported_and_refused)
{
	struct ebb_bdev_io_handle handle;

	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	handle = fake->held[0];
	fake_complete_one(fake, 0);
	ebb_bdev_io_complete(handle, -EIO);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(stage_violations(3), 1);
	ck_assert_uint_eq(log_count("disk: its driver completed a request twice"), 1);
	/* The channel works on. */
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	ck_assert_ptr_eq(fake->held[0].io, handle.io);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

/* A generation comes again after so many. */
#define USES 65536

/* The memory is another request's, which goes on undisturbed, however many there have been. */
START_TEST(a_second_completion_does_not_end_the_next_request)
{
	struct fake_result second = {0};
	struct ebb_bdev_io_handle old;
	unsigned i;

	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	old = fake->held[0];
	fake_complete_one(fake, 0);
	for (i = 1; i < USES; i++) {
		ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 0, done, &second), 0);
		ck_assert_ptr_eq(fake->held[0].io, old.io);
		ebb_bdev_io_complete(old, -EIO);
		ck_assert_uint_eq(second.calls, i - 1);
		fake_complete_one(fake, 0);
		ck_assert_uint_eq(second.calls, i);
		ck_assert_int_eq(second.status, 0);
		fake->num_records = 0;
	}
	ck_assert_uint_eq(stage_violations(3), USES - 1);
	ck_assert_uint_eq(result.calls, 1);
}
END_TEST

/* A write with a flush after it is two requests to its driver, by one memory. */
START_TEST(a_second_completion_of_a_write_does_not_end_its_flush)
{
	struct ebb_bdev_io_handle write;

	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, EBB_BDEV_FUA, done, &result), 0);
	write = fake->held[0];
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(fake->num_held, 1);
	ck_assert_ptr_eq(fake->held[0].io, write.io);
	ck_assert_int_eq(fake->held[0].io->type, EBB_BDEV_FLUSH);
	ebb_bdev_io_complete(write, 0);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_uint_eq(stage_violations(3), 1);
	fake_complete_one(fake, -EIO);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -EIO);
}
END_TEST

/* The memory of a part is a request that its driver has not got now: it is in parts itself. */
START_TEST(a_second_completion_does_not_end_a_request_in_parts)
{
	struct fake *small = fake_create("small");
	struct ebb_bdev_io_handle old;
	struct ebb_bdev_desc *small_desc;
	struct ebb_io_channel *small_ch;
	struct fake_result whole = {0};

	small->bdev.max_io_blocks = 2;
	small->mode = FAKE_HOLD;
	fake_open(small, &small_desc, &small_ch);
	ck_assert_int_eq(ebb_bdev_read(small_desc, small_ch, buf, 0, 1, done, &result), 0);
	old = small->held[0];
	fake_complete_one(small, 0);
	ck_assert_int_eq(ebb_bdev_read(small_desc, small_ch, buf, 0, 4, done, &whole), 0);
	ck_assert_uint_eq(small->num_held, 2);
	ck_assert_ptr_ne(small->held[0].io, old.io); /* that is the whole one's now */
	ebb_bdev_io_complete(old, -EIO);
	stage_turns(2);
	ck_assert_uint_eq(whole.calls, 0);
	ck_assert_uint_eq(stage_violations(3), 1);
	old = small->held[0];
	fake_complete_one(small, 0);
	ebb_bdev_io_complete(old, -EIO); /* and of a part, with another under way */
	ck_assert_uint_eq(stage_violations(3), 2);
	fake_complete_one(small, 0);
	stage_turns(2);
	ck_assert_uint_eq(whole.calls, 1);
	ck_assert_int_eq(whole.status, 0);
	fake_close(small, small_desc, small_ch);
}
END_TEST

/* Completes inside submit, and once more before the callback. */
static void submit_twice(void *ctx, struct ebb_bdev_io_handle handle)
{
	(void)ctx;
	ebb_bdev_io_complete(handle, 0);
	ebb_bdev_io_complete(handle, -EIO);
}

START_TEST(twice_inside_submit_completes_once)
{
	struct fake *bad = fake_create("bad");
	struct ebb_bdev_ops ops = *bad->bdev.ops;
	struct ebb_bdev_desc *bad_desc;
	struct ebb_io_channel *bad_ch;

	ops.submit = submit_twice;
	bad->bdev.ops = &ops;
	fake_open(bad, &bad_desc, &bad_ch);
	ck_assert_int_eq(ebb_bdev_read(bad_desc, bad_ch, buf, 0, 1, done, &result), 0);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(stage_violations(3), 1);
	fake_close(bad, bad_desc, bad_ch);
}
END_TEST

/* The requests come back, to a channel that is still there; and it can be put afterwards. */
START_TEST(a_channel_is_not_put_with_requests_under_way)
{
	struct ebb_io_channel *mine = ch;

	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done, &result), 0);
	ebb_io_channel_put(ch);
	ck_assert_uint_eq(stage_violations(2), 1);
	ck_assert_uint_eq(log_count("ebb_io_channel_put (with work under way)() on 'disk'"), 1);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 0);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ebb_io_channel_put(mine);
	ck_assert_uint_eq(stage_violations(2), 1);
	stage_turns(3);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(ch);
}
END_TEST

/* As the layer allows it: the last one's callback puts the channel. */
static void done_and_put(void *arg, int status)
{
	fake_done(arg, status);
	ebb_io_channel_put(ch);
}

START_TEST(a_channel_is_put_by_its_last_callback)
{
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done_and_put, &result), 0);
	fake_complete_one(fake, 0);
	fake->mode = FAKE_AT_ONCE;
	stage_turns(3);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, done_and_put, &result), 0);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 2);
	ck_assert_uint_eq(stage_violations(2), 0);
	ch = NULL;
}
END_TEST

static void wait_over(void *arg)
{
	(*(unsigned *)arg)++;
}

/* Who waits for a request would not be told. */
START_TEST(a_channel_is_not_put_while_somebody_waits)
{
	unsigned waits = 0;
	struct ebb_bdev_io_wait wait = {.fn = wait_over, .arg = &waits};

	ebb_bdev_queue_io_wait(ch, &wait);
	ebb_io_channel_put(ch);
	ck_assert_uint_eq(stage_violations(2), 1);
	stage_turns(3);
	ck_assert_uint_eq(waits, 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_channel_is_its_threads),
		UNIT_TEST(completion_on_a_foreign_os_thread_is_carried),
		UNIT_TEST(a_completion_is_carried_to_the_channels_own_thread),
		UNIT_TEST(completion_on_another_thread_is_carried),
		UNIT_TEST(foreign_twice_completes_once),
		UNIT_TEST(a_carried_second_completion_does_not_end_another_request),
		UNIT_TEST(a_carried_second_completion_does_not_hold_up_another_requests),
		UNIT_TEST(of_completions_that_race_one_counts),
		UNIT_TEST(each_wrong_caller_is_one_site),
		UNIT_TEST(a_second_completion_is_reported_and_refused),
		UNIT_TEST(a_second_completion_does_not_end_the_next_request),
		UNIT_TEST(a_second_completion_of_a_write_does_not_end_its_flush),
		UNIT_TEST(a_second_completion_does_not_end_a_request_in_parts),
		UNIT_TEST(twice_inside_submit_completes_once),
		UNIT_TEST(a_channel_is_not_put_with_requests_under_way),
		UNIT_TEST(a_channel_is_put_by_its_last_callback),
		UNIT_TEST(a_channel_is_not_put_while_somebody_waits),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
