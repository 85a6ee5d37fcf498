/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/entries.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/compare/rounds.h"
#include "bench/compare/setup.h"
#include "bench/compare/stand_ins.h"
#include "bench/compare/target.h"
#include "bench/peer/nbd.h"
#include "bench/peer/peer.h"
#include "bench/report/text.h"
#include "bench/server/remote.h"

/* The targets are bdevs of a server, which knows what they are. */
static int server_resolve(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	const struct bench_compare_options *options = entries->options;
	int rc = bench_remote_open(options->server, options->force, &entries->remote, error);

	for (unsigned i = 0; i < options->targets.count && rc == 0; i++) {
		rc = bench_remote_target(entries->remote, options->targets.text[i],
					 &entries->targets[i], error);
		entries->num_targets += rc == 0;
	}
	return rc;
}

/* One file or device by two names would be measured twice, and written by two at once. */
static int same_twice(const struct bench_entries *entries, const struct bench_target *target,
		      char error[BENCH_TEXT_MAX])
{
	struct stat st, other;

	if (target->path[0] == '\0' || stat(target->path, &st) < 0) {
		return 0;
	}
	for (unsigned i = 0; i < entries->num_targets; i++) {
		const struct bench_target *before = &entries->targets[i];

		if (before->path[0] != '\0' && stat(before->path, &other) == 0 &&
		    st.st_dev == other.st_dev && st.st_ino == other.st_ino) {
			snprintf(error, BENCH_TEXT_MAX,
				 "compare: %.80s and %.80s are the same twice: give each once",
				 before->name, target->name);
			return -EEXIST;
		}
	}
	return 0;
}

int bench_entries_resolve(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	const struct bench_compare_options *options = entries->options;

	if (options->server != NULL) {
		return server_resolve(entries, error);
	}
	for (unsigned i = 0; i < options->targets.count; i++) {
		int rc = bench_target_resolve(options->targets.text[i], options->bdev_json != NULL,
					      entries->write, &entries->targets[i], error);

		rc = rc == 0 ? same_twice(entries, &entries->targets[i], error) : rc;
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

static int target_check(const struct bench_target *target, const struct bench_matrix_row *rows,
			unsigned num_rows, char error[BENCH_TEXT_MAX])
{
	int rc = 0;

	for (unsigned row = 0; row < num_rows && rc == 0; row++) {
		rc = load_fits(target, &rows[row].load, error);
	}
	return rc;
}

/* Those that were resolved become bdevs. */
static int bdevs_setup(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	int rc = 0;

	if (entries->remote != NULL) {
		return 0; /* they are the server's */
	}
	for (unsigned i = 0; i < entries->num_targets && rc == 0; i++) {
		rc = bench_setup_target(&entries->targets[i], entries->write, error);
	}
	return rc;
}

static int stand_ins_add(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	const struct bench_compare_options *options = entries->options;
	int rc = 0;

	for (unsigned i = 0; i < options->stand_ins.count && rc == 0; i++) {
		rc = bench_stand_ins_make(options->stand_ins.text[i], options->size_bytes,
					  &entries->targets[entries->num_targets], error);
		entries->num_targets += rc == 0;
	}
	return rc;
}

static int exports_add(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	const struct bench_texts *uris = &entries->options->nbd;
	int rc = 0;

	for (unsigned i = 0; i < uris->count && rc == 0; i++) {
		rc = bench_nbd_target(uris->text[i], entries->write,
				      &entries->targets[entries->num_targets], error);
		entries->num_targets += rc == 0;
	}
	if (uris->count > 0 && rc == 0) {
		rc = bench_nbd_contender(&entries->contenders[entries->num_contenders], error);
		entries->num_contenders += rc == 0;
	}
	return rc;
}

static int targets_make(struct bench_entries *entries, const struct bench_matrix_row *rows,
			unsigned num_rows, char error[BENCH_TEXT_MAX])
{
	int rc = stand_ins_add(entries, error);

	rc = rc == 0 ? bdevs_setup(entries, error) : rc;
	rc = rc == 0 ? exports_add(entries, error) : rc;
	for (unsigned i = 0; i < entries->num_targets && rc == 0; i++) {
		rc = target_check(&entries->targets[i], rows, num_rows, error);
	}
	return rc;
}

static_assert(EBB_REACTOR_MODE_COUNT + BENCH_NUMBERS_MAX <= BENCH_ENTRIES_CONTENDERS_MAX,
	      "there is room for all modes and plans");

static int reactors_make(struct bench_entries *entries, struct bench_modes *modes,
			 char error[BENCH_TEXT_MAX])
{
	const struct bench_compare_options *options = entries->options;
	int rc = 0;

	modes->remote = entries->remote;
	if (options->modes.count == 0) {
		rc = bench_remote_make(entries->remote, &entries->contenders[0]);
		entries->num_contenders += rc == 0;
	}
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
	if (rc == -EOPNOTSUPP) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: --mode: the server's reactors have no modes that could be set: "
			 "do without");
		rc = -EINVAL;
	} else if (rc < 0) {
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

static void contender_end(struct bench_contender *contender)
{
	if (contender->destroy != NULL) {
		contender->destroy(contender);
	}
}

/* Who can measure no target at all has no place in the table. */
static void misfits_drop(struct bench_entries *entries)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < entries->num_contenders; i++) {
		struct bench_contender *contender = &entries->contenders[i];
		bool fits = false;

		for (unsigned target = 0; target < entries->num_targets; target++) {
			fits = fits || bench_rounds_fits(contender, &entries->targets[target]);
		}
		if (!fits) {
			if (contender->kind == BENCH_CONTENDER_PEER) {
				bench_text_say("%s can measure none of the targets",
					       contender->name);
			}
			contender_end(contender);
		} else if (kept++ != i) {
			entries->contenders[kept - 1] = *contender;
		}
	}
	entries->num_contenders = kept;
}

int bench_entries_make(struct bench_entries *entries, struct bench_modes *modes,
		       const struct bench_matrix_row *rows, unsigned num_rows,
		       char error[BENCH_TEXT_MAX])
{
	int rc = reactors_make(entries, modes, error);

	rc = rc == 0 ? targets_make(entries, rows, num_rows, error) : rc;
	rc = rc == 0 ? peers_make(entries, error) : rc;
	if (rc < 0) {
		return rc;
	}
	misfits_drop(entries);
	if (entries->num_contenders == 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: nobody can measure any of the targets: give other targets, or "
			 "other peers");
		return -EINVAL;
	}
	return 0;
}

void bench_entries_destroy(struct bench_entries *entries)
{
	for (unsigned i = 0; i < entries->num_contenders; i++) {
		contender_end(&entries->contenders[i]);
	}
	entries->num_contenders = 0;
}

int bench_entries_leave(struct bench_entries *entries, char error[BENCH_TEXT_MAX])
{
	int rc = bench_remote_close(entries->remote, error);

	entries->remote = NULL;
	return rc;
}
