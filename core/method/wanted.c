/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/wanted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/thread.h>
#include <ebb/violation.h>

#include "core/event/app_only.h"
#include "core/method/param.h"

/*
 * The list is a consequence of calls that have ended, so that no driver has code for it. Entries
 * keep the place at which they were first asked for, whatever is set or created anew later: what is
 * saved stands on what stands before it.
 *
 * Parameters are kept as JSON of the list's own. What a call has set stays set where a later one
 * does not give it, if the method's table notes what was given; else a default has taken its place.
 *
 * A removal may take long, and its object's name may be free before it ends. What is asked for under
 * that name meanwhile is another object, which the removal is not about: so entries and calls are
 * numbered together.
 */

struct wanted_entry {
	struct ebb_wanted wanted;
	char *object;   /* wanted.object */
	uint64_t noted; /* when it was asked for last */
	struct ebb_list link;
};

static uint64_t wanted_count; /* of calls begun and entries noted */

static struct ebb_list entries = EBB_LIST_INIT(entries);

/* The list is the app thread's; with no framework running it is the caller's. */
static void wanted_assert_app(void)
{
	ebb_assert(ebb_thread_app() == NULL || ebb_thread_is_app());
}

static struct wanted_entry *entry_of(struct ebb_list *node)
{
	return ebb_list_entry(node, struct wanted_entry, link);
}

static void entry_free(struct wanted_entry *entry)
{
	json_object_put(entry->wanted.params);
	free(entry->object);
	free(entry);
}

/* The next of the words in *@names, which moves on. Return: its length; 0: there is no more. */
static size_t word_next(const char **names, const char **ret_word)
{
	size_t len;

	*names += strspn(*names, " ");
	*ret_word = *names;
	len = strcspn(*names, " ");
	*names += len;
	return len;
}

/* The member of @params by the word at @word; NULL: it is not given. */
static struct json_object *word_value(struct json_object *params, const char *word, size_t len)
{
	json_object_object_foreach(params, name, value)
	{
		if (strlen(name) == len && memcmp(name, word, len) == 0) {
			return value;
		}
	}
	return NULL;
}

/* What ebb_wanted.object is for @params. Return: the caller's to free; NULL: out of memory. */
static char *object_name(const struct ebb_method *method, struct json_object *params)
{
	const char *names = method->object != NULL ? method->object : "";
	char *text = strdup("");
	const char *word;
	size_t len;

	while (text != NULL && (len = word_next(&names, &word)) > 0) {
		struct json_object *value = word_value(params, word, len);
		char *longer;

		if (value == NULL) {
			continue;
		}
		if (asprintf(&longer, "%s%s%s", text, text[0] != '\0' ? " " : "",
			     json_object_get_string(value)) < 0) {
			longer = NULL;
		}
		free(text);
		text = longer;
	}
	return text;
}

static struct wanted_entry *entry_find(const struct ebb_method *method, const char *object)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &entries) {
		struct wanted_entry *entry = entry_of(node);

		if (entry->wanted.method == method && strcmp(entry->object, object) == 0) {
			return entry;
		}
	}
	return NULL;
}

/* What a later call that does not give @param leaves as it was. */
static bool param_stays(const struct ebb_method *method, const struct ebb_param *param)
{
	return method->effect == EBB_METHOD_SETS && param->optional && param->given_offset != 0;
}

/*
 * @params in the table's order, and of @before (or NULL) what they leave as it was. Return: a new
 * object; NULL: out of memory.
 */
static struct json_object *params_merge(const struct ebb_method *method, struct json_object *params,
					struct json_object *before)
{
	struct json_object *merged = json_object_new_object();

	for (size_t i = 0; merged != NULL && i < method->num_params; i++) {
		const struct ebb_param *param = &method->params[i];
		struct json_object *value;

		if (!json_object_object_get_ex(params, param->name, &value) &&
		    !(param_stays(method, param) &&
		      json_object_object_get_ex(before, param->name, &value))) {
			continue;
		}
		if (json_object_object_add(merged, param->name, json_object_get(value)) != 0) {
			json_object_put(value);
			json_object_put(merged);
			merged = NULL;
		}
	}
	return merged;
}

/* Return: 0; -ENOMEM. */
static int wanted_add_new(const struct ebb_method *method, char *object, struct json_object *params,
			  bool present)
{
	struct wanted_entry *entry = malloc(sizeof(*entry));

	if (entry == NULL) {
		return -ENOMEM;
	}
	*entry = (struct wanted_entry){
		.wanted = {.method = method,
			   .object = object,
			   .params = params,
			   .present = present},
		.object = object,
		.noted = ++wanted_count,
	};
	ebb_list_push_back(&entries, &entry->link);
	return 0;
}

/* Return: 0; -ENOMEM. */
static int wanted_add(const struct ebb_method *method, struct json_object *params, bool present)
{
	char *object = object_name(method, params);
	struct wanted_entry *entry = object != NULL ? entry_find(method, object) : NULL;
	struct json_object *merged;
	int rc = 0;

	if (entry != NULL && entry->wanted.present && !present) {
		free(object); /* a second one, which could not be beside the first */
		return 0;
	}
	merged = params_merge(method, params, entry != NULL ? entry->wanted.params : NULL);
	if (object == NULL || merged == NULL) {
		rc = -ENOMEM;
	} else if (entry == NULL) {
		rc = wanted_add_new(method, object, merged, present);
		if (rc == 0) {
			return 0;
		}
	} else {
		json_object_put(entry->wanted.params);
		entry->wanted.params = json_object_get(merged);
		entry->wanted.present = present;
		entry->noted = ++wanted_count;
	}
	json_object_put(merged);
	free(object);
	return rc;
}

/* Is it what a call of @remover, which undoes @creator, with @params is about? */
static bool entry_matches(const struct wanted_entry *entry, const struct ebb_method *remover,
			  const struct ebb_method *creator, struct json_object *params)
{
	const char *names = remover->object != NULL ? remover->object : "";
	const char *word;
	size_t len;

	if (entry->wanted.method != creator) {
		return false;
	}
	while ((len = word_next(&names, &word)) > 0) {
		struct json_object *value = word_value(params, word, len);

		if (value != NULL &&
		    !json_object_equal(value, word_value(entry->wanted.params, word, len))) {
			return false;
		}
	}
	return true;
}

/* Did @entry stand on the object @base of @creator's? What is set of an object goes when it does. */
static bool entry_stood_on(const struct wanted_entry *entry, const struct ebb_method *creator,
			   const char *base)
{
	const char *param = entry->wanted.method->stands_on;
	const char *suffix = creator->stands_suffix;
	struct json_object *value;
	const char *name;

	if (param == NULL ||
	    (entry->wanted.present && entry->wanted.method->effect == EBB_METHOD_CREATES) ||
	    !json_object_object_get_ex(entry->wanted.params, param, &value)) {
		return false;
	}
	name = json_object_get_string(value);
	if (suffix == NULL) {
		return strcmp(name, base) == 0;
	}
	if (strncmp(name, base, strlen(base)) != 0 ||
	    strncmp(name + strlen(base), suffix, strlen(suffix)) != 0) {
		return false;
	}
	/* "a" has "an1", but neither "another" nor "an1n1", which "an1" has. */
	name += strlen(base) + strlen(suffix);
	return name[0] != '\0' && strspn(name, "0123456789") == strlen(name);
}

static struct wanted_entry *entry_find_stood_on(const struct wanted_entry *base)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &entries) {
		if (entry_stood_on(entry_of(node), base->wanted.method, base->object)) {
			return entry_of(node);
		}
	}
	return NULL;
}

/* The user does not want it any more, nor what has gone with it. */
static void entry_take_out(struct wanted_entry *entry)
{
	struct wanted_entry *other;

	ebb_list_remove(&entry->link);
	while ((other = entry_find_stood_on(entry)) != NULL) {
		entry_take_out(other);
	}
	entry_free(entry);
}

/*
 * What ebb_wanted.object is of anything that a call of @remover is about, where it says that in full
 * and names objects as @creator does: most do, and most entries need no closer look then. Return: the
 * caller's to free; NULL: it does not.
 */
static char *removed_object(const struct ebb_method *remover, const struct ebb_method *creator,
			    struct json_object *params)
{
	const char *names = remover->object;
	const char *word;
	size_t len;

	if (names == NULL || creator == NULL || creator->object == NULL ||
	    strcmp(names, creator->object) != 0) {
		return NULL;
	}
	while ((len = word_next(&names, &word)) > 0) {
		if (word_value(params, word, len) == NULL) {
			return NULL;
		}
	}
	return object_name(remover, params);
}

/* The first noted before @begun that matches, of those that are there, or of those that are not. */
static struct wanted_entry *entry_find_match(const struct ebb_method *remover,
					     struct json_object *params, uint64_t begun,
					     bool present)
{
	const struct ebb_method *creator = ebb_method_find(remover->undoes);
	char *object = removed_object(remover, creator, params);
	struct wanted_entry *found = NULL;
	struct ebb_list *node;

	ebb_list_for_each(node, &entries) {
		struct wanted_entry *entry = entry_of(node);

		if (entry->wanted.present == present && entry->noted < begun &&
		    (object == NULL || strcmp(entry->object, object) == 0) &&
		    entry_matches(entry, remover, creator, params)) {
			found = entry;
			break;
		}
	}
	free(object);
	return found;
}

/* The removal has taken one object away; or has found none, so none is wanted that is absent. */
static void wanted_remove(const struct ebb_method *remover, struct json_object *params,
			  uint64_t begun, bool found)
{
	struct wanted_entry *entry;

	if (found) {
		entry = entry_find_match(remover, params, begun, true);
		if (entry != NULL) {
			entry_take_out(entry);
			return;
		}
	}
	while ((entry = entry_find_match(remover, params, begun, false)) != NULL) {
		entry_take_out(entry);
	}
}

/* Adds the members of @took_effect to @params; null takes one out. Return: 0; -ENOMEM. */
static int params_override(struct json_object *params, struct json_object *took_effect)
{
	if (took_effect == NULL) {
		return 0;
	}
	json_object_object_foreach(took_effect, name, value)
	{
		if (value == NULL) {
			json_object_object_del(params, name);
		} else if (json_object_object_add(params, name, json_object_get(value)) != 0) {
			json_object_put(value);
			return -ENOMEM;
		}
	}
	return 0;
}

uint64_t method_wanted_call_begun(void)
{
	return ++wanted_count;
}

void method_wanted_note(const struct ebb_method *method, const void *values,
			struct json_object *took_effect, uint64_t begun, int code, bool keep_failed)
{
	bool removes = method->effect == EBB_METHOD_REMOVES;
	bool not_found = code == -ENODEV || code == -ENOENT;
	struct json_object *params;
	int rc;

	wanted_assert_app();
	if (method->effect == EBB_METHOD_NO_EFFECT ||
	    (code != 0 && !(removes ? not_found : keep_failed))) {
		return;
	}
	params = method_param_encode(method, values);
	rc = params != NULL ? params_override(params, took_effect) : -ENOMEM;
	if (rc == 0 && !removes) {
		rc = wanted_add(method, params, code == 0);
	} else if (rc == 0) {
		wanted_remove(method, params, begun, code == 0);
	}
	json_object_put(params);
	if (rc != 0) {
		ebb_error("method",
			  "out of memory to note a call of \"%s\": a saved configuration will "
			  "lack it",
			  method->name);
	}
}

void method_wanted_set_base(const char *method, const char *object, const char *base)
{
	struct wanted_entry *entry;
	struct json_object *value;

	wanted_assert_app();
	entry = entry_find(ebb_method_find(method), object);
	if (entry == NULL) {
		return;
	}
	value = json_object_new_string(base);
	if (value == NULL || json_object_object_add(entry->wanted.params,
						    entry->wanted.method->stands_on, value) != 0) {
		json_object_put(value);
		ebb_error("method", "out of memory to note that \"%s\" stands on \"%s\"", object,
			  base);
	}
}

void method_wanted_clear(void)
{
	const struct ebb_method *method = NULL;

	wanted_assert_app();
	while (!ebb_list_empty(&entries)) {
		entry_free(entry_of(ebb_list_pop_front(&entries)));
	}
	while ((method = ebb_method_next(method)) != NULL) {
		if (method->reset != NULL) {
			method->reset();
		}
	}
}

EBB_REPORTS const struct ebb_wanted *ebb_wanted_next(const struct ebb_wanted *previous)
{
	const struct ebb_list *node = entries.next;

	if (!event_app_only_if_any(__func__, "what is wanted", __builtin_return_address(0))) {
		return NULL;
	}
	if (previous != NULL) {
		node = ebb_container_of(previous, const struct wanted_entry, wanted)->link.next;
	}
	return node == &entries ? NULL : &ebb_list_entry(node, struct wanted_entry, link)->wanted;
}

EBB_REPORTS const struct ebb_wanted *ebb_wanted_find(const char *method, const char *object)
{
	const struct wanted_entry *entry;

	if (!event_app_only_if_any(__func__, object, __builtin_return_address(0))) {
		return NULL;
	}
	entry = entry_find(ebb_method_find(method), object);
	return entry != NULL ? &entry->wanted : NULL;
}

EBB_REPORTS void ebb_wanted_set_present(const char *method, const char *object, bool present)
{
	struct wanted_entry *entry;

	if (!event_app_only_if_any(__func__, object, __builtin_return_address(0))) {
		return;
	}
	entry = entry_find(ebb_method_find(method), object);
	if (entry != NULL) {
		entry->wanted.present = present;
	}
}
