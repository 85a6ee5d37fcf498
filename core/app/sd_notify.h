/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_SD_NOTIFY_H
#define CORE_APP_SD_NOTIFY_H

/* Telling the service manager: the datagrams of sd_notify(3), without its library. */

#include <ebb/startup.h>

/**
 * app_sd_notify_phase() - tell the socket named by $NOTIFY_SOCKET, if there is one
 * STATUS= always, READY=1 with `running`, STOPPING=1 with `stopping` and `failed`.
 * @name: of @phase
 * @detail: shown behind it: the step under way, or what has failed; NULL or empty: nothing
 * Never blocks. Thread: any.
 */
void app_sd_notify_phase(enum ebb_app_phase phase, const char *name, const char *detail);

#endif
