# SPDX-License-Identifier: Apache-2.0
"""What a flush or a FUA write has promised is there after the power was cut.

In the guest an ebbd serves three disks over NBD: a block device, and two files on ext4, one with
direct I/O and one through the page cache. A client for each writes numbered, checksummed blocks,
several requests in flight, and tells the host, which survives, what the exporter has promised: all
writes that were complete when a flush that succeeded was sent; a FUA write that succeeded. At a
random moment after a random number of promises the power goes (volatile.py says what is lost with
it). The next boot on the same disks reads everything back through a new ebbd: each block must hold
what was promised or something written later, and none may hold anything but one whole write.

Then the client lies: it tells of flushes that it never sent. Losses must be seen on every disk, or
the test above shows nothing.

EBB_POWER_CUTS and EBB_POWER_SEED repeat a run or make a longer one. The files lie on a virtio disk,
for the reason that volatile.py gives; the block device is an NVMe namespace (the file bdev's FUA is
a write and a flush).
"""

import contextlib
import os
import queue
import random
import struct
import threading
import zlib
from pathlib import Path

import drives
from cases import host, host_case
from harness import Daemon, check_command
from machine import Disk, Machine, Namespace, Subsystem
from nbd_client import CMD_FLAG_FUA, CMD_FLUSH, CMD_WRITE, NbdClient, NbdError

MACHINE = Machine(
    subsystems=(Subsystem(namespaces=(Namespace(size_mib=16, volatile=True),)),),
    disks=(Disk(size_mib=64, volatile=True),),
    memory_mib=1024,
)
TARGETS = ("block", "direct", "buffered")
CUTS = int(os.environ.get("EBB_POWER_CUTS", "3"))
SEED = int(os.environ.get("EBB_POWER_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
BLOCK = 4096
BLOCKS = 256
BATCH = 6
BLOCKS_A_WRITE = 4
NOTES_MAX = 60
DELAY_MAX_S = 0.5
HEADER = struct.Struct("<8sIQI")  # magic, block, sequence number, CRC of the rest
MAGIC = b"ebbpower"
FOLDER = Path("/run/files")
PLAIN = "/dev/vda"
TIMEOUT_S = 60.0


def block_bytes(block, sequence):
    body = random.Random(block << 40 | sequence).randbytes(BLOCK - HEADER.size)
    return HEADER.pack(MAGIC, block, sequence, zlib.crc32(body)) + body


def sequence_of(block, data):
    """The sequence number of what a block holds: 0 for a block never written, -1 for garbage."""
    if not any(data):
        return 0
    magic, number, sequence, crc = HEADER.unpack_from(data)
    whole = magic == MAGIC and number == block and crc == zlib.crc32(data[HEADER.size :])
    return sequence if whole else -1


@contextlib.contextmanager
def served(fresh):
    """In the guest: an ebbd with the three disks exported; yields {target: socket}."""
    FOLDER.mkdir(exist_ok=True)
    if fresh:
        check_command(["mkfs.ext4", "-q", PLAIN])
    # The journal's own commits, with their flushes, would keep the lies of a client that lies.
    check_command(["mount", "-o", "commit=600", PLAIN, FOLDER])
    paths = {"block": drives.block(0), "direct": FOLDER / "direct", "buffered": FOLDER / "buffered"}
    if fresh:
        for name in ("direct", "buffered"):
            with open(paths[name], "wb") as file:
                file.truncate(BLOCK * BLOCKS)
        os.sync()
    with Daemon() as daemon:
        for name, path in paths.items():
            direct = name != "buffered"
            daemon.rpc("bdev_uring_create", name=name, filename=str(path), direct=direct)
        yield {name: daemon.add_export(name) for name in paths}


class Writer:
    """The client of one disk, which writes until the power goes."""

    def __init__(self, target, path, sequence, seed, honest):
        self.target = target
        self.path = path
        self.sequence = sequence
        self.random = random.Random(f"{seed}{target}")
        self.honest = honest

    def send_batch(self, client, count, fua=False):
        """{cookie: {block: sequence}} of writes that do not touch each other."""
        free = list(range(0, BLOCKS - BLOCKS_A_WRITE, BLOCKS_A_WRITE))
        sent = {}
        for first in self.random.sample(free, count):
            self.sequence += 1
            blocks = range(first, first + self.random.randint(1, BLOCKS_A_WRITE))
            data = b"".join(block_bytes(block, self.sequence) for block in blocks)
            flags = CMD_FLAG_FUA if fua and self.honest else 0
            cookie = client.send(CMD_WRITE, first * BLOCK, len(data), data, flags)
            sent[cookie] = dict.fromkeys(blocks, self.sequence)
        return sent

    @staticmethod
    def gather(client, sent):
        """Wait for all of them; what they wrote: {block: sequence}."""
        written = {}
        while sent:
            cookie, error = client.reply()
            if error:
                raise NbdError(os.strerror(error), error)
            written.update(sent.pop(cookie))
        return written

    def promise(self, written):
        host.note([self.target, sorted(written.items())])

    def run(self):
        with NbdClient(self.path, self.target, timeout=TIMEOUT_S) as client:
            written = {}
            while True:
                written |= self.gather(client, self.send_batch(client, BATCH))
                if self.random.random() < 0.3:
                    self.promise(self.gather(client, self.send_batch(client, 1, fua=True)))
                    continue
                # A flush among writes: what was complete before it was sent is promised.
                sent = self.send_batch(client, BATCH // 2)
                if self.honest:
                    sent[client.send(CMD_FLUSH, 0, 0)] = {}
                sent |= self.send_batch_elsewhere(client, sent)
                later = self.gather(client, sent)
                self.promise(written)
                written = later

    def send_batch_elsewhere(self, client, sent):
        """One more write behind the flush, to blocks that no write in flight touches."""
        busy = {block for blocks in sent.values() for block in blocks}
        first = next(block for block in range(0, BLOCKS, BLOCKS_A_WRITE) if block not in busy)
        self.sequence += 1
        data = block_bytes(first, self.sequence)
        return {
            client.send(CMD_WRITE, first * BLOCK, BLOCK, data): {first: self.sequence}
        }


def write_until_cut(fresh, sequence, seed, honest):
    """In the guest; it does not return."""
    failures = queue.SimpleQueue()

    def write(target, path):
        try:
            Writer(target, path, sequence, seed, honest).run()
        except Exception as failure:  # handed on to the thread that reports it
            failures.put(failure)

    with served(fresh) as sockets:
        for target, path in sockets.items():
            threading.Thread(target=write, args=(target, path), daemon=True).start()
        raise failures.get()


def sequences():
    """In the guest: {target: [sequence number of each block]}, read through ebbd."""
    found = {}
    with served(False) as sockets:
        for target, path in sockets.items():
            with NbdClient(path, target, timeout=TIMEOUT_S) as client:
                data = client.read(0, BLOCK * BLOCKS)
                client.disconnect()
            found[target] = [
                sequence_of(block, data[block * BLOCK :][:BLOCK]) for block in range(BLOCKS)
            ]
    drives.unmount(FOLDER)
    return found


class Promises:
    """On the host: what must be there, {target: {block: sequence}}, and what was ever written."""

    def __init__(self):
        self.kept = {target: {} for target in TARGETS}

    def add(self, notes):
        for target, written in notes:
            for block, sequence in written:
                kept = self.kept[target]
                kept[block] = max(sequence, kept.get(block, 0))

    def highest(self):
        return max((max(kept.values(), default=0) for kept in self.kept.values()), default=0)

    def broken(self, found):
        """{target: [(block, promised, found)]}, without the targets that kept all."""
        lost = {
            target: [
                (block, sequence, found[target][block])
                for block, sequence in sorted(kept.items())
                if found[target][block] < sequence
            ]
            for target, kept in self.kept.items()
        }
        return {target: blocks for target, blocks in lost.items() if blocks}


def cut_once(guest, promises, chance, fresh, sequence, honest):
    """Write, cut; what was promised meanwhile goes to promises."""
    notes, delay_s = chance.randint(len(TARGETS), NOTES_MAX), chance.uniform(0, DELAY_MAX_S)
    arguments = (fresh, sequence, chance.random(), honest)
    guest.call_and_cut(
        "test_power", "write_until_cut", *arguments, notes=notes, delay_s=delay_s
    )
    promises.add(guest.notes)
    return f"{len(guest.notes)} promises, the cut {delay_s:.3f} s after number {notes}"


@host_case(machine=MACHINE)
def what_is_flushed_or_written_with_fua_survives_power_cuts(guest):
    print(f"# EBB_POWER_SEED={SEED}", flush=True)
    chance, promises, sequence = random.Random(SEED), Promises(), 0
    guest.start()
    for cut in range(CUTS):
        told = cut_once(guest, promises, chance, cut == 0, sequence, True)
        guest.start()
        found = guest.call("test_power", "sequences")
        kept = sum(len(blocks) for blocks in promises.kept.values())
        print(f"# cut {cut + 1}: {told}; {kept} blocks must be there", flush=True)
        assert not promises.broken(found), promises.broken(found)
        garbage = {target: blocks.count(-1) for target, blocks in found.items()}
        assert not any(garbage.values()), f"blocks that hold no whole write: {garbage}"
        # Sequence numbers of writes that were under way must not come again.
        sequence = max(promises.highest(), *(max(blocks) for blocks in found.values())) + 1000


@host_case(machine=MACHINE)
def without_flushes_a_power_cut_loses_blocks_of_every_disk(guest):
    promises = Promises()
    guest.start()
    cut_once(guest, promises, random.Random(SEED), True, 0, False)
    guest.start()
    lost = promises.broken(guest.call("test_power", "sequences"))
    print(f"# lost: { {target: len(blocks) for target, blocks in lost.items()} }", flush=True)
    assert sorted(lost) == sorted(TARGETS), f"nothing was lost of {set(TARGETS) - set(lost)}"
