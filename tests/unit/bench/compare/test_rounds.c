/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds of contenders that are made up: who is run how often, and what becomes of who fails. */
#include "bench/compare/rounds.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "bench/machine/disturbance.h"
#include "bench/machine/energy.h"
#include "bench/signals.h"
#include "tests/unit/unit.h"

#define ROUNDS     4
#define TARGETS    2
#define LOADS      3
#define CONTENDERS 3
#define CELLS      (TARGETS * LOADS * CONTENDERS)
#define RUNS_MAX   1000
#define STEADY     0
#define FAILING    1
#define OTHER      2

static struct bench_results results;
static struct bench_rounds rounds;
static struct bench_modes modes;

static unsigned runs[RUNS_MAX]; /* which cell */
static unsigned num_runs;
static unsigned num_rests;
static int rest_rc;
static unsigned num_begun, num_ended;
static int failure;          /* of the contender FAILING */
static unsigned fails_from;  /* its first run that fails */
static bool counted_failing; /* it has figures all the same */
static unsigned signal_at;   /* the run in which a signal comes; 0: none */
static const char *note;
static double joules;

int bench_modes_rest(struct bench_modes *rested, const struct bench_target *target,
		     char error[BENCH_TEXT_MAX])
{
	ck_assert_ptr_eq(rested, &modes);
	ck_assert_ptr_nonnull(target);
	num_rests++;
	if (rest_rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "it stays");
	}
	return rest_rc;
}

void bench_disturbance_begin(struct bench_disturbance *disturbance)
{
	(void)disturbance;
	num_begun++;
}

void bench_disturbance_end(struct bench_disturbance *disturbance)
{
	(void)disturbance;
	num_ended++;
}

int bench_energy_read(double *ret_joules)
{
	joules += 1;
	*ret_joules = joules;
	return 0;
}

static unsigned cell_of(const struct bench_contender *contender, const struct bench_target *target,
			const struct bench_load *load)
{
	unsigned place =
		(unsigned)(target - results.targets) * LOADS + (unsigned)(load - results.loads);

	return place * CONTENDERS + (unsigned)(contender - results.contenders);
}

static int measure(struct bench_contender *contender, const struct bench_target *target,
		   const struct bench_load *load, struct bench_outcome *ret_outcome,
		   char error[BENCH_TEXT_MAX])
{
	bool fails = contender == &results.contenders[FAILING] && num_runs >= fails_from;

	ck_assert(isnan(ret_outcome->sample.metric[BENCH_IOPS]));
	ck_assert_uint_eq(ret_outcome->errors, 0);
	ck_assert_uint_lt(num_runs, RUNS_MAX);
	runs[num_runs++] = cell_of(contender, target, load);
	if (num_runs == signal_at) {
		raise(SIGINT);
		return -ECANCELED;
	}
	if (!fails || counted_failing) {
		ret_outcome->sample.metric[BENCH_IOPS] = 1000;
		snprintf(ret_outcome->note, sizeof(ret_outcome->note), "%s", note);
	}
	if (fails) {
		snprintf(error, BENCH_TEXT_MAX, "it broke");
	}
	return fails ? failure : 0;
}

static bool fits_the_first(const struct bench_contender *contender,
			   const struct bench_target *target)
{
	(void)contender;
	return target == &results.targets[0];
}

static void setup(void)
{
	ck_assert_int_eq(bench_results_init(&results, TARGETS, LOADS, CONTENDERS), 0);
	results.rounds = ROUNDS;
	for (unsigned i = 0; i < LOADS; i++) {
		results.loads[i].block_bytes = 4096;
		results.loads[i].queue_depth = i + 1;
	}
	for (unsigned i = 0; i < CONTENDERS; i++) {
		snprintf(results.contenders[i].name, sizeof(results.contenders[i].name), "c%u", i);
		results.contenders[i].measure = measure;
	}
	rounds = (struct bench_rounds){.results = &results, .modes = &modes, .seed = 1};
	num_runs = num_rests = num_begun = num_ended = 0;
	failure = 0;
	rest_rc = 0;
	fails_from = RUNS_MAX;
	counted_failing = false;
	signal_at = 0;
	note = "";
	bench_signals_install(NULL);
}

static void teardown(void)
{
	bench_results_fini(&results);
}

START_TEST(each_round_goes_once_through_all_cells)
{
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert_uint_eq(num_runs, ROUNDS * CELLS);
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool seen[CELLS] = {false};

		for (unsigned i = 0; i < CELLS; i++) {
			unsigned cell = runs[round * CELLS + i];

			ck_assert(!seen[cell]);
			seen[cell] = true;
		}
	}
	for (unsigned i = 0; i < CELLS; i++) {
		ck_assert_uint_eq(results.cells[i].num_samples, ROUNDS);
		ck_assert_str_eq(results.cells[i].error, "");
	}
	ck_assert(!rounds.failed);
	ck_assert(!results.interrupted);
	ck_assert_uint_eq(num_rests, 0);
}
END_TEST

/* A failure stays in its cell, which is not run again; all others are. */
START_TEST(the_rest_goes_on_when_one_fails)
{
	failure = -EIO;
	fails_from = 0;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert(rounds.failed);
	ck_assert_str_eq(rounds.error, "it broke");
	ck_assert_uint_eq(num_runs, ROUNDS * TARGETS * LOADS * 2 + TARGETS * LOADS);
	for (unsigned i = 0; i < CELLS; i++) {
		bool failing = results.cells[i].contender == FAILING;

		ck_assert_uint_eq(results.cells[i].num_samples, failing ? 0 : ROUNDS);
		ck_assert_str_eq(results.cells[i].error, failing ? "it broke" : "");
	}
}
END_TEST

START_TEST(what_was_counted_before_a_failure_is_kept)
{
	failure = -EIO;
	fails_from = CELLS; /* the first round is good */
	counted_failing = _i == 1;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	for (unsigned i = 0; i < CELLS; i++) {
		if (results.cells[i].contender == FAILING) {
			ck_assert_uint_eq(results.cells[i].num_samples, _i == 1 ? 2 : 1);
			ck_assert_str_eq(results.cells[i].error, "it broke");
		}
	}
}
END_TEST

START_TEST(what_nobody_supports_is_no_failure)
{
	failure = -EOPNOTSUPP;
	fails_from = 0;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert(!rounds.failed);
	ck_assert_str_eq(results.cells[FAILING].error, "it broke");
}
END_TEST

START_TEST(a_signal_leaves_what_was_measured)
{
	signal_at = CELLS + 5;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert_uint_eq(num_runs, CELLS + 5);
	ck_assert(results.interrupted);
	ck_assert(!rounds.failed);
	for (unsigned i = 0; i < CELLS; i++) {
		ck_assert_uint_ge(results.cells[i].num_samples, 1);
		ck_assert_str_eq(results.cells[i].error, "");
	}
}
END_TEST

START_TEST(who_fits_one_target_is_left_out_of_the_others)
{
	results.contenders[OTHER].fits = fits_the_first;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert(!rounds.failed);
	for (unsigned i = 0; i < CELLS; i++) {
		const struct bench_cell *cell = &results.cells[i];
		bool out = cell->contender == OTHER && cell->target != 0;

		ck_assert_uint_eq(cell->num_samples, out ? 0 : ROUNDS);
		ck_assert_int_eq(strncmp(cell->error, "c2 cannot measure", 17) == 0, out);
	}
}
END_TEST

START_TEST(reactors_rest_while_a_peer_is_measured)
{
	results.contenders[OTHER].kind = BENCH_CONTENDER_PEER;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert_uint_eq(num_rests, ROUNDS * TARGETS * LOADS);
	/* Energy is divided by the I/Os of who was there from begin to end. */
	ck_assert(isnan(results.cells[OTHER].samples[0].metric[BENCH_JOULES_PER_MILLION]));
	ck_assert_double_gt(results.cells[STEADY].samples[0].metric[BENCH_JOULES_PER_MILLION], 0);
}
END_TEST

/* A peer on what others still have would measure something else. */
START_TEST(a_peer_is_not_measured_on_what_is_not_given_up)
{
	results.contenders[OTHER].kind = BENCH_CONTENDER_PEER;
	rest_rc = -EBUSY;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert(rounds.failed);
	ck_assert_str_eq(results.cells[OTHER].error, "it stays");
	ck_assert_uint_eq(results.cells[OTHER].num_samples, 0);
	ck_assert_uint_eq(results.cells[STEADY].num_samples, ROUNDS);
}
END_TEST

/* Only runs that have ended well are looked at for what disturbed them. */
START_TEST(each_run_is_watched)
{
	failure = -EIO;
	fails_from = 0;
	rounds.disturbance = (struct bench_disturbance *)&rounds;
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert_uint_eq(num_begun, num_runs);
	ck_assert_uint_eq(num_ended, num_runs - TARGETS * LOADS);
}
END_TEST

/* What spoils a cell stays with the cell: there is room for warnings about the machine. */
START_TEST(notes_stay_in_their_cells)
{
	note = "it was late";
	ck_assert_int_eq(bench_rounds_run(&rounds), 0);
	ck_assert_uint_eq(results.num_warnings, 0);
	ck_assert_str_eq(results.cells[STEADY].note, "it was late");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(each_round_goes_once_through_all_cells),
		UNIT_TEST(the_rest_goes_on_when_one_fails),
		UNIT_LOOP(what_was_counted_before_a_failure_is_kept, 0, 2),
		UNIT_TEST(what_nobody_supports_is_no_failure),
		UNIT_TEST(a_signal_leaves_what_was_measured),
		UNIT_TEST(who_fits_one_target_is_left_out_of_the_others),
		UNIT_TEST(reactors_rest_while_a_peer_is_measured),
		UNIT_TEST(a_peer_is_not_measured_on_what_is_not_given_up),
		UNIT_TEST(each_run_is_watched),
		UNIT_TEST(notes_stay_in_their_cells),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
