#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Short of what the machine gives: an error with its remedy and exit code 1, or service."""

import contextlib
import errno
import json
import os
import random
import resource
import socket
import subprocess

from harness import BUILD, Daemon, RpcError, Skip, run, run_command, test, wait_for
from limited import Limited, config_of, ended, folder_only, is_running, limits, small_file_system
from nbd_client import CMD_READ, NbdClient, NbdError

MIB = 1 << 20
NOBODY = 65534
# With an address sanitizer it takes terabytes of addresses, and more stack.
SANITIZED = b"__asan_init" in (BUILD / "ebbd").read_bytes()


@test
def with_few_descriptors_it_serves_or_says_which_limit():
    outcomes = set()
    for config in (False, True):
        for limit in range(4, 41):
            with folder_only() as place:
                apply = limits(NOFILE=limit)
                with Limited(place, config=config, preexec_fn=apply) as ebbd:
                    if ebbd.code is not None and "shared libraries" not in ebbd.text:
                        ebbd.check_refused("RLIMIT_NOFILE", "Too many open files")
                    outcomes.add(ebbd.code)
                ebbd.left_nothing()
                assert limit < 32 or ebbd.code is None, (limit, ebbd.text)
    assert outcomes <= {None, 1, 127} and {None, 1} <= outcomes, outcomes


def greets(path):
    with contextlib.suppress(OSError, EOFError), NbdClient(path, "m") as client:
        return len(client.read(0, 512)) == 512
    return False


@test
def with_twenty_two_descriptors_a_disk_in_memory_is_served():
    """Sixty clients at once, three times: one is served before and after, and RPC amid them."""
    with folder_only() as place:
        socket_path = place.sockets / "m.nbd"
        entries = json.loads(config_of(place).read_text())["subsystems"]
        del entries[0]["config"][1]  # the file
        config = place.folder / "memory.json"
        config.write_text(json.dumps({"subsystems": entries}))
        with Limited(place, "--json", config, preexec_fn=limits(NOFILE=22)) as ebbd:
            assert ebbd.code is None, ebbd.text
            wait_for(lambda: greets(socket_path), "nobody is served", 5)
            for _ in range(3):
                with contextlib.ExitStack() as stack:
                    for _ in range(60):
                        client = stack.enter_context(socket.socket(socket.AF_UNIX))
                        client.setblocking(False)
                        with contextlib.suppress(OSError):
                            client.connect(str(socket_path))
                    assert is_running(place)
                wait_for(lambda: greets(socket_path), "nobody is served again", 1)
            assert is_running(place)
            assert ebbd.text.count("m.nbd: client") <= 1, ebbd.text


@test
def with_24_descriptors_an_export_has_a_client():
    with folder_only() as place, Limited(place, preexec_fn=limits(NOFILE=24)) as ebbd:
        assert ebbd.code is None, ebbd.text
        path = place.sockets / "m.nbd"
        place.rpc("bdev_malloc_create", name="m", num_blocks=2048, block_size=512)
        place.rpc("nbd_start_export", bdev_name="m", path=str(path))
        with NbdClient(path, "m") as client:
            assert client.read(0, 512) == bytes(512)
            assert is_running(place)


@test
def a_soft_limit_of_descriptors_is_raised():
    with folder_only() as place:
        soft = (16, 512)
        with Limited(
            place, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, soft)
        ) as ebbd:
            assert ebbd.code is None, ebbd.text
            assert resource.prlimit(ebbd.process.pid, resource.RLIMIT_NOFILE) == (512, 512)


@test
def with_few_addresses_it_serves_or_says_which_limit():
    if SANITIZED:
        raise Skip("a sanitizer takes all addresses there are")
    outcomes = set()
    for size in (*range(10, 31), 48, 96, 256):
        with folder_only() as place:
            with Limited(place, config=True, preexec_fn=limits(AS=size * MIB)) as ebbd:
                outcomes.add(ebbd.code)
                if ebbd.code is not None and "shared libraries" not in ebbd.text:
                    ebbd.check_refused("ulimit -v", "Cannot allocate memory", "out of memory")
                assert size < 48 or ebbd.code is None, (size, ebbd.text)
    assert outcomes <= {None, 1, 127} and {None, 1} <= outcomes, outcomes


def addresses_of(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmSize")).split()[1]) << 10


def limit_addresses(process, limit):
    """The soft limit only, which can be raised again."""
    resource.prlimit(process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


@test
def what_needs_memory_is_refused_and_the_rest_goes_on():
    if SANITIZED:
        raise Skip("a sanitizer takes all addresses there are")
    with Daemon() as daemon:
        null = {"num_blocks": 8, "block_size": 512}
        daemon.rpc("bdev_malloc_create", name="m", **null)
        daemon.rpc("bdev_null_create", name="n", **null)
        with NbdClient(daemon.add_export("m"), "m") as client:
            client.write(0, b"x" * 4096)
            limit_addresses(daemon.process, addresses_of(daemon.process) + 2 * MIB)
            for method in ("bdev_get_bdevs", "rpc_get_methods", "bdev_get_iostat"):
                done = daemon.ebbctl(method, check=False)
                assert done.returncode == 1 and "ulimit -v" in done.stderr, done
            assert client.read(0, 4096) == b"x" * 4096
            # What takes something away may be what ends the shortage.
            assert daemon.rpc("bdev_null_delete", name="n") is True
            assert daemon.rpc("framework_get_state")["state"] == "running"
            limit_addresses(daemon.process, resource.RLIM_INFINITY)
            daemon.rpc("bdev_null_create", name="n", **null)
            assert len(daemon.rpc("bdev_get_bdevs")) == 2


def act_at_random(daemon, chance, clients):
    """Something that needs memory; it may be refused."""
    kind = chance.randrange(6)
    if kind == 0:
        blocks = 1 << chance.randrange(4, 12)
        name = f"x{chance.random()}"
        daemon.rpc("bdev_malloc_create", name=name, num_blocks=blocks, block_size=512)
    elif kind == 1:
        client = NbdClient(daemon.sockets / "m.nbd", "m", timeout=5.0)
        clients.append(client)
        for _ in range(chance.randrange(20)):
            client.send(CMD_READ, 0, 1 << chance.randrange(9, 20))
    elif kind == 2:
        client = daemon.client()
        clients.append(client)
        for _ in range(30):
            client.send_raw('{"jsonrpc":"2.0","id":1,"method":"rpc_get_methods"}')
    elif kind == 3:
        mode = chance.choice(("poll", "interrupt", "adaptive"))
        daemon.rpc("reactor_set_mode", lcore=daemon.lcore, mode=mode)
    elif kind == 4 and clients:
        clients.pop().close()
    else:
        daemon.rpc("no_such_method")


@test
def without_memory_it_serves_or_ends_with_an_error():
    if SANITIZED:
        raise Skip("a sanitizer takes all addresses there are")
    for seed, slack in enumerate((0, 4096, 65536, MIB, 2 * MIB, 4 * MIB, 8 * MIB)):
        daemon = Daemon()
        clients = []
        try:
            daemon.start()
            daemon.lcore = daemon.rpc("framework_get_reactors")["reactors"][0]["lcore"]
            daemon.rpc("bdev_malloc_create", name="m", num_blocks=2048, block_size=512)
            daemon.add_export("m")
            limit_addresses(daemon.process, addresses_of(daemon.process) + slack)
            chance = random.Random(seed)
            for _ in range(100):
                with contextlib.suppress(OSError, EOFError, RpcError, NbdError):
                    act_at_random(daemon, chance, clients)
            code = daemon.process.poll()
            if code is None:
                code = daemon.stop()
            assert code == 0 or (code == 1 and "ulimit -v" in daemon.log()), (
                slack,
                code,
                daemon.log_tail(),
            )
        finally:
            for client in clients:
                client.close()
            daemon.remove()


@contextlib.contextmanager
def anybodys_folder():
    """A place where any user may run what was built: (place, options of Popen for a user)."""
    if os.geteuid() != 0:
        raise Skip("only root can be somebody else")
    with folder_only() as place:
        for folder in {place.folder, place.sockets}:
            folder.chmod(0o777)
        yield place


def as_user(user):
    options = {"user": user, "group": user, "extra_groups": []}
    if run_command([BUILD / "ebbd", "--version"], **options).returncode != 0:
        raise Skip("what was built is in a folder that only root may enter")
    return options


@test
def with_few_threads_it_serves_or_says_which_limit():
    outcomes = set()
    for limit in range(1, 6):
        with anybodys_folder() as place:
            options = as_user(NOBODY - 1)  # who has no other processes
            apply = limits(NPROC=limit)
            with Limited(place, config=True, preexec_fn=apply, **options) as ebbd:
                outcomes.add(ebbd.code)
                if ebbd.code is not None:
                    ebbd.check_refused("ulimit -u")
    assert outcomes == {None, 1}, outcomes


@test
def with_little_memory_to_lock_it_serves_or_says_which_limit():
    for limit in (0, 8192, 65536, MIB):
        with anybodys_folder() as place:
            options = as_user(NOBODY)
            with Limited(
                place, config=True, preexec_fn=limits(MEMLOCK=limit), **options
            ) as ebbd:
                if ebbd.code is not None:
                    ebbd.check_refused("ulimit -l")
                assert limit < MIB or ebbd.code is None, ebbd.text


@test
def a_stack_is_raised_or_refused():
    for size, wanted in ((64 << 10, 1), (256 << 10, 1), (MIB, None)):
        with folder_only() as place:
            with Limited(place, config=True, preexec_fn=limits(STACK=size)) as ebbd:
                assert ebbd.code == wanted, (size, ebbd.code, ebbd.text)
                if wanted is not None:
                    ebbd.check_refused("ulimit -s")
    soft = (64 << 10, resource.getrlimit(resource.RLIMIT_STACK)[1])
    for program in ("ebbd", "ebbctl", "ebb-bench"):
        command = [BUILD / program, "--version"]
        done = ended(command, lambda: resource.setrlimit(resource.RLIMIT_STACK, soft))
        assert done.returncode == 0, done


@test
def what_is_harmless_is_no_hindrance():
    for name, value in (("CORE", 0), ("CPU", 60), ("SIGPENDING", 8), ("MSGQUEUE", 0)):
        with folder_only() as place:
            with Limited(place, config=True, preexec_fn=limits(**{name: value})) as ebbd:
                assert ebbd.code is None, (name, ebbd.text)


@test
def files_that_may_not_grow_are_full_disks():
    with Daemon() as daemon:
        daemon.add_disk("disk", MIB)
        cached = daemon.disk("cached.img", MIB)
        daemon.rpc("bdev_uring_create", name="cached", filename=str(cached), direct=False)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (65536, 65536))
        for name in ("disk", "cached"):
            with NbdClient(daemon.add_export(name), name) as client:
                client.write(0, b"a" * 4096)
                try:
                    client.write(131072, b"b" * 4096)
                    raise AssertionError("it was written")
                except NbdError as error:
                    assert error.code == errno.ENOSPC, error
                assert client.read(0, 4096) == b"a" * 4096


@test
def no_file_may_grow_at_all_and_it_serves():
    with folder_only() as place:
        # Its log is a file, too.
        with Limited(place, config=True, preexec_fn=limits(FSIZE=0)) as ebbd:
            assert ebbd.code is None
            with NbdClient(place.sockets / "m.nbd", "m") as client:
                client.write(0, b"x" * 4096)
                assert client.read(0, 4096) == b"x" * 4096
        ebbd.left_nothing()


def save_fails(folder, daemon, **options):
    """ebbctl save_config fails there: the old file is whole, and nothing is beside it."""
    target = folder / "saved.json"
    target.write_text("")
    command = [BUILD / "ebbctl", "-s", daemon.rpc_socket, "save_config", target]
    done = ended(command, **options)
    assert done.returncode == 1 and str(target) in done.stderr, done
    assert target.read_text() == ""
    assert [entry.name for entry in folder.iterdir() if entry.name.startswith(".saved")] == []
    return done.stderr


@test
def a_save_that_finds_no_room_loses_nothing():
    with Daemon() as daemon:
        daemon.rpc("bdev_null_create", name="n", num_blocks=8, block_size=512)
        said = save_fails(daemon.folder, daemon, preexec_fn=limits(FSIZE=0))
        assert "File too large" in said, said
        with small_file_system("size=16k") as folder:
            with contextlib.suppress(OSError), open(folder / "filler", "wb") as filler:
                filler.write(b"x" * 65536)
            assert "No space left" in save_fails(folder, daemon)


@test
def where_there_is_no_room_for_a_socket_that_is_named():
    # Of the files there may be, the folder is one, and the lock may be another.
    for files in (1, 2):
        with small_file_system(f"size=64k,nr_inodes={files}") as folder:
            socket = folder / "rpc.sock"
            done = ended([BUILD / "ebbd", "--rpc-socket", socket])
            assert done.returncode == 1 and "No space left" in done.stderr, done
            assert str(socket) in done.stderr and "make room" in done.stderr, done
            assert list(folder.iterdir()) == []


@test
def a_lock_without_room_for_a_pid_is_a_lock():
    with small_file_system("size=4k") as folder:
        (folder / "filler").write_bytes(b"x" * 4096)
        daemon = Daemon()
        daemon.rpc_socket = folder / "rpc.sock"
        with daemon:
            assert "cannot write the process's number" in daemon.log()
            done = ended([BUILD / "ebbd", "--rpc-socket", daemon.rpc_socket])
            assert done.returncode == 1 and "is listening at" in done.stderr, done
            assert daemon.stop() == 0
        assert [file.name for file in folder.iterdir()] == ["filler"]


def commands(daemon):
    """Of ebbctl and ebb-bench, what does not take long."""
    socket = ["-s", daemon.rpc_socket]
    config = daemon.folder / "bench.json"
    params = {"name": "n", "num_blocks": 2048, "block_size": 512}
    entries = [{"method": "bdev_null_create", "params": params}]
    config.write_text(json.dumps({"subsystems": [{"subsystem": "bdev", "config": entries}]}))
    bench = ["--bdev-json", config, "--bdev", "n", "--time", "0.05", "--warmup", "0"]
    return [
        [BUILD / "ebbctl", *socket, "status"],
        [BUILD / "ebbctl", *socket, "bdev_get_bdevs"],
        [BUILD / "ebbctl", *socket, "save_config", daemon.folder / "saved.json"],
        [BUILD / "ebbctl", "--help"],
        [BUILD / "ebb-bench", "run", "--mode", "interrupt", *bench],
    ]


@test
def the_other_programs_end_with_an_error_and_no_signal():
    cases = [("NOFILE", value) for value in range(0, 20, 1)]
    cases += [("FSIZE", 0), ("NPROC", 1), ("MEMLOCK", 0), ("CORE", 0)]
    if not SANITIZED:
        cases += [("AS", size * MIB) for size in range(4, 40, 4)]
    with Daemon() as daemon:
        for name, value in cases:
            for command in commands(daemon):
                if name == "AS" and value < 8 * MIB and command[0].name == "ebb-bench":
                    continue  # the kernel cannot even load it, with the libraries that it has
                done = ended(command, limits(**{name: value}))
                assert done.returncode in (0, 1, 127), (name, value, done)
                assert done.returncode == 0 or done.stderr != "", (name, value, done)


@test
def output_that_is_full_or_broken_is_an_error():
    with Daemon() as daemon:
        for command in commands(daemon):
            for full in (True, False):
                done = run_into(command, full, "stdout")
                if "save_config" not in command:
                    assert done.returncode == 1 and b"cannot write" in done.stderr, done
                assert done.returncode >= 0, done
                assert run_into(command, full, "stderr").returncode >= 0


def run_into(command, full, stream):
    """The command's end, with that stream a device that is full or a pipe that is broken."""
    other = "stderr" if stream == "stdout" else "stdout"
    if full:
        with open("/dev/full", "wb") as target:
            return subprocess.run(command, check=False, **{stream: target, other: subprocess.PIPE})
    end, target = os.pipe()
    os.close(end)
    try:
        return subprocess.run(command, check=False, **{stream: target, other: subprocess.PIPE})
    finally:
        os.close(target)


@test
def a_log_that_cannot_be_written_ends_nothing():
    end, broken = os.pipe()
    os.close(end)
    with open("/dev/full", "wb") as full:
        for stream in (full, broken):
            with folder_only() as place:
                with Limited(place, config=True, stdout=stream, stderr=stream) as ebbd:
                    assert ebbd.code is None
                ebbd.left_nothing()
                # Nor does an error that nobody hears of become something else.
                for words in (["--rpc-socket", "/nonexistent/a.sock"], ["--json", "/nonexistent"]):
                    command = [BUILD / "ebbd", *words]
                    done = subprocess.run(command, stdout=stream, stderr=stream, check=False)
                    assert done.returncode == 1, done
    os.close(broken)


@test
def what_was_meant_for_a_closed_stream_gets_nowhere_else():
    for closed in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
        with folder_only() as place:
            disk = place.disk("disk.img", MIB)
            config = place.folder / "c.json"
            params = {"name": "disk", "filename": str(disk)}
            entries = [{"method": "bdev_uring_create", "params": params}]
            subsystems = [{"subsystem": "bdev", "config": entries}]
            config.write_text(json.dumps({"subsystems": subsystems}))
            command = f'exec "{BUILD}/ebbd" --rpc-socket "{place.rpc_socket}" --json "{config}"'
            process = subprocess.Popen(
                ["sh", "-c", f"{command} {closed}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                wait_for(lambda: is_running(place), "it runs")
                null = {os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)}
                assert null == {"/dev/null"}, null
                process.terminate()
                assert process.wait(10.0) == 0
            finally:
                process.kill()
                process.wait()
            assert disk.read_bytes() == bytes(MIB)


run()
