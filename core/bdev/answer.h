/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_ANSWER_H
#define CORE_BDEV_ANSWER_H

/* What the methods of all kinds of block devices answer alike. Thread: app. */

#include <ebb/bdev_module.h>
#include <ebb/method.h>

#define BDEV_ANSWER_WHY 128 /* bytes of a text below */

/**
 * bdev_answer_waits_why() - what keeps a bdev from its base @base, for which it waits
 * @ret_text: how to go on after the base's name, with the remedy; "": the base is not there
 */
void bdev_answer_waits_why(const char *base, char *ret_text, size_t size);

/* Ends @call: there is no bdev called @name. */
void bdev_answer_not_found(struct ebb_call *call, const char *name);

/* Ends @call: what ebb_bdev_register() returned for the bdev called @name. */
void bdev_answer_created(struct ebb_call *call, const char *name, int rc);

/* The parameter "force" of a method that takes bdevs away; its struct has a bool of that name. */
#define BDEV_ANSWER_PARAM_FORCE(type)                            \
	EBB_PARAM(type, force, EBB_PARAM_BOOL, .optional = true, \
		  .help = "also while clients use it, who are hung up on; default: false")

/**
 * bdev_answer_is_used() - may @bdev not be taken away?
 * Return: true: they are given half a second to go, for which the method is called again; then @call
 *	ends with an error that names the exports of it, or of what stands on it, and their clients.
 *	False: there are no clients.
 */
bool bdev_answer_is_used(struct ebb_call *call, const struct ebb_bdev *bdev);

/**
 * bdev_answer_delete() - begin the removal that @call asks for
 * @force: though clients use it
 * Return: the bdev called @name, which is going: its destruct() ends @call. NULL: the method is
 *	called again in a moment (bdev_answer_is_used()), or @call has ended with an error: there is
 *	none, it is of another kind (has not @ops), clients use it, or it is going already.
 */
struct ebb_bdev *bdev_answer_delete(struct ebb_call *call, const char *name,
				    const struct ebb_bdev_ops *ops, const char *kind, bool force);

#endif
