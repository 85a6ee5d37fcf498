/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_STEP_TICKET_H
#define CORE_APP_STEP_TICKET_H

/* The numbers on the steps' tickets, and what the latest ones stood for. */

#include <ebb/sequence.h>

#define APP_STEP_TICKET_NAME_MAX 64

/* Return: a number never given before in this process, from 1. Thread: app. */
uint64_t app_step_ticket_issue(const char *name);

/* Reports that ebb_step_next() was refused: which step's ticket it was, and @why. Thread: any. */
void app_step_ticket_refuse(uint64_t generation, const char *why);

#endif
