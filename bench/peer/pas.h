/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAS_H
#define BENCH_PAS_H

#include "bench/results/results.h"

/**
 * bench_pas_make() - "pas": the published scheme of per-I/O adaptive sleep, as a reference loop
 * One OS thread submits a request, sleeps for most of the time that it expects, then looks until the
 * request has completed; queue depth 1, on a file, a block device or a stand-in. See pas.c.
 * @ret_contender: filled in; ends with its destroy()
 * Return: 0; -errno (@error).
 */
int bench_pas_make(struct bench_contender *ret_contender, char error[BENCH_TEXT_MAX]);

#endif
