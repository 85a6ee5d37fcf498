/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_HASH_H
#define CORE_BASE_HASH_H

/*
 * An intrusive hash table. It knows hashes, not keys: a lookup walks the nodes of one hash, and
 * whoever asks compares the keys. Several nodes may have the same key.
 *
 * Nothing can fail. The table doubles when it holds a node for each bucket, and where there is no
 * memory for that it stays as it is, and is slower. A zeroed table is empty and ready; an empty one
 * holds no memory.
 */

#include <stddef.h>
#include <stdint.h>

#include <ebb/base.h>

struct base_hash_node {
	struct base_hash_node *next;
	uint64_t hash;
};

struct base_hash {
	struct base_hash_node **buckets; /* NULL: only @single */
	struct base_hash_node *single;
	size_t num_buckets; /* a power of two, or 0: only @single */
	size_t num_nodes;
};

void base_hash_add(struct base_hash *table, struct base_hash_node *node, uint64_t hash);

/* Harmless on a node that is not in @table, if it is zeroed or was there once. */
void base_hash_remove(struct base_hash *table, struct base_hash_node *node);

/* The nodes of @hash in no order: base_hash_first(), then base_hash_next() until NULL. */
struct base_hash_node *base_hash_first(const struct base_hash *table, uint64_t hash);
struct base_hash_node *base_hash_next(const struct base_hash_node *node);

/* Names that differ in the case of ASCII letters only have the same hash. */
uint64_t base_hash_of_name(const char *name);
uint64_t base_hash_of_address(const void *address);

#define base_hash_entry(node, type, member) ebb_container_of(node, type, member)

/* @node: a struct base_hash_node *; the body must not remove it. */
#define base_hash_for_each(node, table, hash) \
	for ((node) = base_hash_first(table, hash); (node) != NULL; (node) = base_hash_next(node))

#endif
