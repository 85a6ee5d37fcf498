#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people expect of a disk that is a file: it stays thin, it grows, and what becomes of it is
told to the client whom it hits and to nobody else."""

import contextlib
import errno
import os
import resource
import subprocess
import tempfile
from pathlib import Path

from harness import (
    BUILD,
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
from nbd_client import CMD_READ, CMD_WRITE, NbdClient, NbdError
from nbd_peer import CMD_TRIM, CMD_WRITE_ZEROES, DISK, MIB
from quiet import assert_quiet

EMPTY = 256 * MIB
SLACK = 64 << 10  # what a filesystem takes for itself


def error_of(call, *args):
    """The errno that a request was answered with."""
    try:
        call(*args)
    except NbdError as error:
        return error.code
    raise AssertionError("the request has not failed")


def change(client, command, offset, length):
    """Zeroes, or a trim."""
    cookie, error = client.send(command, offset, length), None
    answered, error = client.reply()
    assert answered == cookie
    if error:
        raise NbdError(f"command {command}", error)


def allocated(path):
    """Bytes that the file takes up."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
        return os.fstat(fd).st_blocks * 512
    finally:
        os.close(fd)


@contextlib.contextmanager
def scratch():
    parent = BUILD / "tests" / "run"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="files-", dir=parent) as folder:
        yield Path(folder)


@contextlib.contextmanager
def mounted(kind, size=600 * MIB):
    """A new filesystem of that kind, empty."""
    with scratch() as place:
        folder = place / "mounted"
        folder.mkdir()
        if kind == "tmpfs":
            commands = [["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]]
        elif kind == "overlay":
            layers = {name: place / name for name in ("lowerdir", "upperdir", "workdir")}
            for layer in layers.values():
                layer.mkdir()
            options = ",".join(f"{name}={path}" for name, path in layers.items())
            commands = [["mount", "-t", "overlay", "none", "-o", options, folder]]
        else:
            need_program(f"mkfs.{kind}")
            image = place / "image"
            image.touch()
            os.truncate(image, size)
            commands = [
                [f"mkfs.{kind}", "-q", image],
                ["mount", "-t", kind, "-o", "loop", image, folder],
            ]
        for command in commands:
            done = run_command(command)
            if done.returncode != 0:
                raise Skip(f"no {kind} can be mounted here: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            check_command(["umount", "--lazy", folder])


@contextlib.contextmanager
def loop_device(path):
    """The file as a block device; given up at once, so it goes with the last who has it open."""
    done = run_command(["losetup", "--find", "--show", path])
    if done.returncode != 0:
        raise Skip(f"no loop device is to be had: {done.stderr.strip()}")
    device = done.stdout.strip()
    with open(device, "rb"):
        check_command(["losetup", "--detach", device])
        yield device


def sparse(path, size):
    path.touch()
    os.truncate(path, size)
    return path


def add_export(daemon, filename, name="disk", **params):
    """A bdev of that file, and its export; the socket's path."""
    daemon.rpc("bdev_uring_create", name=name, filename=str(filename), **params)
    return daemon.add_export(name)


def copies_stay_thin(daemon, target, backing, **params):
    """Copies of an empty image into @target leave nothing in @backing; of one with data only that."""
    path = add_export(daemon, target, **params)
    uri = nbd_uri(path, "disk")
    empty = sparse(daemon.folder / "empty.img", EMPTY)
    some = sparse(daemon.folder / "some.img", EMPTY)
    with open(some, "r+b") as file:
        for offset in (0, 100 * MIB, EMPTY - MIB):
            file.seek(offset)
            file.write(os.urandom(MIB))
    for copy in (["nbdcopy", "--flush"], ["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw"]):
        check_command([*copy, some, uri])
        assert 3 * MIB <= allocated(backing) <= 4 * MIB + SLACK, (copy, allocated(backing))
        check_command(["qemu-img", "compare", "-f", "raw", "-F", "raw", some, uri])
        check_command([*copy, empty, uri])
        assert allocated(backing) <= SLACK, (copy, allocated(backing))
        check_command(["qemu-img", "compare", "-f", "raw", "-F", "raw", empty, uri])
    daemon.rpc("bdev_uring_delete", name="disk")


def copies_stay_thin_on(kind):
    need_program("nbdcopy")
    need_program("qemu-img")
    with mounted(kind) as folder, Daemon() as daemon:
        disk = sparse(folder / "disk.img", EMPTY)
        copies_stay_thin(daemon, disk, disk, direct=False)
        if kind != "tmpfs":
            copies_stay_thin(daemon, disk, disk)


@test
def copies_of_an_empty_image_stay_empty_on_ext4():
    copies_stay_thin_on("ext4")


@test
def copies_of_an_empty_image_stay_empty_on_xfs():
    copies_stay_thin_on("xfs")


@test
def copies_of_an_empty_image_stay_empty_on_btrfs():
    copies_stay_thin_on("btrfs")


@test
def copies_of_an_empty_image_stay_empty_on_tmpfs():
    copies_stay_thin_on("tmpfs")


@test
def copies_of_an_empty_image_stay_empty_on_overlayfs():
    copies_stay_thin_on("overlay")


@test
def copies_of_an_empty_image_stay_empty_behind_a_loop_device():
    need_program("nbdcopy")
    need_program("qemu-img")
    with Daemon() as daemon:
        backing = sparse(daemon.folder / "backing.img", EMPTY)
        with loop_device(backing) as device:
            copies_stay_thin(daemon, device, backing)


def num_blocks(daemon, name="disk"):
    return daemon.rpc("bdev_get_bdevs", name=name)[0]["num_blocks"]


def export_again(daemon, name):
    """One more export of the disk; its socket's path."""
    path = daemon.sockets / f"{name}.nbd"
    daemon.rpc("nbd_start_export", bdev_name="disk", path=str(path), export_name=name)
    return path


@test
def a_file_that_grows_is_noticed_and_watching_it_is_free():
    with Daemon() as daemon:
        path = daemon.add_disk("disk", DISK)
        export = daemon.add_export("disk")
        before = num_blocks(daemon)
        with NbdClient(export, "disk") as old:
            assert old.size == DISK
            assert_quiet(daemon)
            check_command(["truncate", "-s", str(2 * DISK), path])
            wait_for(lambda: num_blocks(daemon) == 2 * before, "the file's new size")
            with NbdClient(export, "disk") as new:  # whoever comes now, at the same export
                assert new.size == 2 * DISK, new.size
                new.write(2 * DISK - 4096, b"n" * 4096)
                assert new.read(2 * DISK - 4096, 4096) == b"n" * 4096
            old.write(0, b"o" * 4096)
            assert old.read(0, 4096) == b"o" * 4096
            assert_quiet(daemon)
        assert f"'{path}' has {2 * DISK} bytes now" in daemon.log(), daemon.log()
        # By truncate(2), which opens nothing: only who asks is told.
        os.truncate(path, 3 * DISK)
        assert daemon.rpc("bdev_aio_rescan", name="disk") is True
        assert num_blocks(daemon) == 3 * before
        os.truncate(path, DISK)
        assert daemon.rpc("bdev_uring_rescan", name="disk") is True
        with NbdClient(export, "disk") as shorter:
            assert shorter.size == DISK, shorter.size


@test
def a_long_read_across_the_new_end_is_not_filled_up_with_other_replies():
    with Daemon() as daemon:
        path = daemon.add_disk("disk", DISK)
        slow = {f"{which}_read_latency": 0 for which in ("avg", "p99")}
        slow |= {f"{which}_write_latency": 300000 for which in ("avg", "p99")}
        daemon.rpc("bdev_delay_create", base_bdev_name="disk", name="slow", **slow)
        with NbdClient(daemon.add_export("slow"), "slow") as client:
            os.truncate(path, 24 * MIB)
            assert daemon.rpc("bdev_uring_rescan", name="disk") is True
            client.send(CMD_WRITE, 0, 4096, b"w" * 4096)
            sent = client.send(CMD_READ, 0, 32 * MIB)
            assert client.reply() == (sent, 0)
            # It takes no more, and so the read has not come to the end when the write does.
            wait_for(
                lambda: daemon.rpc("bdev_get_iostat", name="slow")["bdevs"][0]["num_write_ops"],
                "the write's end",
            )
            assert_ends(client, 24 * MIB)


def assert_ends(client, most):
    """The server has hung up, and has sent zeroes before, so many bytes at most."""
    come = 0
    with contextlib.suppress(ConnectionResetError):
        while part := client.sock.recv(MIB):
            come += len(part)
            assert come <= most and not any(part), f"something else follows after {come} bytes"


@test
def a_loop_device_that_grows_is_noticed():
    with Daemon() as daemon:
        backing = sparse(daemon.folder / "backing.img", DISK)
        with loop_device(backing) as device:
            daemon.rpc("bdev_uring_create", name="disk", filename=device)
            os.truncate(backing, 2 * DISK)
            check_command(["losetup", "--set-capacity", device])
            wait_for(lambda: num_blocks(daemon) == 2 * DISK // 512, "the device's new size")
            with NbdClient(export_again(daemon, "new"), "new") as client:
                assert client.size == 2 * DISK
                client.write(2 * DISK - 4096, b"n" * 4096)
            daemon.rpc("bdev_uring_delete", name="disk")


@contextlib.contextmanager
def beside(daemon):
    """Another disk, whose client must notice nothing."""
    with NbdClient(add_export(daemon, daemon.disk("other.img", DISK), "other"), "other") as client:
        client.write(0, b"before" * 1024)
        yield
        client.write(8192, b"after." * 1024)
        client.flush()
        assert client.read(0, 6144) == b"before" * 1024
        assert client.read(8192, 6144) == b"after." * 1024


@test
def a_truncated_file_loses_what_it_has_lost_and_nothing_else():
    for direct in (True, False):
        with Daemon() as daemon, beside(daemon):
            image = daemon.disk("disk.img", DISK)
            with NbdClient(add_export(daemon, image, direct=direct), "disk") as client:
                client.write(0, b"k" * 8192)
                client.write(MIB, b"l" * 8192)
                os.truncate(image, 8192)
                assert error_of(client.read, MIB, 4096) == errno.EIO
                assert error_of(client.write, 2 * MIB, b"w" * 4096) == errno.EIO
                assert error_of(client.write, 4096, b"w" * 8192) == errno.EIO
                assert error_of(change, client, CMD_WRITE_ZEROES, 2 * MIB, 4096) == errno.EIO
                assert error_of(change, client, CMD_TRIM, 2 * MIB, 4096) == errno.EIO
                # No write has made it long again, with a hole where data was.
                assert os.path.getsize(image) == 8192
                assert error_of(client.read, MIB, 4096) == errno.EIO
                assert client.read(0, 4096) == b"k" * 4096
                client.write(0, b"m" * 8192)
                client.flush()
            told = f"'{image}' has become shorter: it has 8192 bytes"
            assert told in daemon.log(), daemon.log()


@test
def a_deleted_file_is_served_until_its_bdev_goes():
    with Daemon() as daemon, beside(daemon):
        image = daemon.disk("disk.img", DISK)
        with NbdClient(add_export(daemon, image), "disk") as client:
            client.write(0, b"a" * 4096)
            image.unlink()
            told = f"disk: '{image}' has been deleted or replaced"
            wait_for(lambda: told in daemon.log(), told)
            client.write(4096, b"b" * 4096)
            client.flush()
            assert client.read(0, 8192) == b"a" * 4096 + b"b" * 4096
        # The log's remedy is one.
        line = next(line for line in daemon.log().splitlines() if told in line)
        source = line.split("; cp ")[1].split(" ")[0]
        saved = daemon.folder / "saved.img"
        check_command(["cp", "--sparse=always", source, saved])
        with open(saved, "rb") as file:
            assert file.read(8192) == b"a" * 4096 + b"b" * 4096
        daemon.rpc("bdev_uring_delete", name="disk")


def a_full_disk(folder, room, **params):
    """The file has more blocks than there is room for on its filesystem."""
    with Daemon() as daemon, beside(daemon):
        disk = sparse(folder / "disk.img", 4 * room)
        with NbdClient(add_export(daemon, disk, **params), "disk") as client:
            client.write(0, b"a" * MIB)
            client.flush()
            offset, code = MIB, 0
            while code == 0 and offset < 4 * room:
                try:
                    client.write(offset, os.urandom(MIB))
                    offset += MIB
                except NbdError as error:
                    code = error.code
            assert code == errno.ENOSPC, (code, offset)
            # What has its place already is served, and room that is given up can be used again.
            client.write(0, b"b" * MIB)
            client.flush()
            assert client.read(0, MIB) == b"b" * MIB
            change(client, CMD_WRITE_ZEROES, MIB, offset - MIB)
            client.write(2 * room, b"c" * MIB)
            client.flush()
            assert client.read(0, MIB) == b"b" * MIB
            assert client.read(2 * room, MIB) == b"c" * MIB
        assert "No space left on device; make room on its filesystem" in daemon.log()
        assert "every flush fails" not in daemon.log(), daemon.log()


@test
def a_full_disk_is_told_to_who_writes_on_tmpfs():
    with mounted("tmpfs", 32 * MIB) as folder:
        a_full_disk(folder, 32 * MIB, direct=False)


@test
def a_full_disk_is_told_to_who_writes_on_ext4():
    with mounted("ext4", 64 * MIB) as folder:
        a_full_disk(folder, 64 * MIB)


@test
def a_full_disk_is_told_to_who_writes_on_ext4_through_the_cache():
    with mounted("ext4", 64 * MIB) as folder:
        a_full_disk(folder, 64 * MIB, direct=False)


class LimitedDaemon(Daemon):
    """May make no file longer than that, or write beyond it."""

    limit = 8 * MIB

    def start(self):
        command = [str(BUILD / "ebbd"), "--rpc-socket", str(self.rpc_socket), "--mode", self.mode]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                restore_signals=False,  # Python ignores SIGXFSZ, and so do its children then
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit,) * 2),
            )
        self.wait_state(self.wait)
        return self


@test
def a_limit_of_length_is_a_full_disk():
    for direct in (True, False):
        with LimitedDaemon() as daemon:
            image = daemon.disk("disk.img", DISK)
            with NbdClient(add_export(daemon, image, direct=direct), "disk") as client:
                client.write(0, b"a" * 4096)
                assert error_of(client.write, daemon.limit, b"b" * 4096) == errno.ENOSPC
                assert error_of(client.write, daemon.limit - 4096, b"b" * 8192) == errno.ENOSPC
                client.write(4096, b"c" * 4096)
                client.flush()
                assert client.read(0, 8192) == b"a" * 4096 + b"c" * 4096
            assert "; raise RLIMIT_FSIZE (ulimit -f, LimitFSIZE=)" in daemon.log(), daemon.log()


@test
def a_backing_device_that_fails_fails_alone():
    with Daemon() as daemon, beside(daemon):
        backing = sparse(daemon.folder / "backing.img", DISK)
        with loop_device(backing) as device:
            with NbdClient(add_export(daemon, device), "disk") as client:
                client.write(0, b"a" * 4096)
                client.write(MIB, b"a" * 4096)
                client.flush()
                # Behind the kernel's back, which knows nothing of it: its driver's I/O fails.
                os.truncate(backing, 4096)
                assert error_of(client.read, MIB, 4096) == errno.EIO
                assert client.read(0, 4096) == b"a" * 4096
            assert "disk: read of 8 blocks at 2048 has failed:" in daemon.log(), daemon.log()
            daemon.rpc("bdev_uring_delete", name="disk")


@test
def a_detached_loop_device_is_served_until_its_bdev_goes():
    with Daemon() as daemon, beside(daemon):
        backing = sparse(daemon.folder / "backing.img", DISK)
        with loop_device(backing) as device:
            export = add_export(daemon, device)
        # Only the bdev has it open now, and it has been detached.
        with NbdClient(export, "disk") as client:
            client.write(0, b"a" * 4096)
            client.flush()
            assert client.read(0, 4096) == b"a" * 4096
        with open(backing, "rb") as file:
            assert file.read(4096) == b"a" * 4096
        daemon.rpc("bdev_uring_delete", name="disk")
        wait_for(
            lambda: str(backing) not in check_command(["losetup", "--list"]).stdout,
            "the device is gone",
        )


@test
def a_file_that_ends_within_a_block_is_served_whole():
    with Daemon() as daemon:
        image = daemon.disk("disk.img", 10000)
        with open(image, "r+b") as file:
            file.write(b"x" * 10000)
        done = daemon.ebbctl(
            "bdev_uring_create", "name=disk", f"filename={image}", "block_size=4096", check=False
        )
        assert done.returncode != 0
        assert "truncate -s 12288 FILE, or give direct=false" in done.stderr, done.stderr
        export = add_export(daemon, image, direct=False, block_size=4096)
        with NbdClient(export, "disk") as client:
            assert client.size == 12288
            assert client.read(8192, 4096) == b"x" * 1808 + bytes(2288)
            assert os.path.getsize(image) == 10000
            client.write(8192, b"y" * 4096)
            assert os.path.getsize(image) == 12288


run()
