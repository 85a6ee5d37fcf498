/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/entries.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/compare/setup.h"
#include "bench/compare/target.h"
#include "bench/peer/peer.h"

int bench_entries_resolve(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	const struct bench_compare_options *options = entries->options;

	for (unsigned i = 0; i < options->targets.count; i++) {
		int rc = bench_target_resolve(options->targets.text[i], options->bdev_json != NULL,
					      entries->write, &entries->targets[i], error);

		if (rc < 0) {
			return rc;
		}
		entries->num_targets++;
	}
	return 0;
}

/* What each target must be able to take. */
static int load_fits(const struct bench_target *target, const struct bench_load *load,
		     char error[BENCH_TEXT_MAX])
{
	if (target->block_size != 0 && load->block_bytes % target->block_size != 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: --bs %llu: give a multiple of %u, the block size of %.80s",
			 (unsigned long long)load->block_bytes, target->block_size, target->name);
		return -EINVAL;
	}
	if (load->size_bytes > target->size_bytes || load->block_bytes > target->size_bytes) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: --%s %llu: give at most %llu, the size of %.80s",
			 load->size_bytes > target->size_bytes ? "size" : "bs",
			 (unsigned long long)(load->size_bytes > target->size_bytes
						      ? load->size_bytes
						      : load->block_bytes),
			 (unsigned long long)target->size_bytes, target->name);
		return -EINVAL;
	}
	return 0;
}

static int targets_setup(struct bench_entries *entries, const struct bench_matrix_row *rows,
			 unsigned num_rows, char error[BENCH_TEXT_MAX])
{
	for (unsigned i = 0; i < entries->num_targets; i++) {
		struct bench_target *target = &entries->targets[i];
		int rc = bench_setup_target(target, entries->write, error);

		for (unsigned row = 0; row < num_rows && rc == 0; row++) {
			rc = load_fits(target, &rows[row].load, error);
		}
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static_assert(EBB_REACTOR_MODE_COUNT + BENCH_NUMBERS_MAX <= BENCH_ENTRIES_CONTENDERS_MAX,
	      "there is room for all modes and plans");

static int reactors_make(struct bench_entries *entries, struct bench_modes *modes,
			 char error[BENCH_TEXT_MAX])
{
	const struct bench_compare_options *options = entries->options;
	int rc = 0;

	for (unsigned i = 0; i < options->modes.count && rc == 0; i++) {
		rc = bench_modes_make(modes, options->modes.index[i],
				      &entries->contenders[entries->num_contenders]);
		entries->num_contenders += rc == 0;
	}
	for (unsigned i = 0; i < options->plans.count && rc == 0; i++) {
		rc = bench_modes_make_plan(modes, options->plans.plan[i].sleep_ns,
					   options->plans.plan[i].look_ns,
					   &entries->contenders[entries->num_contenders]);
		entries->num_contenders += rc == 0;
	}
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "compare: %s", strerror(-rc));
	}
	return rc;
}

static int peers_make(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	const struct bench_texts *peers = &entries->options->peers;

	for (unsigned i = 0; i < peers->count; i++) {
		unsigned num = 0;
		int rc = bench_peer_make(peers->text[i],
					 &entries->contenders[entries->num_contenders],
					 BENCH_ENTRIES_CONTENDERS_MAX - entries->num_contenders,
					 &num, error);

		if (rc < 0) {
			return rc;
		}
		entries->num_contenders += num;
	}
	return 0;
}

int bench_entries_make(struct bench_entries *entries, struct bench_modes *modes,
		       const struct bench_matrix_row *rows, unsigned num_rows,
		       char error[BENCH_TEXT_MAX])
{
	int rc = targets_setup(entries, rows, num_rows, error);

	rc = rc == 0 ? reactors_make(entries, modes, error) : rc;
	return rc == 0 ? peers_make(entries, error) : rc;
}

void bench_entries_destroy(struct bench_entries *entries)
{
	for (unsigned i = 0; i < entries->num_contenders; i++) {
		struct bench_contender *contender = &entries->contenders[i];

		if (contender->destroy != NULL) {
			contender->destroy(contender);
		}
	}
	entries->num_contenders = 0;
}
