/* SPDX-License-Identifier: Apache-2.0 */
/* Error and delay bdevs used by two threads on two running reactors, which also move. */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <ebb/app.h>
#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/method.h>
#include <ebb/thread.h>

#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define WRITES   40000u /* of each thread */
#define FAILURES 30000u
#define DEPTH    32u
#define MOVES    60u

#define ERROR_BDEV                                                                       \
	"{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":["                          \
	"{\"method\":\"bdev_null_create\",\"params\":{\"name\":\"N\",\"num_blocks\":64," \
	"\"block_size\":512}},"                                                          \
	"{\"method\":\"bdev_error_create\",\"params\":{\"base_name\":\"N\"}}"
#define DELAY_BDEV                                                                      \
	",{\"method\":\"bdev_delay_create\",\"params\":{\"name\":\"D\","                \
	"\"base_bdev_name\":\"EE_N\",\"avg_read_latency\":20,\"p99_read_latency\":200," \
	"\"avg_write_latency\":20,\"p99_write_latency\":200}}"
#define END "]}]}"

/* Who keeps DEPTH writes under way on a thread of his own, until he has begun enough. */
struct writer {
	struct ebb_thread *thread;
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	const char *bdev;
	unsigned limit;
	unsigned begun, failed, under_way;
	char buf[512];
};

static struct writer writers[2];
static unsigned writers_left;
static atomic_uint moves; /* done; and then the writers stop */
static int cores[2];
static struct json_object *params;
static bool moving;

static void writer_gone(void *arg)
{
	(void)arg;
	if (--writers_left == 0 && !moving) {
		ebb_app_stop(0);
	}
}

static void writer_write(struct writer *writer);

static void writer_done(void *arg, int status)
{
	struct writer *writer = arg;

	writer->under_way--;
	writer->failed += status == -EIO;
	ck_assert(status == 0 || status == -EIO);
	ck_assert_ptr_eq(ebb_thread_current(), writer->thread);
	if (writer->begun < writer->limit && atomic_load(&moves) < MOVES) {
		writer_write(writer);
	} else if (writer->under_way == 0) {
		ebb_io_channel_put(writer->ch);
		ebb_bdev_close(writer->desc);
		ebb_thread_send_msg(ebb_thread_app(), writer_gone, NULL);
		ebb_thread_exit();
	}
}

static void writer_write(struct writer *writer)
{
	uint32_t flags = writer->begun % 3 == 0 ? EBB_BDEV_FUA : 0;

	writer->begun++;
	writer->under_way++;
	ck_assert_int_eq(ebb_bdev_write(writer->desc, writer->ch, writer->buf, 0, 1, flags,
					writer_done, writer),
			 0);
}

static void writer_begin(void *arg)
{
	struct writer *writer = arg;

	ck_assert_int_eq(ebb_bdev_open(writer->bdev, true, NULL, NULL, &writer->desc), 0);
	writer->ch = ebb_bdev_channel_get(writer->desc);
	ck_assert_ptr_nonnull(writer->ch);
	while (writer->under_way < DEPTH) {
		writer_write(writer);
	}
}

static void writers_begin(const char *bdev, unsigned limit)
{
	writers_left = 2;
	for (unsigned i = 0; i < 2; i++) {
		char name[8];

		writers[i] = (struct writer){.bdev = bdev, .limit = limit};
		snprintf(name, sizeof(name), "w%u", i);
		ck_assert_int_eq(ebb_thread_create(name, cores[i], &writers[i].thread), 0);
		ck_assert_int_eq(ebb_thread_send_msg(writers[i].thread, writer_begin, &writers[i]),
				 0);
	}
}

static void injected(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	ck_assert(error == NULL);
	json_object_put(result);
	json_object_put(params);
	writers_begin("EE_N", WRITES);
}

static void find_cores(void)
{
	for (unsigned i = 0; i < 2; i++) {
		cores[i] = event_reactors[i].core;
	}
}

static void count_start(void *arg)
{
	char text[160];

	(void)arg;
	find_cores();
	snprintf(text, sizeof(text),
		 "{\"name\":\"EE_N\",\"io_type\":\"write\",\"error_type\":\"failure\",\"num\":%u}",
		 FAILURES);
	params = json_tokener_parse(text);
	ebb_method_dispatch(ebb_method_find("bdev_error_inject_error"), params, injected, NULL);
}

static void run(const char *config, void (*start)(void *arg))
{
	struct ebb_app_opts opts;

	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.cpumask = need_two_cpus();
	opts.json_data = config;
	opts.on_violation = EBB_VIOLATION_ABORT;
	opts.handle_signals = false;
	ck_assert_int_eq(ebb_app_start(&opts, start, NULL), 0);
}

/* As many fail as were to, not one more and not one less, whoever was faster. */
START_TEST(counts_are_exact)
{
	run(ERROR_BDEV END, count_start);
	ck_assert_uint_eq(writers[0].begun + writers[1].begun, 2 * WRITES);
	ck_assert_uint_eq(writers[0].failed + writers[1].failed, FAILURES);
	ck_assert_uint_gt(writers[0].failed, 0);
	ck_assert_uint_gt(writers[1].failed, 0);
}
END_TEST

static void move_next(void *arg, int rc)
{
	unsigned done = atomic_load(&moves);

	(void)arg;
	ck_assert_int_eq(rc, 0);
	if (done < MOVES) {
		atomic_store(&moves, done + 1);
	}
	if (done + 1 < MOVES) {
		ebb_thread_move(writers[0].thread, cores[done % 2 == 0 ? 1 : 0], move_next, NULL);
		return;
	}
	moving = false;
	if (writers_left == 0) {
		ebb_app_stop(0);
	}
}

static void move_start(void *arg)
{
	(void)arg;
	find_cores();
	moving = true;
	writers_begin("D", UINT32_MAX);
	ebb_thread_move(writers[0].thread, cores[1], move_next, NULL);
}

/*
 * A thread moves when all its channels are quiet: the requests under way have to come through the
 * whole chain for that, with the flush that follows some, and each is called back once.
 */
START_TEST(threads_move_under_io)
{
	run(ERROR_BDEV DELAY_BDEV END, move_start);
	ck_assert_uint_eq(atomic_load(&moves), MOVES);
	ck_assert_uint_gt(writers[0].begun, MOVES);
	ck_assert_uint_eq(writers[0].under_way + writers[1].under_way, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(counts_are_exact),
		UNIT_TEST(threads_move_under_io),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
