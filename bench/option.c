/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/option.h"

#include <errno.h>
#include <string.h>

#include "bench/nearest.h"
#include "bench/option_value.h"

#define NAME_MAX_CHARS 32
#define OPTIONS_MAX    64

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

static int unknown_complain(const char *command, const struct bench_option *options, size_t count,
			    const char *name, size_t len, char error[BENCH_ERROR_MAX])
{
	const char *names[OPTIONS_MAX + 1] = {NULL};
	const char *nearest;
	char guess[64] = "";

	for (size_t i = 0; i < count && i < OPTIONS_MAX; i++) {
		names[i] = options[i].name;
	}
	nearest = bench_nearest(name, len, names);
	if (nearest != NULL) {
		snprintf(guess, sizeof(guess), "did you mean --%s? ", nearest);
	}
	snprintf(error, BENCH_ERROR_MAX, "%s: --%.*s: no such option; %ssee ebb-bench %s --help",
		 command, (int)(len < NAME_MAX_CHARS ? len : NAME_MAX_CHARS), name, guess, command);
	return -EINVAL;
}

/* A word without dashes. */
static int word_store(const char *command, const struct bench_option *option, const char *word,
		      void *into, char error[BENCH_ERROR_MAX])
{
	int rc;

	if (option == NULL) {
		snprintf(error, BENCH_ERROR_MAX,
			 "%s: %.60s: not an option; they begin with --, see ebb-bench %s --help",
			 command, word, command);
		return -EINVAL;
	}
	if (word[0] == '-' && word[1] != '\0') {
		snprintf(error, BENCH_ERROR_MAX,
			 "%s: %.60s: no such option; they begin with --, see ebb-bench %s --help "
			 "(a file of that name is ./%.60s)",
			 command, word, command, word);
		return -EINVAL;
	}
	rc = bench_option_value_store(option, word, (char *)into + option->offset);
	if (rc < 0) {
		bench_option_value_complain(command, option, word, rc, error);
		return -EINVAL;
	}
	return 0;
}

/* The option at @args[*@at], and its value; @at goes to the last word of it. */
static int option_store(const char *command, const struct bench_option *options, size_t count,
			char *const *args, int num_args, int *at, void *into,
			char error[BENCH_ERROR_MAX])
{
	const char *name = args[*at] + 2;
	size_t len = strcspn(name, "=");
	const struct bench_option *option = option_find(options, count, name, len);
	const char *value = "";
	int rc;

	if (option == NULL || len == 0) {
		return unknown_complain(command, options, count, name, len, error);
	}
	if (name[len] == '=') {
		value = name + len + 1;
		if (option->type == BENCH_OPTION_FLAG) {
			bench_option_value_complain(command, option, value, -EINVAL, error);
			return -EINVAL;
		}
	} else if (option->type != BENCH_OPTION_FLAG) {
		if (*at + 1 >= num_args) {
			snprintf(error, BENCH_ERROR_MAX, "%s: --%s: its value %s is missing",
				 command, option->name, option->value);
			return -EINVAL;
		}
		value = args[++*at];
	}
	rc = bench_option_value_store(option, value, (char *)into + option->offset);
	if (rc < 0) {
		bench_option_value_complain(command, option, value, rc, error);
		return -EINVAL;
	}
	return 0;
}

int bench_option_parse(const char *command, const struct bench_option *options, size_t count,
		       char *const *args, int num_args, void *into, char error[BENCH_ERROR_MAX])
{
	const struct bench_option *words = option_find(options, count, "", 0);
	int rc = 0;

	for (int i = 0; i < num_args; i++) {
		if (strcmp(args[i], "--help") == 0 || strcmp(args[i], "-h") == 0) {
			return -ECANCELED;
		}
	}
	for (int i = 0; i < num_args && rc == 0; i++) {
		if (strncmp(args[i], "--", 2) == 0) {
			rc = option_store(command, options, count, args, num_args, &i, into, error);
		} else {
			rc = word_store(command, words, args[i], into, error);
		}
	}
	return rc;
}

void bench_option_help(const struct bench_option *options, size_t count, FILE *out)
{
	char left[64];

	for (size_t i = 0; i < count; i++) {
		bool named = options[i].name[0] != '\0';
		const char *value = options[i].value == NULL ? "" : options[i].value;

		snprintf(left, sizeof(left), "%s%s%s%s", named ? "--" : "", options[i].name,
			 named && value[0] != '\0' ? " " : "", value);
		fprintf(out, "  %-22s %s\n", left, options[i].help);
	}
}
