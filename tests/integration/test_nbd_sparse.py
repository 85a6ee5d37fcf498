#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The NBD exporter: holes, zeroes, long reads and bytes, as the usual clients ask for them."""

import json
import os
import random
import struct
import threading

from harness import Daemon, Skip, check_command, nbd_uri, need_program, run, run_command, test
from nbd_client import CMD_READ, OPT_GO, REP_ACK, NbdClient
from nbd_peer import DISK, KIB, MIB, REP_ERR_INVALID, Haggler, go_data, request_bytes, served

CMD_BLOCK_STATUS = 7
MAGIC_CHUNK = 0x668E33EF
TYPE_DATA, TYPE_STATUS, TYPE_ERROR = 1, 5, 0x8001
OPT_STRUCTURED_REPLY, OPT_SET_META_CONTEXT = 8, 10
HOLE_AND_ZERO = 3


def allocated(path):
    return os.stat(path).st_blocks * 512


def nbdinfo_map(uri):
    """The extents that nbdinfo tells: [(offset, length, type)], neighbours that are alike joined."""
    extents = []
    for one in json.loads(check_command(["nbdinfo", "--json", "--map", uri]).stdout):
        if extents and extents[-1][2] == one["type"]:
            extents[-1] = (extents[-1][0], extents[-1][1] + one["length"], one["type"])
        else:
            extents.append((one["offset"], one["length"], one["type"]))
    return extents


def needs_holes(folder):
    """Some filesystems have none, and then nothing can be told of them."""
    probe = folder / "probe"
    with open(probe, "wb") as file:
        file.truncate(MIB)
    with open(probe, "rb") as file:
        if allocated(probe) > 0 or os.lseek(file.fileno(), 0, os.SEEK_HOLE) != 0:
            raise Skip(f"the filesystem of {folder} has no holes")


def sparse_image(path, size, pieces):
    """A file of that size with random bytes at each (offset, length)."""
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, length in pieces:
            file.seek(offset)
            file.write(os.urandom(length))


PIECES = ((MIB, 256 * KIB), (7 * MIB, 64 * KIB), (DISK - 64 * KIB, 64 * KIB))


@test
def nbdinfo_maps_a_file_as_it_is():
    need_program("nbdinfo")
    with served() as (daemon, image, path):
        needs_holes(daemon.folder)
        sparse_image(image, DISK, PIECES)
        expected, at = [], 0
        for offset, length in PIECES:
            expected += [(at, offset - at, HOLE_AND_ZERO), (offset, length, 0)]
            at = offset + length
        assert nbdinfo_map(nbd_uri(path, "disk")) == expected, nbdinfo_map(nbd_uri(path, "disk"))


@test
def nbdinfo_maps_memory_and_nothing():
    need_program("nbdinfo")
    with Daemon() as daemon:
        daemon.rpc("bdev_malloc_create", name="m", num_blocks=32 * MIB // 512, block_size=512)
        daemon.rpc("bdev_null_create", name="n", num_blocks=32 * MIB // 512, block_size=512)
        path = daemon.add_export("m")
        null = daemon.add_export("n")
        assert nbdinfo_map(nbd_uri(path, "m")) == [(0, 32 * MIB, HOLE_AND_ZERO)]
        with NbdClient(path, "m") as client:
            client.write(8 * MIB, b"m" * 4096)
        extents = nbdinfo_map(nbd_uri(path, "m"))
        data = [e for e in extents if e[2] == 0]
        assert len(data) == 1 and data[0][0] <= 8 * MIB < sum(data[0][:2]), extents
        assert extents[0][2] == HOLE_AND_ZERO and sum(e[1] for e in extents) == 32 * MIB, extents
        assert nbdinfo_map(nbd_uri(null, "n")) == [(0, 32 * MIB, 0)]


@test
def qemu_img_maps_what_nbdinfo_does():
    need_program("qemu-img")
    with served() as (daemon, image, path):
        needs_holes(daemon.folder)
        sparse_image(image, DISK, PIECES)
        uri = nbd_uri(path, "disk")
        done = check_command(["qemu-img", "map", "--output=json", "-f", "raw", uri])
        data = [(e["start"], e["length"]) for e in json.loads(done.stdout) if e["data"]]
        assert data == list(PIECES), data


@test
def nbdcopy_of_a_sparse_image_is_sparse_in_both_directions():
    need_program("nbdcopy")
    with served() as (daemon, image, path):
        needs_holes(daemon.folder)
        source, copy = daemon.folder / "source", daemon.folder / "copy"
        sparse_image(source, DISK, PIECES)
        uri = nbd_uri(path, "disk")
        # What has been there is gone afterwards, and its room is free.
        with NbdClient(path, "disk") as client:
            client.write(16 * MIB, b"x" * 8 * MIB)
        check_command(["nbdcopy", "--flush", source, uri])
        check_command(["cmp", source, image])
        assert allocated(image) <= allocated(source) + MIB, (allocated(image), allocated(source))
        check_command(["nbdcopy", uri, copy])
        check_command(["cmp", source, copy])
        assert allocated(copy) <= allocated(source) + MIB, (allocated(copy), allocated(source))
        # By several connections, that share what is written and what is flushed.
        check_command(["nbdcopy", "--connections=4", "--threads=4", "--flush", source, uri])
        check_command(["cmp", source, image])


@test
def qemu_img_convert_of_an_empty_image_writes_nothing():
    need_program("qemu-img")
    with served() as (daemon, image, path):
        needs_holes(daemon.folder)
        source = daemon.disk("source", DISK)
        uri = nbd_uri(path, "disk")
        check_command(["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, uri])
        assert allocated(image) <= MIB, allocated(image)
        check_command(["qemu-img", "compare", "-f", "raw", "-F", "raw", source, uri])


@test
def qemu_io_writes_what_is_no_block():
    need_program("qemu-io")
    with served() as (_, image, path):
        uri = nbd_uri(path, "disk")
        commands = [
            "write -P 0x11 0 64k", "write -P 0x22 511 2", "write -P 0x33 1000 5000",
            "write -z 7001 999", "discard 20001 9000", "aio_write -P 0x44 30001 3",
            "aio_write -P 0x55 30004 3", "aio_flush", "flush",
            "read -v -P 0x22 511 2", "read -P 0x33 1000 5000", "read -P 0 7001 999",
            "read -P 0x11 0 511", "read -P 0x44 30001 3", "read -P 0x55 30004 3",
            "read -P 0x11 30007 100",
        ]  # fmt: skip
        args = [arg for command in commands for arg in ("-c", command)]
        done = check_command(["qemu-io", "-f", "raw", *args, uri])
        assert "Pattern verification failed" not in done.stdout, done.stdout
        model = bytearray(b"\x11" * 20001)
        model[511:513] = b"\x22" * 2
        model[1000:6000] = b"\x33" * 5000
        model[7001:8000] = bytes(999)
        with open(image, "rb") as file:
            assert file.read(20001) == bytes(model)


@test
def clients_write_bytes_beside_each_other():
    """Each its own bytes of the same blocks, over connections of several threads; none is lost."""
    with Daemon("--cpumask", "0x3") as daemon:
        image = daemon.add_disk("disk", MIB)
        path = daemon.add_export("disk")
        model = bytearray(MIB)
        clients, rounds = 4, 150

        def work(number):
            choice = random.Random(number)
            with NbdClient(path, "disk") as client:
                for _ in range(rounds):
                    # Its own residues of every 64 bytes, or whole blocks that are its own.
                    at = choice.randrange(1000) * 64 + number * 16
                    data = bytes([choice.randrange(256)]) * choice.randrange(1, 17)
                    model[at : at + len(data)] = data
                    client.write(at, data, fua=choice.random() < 0.1)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with NbdClient(path, "disk") as client:
            assert client.read(0, MIB) == bytes(model)
            client.flush()
        assert image.read_bytes() == bytes(model)


@test
def connections_of_several_threads_are_one_disk():
    """What was answered on one is read on all, and in the file after a flush of any."""
    with Daemon("--cpumask", "0x3") as daemon:
        image = daemon.add_disk("disk", DISK)
        path = daemon.add_export("disk")
        with NbdClient(path, "disk") as flusher:
            writers = [NbdClient(path, "disk") for _ in range(4)]
            peers = daemon.rpc("nbd_get_exports")[0]["peers"]
            assert len({peer["thread"] for peer in peers}) > 1, peers
            for round_ in range(20):
                data = bytes([round_ + 1]) * 4096
                for number, writer in enumerate(writers):
                    writer.write(number * 4096, data)
                flusher.flush()
                for reader in (flusher, *writers):
                    assert reader.read(0, 4 * 4096) == data * 4
                with open(image, "rb") as file:
                    assert file.read(4 * 4096) == data * 4
            for writer in writers:
                writer.close()


class Structured(Haggler):
    """A connection with structured replies, which reads them chunk by chunk."""

    def __init__(self, path, contexts=()):
        super().__init__(path)
        assert self.option(OPT_STRUCTURED_REPLY)[-1][0] == REP_ACK
        if contexts:
            data = struct.pack(">I", 0) + struct.pack(">I", len(contexts))
            for context in contexts:
                data += struct.pack(">I", len(context)) + context
            assert self.option(OPT_SET_META_CONTEXT, data)[-1][0] == REP_ACK
        assert self.option(OPT_GO, go_data(""))[-1][0] == REP_ACK

    def chunk(self):
        """(type, done, payload)"""
        magic, flags, kind, _, length = struct.unpack(">IHHQI", self.receive(20))
        assert magic == MAGIC_CHUNK, hex(magic)
        return kind, flags & 1, self.receive(length)


@test
def a_long_read_comes_in_chunks():
    with served() as (_, image, path):
        content = os.urandom(DISK)
        image.write_bytes(content)
        with Structured(path) as client:
            for offset, length in ((0, 32 * MIB), (4097, 9 * MIB + 1), (DISK - 3 * MIB, 3 * MIB)):
                client.sock.sendall(request_bytes(CMD_READ, offset, length))
                found, done, chunks = bytearray(length), 0, 0
                while not done:
                    kind, done, payload = client.chunk()
                    if kind == TYPE_DATA:
                        at = struct.unpack(">Q", payload[:8])[0] - offset
                        found[at : at + len(payload) - 8] = payload[8:]
                        chunks += 1
                assert bytes(found) == content[offset : offset + length]
                assert chunks >= length // MIB, chunks
            # With DF it is one.
            client.sock.sendall(request_bytes(CMD_READ, 5, 65536, flags=4))
            kind, done, payload = client.chunk()
            assert (kind, done, payload[8:]) == (TYPE_DATA, 1, content[5 : 5 + 65536])


@test
def a_context_is_of_the_export_it_was_set_for():
    with Daemon() as daemon:
        for name in ("a", "b"):
            daemon.add_disk(name, MIB)
        path = daemon.sockets / "both.nbd"
        for name in ("a", "b"):
            daemon.rpc("nbd_start_export", bdev_name=name, path=str(path))
        for wanted, status in ((b"a", TYPE_STATUS), (b"b", TYPE_ERROR)):
            with Haggler(path) as client:
                query = b"base:allocation"
                data = struct.pack(">I", 1) + wanted + struct.pack(">II", 1, len(query)) + query
                assert client.option(OPT_SET_META_CONTEXT, data)[-1][0] == REP_ERR_INVALID
                assert client.option(OPT_STRUCTURED_REPLY)[-1][0] == REP_ACK
                assert len(client.option(OPT_SET_META_CONTEXT, data)) == 2
                assert client.option(OPT_GO, go_data("a"))[-1][0] == REP_ACK
                client.sock.sendall(request_bytes(CMD_BLOCK_STATUS, 0, MIB))
                kind = struct.unpack(">IHHQI", client.receive(20))[2]
                assert kind == status, (wanted, kind)


@test
def libnbd_reads_and_writes_an_odd_length():
    python = "/usr/bin/python3"
    if run_command([python, "-c", "import nbd"]).returncode != 0:
        raise Skip("Debian's python3-libnbd is not installed")
    script = """
import nbd, sys
h = nbd.NBD()
h.connect_uri(sys.argv[1])
data = open(sys.argv[2], "rb").read()
h.pwrite(data, 123)
h.flush()
assert h.pread(len(data), 123) == data
h.zero(1001, 200)
assert h.pread(1003, 199) == data[76:77] + bytes(1001) + data[1078:1079]
h.shutdown()
"""
    with served() as (daemon, _, path):
        source = daemon.folder / "odd"
        source.write_bytes(os.urandom(3 * MIB + 777))
        check_command([python, "-c", script, nbd_uri(path, "disk"), source])


run()
