/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_STARTUP_H
#define CORE_APP_STARTUP_H

/* Start-up and shutdown, as ebb_app_start() and the steps of start-up use them. */

#include <ebb/startup.h>

/* Is there a step that serves this? Thread: any, from main() on. */
bool app_startup_is_served(enum ebb_startup_serves what);

/**
 * app_startup_begin() - run the registered steps
 * @start: called with @start_arg by the last step
 * @ended: once: 0 when app_startup_stop() has undone everything, < 0 when a step has failed and
 *	everything before it is undone
 * Thread: app.
 */
void app_startup_begin(void (*start)(void *arg), void *start_arg, void (*ended)(int rc));

/**
 * app_startup_stop() - undo what app_startup_begin() has done
 * During start-up, the step under way is waited for first. Ignored if the end has begun already.
 * Thread: app.
 */
void app_startup_stop(void);

/**
 * app_startup_fail() - say why start-up fails
 * For a step that is about to end with @rc and knows more than its number: what was wrong, with
 * which object, what to do. The first text is logged and published, with the state `failed`; a step
 * that says nothing gets its name and strerror() instead.
 * Thread: app.
 */
void app_startup_fail(int rc, const char *format, ...) EBB_PRINTF(2, 3);

#endif
