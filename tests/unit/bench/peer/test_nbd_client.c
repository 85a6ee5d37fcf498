/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_client.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bench/peer/folder.h"
#include "bench/peer/program.h"
#include "bench/peer/rpc_call.h"
#include "bench/signals.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

/* The server is nbdkit, with what its filters make of it. */

#define SIZE ((uint64_t)1 << 20)

static struct bench_folder folder;
static struct bench_program *program;
static struct bench_nbd_client *client;
static struct bench_outcome outcome;
static char error[BENCH_TEXT_MAX];
static char socket_path[128];
static char uri[256];
static struct bench_load load;

static void setup(void)
{
	if (bench_nbd_connection_check("test", error) < 0) {
		unit_skip("%s", error);
	}
	need_program("nbdkit");
	ck_assert_int_eq(bench_folder_make(&folder, error), 0);
	snprintf(socket_path, sizeof(socket_path), "%s/nbd.sock", folder.path);
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", socket_path);
	bench_signals_install(NULL);
	load = (struct bench_load){
		.rw = BENCH_RW_RANDREAD,
		.block_bytes = 4096,
		.queue_depth = 4,
		.time_ns = 200 * EBB_NS_PER_MS,
		.warmup_ns = 5 * EBB_NS_PER_MS,
		.seed = 1,
	};
}

static void teardown(void)
{
	bench_nbd_client_close(client);
	bench_program_end(program);
	bench_folder_remove(&folder);
}

/* nbdkit with a disk in memory, and @words: filters, their parameters, --readonly. */
static void serve(const char *const *words)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct bench_argv argv = {0};

	bench_argv_add(&argv, "nbdkit");
	bench_argv_add(&argv, "--foreground");
	bench_argv_add(&argv, "--unix=%s", socket_path);
	for (; *words != NULL && strncmp(*words, "--", 2) == 0; words++) {
		bench_argv_add(&argv, "%s", *words);
	}
	bench_argv_add(&argv, "memory");
	bench_argv_add(&argv, "size=%llu", (unsigned long long)SIZE);
	for (; *words != NULL; words++) {
		bench_argv_add(&argv, "%s", *words);
	}
	ck_assert_int_eq(bench_program_start(&argv, NULL, NULL, &program, error), 0);
	bench_argv_clear(&argv);
	while (bench_rpc_call_probe(socket_path) < 0) {
		ck_assert(bench_program_running(program));
		nanosleep(&pause, NULL);
	}
	ck_assert_msg(bench_nbd_client_connect(uri, "peer", &client, error) == 0, "%s", error);
}

#define SERVE(...) serve((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static int run(void)
{
	memset(&outcome, 0, sizeof(outcome));
	return bench_nbd_client_run(client, &load, -1, NULL, &outcome, error);
}

/* On a busy machine a server may do nothing for a while: then it has longer. */
static int run_until_answered(bool also_failed)
{
	int rc = run();

	while (rc == 0 && load.time_ns < 10 * EBB_NS_PER_S &&
	       (outcome.latency.count == 0 || (also_failed && outcome.errors == 0))) {
		load.time_ns *= 2;
		rc = run();
	}
	return rc;
}

static double metric(enum bench_metric which)
{
	return outcome.sample.metric[which];
}

START_TEST(test_closed_loop)
{
	struct bench_nbd_geometry geometry;

	SERVE();
	bench_nbd_client_get_geometry(client, &geometry);
	ck_assert_uint_eq(geometry.size_bytes, SIZE);
	ck_assert(!geometry.read_only);
	ck_assert_int_eq(run_until_answered(false), 0);
	ck_assert(metric(BENCH_IOPS) > 0);
	ck_assert(metric(BENCH_LATENCY_P50) > 0);
	ck_assert(isnan(metric(BENCH_CPU_PERCENT)));
	ck_assert(isnan(metric(BENCH_OFFERED)));
	ck_assert_int_eq(outcome.stamps, BENCH_STAMPS_EXACT);
	ck_assert_uint_eq(outcome.errors, 0);
	ck_assert(outcome.companion_percent > 0);
	/* The connection is good for more. */
	load.rw = BENCH_RW_READ;
	load.queue_depth = 1;
	ck_assert_int_eq(run_until_answered(false), 0);
	ck_assert(metric(BENCH_IOPS) > 0);
}
END_TEST

/* Bytes of a half of the copied disk that are not zero. */
static size_t written(const char *disk, size_t begin)
{
	size_t count = 0;

	for (size_t i = 0; i < SIZE / 2; i++) {
		count += disk[begin + i] != 0;
	}
	return count;
}

/* The disk begins as zeroes, so it shows what was written: something, and only where it may be. */
START_TEST(test_writes_stay_in_their_range)
{
	static const enum bench_rw kinds[] = {BENCH_RW_WRITE, BENCH_RW_RANDWRITE, BENCH_RW_RANDRW};
	static char disk[SIZE];
	struct bench_argv argv = {0};
	char *output = NULL;
	char path[128];
	FILE *file;

	need_program("nbdcopy");
	SERVE();
	for (size_t i = 0; i < EBB_ARRAY_SIZE(kinds); i++) {
		load.rw = kinds[i];
		load.read_percent = 50;
		load.size_bytes = SIZE / 2;
		ck_assert_int_eq(run_until_answered(false), 0);
	}
	snprintf(path, sizeof(path), "%s/copy", folder.path);
	bench_argv_add(&argv, "nbdcopy");
	bench_argv_add(&argv, "%s", uri);
	bench_argv_add(&argv, "%s", path);
	ck_assert_msg(bench_program_run(&argv, NULL, NULL, 60 * EBB_NS_PER_S, &output, error) == 0,
		      "%s", error);
	free(output);
	bench_argv_clear(&argv);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(disk, 1, SIZE, file), SIZE);
	fclose(file);
	ck_assert_uint_gt(written(disk, 0), 4000);
	ck_assert_uint_eq(written(disk, SIZE / 2), 0);
}
END_TEST

START_TEST(test_what_does_not_fit)
{
	SERVE("--readonly");
	load.rw = BENCH_RW_RANDRW;
	ck_assert_int_eq(run(), -EINVAL);
	ck_assert_str_eq(error, "peer: --rw randrw: the export is read-only");
	load.rw = BENCH_RW_RANDREAD;
	load.size_bytes = 2 * SIZE;
	ck_assert_int_eq(run(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "peer: --size 2097152: give at most 1048576"));
	load.size_bytes = 0;
	load.block_bytes = 64 << 20;
	ck_assert_int_eq(run(), -EINVAL);
	ck_assert_str_eq(error, "peer: --bs 67108864: the server takes at most 33554432");
	load.block_bytes = 4096;
	load.verify = true;
	ck_assert_int_eq(run(), -EOPNOTSUPP);
	load.verify = false;
	ck_assert_int_eq(run(), 0);
}
END_TEST

START_TEST(test_open_loop)
{
	SERVE();
	load.shape = BENCH_SHAPE_EVEN;
	load.rate_iops = 1000;
	load.queue_depth = 64;
	ck_assert_int_eq(run(), 0);
	/* 200 of them or more, as the run takes its time; one at either end may fall out. */
	ck_assert_double_eq_tol(metric(BENCH_OFFERED), 1000, 50);
	ck_assert(metric(BENCH_BACKLOG) >= 0);
	ck_assert(metric(BENCH_ARRIVAL_LATE_P50) >= 0);
}
END_TEST

/* Each takes 20 ms and they come every 5: from when they were to come, most take far longer. */
START_TEST(test_open_loop_counts_from_the_intended_start)
{
	SERVE("--filter=delay", "rdelay=20ms");
	load.shape = BENCH_SHAPE_EVEN;
	load.rate_iops = 200;
	load.queue_depth = 1;
	load.time_ns = 300 * EBB_NS_PER_MS;
	ck_assert_int_eq(run(), 0);
	ck_assert(metric(BENCH_LATENCY_P50) > 60e6);
	ck_assert(metric(BENCH_BACKLOG) > 10);
}
END_TEST

START_TEST(test_every_request_fails)
{
	SERVE("--filter=error", "error-pread=ENOSPC", "error-pread-rate=100%");
	ck_assert_int_eq(run_until_answered(false), -EIO);
	ck_assert_str_eq(error, "peer: every request failed: No space left on device");
	ck_assert(!bench_nbd_client_lost(client));
}
END_TEST

START_TEST(test_some_requests_fail)
{
	SERVE("--filter=error", "error-pread=EIO", "error-pread-rate=50%");
	ck_assert_int_eq(run_until_answered(true), 0);
	ck_assert(outcome.errors > 0);
	ck_assert(metric(BENCH_IOPS) > 0);
}
END_TEST

START_TEST(test_a_server_that_dies)
{
	SERVE();
	kill(bench_program_pid(program), SIGKILL);
	load.time_ns = 1000 * EBB_NS_PER_S; /* it does not take so long */
	ck_assert_int_eq(run(), -EIO);
	ck_assert_int_eq(strncmp(error, "peer: the connection is lost: ", 30), 0);
	ck_assert(bench_nbd_client_lost(client));
	ck_assert_int_eq(run(), -EIO);
}
END_TEST

START_TEST(test_a_server_that_stops_answering)
{
	SERVE();
	kill(bench_program_pid(program), SIGSTOP);
	ck_assert_int_eq(run(), -ETIMEDOUT);
	ck_assert_str_eq(error, "peer: the server does not answer: 4 requests for 3 s");
	kill(bench_program_pid(program), SIGCONT);
}
END_TEST

/* It takes the connection, and says nothing. */
START_TEST(test_a_server_that_never_answers)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, socket_path, strlen(socket_path));
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(bench_nbd_client_connect(uri, "peer", &client, error), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(error, "no answer within 5 s"));
	close(listener);
}
END_TEST

START_TEST(test_signal)
{
	SERVE();
	raise(SIGINT);
	load.time_ns = 1000 * EBB_NS_PER_S;
	ck_assert_int_eq(run(), -ECANCELED);
	ck_assert_str_eq(error, "peer: ended by a signal");
}
END_TEST

START_TEST(test_wrong_uris)
{
	static const char *const uris[] = {
		"http://localhost/",
		"nbd",
		"",
		"nbd+unix:///x?socket=/nonexistent/socket",
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(uris); i++) {
		ck_assert_int_lt(bench_nbd_client_connect(uris[i], "--nbd", &client, error), 0);
		ck_assert_ptr_nonnull(strstr(error, uris[i]));
		ck_assert_int_eq(strncmp(error, "--nbd ", 6), 0);
	}
	ck_assert_ptr_nonnull(strstr(error, "No such file or directory"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_closed_loop),
		UNIT_TEST(test_writes_stay_in_their_range),
		UNIT_TEST(test_what_does_not_fit),
		UNIT_TEST(test_open_loop),
		UNIT_TEST(test_open_loop_counts_from_the_intended_start),
		UNIT_TEST(test_every_request_fails),
		UNIT_TEST(test_some_requests_fail),
		UNIT_TEST(test_a_server_that_dies),
		UNIT_TEST(test_a_server_that_stops_answering),
		UNIT_TEST(test_a_server_that_never_answers),
		UNIT_TEST(test_signal),
		UNIT_TEST(test_wrong_uris),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
