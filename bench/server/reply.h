/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REPLY_H
#define BENCH_REPLY_H

/* What perform_tests has answered, as an outcome. */

#include <json-c/json.h>

#include "bench/results/results.h"

/**
 * bench_reply_read() - of a reply, the jobs on @bdev
 * SPDK's has one for each core: they are summed. What a reply does not say is NAN.
 * @error: in one line, what is wrong with it, or the server's own words for what went wrong
 * Return: 0; -EPROTO: it is no such reply, or has no job on @bdev; -EIO: a job has failed, and
 *	@ret_outcome has what was counted.
 */
int bench_reply_read(struct json_object *reply, const char *bdev, struct bench_outcome *ret_outcome,
		     char error[BENCH_TEXT_MAX]);

#endif
