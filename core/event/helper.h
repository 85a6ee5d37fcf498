/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_HELPER_H
#define CORE_EVENT_HELPER_H

#include <stdbool.h>

#include <ebb/helper.h>

/* True if a job of an earlier run of the framework still hangs: there is no helper then. */
bool event_helper_hangs(void);

/**
 * event_helper_start() - have it there before anybody needs it
 * Where threads are short, that is an error of start-up then, and not of the first one to need it.
 * Thread: the one that begins the framework, before it runs.
 * Return: 0; the error of making a thread (logged).
 */
int event_helper_start(void);

/*
 * Ends the helper, bounded; done() of work that it has not begun is not called. Thread: the one
 * that began the framework, after all ebb threads.
 */
void event_helper_stop(void);

#endif
