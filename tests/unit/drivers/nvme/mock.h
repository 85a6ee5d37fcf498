/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_MOCK_H
#define TESTS_UNIT_DRIVERS_NVME_MOCK_H

/*
 * A transport with a controller of memory behind it. It checks every field of every command, does
 * what it says, and answers when and how the test wants.
 */

#include <nvme/types.h>

#include "drivers/nvme/path.h"

#define MOCK_NAMESPACES 8u
#define MOCK_BYTES      (4u << 20) /* of a namespace */
#define MOCK_RECORDS    8192u
#define MOCK_FAULTS     16u

struct mock_ns {
	bool active;
	bool open;
	bool shrinks; /* commands may come for blocks that are gone */
	struct nvme_id_ns id;
	uint8_t descriptors[4096];
	uint8_t *memory; /* MOCK_BYTES */
	int open_rc;     /* what ns_open() answers */
	unsigned opens;
};

struct mock_record {
	bool admin;
	uint8_t opcode;
	uint8_t tries;
	uint32_t nsid;
	uint32_t cdw10, cdw11, cdw12;
	uint32_t len_bytes;
	int iovcnt;
	struct nvme_queue *queue;
};

/* The next @times commands of that kind answer so, and nothing is done. */
struct mock_fault {
	bool admin;
	uint8_t opcode;
	unsigned times;
	int rc;
	uint16_t status;
};

struct mock_queue {
	struct nvme_queue base;
	struct ebb_list held;
	unsigned outstanding;
};

struct mock {
	struct nvme_id_ctrl id;
	struct nvme_id_ctrl_nvm id_nvm;
	struct mock_ns ns[MOCK_NAMESPACES]; /* [0] is namespace 1 */
	struct nvme_smart_log smart;
	struct nvme_limits limits;

	bool hold;                 /* I/O is kept until mock_release() */
	bool hold_admin;           /* likewise */
	bool hold_open;            /* ns_open() is answered by mock_release_open() */
	bool hold_close;           /* ns_close() is answered by mock_release_closes() */
	bool inside;               /* I/O is answered inside submit() */
	struct nvme_request *last; /* I/O, of those submitted; and for which use */
	uint16_t last_use;
	bool gone;         /* everything answers -ENODEV */
	int attach_rc;     /* what attach() answers */
	bool attach_later; /* by mock_attached() */
	int reset_rc;      /* what reset() answers, by mock_reset_done() */
	bool reset_later;
	int wake_fd;         /* what queues wake by; 0: nothing */
	int queue_rc;        /* what queue_create() answers */
	unsigned fails_list; /* CNS 02h lists garbage */

	struct nvme_path *path; /* attached, or being so */
	struct ebb_list held_admin;
	struct nvme_path_ns *opening;
	struct nvme_path_ns *closing[MOCK_NAMESPACES];
	unsigned num_closing;
	unsigned num_queues;
	unsigned attaches, detaches, resets;
	uint64_t apst[32]; /* as Set Features has left it */
	unsigned apst_set, apst_on;
	uint32_t events_wanted;
	struct nvme_request *event_request; /* kept until there is something to tell */
	unsigned num_faults;
	struct mock_fault faults[MOCK_FAULTS];
	unsigned num_records;
	struct mock_record records[MOCK_RECORDS];
};

extern struct mock mock;

/* What is optional is the test's to set, before it attaches. */
extern struct nvme_transport mock_transport;

/* An ordinary controller of version 1.4 with one namespace of 512-byte blocks; trtype "mock". */
void mock_begin(void);
void mock_end(void);

/* Makes namespace @nsid active, with blocks of 2^@shift bytes. */
struct mock_ns *mock_ns_add(uint32_t nsid, unsigned shift);

void mock_fail(bool admin, uint8_t opcode, unsigned times, int rc, uint16_t status);

/* What is held is done and answered; what comes meanwhile too. */
void mock_release(void);
void mock_release_admin(void);
void mock_release_open(void);
void mock_release_closes(void);
void mock_attached(void);
void mock_reset_done(void);

/* The device leaves: what is held ends, and so does what comes. */
void mock_leave(void);

/* Tells of an event, by the request that is kept for that. */
void mock_tell(uint32_t dword);

/* What a reset does to the event request. */
void mock_forget_events(void);

/* Commands of that kind so far. */
unsigned mock_count(bool admin, uint8_t opcode);

/* The last one. */
const struct mock_record *mock_last(bool admin, uint8_t opcode);

#endif
