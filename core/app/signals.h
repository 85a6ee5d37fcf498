/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_SIGNALS_H
#define CORE_APP_SIGNALS_H

#include <ebb/thread.h>

/**
 * app_signals_early() - answer signals before there is an app
 * SIGINT and SIGTERM end the process with status 0, as nothing is there yet to be put away; SIGHUP
 * does nothing. After the app's end they do nothing either: the process ends in a moment, with the
 * status that it has.
 * Thread: main(), before there are others. Once.
 */
void app_signals_early(void);

/**
 * app_signals_install() - let SIGINT and SIGTERM call ebb_app_stop(0) on @app
 * A second one ends the process at once, with status 128 + its number. SIGHUP, unless it is
 * ignored, is noted in the log; SIGPIPE and SIGXFSZ are ignored.
 */
void app_signals_install(struct ebb_thread *app);

/* Puts the handlers back that were there before. No handler touches @app from here on. */
void app_signals_restore(void);

#endif
