/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/internal.h"

/* Commands as the kernel gets them: the test plays the kernel. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nvme/ioctl.h>

#include <ebb/memory.h>
#include <ebb/uring.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/need.h"
#include "tests/unit/drivers/nvme/uring/kernel.h"
#include "tests/unit/unit.h"

#define MANY 300

static struct nvme_transport transport = {.trtype = "test"};
static struct nvme_drive drive;
static struct nvme_path path;
static struct uring_ctrlr uctrlr;
static struct nvme_ns ns[2];
static struct nvme_path_ns path_ns[2];
static struct uring_ns uns[2];
static struct uring_io_queue *queue;
static struct ebb_thread *thread;
static struct command commands[MANY];
static unsigned order[MANY], num_ends;
static unsigned num_drained;
static uint16_t ended_use;
static char *pool;

static void done(struct nvme_request *request, uint16_t use)
{
	struct command *command = ebb_container_of(request, struct command, request);

	ended_use = use;
	ck_assert_ptr_eq(ebb_thread_current(), thread);
	order[num_ends++] = (unsigned)(command - commands);
	command->ends++;
}

static void turn(void)
{
	kernel_look();
	stepper_leave();
	stepper_turn_of((unsigned)(kernel_reactor() - event_reactors), true);
	stepper_enter(thread);
}

static void wait_ends(unsigned count)
{
	for (unsigned i = 0; i < 1000 && num_ends < count; i++) {
		turn();
	}
	turn();
	ck_assert_uint_eq(num_ends, count);
	ck_assert_uint_eq(queue->outstanding, 0);
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void make_queue(void)
{
	struct nvme_queue *base;

	ck_assert_int_eq(uring_io_queue_create(&path, &base), 0);
	ck_assert_ptr_eq(base->transport, &transport);
	ck_assert_ptr_eq(base->path, &path);
	ck_assert_int_eq(base->wake_fd, -1);
	queue = ebb_container_of(base, struct uring_io_queue, queue);
}

static void destroy_queue(void)
{
	uring_io_queue_destroy(&queue->queue);
	queue = NULL;
}

static void setup(void)
{
	need_uring(IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
	stepper_start_two();
	thread = stepper_thread("worker", 0);
	stepper_enter(thread);
	kernel_begin(thread);
	drive = (struct nvme_drive){.name = (char *)"n", .path = &path};
	path = (struct nvme_path){
		.drive = &drive,
		.transport = &transport,
		.transport_ctrlr = &uctrlr,
	};
	uctrlr = (struct uring_ctrlr){.path = &path, .fd = -1};
	for (unsigned i = 0; i < 2; i++) {
		ns[i] = (struct nvme_ns){.drive = &drive, .on_path = &path_ns[i], .nsid = i + 1};
		path_ns[i] = (struct nvme_path_ns){.path = &path,
						   .ns = &ns[i],
						   .nsid = i + 1,
						   .transport_ns = &uns[i]};
		uns[i] = (struct uring_ns){
			.ns = &path_ns[i],
			.ctrlr = &uctrlr,
			.index = i,
			.names = {.generic = "ng0n1"},
			.fd = open_null(),
		};
	}
	pool = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
	ck_assert_ptr_nonnull(pool);
	make_queue();
	turn(); /* pool memory gets registered */
	turn();
}

static void teardown(void)
{
	if (queue != NULL) {
		destroy_queue();
	}
	ebb_mem_free(pool, EBB_MEM_ALLOC_MAX);
	stepper_leave();
	stepper_stop();
	close(uns[0].fd);
	close(uns[1].fd);
}

/* A read of @len_bytes in @iovcnt pieces, to be changed at will. */
static struct command *command_make(unsigned index, void *buf, size_t len_bytes, int iovcnt)
{
	struct command *command = &commands[index];
	size_t piece = iovcnt == 0 ? 0 : len_bytes / (size_t)iovcnt;

	memset(command, 0, sizeof(*command));
	for (int i = 0; i < iovcnt; i++) {
		command->iov[i] = (struct iovec){.iov_base = (char *)buf + (size_t)i * piece,
						 .iov_len = piece};
	}
	command->request = (struct nvme_request){
		.opcode = nvme_cmd_read,
		.nsid = 1,
		.cdw10 = 0x10101010,
		.cdw11 = 0x11111111,
		.cdw12 = 0x12121212,
		.cdw13 = 0x13131313,
		.cdw14 = 0x14141414,
		.cdw15 = 0x15151515,
		.iov = command->iov,
		.iovcnt = iovcnt,
		.len_bytes = (uint32_t)len_bytes,
		.ns = &ns[0],
		.done = done,
	};
	return command;
}

static void submit(struct command *command)
{
	uring_io_queue_submit(&queue->queue, &command->request);
	kernel_look(); /* before the next one: the reactor submits what is many early */
}

/* What every entry must say, and must not. */
static void check_entry(unsigned index, unsigned cmd_op)
{
	const struct io_uring_sqe *sqe = &kernel_sqes[index];
	const struct nvme_uring_cmd *cmd = &kernel_cmds[index];

	ck_assert_uint_eq(sqe->opcode, IORING_OP_URING_CMD);
	ck_assert_uint_eq(sqe->cmd_op, cmd_op);
	ck_assert_uint_eq(sqe->__pad1, 0);
	ck_assert_uint_eq(sqe->ioprio, 0);
	ck_assert_uint_eq(sqe->addr, 0);
	ck_assert_uint_eq(sqe->len, 0);
	ck_assert_uint_eq(sqe->personality, 0);
	ck_assert_uint_eq(sqe->file_index, 0);
	ck_assert_uint_eq(cmd->flags, 0); /* the kernel refuses any */
	ck_assert_uint_eq(cmd->rsvd1, 0);
	ck_assert_uint_eq(cmd->cdw2, 0);
	ck_assert_uint_eq(cmd->cdw3, 0);
	ck_assert_uint_eq(cmd->metadata, 0);
	ck_assert_uint_eq(cmd->metadata_len, 0);
	ck_assert_uint_eq(cmd->rsvd2, 0);
	ck_assert_uint_eq(cmd->cdw10, 0x10101010);
	ck_assert_uint_eq(cmd->cdw11, 0x11111111);
	ck_assert_uint_eq(cmd->cdw12, 0x12121212);
	ck_assert_uint_eq(cmd->cdw13, 0x13131313);
	ck_assert_uint_eq(cmd->cdw14, 0x14141414);
	ck_assert_uint_eq(cmd->cdw15, 0x15151515);
}

/* One piece, in memory that is registered. */
START_TEST(test_one_piece)
{
	struct command *command = command_make(0, pool + 8192, 4096, 1);

	command->result = 0x8877665544332211;
	submit(command);
	wait_ends(1);
	check_entry(0, NVME_URING_CMD_IO);
	ck_assert_uint_eq(kernel_sqes[0].flags, IOSQE_FIXED_FILE);
	ck_assert_int_eq(kernel_sqes[0].fd, queue->files[0]);
	ck_assert_uint_eq(kernel_sqes[0].uring_cmd_flags, IORING_URING_CMD_FIXED);
	ck_assert_int_eq(kernel_sqes[0].buf_index, ebb_uring_buf_index(pool + 8192, 4096));
	ck_assert_uint_eq(kernel_cmds[0].opcode, nvme_cmd_read);
	ck_assert_uint_eq(kernel_cmds[0].nsid, 1);
	ck_assert_uint_eq(kernel_cmds[0].addr, (uintptr_t)pool + 8192);
	ck_assert_uint_eq(kernel_cmds[0].data_len, 4096);
	ck_assert_uint_eq(kernel_cmds[0].timeout_ms, 0);
	ck_assert_int_eq(command->request.rc, 0);
	ck_assert_uint_eq(command->request.status, 0);
	ck_assert_uint_eq(command->request.result, 0x8877665544332211);
	ck_assert_uint_eq(command->ends, 1);
}
END_TEST

/* One piece that no registered buffer holds: larger than those are. */
START_TEST(test_one_large_piece)
{
	submit(command_make(0, pool, EBB_MEM_ALLOC_MAX, 1));
	wait_ends(1);
	check_entry(0, NVME_URING_CMD_IO);
	ck_assert_uint_eq(kernel_sqes[0].uring_cmd_flags, 0);
	ck_assert_uint_eq(kernel_sqes[0].buf_index, 0);
	ck_assert_uint_eq(kernel_cmds[0].addr, (uintptr_t)pool);
	ck_assert_uint_eq(kernel_cmds[0].data_len, EBB_MEM_ALLOC_MAX);
}
END_TEST

/* Several pieces: the kernel wants their number where the length was, and knows no fixed ones. */
START_TEST(test_vector)
{
	struct command *command = command_make(0, pool, 3 * 4096, 3);

	command->request.opcode = nvme_cmd_write;
	submit(command);
	wait_ends(1);
	check_entry(0, NVME_URING_CMD_IO_VEC);
	ck_assert_uint_eq(kernel_sqes[0].uring_cmd_flags, 0);
	ck_assert_uint_eq(kernel_cmds[0].opcode, nvme_cmd_write);
	ck_assert_uint_eq(kernel_cmds[0].addr, (uintptr_t)command->iov);
	ck_assert_uint_eq(kernel_cmds[0].data_len, 3);
}
END_TEST

START_TEST(test_no_data)
{
	struct command *command = command_make(0, NULL, 0, 0);

	command->request.opcode = nvme_cmd_flush;
	submit(command);
	wait_ends(1);
	check_entry(0, NVME_URING_CMD_IO);
	ck_assert_uint_eq(kernel_sqes[0].uring_cmd_flags, 0);
	ck_assert_uint_eq(kernel_cmds[0].opcode, nvme_cmd_flush);
	ck_assert_uint_eq(kernel_cmds[0].addr, 0);
	ck_assert_uint_eq(kernel_cmds[0].data_len, 0);
}
END_TEST

/* Each namespace by its own device, each time by the same registered file. */
START_TEST(test_files)
{
	for (unsigned i = 0; i < 4; i++) {
		struct command *command = command_make(i, pool, 512, 1);

		command->request.ns = &ns[i % 2];
		command->request.nsid = i % 2 + 1;
		submit(command);
	}
	wait_ends(4);
	ck_assert_int_ne(kernel_sqes[0].fd, kernel_sqes[1].fd);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(kernel_sqes[i].flags, IOSQE_FIXED_FILE);
		ck_assert_int_eq(kernel_sqes[i].fd, queue->files[i % 2]);
		ck_assert_uint_eq(kernel_cmds[i].nsid, i % 2 + 1);
	}
	/* A namespace that goes gives its place back, and its number may come again. */
	uring_io_queue_forget(&queue->queue, 0);
	ck_assert_int_eq(queue->files[0], -1);
	ck_assert_int_ge(queue->files[1], 0);
	uring_io_queue_forget(&queue->queue, 0);
	uring_io_queue_forget(&queue->queue, URING_FILES);
	submit(command_make(0, pool, 512, 1));
	wait_ends(5);
	ck_assert_uint_eq(kernel_sqes[4].flags, IOSQE_FIXED_FILE);
}
END_TEST

/* More namespaces than places: the rest goes by the descriptor. */
START_TEST(test_index_beyond)
{
	uns[0].index = URING_FILES;
	submit(command_make(0, pool, 512, 1));
	wait_ends(1);
	ck_assert_uint_eq(kernel_sqes[0].flags, 0);
	ck_assert_int_eq(kernel_sqes[0].fd, uns[0].fd);
}
END_TEST

/* res > 0 is what the device says, with all its bits; it is no count of bytes. */
START_TEST(test_status)
{
	struct command *command = command_make(0, pool, 512, 1);

	command->res = 0x4000 | 2 << 8 | 0x81; /* DNR, media error, unrecovered read error */
	command->result = 7;
	submit(command);
	wait_ends(1);
	ck_assert_int_eq(command->request.rc, 0);
	ck_assert_uint_eq(command->request.status, 0x4281);
	ck_assert_uint_eq(NVME_SC(command->request.status), 0x81);
	ck_assert_uint_eq(NVME_SCT(command->request.status), 2);
	ck_assert((command->request.status & NVME_DNR) != 0);
	ck_assert_uint_eq(command->request.result, 7);
}
END_TEST

/* res < 0: the device has not answered. Who tries again is the layer above. */
START_TEST(test_errno)
{
	static const int errors[] = {-EINTR, -EIO, -ENODEV, -EAGAIN, -EACCES, -ENOMEM};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(errors); i++) {
		struct command *command = command_make(i, pool, 512, 1);

		command->res = errors[i];
		command->result = 99;
		submit(command);
	}
	wait_ends(EBB_ARRAY_SIZE(errors));
	ck_assert_uint_eq(kernel_num_seen, EBB_ARRAY_SIZE(errors));
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(errors); i++) {
		ck_assert_int_eq(commands[i].request.rc, errors[i]);
		ck_assert_uint_eq(commands[i].request.status, 0);
		ck_assert_uint_eq(commands[i].request.result, 0);
	}
}
END_TEST

/* A worker of the kernel's that cuts the address: the command has been taken back. */
START_TEST(test_address_cut)
{
	struct command *command = command_make(0, pool, 8192, 1);

	command->res = -EFAULT;
	submit(command);
	wait_ends(1);
	ck_assert_int_eq(command->request.rc, -EINTR);
}
END_TEST

/*
 * A kernel that takes no registered memory: the command is sent again, and no more goes that way.
 */
START_TEST(test_fixed_refused)
{
	for (unsigned i = 0; i < 3; i++) {
		struct command *command = command_make(i, pool, 512, 1);

		command->res = -EINVAL;
		command->res_once = true;
		submit(command);
	}
	wait_ends(3);
	ck_assert_uint_eq(kernel_num_seen, 6);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_uint_eq(kernel_sqes[i].uring_cmd_flags,
				  i < 3 ? IORING_URING_CMD_FIXED : 0);
		check_entry(i, NVME_URING_CMD_IO);
	}
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(commands[i].request.rc, 0);
		ck_assert_uint_eq(commands[i].ends, 1);
	}
	ck_assert_uint_eq(log_count("refuses registered memory"), 1);
	/* -EINVAL of one that was not registered is the answer. */
	command_make(3, pool, 512, 1)->res = -EINVAL;
	submit(&commands[3]);
	wait_ends(4);
	ck_assert_uint_eq(kernel_num_seen, 7);
	ck_assert_int_eq(commands[3].request.rc, -EINVAL);
}
END_TEST

/* No more outstanding than the kernel has room for, and in order. */
START_TEST(test_depth)
{
	queue->depth = 16;
	for (unsigned i = 0; i < MANY; i++) {
		submit(command_make(i, pool, 512, 1));
	}
	ck_assert_uint_eq(queue->outstanding, 16);
	kernel_look();
	ck_assert_uint_eq(kernel_num_seen, 16);
	for (unsigned i = 0; i < 1000 && num_ends < MANY; i++) {
		turn();
		ck_assert_uint_le(queue->outstanding, 16);
	}
	wait_ends(MANY);
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_uint_eq(order[i], i);
		ck_assert_uint_eq(commands[i].ends, 1);
	}
}
END_TEST

/* What the user and the kernel's queue allow; a timeout is the kernel's to keep. */
START_TEST(test_options)
{
	ck_assert_uint_eq(queue->depth, 256);
	destroy_queue();
	uctrlr.limits.depth = 100;
	drive.opts.timeout_us = 30000000;
	make_queue();
	ck_assert_uint_eq(queue->depth, 100);
	submit(command_make(0, pool, 512, 1));
	wait_ends(1);
	ck_assert_uint_eq(kernel_cmds[0].timeout_ms, 30000);
	destroy_queue();
	drive.opts.io_queue_depth = 10;
	make_queue();
	ck_assert_uint_eq(queue->depth, 10);
}
END_TEST

static void drained(void *arg)
{
	ck_assert_ptr_eq(arg, queue);
	ck_assert_uint_eq(queue->outstanding, 0);
	num_drained++;
}

START_TEST(test_drain)
{
	uring_io_queue_drain(&queue->queue, drained, queue);
	ck_assert_uint_eq(num_drained, 1);
	queue->depth = 2;
	for (unsigned i = 0; i < 5; i++) {
		submit(command_make(i, pool, 512, 1));
	}
	uring_io_queue_drain(&queue->queue, drained, queue);
	ck_assert_uint_eq(num_drained, 1);
	wait_ends(5);
	ck_assert_uint_eq(num_drained, 2);
}
END_TEST

/* While the reactor polls, reads and writes are polled for; what may take long is not. */
START_TEST(test_polled)
{
	destroy_queue();
	uctrlr.limits.polled = true;
	uns[0].polled = true;
	make_queue();
	turn();
	turn();
	kernel_reactor()->mode = EBB_REACTOR_POLL;
	submit(command_make(0, pool, 512, 1));
	command_make(1, NULL, 0, 0)->request.opcode = nvme_cmd_flush;
	submit(&commands[1]);
	command_make(2, pool, 512, 1)->request.opcode = nvme_cmd_dsm;
	submit(&commands[2]);
	command_make(3, pool, 512, 1)->request.ns = &ns[1]; /* has no queue that is polled */
	submit(&commands[3]);
	wait_ends(4);
	ck_assert_uint_eq(kernel_num_seen, 4);
	ck_assert_uint_eq(kernel_num_polled, 1);
	kernel_reactor()->mode = EBB_REACTOR_INTERRUPT;
	submit(command_make(0, pool, 512, 1));
	wait_ends(5);
	ck_assert_uint_eq(kernel_num_polled, 1);
	check_entry(0, NVME_URING_CMD_IO);
	ck_assert_uint_eq(kernel_sqes[4].uring_cmd_flags, IORING_URING_CMD_FIXED);
}
END_TEST

static int move_rc = 1;

static void move_done(void *arg, int rc)
{
	(void)arg;
	move_rc = rc;
}

/* As the layer above does it: leave, move, arrive. What comes between waits, or goes by the fd. */
START_TEST(test_move)
{
	submit(command_make(0, pool, 512, 1));
	wait_ends(1);
	uring_io_queue_leave(&queue->queue);
	ck_assert_int_eq(queue->files[0], -1);
	submit(command_make(1, pool, 512, 1));
	wait_ends(2);
	ck_assert_uint_eq(kernel_sqes[1].flags, 0);
	ck_assert_int_eq(kernel_sqes[1].fd, uns[0].fd);
	stepper_enter(ebb_thread_app());
	ebb_thread_move(thread, event_reactors[1].core, move_done, NULL);
	stepper_leave();
	for (unsigned i = 0; i < 1000 && move_rc == 1; i++) {
		stepper_turn_of(0, true);
		stepper_turn_of(1, true);
	}
	ck_assert_int_eq(move_rc, 0);
	stepper_enter(thread);
	ck_assert_ptr_eq(kernel_reactor(), &event_reactors[1]);
	/* Before the queue has arrived, its new reactor has no ring. */
	submit(command_make(2, pool, 512, 1));
	ck_assert_uint_eq(queue->outstanding, 0);
	ck_assert_ptr_null(kernel_reactor()->urings.main);
	uring_io_queue_arrive(&queue->queue);
	ck_assert_uint_eq(queue->outstanding, 1);
	wait_ends(3);
	ck_assert_uint_eq(kernel_sqes[2].flags, IOSQE_FIXED_FILE);
}
END_TEST

/* The use that the command was submitted for, though its memory may be another's by now. */
START_TEST(an_answer_is_for_the_use_that_asked)
{
	struct command *command = command_make(0, pool, 4096, 1);

	command->request.use = 0xfffe;
	submit(command);
	command->request.use = 7;
	wait_ends(1);
	ck_assert_uint_eq(ended_use, 0xfffe);
	/* What is another's is not sent again for it. */
	command = command_make(1, pool, 4096, 1);
	command->res = -EINVAL;
	command->request.use = 3;
	submit(command);
	ck_assert_uint_eq(kernel_sqes[1].uring_cmd_flags, IORING_URING_CMD_FIXED);
	command->request.use = 4;
	wait_ends(2);
	ck_assert_uint_eq(ended_use, 3);
	ck_assert_int_eq(command->request.rc, -EINVAL);
	ck_assert_uint_eq(kernel_num_seen, 2);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown), UNIT_TEST(an_answer_is_for_the_use_that_asked),
		UNIT_TEST(test_one_piece),     UNIT_TEST(test_one_large_piece),
		UNIT_TEST(test_vector),        UNIT_TEST(test_no_data),
		UNIT_TEST(test_files),         UNIT_TEST(test_index_beyond),
		UNIT_TEST(test_status),        UNIT_TEST(test_errno),
		UNIT_TEST(test_address_cut),   UNIT_TEST(test_fixed_refused),
		UNIT_TEST(test_depth),         UNIT_TEST(test_options),
		UNIT_TEST(test_drain),         UNIT_TEST(test_polled),
		UNIT_TEST(test_move),          UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
