/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/options.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <ebb/startup.h>

#include "core/event/callback.h"
#include "core/os/cpumask.h"

#ifdef EBB_DEBUG
#define VIOLATION_DEFAULT EBB_VIOLATION_ABORT
#else
#define VIOLATION_DEFAULT EBB_VIOLATION_LOG
#endif

static const struct ebb_app_opts defaults = {
	.opts_size = sizeof(struct ebb_app_opts),
	.mode = EBB_REACTOR_ADAPTIVE,
	.spin_us_max = EBB_REACTOR_SPIN_US_DEFAULT,
	.rpc_socket_mode = 0600,
	.on_violation = VIOLATION_DEFAULT,
	.handle_signals = true,
	.callback_limit_ms = EVENT_CALLBACK_LIMIT_MS_DEFAULT,
};

static _Atomic(const struct ebb_app_opts *) published;

/*
 * Copies the fields that lie wholly within @size. A caller that was compiled with a larger struct
 * than ours finds the rest of it zeroed by ebb_app_opts_init().
 */
#define COPY(field)                                                                     \
	do {                                                                            \
		if (offsetof(struct ebb_app_opts, field) + sizeof(to->field) <= size) { \
			to->field = from->field;                                        \
		}                                                                       \
	} while (0)

static void options_copy(struct ebb_app_opts *to, const struct ebb_app_opts *from, size_t size)
{
	COPY(opts_size);
	COPY(name);
	COPY(cpumask);
	COPY(mode);
	COPY(spin_us_max);
	COPY(json_file);
	COPY(json_data);
	COPY(rpc_socket);
	COPY(rpc_socket_mode);
	COPY(wait_for_rpc);
	COPY(json_ignore_init_errors);
	COPY(init_timeout_s);
	COPY(on_violation);
	COPY(handle_signals);
	COPY(callback_limit_ms);
}

void ebb_app_opts_init(struct ebb_app_opts *opts, size_t opts_size)
{
	if (opts == NULL || opts_size < sizeof(opts->opts_size)) {
		return;
	}
	memset(opts, 0, opts_size);
	options_copy(opts, &defaults, opts_size);
	opts->opts_size = opts_size;
}

static int options_check_rpc(const struct ebb_app_opts *opts, char *ret_error, size_t size)
{
	size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (opts->rpc_socket == NULL) {
		if (opts->wait_for_rpc) {
			snprintf(ret_error, size,
				 "wait_for_rpc is set, but no RPC socket: nobody could ever say "
				 "framework_start_init; give a socket path, or do not wait");
			return -EINVAL;
		}
		return 0;
	}
	if (opts->rpc_socket[0] == '\0') {
		snprintf(ret_error, size, "the RPC socket's path is empty; give a path, or none");
		return -EINVAL;
	}
	if (strlen(opts->rpc_socket) > path_max) {
		snprintf(ret_error, size,
			 "the RPC socket's path is %zu bytes long, the longest possible is %zu: %s",
			 strlen(opts->rpc_socket), path_max, opts->rpc_socket);
		return -EINVAL;
	}
	if (opts->rpc_socket_mode > 0777) {
		snprintf(ret_error, size,
			 "the RPC socket's mode is %#o, legal are the permission bits 0 to 0777",
			 opts->rpc_socket_mode);
		return -EINVAL;
	}
	return 0;
}

static int options_check_values(const struct ebb_app_opts *opts, char *ret_error, size_t size)
{
	if ((unsigned)opts->mode >= EBB_REACTOR_MODE_COUNT) {
		snprintf(ret_error, size, "reactor mode %d does not exist, legal are 0 to %d",
			 (int)opts->mode, EBB_REACTOR_MODE_COUNT - 1);
		return -EINVAL;
	}
	if (opts->on_violation != EBB_VIOLATION_LOG && opts->on_violation != EBB_VIOLATION_ABORT) {
		snprintf(ret_error, size,
			 "on_violation is %d, legal are EBB_VIOLATION_LOG and EBB_VIOLATION_ABORT",
			 (int)opts->on_violation);
		return -EINVAL;
	}
	if (opts->callback_limit_ms > EVENT_CALLBACK_LIMIT_MS_MAX) {
		snprintf(ret_error, size,
			 "callback_limit_ms is %u, legal are %d to %d, and 0 for no limit",
			 opts->callback_limit_ms, EVENT_CALLBACK_LIMIT_MS_MIN,
			 EVENT_CALLBACK_LIMIT_MS_MAX);
		return -EINVAL;
	}
	return 0;
}

int app_options_load(const struct ebb_app_opts *opts, struct ebb_app_opts *ret_opts,
		     char *ret_error, size_t size)
{
	struct ebb_app_opts loaded = defaults;
	int rc;

	if (opts == NULL) {
		snprintf(ret_error, size,
			 "no options: pass what ebb_app_opts_init() has filled in");
		return -EINVAL;
	}
	if (opts->opts_size == 0) {
		snprintf(ret_error, size,
			 "the options' size is zero: fill them in with ebb_app_opts_init() first");
		return -EINVAL;
	}
	options_copy(&loaded, opts, opts->opts_size);
	if (loaded.name == NULL || loaded.name[0] == '\0') {
		snprintf(ret_error, size, "the options have no name: set opts.name");
		return -EINVAL;
	}
	if (loaded.json_file != NULL && loaded.json_data != NULL) {
		snprintf(ret_error, size,
			 "both a JSON file (%s) and JSON data are given: give one of them",
			 loaded.json_file);
		return -EINVAL;
	}
	rc = options_check_rpc(&loaded, ret_error, size);
	if (rc == 0) {
		rc = options_check_values(&loaded, ret_error, size);
	}
	if (rc == 0) {
		*ret_opts = loaded;
	}
	return rc;
}

void app_options_publish(const struct ebb_app_opts *opts)
{
	atomic_store(&published, opts);
}

const struct ebb_app_opts *ebb_app_get_opts(void)
{
	return atomic_load(&published);
}

/* @cpus is not empty. */
static size_t cpu_first(const cpu_set_t *cpus)
{
	size_t cpu = 0;

	while (!CPU_ISSET(cpu, cpus)) {
		cpu++;
	}
	return cpu;
}

int app_options_cpus(const char *cpumask, cpu_set_t *ret_cpus, char *ret_error, size_t size)
{
	char allowed_text[128];
	char why[192];
	cpu_set_t allowed;
	cpu_set_t cpus;
	cpu_set_t both;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0 || CPU_COUNT(&allowed) == 0) {
		snprintf(ret_error, size, "cannot tell which CPUs this process may run on: %s",
			 strerror(errno));
		return -EINVAL;
	}
	os_cpumask_format(&allowed, allowed_text, sizeof(allowed_text));
	CPU_ZERO(&cpus);
	if (cpumask == NULL) {
		CPU_SET(cpu_first(&allowed), &cpus);
	} else if (os_cpumask_parse(cpumask, &cpus) < 0) {
		os_cpumask_explain(cpumask, why, sizeof(why));
		snprintf(ret_error, size, "CPU mask \"%s\": %s; this process may run on CPUs %s",
			 cpumask, why, allowed_text);
		return -EINVAL;
	}
	CPU_AND(&both, &cpus, &allowed);
	if (!CPU_EQUAL(&both, &cpus)) {
		CPU_XOR(&both, &both, &cpus);
		snprintf(ret_error, size,
			 "CPU mask \"%s\": this process may not run on CPU %zu; legal are %s",
			 cpumask, cpu_first(&both), allowed_text);
		return -EINVAL;
	}
	*ret_cpus = cpus;
	return 0;
}
