/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_client.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/load/arrivals.h"
#include "bench/load/random.h"
#include "bench/load/workload.h"
#include "bench/machine/energy.h"
#include "bench/machine/pin.h"
#include "bench/signals.h"

/*
 * The caller sleeps while the client's thread works. It says when the counted time begins and ends
 * by two moments, so what both read of the clocks fits together: a reply counts if it came between
 * them. After the end nothing new is asked; who does not answer what is in flight within the
 * patience has stopped answering.
 */

#define DRAIN_PATIENCE_NS (3 * EBB_NS_PER_S)
#define SIGNAL_LOOK_NS    (100 * EBB_NS_PER_MS)

/* So long before an arrival a client that has a CPU to itself wakes up: a timer is not more exact. */
#define SPIN_NS (100 * EBB_NS_PER_US)

#define BACKLOG_UNKNOWN UINT64_MAX

struct client_job {
	struct bench_nbd_request request; /* the first field */
	struct client_run *run;
	struct client_job *next_free;
	uint64_t begin_ns; /* when it was made, or was to be made */
};

struct bench_nbd_client {
	struct bench_nbd_connection *connection;
	struct bench_nbd_geometry geometry;
	char what[64];
	bool lost;
};

struct client_run {
	struct bench_nbd_client *client;
	struct bench_workload load;
	struct bench_random random;
	uint64_t cursor;

	struct client_job *jobs;
	struct client_job *free;
	char *bufs;
	uint64_t in_flight;

	/* Of an open loop. */
	bool open;
	bool spins;      /* it has a CPU to itself */
	bool held;       /* all jobs are taken, and requests wait in line */
	bool next_taken; /* the next arrival is known */
	struct bench_arrivals arrivals;
	uint64_t start_ns;
	uint64_t next_ns;

	int wake_fd; /* the end has been set */
	int done_fd; /* the thread has ended */
	_Atomic uint64_t begin_ns;
	_Atomic uint64_t end_ns;

	/* Counted by the thread, read after it was joined. */
	struct ebb_histogram latency;
	struct ebb_histogram late; /* arrivals, behind their time */
	uint64_t offered;
	uint64_t backlog; /* at the end */
	uint64_t errors;
	int first_error;
	int rc;
};

static void job_done(struct bench_nbd_request *request, int error)
{
	struct client_job *job = (struct client_job *)request;
	struct client_run *run = job->run;
	uint64_t now_ns = ebb_clock_now_ns();

	run->in_flight--;
	job->next_free = run->free;
	run->free = job;
	if (now_ns < atomic_load(&run->begin_ns) || now_ns >= atomic_load(&run->end_ns)) {
		return;
	}
	if (error == 0) {
		ebb_histogram_add(&run->latency, now_ns - job->begin_ns);
	} else if (run->errors++ == 0) {
		run->first_error = error;
	}
}

static bool next_is_write(struct client_run *run)
{
	const struct bench_workload *load = &run->load;

	if (load->read_below == 0 || load->read_below > UINT32_MAX) {
		return load->read_below == 0;
	}
	return (uint32_t)bench_random_next(&run->random) >= load->read_below;
}

static int job_submit(struct client_run *run, uint64_t begin_ns)
{
	const struct bench_workload *load = &run->load;
	struct client_job *job = run->free;
	uint64_t slot;
	int rc;

	if (load->random) {
		slot = bench_random_below(&run->random, load->slots);
	} else {
		slot = run->cursor;
		run->cursor = run->cursor + 1 == load->slots ? 0 : run->cursor + 1;
	}
	run->free = job->next_free;
	run->in_flight++;
	job->begin_ns = begin_ns;
	job->request.offset = slot * load->io_bytes;
	job->request.write = next_is_write(run);
	rc = bench_nbd_connection_submit(run->client->connection, &job->request);
	if (rc < 0) {
		job->next_free = run->free;
		run->free = job;
		run->in_flight--;
	}
	return rc;
}

static uint64_t arrival_next(struct client_run *run)
{
	if (!run->next_taken) {
		run->next_ns = run->start_ns + bench_arrivals_next(&run->arrivals);
		run->next_taken = true;
	}
	return run->next_ns;
}

/* The next arrival has come, @now_ns. One that had to wait for others is not late by itself. */
static void arrival_take(struct client_run *run, uint64_t now_ns)
{
	run->next_taken = false;
	if (run->next_ns < atomic_load(&run->begin_ns)) {
		return;
	}
	run->offered++;
	if (!run->held) {
		ebb_histogram_add(&run->late, now_ns - run->next_ns);
	}
}

/* Requests that had come before @end_ns and were not answered. */
static void arrivals_end(struct client_run *run, uint64_t end_ns)
{
	run->backlog = run->in_flight;
	while (arrival_next(run) < end_ns) {
		run->held = true;
		arrival_take(run, end_ns);
		run->backlog++;
	}
}

/*
 * Asks for all that is due. Return: when there is more to do without a reply; UINT64_MAX: not before
 * one comes.
 */
static uint64_t requests_make(struct client_run *run, int *ret_rc)
{
	while (run->free != NULL && *ret_rc == 0) {
		uint64_t now_ns = ebb_clock_now_ns();
		uint64_t begin_ns = now_ns;

		if (run->open) {
			begin_ns = arrival_next(run);
			if (begin_ns > now_ns) {
				run->held = false;
				return begin_ns;
			}
			arrival_take(run, now_ns);
		}
		*ret_rc = job_submit(run, begin_ns);
	}
	run->held = true;
	return UINT64_MAX;
}

static uint64_t time_until(const struct client_run *run, uint64_t due_ns, uint64_t now_ns)
{
	if (due_ns == UINT64_MAX) {
		return UINT64_MAX;
	}
	if (run->spins) {
		due_ns -= SPIN_NS;
	}
	return due_ns > now_ns ? due_ns - now_ns : 0;
}

/* Return: 0: all is answered, or there is more to do; -errno: it is over, badly. */
static int client_turn(struct client_run *run, bool *ret_over)
{
	uint64_t end_ns = atomic_load(&run->end_ns);
	uint64_t now_ns = ebb_clock_now_ns();
	uint64_t due_ns;
	int rc = 0;

	if (now_ns >= end_ns) {
		due_ns = end_ns + DRAIN_PATIENCE_NS;
		if (run->open && run->backlog == BACKLOG_UNKNOWN) {
			arrivals_end(run, end_ns);
		}
		if (run->in_flight == 0) {
			*ret_over = true;
			return 0;
		}
		if (now_ns >= due_ns) {
			return -ETIMEDOUT;
		}
	} else {
		due_ns = requests_make(run, &rc);
		if (rc < 0) {
			return rc;
		}
		now_ns = ebb_clock_now_ns();
	}
	return bench_nbd_connection_poll(run->client->connection,
					 now_ns < end_ns ? run->wake_fd : -1,
					 time_until(run, due_ns, now_ns));
}

static void *client_thread(void *arg)
{
	struct client_run *run = arg;
	bool over = false;

	prctl(PR_SET_TIMERSLACK, 1);
	run->start_ns = ebb_clock_now_ns();
	while (!over && run->rc == 0) {
		run->rc = client_turn(run, &over);
	}
	eventfd_write(run->done_fd, 1);
	return NULL;
}

/* Sleeps that long, or until the thread has ended, or a signal wants the end. */
static int run_sleep(const struct client_run *run, uint64_t time_ns)
{
	uint64_t begin_ns = ebb_clock_now_ns();
	struct pollfd fd = {.fd = run->done_fd, .events = POLLIN};
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

static double late_percentile(const struct client_run *run, double percent)
{
	return run->late.count > 0 ? (double)ebb_histogram_percentile(&run->late, percent) : NAN;
}

static void outcome_make(const struct client_run *run, const struct moment *from,
			 const struct moment *to, struct bench_outcome *ret_outcome)
{
	const struct bench_usage used = bench_usage_subtract(&to->server, &from->server);
	struct bench_count count = {
		.ios = run->latency.count,
		.io_bytes = run->load.io_bytes,
		.elapsed_ns = to->now_ns - from->now_ns,
		.joules = to->joules - from->joules,
		.offered = run->open ? (double)run->offered : NAN,
		.backlog = run->open ? (double)run->backlog : NAN,
		.late_p50_ns = late_percentile(run, 50),
		.late_p99_ns = late_percentile(run, 99),
		.latency = run->latency,
	};

	bench_usage_sample(&count, &used, &ret_outcome->sample);
	ret_outcome->latency = run->latency;
	ret_outcome->stamps = BENCH_STAMPS_EXACT;
	ret_outcome->errors = run->errors;
	ret_outcome->companion_percent =
		(double)(to->client_ns - from->client_ns) / (double)count.elapsed_ns * 100;
}

static int run_prepare(struct client_run *run, const struct bench_load *load, bool own_cpu)
{
	size_t count = run->load.queue_depth;
	size_t bytes = count * run->load.io_bytes;

	run->open = load->shape != BENCH_SHAPE_CLOSED;
	run->spins = run->open && own_cpu;
	if (run->open) {
		bench_arrivals_init(&run->arrivals, load, 0, 1);
	}
	run->jobs = calloc(count, sizeof(*run->jobs));
	run->bufs = malloc(bytes);
	run->wake_fd = eventfd(0, EFD_CLOEXEC);
	run->done_fd = eventfd(0, EFD_CLOEXEC);
	if (run->jobs == NULL || run->bufs == NULL || run->wake_fd < 0 || run->done_fd < 0) {
		return -ENOMEM;
	}
	run->random.state = load->seed;
	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		uint64_t noise = bench_random_next(&run->random);

		memcpy(run->bufs + i, &noise, 8);
	}
	for (size_t i = 0; i < count; i++) {
		struct client_job *job = &run->jobs[i];

		job->run = run;
		job->request.done = job_done;
		job->request.buf = run->bufs + i * run->load.io_bytes;
		job->request.len = run->load.io_bytes;
		job->next_free = run->free;
		run->free = job;
	}
	ebb_histogram_reset(&run->latency);
	ebb_histogram_reset(&run->late);
	run->backlog = BACKLOG_UNKNOWN;
	return 0;
}

/* The connection is closed first: libnbd may still hold requests of ours. */
static void run_release(struct client_run *run)
{
	struct bench_nbd_client *client = run->client;

	if (client->lost) {
		bench_nbd_connection_close(client->connection);
		client->connection = NULL;
	}
	if (run->wake_fd >= 0) {
		close(run->wake_fd);
	}
	if (run->done_fd >= 0) {
		close(run->done_fd);
	}
	free(run->jobs);
	free(run->bufs);
	free(run);
}

static int run_explain(struct client_run *run, int rc, char error[BENCH_TEXT_MAX])
{
	struct bench_nbd_client *client = run->client;

	if (run->rc == -ETIMEDOUT) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%s: the server does not answer: %llu requests for %llu s", client->what,
			 (unsigned long long)run->in_flight,
			 (unsigned long long)(DRAIN_PATIENCE_NS / EBB_NS_PER_S));
		rc = run->rc;
	} else if (run->rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: the connection is lost: %s", client->what,
			 bench_nbd_connection_fault(client->connection));
		rc = run->rc;
	} else if (rc == -ECANCELED) {
		snprintf(error, BENCH_TEXT_MAX, "%s: ended by a signal", client->what);
	} else if (run->latency.count == 0 && run->errors > 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: every request failed: %s", client->what,
			 strerror(run->first_error));
		rc = -EIO;
	}
	client->lost = run->rc < 0;
	return rc;
}

static int thread_create(pthread_t *ret_thread, int cpu, struct client_run *run)
{
	return cpu >= 0 ? bench_pin_thread_create(ret_thread, cpu, client_thread, run)
			: -pthread_create(ret_thread, NULL, client_thread, run);
}

static int run_measure(struct client_run *run, const struct bench_load *load, int cpu,
		       struct bench_nbd_watcher *watcher, struct bench_outcome *ret_outcome,
		       char error[BENCH_TEXT_MAX])
{
	struct moment from = {0};
	struct moment to = {0};
	pthread_t thread;
	int rc;

	atomic_store(&run->begin_ns, UINT64_MAX);
	atomic_store(&run->end_ns, UINT64_MAX);
	rc = thread_create(&thread, cpu, run);
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: no OS thread for the client: %s",
			 run->client->what, strerror(-rc));
		return rc;
	}
	rc = run_sleep(run, load->warmup_ns);
	if (rc == 0) {
		moment_take(thread, watcher, &from);
		atomic_store(&run->begin_ns, from.now_ns);
		rc = run_sleep(run, load->time_ns);
	}
	moment_take(thread, watcher, &to);
	atomic_store(&run->end_ns, to.now_ns);
	eventfd_write(run->wake_fd, 1);
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
	run->load = workload;
	run->wake_fd = -1;
	run->done_fd = -1;
	rc = run_prepare(run, load, cpu >= 0);
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
