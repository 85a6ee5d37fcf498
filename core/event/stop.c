/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/stop.h"

/*
 * Was the whole process stopped?
 *
 * By SIGSTOP, a debugger, a frozen cgroup, a machine about to be suspended: the kernel keeps no
 * record of it. A SIGCONT could be caught, but only the first of these sends one, and a reactor may
 * be running again before its handler is. But whatever stops a process wakes each of its threads,
 * also one that sleeps in a system call, to stop it; and the thread goes back to sleep when it is
 * let go. So one thread that does nothing but sleep is enough to tell: the watchdog. It notes how
 * often it has given up the CPU when it goes to sleep, which takes one switch more. Whoever finds
 * more than that number knows that there was a stop since, however short, and knows it at once,
 * since a thread's switches are counted before it is stopped.
 *
 * The watchdog looks itself each time it wakes, once a second while any reactor is awake. A stop
 * has then happened in its last sleep, and acquits whatever ran at some time of that.
 */

#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "core/os/task_switches.h"

static _Atomic pid_t stop_watcher;
static _Atomic uint64_t stop_expected; /* the watcher's switches while it sleeps; 0: it is awake */
static _Atomic uint64_t stop_noted;    /* its switches at the last stop that was found */
static _Atomic uint64_t stop_found_ns; /* when that was; 0: never */

static uint64_t stop_own_switches(void)
{
	struct rusage usage = {.ru_nvcsw = 0};

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nvcsw;
}

void event_stop_sleep(void)
{
	if (atomic_exchange(&stop_watcher, gettid()) != gettid()) {
		atomic_store(&stop_noted, 0); /* it was another one's, of an earlier run */
	}
	atomic_store(&stop_expected, stop_own_switches() + 1);
}

bool event_stop_woken(uint64_t now_ns)
{
	uint64_t expected = atomic_exchange(&stop_expected, 0);

	if (expected == 0 || stop_own_switches() <= expected) {
		return false;
	}
	atomic_store(&stop_found_ns, now_ns);
	return true;
}

bool event_stop_seen(uint64_t since_ns)
{
	uint64_t expected = atomic_load(&stop_expected);
	struct os_task_switches switches = {.traced = false};

	if (expected != 0 && os_task_switches_read(atomic_load(&stop_watcher), &switches) == 0 &&
	    atomic_load(&stop_expected) == expected) {
		if (switches.voluntary > expected &&
		    switches.voluntary > atomic_load(&stop_noted)) {
			/* Found once; for others that were stopped too, by when that was. */
			atomic_store(&stop_noted, switches.voluntary);
			atomic_store(&stop_found_ns, ebb_clock_now_ns());
		}
	}
	return switches.traced ||
	       (atomic_load(&stop_found_ns) != 0 && atomic_load(&stop_found_ns) >= since_ns);
}
