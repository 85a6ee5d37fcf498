/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/modes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare/setup.h"
#include "bench/harness.h"
#include "bench/load/measurement.h"
#include "bench/load/stand_in.h"
#include "bench/server/remote.h"

struct mode {
	struct bench_modes *modes;
	bool planned;
	enum ebb_reactor_mode mode;
	uint64_t sleep_ns;
	uint64_t look_ns;
};

/* Puts all reactors in the mode, or under the plan; they stay on the CPUs that were asked for. */
static int mode_set(const struct mode *mode)
{
	if (mode->planned) {
		return bench_harness_try_plan(mode->sleep_ns, mode->look_ns);
	}
	return bench_harness_try_mode(mode->mode, EBB_REACTOR_SPIN_US_DEFAULT);
}

static void modes_close(struct bench_modes *modes)
{
	if (modes->measurement != NULL) {
		bench_measurement_close(modes->measurement);
		modes->measurement = NULL;
		modes->bdev[0] = '\0';
	}
}

static int modes_open(struct bench_modes *modes, const struct bench_target *target,
		      char error[BENCH_TEXT_MAX])
{
	int rc;

	if (strcmp(modes->bdev, target->bdev) == 0) {
		return 0;
	}
	modes_close(modes);
	rc = bench_setup_again(target, modes->write, error);
	if (rc < 0) {
		return rc;
	}
	rc = bench_measurement_open(target->bdev, modes->write, &modes->largest,
				    &modes->measurement, error);
	if (rc < 0) {
		modes->measurement = NULL;
		return rc;
	}
	snprintf(modes->bdev, sizeof(modes->bdev), "%s", target->bdev);
	return 0;
}

bool bench_modes_fit(const struct bench_target *target)
{
	return target->bdev[0] != '\0' && strcmp(target->kind, "server") != 0;
}

static bool mode_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	(void)contender;
	return bench_modes_fit(target);
}

/* By how much the device of known speed was late in this run. */
static void lateness_add(struct bench_modes *modes, const struct bench_target *target)
{
	static struct ebb_histogram lateness; /* too large for a stack; the harness's only */

	if (bench_stand_in_lateness(target->bdev, &lateness) < 0) {
		return;
	}
	if (modes->lateness.count == 0) {
		ebb_histogram_reset(&modes->lateness);
	}
	ebb_histogram_merge(&modes->lateness, &lateness);
}

static int mode_run(const struct mode *mode, const char *name, const struct bench_target *target,
		    const struct bench_load *load, struct bench_outcome *ret_outcome,
		    char error[BENCH_TEXT_MAX])
{
	int rc;

	if (!bench_modes_fit(target)) {
		snprintf(error, BENCH_TEXT_MAX, "%s: %.100s is no bdev of this process", name,
			 target->name);
		return -EOPNOTSUPP;
	}
	rc = modes_open(mode->modes, target, error);
	if (rc < 0) {
		return rc;
	}
	rc = mode_set(mode);
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%s: %.80s cannot be served like that: %s; measure the other modes with "
			 "--mode",
			 name, target->name, strerror(-rc));
		return rc;
	}
	rc = bench_measurement_run(mode->modes->measurement, load, ret_outcome, error);
	if (strcmp(target->kind, "stand-in") == 0) {
		lateness_add(mode->modes, target);
	}
	return rc;
}

static int mode_measure(struct bench_contender *contender, const struct bench_target *target,
			const struct bench_load *load, struct bench_outcome *ret_outcome,
			char error[BENCH_TEXT_MAX])
{
	return mode_run(contender->context, contender->name, target, load, ret_outcome, error);
}

int bench_modes_run_plan(struct bench_modes *modes, const char *name, uint64_t sleep_ns,
			 uint64_t look_ns, const struct bench_target *target,
			 const struct bench_load *load, struct bench_outcome *ret_outcome,
			 char error[BENCH_TEXT_MAX])
{
	const struct mode mode = {.modes = modes,
				  .planned = true,
				  .sleep_ns = sleep_ns,
				  .look_ns = look_ns};

	return mode_run(&mode, name, target, load, ret_outcome, error);
}

static void mode_destroy(struct bench_contender *contender)
{
	free(contender->context);
	contender->context = NULL;
}

static int mode_make(const struct mode *mode, struct bench_contender *ret_contender)
{
	struct mode *copy = malloc(sizeof(*copy));

	if (copy == NULL) {
		return -ENOMEM;
	}
	*copy = *mode;
	ret_contender->kind = mode->planned ? BENCH_CONTENDER_PLAN : BENCH_CONTENDER_MODE;
	ret_contender->fits = mode_fits;
	ret_contender->measure = mode_measure;
	ret_contender->destroy = mode_destroy;
	ret_contender->context = copy;
	return 0;
}

int bench_modes_make(struct bench_modes *modes, enum ebb_reactor_mode mode,
		     struct bench_contender *ret_contender)
{
	struct mode context = {.modes = modes, .mode = mode};

	if (modes->remote != NULL) {
		return bench_remote_make_mode(modes->remote, mode, ret_contender);
	}
	snprintf(ret_contender->name, sizeof(ret_contender->name), "%s",
		 ebb_reactor_mode_name(mode));
	return mode_make(&context, ret_contender);
}

void bench_modes_plan_name(uint64_t sleep_ns, uint64_t look_ns, char *name, size_t size)
{
	if (look_ns == EBB_REACTOR_FOREVER) {
		snprintf(name, size, "%.11gus,forever", (double)sleep_ns / 1e3);
	} else {
		snprintf(name, size, "%.11gus,%.11gus", (double)sleep_ns / 1e3,
			 (double)look_ns / 1e3);
	}
}

int bench_modes_make_plan(struct bench_modes *modes, uint64_t sleep_ns, uint64_t look_ns,
			  struct bench_contender *ret_contender)
{
	struct mode context = {.modes = modes,
			       .planned = true,
			       .sleep_ns = sleep_ns,
			       .look_ns = look_ns};
	char plan[48];

	bench_modes_plan_name(sleep_ns, look_ns, plan, sizeof(plan));
	snprintf(ret_contender->name, sizeof(ret_contender->name), "plan %s", plan);
	return mode_make(&context, ret_contender);
}

int bench_modes_rest(struct bench_modes *modes, const struct bench_target *target,
		     char error[BENCH_TEXT_MAX])
{
	static const struct mode asleep = {.mode = EBB_REACTOR_INTERRUPT};

	modes_close(modes);
	(void)mode_set(&asleep); /* who cannot sleep has said so in its own cell */
	return target != NULL ? bench_setup_give_up(target, error) : 0;
}
