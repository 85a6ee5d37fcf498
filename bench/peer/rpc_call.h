/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RPC_CALL_H
#define BENCH_RPC_CALL_H

/* One JSON-RPC request to a program that was started here: ebbd, or SPDK's bdevperf. */

#include "bench/results/results.h"

struct json_object;

/**
 * bench_rpc_call() - connect, ask, and wait for the answer
 * @path: of the Unix socket
 * @params: the caller's; NULL: none
 * @ret_result: to be put; NULL: nobody wants it
 * Return: 0; -ETIMEDOUT; -ECANCELED: a signal wants the end; -EREMOTEIO: the answer is an error;
 *	-EPROTO: it is no answer; another -errno. @error says more.
 */
int bench_rpc_call(const char *path, const char *method, struct json_object *params,
		   uint64_t timeout_ns, struct json_object **ret_result,
		   char error[BENCH_TEXT_MAX]);

/* Return: 0: somebody listens on the Unix socket; -errno. */
int bench_rpc_call_probe(const char *path);

#endif
