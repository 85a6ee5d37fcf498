/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Threads that live for a moment. The churn timer makes one, sends to it, tells it to exit, and
 * goes on sending until it is told -ESRCH: what was accepted before must have run, and run in
 * order.
 */

#include <errno.h>

#include <ebb/poller.h>
#include <ebb/reactor.h>

#define LIVES  8
#define WINDOW 5000 /* more than a ring holds */
#define BURST  128
#define FORMS  2 /* message and call */

enum life_state { LIFE_NONE, LIFE_LIVES, LIFE_EXITS, LIFE_REFUSES };

struct life {
	enum life_state state;
	struct ebb_thread *thread;
	struct stress_stream streams[FORMS];
	struct stress_flow flow;      /* of lives */
	struct stress_flow move_flow; /* of moves of one that may exit meanwhile */
	struct ebb_poller *poller;    /* the thread's own */
	unsigned ticks_left;
};

static struct life lives[LIVES];

/* Keeps the exit waiting for a moment. */
static int life_tick(void *arg)
{
	struct life *life = arg;

	if (--life->ticks_left == 0) {
		ebb_poller_unregister(&life->poller);
	}
	return 1;
}

static void life_die(void *arg)
{
	struct life *life = arg;

	life->ticks_left = 3;
	life->poller = ebb_poller_register(life_tick, life, 200);
	if (life->poller == NULL) {
		stress_fail("a thread gets no timer");
	}
	ebb_thread_exit();
}

static void life_moved(void *arg, int rc)
{
	struct life *life = arg;

	if (rc != 0 && rc != -ESRCH && rc != -EBUSY) {
		stress_fail("a thread cannot be moved: error %d", rc);
	}
	stress_flow_end(&life->move_flow);
}

static void life_begin(struct life *life)
{
	int rc = ebb_thread_create("life", EBB_CORE_ANY, &life->thread);

	if (rc != 0) {
		stress_fail("a thread cannot be made: error %d", rc);
	}
	stress_flow_begin(&life->flow);
	life->streams[0].target = life->thread;
	life->streams[1].target = life->thread;
	life->state = LIFE_LIVES;
}

static void life_move(struct life *life, struct stress_random *random)
{
	int core = ebb_reactor_core((unsigned)stress_random_below(random, 2));

	if (core >= 0) {
		stress_flow_begin(&life->move_flow);
		ebb_thread_move(life->thread, core, life_moved, life);
	}
}

/* Return: true if every stream is refused. */
static bool life_send(struct life *life, uint64_t count)
{
	bool refused = true;

	for (unsigned i = 0; i < FORMS; i++) {
		int rc = 0;

		for (uint64_t k = 0; k < count && rc == 0; k++) {
			rc = stress_stream_send(&life->streams[i]);
		}
		refused &= rc == -ESRCH;
	}
	return refused;
}

static void life_step(struct life *life, struct stress_random *random)
{
	uint64_t count = 1 + stress_random_below(random, BURST);

	switch (life->state) {
	case LIFE_NONE:
		life_begin(life);
		life_send(life, count);
		break;
	case LIFE_LIVES:
		life_send(life, stress_random_below(random, 16) == 0 ? WINDOW : count);
		if (stress_random_below(random, 2) == 0) {
			life_move(life, random);
		}
		if (stress_random_below(random, 3) == 0) {
			if (ebb_thread_send_msg(life->thread, life_die, life) != 0) {
				stress_fail("a thread that lives takes no messages");
			}
			life->state = LIFE_EXITS;
		}
		break;
	case LIFE_EXITS:
		/* Few enough that it can end: an exit waits for what was accepted. */
		if (life_send(life, count / 16)) {
			life->state = LIFE_REFUSES;
		} else if (stress_random_below(random, 8) == 0) {
			life_move(life, random);
		}
		break;
	default:
		if (stress_flow_under_way(&life->streams[0].flow) == 0 &&
		    stress_flow_under_way(&life->streams[1].flow) == 0 &&
		    stress_flow_under_way(&life->move_flow) == 0) {
			stress_flow_end(&life->flow);
			life->state = LIFE_NONE;
		}
		break;
	}
}

void stress_lives_init(void)
{
	for (unsigned i = 0; i < LIVES; i++) {
		stress_stream_init(&lives[i].streams[0], "to exiting, msg", i, STRESS_MSG, WINDOW);
		stress_stream_init(&lives[i].streams[1], "to exiting, call", i, STRESS_CALL,
				   WINDOW);
		stress_flow_init(&lives[i].flow, "thread life", i);
		lives[i].flow.driven = true;
		stress_flow_init(&lives[i].move_flow, "move of a mortal", i);
	}
}

void stress_lives_step(struct stress_random *random)
{
	life_step(&lives[stress_random_below(random, LIVES)], random);
}

void stress_lives_end(void)
{
	static struct stress_random random;

	for (unsigned i = 0; i < LIVES; i++) {
		if (lives[i].state != LIFE_NONE) {
			life_step(&lives[i], &random);
		}
	}
}

void stress_lives_fini(void)
{
	for (unsigned i = 0; i < LIVES; i++) {
		stress_stream_fini(&lives[i].streams[0]);
		stress_stream_fini(&lives[i].streams[1]);
	}
}
