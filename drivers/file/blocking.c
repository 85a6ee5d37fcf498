/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file bdev's requests that may block, on the helper. There is one helper for all, so a request
 * that may take long is done in pieces: each is a job of its own, and others' jobs come between.
 *
 * Without direct I/O the kernel keeps what is written, and tells of what it could not put on the
 * disk once: the next flush of whoever succeeds, with the data gone. So after an error every flush
 * fails. With direct I/O a flush concerns the disk's cache only, and the next may well succeed.
 */
#include "drivers/file/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/file/size.h"

void file_blocking_done(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);

	if (fio->end_bytes != UINT64_MAX) {
		file_io_end_short(fio);
		return;
	}
	file_io_end(fio, fio->rc);
}

void file_blocking_submit(struct file_io *fio)
{
	fio->end_bytes = UINT64_MAX;
	ebb_helper_submit(&fio->work);
}

/* Return: bytes, fewer than @len where the file ends; or negative errno. */
static ssize_t rw_piece(int fd, bool read, char *buf, size_t len, uint64_t offset)
{
	size_t total = 0;

	while (total < len) {
		off_t at = (off_t)(offset + total);
		ssize_t done = read ? pread(fd, buf + total, len - total, at)
				    : pwrite(fd, buf + total, len - total, at);

		if (done < 0 && (errno == EINTR || errno == EAGAIN)) {
			continue;
		}
		if (done < 0) {
			return -errno;
		}
		if (done == 0) {
			break;
		}
		total += (size_t)done;
	}
	return (ssize_t)total;
}

int file_blocking_write(int fd, const void *buf, size_t len, uint64_t offset)
{
	ssize_t done = rw_piece(fd, false, (char *)(uintptr_t)buf, len, offset);

	if (done < 0) {
		return (int)done;
	}
	return (size_t)done == len ? 0 : -EIO;
}

/* From @skip bytes on. Return: where the file ends, or all is done; or negative errno. */
static int64_t rw_pieces(int fd, const struct ebb_bdev_io *io, uint64_t skip)
{
	uint64_t begin = io->offset_blocks * io->bdev->block_size;
	uint64_t at = 0;
	int i;

	for (i = 0; i < io->iovcnt; i++) {
		size_t len = io->iov[i].iov_len;
		size_t done_before = skip < at ? 0 : (size_t)(skip - at);
		ssize_t done;

		at += len;
		if (done_before >= len) {
			continue;
		}
		len -= done_before;
		done = rw_piece(fd, io->type == EBB_BDEV_READ,
				(char *)io->iov[i].iov_base + done_before, len, begin + at - len);
		if (done < 0) {
			return done;
		}
		if ((size_t)done < len) {
			return (int64_t)(at - len + (size_t)done);
		}
	}
	return (int64_t)at;
}

/* What is past the end of the file, from @skip bytes on. */
static void zero_pieces(const struct ebb_bdev_io *io, uint64_t skip)
{
	int i;

	for (i = 0; i < io->iovcnt; i++) {
		size_t len = io->iov[i].iov_len;

		if (skip < len) {
			memset((char *)io->iov[i].iov_base + skip, 0, len - skip);
		}
		skip -= skip < len ? skip : len;
	}
}

static void rw_run(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);
	const struct ebb_bdev_io *io = file_io_bdev_io(fio);
	struct file_target *target = &fio->ch->file->target;
	uint64_t len = io->num_blocks * io->bdev->block_size;
	uint64_t end = io->offset_blocks * io->bdev->block_size + len;
	bool write = io->type == EBB_BDEV_WRITE;
	int64_t done;

	if (write && !file_size_has(target, end, &fio->end_bytes)) {
		return;
	}
	done = rw_pieces(target->fd, io, fio->done_bytes);
	fio->rc = done < 0 ? (int)done : 0;
	if (done >= 0 && (uint64_t)done < len) {
		if (write) {
			fio->rc = -EIO;
		} else if (file_size_has(target, end, &fio->end_bytes)) {
			zero_pieces(io, (uint64_t)done);
		}
	} else if (write && done >= 0) {
		file_size_written(target, end);
	}
}

void file_blocking_rw(struct file_io *fio)
{
	ebb_work_init(&fio->work, rw_run, file_blocking_done);
	file_blocking_submit(fio);
}

static void flush_begin(struct file_channel *ch);

static void flush_run(struct ebb_work *work)
{
	struct file_channel *ch = ebb_container_of(work, struct file_channel, flush_work);
	struct file_bdev *file = ch->file;
	int rc;

	if (file->lost_rc != 0) {
		ch->flush_rc = file->lost_rc;
		return;
	}
	do {
		rc = fdatasync(file->target.fd);
	} while (rc < 0 && errno == EINTR);
	ch->flush_rc = rc < 0 ? -errno : 0;
	if (!file->target.direct) {
		file->lost_rc = ch->flush_rc;
	}
}

static void flush_done(struct ebb_work *work)
{
	struct file_channel *ch = ebb_container_of(work, struct file_channel, flush_work);
	struct ebb_list ended;
	struct ebb_list *node;
	int rc = ch->flush_rc;

	ebb_list_init(&ended);
	ebb_list_splice_back(&ended, &ch->flushing);
	ch->flush_runs = false;
	/* Before the callbacks, which may flush again: theirs must not be taken for older. */
	flush_begin(ch);
	while ((node = ebb_list_pop_front(&ended)) != NULL) {
		file_io_end(ebb_list_entry(node, struct file_io, link), rc);
	}
}

/* Starts one flush for all that wait, unless one runs, which may have missed writes of theirs. */
static void flush_begin(struct file_channel *ch)
{
	if (ch->flush_runs || ebb_list_empty(&ch->flush_next)) {
		return;
	}
	ch->flush_runs = true;
	ebb_list_splice_back(&ch->flushing, &ch->flush_next);
	ebb_work_init(&ch->flush_work, flush_run, flush_done);
	ebb_helper_submit(&ch->flush_work);
}

void file_blocking_flush(struct file_io *fio)
{
	ebb_list_push_back(&fio->ch->flush_next, &fio->link);
	flush_begin(fio->ch);
}
