/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/param.h"

#include <inttypes.h>
#include <string.h>

#include "core/method/compat.h"

/* The parameter's type with its limits, in few words. */
static void help_type(const struct ebb_param *param, char *text, size_t size)
{
	static const char *const names[] = {
		[EBB_PARAM_BOOL] = "true|false", [EBB_PARAM_INT32] = "integer",
		[EBB_PARAM_UINT32] = "integer",  [EBB_PARAM_UINT64] = "integer",
		[EBB_PARAM_STRING] = "string",   [EBB_PARAM_UUID] = "UUID",
		[EBB_PARAM_ENUM] = "",           [EBB_PARAM_ANY] = "any JSON",
	};
	size_t len = (size_t)snprintf(text, size, "%s", names[param->type]);

	if (param->type == EBB_PARAM_ENUM) {
		for (int i = 0; param->names[i] != NULL && len < size; i++) {
			len += (size_t)snprintf(text + len, size - len, "%s%s", i > 0 ? "|" : "",
						param->names[i]);
		}
	} else if (param->max != 0) {
		snprintf(text + len, size - len, " %" PRIu64 "..%" PRIu64, param->min, param->max);
	} else if (param->min != 0) {
		snprintf(text + len, size - len, " from %" PRIu64, param->min);
	}
}

/* The default of an optional parameter, or nothing if it has none worth telling. */
static void help_default(const struct ebb_method *method, const struct ebb_param *param, FILE *out)
{
	const char *field;

	if (!param->optional || method->defaults == NULL) {
		return;
	}
	field = (const char *)method->defaults + param->offset;
	switch (param->type) {
	case EBB_PARAM_BOOL:
		fprintf(out, " (default %s)", *(const bool *)field ? "true" : "false");
		break;
	case EBB_PARAM_INT32:
		fprintf(out, " (default %" PRId32 ")", *(const int32_t *)field);
		break;
	case EBB_PARAM_UINT32:
		fprintf(out, " (default %" PRIu32 ")", *(const uint32_t *)field);
		break;
	case EBB_PARAM_UINT64:
		fprintf(out, " (default %" PRIu64 ")", *(const uint64_t *)field);
		break;
	case EBB_PARAM_STRING:
		if (*(char *const *)field != NULL) {
			fprintf(out, " (default \"%s\")", *(char *const *)field);
		}
		break;
	case EBB_PARAM_ENUM:
		fprintf(out, " (default %s)", param->names[*(const int *)field]);
		break;
	case EBB_PARAM_UUID:
	case EBB_PARAM_ANY:
		break;
	}
}

/* The widths that line the columns up. */
static void help_widths(const struct ebb_method *method, int *ret_name, int *ret_type)
{
	char type[96];

	*ret_name = 0;
	*ret_type = 0;
	for (size_t i = 0; i < method->num_params; i++) {
		int name_len = (int)strlen(method->params[i].name);
		int type_len;

		help_type(&method->params[i], type, sizeof(type));
		type_len = (int)strlen(type);
		*ret_name = name_len > *ret_name ? name_len : *ret_name;
		*ret_type = type_len > *ret_type ? type_len : *ret_type;
	}
}

/* SPDK's parameters, where they change nothing. */
static void help_compat(const struct ebb_method *method, FILE *out)
{
	const struct method_compat_param *param = NULL;

	while ((param = method_compat_next(method, param)) != NULL) {
		fprintf(out, "%s%s",
			method_compat_next(method, NULL) == param
				? "Of SPDK's, taken where they change nothing: "
				: ", ",
			param->name);
	}
	if (method_compat_next(method, NULL) != NULL) {
		fputs(".\n", out);
	}
}

void method_param_help_print(const struct ebb_method *method, FILE *out)
{
	const char *states = method->states == EBB_METHOD_STARTUP   ? "before the subsystems start"
			     : method->states == EBB_METHOD_RUNTIME ? "while ebb runs"
								    : "at any time";
	int name_width;
	int type_width;

	fprintf(out, "%s: %s\n", method->name, method->help != NULL ? method->help : "");
	if (method->alias != NULL) {
		fprintf(out, "Also called %s.\n", method->alias);
	}
	fprintf(out, "May be called %s.\n", states);
	if (method->num_params == 0) {
		fprintf(out, "It takes no parameters%s.\n",
			method_compat_next(method, NULL) != NULL ? " of its own" : "");
		help_compat(method, out);
		return;
	}
	help_widths(method, &name_width, &type_width);
	fprintf(out, "Parameters:\n");
	for (size_t i = 0; i < method->num_params; i++) {
		const struct ebb_param *param = &method->params[i];
		char type[96];

		help_type(param, type, sizeof(type));
		fprintf(out, "  %-*s  %-*s  %s%s%s", name_width, param->name, type_width, type,
			param->optional ? "optional" : "needed", param->help != NULL ? "; " : "",
			param->help != NULL ? param->help : "");
		help_default(method, param, out);
		fputc('\n', out);
	}
	help_compat(method, out);
}
