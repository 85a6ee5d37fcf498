/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_RUN_H
#define CORE_APP_RUN_H

/*
 * The one run of ebb_app_start() that this process may have at a time: whether there is one,
 * whether its end is asked for (ebb_app_stop()), and what it will return. Thread: any, for all of
 * these.
 */

#include <stdbool.h>

struct ebb_msg;

/* Begins a run. Return: 0; -EBUSY: there is one. */
int app_run_claim(void);

/* The app thread takes messages from here on: sends it @first, whose function looks
 * whether a stop has been asked for. */
void app_run_up(struct ebb_msg *first);

/* There is no app thread any more. */
void app_run_down(void);

/* Return: what the run has come to: its first nonzero code, or 0. Another may begin. */
int app_run_release(void);

bool app_run_stopping(void);

/* Notes a code of the run: the first nonzero one is kept. */
void app_run_note(int rc);

#endif
