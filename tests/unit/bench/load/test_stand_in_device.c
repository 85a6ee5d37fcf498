/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/stand_in_device.h"

/* The device by itself, on a clock that the test moves; the test is the companion, too. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/load/stand_in.h"
#include "tests/unit/bench/load/fake_companion.h"
#include "tests/unit/unit.h"

#define SERVICE_NS 10000
#define BLOCK      512u

static uint64_t clock_ns;
static struct bench_stand_in_device *device;
static struct bench_stand_in_queue *queue;
static char error[256];

static uint64_t now(void)
{
	return clock_ns;
}

static const struct bench_stand_in_opts opts_usual = {
	.name = "s",
	.service_ns = SERVICE_NS,
	.size_bytes = 64 * BLOCK,
	.depth = 4,
	.interrupt = true,
};

static void create(const struct bench_stand_in_opts *opts)
{
	ck_assert_int_eq(bench_stand_in_device_create(opts, &device, error, sizeof(error)), 0);
	ck_assert_int_eq(bench_stand_in_device_open_queue(device, &queue), 0);
	fake_companion_run(); /* takes the memory */
	fake_companion_run();
}

static void setup(void)
{
	clock_ns = 1000000;
	ebb_clock_set_source(now);
	create(&opts_usual);
}

static void teardown(void)
{
	bench_stand_in_queue_close(queue);
	bench_stand_in_device_destroy(device);
	ck_assert(!fake_companion_has_duty());
	ebb_clock_set_source(NULL);
}

static void submit_to(struct bench_stand_in_queue *to, enum bench_stand_in_op op, uint64_t tag,
		      const struct iovec *iov, int iovcnt, uint64_t offset_bytes)
{
	const struct bench_stand_in_request request = {
		.op = op,
		.iov = iov,
		.iovcnt = iovcnt,
		.offset_bytes = offset_bytes,
		.cookie = to,
		.tag = tag,
	};

	ck_assert_int_eq(bench_stand_in_queue_submit(to, &request), 0);
}

static void submit(uint64_t tag)
{
	submit_to(queue, BENCH_STAND_IN_FLUSH, tag, NULL, 0, 0);
}

/* The tag of the next answer; UINT64_MAX: there is none. */
static uint64_t reap_from(struct bench_stand_in_queue *from)
{
	struct bench_stand_in_answer answer;

	if (!bench_stand_in_queue_reap(from, &answer)) {
		return UINT64_MAX;
	}
	ck_assert_ptr_eq(answer.cookie, from);
	return answer.tag;
}

static uint64_t reap(void)
{
	return reap_from(queue);
}

static void run_at(uint64_t after_ns)
{
	clock_ns = 1000000 + after_ns;
	ck_assert_uint_le(fake_companion_run(), clock_ns);
}

START_TEST(a_request_takes_its_time_and_no_less)
{
	submit(1);
	run_at(0);
	ck_assert_uint_eq(reap(), UINT64_MAX);
	run_at(SERVICE_NS - 1);
	ck_assert_uint_eq(reap(), UINT64_MAX);
	run_at(SERVICE_NS);
	ck_assert_uint_eq(reap(), 1);
	ck_assert_uint_eq(reap(), UINT64_MAX);
}
END_TEST

/* It is seen late if the companion looks late, and takes its time from then on. */
START_TEST(its_time_begins_when_it_is_seen)
{
	submit(1);
	run_at(500);
	run_at(SERVICE_NS);
	ck_assert_uint_eq(reap(), UINT64_MAX);
	run_at(SERVICE_NS + 500);
	ck_assert_uint_eq(reap(), 1);
}
END_TEST

/* The companion was kept from running since it read the clock, and the request came meanwhile. */
START_TEST(its_time_does_not_begin_before_it_was_submitted)
{
	clock_ns = 1000000 + 5000;
	submit(1);
	fake_companion_run_late(5000);
	run_at(SERVICE_NS + 4999);
	ck_assert_uint_eq(reap(), UINT64_MAX);
	run_at(SERVICE_NS + 5000);
	ck_assert_uint_eq(reap(), 1);
}
END_TEST

START_TEST(as_many_as_its_depth_are_served_side_by_side)
{
	for (uint64_t i = 0; i < 6; i++) {
		submit(i);
	}
	run_at(0);
	run_at(SERVICE_NS);
	for (uint64_t i = 0; i < 4; i++) {
		ck_assert_uint_lt(reap(), 4);
	}
	ck_assert_uint_eq(reap(), UINT64_MAX);
	run_at(SERVICE_NS); /* the others begin */
	run_at(2 * SERVICE_NS - 1);
	ck_assert_uint_eq(reap(), UINT64_MAX);
	run_at(2 * SERVICE_NS);
	ck_assert_uint_ge(reap(), 4);
	ck_assert_uint_ge(reap(), 4);
	ck_assert_uint_eq(reap(), UINT64_MAX);
}
END_TEST

START_TEST(queues_have_their_turns)
{
	struct bench_stand_in_queue *other;

	ck_assert_int_eq(bench_stand_in_device_open_queue(device, &other), 0);
	submit(1);
	submit_to(other, BENCH_STAND_IN_FLUSH, 2, NULL, 0, 0);
	run_at(0);
	run_at(SERVICE_NS);
	ck_assert_uint_eq(reap(), 1);
	ck_assert_uint_eq(reap_from(other), 2);
	bench_stand_in_queue_close(other);
	run_at(SERVICE_NS + 1); /* frees it */
	submit(3);
	run_at(SERVICE_NS + 2);
	run_at(2 * SERVICE_NS + 2);
	ck_assert_uint_eq(reap(), 3);
}
END_TEST

START_TEST(what_was_written_is_read)
{
	char text[2][BLOCK], back[3][BLOCK];
	struct iovec out[2] = {{text[0], BLOCK}, {text[1], BLOCK}};
	struct iovec in[3] = {{back[0], BLOCK}, {back[1], BLOCK}, {back[2], BLOCK}};

	memset(text[0], 'a', BLOCK);
	memset(text[1], 'b', BLOCK);
	memset(back, 'x', sizeof(back));
	submit_to(queue, BENCH_STAND_IN_WRITE, 1, out, 2, 62 * BLOCK);
	run_at(0);
	submit_to(queue, BENCH_STAND_IN_READ, 2, in, 3, 61 * BLOCK);
	run_at(1);
	run_at(SERVICE_NS + 1);
	ck_assert_uint_eq(reap(), 1);
	ck_assert_uint_eq(reap(), 2);
	ck_assert_int_eq(back[0][0], 0);
	ck_assert_int_eq(back[0][BLOCK - 1], 0);
	ck_assert_int_eq(back[1][0], 'a');
	ck_assert_int_eq(back[1][BLOCK - 1], 'a');
	ck_assert_int_eq(back[2][0], 'b');
	ck_assert_int_eq(back[2][BLOCK - 1], 'b');
}
END_TEST

static bool fired(void)
{
	struct pollfd event = {.fd = bench_stand_in_queue_fd(queue), .events = POLLIN};

	return poll(&event, 1, 0) == 1;
}

static void unfire(void)
{
	uint64_t count;

	ck_assert_int_eq(read(bench_stand_in_queue_fd(queue), &count, sizeof(count)),
			 sizeof(count));
	ck_assert_uint_eq(count, 1);
}

START_TEST(the_eventfd_is_written_for_who_has_armed_only)
{
	submit(1);
	run_at(0);
	run_at(SERVICE_NS);
	ck_assert(!fired()); /* it was looked for */
	ck_assert_int_eq(bench_stand_in_queue_arm(queue), -EAGAIN);
	ck_assert_uint_eq(reap(), 1);
	/* Two answers, one event. */
	submit(2);
	submit(3);
	ck_assert_int_eq(bench_stand_in_queue_arm(queue), 0);
	run_at(SERVICE_NS + 1);
	ck_assert(!fired());
	run_at(2 * SERVICE_NS + 1);
	ck_assert(fired());
	unfire();
	ck_assert_uint_ge(reap(), 2);
	ck_assert_uint_ge(reap(), 2);
	/* Whoever looks again is not told any more. */
	ck_assert_int_eq(bench_stand_in_queue_arm(queue), 0);
	ck_assert_uint_eq(reap(), UINT64_MAX);
	submit(4);
	run_at(3 * SERVICE_NS);
	run_at(4 * SERVICE_NS);
	ck_assert(!fired());
	ck_assert_uint_eq(reap(), 4);
}
END_TEST

START_TEST(a_queue_takes_no_more_than_it_can_hold)
{
	const struct bench_stand_in_request request = {
		.op = BENCH_STAND_IN_FLUSH,
		.cookie = queue,
	};
	unsigned reaped = 0;

	for (unsigned i = 0; i < BENCH_STAND_IN_QUEUE_SIZE; i++) {
		ck_assert_int_eq(bench_stand_in_queue_submit(queue, &request), 0);
	}
	ck_assert_int_eq(bench_stand_in_queue_submit(queue, &request), -EAGAIN);
	bench_stand_in_device_hurry(device);
	while (reaped < BENCH_STAND_IN_QUEUE_SIZE) {
		fake_companion_run();
		while (reap() == 0) {
			reaped++;
		}
	}
	ck_assert_int_eq(bench_stand_in_queue_submit(queue, &request), 0);
	fake_companion_run();
	ck_assert_uint_eq(reap(), 0);
}
END_TEST

static struct ebb_histogram lateness;
static _Atomic bool answered;

static void *ask(void *arg)
{
	bench_stand_in_device_lateness(device, &lateness);
	atomic_store(&answered, true);
	return arg;
}

static void ask_lateness(void)
{
	pthread_t thread;

	atomic_store(&answered, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, ask, NULL), 0);
	while (!atomic_load(&answered)) {
		fake_companion_run();
	}
	pthread_join(thread, NULL);
}

START_TEST(it_counts_how_late_it_is)
{
	char text[128];

	submit(1);
	run_at(0);
	run_at(SERVICE_NS + 700);
	run_at(20000);
	submit(2);
	run_at(20000);
	run_at(20000 + SERVICE_NS);
	ask_lateness();
	ck_assert_uint_eq(lateness.count, 2);
	ck_assert_uint_eq(lateness.min, 0);
	ck_assert_uint_eq(lateness.max, 700);
	bench_stand_in_lateness_text(&lateness, text, sizeof(text));
	ck_assert_str_eq(text,
			 "answered 2 requests, late by 0.0 us (p50), 0.7 us (p99), 0.7 us (max)");
	ask_lateness(); /* anew */
	ck_assert_uint_eq(lateness.count, 0);
	bench_stand_in_lateness_text(&lateness, text, sizeof(text));
	ck_assert_str_eq(text, "answered no request");
	ck_assert_uint_eq(reap(), 1);
	ck_assert_uint_eq(reap(), 2);
}
END_TEST

/* A companion that was kept from looking cannot know since when a request has been there. */
START_TEST(it_counts_for_how_long_a_request_may_have_stood_unseen)
{
	run_at(1000);
	submit(1);
	run_at(5000);
	run_at(5000 + SERVICE_NS);
	ck_assert_uint_eq(reap(), 1);
	ask_lateness();
	ck_assert_uint_eq(lateness.count, 1);
	ck_assert_uint_eq(lateness.max, 4000);
}
END_TEST

/* Nobody is kept awake by a device that nobody uses. */
START_TEST(it_spins_while_a_queue_is_open_only)
{
	unsigned kicks = fake_companion_kicks;

	ck_assert_uint_le(fake_companion_run(), clock_ns);
	bench_stand_in_queue_close(queue);
	ck_assert_uint_eq(fake_companion_run(), UINT64_MAX);
	ck_assert_int_eq(bench_stand_in_device_open_queue(device, &queue), 0);
	ck_assert_uint_eq(fake_companion_kicks, kicks + 1);
	ck_assert_uint_le(fake_companion_run(), clock_ns);
}
END_TEST

static void check_refused(const struct bench_stand_in_opts *opts, int rc, const char *why)
{
	struct bench_stand_in_device *refused = NULL;

	ck_assert_int_eq(bench_stand_in_device_create(opts, &refused, error, sizeof(error)), rc);
	ck_assert_msg(strstr(error, why) != NULL, "%s", error);
	ck_assert_ptr_null(refused);
}

START_TEST(what_cannot_be_is_refused)
{
	struct bench_stand_in_opts opts = opts_usual;

	bench_stand_in_queue_close(queue);
	bench_stand_in_device_destroy(device);
	opts.block_size = 1000;
	check_refused(&opts, -EINVAL, "a power of two");
	opts = opts_usual;
	opts.size_bytes = 1000;
	check_refused(&opts, -EINVAL, "no whole blocks");
	opts = opts_usual;
	opts.service_ns = BENCH_STAND_IN_SERVICE_MAX_NS + 1;
	check_refused(&opts, -EINVAL, "longer than 1 s");
	opts = opts_usual;
	opts.depth = BENCH_STAND_IN_DEPTH_MAX + 1;
	check_refused(&opts, -EINVAL, "a depth of");
	opts = opts_usual;
	opts.distribution = BENCH_JITTER_UNIFORM;
	opts.jitter_ns = SERVICE_NS + 1;
	check_refused(&opts, -EINVAL, "a jitter of 10001 ns");
	opts = opts_usual;
	opts.size_bytes = 1ull << 60;
	check_refused(&opts, -ENOMEM, "do not fit into memory");
	opts = opts_usual;
	fake_companion_refuses = -EAGAIN;
	check_refused(&opts, -EAGAIN, "no OS thread");
	fake_companion_refuses = 0;
	fake_companion_has_cpu = false;
	check_refused(&opts, -EOPNOTSUPP, "a CPU that no reactor has");
	fake_companion_has_cpu = true;
	create(&opts);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_request_takes_its_time_and_no_less),
		UNIT_TEST(its_time_begins_when_it_is_seen),
		UNIT_TEST(its_time_does_not_begin_before_it_was_submitted),
		UNIT_TEST(as_many_as_its_depth_are_served_side_by_side),
		UNIT_TEST(queues_have_their_turns),
		UNIT_TEST(what_was_written_is_read),
		UNIT_TEST(the_eventfd_is_written_for_who_has_armed_only),
		UNIT_TEST(a_queue_takes_no_more_than_it_can_hold),
		UNIT_TEST(it_counts_how_late_it_is),
		UNIT_TEST(it_counts_for_how_long_a_request_may_have_stood_unseen),
		UNIT_TEST(it_spins_while_a_queue_is_open_only),
		UNIT_TEST(what_cannot_be_is_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
