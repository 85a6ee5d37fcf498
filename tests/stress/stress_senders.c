/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Senders that the framework knows nothing of: OS threads that send to all workers in every form,
 * and one that makes signals interrupt reactors and senders anywhere, whose handler sends a
 * critical message.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <ebb/clock.h>

#define SENDERS        3
#define WINDOW         6000 /* more than a ring holds */
#define CRITICAL_LIMIT 16
#define VICTIMS_MAX    16
#define SIGNALS        32

struct sender {
	pthread_t pthread;
	struct stress_random random;
	struct stress_stream streams[STRESS_WORKERS][STRESS_FORMS];
};

static struct sender senders[SENDERS];
static pthread_t signaller;
static pthread_t victims[VICTIMS_MAX];
static _Atomic unsigned num_victims;

/*
 * A message that a signal handler sends. Signals merge, so a handler sends whatever is ready, and
 * the order is anybody's.
 */
enum signal_state { SIGNAL_FREE, SIGNAL_READY, SIGNAL_SENT };

struct signal_parcel {
	_Atomic enum signal_state state;
	struct ebb_thread *target;
	uint64_t sent_ns;
};

static struct signal_parcel signal_parcels[SIGNALS];
static struct stress_flow signal_flow;
static _Atomic bool signaller_ended;

static void nap(uint64_t ns)
{
	struct timespec pause_time = {.tv_nsec = (long)ns};

	nanosleep(&pause_time, NULL);
}

/* Sends a burst, and is slow afterwards now and then, so that reactors go to sleep. */
static void sender_step(struct sender *sender, enum stress_phase phase)
{
	struct stress_random *random = &sender->random;
	unsigned worker = (unsigned)stress_random_below(random, STRESS_WORKERS);
	unsigned form = (unsigned)stress_random_below(random, STRESS_FORMS);
	uint64_t count = 1;

	if (phase == STRESS_FLOOD) {
		count = stress_random_below(random, 16) == 0 ? WINDOW
							     : 1 + stress_random_below(random, 64);
	}
	while (count > 0 && stress_stream_send(&sender->streams[worker][form]) == 0) {
		count--;
	}
	if (phase == STRESS_TRICKLE) {
		nap(stress_random_below(random, 4) == 0
			    ? stress_random_below(random, 3 * EBB_NS_PER_MS)
			    : stress_random_below(random, 100 * EBB_NS_PER_US));
	} else if (count > 0) {
		nap(100 * EBB_NS_PER_US); /* a full window: let the receiver run */
	}
}

/* One message at a time, and the next when it has run. */
static void sender_ping(struct sender *sender)
{
	struct stress_random *random = &sender->random;
	struct stress_stream *stream = &sender->streams[stress_random_below(random, STRESS_WORKERS)]
						       [stress_random_below(random, STRESS_FORMS)];

	stress_flow_end(&stress_pulse);
	if (stress_stream_send(stream) == 0) {
		while (stress_flow_under_way(&stream->flow) != 0) {
		}
	}
	stress_random_delay(random);
}

static void *sender_main(void *arg)
{
	struct sender *sender = arg;
	enum stress_phase phase;

	stress_senders_add_victim();
	while ((phase = stress_phase_now()) != STRESS_END) {
		if (phase == STRESS_FLOOD || phase == STRESS_TRICKLE) {
			sender_step(sender, phase);
		} else if (phase == STRESS_PING && sender == &senders[0]) {
			sender_ping(sender);
		} else {
			nap(2 * EBB_NS_PER_MS);
		}
	}
	/* A signal that is under way to this OS thread must still find it. */
	while (!atomic_load(&signaller_ended)) {
		nap(EBB_NS_PER_MS);
	}
	nap(EBB_NS_PER_MS);
	return NULL;
}

static void signal_parcel_end(struct signal_parcel *parcel)
{
	stress_flow_end(&signal_flow);
	atomic_store(&parcel->state, SIGNAL_FREE);
}

static void signal_parcel_run(void *arg)
{
	struct signal_parcel *parcel = arg;

	if (ebb_thread_current() != parcel->target) {
		stress_fail("a critical message runs on another thread");
	}
	if (ebb_clock_now_ns() - parcel->sent_ns > stress_limit_ns) {
		stress_fail("a critical message from a signal handler ran too late");
	}
	signal_parcel_end(parcel);
}

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	for (unsigned i = 0; i < SIGNALS; i++) {
		struct signal_parcel *parcel = &signal_parcels[i];
		enum signal_state ready = SIGNAL_READY;

		if (!atomic_compare_exchange_strong(&parcel->state, &ready, SIGNAL_SENT)) {
			continue;
		}
		parcel->sent_ns = ebb_clock_now_ns();
		if (ebb_thread_send_critical(parcel->target, signal_parcel_run, parcel) != 0) {
			signal_parcel_end(parcel); /* its ring was full */
		}
	}
	errno = saved;
}

void stress_senders_add_victim(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	sigset_t set;
	unsigned count;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	pthread_mutex_lock(&mutex);
	count = atomic_load(&num_victims);
	if (count < VICTIMS_MAX) {
		victims[count] = pthread_self();
		atomic_store(&num_victims, count + 1);
	}
	pthread_mutex_unlock(&mutex);
}

static void *signaller_main(void *arg)
{
	struct stress_random *random = arg;
	enum stress_phase phase;

	stress_senders_add_victim();
	while ((phase = stress_phase_now()) != STRESS_END) {
		struct signal_parcel *parcel =
			&signal_parcels[stress_random_below(random, SIGNALS)];
		unsigned worker = (unsigned)stress_random_below(random, STRESS_WORKERS);
		unsigned victim = (unsigned)stress_random_below(random, atomic_load(&num_victims));

		if (!stress_phase_quiet(phase) && atomic_load(&parcel->state) == SIGNAL_FREE) {
			parcel->target = stress_workers[worker].thread;
			stress_flow_begin(&signal_flow);
			/* Pairs with the exchange in the handler. */
			atomic_store(&parcel->state, SIGNAL_READY);
			pthread_kill(victims[victim], SIGUSR1);
		}
		nap(stress_random_below(random, EBB_NS_PER_MS));
	}
	atomic_store(&signaller_ended, true);
	nap(EBB_NS_PER_MS);
	return NULL;
}

void stress_senders_init(void)
{
	static const char *const names[STRESS_FORMS] = {"foreign msg", "foreign call",
							"foreign mixed", "foreign critical"};
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, NULL);
	for (unsigned i = 0; i < SENDERS * STRESS_WORKERS * STRESS_FORMS; i++) {
		unsigned form = i % STRESS_FORMS;
		unsigned worker = i / STRESS_FORMS % STRESS_WORKERS;
		struct sender *sender = &senders[i / STRESS_FORMS / STRESS_WORKERS];

		stress_stream_init(&sender->streams[worker][form], names[form], i,
				   (enum stress_form)form,
				   form == STRESS_CRITICAL ? CRITICAL_LIMIT : WINDOW);
	}
	stress_flow_init(&signal_flow, "critical by signal", 0);
}

static void sender_start(pthread_t *pthread, void *(*main)(void *), void *arg)
{
	int rc = pthread_create(pthread, NULL, main, arg);

	if (rc != 0) {
		stress_fail("pthread_create: error %d", rc);
	}
}

void stress_senders_start(void)
{
	static struct stress_random random;

	for (unsigned i = 0; i < SENDERS; i++) {
		for (unsigned worker = 0; worker < STRESS_WORKERS; worker++) {
			for (unsigned form = 0; form < STRESS_FORMS; form++) {
				senders[i].streams[worker][form].target =
					stress_workers[worker].thread;
			}
		}
		stress_random_init(&senders[i].random, 100 + i);
		sender_start(&senders[i].pthread, sender_main, &senders[i]);
	}
	stress_random_init(&random, 99);
	sender_start(&signaller, signaller_main, &random);
}

void stress_senders_join(void)
{
	pthread_join(signaller, NULL);
	for (unsigned i = 0; i < SENDERS; i++) {
		pthread_join(senders[i].pthread, NULL);
	}
}

void stress_senders_fini(void)
{
	for (unsigned i = 0; i < SENDERS * STRESS_WORKERS * STRESS_FORMS; i++) {
		stress_stream_fini(
			&senders[i / STRESS_FORMS / STRESS_WORKERS]
				 .streams[i / STRESS_FORMS % STRESS_WORKERS][i % STRESS_FORMS]);
	}
}
