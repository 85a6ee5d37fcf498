/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/stand_ins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/thread.h>

#include "bench/harness.h"
#include "bench/option_value.h"

#define POLLED "polled"

struct creation {
	struct bench_harness_call call;
	const struct bench_stand_in_opts *opts;
	char *error;
	int rc;
};

/* The next of the words between commas, in @word; false if there is none that fits. */
static bool word_next(const char **text, char *word, size_t size)
{
	size_t len = strcspn(*text, ",");

	if (len == 0 || len >= size) {
		return false;
	}
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;
	if (**text == ',') {
		(*text)++;
		return **text != '\0'; /* nothing behind a comma */
	}
	return true;
}

int bench_stand_ins_read(const char *text, struct bench_stand_in_opts *ret_opts)
{
	struct bench_stand_in_opts opts = {.interrupt = true, .seed = 1};
	char word[32];

	if (!word_next(&text, word, sizeof(word)) ||
	    !bench_option_value_seconds(word, &opts.service_ns)) {
		return -EINVAL;
	}
	while (*text != '\0') {
		if (!opts.interrupt || !word_next(&text, word, sizeof(word))) {
			return -EINVAL;
		}
		if (strcmp(word, POLLED) == 0) {
			opts.interrupt = false;
		} else if (opts.jitter_ns != 0 ||
			   !bench_option_value_seconds(word, &opts.jitter_ns) ||
			   opts.jitter_ns == 0) {
			return -EINVAL;
		}
	}
	if (opts.service_ns > BENCH_STAND_IN_SERVICE_MAX_NS || opts.jitter_ns > opts.service_ns) {
		return -ERANGE;
	}
	opts.distribution = opts.jitter_ns > 0 ? BENCH_JITTER_LOG_NORMAL : BENCH_JITTER_NONE;
	*ret_opts = opts;
	return 0;
}

static void stand_in_create(void *arg)
{
	struct creation *creation = arg;

	creation->rc = bench_stand_in_create(creation->opts, creation->error, BENCH_TEXT_MAX);
	bench_harness_call_done(&creation->call);
}

int bench_stand_ins_make(const char *text, uint64_t size_bytes, struct bench_target *ret_target,
			 char error[BENCH_TEXT_MAX])
{
	struct bench_stand_in_opts opts;
	struct creation creation = {.opts = &opts};
	char why[BENCH_TEXT_MAX] = "";
	char name[64];
	int rc = bench_stand_ins_read(text, &opts);

	if (rc < 0) {
		return rc; /* the options were checked */
	}
	snprintf(name, sizeof(name), "stand-in %.48s", text);
	opts.name = name;
	opts.size_bytes = size_bytes;
	creation.error = why;
	bench_harness_call(&creation.call, ebb_thread_app(), stand_in_create, &creation);
	if (creation.rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "compare: --stand-in %.60s: %.160s", text, why);
		return creation.rc;
	}
	memset(ret_target, 0, sizeof(*ret_target));
	snprintf(ret_target->name, sizeof(ret_target->name), "%s", name);
	snprintf(ret_target->kind, sizeof(ret_target->kind), "stand-in");
	snprintf(ret_target->bdev, sizeof(ret_target->bdev), "%s", name);
	return 0;
}
