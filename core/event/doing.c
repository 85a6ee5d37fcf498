/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/doing.h"

#include <stdio.h>
#include <string.h>

#include <ebb/clock.h>

#include "core/event/reactor.h"
#include "core/event/turn.h"

/* Other threads read it. */
static void doing_publish(struct event_doing_state *state)
{
	const char *text = state->innermost != NULL ? state->innermost->text : "";

	pthread_mutex_lock(&state->mutex);
	memcpy(state->now, text, strlen(text) + 1);
	pthread_mutex_unlock(&state->mutex);
}

/* What it stands within, as "NAME: ", which is cut if it takes more than half. Return: its length. */
static size_t doing_print_outer(const struct event_doing *outer, char *text, size_t size)
{
	const char *name = outer->text + outer->own;
	size_t max = size / 2 - strlen("...: ") - 1;

	return (size_t)snprintf(text, size, "%.*s%s: ", (int)max, name,
				strlen(name) > max ? "..." : "");
}

void event_doing_begin(struct event_doing *doing, const char *kind, const char *name)
{
	struct event_reactor *reactor = event_turn.reactor;
	const struct event_doing *outer;

	doing->reactor = reactor;
	if (reactor == NULL) {
		return;
	}
	outer = reactor->doing.innermost;
	doing->outer = reactor->doing.innermost;
	doing->own = 0;
	doing->text[0] = '\0';
	if (outer != NULL) {
		doing->own = doing_print_outer(outer, doing->text, sizeof(doing->text));
	}
	snprintf(doing->text + doing->own, sizeof(doing->text) - doing->own, "%s \"%s\"", kind,
		 name);
	doing->begun_ns = ebb_clock_now_ns();
	reactor->doing.innermost = doing;
	doing_publish(&reactor->doing);
}

void event_doing_end(struct event_doing *doing)
{
	struct event_doing_state *state;
	uint64_t took_ns;

	if (doing->reactor == NULL) {
		return;
	}
	state = &doing->reactor->doing;
	took_ns = ebb_clock_now_ns() - doing->begun_ns;
	if (state->callback_ns != event_turn.now_ns) {
		state->callback_ns = event_turn.now_ns;
		state->longest_ns = 0;
	}
	if (took_ns / 2 > state->longest_ns) {
		state->longest_ns = took_ns;
		memcpy(state->longest, doing->text, sizeof(doing->text));
	}
	state->innermost = doing->outer;
	doing_publish(state);
}

const char *event_doing_longest(const struct event_reactor *reactor, uint64_t callback_ns,
				uint64_t passed_ns)
{
	const struct event_doing_state *state = &reactor->doing;

	return state->callback_ns == callback_ns && state->longest_ns > passed_ns / 2
		       ? state->longest
		       : NULL;
}

bool event_doing_now(struct event_reactor *reactor, char *ret_text, size_t size)
{
	struct event_doing_state *state = &reactor->doing;

	pthread_mutex_lock(&state->mutex);
	snprintf(ret_text, size, "%s", state->now);
	pthread_mutex_unlock(&state->mutex);
	return ret_text[0] != '\0';
}
