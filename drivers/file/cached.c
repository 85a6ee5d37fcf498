/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffered reads of what the page cache has are done in place, and answered in the turn that they
 * came in: to hand 4 KiB to the helper, and to hear of it, costs several times the copy. RWF_NOWAIT
 * has the kernel refuse what would wait, and that is the helper's, as is what a filesystem does not
 * know how to do so, and the end of the file.
 *
 * Writes are not done so. Few filesystems can (ext4 cannot), and what is looked at before a write,
 * how long the file is now, may wait.
 *
 * A copy takes the CPU from everybody else whose reactor this is. So a turn copies so much and no
 * more; the rest goes to the helper, on another CPU.
 */
#include "drivers/file/file.h"

#include <errno.h>
#include <sys/uio.h>

#include <ebb/reactor.h>

#define TURN_BYTES (1u << 20) /* a tenth of a millisecond or two */

/* The running turn of the reactor. */
static _Thread_local struct {
	struct ebb_turn_end end;
	uint64_t bytes; /* copied in it; 0: @end is not asked for */
} turn;

static void turn_ended(struct ebb_turn_end *end)
{
	(void)end;
	turn.bytes = 0;
}

/* Return: false: it has copied enough. */
static bool turn_takes(uint64_t bytes)
{
	if (turn.bytes + bytes > TURN_BYTES) {
		return false;
	}
	if (turn.bytes == 0) {
		turn.end.fn = turn_ended;
		ebb_reactor_at_turn_end(&turn.end);
	}
	turn.bytes += bytes;
	return true;
}

bool file_cached_read(struct file_io *fio)
{
	struct file_channel *ch = fio->ch;
	const struct ebb_bdev_io *io = file_io_bdev_io(fio);
	uint64_t bytes = io->num_blocks * io->bdev->block_size;
	ssize_t done;

	if (!ch->read_cached || !turn_takes(bytes)) {
		return false;
	}
	done = preadv2(ch->file->target.fd, io->iov, io->iovcnt,
		       (off_t)(io->offset_blocks * io->bdev->block_size), RWF_NOWAIT);
	if (ebb_likely(done == (ssize_t)bytes)) {
		ebb_bdev_io_complete(fio->handle, 0);
		return true;
	}
	if (done > 0) {
		fio->done_bytes = (uint64_t)done;
	} else if (done < 0 && errno == EOPNOTSUPP) {
		ch->read_cached = false;
	}
	return false;
}
