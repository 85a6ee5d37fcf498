/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BASELINE_RPC_H
#define BENCH_BASELINE_RPC_H

#include <ebb/base.h>

/**
 * bench_baseline_rpc() - the least that a round trip by a control and an app thread costs
 * client -> socket -> control -> eventfd -> app -> eventfd -> control -> socket -> client. Each of
 * the four arrows wakes a thread that sleeps. The client is the calling OS thread.
 * @reply: what the control thread sends back
 * Return: nanoseconds for each round trip; NAN: it could not be measured (said on stderr).
 */
double bench_baseline_rpc(int cpu_control, int cpu_app, const char *reply, uint64_t time_ns);

#endif
