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

#include "core/event/os_thread.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

#define HELPER_STOP_MAX_S 5

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	pthread_cond_t gone;
	struct ebb_work *first;
	struct ebb_work **end;
	bool running;
	bool stopping;
	bool ended;
	pthread_t pthread;
} helper = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.wanted = PTHREAD_COND_INITIALIZER,
	.gone = PTHREAD_COND_INITIALIZER,
	.end = &helper.first,
};

/* Waits for work. Return: NULL when the framework ends. */
static struct ebb_work *helper_pop(void)
{
	struct ebb_work *work = NULL;

	pthread_mutex_lock(&helper.mutex);
	while (helper.first == NULL && !helper.stopping) {
		pthread_cond_wait(&helper.wanted, &helper.mutex);
	}
	if (!helper.stopping) {
		work = helper.first;
		helper.first = work->next;
		if (helper.first == NULL) {
			helper.end = &helper.first;
		}
	}
	pthread_mutex_unlock(&helper.mutex);
	return work;
}

static void helper_done(void *arg)
{
	struct ebb_work *work = arg;

	work->thread->work_running--;
	work->done(work);
}

static void *helper_main(void *arg)
{
	struct ebb_work *work;

	(void)arg;
	while ((work = helper_pop()) != NULL) {
		work->run(work);
		ebb_msg_init(&work->msg, helper_done, work);
		ebb_thread_send(work->thread, &work->msg);
	}
	pthread_mutex_lock(&helper.mutex);
	helper.ended = true;
	pthread_cond_signal(&helper.gone);
	pthread_mutex_unlock(&helper.mutex);
	return NULL;
}

/* Under the lock. Without a helper nothing that blocks can be done: better to end than to hang. */
static void helper_launch(void)
{
	int rc = ebb_os_thread_start(&helper.pthread, "ebb_helper", helper_main, NULL);

	if (rc != 0) {
		ebb_error("helper",
			  "the helper thread cannot be started: %s; raise RLIMIT_NPROC (ulimit -u) "
			  "or RLIMIT_AS (ulimit -v)",
			  strerror(-rc));
		abort();
	}
	helper.running = true;
}

void ebb_helper_submit(struct ebb_work *work)
{
	ebb_assert(ebb_turn.thread != NULL);
	work->next = NULL;
	work->thread = ebb_turn.thread;
	work->thread->work_running++;
	pthread_mutex_lock(&helper.mutex);
	if (!helper.running) {
		helper_launch();
	}
	*helper.end = work;
	helper.end = &work->next;
	pthread_cond_signal(&helper.wanted);
	pthread_mutex_unlock(&helper.mutex);
}

bool ebb_helper_hangs(void)
{
	bool hangs;

	pthread_mutex_lock(&helper.mutex);
	hangs = helper.stopping;
	pthread_mutex_unlock(&helper.mutex);
	return hangs;
}

void ebb_helper_stop(void)
{
	struct timespec until;
	bool running, hangs;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HELPER_STOP_MAX_S;
	pthread_mutex_lock(&helper.mutex);
	running = helper.running;
	helper.stopping = true;
	pthread_cond_signal(&helper.wanted);
	while (running && !helper.ended && rc == 0) {
		rc = pthread_cond_clockwait(&helper.gone, &helper.mutex, CLOCK_MONOTONIC, &until);
	}
	hangs = running && !helper.ended;
	if (!hangs) {
		helper.running = false;
		helper.stopping = false;
		helper.ended = false;
		helper.first = NULL;
		helper.end = &helper.first;
	}
	pthread_mutex_unlock(&helper.mutex);
	if (hangs) {
		/* Stopping for ever: it may not touch what is freed now. */
		ebb_error(
			"helper",
			"a job of the helper has hung for %d s (a disk that does not answer?): it "
			"is left behind",
			HELPER_STOP_MAX_S);
	} else if (running) {
		pthread_join(helper.pthread, NULL);
	}
}
