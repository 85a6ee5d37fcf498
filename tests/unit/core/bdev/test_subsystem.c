/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the bdev subsystem, in whole runs of ebb_app_start(): bdevs that somebody lets go of
 * go, and one that nobody lets go of does not keep the process.
 */
#include <ebb/app.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/clock.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/subsystem.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static bool let_go;
static unsigned events;
static unsigned gets;
static unsigned creations;
static int get_code;

/* Time flies: each reading is 5 ms later. */
static uint64_t fast_clock(void)
{
	static _Atomic uint64_t now_ns = EBB_NS_PER_S;

	return atomic_fetch_add(&now_ns, 5 * EBB_NS_PER_MS);
}

static void removed(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	(void)bdev;
	(void)arg;
	ck_assert_int_eq(event, EBB_BDEV_EVENT_REMOVE);
	events++;
	if (let_go) {
		ebb_io_channel_put(ch);
		ebb_bdev_close(desc);
	}
}

static void got(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	gets++;
	get_code = error != NULL ? error->code : 0;
	json_object_put(result);
}

static void created(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	ck_assert_ptr_null(error);
	json_object_put(result);
	creations++;
}

static struct json_object *wait_params;

static void start(void *arg)
{
	struct json_object *params =
		json_tokener_parse("{\"name\": \"n\", \"num_blocks\": 8, \"block_size\": 512}");

	(void)arg;
	ebb_method_dispatch(ebb_method_find("bdev_null_create"), params, created, NULL);
	json_object_put(params);
	ck_assert_uint_eq(creations, 1);
	ck_assert_int_eq(ebb_bdev_open("n", true, removed, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(ch);
	/* A call that still waits for another bdev when the end comes. */
	wait_params = json_tokener_parse("{\"name\": \"never\", \"timeout\": 80000000}");
	ebb_method_dispatch(ebb_method_find("bdev_get_bdevs"), wait_params, got, NULL);
	ebb_app_stop(0);
}

static int run(void (*start_fn)(void *arg))
{
	struct ebb_app_opts opts;
	int rc;

	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.mode = EBB_REACTOR_POLL;
	log_capture();
	ebb_clock_set_source(fast_clock);
	rc = ebb_app_start(&opts, start_fn, NULL);
	ebb_clock_set_source(NULL);
	log_release();
	json_object_put(wait_params);
	return rc;
}

START_TEST(holders_that_let_go_are_waited_for)
{
	let_go = true;
	ck_assert_int_eq(run(start), 0);
	ck_assert_uint_eq(events, 1);
	ck_assert(!logged("left behind"));
	ck_assert_uint_eq(gets, 1);
	ck_assert_int_eq(get_code, -ENODEV);
}
END_TEST

START_TEST(one_that_does_not_is_named)
{
	ck_assert_int_eq(run(start), 0);
	ck_assert_uint_eq(events, 1);
	ck_assert_msg(strstr(log_text(), "bdev 'n' is still held open by thread 'app_thread' at "
					 "shutdown; left behind") != NULL,
		      "%s", log_text());
	/* It is not in the way of the next run. */
	let_go = true;
	creations = 0;
	ck_assert_int_eq(run(start), 0);
	ck_assert_uint_eq(events, 2);
}
END_TEST

#define READS 30u

/* A user of the bdev, as an export is: at its end it waits for its requests. */
static unsigned reads_under_way;
static bool user_ends;

static void user_init(void)
{
	user_ends = false;
	ebb_subsystem_init_next(0);
}

static void user_fini(void)
{
	user_ends = true;
	if (reads_under_way == 0) {
		ebb_subsystem_fini_next();
	}
}

static struct ebb_subsystem user_subsystem = {
	.name = "user",
	.init = user_init,
	.fini = user_fini,
};
EBB_SUBSYSTEM_REGISTER(user_subsystem)
EBB_SUBSYSTEM_DEPEND(user, bdev)

static void read_done(void *arg, int status)
{
	(void)arg;
	ck_assert_int_eq(status, 0);
	if (--reads_under_way > 0) {
		return;
	}
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	if (user_ends) {
		ebb_subsystem_fini_next();
	}
}

static void limit_set(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	static char buf[1u << 20];

	(void)arg;
	ck_assert_ptr_null(error);
	json_object_put(result);
	for (reads_under_way = 0; reads_under_way < READS; reads_under_way++) {
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, sizeof(buf) / 512, read_done,
					       NULL),
				 0);
	}
	ebb_app_stop(0);
}

static void start_limited(void *arg)
{
	struct json_object *params =
		json_tokener_parse("{\"name\": \"n\", \"num_blocks\": 4096, \"block_size\": 512}");

	(void)arg;
	ebb_method_dispatch(ebb_method_find("bdev_null_create"), params, created, NULL);
	json_object_put(params);
	ck_assert_int_eq(ebb_bdev_open("n", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	wait_params = json_tokener_parse("{\"name\": \"n\", \"rw_mbytes_per_sec\": 1}");
	ebb_method_dispatch(ebb_method_find("bdev_set_qos_limit"), wait_params, limit_set, NULL);
}

/* What waits for a rate limit is done at once when the process ends: half a minute of it, here. */
START_TEST(limits_do_not_hold_up_the_end)
{
	ck_assert_int_eq(run(start_limited), 0);
	ck_assert_uint_eq(reads_under_way, 0);
	ck_assert_msg(!logged("passed over"), "%s", log_text());
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(holders_that_let_go_are_waited_for),
		UNIT_TEST(one_that_does_not_is_named),
		UNIT_TEST(limits_do_not_hold_up_the_end),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
