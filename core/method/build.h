/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_BUILD_H
#define CORE_METHOD_BUILD_H

/*
 * A long answer, made in parts: the app thread has more to do than to answer, so it makes one
 * element after the other, for a short time in each turn. What fits in that time is made at once.
 *
 * One at a time is made, in the order of their starts: each takes memory, which is so that of few.
 *
 * Thread: app, for all of it.
 */

#include <stdbool.h>

#include <ebb/list.h>

enum method_build_step {
	METHOD_BUILD_MORE, /* call again */
	METHOD_BUILD_WAIT, /* method_build_continue() will be called */
	METHOD_BUILD_DONE, /* all has been made: @done is called next */
};

/* One of them; in the storage of whoever starts it, who sets the functions. */
struct method_build {
	/* Makes the next element. It takes some ten microseconds at most. */
	enum method_build_step (*step)(struct method_build *build);
	/* Answers. Once, perhaps inside method_build_start(); @build is the callee's again. */
	void (*done)(struct method_build *build);
	struct ebb_list link;
};

/* @build must live until its @done; it is not called off. */
void method_build_start(struct method_build *build);

/* What its step has waited for is there. Not inside the step. */
void method_build_continue(struct method_build *build);

/* How many have been started and are not done. */
unsigned method_build_count(void);

/* While @hold, none is begun after the one that is being made: those before take memory yet. */
void method_build_hold(bool hold);

#endif
