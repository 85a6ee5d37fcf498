/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/callback.h"

#include "core/event/watchdog.h"

void __attribute__((noinline)) ebb_reactor_read_kernel_clock(struct ebb_reactor *reactor)
{
	uint64_t since_ns = ebb_turn.now_ns;

	ebb_turn.now_ns = ebb_ticker_read(&reactor->ticker, since_ns);
	if (ebb_span_state(reactor) != EBB_SPAN_EMPTY &&
	    ebb_turn.now_ns - since_ns > EBB_CALLBACK_LIMIT_NS) {
		event_watchdog_overrun(
			reactor, atomic_load_explicit(&reactor->span.thread, memory_order_relaxed),
			atomic_load_explicit(&reactor->span.name, memory_order_relaxed),
			ebb_turn.now_ns - since_ns);
	}
}

void __attribute__((noinline)) ebb_reactor_read_clock_again(struct ebb_reactor *reactor)
{
	if (ebb_likely(ebb_span_state(reactor) == EBB_SPAN_IDLE &&
		       ebb_ticker_count(&reactor->ticker, &ebb_turn.now_ns))) {
		ebb_span_set_state(reactor, EBB_SPAN_EMPTY);
	} else {
		ebb_reactor_read_clock(reactor);
	}
}
