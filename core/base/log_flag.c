/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/log_flag.h"

/*
 * The flags of the components. Each debug line has a site of its own, which holds its component's
 * flag and whether the line is written, so that one that is not costs a look at its own site and
 * nothing else. The linker has put the sites of this program, or of this library, into one section.
 * Others (of a program that uses the library, or in C++) are added to a list when they first run.
 *
 * Flags are set and sites run for the first time under a lock: a site that did so while its flag
 * was being set would be passed over by that, or put back what it had read before. What runs again
 * only reads its state.
 */

#include <errno.h>
#include <fnmatch.h>
#include <sched.h>
#include <string.h>

#define SECTION_BOUND extern struct ebb_log_site __attribute__((weak, visibility("hidden")))

/* Both NULL where there is no debug line. */
SECTION_BOUND __start_ebb_log_sites[];
SECTION_BOUND __stop_ebb_log_sites[];

static bool flags_locked;
static bool flag_debugging; /* debug lines go somewhere, if their flag is set */
static struct ebb_log_site *others;
static unsigned char others_flag; /* of a component that has not run yet */

/* It is held for as long as a walk over the sites takes, when a flag is set. */
static void flags_lock(void)
{
	while (__atomic_exchange_n(&flags_locked, true, __ATOMIC_ACQUIRE)) {
		sched_yield();
	}
}

static void flags_unlock(void)
{
	__atomic_store_n(&flags_locked, false, __ATOMIC_RELEASE);
}

/* The site after @previous, NULL: the first. Return: NULL: no more. */
static struct ebb_log_site *site_next(const struct ebb_log_site *previous)
{
	const struct ebb_log_site *start = __start_ebb_log_sites;
	const struct ebb_log_site *stop = __stop_ebb_log_sites;

	if (previous == NULL && start != stop) {
		return __start_ebb_log_sites;
	}
	if (previous != NULL && previous >= start && previous < stop && previous + 1 < stop) {
		return &__start_ebb_log_sites[previous + 1 - start];
	}
	if (previous == NULL || (previous >= start && previous < stop)) {
		return __atomic_load_n(&others, __ATOMIC_ACQUIRE);
	}
	return previous->next;
}

static unsigned char site_flag(const struct ebb_log_site *site)
{
	return __atomic_load_n(&site->flag, __ATOMIC_RELAXED);
}

static void site_apply(struct ebb_log_site *site)
{
	bool on = site_flag(site) != 0 && flag_debugging;

	__atomic_store_n(&site->state, on ? EBB_LOG_SITE_ON : EBB_LOG_SITE_OFF, __ATOMIC_RELAXED);
}

static const struct ebb_log_site *site_find(const char *component)
{
	const struct ebb_log_site *site = NULL;

	while ((site = site_next(site)) != NULL && strcasecmp(site->component, component) != 0) {
	}
	return site;
}

/* @site runs for the first time, and is in no section that is known here. */
static void site_add(struct ebb_log_site *site)
{
	const struct ebb_log_site *like = site_find(site->component);

	__atomic_store_n(&site->flag, like != NULL ? site_flag(like) : others_flag,
			 __ATOMIC_RELAXED);
	site->next = others;
	/* Pairs with the load in site_next(), by who lists the flags without the lock. */
	__atomic_store_n(&others, site, __ATOMIC_RELEASE);
}

bool ebb_log_site_on(struct ebb_log_site *site)
{
	if (__atomic_load_n(&site->state, __ATOMIC_RELAXED) == EBB_LOG_SITE_NEW) {
		flags_lock();
		/* Of several OS threads that run it first, one adds it. */
		if (__atomic_load_n(&site->state, __ATOMIC_RELAXED) == EBB_LOG_SITE_NEW) {
			if (site < __start_ebb_log_sites || site >= __stop_ebb_log_sites) {
				site_add(site);
			}
			site_apply(site);
		}
		flags_unlock();
	}
	return __atomic_load_n(&site->state, __ATOMIC_RELAXED) == EBB_LOG_SITE_ON;
}

static void sites_apply(void)
{
	struct ebb_log_site *site = NULL;

	while ((site = site_next(site)) != NULL) {
		site_apply(site);
	}
}

void base_log_flag_debugging(bool debugging)
{
	flags_lock();
	flag_debugging = debugging;
	sites_apply();
	flags_unlock();
}

bool base_log_flag_matches(const char *name, const char *component)
{
	return strcasecmp(name, "all") == 0 || fnmatch(name, component, FNM_CASEFOLD) == 0;
}

static int flag_put(const char *name, unsigned char value)
{
	struct ebb_log_site *site = NULL;
	int rc = -ENOENT;

	flags_lock();
	if (strcasecmp(name, "all") == 0) {
		rc = 0;
		others_flag = value;
	}
	while ((site = site_next(site)) != NULL) {
		if (base_log_flag_matches(name, site->component)) {
			__atomic_store_n(&site->flag, value, __ATOMIC_RELAXED);
			rc = 0;
		}
	}
	sites_apply();
	flags_unlock();
	return rc;
}

int ebb_log_set_flag(const char *name)
{
	return flag_put(name, 1);
}

int ebb_log_clear_flag(const char *name)
{
	return flag_put(name, 0);
}

bool ebb_log_get_flag(const char *name)
{
	const struct ebb_log_site *site = site_find(name);

	return site != NULL && site_flag(site) != 0;
}

/* Of the components after @previous the first one's site; @previous "": of all. */
static const struct ebb_log_site *flag_after(const char *previous)
{
	const struct ebb_log_site *first = NULL;
	const struct ebb_log_site *site = NULL;

	while ((site = site_next(site)) != NULL) {
		if (strcmp(site->component, previous) > 0 &&
		    (first == NULL || strcmp(site->component, first->component) < 0)) {
			first = site;
		}
	}
	return first;
}

void ebb_log_for_each_flag(void (*fn)(const char *name, bool set, void *arg), void *arg)
{
	const struct ebb_log_site *site = flag_after("");

	while (site != NULL) {
		fn(site->component, site_flag(site) != 0, arg);
		site = flag_after(site->component);
	}
}
