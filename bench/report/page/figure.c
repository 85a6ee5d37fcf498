/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/figure.h"

#include "bench/report/page/html.h"

void bench_page_contender_attributes(const struct bench_page_view *view, size_t contender,
				     FILE *out)
{
	fprintf(out, " data-style=\"%u\" data-kind=\"",
		bench_page_contender_style(view, contender));
	bench_page_text(out, bench_page_contender_kind(view, contender));
	fputs("\"", out);
}

void bench_page_contender_heads(const struct bench_page_view *view, FILE *out)
{
	for (size_t i = 0; i < view->num_contenders; i++) {
		fputs("<th scope=\"col\"", out);
		bench_page_contender_attributes(view, i, out);
		fputs(">", out);
		bench_page_text(out, bench_page_contender_name(view, i));
		fputs("</th>", out);
	}
}

void bench_page_figure_begin(const struct bench_page_figure *figure, FILE *out)
{
	fprintf(out,
		"<figure class=\"plot\" data-plot=\"%s\" data-x=\"%s\" data-y=\"%s\""
		" data-x-scale=\"%s\" data-y-scale=\"%s\">\n<figcaption><h5>%s</h5><p>",
		figure->plot, figure->x, figure->y, figure->x_scale, figure->y_scale,
		figure->title);
	bench_page_text(out, figure->note);
	fputs("</p></figcaption>\n<div class=\"canvas\"></div>\n"
	      "<details open><summary>Table: ",
	      out);
	bench_page_text(out, figure->title);
	fputs("</summary>\n", out);
}

void bench_page_figure_end(FILE *out)
{
	fputs("</details>\n</figure>\n", out);
}
