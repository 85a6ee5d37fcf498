# SPDX-License-Identifier: Apache-2.0
"""What the tests of the NBD exporter share: a client that haggles, and looks into the daemon."""

import contextlib
import os
import socket
import struct
import time
from pathlib import Path

from harness import Daemon, wait_for
from nbd_client import (
    FLAG_FIXED_NEWSTYLE,
    FLAG_NO_ZEROES,
    MAGIC_OPTION,
    MAGIC_OPTION_REPLY,
    MAGIC_REQUEST,
    REP_ACK,
    NbdClient,
)

KIB = 1 << 10
MIB = 1 << 20
DISK = 64 * MIB
OPT_EXTENDED_HEADERS = 11
OPT_EXPORT_NAME, OPT_ABORT, OPT_LIST, OPT_STARTTLS, OPT_INFO = 1, 2, 3, 5, 6
OPT_STRUCTURED_REPLY = 8
REP_SERVER, REP_INFO = 2, 3
REP_ERR_UNSUP, REP_ERR_INVALID = 0x80000001, 0x80000003
REP_ERR_UNKNOWN, REP_ERR_TOO_BIG = 0x80000006, 0x80000009
CMD_TRIM, CMD_WRITE_ZEROES = 4, 6
FLAG_READ_ONLY, FLAG_SEND_FLUSH, FLAG_SEND_FUA = 2, 4, 8
FLAG_SEND_TRIM, FLAG_SEND_WRITE_ZEROES, FLAG_MULTI_CONN = 0x20, 0x40, 0x100
EPERM, EINVAL, ENOSPC, ESHUTDOWN = 1, 22, 28, 108
REQUEST_MAX = 32 * MIB
DRAIN_SECONDS = 1.0
CLIENTS_MAX = 132  # at one address: its own places, and those that are common to all


class Haggler:
    """A client that stays in the handshake, and speaks over any socket."""

    def __init__(self, path=None, address=None, flags=FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES):
        if path is not None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(20.0)
            self.sock.connect(str(path))
        else:
            self.sock = socket.create_connection(address, timeout=20.0)
        greeting = self.receive(18)
        assert greeting[:16] == b"NBDMAGICIHAVEOPT", greeting
        assert struct.unpack(">H", greeting[16:])[0] == FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES
        if flags is not None:
            self.sock.sendall(struct.pack(">I", flags))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def receive(self, length):
        data = b""
        while len(data) < length:
            part = self.sock.recv(length - len(data))
            if not part:
                raise EOFError("the NBD server closed the connection")
            data += part
        return data

    def option(self, option, data=b""):
        """Say it, and gather the replies up to the last: [(type, data)]."""
        self.sock.sendall(struct.pack(">QII", MAGIC_OPTION, option, len(data)) + data)
        replies = []
        while True:
            magic, echo, kind, length = struct.unpack(">QIII", self.receive(20))
            assert magic == MAGIC_OPTION_REPLY and echo == option, (hex(magic), echo)
            replies.append((kind, self.receive(length)))
            if kind == REP_ACK or kind & 0x80000000:
                return replies

    def ask_export_name(self, name):
        """The old way to begin; it is answered without a header, or not at all."""
        self.sock.sendall(struct.pack(">QII", MAGIC_OPTION, OPT_EXPORT_NAME, len(name)) + name)

    def closed(self):
        """True if the server has hung up; it must within the time-out."""
        with contextlib.suppress(ConnectionError):
            return self.sock.recv(1) == b""
        return True


def go_data(name, infos=()):
    name = name.encode()
    return (
        struct.pack(">I", len(name)) + name + struct.pack(f">H{len(infos)}H", len(infos), *infos)
    )


def request_bytes(command, offset, length, cookie=1, flags=0):
    return struct.pack(">IHHQQI", MAGIC_REQUEST, flags, command, cookie, offset, length)


@contextlib.contextmanager
def served(size=DISK, mode="adaptive", args=()):
    """A daemon with one disk "disk" exported: (daemon, image, socket path)."""
    with Daemon(*args, mode=mode) as daemon:
        image = daemon.add_disk("disk", size)
        yield daemon, image, daemon.add_export("disk")


def the_export(daemon, name="disk"):
    return next(e for e in daemon.rpc("nbd_get_exports") if e["export_name"] == name)


def open_sockets(daemon):
    folder = Path(f"/proc/{daemon.process.pid}/fd")
    count = 0
    for fd in folder.iterdir():
        with contextlib.suppress(OSError):
            count += os.readlink(fd).startswith("socket:")
    return count


def fewest_sockets(daemon):
    """Without what is about to be closed, such as our last connection to the RPC socket."""
    counts = []
    for _ in range(10):
        counts.append(open_sockets(daemon))
        time.sleep(0.002)
    return min(counts)


def resident_kib(daemon, field="VmRSS"):
    """What is resident now; with "VmHWM" the most that ever was."""
    for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(f"no {field}")


def assert_no_kernel_workers(daemon):
    """Nothing may have been handed to io_uring's worker threads: they keep waking."""
    for task in Path(f"/proc/{daemon.process.pid}/task").iterdir():
        with contextlib.suppress(OSError):
            name = (task / "comm").read_text().strip()
            assert not name.startswith("iou-wrk"), name


def assert_serves(daemon, path):
    """A client comes, writes, reads back and leaves."""
    with NbdClient(path, "disk") as client:
        data = os.urandom(4096)
        client.write(0, data)
        assert client.read(0, 4096) == data
        client.disconnect()
    wait_for(lambda: the_export(daemon)["clients"] == 0, "the client is gone")


def assert_serves_beside(path):
    """As above, while others are connected."""
    with NbdClient(path, "disk") as client:
        client.write(0, b"b" * 512)
        assert client.read(0, 512) == b"b" * 512
        client.disconnect()


@contextlib.contextmanager
def nothing_left_behind(daemon):
    """After the body, the daemon has no client more and no socket more than before."""
    wait_for(lambda: the_export(daemon)["clients"] == 0, "no clients before")
    before = fewest_sockets(daemon)
    yield
    wait_for(lambda: the_export(daemon)["clients"] == 0, "all clients are gone")
    wait_for(lambda: fewest_sockets(daemon) <= before, f"{before} sockets are open again")
