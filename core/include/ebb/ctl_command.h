/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_CTL_COMMAND_H
#define EBB_CTL_COMMAND_H

/*
 * A word of ebbctl's that is no method: something for people, which needs no daemon, or several
 * methods of one. Whoever has one registers it by constructor, as methods are.
 */

#include <ebb/base.h>
#include <ebb/list.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_method_error;
struct json_object;

/* ebbctl, as a command sees it. */
struct ebb_ctl_command_env {
	/*
	 * Asks the daemon that ebbctl would talk to. @ret_result: the caller's to put. Return: 0;
	 * -errno: there is none, or it has refused; nothing has been printed.
	 */
	int (*call)(const struct ebb_ctl_command_env *env, const char *method,
		    struct json_object **ret_result);
	/* To stdout, as the results of methods are. */
	void (*print_json)(const struct ebb_ctl_command_env *env, struct json_object *json);
	/*
	 * As call(). @params: an object, borrowed; or NULL. @ret_error: the daemon's own error, or
	 * with code 0 that of the connection.
	 */
	int (*call_with)(const struct ebb_ctl_command_env *env, const char *method,
			 struct json_object *params, struct json_object **ret_result,
			 struct ebb_method_error *ret_error);
};

struct ebb_ctl_command {
	const char *name;
	const char *help;  /* one line, for the list of commands */
	const char *usage; /* all about it */
	/* @words: what follows its name. Return: ebbctl's exit code: 0; 1 failed; 2 wrong usage. */
	int (*run)(const struct ebb_ctl_command_env *env, int num_words, char **words);
	struct ebb_list link;
};

/* Thread: a constructor's. Owns: @command stays the caller's and must live until the end. */
void ebb_ctl_command_add(struct ebb_ctl_command *command);

/* Return: the command, or NULL. */
const struct ebb_ctl_command *ebb_ctl_command_find(const char *name);
/*
 * The one after @command, of all in the order of their names; NULL: the first. Return: NULL: none.
 */
const struct ebb_ctl_command *ebb_ctl_command_next(const struct ebb_ctl_command *command);

#define EBB_CTL_COMMAND_REGISTER(command)        \
	EBB_CONSTRUCTOR(command##_register)      \
	{                                        \
		ebb_ctl_command_add(&(command)); \
	}

#ifdef __cplusplus
}
#endif

#endif
