/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/violation.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>

#include "core/event/thread.h"

/* Call sites remembered; what comes after is still logged and refused, but not listed. */
#define VIOLATION_RECORDS 256

struct violation {
	int rule;
	const char *function;
	const void *site;
	char object[64];
	char owner[EVENT_THREAD_NAME_MAX];
	char runner[EVENT_THREAD_NAME_MAX];
	uint64_t count;
};

/* What people are told: what is wrong, and what to do. The rule's number is for whoever looks it up. */
static const struct {
	const char *wrong;
	const char *remedy;
} violation_rules[] = {
	[1] = {"a callback may be waiting for what runs only when it has returned",
	       "return, and go on in the message"},
	[2] = {"an object was used in a way, or on a thread, that is not its owner's",
	       "refused; send the owner a message and do it there, once for each reference"},
	[3] = {"a request was completed twice, or on another thread than it was submitted on",
	       "complete each request once; one from another thread is carried to its owner"},
	[4] = {"this is possible only in a callback of an ebb thread, inside ebb_app_start()",
	       "refused; send a message to a thread and do it there"},
	[5] = {"whoever spins for this lock may spin for ever, and blocks its core",
	       "lock and unlock it once, in one callback of one thread"},
};

static struct violation violations[VIOLATION_RECORDS];
static unsigned num_violations;
static pthread_mutex_t violation_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(enum ebb_violation_action) violation_action = EBB_VIOLATION_LOG;

void ebb_violation_set_action(enum ebb_violation_action action)
{
	atomic_store(&violation_action, action);
}

static const char *violation_thread_name(const struct ebb_thread *thread)
{
	return thread != NULL ? thread->name : "none";
}

/* Return: true the first time that this call site is seen. */
static bool violation_record(int rule, const char *function, const char *object,
			     const struct ebb_thread *owner, const struct ebb_thread *runner,
			     const void *site)
{
	struct violation *violation;
	static struct ebb_ratelimit limit;
	bool first = true;

	pthread_mutex_lock(&violation_mutex);
	for (unsigned i = 0; i < num_violations && first; i++) {
		violation = &violations[i];
		if (violation->rule == rule && violation->site == site &&
		    strcmp(violation->function, function) == 0 &&
		    strncmp(violation->object, object, sizeof(violation->object) - 1) == 0) {
			violation->count++;
			first = false;
		}
	}
	if (first && num_violations == VIOLATION_RECORDS) {
		first = ebb_ratelimit_ok(&limit);
	} else if (first) {
		violation = &violations[num_violations++];
		violation->rule = rule;
		violation->function = function;
		violation->site = site;
		violation->count = 1;
		snprintf(violation->object, sizeof(violation->object), "%s", object);
		snprintf(violation->owner, sizeof(violation->owner), "%s",
			 violation_thread_name(owner));
		snprintf(violation->runner, sizeof(violation->runner), "%s",
			 violation_thread_name(runner));
	}
	pthread_mutex_unlock(&violation_mutex);
	return first;
}

/* @from: where it was called, in words */
static void violation_log(int rule, const char *function, const char *object,
			  const struct ebb_thread *owner, const struct ebb_thread *runner,
			  const char *from)
{
	ebb_error("rules",
		  "%s: %s() on '%s', which belongs to thread '%s', by thread '%s', from %s; %s "
		  "(rule %d)",
		  violation_rules[rule].wrong, function, object, violation_thread_name(owner),
		  violation_thread_name(runner), from, violation_rules[rule].remedy, rule);
}

static void violation_act(void)
{
	if (atomic_load(&violation_action) == EBB_VIOLATION_ABORT) {
		abort();
	}
}

void ebb_violation_at(int rule, const char *function, const char *object,
		      const struct ebb_thread *owner, const struct ebb_thread *runner,
		      const void *site)
{
	char from[32];

	if (violation_record(rule, function, object, owner, runner, site)) {
		snprintf(from, sizeof(from), "%p", site);
		violation_log(rule, function, object, owner, runner, from);
	}
	violation_act();
}

void event_violation_in(int rule, const char *function, const char *object,
			const struct ebb_thread *owner, const struct ebb_thread *runner,
			const char *callback)
{
	if (violation_record(rule, function, object, owner, runner, callback)) {
		violation_log(rule, function, object, owner, runner, callback);
	}
	violation_act();
}

bool event_violation_count(int rule, const char *function, const char *object,
			   const struct ebb_thread *owner, const struct ebb_thread *runner)
{
	return violation_record(rule, function, object, owner, runner, NULL);
}

void ebb_violation_for_each(void (*fn)(const struct ebb_violation_record *record, void *arg),
			    void *arg)
{
	pthread_mutex_lock(&violation_mutex);
	for (unsigned i = 0; i < num_violations; i++) {
		const struct violation *violation = &violations[i];
		const struct ebb_violation_record record = {
			.rule = violation->rule,
			.function = violation->function,
			.object = violation->object,
			.owner = violation->owner,
			.runner = violation->runner,
			.count = violation->count,
		};

		fn(&record, arg);
	}
	pthread_mutex_unlock(&violation_mutex);
}
