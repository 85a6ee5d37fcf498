/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/write.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "bench/report/page/html.h"

/* Decimals that make three digits or more of a number: none of 123, one of 12.3, four of 0.0123. */
static int number_decimals(double number)
{
	double size = fabs(number);
	int decimals = 0;

	if (size == 0) {
		return 0;
	}
	while (size < 99.95 && decimals < 9) {
		size *= 10;
		decimals++;
	}
	return decimals;
}

static void number_text(double number, int decimals, char text[64])
{
	char plain[64];
	size_t digits;
	size_t used = 0;

	if (!isfinite(number) || fabs(number) >= 1e30) {
		snprintf(text, 64, "-");
		return;
	}
	snprintf(plain, sizeof(plain), "%.*f", decimals, number);
	digits = strcspn(plain, ".");
	for (size_t i = 0; plain[i] != '\0'; i++) {
		if (i > (plain[0] == '-') && i < digits && (digits - i) % 3 == 0) {
			text[used++] = ',';
		}
		text[used++] = plain[i];
	}
	text[used] = '\0';
}

void bench_page_number_text(double number, char text[64])
{
	number_text(number, number_decimals(number), text);
}

void bench_page_number_put(FILE *out, double number)
{
	char text[64];

	bench_page_number_text(number, text);
	fputs(text, out);
}

void bench_page_count_put(FILE *out, double number)
{
	bool whole = number == round(number);
	char text[64];

	number_text(number, whole ? 0 : number_decimals(number), text);
	fputs(text, out);
}

void bench_page_spread_cell(FILE *out, struct bench_spread spread)
{
	if (!isfinite(spread.median)) {
		fputs("<td class=\"none\"><span class=\"spoken\">not measured</span></td>", out);
		return;
	}
	fprintf(out, "<td data-v=\"%.9g\"", spread.median);
	if (isfinite(spread.low) && isfinite(spread.high)) {
		fprintf(out, " data-l=\"%.9g\" data-h=\"%.9g\"", spread.low, spread.high);
	}
	fputs(">", out);
	bench_page_number_put(out, spread.median);
	if (isfinite(spread.low) && isfinite(spread.high)) {
		fputs(" <small>", out);
		bench_page_number_put(out, spread.low);
		fputs(" to ", out);
		bench_page_number_put(out, spread.high);
		fputs("</small>", out);
	}
	fputs("</td>", out);
}

void bench_page_table_begin(FILE *out, const char *caption)
{
	fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
	bench_page_text(out, caption);
	fputs("\"><table><caption>", out);
	bench_page_text(out, caption);
	fputs("</caption>\n", out);
}

void bench_page_table_end(FILE *out)
{
	fputs("</table></div>\n", out);
}
