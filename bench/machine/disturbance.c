/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/disturbance.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/machine/others.h"
#include "bench/machine/reading.h"
#include "core/os/cpumask.h"
#include "core/os/steal.h"

/*
 * Each kind of disturbance is a row: from how much on it counts, and the words of its line,
 *
 *	VALUE unit WHERE after in N of M runs (at most VALUE): remedy
 *
 * in which VALUE is the mean of the runs that it counts in, and WHERE that of the worst of them.
 */
enum kind {
	KIND_STOLEN,
	KIND_OTHERS,
	KIND_QUEUED,
	KIND_DISK,
	KIND_THROTTLED,
	KIND_INTERRUPTS,
	KIND_FAULTS,
	KIND_SWAPPED,
	KIND_COMPACTED,
	KIND_PRESSURE,
	KIND_SUSPENDED,
	KIND_COUNT,
};

static const struct kind_row {
	double least;
	const char *unit;
	const char *after;
	const char *remedy;
} kind_rows[KIND_COUNT] = {
	[KIND_STOLEN] = {1, " % of ", " was stolen by the host",
			 "give this guest CPUs of its own, or measure when the host is quiet"},
	[KIND_OTHERS] = {5, " % of a CPU was used by other programs on ", "",
			 "end them, or keep them off these CPUs"},
	[KIND_QUEUED] = {50, " ms a second the threads of the run waited for a CPU", "",
			 "end other programs, or allow more CPUs"},
	[KIND_DISK] = {1, " MiB a second were read and written by other programs on ", "",
		       "end them, or give a drive of its own"},
	[KIND_THROTTLED] = {1, " times ", " was slowed down for its heat",
			    "cool it, or limit its frequency"},
	[KIND_INTERRUPTS] = {10000, " interrupts a second came from ", "",
			     "quieten that device, or move it to another CPU "
			     "(/proc/irq/N/smp_affinity)"},
	[KIND_FAULTS] = {1, " times a run waited for the disk to get its own memory", "",
			 "free memory"},
	[KIND_SWAPPED] = {1, " pages were swapped", "", "free memory, or swapoff -a"},
	[KIND_COMPACTED] = {1, " times a program waited for memory to be compacted", "",
			    "free memory, or turn transparent huge pages to madvise"},
	[KIND_PRESSURE] = {1, " % of the time a program waited for memory", "", "free memory"},
	[KIND_SUSPENDED] = {0.001, " s of a run the machine was suspended", "",
			    "measure again: systemd-inhibit ebb-bench ..."},
};

#define BYTES_IN_MIB 1048576.0

struct tally {
	unsigned runs; /* that it counts in */
	double sum;
	double most;
	char where[64];
};

struct bench_disturbance {
	char root[PATH_MAX / 4];
	cpu_set_t cpus;
	struct bench_disk disk; /* its folder is "": none is watched */
	bool begun;
	unsigned runs;
	struct tally tallies[KIND_COUNT];
	uint64_t khz_low[BENCH_READING_CPUS_MAX]; /* at the ends of runs, by place in a reading */
	uint64_t khz_high[BENCH_READING_CPUS_MAX];
	char clock_source[2][32]; /* before and after it changed */
	struct bench_reading before;
	struct bench_reading after;
	struct bench_others others_before;
	struct bench_others others_after;
};

struct bench_disturbance *bench_disturbance_create(const char *root, const cpu_set_t *cpus)
{
	struct bench_disturbance *disturbance = calloc(1, sizeof(*disturbance));

	if (disturbance == NULL) {
		return NULL;
	}
	snprintf(disturbance->root, sizeof(disturbance->root), "%s", root);
	disturbance->cpus = *cpus;
	bench_others_read(root, &disturbance->others_before);
	return disturbance;
}

void bench_disturbance_destroy(struct bench_disturbance *disturbance)
{
	free(disturbance);
}

void bench_disturbance_watch(struct bench_disturbance *disturbance, const struct bench_disk *disk)
{
	disturbance->begun = false; /* that run was on another disk */
	if (disk != NULL) {
		disturbance->disk = *disk;
	} else {
		memset(&disturbance->disk, 0, sizeof(disturbance->disk));
	}
}

void bench_disturbance_begin(struct bench_disturbance *disturbance)
{
	bench_reading_take(disturbance->root, &disturbance->cpus, disturbance->disk.folder,
			   &disturbance->before);
	disturbance->begun = true;
}

static void tally_add(struct bench_disturbance *disturbance, enum kind kind, double value,
		      const char *where)
{
	struct tally *tally = &disturbance->tallies[kind];

	if (value < kind_rows[kind].least) {
		return;
	}
	tally->runs++;
	tally->sum += value;
	if (value > tally->most) {
		tally->most = value;
		snprintf(tally->where, sizeof(tally->where), "%s", where);
	}
}

static double grown(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) : 0;
}

/* What is counted by CPU: the worst one of each kind, and how much others had of all. */
static void cpus_compare(struct bench_disturbance *disturbance, double elapsed_ns)
{
	const struct bench_reading *from = &disturbance->before, *to = &disturbance->after;
	double stolen = 0, throttles = 0, busy_ns = 0, others_ns;
	unsigned stolen_of = 0, throttled = 0;
	char where[64], list[48];

	for (unsigned i = 0; i < to->num_cpus && i < from->num_cpus; i++) {
		if (to->cpus[i].number != from->cpus[i].number) {
			return; /* one has come or gone: nothing can be compared */
		}
		busy_ns += grown(from->cpus[i].busy_ns, to->cpus[i].busy_ns);
		if (grown(from->cpus[i].steal_ns, to->cpus[i].steal_ns) > stolen) {
			stolen = grown(from->cpus[i].steal_ns, to->cpus[i].steal_ns);
			stolen_of = to->cpus[i].number;
		}
		if (grown(from->cpus[i].throttles, to->cpus[i].throttles) > throttles) {
			throttles = grown(from->cpus[i].throttles, to->cpus[i].throttles);
			throttled = to->cpus[i].number;
		}
	}
	snprintf(where, sizeof(where), "CPU %u", stolen_of);
	tally_add(disturbance, KIND_STOLEN, 100 * stolen / elapsed_ns, where);
	snprintf(where, sizeof(where), "CPU %u", throttled);
	tally_add(disturbance, KIND_THROTTLED, throttles, where);
	others_ns = fmin(busy_ns, to->num_cpus * elapsed_ns) - grown(from->own_ns, to->own_ns);
	/* The kernel counts CPUs' time in ticks: a few say nothing. */
	if (others_ns >= 3 * (double)os_steal_tick_ns()) {
		os_cpumask_format(&disturbance->cpus, list, sizeof(list));
		snprintf(where, sizeof(where), "CPUs %s", list);
		tally_add(disturbance, KIND_OTHERS, 100 * others_ns / elapsed_ns, where);
	}
}

static void interrupts_compare(struct bench_disturbance *disturbance, double elapsed_ns)
{
	const struct bench_interrupt_line *line;
	char where[64];
	uint64_t count;

	line = bench_interrupt_counts_busiest(&disturbance->before.interrupts,
					      &disturbance->after.interrupts, &count);
	if (line != NULL) {
		snprintf(where, sizeof(where), "%.40s (IRQ %.8s)", line->name, line->id);
		tally_add(disturbance, KIND_INTERRUPTS,
			  (double)count * (double)EBB_NS_PER_S / elapsed_ns, where);
	}
}

/* The clocks: that of each CPU at the end of each run, and that of the kernel. */
static void clocks_compare(struct bench_disturbance *disturbance)
{
	const struct bench_reading *from = &disturbance->before, *to = &disturbance->after;

	for (unsigned i = 0; i < to->num_cpus; i++) {
		uint64_t khz = to->cpus[i].khz;

		if (khz != 0 && (disturbance->khz_low[i] == 0 || khz < disturbance->khz_low[i])) {
			disturbance->khz_low[i] = khz;
		}
		if (khz > disturbance->khz_high[i]) {
			disturbance->khz_high[i] = khz;
		}
	}
	if (disturbance->clock_source[0][0] == '\0' &&
	    strcmp(from->clock_source, to->clock_source) != 0) {
		memcpy(disturbance->clock_source[0], from->clock_source,
		       sizeof(from->clock_source));
		memcpy(disturbance->clock_source[1], to->clock_source, sizeof(to->clock_source));
	}
}

void bench_disturbance_end(struct bench_disturbance *disturbance)
{
	const struct bench_reading *from = &disturbance->before, *to = &disturbance->after;
	double elapsed_ns, others_bytes;

	if (!disturbance->begun) {
		return;
	}
	disturbance->begun = false;
	bench_reading_take(disturbance->root, &disturbance->cpus, disturbance->disk.folder,
			   &disturbance->after);
	elapsed_ns = grown(from->now_ns, to->now_ns);
	if (elapsed_ns <= 0) {
		return;
	}
	disturbance->runs++;
	cpus_compare(disturbance, elapsed_ns);
	interrupts_compare(disturbance, elapsed_ns);
	clocks_compare(disturbance);
	others_bytes = grown(from->disk_bytes, to->disk_bytes) -
		       grown(from->own_disk_bytes, to->own_disk_bytes);
	tally_add(disturbance, KIND_DISK,
		  others_bytes * (double)EBB_NS_PER_S / elapsed_ns / BYTES_IN_MIB,
		  disturbance->disk.name);
	tally_add(disturbance, KIND_QUEUED,
		  1000 * grown(from->own_queue_ns, to->own_queue_ns) / elapsed_ns, "");
	tally_add(disturbance, KIND_FAULTS, grown(from->own_faults, to->own_faults), "");
	tally_add(disturbance, KIND_SWAPPED, grown(from->swapped_pages, to->swapped_pages), "");
	tally_add(disturbance, KIND_COMPACTED, grown(from->compactions, to->compactions), "");
	tally_add(disturbance, KIND_PRESSURE,
		  100 * grown(from->pressure_ns, to->pressure_ns) / elapsed_ns, "");
	tally_add(disturbance, KIND_SUSPENDED,
		  grown(from->suspended_ns, to->suspended_ns) / (double)EBB_NS_PER_S, "");
}

static void tally_warn(const struct bench_disturbance *disturbance, enum kind kind, const char *who,
		       struct bench_warning_list *list)
{
	const struct tally *tally = &disturbance->tallies[kind];
	const struct kind_row *row = &kind_rows[kind];
	const char *run = disturbance->runs == 1 ? "run" : "runs";
	double mean = tally->sum / tally->runs;
	int decimals = mean < 10 && kind == KIND_SUSPENDED ? 3 : 0;

	if (tally->runs > 1) {
		bench_warning_add(list, "%.*f%s%s%s in %u of %u %s (at most %.*f): %s%s", decimals,
				  mean, row->unit, tally->where, row->after, tally->runs,
				  disturbance->runs, run, decimals, tally->most, row->remedy, who);
	} else {
		bench_warning_add(list, "%.*f%s%s%s in %u of %u %s: %s%s", decimals, mean,
				  row->unit, tally->where, row->after, tally->runs,
				  disturbance->runs, run, row->remedy, who);
	}
}

/* Names the program that used most of the CPU since the first run. */
static void others_warn(struct bench_disturbance *disturbance, struct bench_warning_list *list)
{
	const struct bench_other *busiest;
	char who[80] = "";

	bench_others_read(disturbance->root, &disturbance->others_after);
	busiest = bench_others_busiest(&disturbance->others_before, &disturbance->others_after,
				       getpid());
	if (busiest != NULL) {
		snprintf(who, sizeof(who), "; %s (PID %d) used most", busiest->name,
			 (int)busiest->pid);
	}
	tally_warn(disturbance, KIND_OTHERS, who, list);
}

static void clocks_warn(const struct bench_disturbance *disturbance,
			struct bench_warning_list *list)
{
	const struct bench_reading *reading = &disturbance->after;
	unsigned worst = 0;
	double most = 1;

	for (unsigned i = 0; i < reading->num_cpus; i++) {
		double ratio = disturbance->khz_low[i] == 0
				       ? 1
				       : (double)disturbance->khz_high[i] /
						 (double)disturbance->khz_low[i];

		if (ratio > most) {
			most = ratio;
			worst = i;
		}
	}
	if (most > 1.05) {
		bench_warning_add(
			list,
			"CPU %u ran at %llu to %llu MHz at the ends of the runs: for "
			"figures that repeat, cpupower frequency-set with -d and -u alike",
			reading->cpus[worst].number,
			(unsigned long long)disturbance->khz_low[worst] / 1000,
			(unsigned long long)disturbance->khz_high[worst] / 1000);
	}
	if (disturbance->clock_source[0][0] != '\0') {
		bench_warning_add(list,
				  "the kernel went from clock source %s to %s in a run, as the "
				  "former is not stable: measure again",
				  disturbance->clock_source[0], disturbance->clock_source[1]);
	}
}

unsigned bench_disturbance_warnings(struct bench_disturbance *disturbance,
				    char (*ret_warnings)[BENCH_WARNING_MAX], unsigned max)
{
	struct bench_warning_list list = {.lines = ret_warnings, .max = max};

	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		if (disturbance->tallies[kind].runs == 0) {
			continue;
		}
		if (kind == KIND_OTHERS) {
			others_warn(disturbance, &list);
		} else {
			tally_warn(disturbance, kind, "", &list);
		}
	}
	clocks_warn(disturbance, &list);
	return list.count;
}
