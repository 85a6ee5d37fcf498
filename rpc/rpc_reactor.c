/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rpc_thread.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/method.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "core/event/switch_monitor.h"
#include "core/method/param.h"

/* The methods about reactors: what they do, how they wait, and what keeps them awake. */

/* CPU time of an OS thread, in clock ticks of the kernel (sysconf(_SC_CLK_TCK), 100 a second). */
static void task_times(pid_t tid, uint64_t *ret_usr, uint64_t *ret_sys)
{
	char path[64];
	char text[512] = "";
	unsigned long long usr = 0;
	unsigned long long sys = 0;
	const char *fields = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fgets(text, sizeof(text), file) != NULL) {
			fields = strrchr(text, ')'); /* the name before may hold anything */
		}
		fclose(file);
	}
	/* proc(5): after the name, utime and stime are the 12th and 13th field. */
	if (fields == NULL ||
	    sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &usr,
		   &sys) != 2) {
		usr = 0;
		sys = 0;
	}
	*ret_usr = usr;
	*ret_sys = sys;
}

static struct json_object *reactor_to_json(const struct ebb_reactor_stats *stats)
{
	struct json_object *json = json_object_new_object();
	uint64_t usr;
	uint64_t sys;

	task_times(stats->tid, &usr, &sys);
	json_object_object_add(json, "lcore", json_object_new_int(stats->core));
	json_object_object_add(json, "tid", json_object_new_int(stats->tid));
	json_object_object_add(json, "mode",
			       json_object_new_string(ebb_reactor_mode_name(stats->mode)));
	json_object_object_add(json, "spin_us_max", json_object_new_uint64(stats->spin_us_max));
	json_object_object_add(json, "busy", json_object_new_uint64(stats->busy_ns));
	json_object_object_add(json, "idle", json_object_new_uint64(stats->idle_ns));
	json_object_object_add(json, "in_interrupt",
			       json_object_new_boolean(stats->mode != EBB_REACTOR_POLL));
	json_object_object_add(json, "asleep", json_object_new_boolean(stats->asleep));
	json_object_object_add(json, "wakeups", json_object_new_uint64(stats->wakeups));
	json_object_object_add(json, "last_wake",
			       json_object_new_string(stats->last_wake != NULL ? stats->last_wake
									       : "none"));
	json_object_object_add(json, "sys", json_object_new_uint64(sys));
	json_object_object_add(json, "usr", json_object_new_uint64(usr));
	json_object_object_add(json, "lw_threads", json_object_new_array());
	return json;
}

/* The one of @core in a list of reactors, ascending, each with an "lcore"; or NULL. */
static struct json_object *round_reactor(const struct rpc_round *round, int core)
{
	for (size_t i = 0; i < json_object_array_length(round->list); i++) {
		struct json_object *reactor = json_object_array_get_idx(round->list, i);
		struct json_object *lcore = json_object_object_get(reactor, "lcore");

		if (json_object_get_int(lcore) == core) {
			return reactor;
		}
	}
	return NULL;
}

static void reactors_visit(void *arg)
{
	const struct rpc_round *round = arg;
	struct json_object *thread = json_object_new_object();
	struct ebb_thread_stats stats;
	struct json_object *reactor;

	ebb_thread_get_stats(ebb_thread_current(), &stats);
	rpc_thread_add(thread, &stats);
	json_object_object_add(thread, "elapsed",
			       json_object_new_uint64(stats.busy_ns + stats.idle_ns));
	reactor = round_reactor(round, stats.core);
	if (reactor == NULL) {
		json_object_put(thread);
		return;
	}
	json_object_array_add(json_object_object_get(reactor, "lw_threads"), thread);
}

static void reactors_done(void *arg)
{
	struct rpc_round *round = arg;
	struct json_object *result = json_object_new_object();

	json_object_object_add(result, "tick_rate", json_object_new_uint64(EBB_NS_PER_S));
	json_object_object_add(result, "pid", json_object_new_int(getpid()));
	json_object_object_add(result, "reactors", round->list);
	ebb_call_result(round->call, result);
	free(round);
}

static void get_reactors(struct ebb_call *call, void *params)
{
	struct json_object *reactors = json_object_new_array();
	struct ebb_reactor_stats stats;
	int core;

	(void)params;
	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		if (ebb_reactor_get_stats(core, &stats) == 0) {
			json_object_array_add(reactors, reactor_to_json(&stats));
		}
	}
	rpc_thread_round_start(call, reactors, reactors_visit, reactors_done);
}

static struct ebb_method get_reactors_method = {
	.name = "framework_get_reactors",
	.states = EBB_METHOD_RUNTIME,
	.help = "the reactors: mode, time busy and idle, wakeups, threads",
	.fn = get_reactors,
};
EBB_METHOD_REGISTER(get_reactors_method)

static void blocker_to_json(const char *thread, const char *poller, const char *reason, void *arg)
{
	struct json_object *blocker = json_object_new_object();

	json_object_object_add(blocker, "thread",
			       thread != NULL ? json_object_new_string(thread) : NULL);
	json_object_object_add(blocker, "poller",
			       poller != NULL ? json_object_new_string(poller) : NULL);
	json_object_object_add(blocker, "reason", json_object_new_string(reason));
	json_object_array_add(arg, blocker);
}

/* On every thread; the first of each reactor tells for all of them. */
static void blockers_visit(void *arg)
{
	struct json_object *reactor = round_reactor(arg, ebb_reactor_current_core());
	struct json_object *blockers;

	if (reactor == NULL || json_object_object_get_ex(reactor, "blockers", NULL)) {
		return;
	}
	blockers = json_object_new_array();
	ebb_reactor_for_each_blocker(blocker_to_json, blockers);
	json_object_object_add(reactor, "blockers", blockers);
}

/* A reactor without threads has nothing that could keep it awake. */
static void blockers_done(void *arg)
{
	struct rpc_round *round = arg;
	struct json_object *result = json_object_new_object();

	for (size_t i = 0; i < json_object_array_length(round->list); i++) {
		struct json_object *reactor = json_object_array_get_idx(round->list, i);

		if (!json_object_object_get_ex(reactor, "blockers", NULL)) {
			json_object_object_add(reactor, "blockers", json_object_new_array());
		}
	}
	json_object_object_add(result, "reactors", round->list);
	ebb_call_result(round->call, result);
	free(round);
}

static void get_blockers(struct ebb_call *call, void *params)
{
	struct json_object *reactors = json_object_new_array();
	int core;

	(void)params;
	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		struct json_object *reactor = json_object_new_object();

		json_object_object_add(reactor, "lcore", json_object_new_int(core));
		json_object_array_add(reactors, reactor);
	}
	rpc_thread_round_start(call, reactors, blockers_visit, blockers_done);
}

static struct ebb_method get_blockers_method = {
	.name = "reactor_get_blockers",
	.states = EBB_METHOD_RUNTIME,
	.help = "what keeps each reactor from sleeping",
	.fn = get_blockers,
};
EBB_METHOD_REGISTER(get_blockers_method)

struct set_mode_params {
	uint32_t lcore;
	int mode;
	uint32_t spin_us_max;
	bool spin_given;
};

/* The reactor's own names, NULL at the end. */
static const char *mode_names[EBB_REACTOR_MODE_COUNT + 1];

EBB_CONSTRUCTOR(mode_names_fill)
{
	for (int mode = 0; mode < EBB_REACTOR_MODE_COUNT; mode++) {
		mode_names[mode] = ebb_reactor_mode_name((enum ebb_reactor_mode)mode);
	}
}

static const struct ebb_param set_mode_table[] = {
	EBB_PARAM(struct set_mode_params, lcore, EBB_PARAM_UINT32, .max = CPU_SETSIZE - 1,
		  .help = "the reactor's CPU number"),
	EBB_PARAM(struct set_mode_params, mode, EBB_PARAM_ENUM, .names = mode_names,
		  .help = "how it waits"),
	EBB_PARAM(struct set_mode_params, spin_us_max, EBB_PARAM_UINT32, .optional = true, .min = 1,
		  .max = 1000000, .given_offset = offsetof(struct set_mode_params, spin_given),
		  .help = "microseconds to poll after the last work, in the adaptive mode; in "
			  "another "
			  "it is kept until then (default: as it is)"),
};

static void mode_set(void *arg, int rc)
{
	switch (rc) {
	case 0:
		ebb_call_result(arg, json_object_new_boolean(true));
		break;
	case -EBUSY:
		ebb_call_error(arg, rc,
			       "another change of that reactor's mode is under way: call "
			       "again when it has ended");
		break;
	default:
		ebb_call_error(
			arg, rc,
			"the reactor's mode is as it was: one of its pollers cannot change (%s)",
			strerror(-rc));
		break;
	}
}

static void set_mode(struct ebb_call *call, void *arg)
{
	const struct set_mode_params *params = arg;
	struct ebb_reactor_stats stats;

	if (ebb_reactor_get_stats((int)params->lcore, &stats) < 0) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "lcore: there is no reactor on CPU %u; framework_get_reactors lists "
			       "them",
			       params->lcore);
		return;
	}
	ebb_reactor_set_mode((int)params->lcore, (enum ebb_reactor_mode)params->mode,
			     params->spin_us_max, mode_set, call);
}

static struct ebb_method set_mode_method = {
	.name = "reactor_set_mode",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "change how a reactor waits, at any time",
	.params = set_mode_table,
	.num_params = EBB_ARRAY_SIZE(set_mode_table),
	.params_size = sizeof(struct set_mode_params),
	.fn = set_mode,
	.effect = EBB_METHOD_SETS,
	.subsystem = "reactor",
	.object = "lcore",
};
EBB_METHOD_REGISTER(set_mode_method)

struct set_interrupt_params {
	uint32_t lcore;
	bool disable_interrupt;
	/* The call of reactor_set_mode in its place. */
	struct ebb_call *call;
	struct json_object *mode;
};

static const struct ebb_param set_interrupt_table[] = {
	EBB_PARAM(struct set_interrupt_params, lcore, EBB_PARAM_UINT32, .max = CPU_SETSIZE - 1,
		  .help = "the reactor's CPU number"),
	EBB_PARAM(struct set_interrupt_params, disable_interrupt, EBB_PARAM_BOOL,
		  .help = "true: mode poll, false: mode interrupt"),
};

static void interrupt_set(void *arg, struct json_object *result,
			  const struct ebb_method_error *error)
{
	struct set_interrupt_params *params = arg;

	json_object_put(params->mode);
	if (error != NULL) {
		ebb_call_error(params->call, error->code, "%s", error->text);
	} else {
		ebb_call_result(params->call, result);
	}
}

/* By the other method, so that there is one place where a reactor's mode is wanted. */
static void set_interrupt(struct ebb_call *call, void *arg)
{
	struct set_interrupt_params *params = arg;
	const struct set_mode_params mode = {
		.lcore = params->lcore,
		.mode = params->disable_interrupt ? EBB_REACTOR_POLL : EBB_REACTOR_INTERRUPT,
	};

	params->call = call;
	params->mode = method_param_encode(&set_mode_method, &mode);
	if (params->mode == NULL) {
		ebb_call_error(call, -ENOMEM, "out of memory for the mode of a reactor");
		return;
	}
	ebb_method_dispatch(&set_mode_method, params->mode, interrupt_set, params);
}

static struct ebb_method set_interrupt_method = {
	.name = "reactor_set_interrupt_mode",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "reactor_set_mode as SPDK's clients call it",
	.params = set_interrupt_table,
	.num_params = EBB_ARRAY_SIZE(set_interrupt_table),
	.params_size = sizeof(struct set_interrupt_params),
	.fn = set_interrupt,
};
EBB_METHOD_REGISTER(set_interrupt_method)

struct monitor_switches_params {
	bool enabled;
	bool given;
};

static const struct ebb_param monitor_switches_table[] = {
	EBB_PARAM(struct monitor_switches_params, enabled, EBB_PARAM_BOOL, .optional = true,
		  .given_offset = offsetof(struct monitor_switches_params, given),
		  .help = "whether to watch (default: as it is, off at first)"),
};

static void monitor_switches(struct ebb_call *call, void *arg)
{
	const struct monitor_switches_params *params = arg;
	struct json_object *result = json_object_new_object();

	if (params->given) {
		event_switch_monitor_set(params->enabled);
	}
	json_object_object_add(result, "enabled",
			       json_object_new_boolean(event_switch_monitor_enabled()));
	ebb_call_result(call, result);
}

static struct ebb_method monitor_switches_method = {
	.name = "framework_monitor_context_switch",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "log how often the kernel takes reactors off their CPUs; of this run, not saved",
	.params = monitor_switches_table,
	.num_params = EBB_ARRAY_SIZE(monitor_switches_table),
	.params_size = sizeof(struct monitor_switches_params),
	.fn = monitor_switches,
};
EBB_METHOD_REGISTER(monitor_switches_method)
