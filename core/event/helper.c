/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/helper.h"

/*
 * The helper waits for work on a condition variable, without a timeout. Work is done in the order
 * it came. When the framework ends, what has not begun is left undone; a job that hangs (a disk
 * that does not answer) is waited for a while and then left to itself, so that the process can end.
 */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/os_thread.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"
#include "core/os/remedy.h"

#define HELPER_STOP_MAX_S 5

enum helper_state {
	HELPER_NONE, /* the framework does not run, or has been built by hand (in tests) */
	HELPER_RUNNING,
	HELPER_STOPPING, /* it begins nothing any more; for good, if a job hangs */
	HELPER_ENDED,    /* to be joined */
	HELPER_STATE_COUNT,
};

static const uint32_t helper_next[HELPER_STATE_COUNT] = {
	[HELPER_NONE] = EBB_BIT(HELPER_RUNNING),
	[HELPER_RUNNING] = EBB_BIT(HELPER_STOPPING),
	[HELPER_STOPPING] = EBB_BIT(HELPER_ENDED),
	[HELPER_ENDED] = EBB_BIT(HELPER_NONE),
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	pthread_cond_t gone;
	struct ebb_work *first;
	struct ebb_work **end;
	enum helper_state state;
	pthread_t pthread;
} helper = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.wanted = PTHREAD_COND_INITIALIZER,
	.gone = PTHREAD_COND_INITIALIZER,
	.end = &helper.first,
};

/* Under the lock. */
static void helper_set_state(enum helper_state state)
{
	ebb_assert(helper_next[helper.state] & EBB_BIT(state));
	helper.state = state;
}

/* Waits for work. Return: NULL when the framework ends. */
static struct ebb_work *helper_pop(void)
{
	struct ebb_work *work = NULL;

	pthread_mutex_lock(&helper.mutex);
	while (helper.first == NULL && helper.state == HELPER_RUNNING) {
		pthread_cond_wait(&helper.wanted, &helper.mutex);
	}
	if (helper.state == HELPER_RUNNING) {
		work = helper.first;
		helper.first = work->next;
		if (helper.first == NULL) {
			helper.end = &helper.first;
		}
	}
	pthread_mutex_unlock(&helper.mutex);
	return work;
}

/* The running thread's jobs, and its reactor's, which waits accordingly: see reactor.c. */
static void helper_count_jobs(int change)
{
	struct event_reactor *reactor = event_turn.reactor;

	event_turn.thread->work_running += (unsigned)change;
	reactor->helper_jobs += (unsigned)change;
	reactor->helper_ns = event_turn.now_ns;
}

static void helper_done(void *arg)
{
	struct ebb_work *work = arg;

	helper_count_jobs(-1);
	work->done(work);
}

/* Once it is stopping no thread is there to be told, and this one's memory may be freed already. */
static void helper_answer(struct ebb_work *work)
{
	pthread_mutex_lock(&helper.mutex);
	if (helper.state == HELPER_RUNNING) {
		ebb_msg_init(&work->msg, helper_done, work);
		if (work->name != NULL) {
			work->msg.name = work->name;
		}
		ebb_thread_send(work->thread, &work->msg);
	}
	pthread_mutex_unlock(&helper.mutex);
}

static void *helper_main(void *arg)
{
	struct ebb_work *work;

	(void)arg;
	while ((work = helper_pop()) != NULL) {
		work->run(work);
		helper_answer(work);
	}
	pthread_mutex_lock(&helper.mutex);
	helper_set_state(HELPER_ENDED);
	pthread_cond_signal(&helper.gone);
	pthread_mutex_unlock(&helper.mutex);
	return NULL;
}

/* Under the lock. */
static int helper_launch(void)
{
	int rc = event_os_thread_start(&helper.pthread, "ebb_helper", helper_main, NULL);

	if (rc == 0) {
		helper_set_state(HELPER_RUNNING);
	} else {
		ebb_error("helper", "the helper thread cannot be started: %s%s", strerror(-rc),
			  os_remedy(-rc));
	}
	return rc;
}

int event_helper_start(void)
{
	int rc = 0;

	pthread_mutex_lock(&helper.mutex);
	if (helper.state == HELPER_NONE) {
		rc = helper_launch();
	}
	pthread_mutex_unlock(&helper.mutex);
	return rc;
}

EBB_REPORTS int ebb_helper_submit(struct ebb_work *work)
{
	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "helper", NULL, NULL);
		return -EPERM;
	}
	work->next = NULL;
	work->thread = event_turn.thread;
	helper_count_jobs(1);
	pthread_mutex_lock(&helper.mutex);
	/* Without it nothing that blocks can be done: better to end than to hang. */
	if (helper.state == HELPER_NONE && helper_launch() != 0) {
		abort();
	}
	*helper.end = work;
	helper.end = &work->next;
	pthread_cond_signal(&helper.wanted);
	pthread_mutex_unlock(&helper.mutex);
	return 0;
}

bool event_helper_hangs(void)
{
	bool hangs;

	pthread_mutex_lock(&helper.mutex);
	/* Also when that job has ended since: there is no other helper. */
	hangs = helper.state == HELPER_STOPPING || helper.state == HELPER_ENDED;
	pthread_mutex_unlock(&helper.mutex);
	return hangs;
}

void event_helper_stop(void)
{
	enum helper_state state;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HELPER_STOP_MAX_S;
	pthread_mutex_lock(&helper.mutex);
	if (helper.state == HELPER_RUNNING) {
		helper_set_state(HELPER_STOPPING);
		pthread_cond_signal(&helper.wanted);
	}
	while (helper.state == HELPER_STOPPING && rc == 0) {
		rc = pthread_cond_clockwait(&helper.gone, &helper.mutex, CLOCK_MONOTONIC, &until);
	}
	state = helper.state;
	if (state == HELPER_ENDED) {
		helper_set_state(HELPER_NONE);
		helper.first = NULL;
		helper.end = &helper.first;
	}
	pthread_mutex_unlock(&helper.mutex);
	if (state == HELPER_STOPPING) {
		/* Stopping for ever: it may not touch what is freed now. */
		ebb_error(
			"helper",
			"a job of the helper has hung for %d s (a disk that does not answer?): it "
			"is left behind",
			HELPER_STOP_MAX_S);
	} else if (state == HELPER_ENDED) {
		pthread_join(helper.pthread, NULL);
	}
}
