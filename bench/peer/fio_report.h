/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FIO_REPORT_H
#define BENCH_FIO_REPORT_H

/* What fio prints with --output-format=json+. */

#include "bench/results/results.h"

/**
 * bench_fio_report_parse() - one run of fio as an outcome
 * Latencies are those that fio calls lat: from when it made the request. It counts context switches
 * in one number, and no wakeups.
 * @text: all that it printed; what stands before the report is passed over
 * @io_bytes: of each request
 * Return: 0; -EPROTO: this is no such report; -EIO: fio says that it failed. @error says more.
 */
int bench_fio_report_parse(const char *text, uint64_t io_bytes, struct bench_outcome *ret_outcome,
			   char error[BENCH_TEXT_MAX]);

#endif
