/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BASE_HASH_H
#define EBB_BASE_HASH_H

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

struct ebb_hash_node {
	struct ebb_hash_node *next;
	uint64_t hash;
};

struct ebb_hash {
	struct ebb_hash_node **buckets; /* NULL: only @single */
	struct ebb_hash_node *single;
	size_t num_buckets; /* a power of two, or 0: only @single */
	size_t num_nodes;
};

void ebb_hash_add(struct ebb_hash *table, struct ebb_hash_node *node, uint64_t hash);

/* Harmless on a node that is not in @table, if it is zeroed or was there once. */
void ebb_hash_remove(struct ebb_hash *table, struct ebb_hash_node *node);

/* The nodes of @hash in no order: ebb_hash_first(), then ebb_hash_next() until NULL. */
struct ebb_hash_node *ebb_hash_first(const struct ebb_hash *table, uint64_t hash);
struct ebb_hash_node *ebb_hash_next(const struct ebb_hash_node *node);

/* Names that differ in the case of ASCII letters only have the same hash. */
uint64_t ebb_hash_of_name(const char *name);
uint64_t ebb_hash_of_address(const void *address);

#define ebb_hash_entry(node, type, member) ebb_container_of(node, type, member)

/* @node: a struct ebb_hash_node *; the body must not remove it. */
#define ebb_hash_for_each(node, table, hash) \
	for ((node) = ebb_hash_first(table, hash); (node) != NULL; (node) = ebb_hash_next(node))

#endif
