/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/event/stepper.h"

#include <string.h>
#include <unistd.h>

#include "core/event/helper.h"

/* In the past of the kernel's clock: a timerfd that is armed by this one expires at once. */
#define STEPPER_EPOCH_NS EBB_NS_PER_S

#define STEPPER_TURNS_MAX 1000

static _Atomic uint64_t stepper_clock_ns;
static struct event_turn stepper_turns[3];
static struct event_reactor *stepper_current;

uint64_t stepper_now_ns(void)
{
	return atomic_load(&stepper_clock_ns);
}

void stepper_advance_us(uint64_t us)
{
	atomic_fetch_add(&stepper_clock_ns, us * EBB_NS_PER_US);
}

static void stepper_switch(struct event_reactor *reactor)
{
	if (stepper_current == reactor) {
		return;
	}
	if (stepper_current != NULL) {
		stepper_turns[stepper_current - event_reactors] = event_turn;
	}
	if (reactor != NULL) {
		event_turn = stepper_turns[reactor - event_reactors];
	}
	stepper_current = reactor;
}

/* By a clock that is moved, whatever takes time is on the CPU, unless the test says otherwise. */
struct os_thread_times stepper_times;
struct event_evidence stepper_evidence;

static void stepper_read(int fd, struct os_thread_times *ret_times)
{
	(void)fd;
	*ret_times = stepper_times;
	ret_times->cpu_ns += stepper_now_ns();
	ret_times->has_queue = true;
}

static bool stepper_read_of(pid_t tid, struct os_thread_times *ret_times)
{
	(void)tid;
	stepper_read(-1, ret_times);
	return true;
}

static void stepper_ask(int cpu, uint64_t since_ns, uint64_t now_ns, struct event_evidence *ret)
{
	(void)cpu;
	ck_assert_uint_ge(now_ns, since_ns);
	*ret = stepper_evidence;
}

static const struct event_reading_source stepper_readings = {
	.read = stepper_read,
	.read_of = stepper_read_of,
	.ask = stepper_ask,
};

static void stepper_begin(unsigned num_reactors)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_INTERRUPT, .roam = true};

	atomic_store(&stepper_clock_ns, STEPPER_EPOCH_NS);
	log_capture();
	ebb_clock_set_source(stepper_now_ns);
	event_reading_set_source(&stepper_readings);
	memset(&stepper_times, 0, sizeof(stepper_times));
	memset(&stepper_evidence, 0, sizeof(stepper_evidence));
	CPU_ZERO(&opts.cpus);
	for (unsigned i = 0; i < num_reactors; i++) {
		CPU_SET(i, &opts.cpus);
	}
	ck_assert_int_eq(event_framework_init(&opts), 0);
	for (unsigned i = num_reactors; i-- > 0;) {
		event_reactor_begin(&event_reactors[i]);
		stepper_turns[i] = event_turn;
		stepper_current = &event_reactors[i];
	}
}

void stepper_start(void)
{
	stepper_begin(1);
}

void stepper_start_two(void)
{
	stepper_begin(2);
}

void stepper_start_three(void)
{
	stepper_begin(3);
}

bool stepper_turn_of(unsigned index, bool polling)
{
	stepper_switch(&event_reactors[index]);
	return event_reactor_turn(&event_reactors[index], polling);
}

bool stepper_turn(void)
{
	return stepper_turn_of(0, true);
}

static bool stepper_turn_all(void)
{
	bool worked = false;

	for (unsigned i = 0; i < event_num_reactors; i++) {
		worked |= stepper_turn_of(i, true);
	}
	return worked;
}

void stepper_settle(void)
{
	unsigned turns = 0;

	while (stepper_turn_all()) {
		ck_assert_msg(++turns < STEPPER_TURNS_MAX, "the threads do not settle");
	}
}

static bool stepper_ended(void)
{
	for (unsigned i = 0; i < event_num_reactors; i++) {
		if (!event_reactor_done(&event_reactors[i])) {
			return false;
		}
	}
	return true;
}

void stepper_run(void)
{
	stepper_switch(&event_reactors[0]);
	atomic_store(&event_reactors[0].state, EVENT_REACTOR_NEW); /* it begins once more */
	event_reactor_run(&event_reactors[0]);
}

bool stepper_has_run(void)
{
	return event_threads.num_threads == 0;
}

/* Return: false if somebody did not exit, not even when that was overdue. */
static bool stepper_end(void)
{
	if (stepper_has_run()) {
		return true;
	}
	stepper_enter(ebb_thread_app());
	event_framework_stop();
	stepper_leave();
	for (unsigned i = 0; i < 4 && !stepper_ended(); i++) {
		for (unsigned turn = 0; turn < STEPPER_TURNS_MAX && !stepper_ended(); turn++) {
			stepper_turn_all();
		}
		/* By now only what waits for its five seconds is left. */
		stepper_advance_us(6000000);
	}
	return stepper_ended();
}

static void stepper_free(void)
{
	for (unsigned i = 0; i < event_num_reactors; i++) {
		if (atomic_load(&event_reactors[i].state) == EVENT_REACTOR_RUNNING) {
			stepper_turn_of(i, true); /* it has been told to stop */
		}
		stepper_switch(&event_reactors[i]);
		if (atomic_load(&event_reactors[i].state) != EVENT_REACTOR_ENDED) {
			event_reactor_end(&event_reactors[i]);
		}
	}
	stepper_current = NULL;
	event_helper_stop();
	event_framework_fini();
	ebb_clock_set_source(NULL);
	event_reading_set_source(NULL);
}

void stepper_stop_forced(void)
{
	if (event_reactors == NULL) {
		return;
	}
	ck_assert_msg(stepper_end(), "a thread has not exited");
	stepper_free();
}

void stepper_stop(void)
{
	stepper_stop_forced();
	ck_assert_msg(!logged("is forced"), "%s", log_text());
}

struct ebb_thread *stepper_thread(const char *name, unsigned index)
{
	struct ebb_thread *thread = NULL;

	ck_assert_int_eq(ebb_thread_create(name, event_reactors[index].core, &thread), 0);
	stepper_turn_of(index, true);
	return thread;
}

void stepper_enter(struct ebb_thread *thread)
{
	stepper_switch(atomic_load(&thread->reactor));
	event_thread_enter(thread);
}

void stepper_leave(void)
{
	event_thread_enter(NULL);
}

void stepper_exit(struct ebb_thread *thread)
{
	stepper_enter(thread);
	ebb_thread_exit();
	stepper_leave();
}

void stepper_wait_asleep(int core)
{
	struct ebb_reactor_stats stats;

	do {
		usleep(100);
		ck_assert_int_eq(ebb_reactor_get_stats(core, &stats), 0);
	} while (!stats.asleep);
}

void stepper_count(void *counter)
{
	(*(unsigned *)counter)++;
}

int stepper_poll_count(void *counter)
{
	(*(unsigned *)counter)++;
	return 0;
}
