/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/ebbctl.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/ctl_command.h>

#include "core/app/default_socket.h"
#include "core/base/json_build.h"
#include "core/os/shortage.h"
#include "core/os/signals.h"
#include "core/os/stack.h"
#include "core/os/std_fds.h"
#include "core/method/compat.h"
#include "core/method/param.h"
#include "rpc/print.h"

/*
 * ebbctl: any method of ebb from the command line. The table of methods is linked in for its help;
 * what is called, and with which parameters, is ebbd's to judge.
 */

#define STACK_BYTES ((size_t)512 * 1024)

#define TIMEOUT_S_DEFAULT 60.0
#define TIMEOUT_S_MAX     86400.0

static void print_usage(FILE *out)
{
	fputs("Usage: ebbctl [-s SOCKET] [-t SECONDS] METHOD [KEY=VALUE ...]\n"
	      "       ebbctl [-s SOCKET] [-t SECONDS] status\n"
	      "       ebbctl COMMAND ...\n"
	      "       ebbctl METHOD --help, ebbctl COMMAND --help\n"
	      "\n"
	      "Calls a method of ebbd and prints its result as JSON; \"status\" is a screen for "
	      "people.\n"
	      "A VALUE that is JSON (a number, true, false, null, \"...\", [...], {...}) is taken "
	      "as it\n"
	      "is, any other as a string; a string that looks like a number needs its quotes: "
	      "name='\"7\"'.\n"
	      "\n"
	      "  -s, --socket SOCKET    ebbd's socket\n"
	      "  -t, --timeout SECONDS  how long to wait for an answer (default 60)\n"
	      "  -h, --help             this and the list of methods; after METHOD: its "
	      "parameters\n"
	      "      --version          ebbctl's version\n"
	      "\n"
	      "Examples:\n"
	      "  ebbctl status\n"
	      "  ebbctl bdev_uring_create name=disk filename=/var/lib/disk.img\n"
	      "  ebbctl nbd_start_export bdev_name=disk path=/run/ebb/disk.nbd\n"
	      "  ebbctl reactor_set_mode lcore=0 mode=interrupt\n"
	      "  ebbctl save_config /etc/ebb/ebbd.json\n"
	      "  ebbctl nvme list\n"
	      "\n"
	      "Exit codes: 0 done; 1 ebbd has refused, or does not answer; 2 wrong usage.\n",
	      out);
}

static void print_methods(FILE *out)
{
	const struct ebb_ctl_command *command = NULL;
	const struct ebb_method *method = NULL;

	fputs("\nCommands:\n", out);
	while ((command = ebb_ctl_command_next(command)) != NULL) {
		fprintf(out, "  %-28s %s\n", command->name, command->help);
	}
	fputs("\nMethods:\n", out);
	while ((method = ebb_method_next(method)) != NULL) {
		if (!method_compat_changes_nothing(method)) {
			fprintf(out, "  %-28s %s\n", method->name,
				method->help != NULL ? method->help : "");
		}
	}
	fputs("\nMethods of SPDK's that are answered, and change nothing:\n", out);
	while ((method = ebb_method_next(method)) != NULL) {
		if (method_compat_changes_nothing(method)) {
			fprintf(out, "  %s\n", method->name);
		}
	}
}

static int print_method_help(const char *name)
{
	const struct ebb_ctl_command *command = ebb_ctl_command_find(name);
	const struct ebb_method *method = ebb_method_find(name);

	if (command != NULL) {
		fputs(command->usage, stdout);
		return EBBCTL_OK;
	}
	if (strcmp(name, "status") == 0) {
		puts("status: a screen for people: state, reactors and what keeps them awake, "
		     "bdevs, "
		     "exports\nIt takes no parameters.");
		return EBBCTL_OK;
	}
	if (method == NULL) {
		fprintf(stderr, "ebbctl: method \"%s\" is not known; ebbctl --help lists them\n",
			name);
		return EBBCTL_USAGE;
	}
	method_param_help_print(method, stdout);
	return EBBCTL_OK;
}

/*
 * The value as JSON if it is that from beginning to end, else as a string.
 * Return: 0; -EEXIST: it is JSON, but a name comes twice in it.
 */
static int value_parse(const char *text, struct json_object **ret_value)
{
	int rc = base_json_parse(text, strlen(text), ret_value);

	if (rc == -EEXIST) {
		return rc;
	}
	if (rc != 0) {
		*ret_value = json_object_new_string(text);
	}
	return 0;
}

/* A method that is known here and takes text for @key: then 7 and true are text, too. */
static bool takes_text(const struct ebb_method *method, const char *key)
{
	const struct ebb_param *param = method != NULL ? method_param_find(method, key) : NULL;
	const struct method_compat_param *spdks;

	if (param != NULL) {
		return param->type == EBB_PARAM_STRING || param->type == EBB_PARAM_UUID ||
		       param->type == EBB_PARAM_ENUM;
	}
	spdks = method != NULL ? method_compat_find(method, key) : NULL;
	return spdks != NULL && spdks->type == json_type_string;
}

/* @words: KEY=VALUE. Return: the parameters, or NULL: wrong usage (printed). */
static struct json_object *params_parse(const char *method_name, char **words, int num)
{
	const struct ebb_method *method = ebb_method_find(method_name);
	struct json_object *params = json_object_new_object();

	for (int i = 0; i < num; i++) {
		char *equals = strchr(words[i], '=');
		struct json_object *value;

		if (equals == NULL || equals == words[i]) {
			fprintf(stderr,
				"ebbctl: \"%s\" is no KEY=VALUE; write parameters as name=disk\n",
				words[i]);
			json_object_put(params);
			return NULL;
		}
		*equals = '\0';
		if (json_object_object_get_ex(params, words[i], NULL)) {
			fprintf(stderr, "ebbctl: parameter \"%s\" is given twice\n", words[i]);
			json_object_put(params);
			return NULL;
		}
		if (value_parse(equals + 1, &value) != 0) {
			fprintf(stderr,
				"ebbctl: parameter \"%s\": a name comes twice in an object of it\n",
				words[i]);
			json_object_put(params);
			return NULL;
		}
		if (takes_text(method, words[i]) && !json_object_is_type(value, json_type_string)) {
			json_object_put(value);
			value = json_object_new_string(equals + 1);
		}
		json_object_object_add(params, words[i], value);
	}
	return params;
}

static int call_method(struct rpc_client *client, const char *method, struct json_object *params)
{
	struct ebb_method_error error;
	struct json_object *result = NULL;
	int rc = rpc_client_call(client, method,
				 json_object_object_length(params) > 0 ? params : NULL, &result,
				 &error);

	if (rc == -EREMOTEIO) {
		fprintf(stderr, "ebbctl: %s (error %d)\n", error.text, error.code);
		return EBBCTL_FAILED;
	}
	if (rc != 0) {
		fprintf(stderr, "ebbctl: %s: %s\n", method, client->error);
		return EBBCTL_FAILED;
	}
	rpc_print_json(result, rpc_print_colour(stdout), stdout);
	json_object_put(result);
	return EBBCTL_OK;
}

static int run(const char *path, unsigned timeout_ms, char **words, int num)
{
	struct rpc_client client;
	struct json_object *params = params_parse(words[0], words + 1, num - 1);
	int code;

	if (params == NULL) {
		return EBBCTL_USAGE;
	}
	if (strcmp(words[0], "status") == 0 && num > 1) {
		fputs("ebbctl: status takes no parameters\n", stderr);
		json_object_put(params);
		return EBBCTL_USAGE;
	}
	if (rpc_client_open(&client, path, timeout_ms) != 0) {
		fprintf(stderr, "ebbctl: %s\n", client.error);
		json_object_put(params);
		return EBBCTL_FAILED;
	}
	if (strcmp(words[0], "status") == 0) {
		code = ebbctl_status(&client);
	} else {
		code = call_method(&client, words[0], params);
	}
	rpc_client_close(&client);
	json_object_put(params);
	return code;
}

static bool timeout_parse(const char *text, unsigned *ret_timeout_ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds > 0 && seconds <= TIMEOUT_S_MAX)) {
		return false;
	}
	*ret_timeout_ms = (unsigned)ceil(seconds * 1000);
	return true;
}

/* What the command line says. */
struct command_line {
	char path[PATH_MAX]; /* empty: the default socket */
	unsigned timeout_ms;
	bool help;
	bool version;
	char **words; /* in argv, behind the name of the program */
	int num_words;
};

/* Options end where a command's name is: what follows is the command's. Return: false: printed. */
static bool options_parse(int argc, char **argv, struct command_line *line)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while (optind < argc) {
		if (line->num_words > 0 && ebb_ctl_command_find(line->words[0]) != NULL &&
		    strcmp(argv[optind], "--help") != 0 && strcmp(argv[optind], "-h") != 0) {
			line->words[line->num_words++] = argv[optind++];
			continue;
		}
		option = getopt_long(argc, argv, "+s:t:h", options, NULL);
		switch (option) {
		case -1:
			if (optind < argc) {
				line->words[line->num_words++] = argv[optind++];
			}
			break;
		case 's':
			snprintf(line->path, sizeof(line->path), "%s", optarg);
			break;
		case 't':
			if (!timeout_parse(optarg, &line->timeout_ms)) {
				fprintf(stderr,
					"ebbctl: -t %s: seconds, more than 0 and up to %.0f\n",
					optarg, TIMEOUT_S_MAX);
				return false;
			}
			break;
		case 'h':
			line->help = true;
			break;
		case 'V':
			line->version = true;
			break;
		default:
			fputs("ebbctl --help tells how it is used\n", stderr);
			return false;
		}
	}
	return true;
}

/* What a command is given. */
struct command_env {
	struct ebb_ctl_command_env env;
	const struct command_line *line;
	struct rpc_client *client; /* connected when the first call is made */
	bool connected;
};

static int env_call_with(const struct ebb_ctl_command_env *env, const char *method,
			 struct json_object *params, struct json_object **ret_result,
			 struct ebb_method_error *ret_error)
{
	struct command_env *own = ebb_container_of(env, struct command_env, env);
	int rc = 0;

	if (!own->connected) {
		rc = rpc_client_open(own->client, own->line->path, own->line->timeout_ms);
		own->connected = rc == 0;
	}
	if (rc == 0) {
		rc = rpc_client_call(own->client, method, params, ret_result, ret_error);
	}
	if (rc != 0 && rc != -EREMOTEIO) {
		method_error_set(ret_error, 0, "%s", own->client->error);
		if (own->connected) {
			rpc_client_close(own->client); /* the answer may still come */
			own->connected = false;
		}
	}
	return rc;
}

static int env_call(const struct ebb_ctl_command_env *env, const char *method,
		    struct json_object **ret_result)
{
	struct ebb_method_error error;

	return env_call_with(env, method, NULL, ret_result, &error);
}

static void env_print_json(const struct ebb_ctl_command_env *env, struct json_object *json)
{
	(void)env;
	rpc_print_json(json, rpc_print_colour(stdout), stdout);
}

static int run_command(const struct command_line *line, const struct ebb_ctl_command *command)
{
	struct rpc_client client;
	struct command_env env = {
		.env = {.call = env_call, .print_json = env_print_json, .call_with = env_call_with},
		.line = line,
		.client = &client,
	};
	int code = command->run(&env.env, line->num_words - 1, line->words + 1);

	if (env.connected) {
		rpc_client_close(&client);
	}
	return code;
}

static int ebbctl(int argc, char **argv)
{
	struct command_line line = {
		.timeout_ms = (unsigned)(TIMEOUT_S_DEFAULT * 1000),
		.words = argv + 1,
	};
	const struct ebb_ctl_command *command;

	if (!options_parse(argc, argv, &line)) {
		return EBBCTL_USAGE;
	}
	if (line.version) {
		puts("ebbctl " EBB_VERSION);
		return EBBCTL_OK;
	}
	if (line.help && line.num_words > 0) {
		return print_method_help(line.words[0]);
	}
	if (line.help) {
		print_usage(stdout);
		print_methods(stdout);
		return EBBCTL_OK;
	}
	if (line.num_words == 0) {
		print_usage(stderr);
		return EBBCTL_USAGE;
	}
	if (line.path[0] == '\0' && app_default_socket(line.path, sizeof(line.path)) != 0) {
		fputs("ebbctl: the default socket's path is too long: name one with -s\n", stderr);
		return EBBCTL_FAILED;
	}
	command = ebb_ctl_command_find(line.words[0]);
	if (command != NULL) {
		return run_command(&line, command);
	}
	return run(line.path, line.timeout_ms, line.words, line.num_words);
}

int main(int argc, char **argv)
{
	int code;

	os_signals_ignore_output();
	os_shortage_exit("ebbctl");
	os_std_fds_fill();
	if (!os_stack_ensure("ebbctl", STACK_BYTES)) {
		return EBBCTL_FAILED;
	}
	code = ebbctl(argc, argv);

	return os_std_fds_finish("ebbctl") || code != EBBCTL_OK ? code : EBBCTL_FAILED;
}
