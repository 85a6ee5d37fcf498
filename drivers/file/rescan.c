/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper looks, and takes the length for what the file must have from then on (size.h); the app
 * thread resizes the bdev. Requests for what a file has lost that came between are answered with an
 * error, whichever is first.
 *
 * A look is one job of the helper's, and so is the closing of the file, which is submitted later.
 */
#include "drivers/file/rescan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/file/file.h"
#include "drivers/file/size.h"

static void look_run(struct ebb_work *work)
{
	struct file_look *look = ebb_container_of(work, struct file_look, work);
	struct file_target *target = &look->file->target;
	struct stat st;

	look->rc = file_size_ask(target, &look->bytes);
	if (look->rc < 0) {
		return;
	}
	look->num_blocks = file_size_blocks(target, look->bytes);
	target->bytes = look->bytes;
	look->deleted = !target->is_block_device && fstat(target->fd, &st) == 0 && st.st_nlink == 0;
}

static void tell_deleted(const struct file_bdev *file)
{
	ebb_warn("file",
		 "%s: '%s' has been deleted or replaced: what the bdev has goes when it is "
		 "deleted; cp /proc/%ld/fd/%d NEW-FILE saves it",
		 file->name, file->filename, (long)getpid(), file->target.fd);
}

/* The length is another one than before. */
static void tell_size(const struct file_bdev *file, const struct file_look *look, uint64_t before)
{
	uint32_t block_size = file->bdev.block_size;
	uint64_t rest = look->bytes % block_size;

	if (look->num_blocks != before) {
		ebb_notice("file",
			   "%s: '%s' has %" PRIu64 " bytes now: %" PRIu64 " blocks, not %" PRIu64,
			   file->name, file->filename, look->bytes, look->num_blocks, before);
	}
	if (look->num_blocks < look->bytes / block_size + (rest != 0)) {
		ebb_warn("file",
			 "%s: the last %" PRIu64
			 " bytes of '%s' are no whole block of %u; left out: "
			 "truncate -s %" PRIu64 " FILE, or create it with direct=false",
			 file->name, rest, file->filename, block_size,
			 look->bytes - rest + block_size);
	}
}

/* Return: 0; or negative errno, and @ret_error. */
static int look_apply(struct file_bdev *file, const struct file_look *look, char *ret_error,
		      size_t error_size)
{
	uint64_t before = ebb_bdev_num_blocks(&file->bdev);
	int rc;

	if (look->rc < 0) {
		snprintf(ret_error, error_size, "cannot ask the size of '%s': %s", file->filename,
			 strerror(-look->rc));
		return look->rc;
	}
	if (look->num_blocks == 0) {
		snprintf(ret_error, error_size,
			 "'%s' has %" PRIu64 " bytes, less than one block of %u: bdev '%s' keeps "
			 "its size, and its I/O fails",
			 file->filename, look->bytes, file->bdev.block_size, file->name);
		return -EINVAL;
	}
	rc = ebb_bdev_resize(&file->bdev, look->num_blocks);
	if (rc < 0) {
		snprintf(ret_error, error_size, "bdev '%s' is going", file->name);
		return -ENODEV;
	}
	if (look->bytes != file->rescan.bytes) {
		tell_size(file, look, before);
	}
	return 0;
}

static void look_done(struct ebb_work *work)
{
	struct file_look *look = ebb_container_of(work, struct file_look, work);
	struct file_bdev *file = look->file;
	struct file_rescan *rescan = &file->rescan;
	char error[240] = "";
	int rc = look_apply(file, look, error, sizeof(error));

	if (look->deleted && !rescan->deleted) {
		tell_deleted(file);
	}
	rescan->deleted = look->deleted;
	if (rc == -EINVAL && look->bytes != rescan->bytes) {
		ebb_warn("file", "%s: %s", file->name, error);
	}
	if (look->rc == 0) {
		rescan->bytes = look->bytes;
	}
	look->done(look->arg, rc, error);
}

static void look_begin(struct file_look *look, struct file_bdev *file, file_rescan_done done,
		       void *arg)
{
	look->file = file;
	look->done = done;
	look->arg = arg;
	ebb_work_init(&look->work, look_run, look_done);
	ebb_helper_submit(&look->work);
}

static void by_itself_done(void *arg, int rc, const char *error)
{
	struct file_bdev *file = arg;
	struct file_rescan *rescan = &file->rescan;
	bool again = rescan->again;

	(void)rc;
	(void)error;
	rescan->runs = false;
	rescan->again = false;
	if (again) {
		file_rescan_by_itself(file);
	}
}

void file_rescan_by_itself(struct file_bdev *file)
{
	struct file_rescan *rescan = &file->rescan;

	if (rescan->going) {
		return;
	}
	if (rescan->runs) {
		rescan->again = true;
		return;
	}
	rescan->runs = true;
	look_begin(&rescan->look, file, by_itself_done, file);
}

/* One that is asked for. */
struct rescan_asked {
	struct file_look look;
	file_rescan_done done;
	void *arg;
};

static void asked_done(void *arg, int rc, const char *error)
{
	struct rescan_asked *asked = arg;

	asked->done(asked->arg, rc, error);
	free(asked);
}

int file_rescan(struct file_bdev *file, file_rescan_done done, void *arg)
{
	struct rescan_asked *asked = calloc(1, sizeof(*asked));

	if (asked == NULL) {
		return -ENOMEM;
	}
	asked->done = done;
	asked->arg = arg;
	look_begin(&asked->look, file, asked_done, asked);
	return 0;
}
