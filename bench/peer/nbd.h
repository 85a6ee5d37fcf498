/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NBD_H
#define BENCH_NBD_H

/*
 * --nbd URI: any server's export as a client sees it. What the server uses is not known: it may be
 * another machine's.
 */

#include "bench/results/results.h"

/**
 * bench_nbd_target() - the target that a URI names
 * Connects to it, to learn its geometry.
 * @write: it will be written
 * Thread: the harness, or one that may wait.
 * Return: 0; -ENOTSUP: built without libnbd; -EINVAL: this is no such URI; -EROFS: it is to be
 *	written, and is read-only; -ECANCELED; another -errno: there is no such server or export.
 *	@error says so, with the URI.
 */
int bench_nbd_target(const char *uri, bool write, struct bench_target *ret_target,
		     char error[BENCH_TEXT_MAX]);

/**
 * bench_nbd_contender() - "client", who measures every target of --nbd, and nothing else
 * It stays connected between the rounds.
 * Return: 0; -ENOMEM.
 */
int bench_nbd_contender(struct bench_contender *ret_contender, char error[BENCH_TEXT_MAX]);

#endif
