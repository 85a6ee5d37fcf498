/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_VIOLATION_H
#define EBB_VIOLATION_H

/*
 * The five rules of the framework, checked in every build:
 *   1. Do not wait for a message to yourself.
 *   2. A channel belongs to the thread that got it.
 *   3. A bdev_io completes on the thread that submitted it.
 *   4. Threads, pollers and channels exist only inside ebb_app_start().
 *   5. Do not block a reactor.
 * A violation is logged once per call site and counted always; the call that broke the rule is
 * refused.
 */

#include <stdbool.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_thread;

enum ebb_violation_action { EBB_VIOLATION_LOG, EBB_VIOLATION_ABORT };

void ebb_violation_set_action(enum ebb_violation_action action);

/**
 * ebb_violation() - report one
 * @rule: 1 … 5
 * @function: the framework's function that was misused; a static string
 * @object: the object's name, copied
 * @owner, @runner: its thread and the running one; NULL: none
 * A call site is (rule, function, object, the address that called). A callback that calls the
 * function with its last instruction has been left by then: its name stands for that address.
 * Thread: any.
 */
/*
 * For the functions that report: inlined, also when the program is linked, their call sites could
 * not be told apart.
 */
#if defined(__clang__)
#define EBB_REPORTS __attribute__((noinline))
#else
#define EBB_REPORTS __attribute__((noinline, noclone))
#endif

#define ebb_violation(rule, function, object, owner, runner)              \
	ebb_violation_at((rule), (function), (object), (owner), (runner), \
			 __builtin_return_address(0))
void ebb_violation_at(int rule, const char *function, const char *object,
		      const struct ebb_thread *owner, const struct ebb_thread *runner,
		      const void *site);

struct ebb_violation_record {
	int rule;
	const char *function;
	const char *object;
	const char *owner;
	const char *runner;
	uint64_t count;
};

/* Calls @fn for each call site seen since the process began. Thread: any. */
void ebb_violation_for_each(void (*fn)(const struct ebb_violation_record *record, void *arg),
			    void *arg);

#ifdef __cplusplus
}
#endif

#endif
