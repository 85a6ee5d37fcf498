/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REMOTE_H
#define BENCH_REMOTE_H

/*
 * A running service as a contender: perform_tests over its RPC socket does the I/O in the server's
 * own process, so nothing of it is this one's. It is ebbd, or another that knows the method and
 * answers as SPDK's bdevperf does.
 */

#include <ebb/reactor.h>

#include "bench/results/results.h"

struct bench_remote;

/**
 * bench_remote_open() - connect to the service at @socket
 * @force: also write on bdevs that it exports
 * @socket: must live as long as the remote
 * Thread: any that may block. Return: 0; -errno: @error says which socket, and what to do.
 */
int bench_remote_open(const char *socket, bool force, struct bench_remote **ret_remote,
		      char error[BENCH_TEXT_MAX]);

/**
 * bench_remote_target() - one of its bdevs
 * Thread: as above. Return: 0; -ENODEV and others: @error says why.
 */
int bench_remote_target(struct bench_remote *remote, const char *bdev,
			struct bench_target *ret_target, char error[BENCH_TEXT_MAX]);

/**
 * bench_remote_make() - its reactors as they are
 * bench_remote_make_mode() - its reactors put in @mode
 * @ret_contender: measured on the harness's thread, where a signal ends its run; @remote outlives it
 * Return: 0; -ENOMEM; -EOPNOTSUPP: it has no modes that could be set.
 */
int bench_remote_make(struct bench_remote *remote, struct bench_contender *ret_contender);
int bench_remote_make_mode(struct bench_remote *remote, enum ebb_reactor_mode mode,
			   struct bench_contender *ret_contender);

/**
 * bench_remote_close() - put its reactors back in the modes that they had, and leave
 * Also after a signal, and when the connection was lost: then by another one.
 * Thread: any that may block. NULL is ignored.
 * Return: 0; -errno: some reactor is not as it was, which @error says, with the remedy.
 */
int bench_remote_close(struct bench_remote *remote, char error[BENCH_TEXT_MAX]);

#endif
