/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STAND_INS_H
#define BENCH_STAND_INS_H

/* --stand-in T[,JITTER][,polled]: devices of known speed as targets. */

#include "bench/load/stand_in.h"
#include "bench/results/results.h"

/**
 * bench_stand_ins_read() - what is asked for
 * "10us": each request takes that; "10us,2us": the mean, and the standard deviation; "polled": it
 * wakes nobody.
 * @ret_opts: all but the name; as bench_stand_in_create() takes it
 * Return: 0; -EINVAL, -ERANGE.
 */
int bench_stand_ins_read(const char *text, struct bench_stand_in_opts *ret_opts);

/**
 * bench_stand_ins_make() - such a bdev, as a target
 * @size_bytes: of it; 0: the usual
 * Thread: the harness. Return: 0; -errno: @error says why.
 */
int bench_stand_ins_make(const char *text, uint64_t size_bytes, struct bench_target *ret_target,
			 char error[BENCH_TEXT_MAX]);

#endif
