/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NBD_PEER_H
#define BENCH_NBD_PEER_H

/*
 * NBD servers as contenders: each is run on the target, and a client here asks it. Whenever one of
 * them is a contender, ebbd's own export is, in each mode, as seen by the same client.
 */

#include "bench/peer/nbd_server.h"
#include "bench/results/results.h"

#define BENCH_NBD_PEER_CONTENDERS_MAX 4 /* the server, and ebbd in three modes */

/**
 * bench_nbd_peer_make() - a server, and ebbd unless contenders for it are there already
 * @contenders: room for BENCH_NBD_PEER_CONTENDERS_MAX
 * Thread: the harness; the servers end with it.
 * Return: how many were made; -ENOENT: a program is not there; -ENOTSUP: no libnbd. @error.
 */
int bench_nbd_peer_make(enum bench_nbd_server_kind kind, struct bench_contender *contenders,
			char error[BENCH_TEXT_MAX]);

#endif
