/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/ctl_command.h>

#include <string.h>

static struct ebb_list commands = EBB_LIST_INIT(commands);

void ebb_ctl_command_add(struct ebb_ctl_command *command)
{
	ebb_list_push_back(&commands, &command->link);
}

const struct ebb_ctl_command *ebb_ctl_command_find(const char *name)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &commands) {
		struct ebb_ctl_command *command =
			ebb_list_entry(node, struct ebb_ctl_command, link);

		if (strcmp(command->name, name) == 0) {
			return command;
		}
	}
	return NULL;
}

const struct ebb_ctl_command *ebb_ctl_command_next(const struct ebb_ctl_command *command)
{
	const struct ebb_ctl_command *best = NULL;
	struct ebb_list *node;

	ebb_list_for_each(node, &commands) {
		struct ebb_ctl_command *other = ebb_list_entry(node, struct ebb_ctl_command, link);

		if ((command == NULL || strcmp(other->name, command->name) > 0) &&
		    (best == NULL || strcmp(other->name, best->name) < 0)) {
			best = other;
		}
	}
	return best;
}
