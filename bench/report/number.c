/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <ebb/base.h>

/* Three digits that count, at most four decimals, none of a number of 1000 and more. */
static int decimals_of(double number)
{
	double size = fabs(number);

	if (size >= 99.95) {
		return 0;
	}
	if (size >= 9.995) {
		return 1;
	}
	if (size >= 0.9995) {
		return 2;
	}
	return size >= 0.09995 ? 3 : 4;
}

static void number_print(double number, const char *unit, char text[BENCH_NUMBER_MAX])
{
	if (number == 0) {
		snprintf(text, BENCH_NUMBER_MAX, "0%s", unit);
	} else if (fabs(number) < 0.0001) {
		snprintf(text, BENCH_NUMBER_MAX, "<0.0001%s", unit);
	} else {
		snprintf(text, BENCH_NUMBER_MAX, "%.*f%s", decimals_of(number), number, unit);
	}
}

/* The largest unit of 1000 before it in which @number is at least 1, also when it is rounded. */
static void number_scale(double number, const char *const *units, unsigned num_units,
			 char text[BENCH_NUMBER_MAX])
{
	unsigned unit = 0;

	if (!isfinite(number)) {
		snprintf(text, BENCH_NUMBER_MAX, "-");
		return;
	}
	while (unit + 1 < num_units && fabs(number) >= 999.5) {
		number /= 1000;
		unit++;
	}
	number_print(number, units[unit], text);
}

void bench_number_time(double ns, char text[BENCH_NUMBER_MAX])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};

	number_scale(ns, units, EBB_ARRAY_SIZE(units), text);
}

void bench_number_count(double number, char text[BENCH_NUMBER_MAX])
{
	static const char *const units[] = {"", "k", "M", "G"};

	number_scale(number, units, EBB_ARRAY_SIZE(units), text);
}

void bench_number_plain(double number, char text[BENCH_NUMBER_MAX])
{
	static const char *const units[] = {""};

	number_scale(number, units, EBB_ARRAY_SIZE(units), text);
}

void bench_number_factor(double factor, char text[BENCH_NUMBER_MAX])
{
	int decimals = 3;

	if (!isfinite(factor)) {
		snprintf(text, BENCH_NUMBER_MAX, "-");
		return;
	}
	if (factor >= 99.95) {
		decimals = 0;
	} else if (factor >= 9.995) {
		decimals = 1;
	} else if (factor >= 0.0995) {
		decimals = 2;
	}
	snprintf(text, BENCH_NUMBER_MAX, "%.*f", decimals, factor);
}

unsigned bench_number_spread(const struct bench_spread *spread, char text[BENCH_NUMBER_MAX])
{
	double up = spread->high - spread->median;
	double down = spread->median - spread->low;
	double percent = (up > down ? up : down) / spread->median * 100;
	char high[BENCH_NUMBER_MAX];
	double tenths;

	text[0] = '\0';
	if (!isfinite(spread->median)) {
		return 0;
	}
	if (spread->median == 0) {
		if (up <= 0) {
			return 0;
		}
		bench_number_plain(spread->high, high);
		return (unsigned)snprintf(text, BENCH_NUMBER_MAX, "<=%.20s", high);
	}
	/* Up, but not by what the division was inexact. */
	tenths = ceil(fmax(percent * 10 - 1e-6, 0)) / 10;
	if (tenths >= 10) {
		snprintf(text, BENCH_NUMBER_MAX, percent > 999 ? "±>999%%" : "±%.0f%%",
			 ceil(percent - 1e-6));
	} else {
		snprintf(text, BENCH_NUMBER_MAX, "±%.1f%%", tenths);
	}
	/* The first character takes two bytes. */
	return (unsigned)strlen(text) - 1;
}
