/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/option_value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/nearest.h"

#define NUMBER_MAX_CHARS 40

/* Digits only: strtoull() alone would take " -1" and wrap it. */
static bool digits_read(const char *text, const char **ret_end, uint64_t *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)text[0])) {
		return false;
	}
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	*ret_end = end;
	return errno == 0;
}

static bool count_read(const char *text, uint64_t *ret_count)
{
	const char *end;

	return digits_read(text, &end, ret_count) && *end == '\0';
}

static bool bytes_read(const char *text, uint64_t *ret_bytes)
{
	static const char suffixes[] = "kmgt";
	const char *end;
	const char *suffix;
	uint64_t number;
	unsigned shift = 0;

	if (!digits_read(text, &end, &number)) {
		return false;
	}
	if (*end != '\0') {
		suffix = strchr(suffixes, tolower((unsigned char)*end));
		if (suffix == NULL || end[1] != '\0') {
			return false;
		}
		shift = 10u * (unsigned)(suffix - suffixes + 1);
	}
	if (number > UINT64_MAX >> shift) {
		return false;
	}
	*ret_bytes = number << shift;
	return true;
}

bool bench_option_value_decimal(const char *text, const char **ret_end, double *ret_number)
{
	char *end;
	double number;

	if (!isdigit((unsigned char)text[0]) && text[0] != '.') {
		return false;
	}
	number = strtod(text, &end);
	if (end == text || strspn(text, "0123456789.") != (size_t)(end - text)) {
		return false; /* strtod() knows hexadecimal and exponents; people do not mean these */
	}
	*ret_end = end;
	*ret_number = number;
	return true;
}

bool bench_option_value_seconds(const char *text, uint64_t *ret_ns)
{
	double scale_ns = (double)EBB_NS_PER_S;
	double number;
	const char *end;

	if (!bench_option_value_decimal(text, &end, &number)) {
		return false;
	}
	if (strcmp(end, "ms") == 0) {
		scale_ns = (double)EBB_NS_PER_MS;
	} else if (strcmp(end, "us") == 0) {
		scale_ns = (double)EBB_NS_PER_US;
	} else if (*end != '\0' && strcmp(end, "s") != 0) {
		return false;
	}
	if (number * scale_ns > 1e18) {
		return false;
	}
	*ret_ns = (uint64_t)llround(number * scale_ns);
	return true;
}

static bool choice_read(const struct bench_option *option, const char *text, size_t len,
			unsigned *ret_index)
{
	for (unsigned i = 0; option->choices[i] != NULL; i++) {
		if (strlen(option->choices[i]) == len &&
		    memcmp(option->choices[i], text, len) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* Each choice once: a mode that is measured twice would print two columns of one name. */
static int choices_read(const struct bench_option *option, const char *text,
			struct bench_choices *ret_choices)
{
	struct bench_choices choices = {0};
	unsigned index;
	size_t len;

	for (;;) {
		len = strcspn(text, ",");
		if (!choice_read(option, text, len, &index)) {
			return -EINVAL;
		}
		for (unsigned i = 0; i < choices.count; i++) {
			if (choices.index[i] == index) {
				return -EEXIST;
			}
		}
		choices.index[choices.count++] = index; /* fits: there are no more choices */
		if (text[len] == '\0') {
			*ret_choices = choices;
			return 0;
		}
		text += len + 1;
	}
}

static bool in_range(const struct bench_option *option, uint64_t number)
{
	return number >= option->min && (option->max == 0 || number <= option->max);
}

static int number_read(const struct bench_option *option, const char *text, uint64_t *ret_number)
{
	uint64_t number;
	bool ok;

	switch (option->type) {
	case BENCH_OPTION_COUNT:
	case BENCH_OPTION_COUNTS:
		ok = count_read(text, &number);
		break;
	case BENCH_OPTION_BYTES:
	case BENCH_OPTION_SIZES:
		ok = bytes_read(text, &number);
		break;
	default:
		ok = bench_option_value_seconds(text, &number);
		break;
	}
	if (!ok) {
		return -EINVAL;
	}
	if (!in_range(option, number)) {
		return -ERANGE;
	}
	*ret_number = number;
	return 0;
}

static int numbers_read(const struct bench_option *option, const char *text,
			struct bench_numbers *ret_numbers)
{
	struct bench_numbers numbers = {0};
	char word[NUMBER_MAX_CHARS];
	uint64_t number;
	size_t len;
	int rc;

	for (;;) {
		len = strcspn(text, ",");
		if (numbers.count == BENCH_NUMBERS_MAX) {
			return -E2BIG;
		}
		if (len >= sizeof(word)) {
			return -EINVAL;
		}
		memcpy(word, text, len);
		word[len] = '\0';
		rc = number_read(option, word, &number);
		if (rc < 0) {
			return rc;
		}
		for (unsigned i = 0; i < numbers.count; i++) {
			if (numbers.number[i] == number) {
				return -EEXIST;
			}
		}
		numbers.number[numbers.count++] = number;
		if (text[len] == '\0') {
			*ret_numbers = numbers;
			return 0;
		}
		text += len + 1;
	}
}

static int text_add(const char *text, struct bench_texts *texts)
{
	if (text[0] == '\0') {
		return -EINVAL;
	}
	for (unsigned i = 0; i < texts->count; i++) {
		if (strcmp(texts->text[i], text) == 0) {
			return -EEXIST;
		}
	}
	if (texts->count == BENCH_TEXTS_MAX) {
		return -E2BIG;
	}
	texts->text[texts->count++] = text;
	return 0;
}

int bench_option_value_store(const struct bench_option *option, const char *text, void *field)
{
	switch (option->type) {
	case BENCH_OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case BENCH_OPTION_TEXT:
		if (text[0] == '\0') {
			return -EINVAL;
		}
		*(const char **)field = text;
		return 0;
	case BENCH_OPTION_TEXTS:
		return text_add(text, field);
	case BENCH_OPTION_CHOICE:
		return choice_read(option, text, strlen(text), field) ? 0 : -EINVAL;
	case BENCH_OPTION_CHOICES:
		return choices_read(option, text, field);
	case BENCH_OPTION_COUNTS:
	case BENCH_OPTION_SIZES:
		return numbers_read(option, text, field);
	case BENCH_OPTION_OTHER:
		return option->read(text, field);
	default:
		return number_read(option, text, field);
	}
}

static void choices_list(const struct bench_option *option, char *into, size_t size)
{
	size_t used = 0;

	into[0] = '\0';
	for (unsigned i = 0; option->choices[i] != NULL && used < size; i++) {
		used += (size_t)snprintf(into + used, size - used, "%s%s", i == 0 ? "" : ", ",
					 option->choices[i]);
	}
}

/* The first of @text's words that is no choice, and what may have been meant by it. */
static void choice_guess(const struct bench_option *option, const char *text, char *into,
			 size_t size)
{
	const char *nearest;
	unsigned index;
	size_t len;

	into[0] = '\0';
	for (;;) {
		len = option->type == BENCH_OPTION_CHOICES ? strcspn(text, ",") : strlen(text);
		if (!choice_read(option, text, len, &index)) {
			nearest = bench_nearest(text, len, option->choices);
			if (nearest != NULL) {
				snprintf(into, size, "did you mean %s? ", nearest);
			}
			return;
		}
		if (text[len] == '\0') {
			return;
		}
		text += len + 1;
	}
}

/* What a value of this option looks like, for the complaint about one that does not. */
static void form_describe(const struct bench_option *option, const char *text, char *into,
			  size_t size)
{
	char list[96];
	char guess[48];

	switch (option->type) {
	case BENCH_OPTION_FLAG:
		snprintf(into, size, "it takes no value");
		break;
	case BENCH_OPTION_TEXT:
	case BENCH_OPTION_TEXTS:
		snprintf(into, size, "give a text that is not empty");
		break;
	case BENCH_OPTION_COUNT:
		snprintf(into, size, "give a whole number");
		break;
	case BENCH_OPTION_COUNTS:
		snprintf(into, size, "give whole numbers with commas between");
		break;
	case BENCH_OPTION_BYTES:
		snprintf(into, size, "give bytes, or a number with k, m, g or t behind it");
		break;
	case BENCH_OPTION_SIZES:
		snprintf(into, size,
			 "give bytes, or numbers with k, m, g or t behind them, with commas "
			 "between");
		break;
	case BENCH_OPTION_SECONDS:
		snprintf(into, size, "give seconds (2, 0.5), or a number with ms or us behind it");
		break;
	case BENCH_OPTION_CHOICE:
	case BENCH_OPTION_CHOICES:
		choices_list(option, list, sizeof(list));
		choice_guess(option, text, guess, sizeof(guess));
		snprintf(into, size, "%sgive one %sof %s%s", guess,
			 option->type == BENCH_OPTION_CHOICE ? "" : "or more ", list,
			 option->type == BENCH_OPTION_CHOICE ? ""
							     : ", each once, with commas between");
		break;
	case BENCH_OPTION_OTHER:
		snprintf(into, size, "%s", option->form);
		break;
	}
}

static void range_describe(const struct bench_option *option, char *into, size_t size)
{
	double unit = option->type == BENCH_OPTION_SECONDS ? (double)EBB_NS_PER_S : 1.0;
	const char *name = option->type == BENCH_OPTION_SECONDS ? " seconds" : "";

	if (option->type == BENCH_OPTION_OTHER) {
		snprintf(into, size, "%s", option->form);
	} else if (option->max == 0) {
		snprintf(into, size, "give at least %.10g%s", (double)option->min / unit, name);
	} else {
		snprintf(into, size, "give %.10g to %.10g%s", (double)option->min / unit,
			 (double)option->max / unit, name);
	}
}

void bench_option_value_complain(const char *command, const struct bench_option *option,
				 const char *text, int rc, char error[BENCH_ERROR_MAX])
{
	const char *dashes = option->name[0] == '\0' ? "" : "--";
	const char *gap = option->name[0] == '\0' ? "" : " ";
	const char *what = "not understood";
	char remedy[192];

	switch (rc) {
	case -EEXIST:
		what = "the same twice";
		snprintf(remedy, sizeof(remedy), "give each once");
		break;
	case -E2BIG:
		what = "too many";
		snprintf(remedy, sizeof(remedy), "give at most 16");
		break;
	case -ERANGE:
		what = "out of range";
		range_describe(option, remedy, sizeof(remedy));
		break;
	default:
		form_describe(option, text, remedy, sizeof(remedy));
		break;
	}
	snprintf(error, BENCH_ERROR_MAX, "%s: %s%s%s%.40s: %s: %s", command, dashes, option->name,
		 gap, text, what, remedy);
}
