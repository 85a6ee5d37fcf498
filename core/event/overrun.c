/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/overrun.h"

/*
 * A callback was over the limit. If it is to blame (verdict.c) it is reported, by the name of what
 * was slow: the method, the step, the start function (doing.c), the bdev whose completion callback
 * it was, or else the callback's function and thread. If it is not it is counted: it was late
 * because the machine was, and that is nobody's bug.
 *
 * Completions are run in batches, which are measured as one: of many the first one is known, and not
 * which of them was slow. A note for each, one store, would cost a request that is done at once more
 * than it may. So for a second after such a batch they are measured one by one. One that comes from
 * a device, in its driver's callback, has that much time: there the last one is noted.
 */

#include <sched.h>
#include <stdio.h>

#include <ebb/log.h>

#include "core/event/callback.h"
#include "core/event/channel.h"
#include "core/event/reading.h"
#include "core/event/violation.h"

#define OVERRUN_CLOSELY_NS EBB_NS_PER_S

/* What was slow: in full, and the name that violations are listed by. */
struct overrun_subject {
	char text[256];
	char object[64];
	bool many; /* one of several completion callbacks */
};

static _Atomic(event_overrun_namer) overrun_namer;

void event_overrun_set_namer(event_overrun_namer namer)
{
	atomic_store(&overrun_namer, namer);
}

/* Under the lock of the channels: pairs with event_reactor_forget_io(), before one is unlinked. */
static const char *overrun_bdev_locked(struct event_reactor *reactor, uint64_t since_ns,
				       bool *ret_many)
{
	uintptr_t batch = atomic_load_explicit(&reactor->batch, memory_order_relaxed);
	void *ctx = (void *)(uintptr_t)atomic_load_explicit(&reactor->io_ctx, memory_order_relaxed);
	event_overrun_namer namer = atomic_load(&overrun_namer);

	*ret_many = false;
	if (atomic_load_explicit(&reactor->span.name, memory_order_relaxed) ==
	    event_deferred_name) {
		*ret_many = (batch & 1) != 0;
		batch &= ~(uintptr_t)1;
		return batch != 0 && namer != NULL ? namer((const void *)batch) : NULL;
	}
	return ctx != NULL && atomic_load_explicit(&reactor->io_ns, memory_order_relaxed) >=
				       since_ns
		       ? ebb_io_channel_name(ebb_io_channel_from_ctx(ctx))
		       : NULL;
}

bool event_overrun_bdev(struct event_reactor *reactor, uint64_t since_ns, char *ret_name,
			size_t size, bool *ret_many)
{
	const char *name;

	event_devices_lock();
	name = overrun_bdev_locked(reactor, since_ns, ret_many);
	if (name != NULL) {
		snprintf(ret_name, size, "%s", name);
	}
	event_devices_unlock();
	return name != NULL;
}

static void subject_of_io(const struct event_reactor *reactor, const char *bdev,
			  struct overrun_subject *ret)
{
	const char *name = atomic_load_explicit(&reactor->span.name, memory_order_relaxed);

	snprintf(ret->object, sizeof(ret->object), "%s", bdev);
	if (name != event_deferred_name) {
		snprintf(ret->text, sizeof(ret->text),
			 "callback %s, the last part of it a completion callback of bdev \"%s\",",
			 name, bdev);
	} else if (!ret->many) {
		snprintf(ret->text, sizeof(ret->text),
			 "bdev \"%s\": its user's completion callback", bdev);
	} else {
		snprintf(ret->text, sizeof(ret->text),
			 "a batch of I/O completion callbacks, the first of bdev \"%s\" (they are "
			 "measured one by one for a while),",
			 bdev);
	}
}

static void subject_find(struct event_reactor *reactor, uint64_t since_ns,
			 struct overrun_subject *ret)
{
	const char *doing = event_doing_longest(reactor, since_ns, event_turn.now_ns - since_ns);
	const struct ebb_thread *thread =
		atomic_load_explicit(&reactor->span.thread, memory_order_relaxed);
	const char *name = atomic_load_explicit(&reactor->span.name, memory_order_relaxed);
	char bdev[64];

	ret->many = false;
	if (doing != NULL) {
		snprintf(ret->text, sizeof(ret->text), "%s", doing);
		snprintf(ret->object, sizeof(ret->object), "%s", doing);
	} else if (event_overrun_bdev(reactor, since_ns, bdev, sizeof(bdev), &ret->many)) {
		subject_of_io(reactor, bdev, ret);
	} else {
		snprintf(ret->text, sizeof(ret->text), "callback %s of thread '%s'", name,
			 thread != NULL ? thread->name : "none");
		snprintf(ret->object, sizeof(ret->object), "%s", name);
	}
}

/* Milliseconds and a tenth, for "%llu.%llu". */
#define MS(ns)                                      \
	(unsigned long long)((ns) / EBB_NS_PER_MS), \
		(unsigned long long)((ns) % EBB_NS_PER_MS / 100000)

static void overrun_count(struct event_reactor *reactor, const struct overrun_subject *subject,
			  uint64_t passed_ns, const struct event_verdict *verdict)
{
	static struct ebb_ratelimit limit;
	uint64_t count =
		atomic_fetch_add_explicit(&reactor->delayed_callbacks, 1, memory_order_relaxed);

	if (ebb_ratelimit_ok(&limit)) {
		ebb_debug("reactor",
			  "reactor %d: %s ran %llu.%llu ms, of which it was kept from running for "
			  "%llu.%llu ms (the CPU was busy elsewhere, or the process stopped): only "
			  "counted (%llu so far)",
			  reactor->core, subject->text, MS(passed_ns), MS(verdict->away_ns),
			  (unsigned long long)count + 1);
	}
}

static void overrun_report(struct event_reactor *reactor, const struct overrun_subject *subject,
			   uint64_t passed_ns, const struct event_verdict *verdict,
			   uint64_t limit_ns)
{
	static struct ebb_ratelimit limit;
	const struct ebb_thread *thread =
		atomic_load_explicit(&reactor->span.thread, memory_order_relaxed);
	bool first = event_violation_count(5, "slow callback", subject->object, thread, thread);

	atomic_fetch_add_explicit(&reactor->slow_callbacks, 1, memory_order_relaxed);
	if (ebb_ratelimit_ok(&limit) || first) {
		ebb_warn("reactor",
			 "reactor %d: %s ran %llu.%llu ms (limit %llu ms), %llu.%llu ms of it on "
			 "the CPU, %llu.%llu ms waiting in the kernel: nothing else ran on this "
			 "core meanwhile; what takes long belongs on the helper, or in parts "
			 "(rule 5)",
			 reactor->core, subject->text, MS(passed_ns),
			 (unsigned long long)(limit_ns / EBB_NS_PER_MS), MS(verdict->cpu_ns),
			 MS(verdict->kernel_ns));
	}
}

void event_overrun(struct event_reactor *reactor, uint64_t since_ns,
		   const struct event_reading *after, uint64_t limit_ns)
{
	uint64_t passed_ns = event_turn.now_ns - since_ns;
	struct event_evidence evidence = {.stopped = false};
	struct event_verdict verdict;
	struct overrun_subject subject;

	event_reading_source()->ask(sched_getcpu(), since_ns, event_turn.now_ns, &evidence);
	verdict = event_verdict_of(&reactor->reading, after, &evidence, passed_ns, limit_ns);
	subject_find(reactor, since_ns, &subject);
	if (verdict.guilty) {
		if (subject.many) {
			reactor->closely_until_ns = event_turn.now_ns + OVERRUN_CLOSELY_NS;
		}
		overrun_report(reactor, &subject, passed_ns, &verdict, limit_ns);
	} else {
		overrun_count(reactor, &subject, passed_ns, &verdict);
	}
}
