# SPDX-License-Identifier: Apache-2.0
"""A drive with a volatile write cache that a power cut empties.

Killing QEMU loses the guest's memory (its page cache, ebbd's buffers, the kernel's queues) but not
what the emulated drive had completed: that sits in the host's page cache, and the host lives on. So
behind a volatile drive stands nbdkit with its cache filter in writeback mode: writes stay in the
filter's cache until a flush brings them to the disk's file, and killing nbdkit loses all of them.
That is the worst a drive may do, and the least helpful to a program that forgets its flushes: real
drives lose only some of it, and write some of it out early, in any order.

What this cannot show: a write torn in the middle of a block, and a drive that lies about flushes.
And one drive does lie: QEMU's NVMe controller ignores the FUA bit (7.2: a block written by `nvme
write --force-unit-access` is lost, one followed by a flush is kept), so a journal that relies on
FUA, ext4's or xfs's, does not survive on a volatile namespace. On a volatile Disk (virtio, which
has no FUA: the kernel flushes instead) it does.
"""

import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from initramfs import find_program

START_TIMEOUT_S = 30


class VolatileDisk:
    """The server of one disk's file, from start() to cut()."""

    def __init__(self, path):
        self.program = find_program("nbdkit", "nbdkit")
        self.path = path
        self.folder = tempfile.TemporaryDirectory(prefix="ebb-disk-")
        self.socket = Path(self.folder.name) / "nbd"
        self.process = None

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                self.program, "--foreground", "--exit-with-parent", "--unix", str(self.socket),
                "--filter=cache", "file", str(self.path), "cache=writeback",
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # it complains of us, who only ask whether it is there
            start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nbdkit does not serve {self.path}")
            time.sleep(0.01)

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self.socket))
            return True
        except OSError:
            return False

    def stop(self, how):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def cut(self):
        """Lose what was not flushed."""
        self.stop(signal.SIGKILL)

    def close(self):
        self.cut()
        self.folder.cleanup()
