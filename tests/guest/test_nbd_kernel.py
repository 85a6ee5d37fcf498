# SPDX-License-Identifier: Apache-2.0
"""ebbd is stopped, killed and started again under the kernel's NBD client: a pause, and no error."""

import mmap
import os
import random
import re
import struct
import threading

from cases import case
from drives import wait_until
from harness import Daemon, check_command
from kernel_nbd import KernelDisk
from test_service import files_on_nvme

BLOCK = 4096
SHARE = 512 # blocks of one writer
WRITERS = 12
RUN = 32 # blocks of the longest request
RESTARTS = 6
IOS_BETWEEN = 20
PROGRESS_S = 120
# What the kernel says when somebody who uses the disk gets an error, and when a server's answer is
# wrong. That a connection has died, and requests wait, it says in other words.
ERRORS = re.compile(
    r"I/O error|Other side returned error|Unexpected reply|Double reply|Wrong magic|"
    r"shutting down"
)


def disk_and_export(daemon):
    disk = daemon.disk("disk.img", WRITERS * SHARE * BLOCK)
    path = str(daemon.sockets / "disk.nbd")
    return [
        ("bdev", "bdev_uring_create", {"name": "disk", "filename": str(disk)}),
        ("nbd", "nbd_start_export", {"bdev_name": "disk", "path": path}),
    ]


def block_of(number, version):
    """What the write of that version puts in block @number; zeroes before the first."""
    return struct.pack("<QQ", number, version) * (BLOCK // 16) if version else bytes(BLOCK)


class Writer(threading.Thread):
    """Writes runs of blocks of its own share, reads others back and flushes, one after the other."""

    def __init__(self, number):
        super().__init__()
        self.first = number * SHARE
        self.versions = [0] * SHARE
        self.rng = random.Random(number)
        self.ending = False
        self.ios = 0
        self.error = None
        self.file = os.open(KernelDisk.device, os.O_RDWR | os.O_DIRECT)
        self.memory = mmap.mmap(-1, RUN * BLOCK)

    def run(self):
        try:
            while not self.ending:
                self.write()
                self.check(*self.some_blocks())
                if self.ios % 8 == 0:
                    os.fsync(self.file)
                self.ios += 1
        except (OSError, AssertionError) as error:
            self.error = error

    def some_blocks(self):
        count = self.rng.choice((1, 1, 1, RUN))
        return self.rng.randrange(SHARE - count + 1), count

    def expected(self, begin, count):
        blocks = range(begin, begin + count)
        return b"".join(block_of(self.first + i, self.versions[i]) for i in blocks)

    def write(self):
        begin, count = self.some_blocks()
        for index in range(begin, begin + count):
            self.versions[index] += 1
        data = self.expected(begin, count)
        self.memory[: len(data)] = data
        view = memoryview(self.memory)[: len(data)]
        done = os.pwritev(self.file, [view], (self.first + begin) * BLOCK)
        assert done == len(data), (done, len(data))

    def check(self, begin, count):
        view = memoryview(self.memory)[: count * BLOCK]
        done = os.preadv(self.file, [view], (self.first + begin) * BLOCK)
        assert done == len(view) and view == self.expected(begin, count), (self.first, begin, count)

    def end(self):
        self.ending = True
        self.join()
        os.close(self.file)
        if self.error is not None:
            raise self.error


def wait_progress(writers):
    """Wait until each has done some more, or one has failed."""
    wanted = [writer.ios + IOS_BETWEEN for writer in writers]

    def done():
        more = all(writer.ios >= ios for writer, ios in zip(writers, wanted))
        return more or any(writer.error for writer in writers)

    try:
        wait_until(done, "all writers go on", PROGRESS_S)
    except AssertionError as error:
        raise AssertionError(f"{error}: {kernel_log()[-20:]}") from None


def kernel_log():
    return check_command(["dmesg"]).stdout.splitlines()


def restart_under_writers(connections):
    with files_on_nvme(), Daemon(config=disk_and_export) as daemon:
        path = daemon.sockets / "disk.nbd"
        before = len(kernel_log())
        with KernelDisk(path, "disk", connections):
            writers = [Writer(number) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            for restart in range(RESTARTS):
                wait_progress(writers)
                if restart % 2 == 0:
                    assert daemon.stop() == 0
                else:
                    daemon.kill9()
                daemon.start()
            wait_progress(writers)
            for writer in writers:
                writer.end()
            log = kernel_log()[before:]
        errors = [line for line in log if ERRORS.search(line)]
        assert not errors, errors
        assert any("retrying" in line for line in log), f"nothing was in flight: {log}"
        image = (daemon.folder / "disk.img").read_bytes()
        for writer in writers:
            data = writer.expected(0, SHARE)
            begin = writer.first * BLOCK
            assert image[begin : begin + len(data)] == data, writer.first


@case(timeout_s=600)
def a_restart_is_a_pause_for_the_kernels_client():
    restart_under_writers(1)


@case(timeout_s=600)
def a_restart_is_a_pause_on_several_connections():
    restart_under_writers(2)
