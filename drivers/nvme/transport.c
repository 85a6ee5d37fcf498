/* SPDX-License-Identifier: Apache-2.0 */
/* The transports there are: each registers itself before main(), and stands by its name. */
#include "drivers/nvme/transport.h"

#include <string.h>
#include <strings.h>

static struct ebb_list transports = EBB_LIST_INIT(transports);

void ebb_nvme_transport_add(struct ebb_nvme_transport *transport)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &transports) {
		if (strcmp(ebb_list_entry(node, struct ebb_nvme_transport, link)->trtype,
			   transport->trtype) > 0) {
			break;
		}
	}
	ebb_list_insert_before(&transport->link, node);
}

void ebb_nvme_transport_remove(struct ebb_nvme_transport *transport)
{
	ebb_list_remove(&transport->link);
}

const struct ebb_nvme_transport *ebb_nvme_transport_find(const char *trtype)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &transports) {
		const struct ebb_nvme_transport *transport =
			ebb_list_entry(node, struct ebb_nvme_transport, link);

		if (strcasecmp(transport->trtype, trtype) == 0) {
			return transport;
		}
	}
	return NULL;
}

const struct ebb_nvme_transport *ebb_nvme_transport_next(const struct ebb_nvme_transport *previous)
{
	struct ebb_list *node = previous == NULL ? transports.next : previous->link.next;

	return node == &transports ? NULL : ebb_list_entry(node, struct ebb_nvme_transport, link);
}
