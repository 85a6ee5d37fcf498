/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/method.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/thread.h>

#include "core/method/param.h"
#include "core/method/wanted.h"

/*
 * Calls under way.
 *
 * A method may end its call long after it was called, and a method with a bug may end it twice, by
 * then perhaps after somebody else's call has taken over the memory. So a struct ebb_call pointer
 * is no address: it is a ticket of a slot's index and the slot's generation, which moves on when
 * the call ends. A spent ticket is recognised whatever has happened to its slot since.
 */

#define CALL_INDEX_BITS 13
#define CALL_SLOTS_MAX  (1u << CALL_INDEX_BITS)
#define CALL_NO_SLOT    UINT32_MAX

struct call_slot {
	uint64_t generation; /* of the call in the slot, or of the next one */
	bool busy;
	uint32_t next_free;
	const struct ebb_method *method; /* of the call in the slot, or of the last one */
	void *values;
	struct json_object *took_effect; /* NULL: nothing beyond @values */
	bool keep_failed;                /* what it asks for is wanted even if it fails */
	ebb_method_done done;
	void *arg;
};

static struct call_slot *slots;
static uint32_t num_slots;
static uint32_t first_free = CALL_NO_SLOT;

/* The slots are the app thread's; with no framework running they are the caller's. */
static void call_assert_app(void)
{
	ebb_assert(ebb_thread_app() == NULL || ebb_thread_is_app());
}

static struct ebb_call *call_ticket(uint32_t index)
{
	return (struct ebb_call *)(uintptr_t)(slots[index].generation << CALL_INDEX_BITS | index);
}

static bool slots_grow(void)
{
	uint32_t num = num_slots == 0 ? 16 : num_slots * 2;
	struct call_slot *grown;

	if (num > CALL_SLOTS_MAX) {
		return false;
	}
	grown = reallocarray(slots, num, sizeof(*slots));
	if (grown == NULL) {
		return false;
	}
	slots = grown;
	for (uint32_t i = num; i-- > num_slots;) {
		slots[i] = (struct call_slot){.generation = 1, .next_free = first_free};
		first_free = i;
	}
	num_slots = num;
	return true;
}

/* The slot of a call under way, or NULL: then the mistake has been logged. */
static struct call_slot *call_find(struct ebb_call *call)
{
	uint32_t index = (uint32_t)((uintptr_t)call & (CALL_SLOTS_MAX - 1));
	uint64_t generation = (uintptr_t)call >> CALL_INDEX_BITS;
	struct call_slot *slot;

	call_assert_app();
	if (index >= num_slots || generation == 0 || generation > slots[index].generation) {
		ebb_error("method", "a call that was never made was ended: a bug in a method");
		return NULL;
	}
	slot = &slots[index];
	if (slot->busy && slot->generation == generation) {
		return slot;
	}
	if (slot->generation == generation + (slot->busy ? 0 : 1)) {
		ebb_error("method",
			  "method \"%s\" has ended one call twice; the second end is "
			  "ignored",
			  slot->method->name);
	} else {
		ebb_error("method", "a method has ended one call twice; the second end is ignored");
	}
	return NULL;
}

/* Notes what is wanted now and frees the slot, then reports; @done may dispatch again. */
static void call_end(struct call_slot *slot, struct json_object *result,
		     const struct ebb_method_error *error)
{
	ebb_method_done done = slot->done;
	void *arg = slot->arg;
	void *values = slot->values;

	method_wanted_note(slot->method, values, slot->took_effect, error != NULL ? error->code : 0,
			   slot->keep_failed);
	json_object_put(slot->took_effect);
	slot->took_effect = NULL;
	slot->busy = false;
	slot->generation++;
	slot->values = NULL;
	slot->next_free = first_free;
	first_free = (uint32_t)(slot - slots);
	done(arg, result, error);
	free(values);
}

void ebb_call_result(struct ebb_call *call, struct json_object *result)
{
	struct call_slot *slot = call_find(call);

	if (slot == NULL) {
		json_object_put(result);
		return;
	}
	call_end(slot, result, NULL);
}

void ebb_call_error(struct ebb_call *call, int code, const char *format, ...)
{
	struct call_slot *slot = call_find(call);
	struct ebb_method_error error = {.code = code};
	va_list args;

	if (slot == NULL) {
		return;
	}
	va_start(args, format);
	vsnprintf(error.text, sizeof(error.text), format, args);
	va_end(args);
	call_end(slot, NULL, &error);
}

void ebb_call_took_effect(struct ebb_call *call, const char *param, struct json_object *value)
{
	struct call_slot *slot = call_find(call);

	ebb_assert(slot == NULL || method_param_find(slot->method, param) != NULL);
	if (slot != NULL && slot->took_effect == NULL) {
		slot->took_effect = json_object_new_object();
	}
	if (slot == NULL || slot->took_effect == NULL ||
	    json_object_object_add(slot->took_effect, param, value) != 0) {
		json_object_put(value);
	}
}

static void error_wrong_state(const struct ebb_method *method, struct ebb_method_error *error)
{
	if (method->states == EBB_METHOD_STARTUP) {
		method_error_set(error, EBB_METHOD_WRONG_STATE,
				 "method \"%s\" needs the state STARTUP, and ebb is in RUNTIME: "
				 "call it before framework_start_init (start ebbd with "
				 "--wait-for-rpc)",
				 method->name);
	} else {
		method_error_set(error, EBB_METHOD_WRONG_STATE,
				 "method \"%s\" needs the state RUNTIME, and ebb is in STARTUP: "
				 "call framework_start_init first",
				 method->name);
	}
}

/* Takes a slot for a call to @method, its parameters decoded. NULL: @ret_error says why not. */
static struct call_slot *call_begin(const struct ebb_method *method, struct json_object *params,
				    ebb_method_done done, void *arg,
				    struct ebb_method_error *ret_error)
{
	struct call_slot *slot;
	void *values = malloc(method->params_size != 0 ? method->params_size : 1);

	if (values == NULL || (first_free == CALL_NO_SLOT && !slots_grow())) {
		method_error_set(ret_error, EBB_METHOD_INTERNAL_ERROR,
				 "no room to call method \"%s\" (%u calls are under way): call "
				 "again when some have ended",
				 method->name, num_slots);
		free(values);
		return NULL;
	}
	if (method_param_decode(method, params, values, ret_error) != 0) {
		free(values);
		return NULL;
	}
	slot = &slots[first_free];
	first_free = slot->next_free;
	slot->busy = true;
	slot->keep_failed = false;
	slot->method = method;
	slot->values = values;
	slot->done = done;
	slot->arg = arg;
	return slot;
}

static void call_dispatch(const struct ebb_method *method, struct json_object *params,
			  bool keep_failed, ebb_method_done done, void *arg)
{
	struct ebb_method_error error;
	struct call_slot *slot = NULL;

	call_assert_app();
	if ((method->states & ebb_method_state()) == 0) {
		error_wrong_state(method, &error);
	} else {
		slot = call_begin(method, params, done, arg, &error);
	}
	if (slot == NULL) {
		done(arg, NULL, &error);
		return;
	}
	slot->keep_failed = keep_failed;
	if (method->snapshot != NULL) {
		call_end(slot, method->snapshot(), NULL);
	} else {
		method->fn(call_ticket((uint32_t)(slot - slots)), slot->values);
	}
}

void ebb_method_dispatch(const struct ebb_method *method, struct json_object *params,
			 ebb_method_done done, void *arg)
{
	call_dispatch(method, params, false, done, arg);
}

void ebb_method_dispatch_wanted(const struct ebb_method *method, struct json_object *params,
				ebb_method_done done, void *arg)
{
	call_dispatch(method, params, true, done, arg);
}
