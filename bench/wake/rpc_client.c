/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/rpc_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/wake/batch.h"
#include "core/base/json_scan.h"

bool bench_rpc_client_complete(const char *text, size_t len)
{
	struct base_json_scan scan;
	size_t used;

	base_json_scan_init(&scan, BASE_JSON_STREAM);
	return base_json_scan_next(&scan, text, len, &used) != BASE_JSON_MORE;
}

int bench_rpc_client_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int rc = -ENAMETOOLONG;
	int fd = -1;

	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path));
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
			return fd;
		}
		rc = -errno;
	}
	fprintf(stderr, "ebb-bench: cannot connect to %s: %s\n", path, strerror(-rc));
	if (fd >= 0) {
		close(fd);
	}
	return rc;
}

long bench_rpc_client_call(int fd, char reply[BENCH_RPC_REPLY_MAX])
{
	static const char request[] = BENCH_RPC_REQUEST;
	size_t len = 0;
	ssize_t got;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1) {
		fprintf(stderr, "ebb-bench: the request cannot be sent: %s\n", strerror(errno));
		return -EIO;
	}
	while (len < BENCH_RPC_REPLY_MAX - 1) {
		got = recv(fd, reply + len, BENCH_RPC_REPLY_MAX - 1 - len, 0);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			fprintf(stderr, "ebb-bench: no reply: %s\n",
				got == 0 ? "the connection was closed" : strerror(errno));
			return -EIO;
		}
		len += (size_t)got;
		if (bench_rpc_client_complete(reply, len)) {
			reply[len] = '\0';
			return (long)len;
		}
	}
	fprintf(stderr, "ebb-bench: the reply is longer than %d bytes\n", BENCH_RPC_REPLY_MAX);
	return -EMSGSIZE;
}

double bench_rpc_client_measure(int fd, uint64_t time_ns)
{
	uint64_t begin_ns = ebb_clock_now_ns();
	uint64_t now_ns = begin_ns;
	struct bench_batches batches;
	char reply[BENCH_RPC_REPLY_MAX];

	bench_batches_init(&batches, BENCH_TRIPS_SLEEPING);
	while (now_ns - begin_ns < time_ns) {
		uint64_t batch_ns = now_ns;

		for (unsigned i = 0; i < batches.trips; i++) {
			if (bench_rpc_client_call(fd, reply) < 0) {
				return NAN;
			}
		}
		now_ns = ebb_clock_now_ns();
		bench_batches_add(&batches, now_ns - batch_ns);
	}
	return bench_batches_trip_ns(&batches);
}
