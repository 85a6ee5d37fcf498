/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

/*
 * Names of files, errors of other programs and their command lines are foreign bytes: what a report
 * prints of them is harmless to whatever reads it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for any text in a result, made harmless. */
#define BENCH_TEXT_CLEAN_MAX (8 * 2048 + 1)

/**
 * bench_text_character() - the character that a text which is not empty begins with
 * Return: its bytes; 0: the first byte is not part of one, and @ret_code untouched.
 */
unsigned bench_text_character(const char *text, uint32_t *ret_code);

/* True of controls, and of what sets the direction of text, or hides in it. */
bool bench_text_is_hidden(uint32_t code);

/**
 * bench_text_utf8() - a text as well-formed UTF-8
 * Each byte that is not part of a character becomes U+FFFD, a text cut amid a character for one.
 * @into: at least 3 * strlen(@from) + 1 bytes, or the end is cut off (never amid a character)
 */
void bench_text_utf8(const char *from, char *into, size_t size);

/**
 * bench_text_terminal() - a text that a terminal only shows
 * Control characters, those that turn the direction of what follows, and bytes that are no UTF-8 are
 * shown as \x1b or \u202e.
 * @into: at least 4 * strlen(@from) + 1 bytes, or the end is cut off
 * Return: how many columns it is wide.
 */
unsigned bench_text_terminal(const char *from, char *into, size_t size);

/* Prints "ebb-bench: " and a line on stderr, in printf()'s way, made harmless for a terminal. */
void bench_text_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Appends to a text, in printf()'s way; what does not fit is cut off. */
void bench_text_add(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends an error with the name of whom it hit before it, unless it begins with that itself. */
void bench_text_add_error(char *text, size_t size, const char *name, const char *error);

/**
 * bench_text_paragraph() - print a text in lines of at most @columns, broken between words
 * The text is made harmless for a terminal. Its first line is indented by @first columns, those that
 * follow by @rest; a word that is longer than a line has one of its own.
 */
void bench_text_paragraph(const char *text, unsigned first, unsigned rest, unsigned columns,
			  FILE *out);

#endif
