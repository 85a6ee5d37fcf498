/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FACTS_H
#define BENCH_FACTS_H

/*
 * What has to be known of a machine before a figure of it means anything to somebody else. What
 * cannot be found out is absent; nothing is guessed.
 *
 *	"cpu"         model, online, allowed, smt, cores; frequency: driver, governor, boost, MHz;
 *	              idle: driver, governor, states with exit latencies; mitigations
 *	"product"     vendor, name
 *	"kernel"      release, version, command_line (the options that matter), clock_source,
 *	              timer_slack_ns
 *	"hypervisor"  present, name
 *	"memory"      total_bytes, available_bytes, swap, numa_nodes, transparent_hugepages
 *	"iommu"       present, groups, type
 *	"power"       source ("mains", "battery"), battery_percent, platform_profile
 *	"energy"      whether joules can be measured: "rapl", or why not
 *	"build"       of this program: version, debug, sanitizer
 *	"device"      bench/machine/device_facts.h
 */

struct json_object;

/**
 * bench_facts_get() - the facts of this machine, and of the device beneath @path
 * Thread: one that may block, and that is not held on some CPUs: those that it may use are "allowed".
 * @path: of a file or device; NULL or "": none, and no "device" in the answer
 * Return: an object, the caller's to put.
 */
struct json_object *bench_facts_get(const char *path);

/* The same of a machine that a test has made. @root: before /proc and /sys */
struct json_object *bench_facts_get_root(const char *root, const char *path);

/* Of one file or device more. NULL: there is none of that name. The rest is as above. */
struct json_object *bench_facts_get_device(const char *path);

#endif
