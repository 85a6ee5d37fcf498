#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start-up and the end: arguments, configurations with mistakes, readiness, signals."""

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from harness import BUILD, Client, Daemon, RpcError, Skip, run, run_command, test
from nbd_client import NbdClient

EBBD = BUILD / "ebbd"
MIB = 1 << 20
# exec to `running`; the smallest of several starts, because the machine may be busy.
READY_MAX_S = 0.020
RESIDENT_MAX = 16 * MIB

ARGUMENT_MISTAKES = [
    (["--nonsense"], ["--nonsense", "no such option"]),
    (["-x"], ["-x", "no such option"]),
    (["--rpc"], ["--rpc", "short for several"]),
    (["stray"], ['"stray"', "only options"]),
    (["--wait-for-rpc", "stray"], ['"stray"', "only options"]),
    (["--json"], ["--json", "a value must follow"]),
    (["--wait-for-rpc=yes"], ["--wait-for-rpc=yes", "takes no value"]),
    (["--json", ""], ['--json ""', "empty"]),
    (["--rpc-socket", ""], ['--rpc-socket ""', "empty"]),
    (["--rpc-socket", "/tmp/" + "x" * 200], ["205 bytes", "longest possible is 107"]),
    (["--cpumask", "rubbish"], ["--cpumask", '"rubbish"', "0x3", "[0,2-3]"]),
    (["--cpumask", ""], ["--cpumask", '""']),
    (["--cpumask", "3"], ["--cpumask", '"3"', "CPU 3 is [3], mask 0x3 is CPUs 0-1"]),
    (["-m", "12"], ["--cpumask", '"12"', "CPU 12 is [12], mask 0x12 is CPUs 1,4"]),
    (["--cpumask", "0x0"], ["--cpumask", '"0x0"', "at least one"]),
    (["--cpumask", "[1023]"], ["--cpumask", '"[1023]"', "1023", "legal are"]),
    (["--mode", "fast"], ['--mode "fast"', "poll, interrupt and adaptive"]),
    (["--mode", "poll", "--interrupt-mode"], ["poll", "interrupt", "choose one"]),
    (["--spin-us", "-1"], ['--spin-us "-1"', "0 to 1000000"]),
    (["--spin-us", "1000001"], ['"1000001"', "0 to 1000000"]),
    (["--init-timeout", "5s"], ['--init-timeout "5s"', "seconds"]),
    (["--init-timeout", "86401"], ['"86401"', "86400"]),
    (["--init-timeout", "99999999999999999999"], ["--init-timeout", "86400"]),
    (["--rpc-socket-mode", "0800"], ['--rpc-socket-mode "0800"', "octal"]),
    (["--rpc-socket-mode", "01777"], ['"01777"', "0777"]),
    (["--on-violation", "panic"], ['--on-violation "panic"', "log and abort"]),
    (["--callback-limit-ms", "1001"], ['--callback-limit-ms "1001"', "1 to 1000", "0 (no limit)"]),
    (["--callback-limit-ms", "10ms"], ['--callback-limit-ms "10ms"', "milliseconds"]),
    (["--log-level", "loud"], ['--log-level "loud"', "debug"]),
    (["-L", "nobody"], ['--logflag "nobody"', "log_get_flags"]),
    (["--no-rpc", "--rpc-socket", "/tmp/x"], ["--no-rpc", "choose one"]),
    (["--no-rpc", "--wait-for-rpc"], ["--wait-for-rpc", "framework_start_init"]),
]


def own(*entries):
    """A configuration with these entries for the subsystem bdev."""
    return {"subsystems": [{"subsystem": "bdev", "config": list(entries)}]}


def null_create(name, **extra):
    params = {"name": name, "num_blocks": 1024, "block_size": 512, **extra}
    return {"method": "bdev_null_create", "params": params}


CONFIG_MISTAKES = [
    ("", ["is empty"]),
    (" \n", ["is empty"]),
    ('{"subsystems": [\n  {]\n}', ["line 2, column 4", "not JSON"]),
    ('{"subsystems": [', ["ends too early"]),
    ("[]", ["must be an object"]),
    ("{}", ['"subsystems" is missing']),
    ({"subsystems": {}}, ['"subsystems" is not an array']),
    ({"subsystems": "text"}, ['"subsystems" is not an array']),
    ('"subsystems": []', ["line 1, column 13", "not JSON"]),
    ({"subsystems": [{"config": []}]}, ["subsystems[0]", '"subsystem" is missing']),
    (own({"method": "no_such"}), ['subsystems[0] "bdev", config[0] no_such', "not known"]),
    (own(null_create("a"), null_create("b", blok_size=1)), ["config[1]", '"blok_size"']),
    (own([null_create("a"), null_create(7)]), ["config[0][1] bdev_null_create", '"name"']),
    (own(null_create("a", md_size=8)), ["config[0] bdev_null_create", "md_size", "metadata"]),
    (
        own({"method": "bdev_nvme_set_hotplug", "params": {"enable": True}}),
        ["config[0] bdev_nvme_set_hotplug", '"enable"', "is true", ": give false"],
    ),
    (own(null_create("a"), null_create("a")), ["config[1] bdev_null_create", "exists already"]),
    (own({"method": "bdev_get_bdevs", "parms": {}}), ["config[0]", '"parms" is not known']),
    (
        {"subsystems": [{"subsystem": "bdevs", "config": [null_create("a")]}]},
        ['subsystems[0] "bdevs"', "neither ebb nor SPDK", "bdev, "],
    ),
    (
        {"subsystems": [{"subsystem": "vmd", "config": [null_create("a")]}]},
        ['subsystems[0] "vmd", config[0] bdev_null_create', "move it to bdev"],
    ),
]


def fails(*args):
    """Run ebbd, which must end by itself with an exit code; that code and its messages."""
    done = run_command([EBBD, *args], timeout=20)
    assert done.stdout == "", done.stdout
    return done.returncode, done.stderr


@test
def each_argument_mistake_has_its_own_line_and_code_2():
    for args, parts in ARGUMENT_MISTAKES:
        code, text = fails(*args)
        assert code == 2, (args, code, text)
        assert text.count("\n") == 1 and text.startswith("ebbd: "), (args, text)
        for part in parts:
            assert part in text, (args, part, text)


@test
def help_and_version():
    done = run_command([EBBD, "--help"])
    assert done.returncode == 0 and done.stderr == "", done
    for option in ("--json", "--cpumask", "--mode", "--wait-for-rpc", "--init-timeout", "--no-rpc"):
        assert option in done.stdout, option
    done = run_command([EBBD, "--version"])
    assert done.returncode == 0 and done.stdout.startswith("ebbd "), done


@test
def each_configuration_mistake_is_named_with_its_place():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bad.json"
        for config, parts in CONFIG_MISTAKES:
            path.write_text(config if isinstance(config, str) else json.dumps(config))
            code, text = fails("--json", path, "--rpc-socket", f"{folder}/rpc.sock")
            assert code == 1, (config, code, text)
            line = [line for line in text.splitlines() if str(path) in line]
            assert line, (config, text)
            for part in parts:
                assert part in line[-1], (config, part, text)
            assert not (Path(folder) / "rpc.sock").exists(), "the socket was left behind"


@test
def a_configuration_that_cannot_be_read_is_named():
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.json"
        with open(large, "wb") as file:
            file.truncate(64 * MIB + 1)
        cases = [(f"{folder}/missing", "No such file"), (folder, "directory"), (large, "64 MiB")]
        for path, part in cases:
            code, text = fails("--json", path, "--no-rpc")
            assert code == 1 and str(path) in text and part in text, (path, code, text)
            assert "state:" not in text, "something was built before the file was read"


@test
def all_mistakes_are_reported_and_nothing_has_run():
    config = own({"method": "no_such"}, null_create("a"), null_create("b", blok=1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bad.json"
        path.write_text(json.dumps(config))
        code, text = fails("--json", path, "--rpc-socket", f"{folder}/rpc.sock")
        assert code == 1, code
        assert "config[0] no_such" in text and "config[2] bdev_null_create" in text, text
        assert "listening" not in text and "initializing" not in text, text


@test
def failing_entries_can_be_passed_over():
    config = own({"method": "no_such"}, null_create("a"), null_create("a"), null_create("b"))
    with Daemon("--json-ignore-init-errors", config=config) as daemon:
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["a", "b"]
        state = daemon.rpc("framework_get_state")
        assert "config[2] bdev_null_create" in state["error"], state
        log = daemon.log()
        assert "config[0] no_such" in log and "2 entries were passed over" in log, log


@test
def an_spdk_file_loads_unchanged():
    null = null_create(
        "Null0", physical_block_size=512, md_size=0, dif_type=0, dif_is_head_of_md=False,
        dif_pi_format=0, uuid="6e9d9d3c-3ee0-4d1c-9c0f-0d0e3d9d3c3e",
        preferred_write_granularity=0, preferred_write_alignment=0, optimal_write_size=0,
        preferred_unmap_granularity=0, preferred_unmap_alignment=0,
    )
    bdev = [
        {
            "method": "bdev_set_options",
            "params": {
                "bdev_io_pool_size": 65535, "bdev_io_cache_size": 256, "bdev_auto_examine": True,
                "iobuf_small_cache_size": 128, "iobuf_large_cache_size": 16,
            },
        },
        {"method": "bdev_raid_set_options", "params": {"process_window_size_kb": 1024}},
        {"method": "bdev_iscsi_set_options", "params": {"timeout_sec": 30}},
        {"method": "bdev_nvme_set_options", "params": {"action_on_timeout": "none"}},
        {"method": "bdev_nvme_set_hotplug", "params": {"period_us": 100000, "enable": False}},
        null,
        {"method": "bdev_wait_for_examine"},
    ]
    config = {
        "subsystems": [
            {"subsystem": "scheduler", "config": [
                {"method": "framework_set_scheduler", "params": {"name": "static"}}]},
            {"subsystem": "vmd", "config": []},
            {"subsystem": "iobuf", "config": [
                {"method": "iobuf_set_options", "params": {"small_pool_count": 8192}}]},
            {"subsystem": "sock", "config": [
                {"method": "sock_set_default_impl", "params": {"impl_name": "posix"}}]},
            {"subsystem": "bdev", "config": bdev},
            {"subsystem": "nvmf", "config": None},
        ]
    }
    with Daemon(config=config) as daemon:
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["Null0"]
        notices = [line for line in daemon.log().splitlines() if "no such subsystem" in line]
        assert len(notices) == 1 and "iobuf (1 entry)" in notices[0], notices


@test
def readiness_is_told_by_the_state():
    with Daemon() as daemon:
        state = daemon.rpc("framework_get_state")
        assert state["state"] == "running" and "error" not in state, state
        assert 0 <= state["uptime_ms"] < 60000, state
        assert daemon.rpc("framework_wait_init") is True
        later = daemon.rpc("framework_get_state")
        assert later["uptime_ms"] >= state["uptime_ms"]


@test
def wait_for_rpc_waits_and_then_starts():
    with Daemon("--wait-for-rpc", wait="startup", config=own(null_create("a"))) as daemon:
        state = daemon.rpc("framework_get_state")
        assert state["step"] == "wait-for-rpc", state
        try:
            daemon.rpc("bdev_get_bdevs")
            raise AssertionError("a RUNTIME method was taken before the subsystems exist")
        except RpcError as error:
            assert error.code == -1, error
        with daemon.client() as waiter:
            waiter.send_raw('{"jsonrpc": "2.0", "method": "framework_wait_init", "id": 1}')
            assert daemon.rpc("framework_start_init") is True
            assert waiter.receive()["result"] is True
        assert daemon.rpc("framework_get_state")["state"] == "running"
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["a"]
        try:
            daemon.rpc("framework_start_init")
            raise AssertionError("start-up was begun twice")
        except RpcError:
            pass


@test
def start_init_that_fails_is_told_to_who_asked():
    config = own(null_create("a"), null_create("a"))
    with Daemon("--wait-for-rpc", wait="startup", config=config) as daemon:
        try:
            daemon.rpc("framework_start_init")
            raise AssertionError("a start-up that failed was called a success")
        except RpcError as error:
            assert error.code == -32603, error
        assert daemon.wait_exit() == 1
        assert "state: failed" in daemon.log()
        daemon.process = None


@test
def each_signal_stops_cleanly():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Daemon(config=own(null_create("a"))) as daemon:
            daemon.process.send_signal(number)
            assert daemon.wait_exit() == 0, daemon.log_tail()
            log = daemon.log()
            assert f"{number.name}" in log and "state: stopping" in log, log
            assert not daemon.rpc_socket.exists()


@test
def a_stop_while_it_waits_for_rpc_ends_start_up():
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        assert daemon.stop() == 0, daemon.log_tail()
        assert "state: failed" not in daemon.log()
        assert "state: initializing" not in daemon.log()


@test
def a_second_signal_forces_the_exit():
    with Daemon() as daemon:
        # Both are pending when it goes on, so no amount of speed gets between them.
        daemon.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGINT)
        daemon.process.send_signal(signal.SIGCONT)
        code = daemon.wait_exit()
        assert code in (128 + signal.SIGTERM, 128 + signal.SIGINT), code
        assert "exit forced" in daemon.log()
        daemon.process = None


@test
def a_reader_that_is_gone_does_not_kill_it():
    with Daemon() as daemon:
        for _ in range(20):
            client = daemon.client()
            client.send_raw('{"jsonrpc": "2.0", "method": "rpc_get_methods", "id": 1}' * 50)
            client.close()
        assert daemon.rpc("framework_get_state")["state"] == "running"


def notify_socket(name):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind("\0" + name[1:] if name.startswith("@") else name)
    sock.settimeout(10)
    return sock


def start_with_notify(daemon, name):
    os.environ["NOTIFY_SOCKET"] = name
    try:
        daemon.start()
    finally:
        del os.environ["NOTIFY_SOCKET"]


@test
def the_service_manager_is_told():
    for abstract in (False, True):
        daemon = Daemon(wait=None)
        name = f"@ebb-{os.getpid()}" if abstract else str(daemon.sockets / "notify")
        with notify_socket(name) as sock:
            start_with_notify(daemon, name)
            try:
                texts = [sock.recv(4096).decode()]
                while "READY=1" not in texts[-1]:
                    texts.append(sock.recv(4096).decode())
                assert texts[0] == "STATUS=environment\n", texts
                assert texts[-1] == "READY=1\nSTATUS=running\n", texts
                # Ready means ready: no polling here.
                assert daemon.rpc("framework_get_state")["state"] == "running"
                assert daemon.stop() == 0
                assert sock.recv(4096).decode() == "STOPPING=1\nSTATUS=stopping\n"
            finally:
                daemon.remove()


@test
def the_service_manager_sees_what_it_waits_for():
    daemon = Daemon("--wait-for-rpc", wait=None)
    name = str(daemon.sockets / "notify")
    with notify_socket(name) as sock:
        start_with_notify(daemon, name)
        try:
            texts = [sock.recv(4096).decode() for _ in range(3)]
            assert texts == ["STATUS=environment\n", "STATUS=startup\n",
                             "STATUS=startup: wait-for-rpc\n"], texts
            daemon.rpc("framework_start_init")
            assert sock.recv(4096).decode() == "STATUS=initializing\n"
            assert daemon.stop() == 0
        finally:
            daemon.remove()


@test
def running_within_20_ms_and_16_mib():
    ready = []
    disk = None

    def config(daemon):
        nonlocal disk
        disk = str(daemon.disk("disk.img", 64 * MIB))
        return [
            ("bdev", "bdev_uring_create", {"name": "disk", "filename": disk}),
            ("nbd", "nbd_start_export",
             {"bdev_name": "disk", "path": str(daemon.sockets / "disk.nbd")}),
        ]

    if b"__asan_init" in EBBD.read_bytes():
        raise Skip("a build with sanitizers is slower and larger")
    for _ in range(10):
        daemon = Daemon(wait=None, config=config)
        name = str(daemon.sockets / "notify")
        with notify_socket(name) as sock:
            begin = time.monotonic()
            start_with_notify(daemon, name)
            try:
                while b"READY=1" not in sock.recv(4096):
                    pass
                ready.append(time.monotonic() - begin)
                status = Path(f"/proc/{daemon.process.pid}/status").read_text()
                resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
                assert resident < RESIDENT_MAX, f"{resident} bytes are resident"
                daemon.stop()
            finally:
                daemon.remove()
    times = ", ".join(f"{1000 * value:.1f}" for value in sorted(ready))
    print(f"# exec to running, ms: {times}; {resident / MIB:.1f} MiB resident")
    assert min(ready) < READY_MAX_S, times


@test
def after_kill_9_the_same_configuration_starts_again():
    def config(daemon):
        return [
            ("bdev", "bdev_null_create", {"name": "n", "num_blocks": 8, "block_size": 512}),
            ("nbd", "nbd_start_export",
             {"bdev_name": "n", "path": str(daemon.sockets / "n.nbd"), "export_name": "n"}),
        ]

    with Daemon(config=config) as daemon:
        for _ in range(3):
            daemon.kill9()
            daemon.start()
        with NbdClient(daemon.sockets / "n.nbd", "n") as client:
            assert client.size == 8 * 512


@test
def the_socket_is_where_the_environment_says():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "from-environment.sock"
        notify = f"{folder}/notify"
        with notify_socket(notify) as sock:
            process = subprocess.Popen(
                [EBBD],
                env={**os.environ, "EBB_RPC_SOCKET": str(path), "NOTIFY_SOCKET": notify},
                stderr=subprocess.DEVNULL,
            )
            try:
                while b"READY=1" not in sock.recv(4096):
                    pass
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, oct(path.stat().st_mode)
                with Client(path) as client:
                    assert client.call("framework_get_state")["state"] == "running"
            finally:
                process.terminate()
                assert process.wait(20) == 0
        assert not path.exists()


@test
def the_socket_has_the_mode_asked_for():
    with Daemon("--rpc-socket-mode", "0660") as daemon:
        assert stat.S_IMODE(daemon.rpc_socket.stat().st_mode) == 0o660


run()
