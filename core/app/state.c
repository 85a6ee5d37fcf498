/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/state.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/log.h>

#include "core/app/sd_notify.h"

static const char *const phase_names[EBB_APP_PHASE_COUNT] = {
	[EBB_APP_ENVIRONMENT] = "environment",
	[EBB_APP_STARTUP] = "startup",
	[EBB_APP_INITIALIZING] = "initializing",
	[EBB_APP_CONFIGURING] = "configuring",
	[EBB_APP_RUNNING] = "running",
	[EBB_APP_STOPPING] = "stopping",
	[EBB_APP_FAILED] = "failed",
};

#define PHASE_ENDS (EBB_BIT(EBB_APP_STOPPING) | EBB_BIT(EBB_APP_FAILED))

static const uint32_t phase_next[EBB_APP_PHASE_COUNT] = {
	[EBB_APP_ENVIRONMENT] = EBB_BIT(EBB_APP_STARTUP) | PHASE_ENDS,
	[EBB_APP_STARTUP] = EBB_BIT(EBB_APP_INITIALIZING) | PHASE_ENDS,
	[EBB_APP_INITIALIZING] = EBB_BIT(EBB_APP_CONFIGURING) | PHASE_ENDS,
	[EBB_APP_CONFIGURING] = EBB_BIT(EBB_APP_RUNNING) | PHASE_ENDS,
	[EBB_APP_RUNNING] = PHASE_ENDS,
};

/*
 * A lock, but one that is held for the copying of a few hundred bytes only: a reader never waits
 * for what the app thread is doing.
 */
static struct {
	pthread_mutex_t lock;
	struct ebb_app_state snapshot; /* step_age_ns and uptime_ns hold moments, not spans */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

const char *ebb_app_phase_name(enum ebb_app_phase phase)
{
	return (unsigned)phase < EBB_APP_PHASE_COUNT ? phase_names[phase] : "unknown";
}

void app_state_reset(void)
{
	pthread_mutex_lock(&state.lock);
	memset(&state.snapshot, 0, sizeof(state.snapshot));
	state.snapshot.phase = EBB_APP_ENVIRONMENT;
	state.snapshot.uptime_ns = ebb_clock_now_ns();
	pthread_mutex_unlock(&state.lock);
	ebb_notice("app", "state: %s", phase_names[EBB_APP_ENVIRONMENT]);
	app_sd_notify_phase(EBB_APP_ENVIRONMENT, phase_names[EBB_APP_ENVIRONMENT], NULL);
}

void app_state_tell_step(void)
{
	char detail[sizeof(state.snapshot.step) + 32];
	unsigned long long age_s;
	struct ebb_app_state now;

	ebb_app_get_state(&now);
	if (now.step[0] == '\0' || now.phase == EBB_APP_FAILED) {
		return;
	}
	age_s = now.step_age_ns / EBB_NS_PER_S;
	if (age_s > 0) {
		snprintf(detail, sizeof(detail), "%s, %llu s", now.step, age_s);
	} else {
		snprintf(detail, sizeof(detail), "%s", now.step);
	}
	app_sd_notify_phase(now.phase, phase_names[now.phase], detail);
}

void app_state_set_phase(enum ebb_app_phase phase)
{
	char error[sizeof(state.snapshot.error)] = "";
	enum ebb_app_phase old;

	pthread_mutex_lock(&state.lock);
	if (phase == EBB_APP_FAILED) {
		memcpy(error, state.snapshot.error, sizeof(error));
	}
	old = state.snapshot.phase;
	ebb_assert(phase == old || (phase_next[old] & EBB_BIT(phase)) != 0);
	state.snapshot.phase = phase;
	pthread_mutex_unlock(&state.lock);
	if (phase == old) {
		return;
	}
	ebb_notice("app", "state: %s", phase_names[phase]);
	app_sd_notify_phase(phase, phase_names[phase], error);
}

enum ebb_app_phase app_state_phase(void)
{
	enum ebb_app_phase phase;

	pthread_mutex_lock(&state.lock);
	phase = state.snapshot.phase;
	pthread_mutex_unlock(&state.lock);
	return phase;
}

void app_state_set_step(const char *name, uint64_t since_ns)
{
	pthread_mutex_lock(&state.lock);
	snprintf(state.snapshot.step, sizeof(state.snapshot.step), "%s", name != NULL ? name : "");
	state.snapshot.step_age_ns = since_ns;
	pthread_mutex_unlock(&state.lock);
}

void app_state_set_error(const char *text)
{
	pthread_mutex_lock(&state.lock);
	snprintf(state.snapshot.error, sizeof(state.snapshot.error), "%s", text);
	pthread_mutex_unlock(&state.lock);
}

void ebb_app_get_state(struct ebb_app_state *ret_state)
{
	uint64_t now_ns;

	pthread_mutex_lock(&state.lock);
	*ret_state = state.snapshot;
	pthread_mutex_unlock(&state.lock);
	now_ns = ebb_clock_now_ns();
	if (ret_state->step[0] == '\0') {
		ret_state->step_age_ns = 0;
	} else {
		ret_state->step_age_ns = now_ns - ret_state->step_age_ns;
	}
	ret_state->uptime_ns = ret_state->uptime_ns != 0 ? now_ns - ret_state->uptime_ns : 0;
}
