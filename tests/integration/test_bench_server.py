#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""perform_tests of a running ebbd, and ebb-bench compare --server, which calls it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading

from harness import BUILD, Daemon, RpcError, Skip, check_command, run, run_command, test, wait_for
from quiet import assert_quiet

BENCH = BUILD / "ebb-bench"
MIB = 1 << 20
SHORT = {"time_in_usec": 50000, "warmup_in_usec": 5000}
FIELDS = {
    "job": str,
    "core_mask": str,
    "workload": str,
    "status": str,
    "queue_depth": int,
    "io_size": int,
    "runtime": float,
    "iops": float,
    "mibps": float,
    "io_failed": int,
    "io_timeout": int,
    "avg_latency_us": float,
    "min_latency_us": float,
    "max_latency_us": float,
}


def null_config():
    params = {"name": "null0", "num_blocks": 1024, "block_size": 4096}
    methods = [{"method": "bdev_null_create", "params": params}]
    return {"subsystems": [{"subsystem": "bdev", "config": methods}]}


def refusal(daemon, **params):
    try:
        daemon.rpc("perform_tests", **params)
    except RpcError as error:
        return error
    raise AssertionError(f"{params} was not refused")


def modes(daemon):
    return [reactor["mode"] for reactor in daemon.rpc("framework_get_reactors")["reactors"]]


def bench(daemon, *args):
    command = [BENCH, "compare", "--server", daemon.rpc_socket, "--runs", "1", "--qd", "1"]
    return [str(word) for word in [*command, *args]]


def compare(daemon, *args):
    command = bench(daemon, "null0", "--time", "50ms", "--warmup", "5ms", *args)
    return json.loads(check_command([*command, "--format", "json"]).stdout)


def has_begun(daemon):
    """Something reads: asked without a test of one's own, which would be in the way."""
    (bdev,) = daemon.rpc("bdev_get_iostat", name="null0")["bdevs"]
    return bdev["num_read_ops"] > 0


def is_busy(daemon):
    """Asked when no other test is to begin."""
    try:
        daemon.rpc("perform_tests", name="null0", **SHORT)
    except RpcError as error:
        return "in progress" in error.message
    return False


@test
def the_result_has_the_fields_of_bdevperf():
    with Daemon(config=null_config()) as daemon:
        result = daemon.rpc("perform_tests", name="null0", queue_depth=4, **SHORT)
        (job,) = result["results"]
        for name, kind in FIELDS.items():
            assert isinstance(job[name], kind), (name, job[name])
        assert job["job"] == "null0" and job["status"] == "finished", job
        assert job["iops"] > 0 and job["runtime"] >= 0.05, job
        low, high = job["min_latency_us"], job["max_latency_us"]
        assert low <= job["p50_latency_us"] <= job["p99_latency_us"] <= high, job
        assert result["core_count"] == 1


@test
def only_the_reactors_that_are_named_do_it():
    if not {0, 1} <= os.sched_getaffinity(0):
        raise Skip("needs CPUs 0 and 1")
    with Daemon("--cpumask", "0x3", config=null_config()) as daemon:
        both = daemon.rpc("perform_tests", name="null0", **SHORT)
        assert both["core_count"] == 2 and both["results"][0]["core_mask"] == "0x3", both
        for mask, core in (("0x2", "0x2"), ("[0]", "0x1")):
            one = daemon.rpc("perform_tests", name="null0", cpumask=mask, **SHORT)
            assert one["core_count"] == 1 and one["results"][0]["core_mask"] == core, one


@test
def it_is_called_by_ebbctl_and_has_help():
    with Daemon(config=null_config()) as daemon:
        words = ["name=null0", "time_in_usec=20000", "io_size=8k", "workload_type=randwrite"]
        answer = json.loads(daemon.ebbctl("perform_tests", *words).stdout)
        assert answer["results"][0]["io_size"] == 8192, answer
        text = daemon.ebbctl("perform_tests", "--help").stdout
        for name in ("queue_depth", "rw_percentage", "time_in_sec", "force"):
            assert name in text, text


@test
def others_are_served_meanwhile_and_it_is_not_saved():
    with Daemon(config=null_config()) as daemon:
        saved = daemon.rpc("framework_get_config", name="bdev")
        with daemon.client() as client:
            client.send_raw(
                json.dumps(
                    {
                        "jsonrpc": "2.0",
                        "id": 1,
                        "method": "perform_tests",
                        "params": {"name": "null0", "time_in_usec": 300000, "queue_depth": 32},
                    }
                )
            )
            for _ in range(20):
                assert daemon.rpc("bdev_get_bdevs", name="null0")[0]["name"] == "null0"
            assert client.receive()["result"]["results"][0]["status"] == "finished"
        assert daemon.rpc("framework_get_config", name="bdev") == saved


@test
def what_is_exported_is_read_but_not_written():
    with Daemon() as daemon:
        daemon.add_disk("shop", 4 * MIB)
        daemon.add_export("shop")
        (job,) = daemon.rpc("perform_tests", name="shop", **SHORT)["results"]
        assert job["status"] == "finished", job
        error = refusal(daemon, name="shop", workload_type="randwrite", **SHORT)
        assert "exported as 'shop'" in error.message and "force" in error.message, error
        forced = daemon.rpc(
            "perform_tests", name="shop", workload_type="randwrite", force=True, **SHORT
        )
        assert forced["results"][0]["status"] == "finished", forced
        command = bench(daemon, "shop", "--time", "50ms", "--rw", "randwrite", "--write")
        failed = run_command(command)
        assert failed.returncode == 1 and "exported as 'shop'" in failed.stderr, failed
        assert check_command([*command, "--force"]).returncode == 0


@test
def nothing_of_a_test_stays():
    with Daemon(config=null_config(), mode="interrupt") as daemon:
        before = sorted(name for name, _, _ in daemon.thread_facts().values())
        daemon.rpc("perform_tests", name="null0", queue_depth=16, **SHORT)
        daemon.rpc("perform_tests", name="null0", rate=2000, **SHORT)
        threads = [thread["name"] for thread in daemon.rpc("thread_get_stats")["threads"]]
        assert not any(name.startswith("bench") for name in threads), threads
        assert_quiet(daemon, window_s=1.0)
        after = sorted(name for name, _, _ in daemon.thread_facts().values())
        assert set(after) - set(before) <= {"ebb_watch", "companion"}, (before, after)


def begin_long_test(daemon, client):
    client.send_raw(
        '{"jsonrpc":"2.0","id":1,"method":"perform_tests",'
        '"params":{"name":"null0","time_in_sec":3600}}'
    )
    wait_for(lambda: has_begun(daemon), "the test under way")


@test
def it_ends_when_its_client_goes():
    with Daemon(config=null_config()) as daemon:
        client = daemon.client()
        begin_long_test(daemon, client)
        client.close()
        wait_for(lambda: not is_busy(daemon), "the end of the test")


@test
def it_ends_when_its_bdev_goes():
    with Daemon(config=null_config()) as daemon:
        with daemon.client() as client:
            begin_long_test(daemon, client)
            daemon.rpc("bdev_null_delete", name="null0")
            assert "bdev null0 went away" in client.receive()["error"]["message"]


@test
def it_does_not_hold_up_the_end():
    with Daemon(config=null_config()) as daemon:
        with daemon.client() as client:
            begin_long_test(daemon, client)
            daemon.stop()
            assert "error" in client.receive()
        assert "left behind" not in daemon.log(), daemon.log_tail()


@test
def compare_takes_the_server_as_it_is():
    with Daemon(config=null_config(), mode="interrupt") as daemon:
        report = compare(daemon)
        assert modes(daemon) == ["interrupt"]
    text = json.dumps(report)
    assert "interrupt, as it is" in text and "null0 of ebb" in text, text
    assert "perform_tests {" in text, text


@test
def compare_sets_each_mode_and_puts_it_back():
    with Daemon(config=null_config(), mode="interrupt") as daemon:
        report = compare(daemon, "--mode", "poll,adaptive", "--rate", "50%")
        assert modes(daemon) == ["interrupt"]
        log = daemon.log()
    assert log.count("asks for reactor_set_mode") >= 3, log
    assert not report["interrupted"], report


def ends_the_test_and_puts_the_mode_back(number):
    with Daemon(config=null_config(), mode="adaptive") as daemon:
        command = bench(daemon, "null0", "--time", "1000", "--mode", "poll")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        wait_for(lambda: has_begun(daemon), "the test under way")
        assert modes(daemon) == ["poll"]
        process.send_signal(number)
        process.communicate(timeout=60)
        assert modes(daemon) == ["adaptive"]
        wait_for(lambda: not is_busy(daemon), "the end of the test")


@test
def ctrl_c_ends_the_test_and_puts_the_mode_back():
    ends_the_test_and_puts_the_mode_back(signal.SIGINT)


@test
def a_terminal_that_goes_does_the_same():
    ends_the_test_and_puts_the_mode_back(signal.SIGHUP)


@test
def a_server_that_is_killed_is_named_once():
    with Daemon(config=null_config(), mode="adaptive") as daemon:
        command = bench(daemon, "null0", "--time", "1000", "--mode", "poll")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        wait_for(lambda: has_begun(daemon), "the test under way")
        daemon.kill9()
        errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1, errors
    assert "closed the connection" in errors, errors
    assert "put them back" not in errors, errors  # its reactors are gone, too


class Fake:
    """A server that answers as @answers says, and hangs up after each perform_tests."""

    def __init__(self, answers):
        self.answers = answers
        self.calls = []
        self.folder = tempfile.TemporaryDirectory(prefix="ebb-")
        self.path = f"{self.folder.name}/rpc.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(timeout=20)
        self.listener.close()
        self.folder.cleanup()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    self.serve_client(connection)

    def serve_client(self, connection):
        text = ""
        while piece := connection.recv(65536):
            text += piece.decode()
            with contextlib.suppress(json.JSONDecodeError):
                request = json.loads(text)
                text = ""
                method = request["method"]
                self.calls.append((method, request.get("params")))
                answer = {"jsonrpc": "2.0", "id": request["id"], "result": self.answers[method]}
                connection.sendall(json.dumps(answer).encode())
                if method == "perform_tests":
                    return


def fake_job(**more):
    job = {"job": "disk", "core_mask": "0x1", "workload": "randread", "status": "finished"}
    job |= {"queue_depth": 1, "io_size": 4096, "runtime": 1.0, "iops": 1000.0, "mibps": 3.9}
    job |= {"io_failed": 0, "io_timeout": 0, "avg_latency_us": 20.0, "min_latency_us": 9.0}
    return job | {"max_latency_us": 40.0} | more


def fake_answers(reactors, jobs):
    return {
        "spdk_get_version": {"version": "Some v26.09"},
        "framework_get_reactors": {"reactors": reactors},
        "bdev_get_bdevs": [{"name": "disk", "block_size": 512, "num_blocks": 1 << 20}],
        "reactor_set_mode": True,
        "perform_tests": {"results": jobs, "core_count": 2},
    }


@test
def modes_are_put_back_after_a_lost_connection():
    reactors = [{"lcore": 2, "mode": "adaptive"}, {"lcore": 5, "mode": "poll"}]
    with Fake(fake_answers(reactors, [fake_job()])) as fake:
        command = [str(BENCH), "compare", "--server", fake.path, "disk", "--qd", "1"]
        check_command([*command, "--mode", "interrupt", "--runs", "1"])
        asked = [params for method, params in fake.calls if method == "reactor_set_mode"]
    assert asked[-2:] == [{"lcore": 2, "mode": "adaptive"}, {"lcore": 5, "mode": "poll"}], asked


@test
def bdevperf_is_asked_what_it_knows():
    jobs = [fake_job(), fake_job(core_mask="0x2", iops=500.0), fake_job(job="other")]
    with Fake(fake_answers([{"lcore": 0}], jobs)) as fake:
        command = [str(BENCH), "compare", "--server", fake.path, "disk", "--qd", "4"]
        command += ["--rw", "randrw", "--rwmixread", "70", "--write", "--runs", "1"]
        result = check_command([*command, "--time", "1500ms", "--format", "json"])
        (params,) = [params for method, params in fake.calls if method == "perform_tests"]
        assert not any(method == "reactor_set_mode" for method, _ in fake.calls), fake.calls
        refused = run_command([*command, "--mode", "poll"])
        assert refused.returncode == 2 and "no modes" in refused.stderr, refused
        open_loop = run_command([*command, "--rate", "1000"])
        said = " ".join(open_loop.stdout.split())
        assert "cannot be asked for an open loop" in said, open_loop
    assert params == {
        "workload_type": "randrw",
        "rw_percentage": 70,
        "queue_depth": 4,
        "io_size": "4096",
        "time_in_sec": 2,
    }, params
    report = json.loads(result.stdout)
    (cell,) = report["cells"]
    assert report["contenders"][0]["name"] == "Some v26.09 as it is", report["contenders"]
    assert cell["metrics"]["iops"]["median"] == 1500.0, cell
    assert cell["metrics"]["cpu_percent"]["median"] is None, cell
    assert cell["metrics"]["latency_p99_ns"]["median"] is None, cell


@test
def mistakes_are_one_line_and_code_2():
    with Daemon(config=null_config()) as daemon:
        for args, text in (
            (["nul"], "bdev 'nul' not found"),
            (["null0", "--bs", "512"], "give a multiple of 4096"),
            (["null0", "--rate", "50%"], "--mode"),
            (["null0", "--plan", "1us,2us"], "take no plan"),
            (["null0", "--stand-in", "10us"], "no bdevs of it"),
            (["null0", "--core", "0"], "do without --core and --cpumask"),
            (["null0", "--cpumask", "0x1"], "do without --core and --cpumask"),
            ([], "which bdev?"),
        ):
            result = run_command(bench(daemon, *args))
            lines = result.stderr.strip().splitlines()
            assert result.returncode == 2 and len(lines) == 1, result
            assert lines[0].startswith("ebb-bench: ") and text in lines[0], result
        nobody = run_command([str(BENCH), "compare", "--server", "/nowhere/sock", "null0"])
        assert nobody.returncode == 2 and "there is no socket" in nobody.stderr, nobody


run()
