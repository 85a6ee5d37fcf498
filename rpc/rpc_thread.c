/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/rpc_thread.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/io_channel.h>
#include <ebb/poller.h>
#include <ebb/reactor.h>
#include <ebb/violation.h>

#include "core/event/thread.h"
#include "core/os/cpumask.h"

/*
 * The methods about threads. Each visits every thread, which tells of itself: one at a time, so
 * they may all add to the same JSON.
 */

/* CPUs as SPDK writes them: a hexadecimal mask without "0x". */
static void cpumask_format(const cpu_set_t *cpus, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int digit = CPU_SETSIZE / 4 - 1; digit >= 0 && len < size; digit--) {
		unsigned bits = 0;

		for (unsigned bit = 0; bit < 4; bit++) {
			bits |= CPU_ISSET((size_t)digit * 4 + bit, cpus) ? 1u << bit : 0;
		}
		if (len > 0 || bits != 0) {
			len += (size_t)snprintf(text + len, size - len, "%x", bits);
		}
	}
}

void rpc_thread_add(struct json_object *json, const struct ebb_thread_stats *stats)
{
	char cpumask[512];
	cpu_set_t cpus;

	event_thread_get_cpus(ebb_thread_current(), &cpus);
	cpumask_format(&cpus, cpumask, sizeof(cpumask));
	json_object_object_add(json, "name", json_object_new_string(stats->name));
	json_object_object_add(json, "id", json_object_new_uint64(stats->id));
	json_object_object_add(json, "cpumask", json_object_new_string(cpumask));
}

void rpc_thread_round_start(struct ebb_call *call, struct json_object *list, ebb_msg_fn visit,
			    ebb_msg_fn done)
{
	struct rpc_round *round = malloc(sizeof(*round));
	int rc = -ENOMEM;

	if (round != NULL) {
		*round = (struct rpc_round){.call = call, .list = list};
		rc = ebb_for_each_thread(visit, round, done);
	}
	if (rc != 0) {
		ebb_call_error(call, EBB_METHOD_INTERNAL_ERROR, "cannot visit the threads: %s",
			       strerror(-rc));
		json_object_put(list);
		free(round);
	}
}

static void threads_done(void *arg)
{
	struct rpc_round *round = arg;
	struct json_object *result = json_object_new_object();

	json_object_object_add(result, "tick_rate", json_object_new_uint64(EBB_NS_PER_S));
	json_object_object_add(result, "threads", round->list);
	ebb_call_result(round->call, result);
	free(round);
}

static void threads_visit(struct ebb_call *call, ebb_msg_fn visit)
{
	rpc_thread_round_start(call, json_object_new_array(), visit, threads_done);
}

static void stats_visit(void *arg)
{
	const struct rpc_round *round = arg;
	struct json_object *thread = json_object_new_object();
	struct ebb_thread_stats stats;

	ebb_thread_get_stats(ebb_thread_current(), &stats);
	rpc_thread_add(thread, &stats);
	json_object_object_add(thread, "busy", json_object_new_uint64(stats.busy_ns));
	json_object_object_add(thread, "idle", json_object_new_uint64(stats.idle_ns));
	json_object_object_add(thread, "active_pollers_count",
			       json_object_new_uint64(stats.active_pollers));
	json_object_object_add(thread, "timed_pollers_count",
			       json_object_new_uint64(stats.timed_pollers));
	json_object_object_add(thread, "paused_pollers_count",
			       json_object_new_uint64(stats.paused_pollers));
	json_object_array_add(round->list, thread);
}

static void get_stats(struct ebb_call *call, void *params)
{
	(void)params;
	threads_visit(call, stats_visit);
}

static struct ebb_method get_stats_method = {
	.name = "thread_get_stats",
	.states = EBB_METHOD_RUNTIME,
	.help = "the threads: time busy and idle, numbers of pollers",
	.fn = get_stats,
};
EBB_METHOD_REGISTER(get_stats_method)

#define MASK_DIGITS_MAX (CPU_SETSIZE / 4)

struct set_cpumask_params {
	uint64_t id;
	char *cpumask;
	char mask[MASK_DIGITS_MAX + 3]; /* if digits alone were given: 0x, and these */
	/* What an answer may have to name. */
	struct ebb_call *call;
	struct ebb_thread *thread;
};

static const struct ebb_param set_cpumask_table[] = {
	EBB_PARAM(struct set_cpumask_params, id, EBB_PARAM_UINT64,
		  .help = "the thread's, as thread_get_stats lists it"),
	EBB_PARAM(struct set_cpumask_params, cpumask, EBB_PARAM_STRING,
		  .help = "CPUs with a reactor: a hexadecimal mask, 3 or 0x3, as "
			  "thread_get_stats has it, or a list, [0,2-3]"),
};

/* "reactors are on the CPUs 0-3": what there is to choose from. */
static void reactors_format(char *text, size_t size)
{
	cpu_set_t cpus;
	int core;

	CPU_ZERO(&cpus);
	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		CPU_SET((size_t)core, &cpus);
	}
	os_cpumask_format(&cpus, text, size);
}

/*
 * Digits alone are a mask here, though nowhere else: SPDK's server reads them so, and its clients
 * give back what thread_get_stats and framework_get_reactors have.
 */
static void cpumask_complete(struct set_cpumask_params *params)
{
	size_t len = strlen(params->cpumask);

	if (len > 0 && len <= MASK_DIGITS_MAX &&
	    strspn(params->cpumask, "0123456789abcdefABCDEF") == len) {
		snprintf(params->mask, sizeof(params->mask), "0x%s", params->cpumask);
	}
}

static const char *cpumask_text(const struct set_cpumask_params *params)
{
	return params->mask[0] != '\0' ? params->mask : params->cpumask;
}

static void cpumask_set(void *arg, int rc)
{
	const struct set_cpumask_params *params = arg;
	const char *name = ebb_thread_name(params->thread);
	char reactors[96];

	switch (rc) {
	case 0:
		ebb_call_result(params->call, json_object_new_boolean(true));
		break;
	case -EBUSY:
		ebb_call_error(params->call, rc,
			       "thread '%s' is being moved: call again when that has ended", name);
		break;
	case -ESRCH:
		ebb_call_error(params->call, EBB_METHOD_INVALID_PARAMS, "thread '%s' exits", name);
		break;
	default:
		reactors_format(reactors, sizeof(reactors));
		ebb_call_error(
			params->call, EBB_METHOD_INVALID_PARAMS,
			"cpumask: thread '%s' cannot be on %.40s: reactors are on the CPUs %s",
			name, cpumask_text(params), reactors);
		break;
	}
}

static void set_cpumask(struct ebb_call *call, void *arg)
{
	struct set_cpumask_params *params = arg;
	cpu_set_t cpus;
	char why[192];

	params->call = call;
	params->thread = ebb_thread_find(params->id);
	cpumask_complete(params);
	if (params->thread == NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "id: there is no thread %llu; thread_get_stats lists them",
			       (unsigned long long)params->id);
	} else if (os_cpumask_parse(cpumask_text(params), &cpus) != 0) {
		os_cpumask_explain(cpumask_text(params), why, sizeof(why));
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "cpumask \"%.40s\": %s",
			       params->cpumask, why);
	} else {
		ebb_thread_set_cpumask(params->thread, cpumask_text(params), cpumask_set, params);
	}
}

static struct ebb_method set_cpumask_method = {
	.name = "thread_set_cpumask",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "move a thread to these CPUs; not saved, as the next run has other threads",
	.params = set_cpumask_table,
	.num_params = EBB_ARRAY_SIZE(set_cpumask_table),
	.params_size = sizeof(struct set_cpumask_params),
	.fn = set_cpumask,
};
EBB_METHOD_REGISTER(set_cpumask_method)

/* One thread's pollers, by kind. */
struct pollers_lists {
	struct json_object *active;
	struct json_object *timed;
	struct json_object *paused;
};

static void poller_to_json(const struct ebb_poller_stats *stats, void *arg)
{
	const struct pollers_lists *lists = arg;
	struct json_object *poller = json_object_new_object();

	json_object_object_add(poller, "name", json_object_new_string(stats->name));
	json_object_object_add(poller, "id", json_object_new_uint64(stats->id));
	json_object_object_add(poller, "state", json_object_new_string(stats->state));
	json_object_object_add(poller, "run_count", json_object_new_uint64(stats->run_count));
	json_object_object_add(poller, "busy_count", json_object_new_uint64(stats->busy_count));
	json_object_object_add(poller, "error_count", json_object_new_uint64(stats->error_count));
	json_object_object_add(poller, "wake_count", json_object_new_uint64(stats->wake_count));
	if (stats->period_ns != 0) {
		json_object_object_add(poller, "period_ticks",
				       json_object_new_uint64(stats->period_ns));
	}
	json_object_array_add(stats->paused           ? lists->paused
			      : stats->period_ns != 0 ? lists->timed
						      : lists->active,
			      poller);
}

static void pollers_visit(void *arg)
{
	const struct rpc_round *round = arg;
	struct json_object *thread = json_object_new_object();
	struct pollers_lists lists = {
		.active = json_object_new_array(),
		.timed = json_object_new_array(),
		.paused = json_object_new_array(),
	};

	json_object_object_add(thread, "name",
			       json_object_new_string(ebb_thread_name(ebb_thread_current())));
	json_object_object_add(thread, "id",
			       json_object_new_uint64(ebb_thread_id(ebb_thread_current())));
	ebb_poller_for_each(poller_to_json, &lists);
	json_object_object_add(thread, "active_pollers", lists.active);
	json_object_object_add(thread, "timed_pollers", lists.timed);
	json_object_object_add(thread, "paused_pollers", lists.paused);
	json_object_array_add(round->list, thread);
}

static void get_pollers(struct ebb_call *call, void *params)
{
	(void)params;
	threads_visit(call, pollers_visit);
}

static struct ebb_method get_pollers_method = {
	.name = "thread_get_pollers",
	.states = EBB_METHOD_RUNTIME,
	.help = "the threads' pollers: runs, work found, wakeups, errors",
	.fn = get_pollers,
};
EBB_METHOD_REGISTER(get_pollers_method)

static void channel_to_json(const char *device_name, unsigned ref, void *arg)
{
	struct json_object *channel = json_object_new_object();

	json_object_object_add(channel, "name", json_object_new_string(device_name));
	json_object_object_add(channel, "ref", json_object_new_uint64(ref));
	json_object_array_add(arg, channel);
}

static void channels_visit(void *arg)
{
	const struct rpc_round *round = arg;
	struct json_object *thread = json_object_new_object();
	struct json_object *channels = json_object_new_array();

	json_object_object_add(thread, "name",
			       json_object_new_string(ebb_thread_name(ebb_thread_current())));
	ebb_io_channel_for_each(channel_to_json, channels);
	json_object_object_add(thread, "io_channels", channels);
	json_object_array_add(round->list, thread);
}

static void get_io_channels(struct ebb_call *call, void *params)
{
	(void)params;
	threads_visit(call, channels_visit);
}

static struct ebb_method get_io_channels_method = {
	.name = "thread_get_io_channels",
	.states = EBB_METHOD_RUNTIME,
	.help = "the threads' channels to I/O devices",
	.fn = get_io_channels,
};
EBB_METHOD_REGISTER(get_io_channels_method)

static void add_name(struct json_object *json, const char *key, const char *name)
{
	json_object_object_add(json, key, name != NULL ? json_object_new_string(name) : NULL);
}

static void violation_to_json(const struct ebb_violation_record *record, void *arg)
{
	struct json_object *violation = json_object_new_object();

	json_object_object_add(violation, "rule", json_object_new_int(record->rule));
	add_name(violation, "function", record->function);
	add_name(violation, "object", record->object);
	add_name(violation, "owner", record->owner);
	add_name(violation, "runner", record->runner);
	json_object_object_add(violation, "count", json_object_new_uint64(record->count));
	json_object_array_add(arg, violation);
}

static void get_violations(struct ebb_call *call, void *params)
{
	struct json_object *violations = json_object_new_array();

	(void)params;
	ebb_violation_for_each(violation_to_json, violations);
	ebb_call_result(call, violations);
}

static struct ebb_method get_violations_method = {
	.name = "thread_get_violations",
	.states = EBB_METHOD_RUNTIME,
	.help = "breaches of the framework's five rules, by place, with counts",
	.fn = get_violations,
};
EBB_METHOD_REGISTER(get_violations_method)
