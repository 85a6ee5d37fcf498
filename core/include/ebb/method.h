/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_METHOD_H
#define EBB_METHOD_H

/*
 * A method is something ebb can be asked to do, by JSON-RPC or by a configuration file: a name, the
 * states it is legal in, a table of its parameters and a function. Nothing here knows of sockets.
 */

#include <stdbool.h>

#include <json-c/json.h>

#include <ebb/list.h>

#ifdef __cplusplus
extern "C" {
#endif

/* States, as a mask. */
#define EBB_METHOD_STARTUP EBB_BIT(0) /* before the subsystems are initialised */
#define EBB_METHOD_RUNTIME EBB_BIT(1) /* after */

/* Error codes of JSON-RPC 2.0 and of SPDK's clients; others are negative errno from a device. */
#define EBB_METHOD_PARSE_ERROR     (-32700)
#define EBB_METHOD_INVALID_REQUEST (-32600)
#define EBB_METHOD_NOT_FOUND       (-32601)
#define EBB_METHOD_INVALID_PARAMS  (-32602)
#define EBB_METHOD_INTERNAL_ERROR  (-32603)
#define EBB_METHOD_WRONG_STATE     (-1)

enum ebb_param_type {
	EBB_PARAM_BOOL,   /* bool */
	EBB_PARAM_INT32,  /* int32_t */
	EBB_PARAM_UINT32, /* uint32_t */
	EBB_PARAM_UINT64, /* uint64_t */
	EBB_PARAM_STRING, /* char *, at most 4,095 bytes, without a NUL inside */
	EBB_PARAM_UUID,   /* uint8_t[16] */
	EBB_PARAM_ENUM,   /* int: the index in @names, whatever the case of its letters */
	EBB_PARAM_ANY,    /* struct json_object *, borrowed for the time of the call */
};

/* One parameter; the same row decodes it, checks it and prints its help. */
struct ebb_param {
	const char *name;
	enum ebb_param_type type;
	size_t offset; /* of the field in the method's struct of parameters */
	bool optional; /* absent: the field stays as @defaults, or zero */
	uint64_t min;  /* UINT32 and UINT64: the range allowed; max 0: no limit */
	uint64_t max;
	const char *const *names; /* ENUM: NULL-terminated */
	/* If not 0: offset of a bool that is set when the parameter is given. */
	size_t given_offset;
	const char *help;
};

/* What follows the type is any fields of struct ebb_param: .name = value; in C++ in their order. */
#define EBB_PARAM(struct_type, field, param_type, ...)                                        \
	{                                                                                     \
		.name = #field, .type = (param_type), .offset = offsetof(struct_type, field), \
		__VA_ARGS__                                                                   \
	}

/* One call under way. It ends by exactly one of ebb_call_result() and ebb_call_error(). */
struct ebb_call;

/* What a call that ends well does to the list of what is wanted (ebb/wanted.h). */
enum ebb_method_effect {
	EBB_METHOD_NO_EFFECT,
	EBB_METHOD_CREATES, /* an object is wanted from now on */
	EBB_METHOD_SETS,    /* values are wanted from now on; the last ones count */
	EBB_METHOD_REMOVES, /* an object that another method has created is not wanted any more */
};

struct ebb_method {
	const char *name;
	const char *alias;              /* another name for the same, or NULL */
	bool alias_listed;              /* as a method of its own, which it is in SPDK */
	uint32_t states;                /* mask of EBB_METHOD_STARTUP, EBB_METHOD_RUNTIME */
	bool changes_state;             /* the caller's credentials are logged */
	bool while_paused;              /* by RPC: called also while the subsystems start */
	const char *help;               /* one line */
	const struct ebb_param *params; /* NULL: none allowed */
	size_t num_params;
	size_t params_size;   /* of the struct that @params decode into */
	const void *defaults; /* that struct with its defaults, or NULL: zero */
	/* On the app thread. @params lives until the call has ended, strings included. */
	void (*fn)(struct ebb_call *call, void *params);
	/*
	 * Instead of @fn, for a method that only tells what is published: its result, which is the
	 * caller's to put. On any thread; by RPC it is answered whatever the app thread is doing.
	 */
	struct json_object *(*snapshot)(void);

	enum ebb_method_effect effect;
	/* With an effect: the section of a saved configuration, most often its subsystem's name. */
	const char *subsystem;
	/*
	 * With an effect: the names of the parameters that say which object, with spaces between;
	 * NULL: there is only one. EBB_METHOD_REMOVES: those that are given must be as its
	 * creator's.
	 */
	const char *object;
	/* EBB_METHOD_REMOVES: the method that creates such objects. */
	const char *undoes;
	/*
	 * EBB_METHOD_CREATES, EBB_METHOD_SETS: the parameter that names what the object stands on,
	 * or what the values are about. When a user takes that away, what has gone with it is not
	 * wanted any more either.
	 */
	const char *stands_on;
	/*
	 * EBB_METHOD_CREATES: what stands on the object calls it by its name, this and a number;
	 * NULL: by its name.
	 */
	const char *stands_suffix;
	/*
	 * Optional, for values that nothing takes away with it, such as a default: makes them what
	 * they were, when the run ends and nothing is wanted any more; also if nobody has set them.
	 * On the app thread.
	 */
	void (*reset)(void);
	struct ebb_list link; /* the registry's */
};

/*
 * One that cannot be (its name is taken, say) is refused: start-up fails, and names it.
 * Thread: a constructor's. Owns: @method stays the caller's and must live until the end.
 */
void ebb_method_add(struct ebb_method *method);

#define EBB_METHOD_REGISTER(method)        \
	EBB_CONSTRUCTOR(method##_register) \
	{                                  \
		ebb_method_add(&(method)); \
	}

/*
 * Ends the call. @result: its reference is taken over; NULL is JSON's null. Thread: app; from elsewhere
 * it is reported and refused, and so are a second end and one of a call that never was.
 */
void ebb_call_result(struct ebb_call *call, struct json_object *result);

/* Ends the call: an error with a text for people (what, which object, what to do). Thread: app. */
void ebb_call_error(struct ebb_call *call, int code, const char *format, ...) EBB_PRINTF(3, 4);

/**
 * ebb_call_took_effect() - a parameter was not given, or was given as "any": what it came to be
 * What is wanted from now on is what was asked for with these values in it. Any time before the
 * call ends; one that ends badly and is wanted all the same keeps them, too.
 * @param: a name of the method's table
 * @value: its reference is taken over; NULL: what is wanted is without this parameter
 * Thread: app.
 */
void ebb_call_took_effect(struct ebb_call *call, const char *param, struct json_object *value);

/* By its name or its alias. Return: NULL: there is none. Thread: any. */
const struct ebb_method *ebb_method_find(const char *name);
/* The one after @previous in the order of their names; NULL: the first. Return: NULL: no more. */
const struct ebb_method *ebb_method_next(const struct ebb_method *previous);

/* The state that methods are dispatched in (one bit). Thread: app. */
uint32_t ebb_method_state(void);
void ebb_method_set_state(uint32_t state);

/* What went wrong: @code as above, and a text. */
struct ebb_method_error {
	int code;
	char text[256];
};

/* Sets @error: there is no method @name. */
void ebb_method_error_unknown(struct ebb_method_error *error, const char *name);

/**
 * ebb_method_check() - would these parameters be taken?
 * Form only: the names, the types and the ranges, not the state and not whether it would succeed.
 * @params: an object or NULL. Thread: any.
 * Return: 0; -EINVAL: @ret_error says which parameter, and why.
 */
int ebb_method_check(const struct ebb_method *method, struct json_object *params,
		     struct ebb_method_error *ret_error);

/* How a call has ended. On success @error is NULL and @result (NULL: null) the callee's to put. */
typedef void (*ebb_method_done)(void *arg, struct json_object *result,
				const struct ebb_method_error *error);

/**
 * ebb_method_dispatch() - call a method
 * @params: borrowed until @done; an object or NULL
 * @done: exactly once, on the app thread, perhaps inside this call
 * Thread: app; from elsewhere it is reported, and neither the method nor @done is called.
 */
void ebb_method_dispatch(const struct ebb_method *method, struct json_object *params,
			 ebb_method_done done, void *arg);

/* The same; and what it asks for is wanted even if it fails (ebb/wanted.h): it is absent then. */
void ebb_method_dispatch_wanted(const struct ebb_method *method, struct json_object *params,
				ebb_method_done done, void *arg);

#ifdef __cplusplus
}
#endif

#endif
