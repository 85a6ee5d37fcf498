/* SPDX-License-Identifier: Apache-2.0 */
/* sources: bench/replay/parse.c bench/replay/reader.c bench/replay/iolog.c */
/* sources: bench/replay/latency_log.c bench/replay/blkparse.c bench/replay/fit.c */
/* sources: core/base/assert.c core/base/log.c core/base/log_flag.c core/base/clock.c */
/* libs: json-c */
/*
 * A trace's text, of any format. It is refused by one line, or its requests are in the order of time
 * and lie below 2^63; made to fit a device, each lies in it, in whole blocks and in pieces.
 */
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "bench/replay/fit.h"
#include "bench/replay/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECE_BYTES 65536

static void check_line(const char *error)
{
	size_t len = strnlen(error, BENCH_TEXT_MAX);

	ebb_assert(len > 0 && len < BENCH_TEXT_MAX && strchr(error, '\n') == NULL);
}

static void check_fit(const struct bench_trace *trace, enum bench_fit_offsets offsets, bool reads)
{
	const struct bench_fit_opts opts = {.block_size = 4096,
					    .size_bytes = 123 * 4096 + 512,
					    .piece_bytes = PIECE_BYTES,
					    .offsets = offsets,
					    .reads_only = reads,
					    .speed = 3,
					    .loops = 2};
	char error[BENCH_TEXT_MAX] = "";
	struct bench_trace fit;
	struct bench_fit_notes notes;

	if (bench_fit(trace, &opts, &fit, &notes, error) < 0) {
		check_line(error);
		return;
	}
	for (size_t i = 0; i < fit.num_ios; i++) {
		const struct bench_trace_io *io = &fit.ios[i];

		ebb_assert(io->len_bytes > 0 && io->len_bytes <= PIECE_BYTES);
		ebb_assert(io->offset_bytes % 4096 == 0 && io->len_bytes % 4096 == 0);
		ebb_assert(io->offset_bytes + io->len_bytes <= 123 * 4096);
		ebb_assert(i == 0 || fit.ios[i - 1].at_ns <= io->at_ns);
		ebb_assert(!reads || !io->write);
	}
	free(fit.ios);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bench_parse_opts opts = {.limit = 1000,
					      .blk_action = size % 2 == 0 ? 'D' : 'Q'};
	char error[BENCH_TEXT_MAX] = "";
	struct bench_parsed parsed;
	char *text = malloc(size > 0 ? size : 1); /* its end is the sanitizer's to watch */

	ebb_assert(text != NULL);
	memcpy(text, data, size);
	if (bench_parse("T", text, size, &opts, &parsed, error) < 0) {
		check_line(error);
		free(text);
		return 0;
	}
	free(text);
	ebb_assert(parsed.trace.num_ios > 0 && parsed.trace.num_ios <= 1000);
	ebb_assert(parsed.trace.ios[0].at_ns == 0);
	for (size_t i = 0; i < parsed.trace.num_ios; i++) {
		const struct bench_trace_io *io = &parsed.trace.ios[i];

		ebb_assert(io->len_bytes > 0 && io->offset_bytes + io->len_bytes <= INT64_MAX);
		ebb_assert(i == 0 || io[-1].at_ns <= io->at_ns);
	}
	check_fit(&parsed.trace, BENCH_FIT_WRAP, false);
	check_fit(&parsed.trace, BENCH_FIT_SCALE, true);
	check_fit(&parsed.trace, BENCH_FIT_REFUSE, false);
	bench_parsed_fini(&parsed);
	return 0;
}
