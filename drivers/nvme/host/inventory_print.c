/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/host/inventory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <json-c/json.h>

#include <ebb/base.h>

#define COLUMNS 100
#define INDENT  4

static const char *text_of(struct json_object *object, const char *key, const char *none)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value)
							      : none;
}

static const char *verdict_of(struct json_object *controller, const char *key, const char *part)
{
	struct json_object *verdict;

	return json_object_object_get_ex(controller, key, &verdict) ? text_of(verdict, part, "")
								    : "";
}

/* @text behind @head, broken between words, its later lines below its first. */
static void print_wrapped(FILE *out, const char *head, const char *text)
{
	int column = INDENT + (int)strlen(head), first = column;

	fprintf(out, "%*s%s", INDENT, "", head);
	while (*text != '\0') {
		int len = (int)strcspn(text, " ");

		if (column > first && column + 1 + len > COLUMNS) {
			fprintf(out, "\n%*s", first, "");
			column = first;
		} else if (column > first) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_size(char *text, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1024 && unit + 1 < EBB_ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void print_namespace(FILE *out, struct json_object *ns)
{
	struct json_object *bytes = NULL;
	char size[32], head[128];

	json_object_object_get_ex(ns, "size_bytes", &bytes);
	print_size(size, sizeof(size), json_object_get_uint64(bytes));
	snprintf(head, sizeof(head), "%-12s %10s  ", text_of(ns, "name", "?"), size);
	print_wrapped(out, head, text_of(ns, "holder", "free"));
}

static void print_verdict(FILE *out, struct json_object *controller, const char *key)
{
	const char *reason = verdict_of(controller, key, "reason");
	char head[16];

	if (reason[0] != '\0') {
		snprintf(head, sizeof(head), "%s: ", key);
		print_wrapped(out, head, reason);
	}
}

static void print_controller(FILE *out, struct json_object *controller)
{
	struct json_object *namespaces;
	char drive[128];
	size_t i;

	/* vfio-pci does not know: only who drives it could ask it. */
	snprintf(drive, sizeof(drive), "%s%s%s", text_of(controller, "model", "-"),
		 text_of(controller, "serial", "")[0] == '\0' ? "" : " ",
		 text_of(controller, "serial", ""));
	fprintf(out, "%-13s %-8s %-9s %5s  %-4s %-6s %.48s\n", text_of(controller, "address", "-"),
		text_of(controller, "controller", "-"), text_of(controller, "driver", "none"),
		text_of(controller, "iommu_group", "-"), verdict_of(controller, "hot", "state"),
		verdict_of(controller, "cold", "state"), drive);
	if (json_object_object_get_ex(controller, "namespaces", &namespaces)) {
		for (i = 0; i < json_object_array_length(namespaces); i++) {
			print_namespace(out, json_object_array_get_idx(namespaces, i));
		}
	}
	print_verdict(out, controller, "hot");
	print_verdict(out, controller, "cold");
}

void host_inventory_print(struct json_object *inventory, FILE *out)
{
	struct json_object *controllers, *poll_queues;
	size_t i, num = 0;

	if (json_object_object_get_ex(inventory, "controllers", &controllers)) {
		num = json_object_array_length(controllers);
	}
	if (num == 0) {
		fputs("This machine has no NVMe controller.\n", out);
		return;
	}
	fprintf(out, "%-13s %-8s %-9s %5s  %-4s %-6s %s\n", "ADDRESS", "KERNEL", "DRIVER", "GROUP",
		"HOT", "COLD", "MODEL, SERIAL");
	for (i = 0; i < num; i++) {
		print_controller(out, json_object_array_get_idx(controllers, i));
	}
	if (json_object_object_get_ex(inventory, "poll_queues", &poll_queues) &&
	    json_object_get_int(poll_queues) == 0) {
		fputs("\nThe kernel's nvme has no poll queues: a drive that stays with it is not "
		      "polled (nvme.poll_queues).\n",
		      out);
	}
}
