#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The NBD exporter: the handshake, and requests from real clients and from awkward ones."""

import contextlib
import json
import os
import random
import struct
import subprocess
import threading
import time

from harness import (
    Daemon,
    Skip,
    check_command,
    nbd_uri,
    need_program,
    run,
    run_command,
    test,
    wait_for,
)
from nbd_client import (
    CMD_FLAG_FUA,
    CMD_FLUSH,
    CMD_READ,
    CMD_WRITE,
    FLAG_FIXED_NEWSTYLE,
    FLAG_NO_ZEROES,
    MAGIC_OPTION,
    OPT_GO,
    REP_ACK,
    NbdClient,
)
from nbd_peer import (
    CMD_TRIM,
    CMD_WRITE_ZEROES,
    DISK,
    EINVAL,
    ENOSPC,
    EPERM,
    FLAG_READ_ONLY,
    FLAG_SEND_FLUSH,
    FLAG_SEND_FUA,
    FLAG_SEND_TRIM,
    FLAG_SEND_WRITE_ZEROES,
    KIB,
    MIB,
    OPT_ABORT,
    OPT_EXTENDED_HEADERS,
    OPT_INFO,
    OPT_LIST,
    OPT_STARTTLS,
    OPT_STRUCTURED_REPLY,
    REP_ERR_INVALID,
    REP_ERR_TOO_BIG,
    REP_ERR_UNKNOWN,
    REP_ERR_UNSUP,
    REP_INFO,
    REP_SERVER,
    REQUEST_MAX,
    Haggler,
    assert_no_kernel_workers,
    assert_serves,
    assert_serves_beside,
    fewest_sockets,
    go_data,
    nothing_left_behind,
    request_bytes,
    resident_kib,
    served,
    the_export,
)

# The handshake.


@test
def nbdinfo_sees_the_export():
    need_program("nbdinfo")
    with served() as (_, _, path):
        info = json.loads(check_command(["nbdinfo", "--json", nbd_uri(path, "disk")]).stdout)
        export = info["exports"][0]
        assert export["export-size"] == DISK
        assert export["block_size_minimum"] == 1, export
        assert export["block_size_preferred"] == 4096, export
        assert export["block_size_maximum"] == REQUEST_MAX, export
        assert export["can_flush"] and export["can_fua"] and export["can_multi_conn"], export
        assert not export["is_read_only"] and export["can_df"] and export["can_cache"], export
        assert export["description"] == "bdev disk of ebb (uring)", export
        assert export["contexts"] == ["base:allocation"], export


@test
def exports_share_an_address_and_are_chosen_by_name():
    with Daemon() as daemon:
        daemon.add_disk("a", 8 * MIB)
        daemon.add_disk("b", 16 * MIB)
        path = daemon.sockets / "both.nbd"
        assert daemon.rpc("nbd_start_export", bdev_name="a", path=str(path)) == "a"
        name = daemon.rpc("nbd_start_export", bdev_name="b", path=str(path), export_name="bee")
        assert name == "bee"
        with Haggler(path) as haggler:
            replies = haggler.option(OPT_LIST)
            assert replies[:-1] == [
                (REP_SERVER, struct.pack(">I", 1) + b"abdev a of ebb (uring)"),
                (REP_SERVER, struct.pack(">I", 3) + b"beebdev b of ebb (uring)"),
            ], replies
            kind, text = haggler.option(OPT_GO, go_data("nobody"))[-1]
            assert kind == REP_ERR_UNKNOWN and text, (kind, text)
            assert haggler.option(OPT_INFO, go_data("bee"))[-1][0] == REP_ACK
            assert haggler.option(OPT_GO, go_data("bee"))[-1][0] == REP_ACK
        for asked, size in (("a", 8 * MIB), ("bee", 16 * MIB), ("", 8 * MIB)):
            with NbdClient(path, asked) as client:
                assert client.size == size, (asked, client.size)
        daemon.rpc("nbd_stop_export", bdev_name="a")
        assert path.exists()
        with NbdClient(path, "") as client:
            assert client.size == 16 * MIB
        daemon.rpc("nbd_stop_export", export_name="bee")
        assert not path.exists()


@test
def export_name_is_answered_in_the_old_form():
    with served() as (_, _, path):
        for flags, zeroes in ((FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES, 0), (0, 124)):
            with Haggler(path, flags=flags) as haggler:
                haggler.ask_export_name(b"disk")
                size, _ = struct.unpack(">QH", haggler.receive(10))
                assert size == DISK
                assert haggler.receive(zeroes) == bytes(zeroes)
                haggler.sock.sendall(request_bytes(CMD_READ, 0, 512, cookie=9))
                assert struct.unpack(">IIQ", haggler.receive(16))[1:] == (0, 9)
                assert haggler.receive(512) == bytes(512)
        with Haggler(path) as haggler:
            haggler.ask_export_name(b"nobody")
            assert haggler.closed()


@test
def options_are_refused_one_by_one():
    with served() as (daemon, _, path):
        with Haggler(path) as haggler:
            for option in (OPT_STARTTLS, OPT_EXTENDED_HEADERS, 4711):
                assert haggler.option(option)[-1][0] == REP_ERR_UNSUP
            assert haggler.option(OPT_LIST, b"data")[-1][0] == REP_ERR_INVALID
            assert haggler.option(OPT_GO, b"\xff\xff\xff\xff__")[-1][0] == REP_ERR_INVALID
            assert haggler.option(OPT_GO, bytes(100_000))[-1][0] == REP_ERR_TOO_BIG
            replies = haggler.option(OPT_GO, go_data("disk", (1, 3, 2)))
            kinds = [struct.unpack(">H", d[:2])[0] for kind, d in replies if kind == REP_INFO]
            assert kinds == [0, 3, 1, 2], kinds
            assert replies[2][1][2:] == b"disk"
        with Haggler(path) as haggler:
            assert haggler.option(OPT_ABORT) == [(REP_ACK, b"")]
            assert haggler.closed()
        wait_for(lambda: the_export(daemon)["clients"] == 0, "all have gone")


@test
def the_handshake_may_come_byte_by_byte_or_all_at_once():
    whole = struct.pack(">I", FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)
    whole += struct.pack(">QII", MAGIC_OPTION, OPT_STRUCTURED_REPLY, 0)
    data = go_data("disk")
    whole += struct.pack(">QII", MAGIC_OPTION, OPT_GO, len(data)) + data
    whole += request_bytes(CMD_READ, 0, 512)
    with served() as (_, _, path):
        for step in (1, len(whole)):
            with Haggler(path, flags=None) as haggler:
                for at in range(0, len(whole), step):
                    haggler.sock.sendall(whole[at : at + step])
                # an acknowledgement, two infos, the acknowledgement, and the reply in one chunk
                assert struct.unpack(">QIII", haggler.receive(20))[2:] == (REP_ACK, 0)
                haggler.receive(20 + 12 + 20 + 14 + 20)
                chunk = struct.unpack(">IHHQIQ", haggler.receive(28))
                assert chunk == (0x668E33EF, 1, 1, 1, 8 + 512, 0), chunk
                assert haggler.receive(512) == bytes(512)


@test
def what_is_not_nbd_is_hung_up_on():
    with served() as (daemon, _, path):
        before = fewest_sockets(daemon)
        http = b"GET / HTTP/1.1\r\n\r\n" * 4
        for rubbish in (http, b"\xff" * 100, struct.pack(">I", 3) + b"x" * 64):
            with Haggler(path, flags=None) as haggler:
                haggler.sock.sendall(rubbish)
                assert haggler.closed()
        with NbdClient(path, "disk") as client:
            client.sock.sendall(b"this is no request, it is 28+ bytes")
            with contextlib.suppress(ConnectionError):
                assert client.sock.recv(1) == b""
        wait_for(lambda: fewest_sockets(daemon) <= before, "their sockets are closed")
        assert_serves(daemon, path)


# Requests.


@test
def data_arrives_in_the_file():
    need_program("nbdcopy")
    with served() as (daemon, image, path):
        source = daemon.folder / "source"
        source.write_bytes(os.urandom(DISK))
        check_command(["nbdcopy", "--flush", source, nbd_uri(path, "disk")])
        check_command(["cmp", source, image])
        assert_no_kernel_workers(daemon)


@test
def qemu_writes_and_verifies():
    need_program("qemu-io")
    with served() as (_, image, path):
        uri = nbd_uri(path, "disk")
        commands = ["write -P 0xa5 4k 1M", "write -f -P 0x5a 2M 64k", "flush", "read -P 0xa5 4k 1M"]
        commands += ["read -P 0x5a 2M 64k", "write -z 4k 8k", "read -P 0 4k 8k"]
        arguments = [word for command in commands for word in ("-c", command)]
        done = check_command(["qemu-io", "-f", "raw", *arguments, uri])
        assert "failed" not in done.stdout, done.stdout
        with open(image, "rb") as file:
            file.seek(2 * MIB)
            assert file.read(64 * KIB) == b"\x5a" * 64 * KIB
            file.seek(4 * KIB)
            assert file.read(8 * KIB) == bytes(8 * KIB)
            assert file.read(64 * KIB) == b"\xa5" * 64 * KIB


@test
def qemu_img_converts_to_it_and_back():
    need_program("qemu-img")
    with served() as (daemon, image, path):
        source = daemon.folder / "source"
        source.write_bytes(os.urandom(20 * MIB) + bytes(20 * MIB) + os.urandom(DISK - 40 * MIB))
        uri = nbd_uri(path, "disk")
        check_command(["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, uri])
        check_command(["cmp", source, image])
        check_command(["qemu-img", "compare", "-f", "raw", "-F", "raw", source, uri])


@test
def libnbd_from_python():
    python = "/usr/bin/python3"
    if run_command([python, "-c", "import nbd"]).returncode != 0:
        raise Skip("Debian's python3-libnbd is not installed")
    script = """
import nbd, sys
h = nbd.NBD()
h.connect_uri(sys.argv[1])
buf = bytes(range(256)) * 16
h.pwrite(buf, 8192, nbd.CMD_FLAG_FUA)
assert h.pread(4096, 8192) == buf
h.flush()
h.set_strict_mode(0)
for offset, length in ((h.get_size() - 1, 2), (h.get_size(), 512)):
    try:
        h.pread(length, offset)
        raise SystemExit("no error")
    except nbd.Error as caught:
        assert caught.errno == "EINVAL", caught.errno
assert h.pread(4096, 8192) == buf
h.shutdown()
"""
    with served() as (_, _, path):
        check_command([python, "-c", script, nbd_uri(path, "disk")])


@test
def fio_verifies_what_it_wrote():
    need_program("fio")
    if "nbd" not in run_command(["fio", "--enghelp"]).stdout:
        raise Skip("this fio has no NBD engine")
    with served() as (daemon, _, path):
        uri = nbd_uri(path, "disk")
        command = ["fio", "--name=t", "--ioengine=nbd", f"--uri={uri}", "--rw=randwrite"]
        command += ["--bs=4k-64k", "--iodepth=32", "--size=48m", "--verify=crc32c", "--randrepeat=0"]
        command += ["--output=/dev/null", "--verify_state_save=0"]
        fio = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while fio.poll() is None:
            assert_no_kernel_workers(daemon)
            time.sleep(0.05)
        assert fio.returncode == 0, fio.stderr.read()
        fio.stderr.close()


@test
def many_requests_are_in_flight_and_each_gets_its_own_data():
    for mode in ("interrupt", "poll"):
        with served(mode=mode) as (_, image, path):
            content = os.urandom(8 * MIB)
            with open(image, "r+b") as file:
                file.write(content)
            with NbdClient(path, "disk") as client:
                rng = random.Random(7)
                for _ in range(4):
                    offsets = rng.sample(range(0, 8 * MIB, 4096), 300)
                    ranges = [(at, rng.choice((512, 4096))) for at in offsets]
                    for offset, data in client.read_many(ranges).items():
                        assert data == content[offset : offset + len(data)], offset


@test
def a_client_that_reads_late_is_held_up_and_loses_nothing():
    """1,000 reads of 256 KiB are asked for before the first reply is taken: 250 MiB."""
    with served() as (daemon, image, path):
        content = os.urandom(4 * MIB)
        with open(image, "r+b") as file:
            file.write(content)
        count, size = 1000, 256 * KIB
        with NbdClient(path, "disk", timeout=60.0) as client:
            asked = b"".join(
                request_bytes(CMD_READ, n * size % (4 * MIB), size, cookie=n) for n in range(count)
            )
            sender = threading.Thread(target=client.sock.sendall, args=(asked,))
            sender.start()
            # Held up: what it asks for does not pile up here; the bound is 8 MiB of buffers.
            wait_for(lambda: resident_kib(daemon) > 8 * KIB, "its buffers are full")
            assert resident_kib(daemon) < 24 * KIB, resident_kib(daemon)
            seen = set()
            for _ in range(count):
                cookie, error = client.reply()
                assert error == 0
                at = cookie * size % (4 * MIB)
                assert client.receive(size) == content[at : at + size], cookie
                seen.add(cookie)
            sender.join()
            assert len(seen) == count
            assert resident_kib(daemon) < 24 * KIB, resident_kib(daemon)
        assert_no_kernel_workers(daemon)


@test
def the_longest_requests_pass_and_longer_ones_do_not():
    with served(size=96 * MIB) as (daemon, image, path):
        data = os.urandom(REQUEST_MAX)
        with NbdClient(path, "disk", timeout=60.0) as client:
            client.write(MIB, data)
            assert client.read(MIB, REQUEST_MAX) == data
            with open(image, "rb") as file:
                file.seek(MIB)
                assert file.read(REQUEST_MAX) == data
            odd = 3 * MIB + 512
            client.write(0, data[:odd])
            assert client.read(0, odd) == data[:odd]
            for command in (CMD_READ, CMD_WRITE):
                payload = bytes(REQUEST_MAX + 512) if command == CMD_WRITE else b""
                sent = client.send(command, 0, REQUEST_MAX + 512, payload)
                assert client.reply() == (sent, EINVAL)
            assert client.read(0, odd) == data[:odd]
        assert_no_kernel_workers(daemon)


@test
def bad_requests_get_an_error_and_the_connection_stays():
    with served() as (_, image, path):
        with NbdClient(path, "disk") as client:
            cases = [
                (CMD_READ, DISK - 1, 2, 0, b"", EINVAL),
                (CMD_READ, 0, 0, 0, b"", EINVAL),
                (CMD_READ, DISK, 512, 0, b"", EINVAL),
                (CMD_READ, DISK - 512, 1024, 0, b"", EINVAL),
                (CMD_READ, 2**64 - 512, 1024, 0, b"", EINVAL),
                (CMD_READ, 0, 512, 0x80, b"", EINVAL),
                (CMD_WRITE, DISK - 1, 2, 0, b"ww", ENOSPC),
                (CMD_WRITE, DISK, 512, 0, b"w" * 512, ENOSPC),
                (CMD_WRITE, DISK - 512, 70_000, 0, b"w" * 70_000, ENOSPC),
                (CMD_WRITE, 0, 512, 0x40, b"w" * 512, EINVAL),
                (CMD_FLUSH, 512, 0, 0, b"", EINVAL),
                (5, 512, DISK, 0, b"", EINVAL),
                (7, 0, 512, 0, b"", EINVAL),
                (99, 0, 512, 0, b"", EINVAL),
            ]
            for command, offset, length, flags, data, error in cases:
                sent = client.send(command, offset, length, data, flags)
                assert client.reply() == (sent, error), (command, offset, length)
            # All at once, good ones between them.
            sent = {}
            for command, offset, length, flags, data, error in cases:
                sent[client.send(command, offset, length, data, flags)] = error
                sent[client.send(CMD_WRITE, 4096, 4096, b"g" * 4096)] = 0
            for _ in range(len(sent)):
                cookie, error = client.reply()
                assert sent.pop(cookie) == error, cookie
        with open(image, "rb") as file:
            assert b"w" not in file.read(MIB)


@test
def flush_and_fua_are_answered():
    with served() as (_, image, path):
        with NbdClient(path, "disk") as client:
            assert client.flags & FLAG_SEND_FLUSH and client.flags & FLAG_SEND_FUA
            client.write(0, b"f" * 4096, fua=True)
            client.flush()
            block = b"f" * 4096
            sent = {client.send(CMD_WRITE, n * 4096, 4096, block, CMD_FLAG_FUA) for n in range(64)}
            sent |= {client.send(CMD_FLUSH, 0, 0) for _ in range(64)}
            while sent:
                cookie, error = client.reply()
                assert error == 0
                sent.remove(cookie)
        with open(image, "rb") as file:
            assert file.read(64 * 4096) == b"f" * 64 * 4096


@test
def trim_and_write_zeroes_do_as_advertised():
    with served() as (_, image, path):
        with NbdClient(path, "disk") as client:
            client.write(0, b"z" * MIB)
            commands = [(FLAG_SEND_WRITE_ZEROES, CMD_WRITE_ZEROES), (FLAG_SEND_TRIM, CMD_TRIM)]
            for flag, command in commands:
                sent = client.send(command, 64 * KIB, 128 * KIB)
                cookie, error = client.reply()
                assert cookie == sent
                assert error == (0 if client.flags & flag else EINVAL), (command, error)
                sent = client.send(command, 0, 100)
                assert client.reply() == (sent, 0)
            if client.flags & FLAG_SEND_WRITE_ZEROES:
                # What is trimmed of less than a block stays.
                expected = bytes(100) + b"z" * (64 * KIB - 100)
                expected += bytes(128 * KIB) + b"z" * 64 * KIB
                assert client.read(0, 256 * KIB) == expected
                sent = client.send(CMD_WRITE_ZEROES, 0, DISK, flags=CMD_FLAG_FUA)
                assert client.reply() == (sent, 0)
                assert client.read(0, MIB) == bytes(MIB)


@test
def a_read_only_export_refuses_writes():
    with Daemon() as daemon:
        daemon.add_disk("disk", DISK)
        path = daemon.sockets / "ro.nbd"
        daemon.rpc("nbd_start_export", bdev_name="disk", path=str(path), read_only=True)
        assert the_export(daemon)["read_only"] is True
        with NbdClient(path, "disk") as client:
            assert client.flags & FLAG_READ_ONLY
            sent = client.send(CMD_WRITE, 0, 100_352, bytes(100_352))
            assert client.reply() == (sent, EPERM)
            assert client.read(0, 512) == bytes(512)


@test
def a_bdev_that_cannot_be_written_to_is_read_only():
    with Daemon() as daemon:
        disk, path = daemon.disk("disk.img", DISK), daemon.sockets / "ro.nbd"
        daemon.rpc("bdev_uring_create", name="disk", filename=str(disk), readonly=True)
        export = ("nbd_start_export", "bdev_name=disk", f"path={path}")
        done = daemon.ebbctl(*export, "read_only=false", check=False)
        assert done.returncode != 0 and "disk cannot be written to" in done.stderr, done
        daemon.ebbctl(*export)
        assert the_export(daemon)["read_only"] is True


@test
def sixteen_clients_at_once():
    with served() as (daemon, image, path):
        failures = []

        def work(number):
            try:
                rng = random.Random(number)
                base = number * 4 * MIB
                model = bytearray(4 * MIB)
                with NbdClient(path, "disk", timeout=60.0) as client:
                    for _ in range(150):
                        length = rng.choice((512, 4096, 65536))
                        at = rng.randrange(0, 4 * MIB - length, 512)
                        if rng.random() < 0.6:
                            data = rng.randbytes(length)
                            client.write(base + at, data)
                            model[at : at + length] = data
                        else:
                            assert client.read(base + at, length) == model[at : at + length]
                    client.flush()
                    client.disconnect()
                with open(image, "rb") as file:
                    file.seek(base)
                    assert file.read(4 * MIB) == model
            except Exception as error:  # reported by the test below
                failures.append((number, error))

        with nothing_left_behind(daemon):
            threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
            for thread in threads:
                thread.start()
            wait_for(lambda: the_export(daemon)["clients"] > 1, "some are connected")
            for thread in threads:
                thread.join()
        assert not failures, failures
        assert_no_kernel_workers(daemon)


@test
def a_slow_client_is_no_burden():
    """A payload that dribbles in small pieces, hundreds of them, between good clients."""
    with served() as (daemon, _, path):
        data = os.urandom(64 * KIB)
        with NbdClient(path, "disk") as slow:
            slow.sock.sendall(request_bytes(CMD_WRITE, MIB, len(data), cookie=5))
            for at in range(0, len(data), 128):
                slow.sock.sendall(data[at : at + 128])
                if at % (16 * KIB) == 0:
                    assert_serves_beside(path)
            assert slow.reply() == (5, 0)
            assert slow.read(MIB, len(data)) == data
        assert_no_kernel_workers(daemon)


run()
