/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RPC_CLIENT_H
#define BENCH_RPC_CLIENT_H

/* The same client talks to ebb and to the bare chain, so that its own price cancels out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_RPC_REPLY_MAX 4096

/* A method that is answered by the app thread and costs it next to nothing. */
#define BENCH_RPC_REQUEST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"spdk_get_version\"}"

/* True if the @len bytes at @text are a whole JSON value, or what no JSON begins with. */
bool bench_rpc_client_complete(const char *text, size_t len);

/* Return: a connected socket; -errno (said on stderr). */
int bench_rpc_client_connect(const char *path);

/**
 * bench_rpc_client_call() - send the request and sleep until the whole reply is there
 * @reply: what came, zero-terminated
 * Return: its length; -errno (said on stderr).
 */
long bench_rpc_client_call(int fd, char reply[BENCH_RPC_REPLY_MAX]);

/**
 * bench_rpc_client_measure() - one call after another
 * Return: nanoseconds for each call of the median batch (batch.h); NAN if one failed (said on
 * stderr).
 */
double bench_rpc_client_measure(int fd, uint64_t time_ns);

#endif
