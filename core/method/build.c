/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/build.h"

#include <stdbool.h>
#include <stdint.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/thread.h>

/* How long elements are made in one turn; so long, and one element more, all others wait. */
#define BUILD_TURN_NS ((uint64_t)50 * 1000)

static struct ebb_list builds = EBB_LIST_INIT(builds); /* the first is being made */
static unsigned num_builds;
static bool is_begun;   /* the first has had a step */
static bool is_waiting; /* it waits to be continued */
static bool is_held;
static bool is_making;             /* one of our callers is build_make() */
static struct ebb_thread *sent_to; /* the message is on its way to this one, or to nobody */
static struct ebb_msg build_msg;

static void build_make(void);

static void build_turn(void *arg)
{
	(void)arg;
	sent_to = NULL;
	build_make();
}

/* In the next turn. A message to a thread of a run that has ended is on its way no more. */
static void build_send(void)
{
	struct ebb_thread *app = ebb_thread_app();

	if (sent_to != app) {
		sent_to = app;
		ebb_msg_init(&build_msg, build_turn, NULL);
		ebb_thread_send(app, &build_msg);
	}
}

/* The first one's next element. */
static void build_step(void)
{
	struct method_build *build = ebb_list_first(&builds, struct method_build, link);

	is_begun = true;
	switch (build->step(build)) {
	case METHOD_BUILD_MORE:
		break;
	case METHOD_BUILD_WAIT:
		is_waiting = true;
		break;
	case METHOD_BUILD_DONE:
		ebb_list_remove(&build->link);
		num_builds--;
		is_begun = false;
		build->done(build);
		break;
	}
}

static bool build_has_step(void)
{
	return !ebb_list_empty(&builds) && !is_waiting && (is_begun || !is_held);
}

static void build_make(void)
{
	uint64_t end_ns = ebb_clock_now_ns() + BUILD_TURN_NS;
	bool alone = ebb_thread_app() == NULL; /* without a framework there are no turns */

	is_making = true;
	while (build_has_step() && (alone || ebb_clock_now_ns() < end_ns)) {
		build_step();
	}
	is_making = false;
	if (build_has_step()) {
		build_send();
	}
}

void method_build_start(struct method_build *build)
{
	bool first = ebb_list_empty(&builds);

	ebb_list_push_back(&builds, &build->link);
	num_builds++;
	if (first && !is_making) {
		build_make();
	}
}

void method_build_continue(struct method_build *build)
{
	ebb_assert(is_waiting && build == ebb_list_first(&builds, struct method_build, link));
	is_waiting = false;
	if (ebb_thread_app() != NULL) {
		build_send();
	} else {
		build_make();
	}
}

void method_build_hold(bool hold)
{
	is_held = hold;
	if (!is_making && build_has_step()) {
		build_send();
	}
}

unsigned method_build_count(void)
{
	return num_builds;
}
