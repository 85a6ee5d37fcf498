/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can happen to a controller, in orders that nobody has thought of: attach, detach and reset,
 * the transport's answers and news, I/O, clients that come and go. Whatever the order, no assert of
 * the driver's fails, and at the end every call has been answered and nothing is left.
 */
#include <errno.h>
#include <stdlib.h>

#include <ebb/bdev_module.h>
#include <ebb/memory.h>

#include "drivers/nvme/path.h"
#include "tests/unit/drivers/nvme/nvme_stage.h"
#include "tests/unit/unit.h"

#define STEPS 80
#define CALLS 24u
#define READS 16u
#define WALKS 100

static struct call calls[CALLS];
static const char *names[CALLS];
static unsigned num_calls;
static struct nvme_client client;
static struct nvme_result reads[READS];
static unsigned num_reads;
static uint8_t *buf;

static void setup(void)
{
	nvme_setup();
	buf = ebb_mem_alloc(4096);
	ck_assert_ptr_nonnull(buf);
	num_calls = 0;
	num_reads = 0;
	client.desc = NULL;
}

static void teardown(void)
{
	ebb_mem_free(buf, 4096);
	nvme_teardown();
}

static bool one_in(unsigned count)
{
	return rand() % (int)count == 0;
}

static void call(const char *method, const char *params)
{
	if (num_calls < CALLS) {
		names[num_calls] = method;
		call_begin(&calls[num_calls++], method, params);
	}
}

static bool is_attaching(void)
{
	return mock.path != NULL && mock.path->call == NVME_PATH_CALL_ATTACH;
}

static void walk_attach(void)
{
	if (mock.path != NULL) {
		return;
	}
	mock.gone = false;
	mock.attach_later = one_in(2);
	mock.attach_rc = one_in(4) ? -EIO : 0;
	call("bdev_nvme_attach_controller", "{'name': 'n', 'trtype': 'mock', 'traddr': 'here'}");
}

static void walk_attached(void)
{
	if (is_attaching()) {
		bool fails = mock.attach_rc < 0;

		mock_attached();
		if (fails) {
			mock.path = NULL;
		}
	}
}

static void walk_reset(void)
{
	mock.reset_later = one_in(2);
	mock.reset_rc = one_in(3) ? -EIO : 0;
	call("bdev_nvme_reset_controller", "{'name': 'n'}");
}

static void walk_reset_done(void)
{
	if (mock.path != NULL && mock.path->call == NVME_PATH_CALL_RESET) {
		mock_forget_events();
		mock_reset_done();
	}
}

static void walk_event(void)
{
	enum nvme_event event = (enum nvme_event)(rand() % (NVME_EVENT_GONE + 1));

	if (mock.path == NULL || is_attaching()) {
		return;
	}
	if (event == NVME_EVENT_GONE) {
		if (!one_in(4)) {
			return;
		}
		mock_leave();
		if (mock.path == NULL) {
			return;
		}
	}
	nvme_path_event(mock.path, event, one_in(2) ? 0x20002 : 0x20101);
}

static void walk_admin(void)
{
	mock.hold_admin = one_in(2);
	if (!mock.hold_admin) {
		mock_release_admin();
	} else if (mock.num_faults < MOCK_FAULTS && one_in(4)) {
		mock_fail(true, nvme_admin_identify, 1, one_in(2) ? -ECANCELED : 0,
			  NVME_SC_INVALID_FIELD | NVME_DNR);
	}
}

static void walk_open(void)
{
	mock.hold_open = one_in(2);
	if (mock.opening != NULL) {
		mock_release_open();
	}
}

static void walk_close(void)
{
	mock.hold_close = one_in(2);
	mock_release_closes();
}

static void walk_namespaces(void)
{
	uint32_t nsid = 1 + (uint32_t)(rand() % 3);

	if (mock.opening != NULL) {
		return;
	}
	if (mock.ns[nsid - 1].memory == NULL) {
		mock_ns_add(nsid, 9);
	}
	mock.ns[nsid - 1].active = one_in(2);
	mock.ns[nsid - 1].open_rc = one_in(4) ? -EBUSY : 0;
}

static bool are_read(void)
{
	for (unsigned i = 0; i < num_reads; i++) {
		if (!reads[i].done) {
			return false;
		}
	}
	return true;
}

static void walk_client(void)
{
	if (client.desc != NULL) {
		if (are_read()) {
			nvme_close(&client);
		}
	} else if (ebb_bdev_find("nn1") != NULL &&
		   ebb_bdev_open("nn1", true, NULL, NULL, &client.desc) == 0) {
		client.ch = ebb_bdev_channel_get(client.desc);
		if (client.ch == NULL) {
			ebb_bdev_close(client.desc);
			client.desc = NULL;
		}
	}
}

static void walk_read(void)
{
	if (client.desc == NULL || num_reads == READS) {
		return;
	}
	mock.hold = one_in(2);
	if (mock.num_faults < MOCK_FAULTS && one_in(3)) {
		mock_fail(false, nvme_cmd_read, 1, one_in(2) ? -EINTR : 0,
			  one_in(2) ? NVME_SC_INVALID_NS | NVME_DNR
				    : NVME_SC_NS_NOT_READY | 1u << 11);
	}
	if (ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &reads[num_reads]) == 0) {
		num_reads++;
	}
}

static void walk_release(void)
{
	mock.hold = false;
	mock_release();
}

static void walk_detach(void)
{
	if (one_in(3)) {
		call("bdev_nvme_detach_controller", "{'name': 'n'}");
	}
}

static void walk_health(void)
{
	if (one_in(2)) {
		call("bdev_nvme_get_controller_health_info", "{'name': 'n'}");
	} else {
		call("bdev_nvme_get_controllers", "{}");
	}
}

static void walk_time(void)
{
	stage_advance_ms(300);
}

static void (*const steps[])(void) = {
	walk_attach, walk_attach,     walk_attached, walk_attached, walk_reset,
	walk_event,  walk_reset_done, walk_event,    walk_admin,    walk_open,
	walk_close,  walk_namespaces, walk_client,   walk_read,     walk_release,
	walk_detach, walk_health,     walk_time,     walk_event,
};

static bool is_over(void)
{
	for (unsigned i = 0; i < num_calls; i++) {
		if (!calls[i].done) {
			return false;
		}
	}
	return are_read() && mock.path == NULL;
}

/* Whoever waits for anything gets it. */
static void walk_end(void)
{
	struct call detach;

	if (client.desc != NULL) {
		mock.hold = false;
		mock_release();
	}
	mock.hold = mock.hold_admin = mock.hold_open = mock.hold_close = false;
	mock.reset_later = false;
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	for (unsigned i = 0; i < 400 && !(is_over() && detach.done); i++) {
		walk_attached();
		walk_reset_done();
		mock_release_admin();
		if (mock.opening != NULL) {
			mock_release_open();
		}
		mock_release_closes();
		mock_release();
		if (client.desc != NULL && are_read()) {
			nvme_close(&client);
		}
		stage_advance_ms(100);
	}
	for (unsigned i = 0; i < num_calls; i++) {
		ck_assert_msg(calls[i].done, "call %u (%s) has no answer", i, names[i]);
		call_end(&calls[i]);
	}
	for (unsigned i = 0; i < num_reads; i++) {
		ck_assert_msg(reads[i].done, "read %u has no answer", i);
	}
	ck_assert(detach.done);
	call_end(&detach);
	ck_assert_ptr_null(mock.path);
}

START_TEST(any_order_ends)
{
	srand((unsigned)_i);
	for (unsigned i = 0; i < STEPS; i++) {
		steps[(unsigned)rand() % EBB_ARRAY_SIZE(steps)]();
		if (!one_in(3)) {
			stage_turns((unsigned)rand() % 3);
		}
	}
	walk_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(any_order_ends, 0, WALKS),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
