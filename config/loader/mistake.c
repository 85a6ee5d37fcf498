/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Takes @text over; NULL: there was no memory for it. */
static void config_add_mistake(struct config_file *config, char *text)
{
	config->num_mistakes++;
	if (text == NULL) {
		config->out_of_memory = true;
	} else if (config->num_mistakes <= CONFIG_MISTAKES_MAX) {
		config->mistakes[config->num_mistakes - 1] = text;
	} else {
		free(text);
	}
}

void config_mistake(struct config_file *config, const char *format, ...)
{
	char what[640];
	char *text = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (asprintf(&text, "%s: %s", config->name, what) < 0) {
		text = NULL;
	}
	config_add_mistake(config, text);
}
