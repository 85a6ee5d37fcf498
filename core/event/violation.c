/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/violation.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>

#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

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

/*
 * Was what returns to @site called by a pointer? The framework's functions are called by their
 * names. So then it is not they who were called there, but a callback, whose last deed was to jump
 * to one of them: compilers make such calls jumps. For every callback that does, @site is the same
 * place, in the framework. A site may be any address that its caller chose, the byte after some object
 * too, so AddressSanitizer does not watch this look at what comes before it.
 */
static bool __attribute__((no_sanitize_address)) violation_site_is_dispatch(const void *site)
{
	const unsigned char *code = site;

#if defined(__x86_64__)
	/* "call *REGISTER" (which may have a prefix), "call *BYTE(REGISTER)", "call *WORD(REGISTER)" */
	if (code[-5] == 0xe8) {
		return false; /* "call FUNCTION" */
	}
	return (code[-2] == 0xff && (code[-1] & 0xf8) == 0xd0) ||
	       (code[-3] == 0xff && (code[-2] & 0xf8) == 0x50) ||
	       (code[-6] == 0xff && (code[-5] & 0xf8) == 0x90);
#elif defined(__aarch64__)
	uint32_t instruction;

	memcpy(&instruction, code - sizeof(instruction), sizeof(instruction));
	return (instruction & 0xfffffc1f) == 0xd63f0000; /* BLR */
#else
	(void)code;
	return false;
#endif
}

/* The callback that stands for @site; NULL: @site stands for itself. */
static const char *violation_callback(const void *site)
{
	if (site == NULL || event_turn.reactor == NULL || !violation_site_is_dispatch(site)) {
		return NULL;
	}
	return event_reactor_running(event_turn.reactor);
}

/* A number for a callback in place of an address: its name's text, which may be written anew. */
static const void *violation_site_of(const char *callback)
{
	uintptr_t hash = 5381;

	for (; *callback != '\0'; callback++) {
		hash = hash * 33 + (unsigned char)*callback;
	}
	return (const void *)hash;
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
	const char *callback = violation_callback(site);
	char from[32];

	if (callback != NULL) {
		event_violation_in(rule, function, object, owner, runner, callback);
		return;
	}
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
	if (violation_record(rule, function, object, owner, runner, violation_site_of(callback))) {
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
