/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_SIGNALS_H
#define CORE_APP_SIGNALS_H

#include <ebb/thread.h>

/**
 * app_signals_install() - let signals call ebb_app_stop(0) on @app; ignore SIGPIPE
 * They are SIGINT, SIGTERM and, unless it is ignored, SIGHUP.
 * A second SIGINT or SIGTERM ends the process at once, with status 128 + its number.
 */
void app_signals_install(struct ebb_thread *app);

/* Puts the handlers back that were there before. No handler touches @app from here on. */
void app_signals_restore(void);

#endif
