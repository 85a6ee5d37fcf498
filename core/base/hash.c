/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/hash.h"

#include <stdlib.h>

#define BUCKETS_MIN ((size_t)16)

/* Spreads every bit of @value over all: Stafford's variant 13 of MurmurHash3's finalizer. */
static uint64_t hash_mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

uint64_t base_hash_of_name(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *name != '\0'; name++) {
		unsigned char byte = (unsigned char)*name;

		if (byte >= 'A' && byte <= 'Z') {
			byte = (unsigned char)(byte - 'A' + 'a');
		}
		hash = (hash ^ byte) * 0x100000001b3u;
	}
	return hash_mix(hash);
}

uint64_t base_hash_of_address(const void *address)
{
	return hash_mix((uint64_t)(uintptr_t)address);
}

static struct base_hash_node **table_bucket(struct base_hash *table, uint64_t hash)
{
	return table->num_buckets == 0 ? &table->single
				       : &table->buckets[hash & (table->num_buckets - 1)];
}

static void table_push(struct base_hash *table, struct base_hash_node *node)
{
	struct base_hash_node **bucket = table_bucket(table, node->hash);

	node->next = *bucket;
	*bucket = node;
}

static void table_grow(struct base_hash *table)
{
	struct base_hash old = *table;
	size_t num_old = old.num_buckets == 0 ? 1 : old.num_buckets;
	size_t num_buckets = old.num_buckets == 0 ? BUCKETS_MIN : old.num_buckets * 2;
	struct base_hash_node **buckets = calloc(num_buckets, sizeof(struct base_hash_node *));

	if (buckets == NULL) {
		return;
	}
	table->buckets = buckets;
	table->num_buckets = num_buckets;
	table->single = NULL;
	for (size_t i = 0; i < num_old; i++) {
		struct base_hash_node *node = old.num_buckets == 0 ? old.single : old.buckets[i];

		while (node != NULL) {
			struct base_hash_node *next = node->next;

			table_push(table, node);
			node = next;
		}
	}
	free(old.buckets);
}

void base_hash_add(struct base_hash *table, struct base_hash_node *node, uint64_t hash)
{
	if (table->num_nodes > 0 && table->num_nodes >= table->num_buckets) {
		table_grow(table);
	}
	node->hash = hash;
	table_push(table, node);
	table->num_nodes++;
}

void base_hash_remove(struct base_hash *table, struct base_hash_node *node)
{
	struct base_hash_node **at = table_bucket(table, node->hash);

	while (*at != NULL && *at != node) {
		at = &(*at)->next;
	}
	if (*at == NULL) {
		return;
	}
	*at = node->next;
	node->next = NULL;
	if (--table->num_nodes == 0) {
		free(table->buckets);
		*table = (struct base_hash){0};
	}
}

/* The first node of @hash from @node on. */
static struct base_hash_node *node_from(struct base_hash_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash) {
		node = node->next;
	}
	return node;
}

struct base_hash_node *base_hash_first(const struct base_hash *table, uint64_t hash)
{
	if (table->num_buckets == 0) {
		return node_from(table->single, hash);
	}
	return node_from(table->buckets[hash & (table->num_buckets - 1)], hash);
}

struct base_hash_node *base_hash_next(const struct base_hash_node *node)
{
	return node_from(node->next, node->hash);
}
