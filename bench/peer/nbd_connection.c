/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/nbd_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBNBD

#include <libnbd.h>

#include <ebb/clock.h>

#include "bench/signals.h"
#include "core/base/timespec.h"

#define CONNECT_PATIENCE_NS (5 * EBB_NS_PER_S)
#define SIGNAL_LOOK_NS      (100 * EBB_NS_PER_MS)
#define MAX_BYTES_UNSAID    ((uint32_t)32 << 20) /* what every server must take (NBD protocol) */

struct bench_nbd_connection {
	struct nbd_handle *nbd;
	struct bench_nbd_geometry geometry;
	char fault[160];
};

/* libnbd keeps the text for the calling thread only. */
static void fault_keep(struct bench_nbd_connection *connection)
{
	const char *text = nbd_get_error();

	snprintf(connection->fault, sizeof(connection->fault), "%s",
		 text != NULL ? text : "unknown error");
}

int bench_nbd_connection_check(const char *what, char error[BENCH_TEXT_MAX])
{
	(void)what;
	(void)error;
	return 0;
}

static void wait_readiness(struct nbd_handle *nbd, int wake_fd, uint64_t timeout_ns,
			   short *ret_events)
{
	unsigned direction = nbd_aio_get_direction(nbd);
	struct timespec time = base_timespec(timeout_ns);
	struct pollfd fds[2] = {
		{.fd = nbd_aio_get_fd(nbd),
		 .events = (short)(((direction & LIBNBD_AIO_DIRECTION_READ) != 0 ? POLLIN : 0) |
				   ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0 ? POLLOUT : 0))},
		{.fd = wake_fd, .events = POLLIN},
	};

	*ret_events = 0;
	if (ppoll(fds, 2, timeout_ns == UINT64_MAX ? NULL : &time, NULL) > 0) {
		*ret_events = fds[0].revents;
	}
}

int bench_nbd_connection_poll(struct bench_nbd_connection *connection, int wake_fd,
			      uint64_t timeout_ns)
{
	struct nbd_handle *nbd = connection->nbd;
	short events;
	int rc = 0;

	wait_readiness(nbd, wake_fd, timeout_ns, &events);
	/* Who hangs up is noticed by reading. After that, libnbd may want something else. */
	if ((events & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) != 0) {
		rc = nbd_aio_notify_read(nbd);
	} else if ((events & POLLOUT) != 0) {
		rc = nbd_aio_notify_write(nbd);
	}
	if (rc < 0) {
		fault_keep(connection);
	} else if (nbd_aio_is_dead(nbd) > 0 || nbd_aio_is_closed(nbd) > 0) {
		snprintf(connection->fault, sizeof(connection->fault), "the server hung up");
		rc = -1;
	}
	return rc < 0 ? -EIO : 0;
}

static int connection_wait_ready(struct bench_nbd_connection *connection)
{
	uint64_t begin_ns = ebb_clock_now_ns();

	while (nbd_aio_is_ready(connection->nbd) == 0) {
		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		if (ebb_clock_now_ns() - begin_ns > CONNECT_PATIENCE_NS) {
			snprintf(connection->fault, sizeof(connection->fault),
				 "no answer within %llu s",
				 (unsigned long long)(CONNECT_PATIENCE_NS / EBB_NS_PER_S));
			return -ETIMEDOUT;
		}
		if (bench_nbd_connection_poll(connection, -1, SIGNAL_LOOK_NS) < 0) {
			return -EIO;
		}
	}
	return 0;
}

static int connection_connect(struct bench_nbd_connection *connection, const char *uri)
{
	int rc;

	connection->nbd = nbd_create();
	if (connection->nbd == NULL) {
		fault_keep(connection);
		return -ENOMEM;
	}
	/* Zeroing a buffer before each read would be CPU time of nobody. */
	nbd_set_pread_initialize(connection->nbd, false);
	/* Whoever names a file of keys here may read it: libnbd expects URIs of strangers. */
	nbd_set_uri_allow_local_file(connection->nbd, true);
	if (nbd_aio_connect_uri(connection->nbd, uri) < 0) {
		rc = nbd_get_errno();
		fault_keep(connection);
		return rc == EINVAL ? -EINVAL : -EIO;
	}
	return connection_wait_ready(connection);
}

static uint32_t block_size_of(struct nbd_handle *nbd, int kind, uint32_t otherwise)
{
	int64_t size = nbd_get_block_size(nbd, kind);

	return size > 0 && size <= UINT32_MAX ? (uint32_t)size : otherwise;
}

static int connection_learn(struct bench_nbd_connection *connection)
{
	struct bench_nbd_geometry *geometry = &connection->geometry;
	int64_t size = nbd_get_size(connection->nbd);

	if (size < 0) {
		fault_keep(connection);
		return -EIO;
	}
	geometry->size_bytes = (uint64_t)size;
	geometry->block_size = block_size_of(connection->nbd, LIBNBD_SIZE_MINIMUM, 512);
	geometry->max_bytes = block_size_of(connection->nbd, LIBNBD_SIZE_MAXIMUM, MAX_BYTES_UNSAID);
	geometry->read_only = nbd_is_read_only(connection->nbd) > 0;
	return 0;
}

int bench_nbd_connection_open(const char *uri, const char *what,
			      struct bench_nbd_connection **ret_connection,
			      char error[BENCH_TEXT_MAX])
{
	struct bench_nbd_connection *connection = calloc(1, sizeof(*connection));
	int rc;

	if (connection == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%.60s: out of memory", what);
		return -ENOMEM;
	}
	rc = connection_connect(connection, uri);
	if (rc == 0) {
		rc = connection_learn(connection);
	}
	if (rc == 0) {
		*ret_connection = connection;
		return 0;
	}
	if (rc == -ECANCELED) {
		snprintf(error, BENCH_TEXT_MAX, "%.60s: ended by a signal", what);
	} else {
		snprintf(error, BENCH_TEXT_MAX, "%.30s %.80s: %.130s", what, uri,
			 connection->fault);
	}
	bench_nbd_connection_close(connection);
	return rc;
}

void bench_nbd_connection_get_geometry(const struct bench_nbd_connection *connection,
				       struct bench_nbd_geometry *ret_geometry)
{
	*ret_geometry = connection->geometry;
}

/* Return: 1: the command's memory is libnbd's to free. */
static int request_done(void *user_data, int *error)
{
	struct bench_nbd_request *request = user_data;

	request->done(request, *error);
	return 1;
}

int bench_nbd_connection_submit(struct bench_nbd_connection *connection,
				struct bench_nbd_request *request)
{
	nbd_completion_callback done = {.callback = request_done, .user_data = request};
	int64_t cookie;

	if (request->write) {
		cookie = nbd_aio_pwrite(connection->nbd, request->buf, request->len,
					request->offset, done, 0);
	} else {
		cookie = nbd_aio_pread(connection->nbd, request->buf, request->len, request->offset,
				       done, 0);
	}
	if (cookie < 0) {
		fault_keep(connection);
		return -EIO;
	}
	return 0;
}

const char *bench_nbd_connection_fault(const struct bench_nbd_connection *connection)
{
	return connection->fault;
}

void bench_nbd_connection_close(struct bench_nbd_connection *connection)
{
	if (connection != NULL) {
		nbd_close(connection->nbd);
		free(connection);
	}
}

#else /* Everything is refused, by name. */

int bench_nbd_connection_check(const char *what, char error[BENCH_TEXT_MAX])
{
	snprintf(error, BENCH_TEXT_MAX,
		 "%.80s: ebb-bench was built without libnbd: install libnbd-dev and build again",
		 what);
	return -ENOTSUP;
}

int bench_nbd_connection_open(const char *uri, const char *what,
			      struct bench_nbd_connection **ret_connection,
			      char error[BENCH_TEXT_MAX])
{
	(void)uri;
	(void)ret_connection;
	return bench_nbd_connection_check(what, error);
}

void bench_nbd_connection_get_geometry(const struct bench_nbd_connection *connection,
				       struct bench_nbd_geometry *ret_geometry)
{
	(void)connection;
	memset(ret_geometry, 0, sizeof(*ret_geometry));
}

int bench_nbd_connection_submit(struct bench_nbd_connection *connection,
				struct bench_nbd_request *request)
{
	(void)connection;
	(void)request;
	return -ENOTSUP;
}

int bench_nbd_connection_poll(struct bench_nbd_connection *connection, int wake_fd,
			      uint64_t timeout_ns)
{
	(void)connection;
	(void)wake_fd;
	(void)timeout_ns;
	return -EIO;
}

const char *bench_nbd_connection_fault(const struct bench_nbd_connection *connection)
{
	(void)connection;
	return "ebb-bench was built without libnbd";
}

void bench_nbd_connection_close(struct bench_nbd_connection *connection)
{
	(void)connection;
}

#endif
