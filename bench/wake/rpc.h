/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RPC_H
#define BENCH_RPC_H

#include "bench/command_options.h"

/**
 * bench_rpc() - "ebb-bench rpc": a JSON-RPC round trip beside a bare chain of the same wakeups
 * Prints its result to stdout.
 * Return: 0; BENCH_EXIT_FAILED (said on stderr).
 */
int bench_rpc(const struct bench_wake_options *options);

#endif
