/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/nvme_stage.h"

#include <string.h>

#include <check.h>

void nvme_setup(void)
{
	stage_begin();
	mock_begin();
}

void nvme_teardown(void)
{
	stage_turns(4);
	mock_end();
	stage_end();
}

void nvme_attach(void)
{
	call_has("bdev_nvme_attach_controller", "{'name': 'n', 'trtype': 'mock', 'traddr': 'here'}",
		 "[");
	ck_assert_str_ne(call_text("bdev_nvme_get_controllers", "{}"), "[]");
}

void nvme_detach(void)
{
	call_is("bdev_nvme_detach_controller", "{'name': 'n'}", "true");
}

static void client_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct nvme_client *client = arg;

	(void)bdev;
	if (event == EBB_BDEV_EVENT_REMOVE) {
		client->removes++;
		if (client->closes) {
			nvme_close(client);
		}
	} else {
		client->resizes++;
	}
}

void nvme_open(struct nvme_client *client, const char *name)
{
	memset(client, 0, sizeof(*client));
	ck_assert_int_eq(ebb_bdev_open(name, true, client_event, client, &client->desc), 0);
	client->ch = ebb_bdev_channel_get(client->desc);
	ck_assert_ptr_nonnull(client->ch);
}

void nvme_close(struct nvme_client *client)
{
	ebb_io_channel_put(client->ch);
	ebb_bdev_close(client->desc);
	client->ch = NULL;
	client->desc = NULL;
}

void nvme_done(void *arg, int status)
{
	struct nvme_result *result = arg;

	ck_assert(!result->done);
	result->done = true;
	result->status = status;
}
