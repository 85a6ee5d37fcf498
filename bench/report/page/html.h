/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_HTML_H
#define BENCH_PAGE_HTML_H

/*
 * Foreign text in a page: names, paths, errors and command lines are whatever a user, a device or
 * another program has put there.
 */

#include <stdio.h>

struct json_object;

/**
 * bench_page_text() - write text as HTML, for an element's content or a quoted attribute's value
 * What could end or open anything there is escaped. Bytes that are no UTF-8 become U+FFFD; control
 * characters, and those that change the direction of what follows, become visible: \u202e.
 * @text: NULL is ""
 */
void bench_page_text(FILE *out, const char *text);

/* As printf(), and what comes out goes through bench_page_text(); at most 4095 bytes. */
void bench_page_textf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * bench_page_json() - write a JSON value for the inside of a script element
 * Nothing in it can end the element: "<", ">" and "&" can only be in strings, where they become
 * \u003c, \u003e and \u0026. It parses to the same value, but for bytes that are no UTF-8.
 */
void bench_page_json(FILE *out, struct json_object *value);

#endif
