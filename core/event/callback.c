/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/callback.h"

#include "core/event/watchdog.h"

void __attribute__((noinline)) event_callback_read_kernel_clock(struct event_reactor *reactor)
{
	uint64_t since_ns = event_turn.now_ns;

	event_turn.now_ns = base_ticker_read(&reactor->ticker, since_ns);
	if (event_span_state(reactor) != EVENT_SPAN_EMPTY &&
	    event_turn.now_ns - since_ns > EVENT_CALLBACK_LIMIT_NS) {
		event_watchdog_overrun(
			reactor, atomic_load_explicit(&reactor->span.thread, memory_order_relaxed),
			atomic_load_explicit(&reactor->span.name, memory_order_relaxed),
			event_turn.now_ns - since_ns);
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
