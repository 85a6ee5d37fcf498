/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_CTRLR_H
#define EBB_DRIVERS_NVME_CTRLR_H

/* A controller and its namespaces, as the command layer and the transports share them. */

#include <stdatomic.h>

#include <ebb/bdev_module.h>

#include "drivers/nvme/admin_command.h"
#include "drivers/nvme/identify.h"
#include "drivers/nvme/retry.h"
#include "drivers/nvme/transport.h"

enum ebb_nvme_shadows {
	EBB_NVME_SHADOWS_WHERE_CHEAPER, /* if the controller offers them, and is not slower by them */
	EBB_NVME_SHADOWS_OFF,
	EBB_NVME_SHADOWS_ON, /* if the controller offers them */
};

/* What a user may ask of a controller, at attach; 0 or NULL: the default of bdev_nvme_set_options. */
struct ebb_nvme_attach_opts {
	bool rebind;              /* take the device from the kernel's driver, and give it back */
	uint32_t num_io_queues;   /* at most; 0: as many as there are channels */
	uint32_t io_queue_depth;  /* entries */
	uint32_t timeout_us;      /* of a command, before anything is done about it; 0: none */
	uint32_t apst_latency_us; /* longest exit latency that power saving may cost; 0: no APST */
	uint32_t retry_count;     /* tries after the first, where the device says that may help */
	enum ebb_nvme_shadows shadow_doorbells; /* bdev_nvme_set_options has none */
};

enum ebb_nvme_ns_state {
	EBB_NVME_NS_OPENING, /* the transport's ns_open() is under way */
	EBB_NVME_NS_ONLINE,  /* its bdev is registered */
	EBB_NVME_NS_LEAVING, /* its bdev is being unregistered */
	EBB_NVME_NS_CLOSING, /* the transport's ns_close() is under way */
	EBB_NVME_NS_STATE_COUNT,
};

struct ebb_nvme_ns {
	struct ebb_bdev bdev;
	struct ebb_nvme_ctrlr *ctrlr;
	struct ebb_list link; /* of ctrlr->namespaces */
	uint32_t nsid;
	uint32_t index; /* small, unique among the controller's namespaces: a transport's tables */
	uint8_t block_shift;
	char fault[256];    /* why it is not open */
	void *transport_ns; /* the transport's own */

	/* The command layer's own. */
	enum ebb_nvme_ns_state state;
	struct ebb_nvme_ns_info info;
	uint32_t fua_cdw12;    /* what EBB_BDEV_FUA is in dword 12; 0: no cache to get through */
	uint32_t range_blocks; /* the longest range of a dataset management command */
	bool flushes;          /* it has a volatile cache */
	uint32_t seen;         /* by the scan of that number */
};

enum ebb_nvme_ctrlr_state {
	EBB_NVME_CTRLR_ATTACHING, /* the transport's attach() is under way */
	EBB_NVME_CTRLR_STARTING,  /* identify, features, the first look at the namespaces */
	EBB_NVME_CTRLR_ENABLED,
	EBB_NVME_CTRLR_RESETTING,
	EBB_NVME_CTRLR_FAILED, /* no reset has helped; its bdevs go, it can be detached, or reset */
	EBB_NVME_CTRLR_DELETING,
	EBB_NVME_CTRLR_STATE_COUNT,
};

/* What the worker has still to do; the lowest bit is done first. See worker.c. */
enum ebb_nvme_job {
	EBB_NVME_JOB_IDENTIFY,
	EBB_NVME_JOB_COMMAND_SET,
	EBB_NVME_JOB_EVENTS, /* tell which events are wanted */
	EBB_NVME_JOB_POWER,  /* power saving */
	EBB_NVME_JOB_HEALTH, /* a warning has come: which one? */
	EBB_NVME_JOB_ERRORS, /* an error event has come: the log is read to have the next one */
	EBB_NVME_JOB_FIRMWARE,
	EBB_NVME_JOB_CHANGED, /* the list of changed namespaces, likewise */
	EBB_NVME_JOB_SCAN,    /* the namespaces there are */
	EBB_NVME_JOB_COUNT,
};

/* A look at the namespaces, under way. See scan.c. */
struct ebb_nvme_scan {
	uint32_t number;
	uint32_t nsids[1024]; /* one page of the list */
	unsigned count;
	unsigned at;
	uint32_t after; /* the last one of the page */
	unsigned pages;
	bool last_page;
	struct ebb_nvme_ns_info info; /* of nsids[at] */
	struct ebb_nvme_ns *opening;
	unsigned refused;
	char refusal[320]; /* the first: which namespace, and why */
	int refusal_rc;
};

typedef void (*ebb_nvme_ctrlr_cb)(void *arg, struct ebb_nvme_ctrlr *ctrlr, int rc);

struct ebb_nvme_ctrlr {
	const struct ebb_nvme_transport *transport;
	void *transport_ctrlr; /* the transport's own, from attach() until detached */
	char *name;            /* the user's; bdevs are NAMEn1, NAMEn2 … */
	char *traddr;          /* "0000:01:00.0", "/dev/nvme0", as the user has given it */
	struct ebb_nvme_attach_opts opts;
	struct ebb_nvme_limits limits;
	struct ebb_list namespaces;
	char fault[512];

	/* The command layer's own; the app thread's but for @ending, @info.retry_… and @opts. */
	enum ebb_nvme_ctrlr_state state;
	struct ebb_list link; /* of all controllers */
	_Atomic bool ending;  /* nothing is tried again; pairs with retry.c, on channels' threads */
	bool gone;            /* the device has left */
	bool detach_wanted;   /* a transport's attach() may look at it */
	bool resetting;       /* the transport's reset() is under way */
	bool rescan;          /* when a namespace that is leaving has left */
	bool device_registered;
	unsigned users; /* of its admin queue, besides the worker */
	/* A channel's thread doubts the namespaces. See ebb_nvme_worker_look(). */
	_Atomic bool look_sent; /* @look_msg is under way: nothing is freed meanwhile */
	_Atomic uint64_t look_ns;
	struct ebb_msg look_msg;
	struct ebb_nvme_ctrlr_info info;

	/* The worker: one job at a time. */
	uint32_t jobs;
	bool working; /* between the beginning of a job and its end */
	bool running; /* inside the worker's loop */
	bool woken;   /* and the loop has to go round again */
	int step_rc;
	void (*step)(struct ebb_nvme_ctrlr *ctrlr, int rc); /* when what is waited for has ended */
	struct nvme_admin_command admin;
	struct ebb_nvme_retry admin_retry;
	struct ebb_nvme_scan scan;

	/* The asynchronous event request. See event.c. */
	struct ebb_nvme_request event_request;
	bool event_armed;

	/* Who waits. */
	ebb_nvme_ctrlr_cb attach_done;
	void *attach_arg;
	int start_rc; /* what has ended the attach; 0: nothing, or a detach */
	ebb_nvme_ctrlr_cb reset_done;
	void *reset_arg;
	void (*detach_done)(void *arg);
	void *detach_arg;
};

#endif
