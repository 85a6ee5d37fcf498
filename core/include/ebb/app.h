/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_APP_H
#define EBB_APP_H

#include <stdbool.h>

#include <ebb/reactor.h>
#include <ebb/violation.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows at its end only: ebb_app_opts_init() fills in what fits in the caller's size. */
struct ebb_app_opts {
	size_t opts_size; /* as ebb_app_opts_init() sets it; 0 is refused */
	const char *name; /* of the program, for people: required */
	/* "0x3", "[0,2-3]", never a bare number; NULL: one reactor, on the first allowed CPU */
	const char *cpumask;
	enum ebb_reactor_mode mode;
	uint32_t spin_us_max;
	const char *json_file;    /* configuration: a path, or NULL */
	const char *json_data;    /* or the text itself, or NULL */
	const char *rpc_socket;   /* NULL: no RPC server */
	uint32_t rpc_socket_mode; /* 0600 */
	bool wait_for_rpc;        /* start subsystems at framework_start_init */
	bool json_ignore_init_errors;
	uint32_t init_timeout_s; /* a start-up step that takes longer fails; 0: no limit */
	enum ebb_violation_action on_violation;
	/* SIGINT and SIGTERM stop, SIGHUP is noted, SIGPIPE and SIGXFSZ are ignored; default true */
	bool handle_signals;
	/* A callback that runs longer is reported, 1 to 1000; default 10; 0: none is (rule 5). */
	uint32_t callback_limit_ms;
};

/**
 * ebb_app_opts_init() - fill @opts with the defaults
 * @opts_size: sizeof(struct ebb_app_opts) as the caller was compiled
 */
void ebb_app_opts_init(struct ebb_app_opts *opts, size_t opts_size);

/**
 * ebb_app_start() - run the framework until ebb_app_stop()
 * @start: called on the app thread when everything is up
 * Thread: an OS thread of its caller's, which becomes the first reactor; not re-entrant. May be
 * called again after it has returned.
 * Return: the first nonzero code of ebb_app_stop(), 0, or < 0 if starting failed (logged): -ENOTSUP
 *	an option that nothing in this program can serve, since core is linked without the rest of
 *	libebb, or the linker has dropped it for want of a reference.
 */
int ebb_app_start(const struct ebb_app_opts *opts, void (*start)(void *arg), void *arg);

/**
 * ebb_app_stop() - end what ebb_app_start() runs
 * A second call is noted and ignored (but a first nonzero @rc is kept).
 * Thread: any; not in a signal's handler (handle_signals does that).
 */
void ebb_app_stop(int rc);

#ifdef __cplusplus
}
#endif

#endif
