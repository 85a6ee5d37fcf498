/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_client.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ebb/clock.h>

#include "bench/load/arrivals.h"
#include "bench/load/workload.h"
#include "bench/machine/energy.h"
#include "bench/machine/pin.h"
#include "bench/peer/nbd_asker.h"
#include "bench/signals.h"

/* The caller sleeps while the client's thread works. */

#define SIGNAL_LOOK_NS (100 * EBB_NS_PER_MS)

struct bench_nbd_client {
	struct bench_nbd_connection *connection;
	struct bench_nbd_geometry geometry;
	char what[64];
	bool lost;
};

struct client_run {
	struct bench_nbd_client *client;
	struct bench_nbd_asker asker;
};

/* Sleeps that long, or until the thread has ended, or a signal wants the end. */
static int run_sleep(const struct client_run *run, uint64_t time_ns)
{
	uint64_t begin_ns = ebb_clock_now_ns();
	struct pollfd fd = {.fd = run->asker.done_fd, .events = POLLIN};
	uint64_t spent_ns = 0;

	while (spent_ns < time_ns) {
		uint64_t left_ns = time_ns - spent_ns;
		struct timespec time = {0};

		left_ns = left_ns < SIGNAL_LOOK_NS ? left_ns : SIGNAL_LOOK_NS;
		time.tv_nsec = (long)left_ns;
		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		if (ppoll(&fd, 1, &time, NULL) > 0) {
			return -EIO;
		}
		spent_ns = ebb_clock_now_ns() - begin_ns;
	}
	return 0;
}

/* What all who are of interest have used at one moment. */
struct moment {
	uint64_t now_ns;
	uint64_t client_ns; /* the client's thread */
	double joules;      /* of the machine; NAN: it does not tell */
	struct bench_usage server;
};

static void moment_take(pthread_t thread, struct bench_nbd_watcher *watcher, struct moment *ret)
{
	struct timespec time = {0};
	clockid_t clock;

	ret->server = bench_usage_unknown;
	if (watcher != NULL) {
		watcher->read(watcher, &ret->server);
	}
	if (bench_energy_read(&ret->joules) < 0) {
		ret->joules = NAN;
	}
	if (pthread_getcpuclockid(thread, &clock) == 0) {
		(void)clock_gettime(clock, &time);
	}
	ret->client_ns = (uint64_t)time.tv_sec * EBB_NS_PER_S + (uint64_t)time.tv_nsec;
	ret->now_ns = ebb_clock_now_ns();
}

static double late_percentile(const struct bench_nbd_asker *asker, double percent)
{
	return asker->late.count > 0 ? (double)ebb_histogram_percentile(&asker->late, percent)
				     : NAN;
}

static void outcome_make(const struct client_run *run, const struct moment *from,
			 const struct moment *to, struct bench_outcome *ret_outcome)
{
	const struct bench_usage used = bench_usage_subtract(&to->server, &from->server);
	struct bench_count count = {
		.ios = run->asker.latency.count,
		.io_bytes = run->asker.load.io_bytes,
		.elapsed_ns = to->now_ns - from->now_ns,
		.joules = to->joules - from->joules,
		.offered = run->asker.open ? (double)run->asker.offered : NAN,
		.backlog = run->asker.open ? (double)run->asker.backlog : NAN,
		.late_p50_ns = late_percentile(&run->asker, 50),
		.late_p99_ns = late_percentile(&run->asker, 99),
		.latency = run->asker.latency,
	};

	bench_usage_sample(&count, &used, &ret_outcome->sample);
	ret_outcome->latency = run->asker.latency;
	ret_outcome->stamps = BENCH_STAMPS_EXACT;
	ret_outcome->errors = run->asker.errors;
	ret_outcome->companion_percent =
		(double)(to->client_ns - from->client_ns) / (double)count.elapsed_ns * 100;
}

/* The connection is closed first: libnbd may still hold requests of ours. */
static void run_release(struct client_run *run)
{
	struct bench_nbd_client *client = run->client;

	if (client->lost) {
		bench_nbd_connection_close(client->connection);
		client->connection = NULL;
	}
	bench_nbd_asker_fini(&run->asker);
	free(run);
}

static int run_explain(struct client_run *run, int rc, char error[BENCH_TEXT_MAX])
{
	struct bench_nbd_client *client = run->client;

	if (run->asker.rc == -ETIMEDOUT) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%s: the server does not answer: %llu requests for %llu s", client->what,
			 (unsigned long long)run->asker.in_flight,
			 (unsigned long long)(BENCH_NBD_ASKER_PATIENCE_NS / EBB_NS_PER_S));
		rc = run->asker.rc;
	} else if (run->asker.rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: the connection is lost: %s", client->what,
			 bench_nbd_connection_fault(client->connection));
		rc = run->asker.rc;
	} else if (rc == -ECANCELED) {
		snprintf(error, BENCH_TEXT_MAX, "%s: ended by a signal", client->what);
	} else if (run->asker.latency.count == 0 && run->asker.errors > 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: every request failed: %s", client->what,
			 strerror(run->asker.first_error));
		rc = -EIO;
	}
	client->lost = run->asker.rc < 0;
	return rc;
}

static int thread_create(pthread_t *ret_thread, int cpu, struct client_run *run)
{
	return cpu >= 0 ? bench_pin_thread_create(ret_thread, cpu, bench_nbd_asker_run, &run->asker)
			: -pthread_create(ret_thread, NULL, bench_nbd_asker_run, &run->asker);
}

static int run_measure(struct client_run *run, const struct bench_load *load, int cpu,
		       struct bench_nbd_watcher *watcher, struct bench_outcome *ret_outcome,
		       char error[BENCH_TEXT_MAX])
{
	struct moment from = {0};
	struct moment to = {0};
	pthread_t thread;
	int rc;

	rc = thread_create(&thread, cpu, run);
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: no OS thread for the client: %s",
			 run->client->what, strerror(-rc));
		return rc;
	}
	/* A busy machine may let the thread run late: the warm-up begins when it does. */
	while (sem_wait(&run->asker.started) < 0) {
	}
	rc = run_sleep(run, load->warmup_ns);
	if (rc == 0) {
		moment_take(thread, watcher, &from);
		bench_nbd_asker_begin(&run->asker, from.now_ns);
		rc = run_sleep(run, load->time_ns);
	}
	moment_take(thread, watcher, &to);
	bench_nbd_asker_end(&run->asker, to.now_ns);
	pthread_join(thread, NULL);
	rc = run_explain(run, rc, error);
	if (rc == 0) {
		outcome_make(run, &from, &to, ret_outcome);
	}
	return rc;
}

/* Return: 0; -EIO, -EOPNOTSUPP, -EINVAL, with @error. */
static int load_check(const struct bench_nbd_client *client, const struct bench_load *load,
		      struct bench_workload *ret_workload, char error[BENCH_TEXT_MAX])
{
	const struct bench_nbd_geometry *geometry = &client->geometry;
	const char *missing = load->shape != BENCH_SHAPE_CLOSED ? bench_arrivals_check(load) : NULL;
	char why[BENCH_LOAD_ERROR_MAX];
	int rc;

	if (client->lost) {
		snprintf(error, BENCH_TEXT_MAX, "%s: the connection is lost", client->what);
		return -EIO;
	}
	if (load->verify) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%s: the NBD client does not know the pattern of --verify", client->what);
		return -EOPNOTSUPP;
	}
	if (missing != NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%s: the open loop needs %.100s", client->what,
			 missing);
		return -EINVAL;
	}
	if (load->block_bytes > geometry->max_bytes) {
		snprintf(error, BENCH_TEXT_MAX, "%s: --bs %llu: the server takes at most %u",
			 client->what, (unsigned long long)load->block_bytes, geometry->max_bytes);
		return -EINVAL;
	}
	if (geometry->read_only && bench_load_writes(load->rw)) {
		snprintf(error, BENCH_TEXT_MAX, "%s: --rw %s: the export is read-only",
			 client->what, bench_load_rw_name(load->rw));
		return -EINVAL;
	}
	rc = bench_workload_make(load, client->what, geometry->block_size,
				 geometry->size_bytes / geometry->block_size, ret_workload, why);
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%.60s: --%.180s", client->what, why);
	}
	return rc;
}

int bench_nbd_client_run(struct bench_nbd_client *client, const struct bench_load *load, int cpu,
			 struct bench_nbd_watcher *watcher, struct bench_outcome *ret_outcome,
			 char error[BENCH_TEXT_MAX])
{
	struct bench_workload workload;
	struct client_run *run;
	int rc;

	rc = load_check(client, load, &workload, error);
	if (rc < 0) {
		return rc;
	}
	run = calloc(1, sizeof(*run));
	if (run == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%s: out of memory", client->what);
		return -ENOMEM;
	}
	run->client = client;
	rc = bench_nbd_asker_init(&run->asker, client->connection, &workload, load, cpu >= 0);
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: out of memory", client->what);
	} else {
		rc = run_measure(run, load, cpu, watcher, ret_outcome, error);
	}
	run_release(run);
	return rc;
}

int bench_nbd_client_connect(const char *uri, const char *what,
			     struct bench_nbd_client **ret_client, char error[BENCH_TEXT_MAX])
{
	struct bench_nbd_client *client = calloc(1, sizeof(*client));
	int rc;

	if (client == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%.60s: out of memory", what);
		return -ENOMEM;
	}
	snprintf(client->what, sizeof(client->what), "%s", what);
	rc = bench_nbd_connection_open(uri, what, &client->connection, error);
	if (rc < 0) {
		free(client);
		return rc;
	}
	bench_nbd_connection_get_geometry(client->connection, &client->geometry);
	*ret_client = client;
	return 0;
}

void bench_nbd_client_get_geometry(const struct bench_nbd_client *client,
				   struct bench_nbd_geometry *ret_geometry)
{
	*ret_geometry = client->geometry;
}

bool bench_nbd_client_lost(const struct bench_nbd_client *client)
{
	return client->lost;
}

void bench_nbd_client_close(struct bench_nbd_client *client)
{
	if (client != NULL) {
		bench_nbd_connection_close(client->connection);
		free(client);
	}
}
