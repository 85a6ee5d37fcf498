/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of a comparison that was saved as JSON: page_of_report REPORT.json >PAGE.html. The tests
 * of the page make it of reports that no machine has measured.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/report/page.h"

int main(int argc, char **argv)
{
	struct json_object *report = argc == 2 ? json_object_from_file(argv[1]) : NULL;
	int rc;

	if (report == NULL) {
		fprintf(stderr, "page_of_report: give the file of a report; %s\n",
			argc == 2 ? json_util_get_last_err() : "none was given");
		return 2;
	}
	rc = bench_report_page(report, stdout);
	json_object_put(report);
	if (rc != 0) {
		fprintf(stderr, "page_of_report: %s\n", strerror(-rc));
		return 1;
	}
	return 0;
}
