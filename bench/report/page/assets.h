/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_ASSETS_H
#define BENCH_PAGE_ASSETS_H

/* page.html, the styles and the scripts, made part of the program by embed.py; each ends with a zero. */
extern const char bench_page_html[];
extern const char bench_page_css[];
extern const char bench_page_js[];

/* Of the style and the script, as a content security policy names them: "sha256-...". */
extern const char bench_page_css_hash[];
extern const char bench_page_js_hash[];

#endif
