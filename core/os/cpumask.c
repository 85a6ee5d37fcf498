/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/cpumask.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int cpumask_parse_hex(const char *digits, cpu_set_t *cpus)
{
	size_t len = strlen(digits);

	if (len == 0 || len * 4 > CPU_SETSIZE) {
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++) {
		int digit = hex_digit(digits[len - 1 - i]);

		if (digit < 0) {
			return -EINVAL;
		}
		for (unsigned bit = 0; bit < 4; bit++) {
			if (digit & (1 << bit)) {
				CPU_SET(i * 4 + bit, cpus);
			}
		}
	}
	return 0;
}

static int cpumask_parse_number(const char **text, unsigned long *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)**text)) {
		return -EINVAL;
	}
	errno = 0;
	*ret_number = strtoul(*text, &end, 10);
	if (errno != 0 || *ret_number >= CPU_SETSIZE) {
		return -EINVAL;
	}
	*text = end;
	return 0;
}

/* "0,2-3", up to @end. */
static int cpumask_parse_list(const char *text, char end, cpu_set_t *cpus)
{
	unsigned long first, last;

	for (;;) {
		if (cpumask_parse_number(&text, &first) != 0) {
			return -EINVAL;
		}
		last = first;
		if (*text == '-') {
			text++;
			if (cpumask_parse_number(&text, &last) != 0 || last < first) {
				return -EINVAL;
			}
		}
		for (unsigned long cpu = first; cpu <= last; cpu++) {
			CPU_SET(cpu, cpus);
		}
		if (*text != ',') {
			break;
		}
		text++;
	}
	if (*text != end) {
		return -EINVAL;
	}
	return end == '\0' || text[1] == '\0' ? 0 : -EINVAL;
}

static bool cpumask_is_bare_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int os_cpumask_parse(const char *text, cpu_set_t *ret_cpus)
{
	cpu_set_t cpus;
	int rc;

	CPU_ZERO(&cpus);
	if (strncasecmp(text, "0x", 2) == 0) {
		rc = cpumask_parse_hex(text + 2, &cpus);
	} else if (cpumask_is_bare_number(text)) {
		rc = -EINVAL;
	} else if (text[0] == '[') {
		rc = cpumask_parse_list(text + 1, ']', &cpus);
	} else {
		rc = cpumask_parse_list(text, '\0', &cpus);
	}
	if (rc != 0 || CPU_COUNT(&cpus) == 0) {
		return -EINVAL;
	}
	*ret_cpus = cpus;
	return 0;
}

/* "3" is CPU 3 or mask 0x3: says what each of them is. */
static void cpumask_explain_number(const char *number, char *ret_text, size_t size)
{
	char mask_text[96] = "no CPU";
	char cpu_text[96] = "";
	const char *digits = number;
	cpu_set_t mask;
	unsigned long cpu;

	if (cpumask_parse_number(&digits, &cpu) == 0) {
		snprintf(cpu_text, sizeof(cpu_text), "CPU %lu is [%lu], ", cpu, cpu);
	}
	CPU_ZERO(&mask);
	if (cpumask_parse_hex(number, &mask) != 0) {
		snprintf(mask_text, sizeof(mask_text), "larger than any");
	} else if (CPU_COUNT(&mask) > 0) {
		snprintf(mask_text, sizeof(mask_text), "CPU%s ", CPU_COUNT(&mask) > 1 ? "s" : "");
		os_cpumask_format(&mask, mask_text + strlen(mask_text),
				  sizeof(mask_text) - strlen(mask_text));
	}
	snprintf(ret_text, size, "a bare number may be a CPU or a mask: %smask 0x%.32s is %s",
		 cpu_text, number, mask_text);
}

void os_cpumask_explain(const char *text, char *ret_text, size_t size)
{
	cpu_set_t mask;

	CPU_ZERO(&mask);
	if (cpumask_is_bare_number(text)) {
		cpumask_explain_number(text, ret_text, size);
	} else if (cpumask_parse_hex(text, &mask) == 0) {
		snprintf(ret_text, size, "a mask begins with 0x: write 0x%.32s", text);
	} else {
		snprintf(ret_text, size,
			 "legal are a hexadecimal mask as 0x3 or a list as [0,2-3], with at least "
			 "one CPU");
	}
}

void os_cpumask_format(const cpu_set_t *cpus, char *ret_text, size_t size)
{
	size_t len = 0;
	size_t first;
	size_t cpu;

	ret_text[0] = '\0';
	for (cpu = 0; cpu < CPU_SETSIZE && len + 16 < size; cpu++) {
		if (!CPU_ISSET(cpu, cpus)) {
			continue;
		}
		first = cpu;
		while (cpu + 1 < CPU_SETSIZE && CPU_ISSET(cpu + 1, cpus)) {
			cpu++;
		}
		len += (size_t)snprintf(ret_text + len, size - len, "%s%zu", len > 0 ? "," : "",
					first);
		if (cpu > first) {
			len += (size_t)snprintf(ret_text + len, size - len, "-%zu", cpu);
		}
	}
}
