/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/interrupt_counts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine/pseudo_file.h"

/* The header, "  CPU0  CPU3": which CPU each column is of. Return: how many columns. */
static unsigned header_parse(char *line, unsigned *ret_cpus, unsigned max)
{
	unsigned count = 0;
	char *save = NULL;

	for (char *word = strtok_r(line, " ", &save); word != NULL && count < max;
	     word = strtok_r(NULL, " ", &save)) {
		if (sscanf(word, "CPU%u", &ret_cpus[count]) == 1) {
			count++;
		}
	}
	return count;
}

/* "33: 1 2  PCI-MSIX-0000:00:03.0  1-edge  eth0-rx": the last word is who is interrupted for. */
static bool line_parse(char *line, const unsigned *column_cpus, unsigned num_columns,
		       const cpu_set_t *cpus, struct bench_interrupt_line *ret_line)
{
	char *rest = strchr(line, ':');
	char *end, *name;

	if (rest == NULL) {
		return false;
	}
	*rest++ = '\0';
	snprintf(ret_line->id, sizeof(ret_line->id), "%.11s", line + strspn(line, " "));
	ret_line->count = 0;
	for (unsigned i = 0; i < num_columns; i++) {
		uint64_t count = strtoull(rest, &end, 10);

		if (end == rest) {
			break; /* lines like ERR have one number for all CPUs */
		}
		if (column_cpus[i] < CPU_SETSIZE && CPU_ISSET(column_cpus[i], cpus)) {
			ret_line->count += count;
		}
		rest = end;
	}
	name = rest + strspn(rest, " ");
	if (isdigit((unsigned char)ret_line->id[0]) && strrchr(name, ' ') != NULL) {
		name = strrchr(name, ' ') + 1;
	}
	snprintf(ret_line->name, sizeof(ret_line->name), "%.47s", name);
	return true;
}

void bench_interrupt_counts_read(const char *root, const cpu_set_t *cpus,
				 struct bench_interrupt_counts *ret_counts)
{
	char *text = bench_pseudo_file_text(root, "%s", "/proc/interrupts");
	unsigned column_cpus[CPU_SETSIZE], num_columns;
	char *save = NULL, *line;

	ret_counts->num_lines = 0;
	line = text == NULL ? NULL : strtok_r(text, "\n", &save);
	if (line == NULL) {
		free(text);
		return;
	}
	num_columns = header_parse(line, column_cpus, CPU_SETSIZE);
	while ((line = strtok_r(NULL, "\n", &save)) != NULL &&
	       ret_counts->num_lines < BENCH_INTERRUPTS_MAX) {
		if (line_parse(line, column_cpus, num_columns, cpus,
			       &ret_counts->lines[ret_counts->num_lines])) {
			ret_counts->num_lines++;
		}
	}
	free(text);
}

static bool is_storage(const char *name)
{
	static const char *const parts[] = {"nvme", "vfio", "ahci", "-req", "request", "blkif",
					    "mpt",  "mega", "scsi", "ufs",  "mmc",     "xhci"};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(parts); i++) {
		if (strstr(name, parts[i]) != NULL) {
			return true;
		}
	}
	return false;
}

static uint64_t count_before(const struct bench_interrupt_counts *counts, unsigned hint,
			     const char *id)
{
	if (hint < counts->num_lines && strcmp(counts->lines[hint].id, id) == 0) {
		return counts->lines[hint].count;
	}
	for (unsigned i = 0; i < counts->num_lines; i++) {
		if (strcmp(counts->lines[i].id, id) == 0) {
			return counts->lines[i].count;
		}
	}
	return 0;
}

const struct bench_interrupt_line *bench_interrupt_counts_busiest(
	const struct bench_interrupt_counts *from, const struct bench_interrupt_counts *to,
	uint64_t *ret_count)
{
	const struct bench_interrupt_line *busiest = NULL;
	uint64_t most = 0;

	for (unsigned i = 0; i < to->num_lines; i++) {
		const struct bench_interrupt_line *line = &to->lines[i];
		uint64_t before;

		if (!isdigit((unsigned char)line->id[0]) || is_storage(line->name)) {
			continue;
		}
		before = count_before(from, i, line->id);
		if (line->count > before && line->count - before > most) {
			most = line->count - before;
			busiest = line;
		}
	}
	*ret_count = most;
	return busiest;
}
