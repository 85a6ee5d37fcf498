/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_SIGNALS_H
#define CORE_OS_SIGNALS_H

/* Signals that would end a program though it has done nothing wrong. */

/**
 * os_signals_ignore_output() - let output that cannot be written be an error, and not the end
 * write() says EPIPE where SIGPIPE would come, and EFBIG where SIGXFSZ would (ulimit -f).
 * Thread: main(), before there are others.
 */
void os_signals_ignore_output(void);

/**
 * os_signals_ignore_stray() - ignore what a service has no use for
 * Timers, SIGIO, user and real-time signals: whoever sends one means another program. Not those
 * that somebody handles by now, as a profiler that was preloaded does.
 * Thread: main(), before there are others.
 */
void os_signals_ignore_stray(void);

#endif
