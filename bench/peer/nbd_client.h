/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NBD_CLIENT_H
#define BENCH_NBD_CLIENT_H

/*
 * A client of any NBD server, which asks as a load says and measures what it sees: one connection,
 * an OS thread of its own, on another CPU than the server where there is one. Each request is
 * stamped when it is made and when its reply has come.
 *
 * It sleeps while there is nothing to do; shortly before an arrival of an open loop it spins instead
 * where it has a CPU to itself.
 */

#include <stdbool.h>

#include "bench/peer/nbd_connection.h"
#include "bench/peer/usage.h"
#include "bench/results/results.h"

struct bench_nbd_client;

/**
 * bench_nbd_client_connect() - connect, as bench_nbd_connection_open() does
 * Thread: one that may wait.
 */
int bench_nbd_client_connect(const char *uri, const char *what,
			     struct bench_nbd_client **ret_client, char error[BENCH_TEXT_MAX]);

void bench_nbd_client_get_geometry(const struct bench_nbd_client *client,
				   struct bench_nbd_geometry *ret_geometry);

/* Whoever knows what the server uses. */
struct bench_nbd_watcher {
	/* @ret_usage: unknown, all of it. Thread: the caller of bench_nbd_client_run(). */
	void (*read)(struct bench_nbd_watcher *watcher, struct bench_usage *ret_usage);
};

/**
 * bench_nbd_client_run() - one run
 * @cpu: the one that the client's thread is held on; -1: any
 * @watcher: is asked when the warm-up is over, and at the end; NULL: nobody knows
 * Thread: that of bench_nbd_client_connect().
 * Return: 0; -EINVAL: the load does not fit the export; -ECANCELED; -ETIMEDOUT: requests were not
 *	answered; -EIO: the connection is lost, or no request succeeded. @error says more. After the
 *	last two the client is of no use any more.
 */
int bench_nbd_client_run(struct bench_nbd_client *client, const struct bench_load *load, int cpu,
			 struct bench_nbd_watcher *watcher, struct bench_outcome *ret_outcome,
			 char error[BENCH_TEXT_MAX]);

/* True if no further run is possible. */
bool bench_nbd_client_lost(const struct bench_nbd_client *client);

/* NULL is allowed. */
void bench_nbd_client_close(struct bench_nbd_client *client);

#endif
