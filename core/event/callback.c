/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/callback.h"

/*
 * What is compared when a callback took too long.
 *
 * Whether a callback has used the CPU, waited, or was kept from running is a matter of two readings
 * of its OS thread's times, and a reading costs as much as some I/O. So none is made for a
 * callback. The reactor keeps one from before, and makes a new one when that is ten milliseconds
 * old: by then it has the kernel's clock to read anyway, and what it has done meanwhile cannot be
 * much. A second one is made when a callback was over the limit. verdict.c says what the two can
 * tell.
 */

#include <unistd.h>

#include "core/event/overrun.h"
#include "core/event/reading.h"

#define CALLBACK_READING_NS (10 * EBB_NS_PER_MS)

const char event_deferred_name[] = "I/O completions";
const char event_reaped_name[] = "io_uring completions";

static _Atomic uint64_t callback_limit_ns = EVENT_CALLBACK_LIMIT_MS_DEFAULT * EBB_NS_PER_MS;

void event_callback_set_limit_ms(uint32_t limit_ms)
{
	atomic_store(&callback_limit_ns, limit_ms == 0 ? UINT64_MAX : limit_ms * EBB_NS_PER_MS);
}

static void callback_read_times(const struct event_reactor *reactor, struct event_reading *ret)
{
	ret->at_ns = event_turn.now_ns;
	event_reading_source()->read(reactor->times_fd, &ret->times);
}

void event_callback_begin_readings(struct event_reactor *reactor)
{
	if (reactor->times_fd < 0) {
		reactor->times_fd = os_thread_times_open();
	}
	callback_read_times(reactor, &reactor->reading);
	reactor->watched.last = reactor->reading; /* the watchdog sees none before it runs */
}

void event_callback_end_readings(struct event_reactor *reactor)
{
	if (reactor->times_fd >= 0) {
		close(reactor->times_fd);
		reactor->times_fd = -1;
	}
}

void __attribute__((noinline)) event_callback_read_kernel_clock(struct event_reactor *reactor)
{
	uint64_t limit_ns = atomic_load_explicit(&callback_limit_ns, memory_order_relaxed);
	uint64_t since_ns = event_turn.now_ns;

	event_turn.now_ns = base_ticker_read(&reactor->ticker, since_ns);
	if (ebb_unlikely(event_span_state(reactor) != EVENT_SPAN_EMPTY &&
			 event_turn.now_ns - since_ns > limit_ns)) {
		struct event_reading after;

		callback_read_times(reactor, &after);
		event_overrun(reactor, since_ns, &after, limit_ns);
		reactor->reading = after;
	} else if (event_turn.now_ns - reactor->reading.at_ns >= CALLBACK_READING_NS &&
		   limit_ns != UINT64_MAX) {
		callback_read_times(reactor, &reactor->reading);
	}
}

void __attribute__((noinline)) event_callback_read_clock_again(struct event_reactor *reactor)
{
	if (ebb_likely(event_span_state(reactor) == EVENT_SPAN_IDLE &&
		       base_ticker_count(&reactor->ticker, &event_turn.now_ns))) {
		event_span_set_state(reactor, EVENT_SPAN_EMPTY);
	} else {
		event_callback_read_clock(reactor);
	}
}
