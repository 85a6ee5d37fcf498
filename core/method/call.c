/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/method.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/violation.h>

#include "core/base/handle.h"
#include "core/event/app_only.h"
#include "core/event/doing.h"
#include "core/method/call.h"
#include "core/method/param.h"
#include "core/method/wanted.h"
#include "core/os/remedy.h"
#include "core/os/shortage.h"

/*
 * Calls under way.
 *
 * A method may end its call long after it was called, and a method with a bug may end it twice, by
 * then perhaps after somebody else's call has taken over the memory. So a struct ebb_call pointer
 * is no address: it is a handle, and one that is spent is recognised whatever has happened since.
 */

#define CALLS_MAX   (1u << 13)
#define ENDED_NOTED 64u
#define AGAIN_US    20000u
#define AGAIN_MAX   25u

#define CALL_SPARE         ((size_t)4 * 1024 * 1024)
#define CALL_SPARE_TO_UNDO ((size_t)256 * 1024)

struct call {
	uint64_t handle;
	const struct ebb_method *method;
	struct json_object *took_effect; /* NULL: nothing beyond @values */
	uint64_t begun;                  /* of method_wanted_call_begun() */
	bool keep_failed;                /* what it asks for is wanted even if it fails */
	struct ebb_poller *again; /* until its method is called again; NULL: it is not to be */
	unsigned num_again;
	void (*left)(void *arg); /* nobody waits for the end; NULL: the method need not know */
	void *left_arg;
	ebb_method_done done;
	void *arg;
	_Alignas(max_align_t) unsigned char values[];
};

static_assert(sizeof(struct ebb_call *) >= sizeof(uint64_t), "a handle as a pointer");

static struct base_handle_table calls = {.max_slots = CALLS_MAX};

/* What was called, of those that have ended last, to name it if its call is ended again. */
static struct {
	uint64_t handle;
	const struct ebb_method *method;
} ended[ENDED_NOTED];

/*
 * A call under way, or NULL: then the mistake has been reported. The calls are the app thread's; with
 * no framework running they are the caller's. @function, @site: whom and where he called.
 */
static struct call *call_find(struct ebb_call *ticket, const char *function, const void *site)
{
	uint64_t handle = (uintptr_t)ticket;
	uint32_t noted = base_handle_index(handle) % ENDED_NOTED;
	struct call *call;

	if (!event_app_only_if_any(function, "a call of a method", site)) {
		return NULL;
	}
	if (!base_handle_given(&calls, handle)) {
		ebb_error("method", "a call that was never made was ended: a bug in a method");
		return NULL;
	}
	call = base_handle_find(&calls, handle);
	if (call != NULL) {
		return call;
	}
	if (ended[noted].handle == handle) {
		ebb_error("method",
			  "method \"%s\" has ended one call twice; the second end is "
			  "ignored",
			  ended[noted].method->name);
	} else {
		ebb_error("method", "a method has ended one call twice; the second end is ignored");
	}
	return NULL;
}

/* Notes what is wanted now and spends the handle, then reports; @done may dispatch again. */
static void call_end(struct call *call, struct json_object *result,
		     const struct ebb_method_error *error)
{
	uint32_t noted = base_handle_index(call->handle) % ENDED_NOTED;

	method_wanted_note(call->method, call->values, call->took_effect, call->begun,
			   error != NULL ? error->code : 0, call->keep_failed);
	json_object_put(call->took_effect);
	ebb_poller_unregister(&call->again);
	ended[noted].handle = call->handle;
	ended[noted].method = call->method;
	base_handle_remove(&calls, call->handle);
	call->done(call->arg, result, error);
	free(call);
}

EBB_REPORTS void ebb_call_result(struct ebb_call *ticket, struct json_object *result)
{
	struct call *call = call_find(ticket, __func__, __builtin_return_address(0));

	if (call == NULL) {
		json_object_put(result);
		return;
	}
	call_end(call, result, NULL);
}

EBB_REPORTS void ebb_call_error(struct ebb_call *ticket, int code, const char *format, ...)
{
	struct call *call = call_find(ticket, __func__, __builtin_return_address(0));
	struct ebb_method_error error = {.code = code};
	va_list args;

	if (call == NULL) {
		return;
	}
	va_start(args, format);
	vsnprintf(error.text, sizeof(error.text), format, args);
	va_end(args);
	call_end(call, NULL, &error);
}

EBB_REPORTS void ebb_call_took_effect(struct ebb_call *ticket, const char *param,
				      struct json_object *value)
{
	struct call *call = call_find(ticket, __func__, __builtin_return_address(0));

	if (call != NULL && method_param_find(call->method, param) == NULL) {
		ebb_error("method", "method \"%s\" has no parameter \"%s\" that could take effect",
			  call->method->name, param);
		call = NULL;
	}
	if (call != NULL && call->took_effect == NULL) {
		call->took_effect = json_object_new_object();
	}
	if (call == NULL || call->took_effect == NULL ||
	    json_object_object_add(call->took_effect, param, value) != 0) {
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

/* Begins a call to @method, its parameters decoded. NULL: @ret_error says why not. */
static struct call *call_begin(const struct ebb_method *method, struct json_object *params,
			       ebb_method_done done, void *arg, struct ebb_method_error *ret_error)
{
	struct call *call = malloc(sizeof(*call) + method->params_size);
	uint64_t handle = call != NULL ? base_handle_add(&calls, call) : 0;

	if (handle == 0) {
		method_error_set(ret_error, EBB_METHOD_INTERNAL_ERROR,
				 "no room to call method \"%s\" (%u calls are under way): call "
				 "again when some have ended",
				 method->name, calls.num_slots);
		free(call);
		return NULL;
	}
	if (method_param_decode(method, params, call->values, ret_error) != 0) {
		base_handle_remove(&calls, handle);
		free(call);
		return NULL;
	}
	call->handle = handle;
	call->method = method;
	call->took_effect = NULL;
	call->again = NULL;
	call->num_again = 0;
	call->left = NULL;
	call->begun = method_wanted_call_begun();
	call->done = done;
	call->arg = arg;
	return call;
}

static void call_run(struct call *call)
{
	const struct ebb_method *method = call->method;
	struct event_doing doing;

	event_doing_begin(&doing, "method", method->name);
	if (method->snapshot != NULL) {
		call_end(call, method->snapshot(), NULL);
	} else {
		method->fn((struct ebb_call *)(uintptr_t)call->handle, call->values);
	}
	event_doing_end(&doing);
}

static int call_again(void *arg)
{
	struct call *call = arg;

	ebb_poller_unregister(&call->again);
	call_run(call);
	return 1;
}

EBB_REPORTS bool method_call_again(struct ebb_call *ticket)
{
	struct call *call = call_find(ticket, __func__, __builtin_return_address(0));

	if (call == NULL || call->num_again == AGAIN_MAX) {
		return false;
	}
	call->again = ebb_poller_register(call_again, call, AGAIN_US);
	call->num_again++;
	return call->again != NULL;
}

EBB_REPORTS void method_call_on_leave(struct ebb_call *ticket, void (*left)(void *arg), void *arg)
{
	struct call *call = call_find(ticket, __func__, __builtin_return_address(0));

	if (call != NULL) {
		call->left = left;
		call->left_arg = arg;
	}
}

void method_call_leave(struct ebb_call *ticket)
{
	struct call *call = base_handle_find(&calls, (uintptr_t)ticket);
	void (*left)(void *arg) = call != NULL ? call->left : NULL;

	if (left != NULL) {
		call->left = NULL;
		left(call->left_arg);
	}
}

/*
 * A method makes JSON, whose library asserts that it was given memory. So none is called without
 * some to spare; what takes something away needs little, and may be what ends the shortage.
 */
static bool call_is_short(const struct ebb_method *method, struct ebb_method_error *ret_error)
{
	if (!os_shortage_of(method->undoes != NULL ? CALL_SPARE_TO_UNDO : CALL_SPARE)) {
		return false;
	}
	method_error_set(ret_error, -ENOMEM, "method \"%s\" was not called: ebb is out of memory%s",
			 method->name, os_remedy(ENOMEM));
	return true;
}

static struct ebb_call *call_dispatch(const struct ebb_method *method, struct json_object *params,
				      bool keep_failed, ebb_method_done done, void *arg)
{
	struct ebb_method_error error;
	struct call *call = NULL;
	struct ebb_call *ticket;

	if ((method->states & ebb_method_state()) == 0) {
		error_wrong_state(method, &error);
	} else if (!call_is_short(method, &error)) {
		call = call_begin(method, params, done, arg, &error);
	}
	if (call == NULL) {
		done(arg, NULL, &error);
		return NULL;
	}
	ticket = (struct ebb_call *)(uintptr_t)call->handle;
	call->keep_failed = keep_failed;
	call_run(call);
	return ticket;
}

EBB_REPORTS void ebb_method_dispatch(const struct ebb_method *method, struct json_object *params,
				     ebb_method_done done, void *arg)
{
	if (event_app_only_if_any(__func__, method->name, __builtin_return_address(0))) {
		call_dispatch(method, params, false, done, arg);
	}
}

EBB_REPORTS void ebb_method_dispatch_wanted(const struct ebb_method *method,
					    struct json_object *params, ebb_method_done done,
					    void *arg)
{
	if (event_app_only_if_any(__func__, method->name, __builtin_return_address(0))) {
		call_dispatch(method, params, true, done, arg);
	}
}

EBB_REPORTS struct ebb_call *method_call_dispatch(const struct ebb_method *method,
						  struct json_object *params, ebb_method_done done,
						  void *arg)
{
	if (!event_app_only_if_any(__func__, method->name, __builtin_return_address(0))) {
		return NULL;
	}
	return call_dispatch(method, params, false, done, arg);
}
