/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STAND_IN_H
#define BENCH_STAND_IN_H

/*
 * A device of known speed: a bdev of the driver "stand_in", whose requests the companion answers on
 * another CPU, each so long after it has seen it. See stand_in.c.
 */

#include <stddef.h>

#include <ebb/histogram.h>

#include "bench/load/stand_in_device.h"

/**
 * bench_stand_in_create() - make such a bdev
 * It is empty (zeroes), reads what was written, and keeps the companion spinning from the first
 * channel to the last.
 * @error: why it could not be made, in one line that names what to do
 * Thread: app.
 * Return: 0; -EINVAL an option; -EOPNOTSUPP there is no second CPU for the companion; -EEXIST a bdev
 *	has that name; -ENOMEM; another -errno.
 */
int bench_stand_in_create(const struct bench_stand_in_opts *opts, char *error, size_t error_size);

/* The device of the bdev of that name, which goes with it; NULL: no stand-in has it. Thread: any. */
struct bench_stand_in_device *bench_stand_in_find(const char *name);

/**
 * bench_stand_in_delete() - take it away; requests that are under way are answered at once
 * @done: called on the app thread when it has gone; may be NULL
 * Thread: app. Return: 0; -ENODEV no stand-in has that name; -EBUSY it is going already.
 */
int bench_stand_in_delete(const char *name, void (*done)(void *arg), void *arg);

/**
 * bench_stand_in_lateness() - by how much it has answered later than it was to, in nanoseconds
 * At the most: how long a request may have stood unseen is in it.
 * Counts anew from here on.
 * Thread: any OS thread but the companion; waits for that one. Not while @name is being deleted.
 * Return: 0; -ENODEV no stand-in has that name.
 */
int bench_stand_in_lateness(const char *name, struct ebb_histogram *ret_lateness);

/* "answered 12345 requests, late by 0.1 us (p50), 0.8 us (p99), 30.2 us (max)", for people. */
void bench_stand_in_lateness_text(const struct ebb_histogram *lateness, char *text, size_t size);

#endif
