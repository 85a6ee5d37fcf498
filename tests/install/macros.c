/* SPDX-License-Identifier: Apache-2.0 */
/* Every macro of the public headers that writes code, as a user of C or of C++ writes it. */
#include <errno.h>

#include <ebb/app.h>
#include <ebb/assert.h>
#include <ebb/bdev_module.h>
#include <ebb/ctl_command.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/poller.h>
#include <ebb/spinlock.h>
#include <ebb/startup.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>

struct node {
	int value;
	struct ebb_list link;
};

struct params {
	uint32_t count;
	char *name;
};

static struct ebb_list nodes = EBB_LIST_INIT(nodes);
static struct ebb_spinlock lock = EBB_SPINLOCK_INIT("nodes");
static struct ebb_subsystem subsystem;
static struct ebb_startup_step step;
static struct ebb_ctl_command command;
static struct ebb_method method;
static struct ebb_bdev_ops driver_ops;
static uint64_t shared EBB_CACHE_ALIGNED;

static const struct ebb_param table[] = {
	EBB_PARAM(struct params, count, EBB_PARAM_UINT32, .optional = true, .max = 8),
	EBB_PARAM(struct params, name, EBB_PARAM_STRING, .help = "a name"),
};

EBB_SUBSYSTEM_REGISTER(subsystem)
EBB_SUBSYSTEM_DEPEND(subsystem, bdev)
EBB_STARTUP_STEP_REGISTER(step)
EBB_CTL_COMMAND_REGISTER(command)
EBB_METHOD_REGISTER(method)

static void message(void *arg)
{
	ebb_assert(arg != NULL);
	ebb_notice("install", "%s", (const char *)arg);
	ebb_debug("install", "no arguments");
}

static int poll(void *arg)
{
	(void)arg;
	return 0;
}

/* A driver's: the handle goes by value. */
static void driver_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	(void)ctx;
	ebb_bdev_io_complete(handle, handle.io->type == EBB_BDEV_READ ? 0 : -ENOTSUP);
}

void use(struct ebb_thread *thread, struct ebb_msg *msg, const struct ebb_poller_wake *wake);

void use(struct ebb_thread *thread, struct ebb_msg *msg, const struct ebb_poller_wake *wake)
{
	struct ebb_poller *poller = ebb_poller_register(poll, NULL, 10);
	struct ebb_list *node;
	struct ebb_list *next;

	ebb_poller_unregister(&poller);
	poller = ebb_poller_register_wake(poll, NULL, wake);
	ebb_poller_unregister(&poller);
	ebb_msg_init(msg, message, thread);
	if (ebb_unlikely(ebb_thread_send(thread, msg) < 0) ||
	    ebb_thread_send_msg(thread, message, thread) < 0 ||
	    ebb_thread_exec_msg(thread, message, thread) < 0 ||
	    ebb_thread_send_critical(thread, message, thread) < 0) {
		ebb_violation(1, "use", "nothing", thread, NULL);
	}
	ebb_for_each_thread(message, NULL, message);
	ebb_list_for_each(node, &nodes) {
		shared += (uint64_t)ebb_list_entry(node, struct node, link)->value;
	}
	ebb_list_for_each_safe(node, next, &nodes) {
		ebb_list_remove(node);
	}
	if (ebb_spinlock_lock(&lock) == 0) {
		shared += table[EBB_ARRAY_SIZE(table) - 1].max;
		ebb_spinlock_unlock(&lock);
	}
	driver_ops.submit = driver_submit;
}
