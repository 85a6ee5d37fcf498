/* SPDX-License-Identifier: Apache-2.0 */
/* The transports there are: each registers itself before main(), and stands by its name. */
#include "drivers/nvme/transport.h"

#include <string.h>
#include <strings.h>

static struct ebb_list transports = EBB_LIST_INIT(transports);

void nvme_transport_add(struct nvme_transport *transport)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &transports) {
		if (strcmp(ebb_list_entry(node, struct nvme_transport, link)->trtype,
			   transport->trtype) > 0) {
			break;
		}
	}
	ebb_list_insert_before(&transport->link, node);
}

void nvme_transport_remove(struct nvme_transport *transport)
{
	ebb_list_remove(&transport->link);
}

const struct nvme_transport *nvme_transport_find(const char *trtype)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &transports) {
		const struct nvme_transport *transport =
			ebb_list_entry(node, struct nvme_transport, link);

		if (strcasecmp(transport->trtype, trtype) == 0) {
			return transport;
		}
	}
	return NULL;
}

const struct nvme_transport *nvme_transport_next(const struct nvme_transport *previous)
{
	struct ebb_list *node = previous == NULL ? transports.next : previous->link.next;

	return node == &transports ? NULL : ebb_list_entry(node, struct nvme_transport, link);
}
