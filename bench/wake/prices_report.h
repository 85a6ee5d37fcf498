/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PRICES_REPORT_H
#define BENCH_PRICES_REPORT_H

#include <stdio.h>

#include "bench/wake/prices.h"

struct json_object;

/* A table in microseconds; and the same as an array. What was not asked for is in neither. */
void bench_prices_report_text(const struct bench_prices *prices, FILE *out);
struct json_object *bench_prices_report_json(const struct bench_prices *prices);

#endif
