/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BENCH_MACHINE_MACHINES_H
#define TESTS_UNIT_BENCH_MACHINE_MACHINES_H

/* Machines of files, in the folder of tests/unit/core/base/scratch.h. */

/* Two cores of two threads, of which CPU 1 has another governor; idle states; on its battery. */
void machine_laptop(void);

/* A guest without frequencies and idle states. */
void machine_guest(void);

/* Nothing in its files is what it should be. */
void machine_garbage(void);

/* What is at the end of a path in a JSON object: "cpu.idle.states.1.name"; "-" if nothing is. */
struct json_object;
const char *machine_fact(struct json_object *facts, const char *path);

#endif
