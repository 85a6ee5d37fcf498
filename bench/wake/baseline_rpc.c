/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/baseline_rpc.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/assert.h>

#include "bench/wake/eventfd_wait.h"
#include "bench/machine/pin.h"
#include "bench/wake/rpc_client.h"

struct chain {
	struct bench_eventfd_wait control;
	struct bench_eventfd_wait app;
	int server_fd;
	const char *reply;
	size_t reply_len;
	_Atomic bool end;
};

/* A request that came by the socket goes on to the app thread; its answer goes back out. */
static void *chain_control(void *arg)
{
	struct chain *chain = arg;
	char request[512];
	ssize_t rc;

	for (;;) {
		if (bench_eventfd_wait_sleep(&chain->control) != chain->server_fd) {
			rc = send(chain->server_fd, chain->reply, chain->reply_len, MSG_NOSIGNAL);
			ebb_assert(rc == (ssize_t)chain->reply_len);
			continue;
		}
		rc = recv(chain->server_fd, request, sizeof(request), 0);
		if (rc <= 0) {
			return NULL; /* the client has gone: over */
		}
		bench_eventfd_wait_wake(&chain->app);
	}
}

static void *chain_app(void *arg)
{
	struct chain *chain = arg;

	for (;;) {
		bench_eventfd_wait_sleep(&chain->app);
		if (atomic_load_explicit(&chain->end, memory_order_relaxed)) {
			return NULL;
		}
		bench_eventfd_wait_wake(&chain->control);
	}
}

static double chain_measure(struct chain *chain, int client_fd, int cpu_control, int cpu_app,
			    uint64_t time_ns)
{
	double round_trip_ns = NAN;
	pthread_t control;
	pthread_t app;

	if (bench_pin_thread_create(&app, cpu_app, chain_app, chain) < 0) {
		return NAN;
	}
	if (bench_pin_thread_create(&control, cpu_control, chain_control, chain) == 0) {
		round_trip_ns = bench_rpc_client_measure(client_fd, time_ns);
		shutdown(client_fd, SHUT_RDWR);
		pthread_join(control, NULL);
	}
	atomic_store(&chain->end, true);
	bench_eventfd_wait_wake(&chain->app);
	pthread_join(app, NULL);
	return round_trip_ns;
}

double bench_baseline_rpc(int cpu_control, int cpu_app, const char *reply, uint64_t time_ns)
{
	struct chain chain = {
		.control = BENCH_EVENTFD_WAIT_NONE,
		.app = BENCH_EVENTFD_WAIT_NONE,
		.reply = reply,
		.reply_len = strlen(reply),
	};
	double round_trip_ns = NAN;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		fprintf(stderr, "ebb-bench: no socket pair: %s\n", strerror(errno));
		return NAN;
	}
	chain.server_fd = fds[1];
	if (bench_eventfd_wait_init(&chain.control, false) == 0 &&
	    bench_eventfd_wait_init(&chain.app, false) == 0 &&
	    bench_eventfd_wait_add(&chain.control, chain.server_fd) == 0) {
		round_trip_ns = chain_measure(&chain, fds[0], cpu_control, cpu_app, time_ns);
	}
	bench_eventfd_wait_fini(&chain.control);
	bench_eventfd_wait_fini(&chain.app);
	close(fds[0]);
	close(fds[1]);
	return round_trip_ns;
}
