/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/client.h"

#include <stdio.h>

#include <ebb/assert.h>

void exporter_client_register(struct exporter_client *client, struct exporter_listener *listener,
			      struct ebb_list *clients, struct exporter_places *places,
			      const char *peer, struct ebb_thread *thread, void (*stop)(void *arg),
			      void *arg)
{
	ebb_assert(ebb_thread_is_app());
	snprintf(client->peer, sizeof(client->peer), "%s", peer);
	client->thread = thread;
	client->listener = listener;
	client->places = places;
	client->export = NULL;
	client->stop_sent = false;
	ebb_msg_init(&client->stop, stop, arg);
	ebb_list_init(&client->link);
	ebb_list_push_back(clients, &client->link);
	exporter_places_take(places);
}

void exporter_client_unregister(struct exporter_client *client)
{
	ebb_assert(ebb_thread_is_app());
	exporter_places_give(client->places);
	ebb_list_remove(&client->link);
}

void exporter_client_stop(struct exporter_client *client)
{
	ebb_assert(ebb_thread_is_app());
	if (!client->stop_sent) {
		client->stop_sent = true;
		(void)ebb_thread_send(client->thread, &client->stop);
	}
}
