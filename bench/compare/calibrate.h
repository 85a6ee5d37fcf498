/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CALIBRATE_H
#define BENCH_CALIBRATE_H

/* What a device sustains, measured first, so that a rate can be given in percent of it. */

#include "bench/compare/entries.h"
#include "bench/compare/matrix.h"
#include "bench/compare/modes.h"
#include "bench/results/results.h"

/**
 * bench_calibrate_rows() - give the rows that are in percent their rates
 * Poll mode in a closed loop, as many requests in flight as an open loop may have, says what a target
 * sustains, in the median of several short runs. With several targets it is the slowest that counts: all are offered the same, or they
 * could not be compared. (An export of another process is measured as it is.) What was found is told on stderr, and is in the rows for the report.
 * Thread: the harness.
 * Return: 0; -ECANCELED; -errno: @error says why.
 */
int bench_calibrate_rows(struct bench_entries *entries, struct bench_modes *modes,
			 struct bench_matrix_row *rows, unsigned num_rows,
			 char error[BENCH_TEXT_MAX]);

/* How long that takes, if the runs agree: where they do not, up to three times as long. */
uint64_t bench_calibrate_time_ns(const struct bench_matrix_row *rows, unsigned num_rows,
				 unsigned num_targets);

/* After the rounds: warns where these, or the runs of the calibration, contradict it. */
void bench_calibrate_warn(struct bench_results *results);

#endif
