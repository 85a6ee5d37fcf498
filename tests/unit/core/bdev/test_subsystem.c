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

static int run(void)
{
	struct ebb_app_opts opts;
	int rc;

	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.mode = EBB_REACTOR_POLL;
	log_capture();
	ebb_clock_set_source(fast_clock);
	rc = ebb_app_start(&opts, start, NULL);
	ebb_clock_set_source(NULL);
	log_release();
	json_object_put(wait_params);
	return rc;
}

START_TEST(holders_that_let_go_are_waited_for)
{
	let_go = true;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(events, 1);
	ck_assert(!logged("left behind"));
	ck_assert_uint_eq(gets, 1);
	ck_assert_int_eq(get_code, -ENODEV);
}
END_TEST

START_TEST(one_that_does_not_is_named)
{
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(events, 1);
	ck_assert_msg(strstr(log_text(), "bdev 'n' is still held open by thread 'app_thread' at "
					 "shutdown; left behind") != NULL,
		      "%s", log_text());
	/* It is not in the way of the next run. */
	let_go = true;
	creations = 0;
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(events, 2);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(holders_that_let_go_are_waited_for),
		UNIT_TEST(one_that_does_not_is_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
