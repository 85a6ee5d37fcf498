/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_OPTIONS_H
#define CORE_APP_OPTIONS_H

/* What ebb_app_start() is asked for: taken over, checked, made concrete. */

#include <sched.h>

#include <ebb/app.h>

#define APP_OPTIONS_ERROR_MAX 512

/**
 * app_options_load() - take a caller's options over
 * Fields beyond the caller's opts_size have their defaults. Strings stay the caller's.
 * @ret_error: which option, its value and what is legal, on failure
 * Return: 0; -EINVAL.
 */
int app_options_load(const struct ebb_app_opts *opts, struct ebb_app_opts *ret_opts,
		     char *ret_error, size_t size);

/**
 * app_options_publish() - what ebb_app_get_opts() answers from here on
 * @opts: lives until others are published; NULL: none
 * Thread: any.
 */
void app_options_publish(const struct ebb_app_opts *opts);

/**
 * app_options_cpus() - the CPUs that @cpumask asks for
 * @cpumask: NULL: the first CPU that this process may run on
 * Return: 0; -EINVAL not a mask, empty, or a CPU that this process may not run on (@ret_error).
 */
int app_options_cpus(const char *cpumask, cpu_set_t *ret_cpus, char *ret_error, size_t size);

#endif
