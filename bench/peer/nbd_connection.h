/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NBD_CONNECTION_H
#define BENCH_NBD_CONNECTION_H

/* One connection to an NBD server, by libnbd. Nothing else knows libnbd. One thread at a time. */

#include <stdbool.h>

#include "bench/results/results.h"

struct bench_nbd_connection;

struct bench_nbd_geometry {
	uint64_t size_bytes;
	uint32_t block_size; /* the least that a request may have; 512 if the server does not say */
	uint32_t max_bytes;  /* the most */
	bool read_only;
};

struct bench_nbd_request {
	/* The reply is there, or none will come: @error 0 or an errno. No request may be made here. */
	void (*done)(struct bench_nbd_request *request, int error);
	void *buf;
	uint64_t offset;
	size_t len;
	bool write;
};

/**
 * bench_nbd_connection_check() - whether this program can be a client at all
 * @what: the option that wants it, for the complaint
 * Return: 0; -ENOTSUP: it was built without libnbd, @error says so.
 */
int bench_nbd_connection_check(const char *what, char error[BENCH_TEXT_MAX]);

/**
 * bench_nbd_connection_open() - connect, and wait until requests may be made
 * @uri: nbd://, nbds://, nbd+unix:///
 * @what: who wants it, for the complaint
 * Return: 0; -ENOTSUP; -EINVAL: this is no such URI; -ETIMEDOUT: no answer within five seconds;
 *	-ECANCELED: a signal wants the end; another -errno. @error names the server and says why.
 */
int bench_nbd_connection_open(const char *uri, const char *what,
			      struct bench_nbd_connection **ret_connection,
			      char error[BENCH_TEXT_MAX]);

void bench_nbd_connection_get_geometry(const struct bench_nbd_connection *connection,
				       struct bench_nbd_geometry *ret_geometry);

/**
 * bench_nbd_connection_submit() - make a request
 * Return: 0: @request->done will be called, by bench_nbd_connection_poll() or by
 *	bench_nbd_connection_close(); -errno: it will not.
 */
int bench_nbd_connection_submit(struct bench_nbd_connection *connection,
				struct bench_nbd_request *request);

/**
 * bench_nbd_connection_poll() - sleep until the server may be heard, @wake_fd is readable, or that
 * time is over; then take what has come
 * @timeout_ns: 0: only look; UINT64_MAX: without a limit
 * Return: 0; -EIO: the connection is lost.
 */
int bench_nbd_connection_poll(struct bench_nbd_connection *connection, int wake_fd,
			      uint64_t timeout_ns);

/* Why a request was refused or the connection is lost, as libnbd says. */
const char *bench_nbd_connection_fault(const struct bench_nbd_connection *connection);

/* Waits for nothing. NULL is allowed. */
void bench_nbd_connection_close(struct bench_nbd_connection *connection);

#endif
