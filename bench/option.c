/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_CHARS 32

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

static bool seconds_read(const char *text, uint64_t *ret_ns)
{
	double scale_ns = (double)EBB_NS_PER_S;
	double number;
	char *end;

	if (!isdigit((unsigned char)text[0]) && text[0] != '.') {
		return false;
	}
	number = strtod(text, &end);
	if (end == text || strspn(text, "0123456789.") != (size_t)(end - text)) {
		return false; /* strtod() knows hexadecimal and exponents; people do not mean them
		               */
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
static bool choices_read(const struct bench_option *option, const char *text,
			 struct bench_choices *ret_choices)
{
	struct bench_choices choices = {0};
	unsigned index;
	size_t len;

	for (;;) {
		len = strcspn(text, ",");
		if (choices.count == BENCH_CHOICES_MAX || !choice_read(option, text, len, &index)) {
			return false;
		}
		for (unsigned i = 0; i < choices.count; i++) {
			if (choices.index[i] == index) {
				return false;
			}
		}
		choices.index[choices.count++] = index;
		if (text[len] == '\0') {
			*ret_choices = choices;
			return true;
		}
		text += len + 1;
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

/* What a value of this option looks like, for the complaint about one that does not. */
static void form_describe(const struct bench_option *option, char *into, size_t size)
{
	char list[96];

	switch (option->type) {
	case BENCH_OPTION_TEXT:
		snprintf(into, size, "give a text that is not empty");
		break;
	case BENCH_OPTION_COUNT:
		snprintf(into, size, "give a whole number");
		break;
	case BENCH_OPTION_BYTES:
		snprintf(into, size, "give bytes, or a number with k, m, g or t behind it");
		break;
	case BENCH_OPTION_SECONDS:
		snprintf(into, size, "give seconds (2, 0.5), or a number with ms or us behind it");
		break;
	case BENCH_OPTION_CHOICE:
		choices_list(option, list, sizeof(list));
		snprintf(into, size, "give one of %s", list);
		break;
	case BENCH_OPTION_CHOICES:
		choices_list(option, list, sizeof(list));
		snprintf(into, size, "give one or more of %s, each once, with commas between",
			 list);
		break;
	}
}

static void range_describe(const struct bench_option *option, char *into, size_t size)
{
	double unit = option->type == BENCH_OPTION_SECONDS ? (double)EBB_NS_PER_S : 1.0;
	const char *name = option->type == BENCH_OPTION_SECONDS ? " seconds" : "";

	if (option->max == 0) {
		snprintf(into, size, "give at least %.10g%s", (double)option->min / unit, name);
	} else {
		snprintf(into, size, "give %.10g to %.10g%s", (double)option->min / unit,
			 (double)option->max / unit, name);
	}
}

static bool in_range(const struct bench_option *option, uint64_t number)
{
	return number >= option->min && (option->max == 0 || number <= option->max);
}

/* Stores the value. Return: 0; -EINVAL not of the option's form; -ERANGE. */
static int value_store(const struct bench_option *option, const char *text, void *into)
{
	void *field = (char *)into + option->offset;
	uint64_t number;
	bool ok;

	switch (option->type) {
	case BENCH_OPTION_TEXT:
		*(const char **)field = text;
		return text[0] != '\0' ? 0 : -EINVAL;
	case BENCH_OPTION_CHOICE:
		return choice_read(option, text, strlen(text), field) ? 0 : -EINVAL;
	case BENCH_OPTION_CHOICES:
		return choices_read(option, text, field) ? 0 : -EINVAL;
	case BENCH_OPTION_COUNT:
		ok = count_read(text, &number);
		break;
	case BENCH_OPTION_BYTES:
		ok = bytes_read(text, &number);
		break;
	default:
		ok = seconds_read(text, &number);
		break;
	}
	if (!ok) {
		return -EINVAL;
	}
	if (!in_range(option, number)) {
		return -ERANGE;
	}
	*(uint64_t *)field = number;
	return 0;
}

static const struct bench_option *option_find(const struct bench_option *options, size_t count,
					      const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0) {
			return &options[i];
		}
	}
	return NULL;
}

static int value_complain(const char *command, const struct bench_option *option, const char *text,
			  int rc, char error[BENCH_ERROR_MAX])
{
	char remedy[160];

	if (rc == -ERANGE) {
		range_describe(option, remedy, sizeof(remedy));
	} else {
		form_describe(option, remedy, sizeof(remedy));
	}
	snprintf(error, BENCH_ERROR_MAX, "%s: --%s %.40s: %s: %s", command, option->name, text,
		 rc == -ERANGE ? "out of range" : "not understood", remedy);
	return -EINVAL;
}

int bench_option_parse(const char *command, const struct bench_option *options, size_t count,
		       char *const *args, int num_args, void *into, char error[BENCH_ERROR_MAX])
{
	for (int i = 0; i < num_args; i++) {
		if (strcmp(args[i], "--help") == 0 || strcmp(args[i], "-h") == 0) {
			return -ECANCELED;
		}
	}
	for (int i = 0; i < num_args; i++) {
		const struct bench_option *option;
		const char *name = args[i] + 2;
		const char *value;
		size_t len;
		int rc;

		if (strncmp(args[i], "--", 2) != 0) {
			snprintf(error, BENCH_ERROR_MAX,
				 "%s: %.60s: not an option; they begin with --, see "
				 "ebb-bench %s --help",
				 command, args[i], command);
			return -EINVAL;
		}
		len = strcspn(name, "=");
		option = option_find(options, count, name, len);
		if (option == NULL) {
			snprintf(error, BENCH_ERROR_MAX,
				 "%s: --%.*s: no such option; see ebb-bench %s --help", command,
				 (int)(len < NAME_MAX_CHARS ? len : NAME_MAX_CHARS), name, command);
			return -EINVAL;
		}
		if (name[len] == '=') {
			value = name + len + 1;
		} else if (i + 1 < num_args) {
			value = args[++i];
		} else {
			snprintf(error, BENCH_ERROR_MAX, "%s: --%s: its value %s is missing",
				 command, option->name, option->value);
			return -EINVAL;
		}
		rc = value_store(option, value, into);
		if (rc < 0) {
			return value_complain(command, option, value, rc, error);
		}
	}
	return 0;
}

void bench_option_help(const struct bench_option *options, size_t count, FILE *out)
{
	char left[64];

	for (size_t i = 0; i < count; i++) {
		snprintf(left, sizeof(left), "--%s %s", options[i].name, options[i].value);
		fprintf(out, "  %-22s %s\n", left, options[i].help);
	}
}
