/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SIGNALS_H
#define BENCH_SIGNALS_H

#include <stdbool.h>

/*
 * SIGINT, SIGTERM and, unless it is ignored, SIGHUP (the terminal has gone) end a measurement early,
 * what was changed is put back, and what was measured is printed; therefore the
 * programs here take these signals themselves and leave ebb_app_opts.handle_signals off. The second
 * signal has its default effect.
 */

/**
 * bench_signals_install() - catch them
 * @hook: called in the signal handler, so async-signal-safe; NULL: bench_signals_seen() is enough
 */
void bench_signals_install(void (*hook)(void));

/* True once one has come. Thread: any. */
bool bench_signals_seen(void);

#endif
