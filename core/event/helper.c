/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/helper.h"

/*
 * The helper sleeps in one epoll_wait() without a timeout, on an eventfd (work) and on the watch's
 * timerfd. It is asleep whenever nobody has work for it and no reactor is awake.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/event/thread.h"
#include "core/event/turn.h"
#include "core/event/watch.h"

static struct {
	pthread_mutex_t mutex;
	struct ebb_work *first;
	struct ebb_work **end;
	bool running;
	bool stopping;
	int event_fd;
	int epoll_fd;
	pthread_t pthread;
} helper = {.mutex = PTHREAD_MUTEX_INITIALIZER, .end = &helper.first};

static void helper_notify(void)
{
	static const uint64_t one = 1;

	while (write(helper.event_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

static struct ebb_work *helper_pop(bool *ret_stopping)
{
	struct ebb_work *work;

	pthread_mutex_lock(&helper.mutex);
	work = helper.first;
	if (work != NULL) {
		helper.first = work->next;
		if (helper.first == NULL) {
			helper.end = &helper.first;
		}
	}
	*ret_stopping = helper.stopping;
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
	struct epoll_event events[2];
	struct ebb_work *work;
	bool stopping = false;

	(void)arg;
	while (!stopping) {
		int count = epoll_wait(helper.epoll_fd, events, EBB_ARRAY_SIZE(events), -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd != helper.event_fd) {
				ebb_watch_expired();
			}
		}
		while ((work = helper_pop(&stopping)) != NULL) {
			work->run(work);
			ebb_msg_init(&work->msg, helper_done, work);
			ebb_thread_send(work->thread, &work->msg);
		}
	}
	return NULL;
}

static int helper_watch_fd(int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};

	return epoll_ctl(helper.epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Under the lock. Without a helper nothing that blocks can be done: better to end than to hang. */
static void helper_launch(void)
{
	sigset_t all, old;
	int rc;

	helper.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	helper.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (helper.event_fd < 0 || helper.epoll_fd < 0 || helper_watch_fd(helper.event_fd) != 0 ||
	    helper_watch_fd(ebb_watch_fd()) != 0) {
		ebb_error("helper", "the helper thread cannot be started: %m");
		abort();
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&helper.pthread, NULL, helper_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		ebb_error("helper", "the helper thread cannot be started: %s", strerror(rc));
		abort();
	}
	pthread_setname_np(helper.pthread, "ebb_helper");
	helper.running = true;
}

void ebb_helper_start(void)
{
	pthread_mutex_lock(&helper.mutex);
	if (!helper.running) {
		helper_launch();
	}
	pthread_mutex_unlock(&helper.mutex);
}

void ebb_helper_submit(struct ebb_work *work)
{
	ebb_assert(ebb_turn.thread != NULL);
	work->next = NULL;
	work->thread = ebb_turn.thread;
	work->thread->work_running++;
	ebb_helper_start();
	pthread_mutex_lock(&helper.mutex);
	*helper.end = work;
	helper.end = &work->next;
	pthread_mutex_unlock(&helper.mutex);
	helper_notify();
}

void ebb_helper_stop(void)
{
	if (!helper.running) {
		return;
	}
	pthread_mutex_lock(&helper.mutex);
	helper.stopping = true;
	pthread_mutex_unlock(&helper.mutex);
	helper_notify();
	pthread_join(helper.pthread, NULL);
	close(helper.event_fd);
	close(helper.epoll_fd);
	helper.running = false;
	helper.stopping = false;
}
