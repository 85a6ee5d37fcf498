/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REPORT_PAGE_H
#define BENCH_REPORT_PAGE_H

/*
 * A comparison as one HTML page that needs nothing else: no network, no file beside it, no script for
 * its tables. bench/report/page/ has its parts: page.html is the frame, whose {{names}} the program
 * fills in, styles and scripts are built into the program.
 */

#include <stdio.h>

struct json_object;

/**
 * bench_report_page() - write the page of a comparison
 * @report: as report.schema.json says; what it lacks is missing in the page
 * Return: 0; -errno of a write that failed, which @out tells as well.
 */
int bench_report_page(struct json_object *report, FILE *out);

#endif
