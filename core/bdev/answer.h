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

/**
 * bdev_answer_delete() - begin the removal that @call asks for
 * Return: the bdev called @name, which is going: its destruct() ends @call. NULL: @call has ended
 *	with an error: there is none, it is of another kind (has not @ops), or it is going already.
 */
struct ebb_bdev *bdev_answer_delete(struct ebb_call *call, const char *name,
				    const struct ebb_bdev_ops *ops, const char *kind);

#endif
