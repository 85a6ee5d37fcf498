#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ebbd needs fails or is short: clients are told, ebbd lives on, and people can see why."""

import contextlib
import errno
import json
import os
import re
import resource
import subprocess

from harness import BUILD, Daemon, Skip, check_command, run, run_command, test, wait_for
from nbd_client import NbdClient, NbdError
from nbd_peer import DISK, served


def error_of(call, *args):
    """The errno that a request was answered with."""
    try:
        call(*args)
    except NbdError as error:
        return error.code
    raise AssertionError("the request has not failed")


@test
def a_file_that_was_truncated_fails_reads_and_the_status_says_so():
    with served() as (daemon, image, path), NbdClient(path, "disk") as client:
        client.write(0, b"x" * 4096)
        assert "failed" not in daemon.ebbctl("status").stdout
        os.truncate(image, 8192)
        assert error_of(client.read, DISK - 4096, 4096) == errno.EIO
        assert error_of(client.read, DISK - 8192, 4096) == errno.EIO
        assert client.read(0, 4096) == b"x" * 4096
        assert "\n  failed: 2 read\n" in daemon.ebbctl("status").stdout
        told = f"disk: read of 8 blocks at {DISK // 512 - 8} has failed: '{image}' has become"
        assert told in daemon.log() and "it has 8192 bytes" in daemon.log(), daemon.log()
        stat = daemon.rpc("bdev_get_iostat", name="disk")["bdevs"][0]
        assert stat["io_error"] == {"read": 2}, stat


@contextlib.contextmanager
def folder_only():
    """A daemon that is not started, for its folder."""
    daemon = Daemon(wait=None)
    try:
        yield daemon
    finally:
        daemon.remove()


@contextlib.contextmanager
def small_file_system(size):
    """A folder that holds so many bytes."""
    with folder_only() as place:
        folder = place.folder / "small"
        folder.mkdir()
        done = run_command(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder])
        if done.returncode != 0:
            raise Skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            check_command(["umount", "--lazy", folder])


@test
def a_full_file_system_fails_writes_and_the_rest_goes_on():
    with small_file_system(4 << 20) as folder, Daemon() as daemon:
        disk = folder / "disk.img"
        with open(disk, "wb") as file:
            file.truncate(DISK)
        daemon.rpc("bdev_uring_create", name="disk", filename=str(disk))
        with NbdClient(daemon.add_export("disk"), "disk") as client:
            client.write(0, b"a" * 65536)
            assert error_of(client.write, 0, b"b" * (8 << 20)) == errno.ENOSPC
            assert error_of(client.write, 8 << 20, b"c" * 65536) == errno.ENOSPC
            # What has its place already can be written and read.
            client.write(0, b"d" * 65536)
            assert client.read(0, 65536) == b"d" * 65536
            client.flush()
        told = rf"disk: write of \d+ blocks at \d+ has failed: '{disk}' says: No space left"
        assert re.search(told, daemon.log()), daemon.log()
        # The long one reached the disk in parts, some of which had room.
        assert re.search(r"\n  failed: [2-9] write\n", daemon.ebbctl("status").stdout)


def start_limited(place, soft, hard):
    """ebbd with such a limit of descriptors: its process, and where its log is."""
    log = place.folder / "log"
    with open(log, "wb") as stderr:
        process = subprocess.Popen(
            [BUILD / "ebbd", "--rpc-socket", place.rpc_socket],
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        )
    return process, log


@test
def with_few_descriptors_it_runs_or_says_what_it_lacks():
    ran = refused = 0
    for limit in range(5, 32):
        with folder_only() as place:
            process, log = start_limited(place, limit, limit)
            try:
                wait_for(
                    lambda: process.poll() is not None or "state: running" in log.read_text(),
                    "it runs or ends",
                )
                text = log.read_text()
                if process.poll() is None:
                    process.terminate()
                    assert process.wait(10.0) == 0, (limit, log.read_text())
                    ran += 1
                else:
                    assert process.returncode == 1, (limit, process.returncode, text)
                    assert "Too many open files" in text or "RLIMIT_NOFILE" in text, (limit, text)
                    assert "[err]" not in text, (limit, text)
                    assert not place.rpc_socket.exists(), limit
                    refused += 1
            finally:
                process.kill()
                process.wait()
    assert ran > 0 and refused > 0, (ran, refused)


@test
def a_soft_limit_of_descriptors_is_raised():
    with folder_only() as place:
        process, log = start_limited(place, 16, 512)
        try:
            wait_for(lambda: "state: running" in log.read_text(), "it runs")
            assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (512, 512)
        finally:
            process.kill()
            process.wait()


@test
def output_that_cannot_be_written_is_a_failure():
    for program in ("ebbd", "ebbctl", "ebb-bench"):
        for option in ("--help", "--version"):
            with open("/dev/full", "wb") as full:
                command = [BUILD / program, option]
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
            assert done.returncode == 1, (command, done)
            assert b"cannot write the output: No space left on device" in done.stderr, done


@test
def what_was_meant_for_a_closed_stream_gets_nowhere_else():
    with folder_only() as place:
        disk = place.disk("disk.img", DISK)
        config = place.folder / "c.json"
        params = {"name": "disk", "filename": str(disk)}
        entries = [{"method": "bdev_uring_create", "params": params}]
        config.write_text(
            json.dumps({"subsystems": [{"subsystem": "bdev", "config": entries}]})
        )
        command = f'exec "{BUILD}/ebbd" --rpc-socket "{place.rpc_socket}" --json "{config}"'
        process = subprocess.Popen(["sh", "-c", command + " <&- >&- 2>&-"])
        try:
            wait_for(lambda: is_running(place), "it runs")
            null = {os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)}
            assert null == {"/dev/null"}, null
            done = run_command(
                ["sh", "-c", f'"{BUILD}/ebbctl" -s "{place.rpc_socket}" status >&-']
            )
            assert done.returncode == 1 and "cannot write the output" in done.stderr, done
            process.terminate()
            assert process.wait(10.0) == 0
        finally:
            process.kill()
            process.wait()


def is_running(place):
    with contextlib.suppress(OSError, EOFError):
        return place.rpc("framework_get_state")["state"] == "running"
    return False


run()
