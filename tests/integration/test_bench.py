#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ebb-bench: what it measures, what it refuses, how it ends. (How fast anything is, is no test.)"""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import BUILD, ROOT, Skip, check_command, need_program, run, run_command, test
from quiet import TRAILING_S

BENCH = BUILD / "ebb-bench"
MODES = ["poll", "interrupt", "adaptive"]
MIB = 1 << 20


class Setup:
    """A folder with a configuration that makes the bdevs "null" and "disk"."""

    def __init__(self, disk_size=4 * MIB):
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="bench-", dir=parent)
        self.folder = Path(self.temporary.name)
        self.disk = self.folder / "disk.img"
        self.disk.touch()
        os.truncate(self.disk, disk_size)
        self.config = self.folder / "bench.json"
        null = {"name": "null", "num_blocks": 1024, "block_size": 4096}
        disk = {"name": "disk", "filename": str(self.disk), "block_size": 512}
        methods = [
            {"method": "bdev_null_create", "params": null},
            {"method": "bdev_uring_create", "params": disk},
        ]
        subsystem = {"subsystem": "bdev", "config": methods}
        self.config.write_text(json.dumps({"subsystems": [subsystem]}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def command(self, bdev, *args):
        command = [BENCH, "run", "--bdev-json", self.config, "--bdev", bdev]
        command += ["--time", "0.05", "--warmup", "0.01", *args]
        return [str(word) for word in command]

    def report(self, bdev, *args):
        command = [*self.command(bdev, *args), "--format", "json"]
        return json.loads(check_command(command).stdout)

    def start(self, bdev, *args):
        return subprocess.Popen(
            [*self.command(bdev, *args), "--format", "json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def wait_for(process, condition):
    """Wait until condition() is true of a process that must not end before."""
    deadline = time.monotonic() + 20
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.005)


def read_if_there(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def close_to(value, wanted):
    return abs(value - wanted) <= 0.01 * wanted


@test
def every_mode_is_measured_side_by_side():
    with Setup() as setup:
        report = setup.report("null", "--qd", "4", "--runs", "2")
    assert [mode["mode"] for mode in report["modes"]] == MODES
    assert report["bdev"] == {"name": "null", "block_size_bytes": 4096, "num_blocks": 1024}
    assert report["error"] is None and report["interrupted"] is False
    for mode in report["modes"]:
        assert mode["runs"] == 2 and mode["errors"] == 0, mode
        assert mode["iops"] > 1000, mode
        assert close_to(mode["bandwidth_mib_per_s"], mode["iops"] * 4096 / MIB), mode
        low, middle, high = (mode[f"latency_{name}_ns"] for name in ("p50", "p99", "max"))
        assert 0 < mode["latency_min_ns"] <= low <= middle <= high, mode
        for sample in mode["samples"]:
            share = sample["cpu_s_per_million_ios"] * sample["iops"] / 1e6 * 100
            assert close_to(sample["cpu_percent"], share), sample


@test
def a_sleeping_queue_is_woken_for_its_completions():
    with Setup() as setup:
        with open(setup.disk, "wb") as disk:  # a hole would be answered at once
            disk.write(os.urandom(4 * MIB))
            os.fsync(disk.fileno())
        report = setup.report("disk", "--mode", "interrupt", "--time", "0.2")
    mode = report["modes"][0]
    assert mode["wakeups_per_s"] > 0.5 * mode["iops"], mode
    assert mode["ios_per_wakeup"] < 2, mode


@test
def a_request_that_begins_and_ends_in_one_turn_has_taken_time():
    with Setup() as setup:
        reports = [setup.report(bdev, "--qd", "32") for bdev in ("null", "disk")]
    for mode in (mode for report in reports for mode in report["modes"]):
        assert mode["latency_min_ns"] > 0, mode
        assert mode["stamps"] in ("exact", "sampled"), mode


@test
def every_workload_runs_on_a_file():
    with Setup() as setup:
        for rw in ("read", "write", "randread", "randwrite", "randrw"):
            report = setup.report("disk", "--rw", rw, "--mode", "adaptive", "--qd", "16")
            assert report["workload"]["rw"] == rw
            assert report["modes"][0]["iops"] > 0, report


@test
def every_core_has_a_worker():
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        raise Skip("needs two CPUs")
    mask = f"[{cpus[0]},{cpus[1]}]"
    with Setup() as setup:
        report = setup.report("disk", "--cpumask", mask, "--qd", "2", "--rw", "randrw")
    assert report["workload"]["cores"] == cpus, report["workload"]
    for mode in report["modes"]:
        assert mode["iops"] > 0 and mode["errors"] == 0, mode


@test
def writing_stays_in_its_range():
    options = ["--rw", "write", "--size", "64k", "--qd", "4", "--mode", "poll", "--runs", "1"]
    for time_s in (0.05, 1, 10):  # on a busy machine the first may not get round
        with Setup() as setup:
            report = setup.report("disk", *options, "--time", time_s)
            assert report["workload"]["range_bytes"] == 65536
            data = setup.disk.read_bytes()
        assert not any(data[65536:]), "something was written behind the range"
        blocks = [data[at : at + 4096] for at in range(0, 65536, 4096)]
        if all(any(block) for block in blocks):
            return
    raise AssertionError("a block of the range was not written")


@test
def the_text_report_has_a_column_for_each_mode():
    with Setup() as setup:
        text = check_command(setup.command("null", "--mode", "interrupt,poll")).stdout
    lines = text.splitlines()
    assert lines[0].startswith("bdev null: 1024 blocks of 4096 bytes; randread"), text
    assert lines[3].split() == ["interrupt", "poll"], text
    assert any(line.startswith("latency p99.9, us") for line in lines), text
    assert any(line.startswith("Latencies: the clock was read") for line in lines), text


def is_late_callback(line):
    """What a busy machine makes the log say."""
    return " warning reactor: " in line and "the CPU was busy elsewhere" in line


@test
def bad_arguments_are_one_line_and_code_2():
    with Setup() as setup:
        usual = ["run", "--bdev-json", setup.config, "--bdev"]
        cases = [
            ([], "give compare, replay, run, trace, wake or rpc"),
            (["walk"], "no such measurement"),
            (["run"], "--bdev-json is missing"),
            (["run", "--bdev-json", setup.config], "--bdev is missing"),
            (["run", "--bdev-json", "/nonexistent", "--bdev", "b"], "No such file"),
            ([*usual, "other"], "makes null, disk"),
            ([*usual, "null", "--bs", "512"], "multiple of 4096, the block size of bdev null"),
            ([*usual, "null", "--size", "1g"], "give at most 4194304"),
            ([*usual, "null", "--qd", "many"], "give a whole number"),
            ([*usual, "null", "--mode", "fast"], "poll, interrupt, adaptive"),
            ([*usual, "null", "--core", "1000"], "may not use CPU 1000"),
            (["wake", "--rounds", "0"], "give 1 to 99"),
            (["wake", "--sleep", "2"], "wake: --sleep"),
            (["wake", "--device", "/dev/null"], "--device /dev/null: give a file or a block"),
            (["rpc", "--idle", "1"], "no such option"),
        ]
        for args, wanted in cases:
            done = run_command([BENCH, *args])
            assert done.returncode == 2, (args, done)
            assert wanted in done.stderr, (args, done.stderr)
            lines = [line for line in done.stderr.splitlines() if not is_late_callback(line)]
            assert len(lines) == 1 and done.stdout == "", (args, done)


@test
def failing_io_is_counted_and_named_and_code_1():
    with Setup() as setup:
        process = setup.start("disk", "--mode", "interrupt", "--time", "1", "--qd", "2")
        fds = Path(f"/proc/{process.pid}/fd")

        def disk_is_open():
            return any(os.path.realpath(fd) == str(setup.disk.resolve()) for fd in fds.iterdir())

        wait_for(process, disk_is_open)
        os.truncate(setup.disk, 0)
        out, err = process.communicate(timeout=30)
        report = json.loads(out)
    assert process.returncode == 1, (process.returncode, err)
    assert report["modes"][0]["errors"] > 0, report
    assert "bdev disk: read of 4096 bytes at byte " in report["error"], report["error"]
    assert report["error"] in err, err


@test
def a_device_that_never_answers_is_reported_and_the_end_comes():
    with Setup() as setup:
        config = json.loads(setup.config.read_text())
        error = {"name": "EE_null", "io_type": "read", "error_type": "pending", "num": 1}
        config["subsystems"][0]["config"] += [
            {"method": "bdev_error_create", "params": {"base_name": "null"}},
            {"method": "bdev_error_inject_error", "params": error},
        ]
        setup.config.write_text(json.dumps(config))
        process = setup.start("EE_null", "--qd", "2", "--mode", "interrupt,poll")
        out, err = process.communicate(timeout=60)
        report = json.loads(out)
    assert process.returncode == 1, (process.returncode, err)
    assert "bdev EE_null: 1 requests were not answered within 10 s" in report["error"], report
    interrupt, poll = report["modes"]
    assert interrupt["iops"] > 0 and poll["runs"] == 0, report


@test
def a_signal_ends_it_and_prints_what_there_is():
    with Setup() as setup:
        process = setup.start("null", "--mode", "poll,interrupt", "--time", "60", "--warmup", "0")
        stat = Path(f"/proc/{process.pid}/stat")

        def has_worked():
            return int(stat.read_text().rpartition(")")[2].split()[11]) > 20

        wait_for(process, has_worked)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        report = json.loads(out)
    assert process.returncode == 0, err
    assert report["interrupted"] is True
    poll, interrupt = report["modes"]
    assert poll["runs"] == 1 and poll["iops"] > 1000, poll
    assert interrupt["runs"] == 0 and interrupt["iops"] is None, interrupt


def check_prices(prices, depths, samples):
    """Each price at each depth; "unavailable" only where there is no device, or no such call."""
    assert {price["idle_ns"] for price in prices} == depths, prices
    for price in prices:
        if price["unavailable"] is not None:
            assert price["late_median_ns"] is None and price["samples"] == 0, price
            continue
        assert price["samples"] == samples, price
        for what in ("late", "cpu"):
            low, middle, high = (price[f"{what}_{name}_ns"] for name in ("p5", "median", "p95"))
            if price["name"] == "device_interrupt":  # a difference, of what is not CPU time
                assert what == "late" and low <= middle <= high or low is None, price
            else:
                assert 0 <= low <= middle <= high, price


@test
def wake_tells_what_a_sleep_costs():
    with Setup() as setup:
        command = [BENCH, "wake", "--prices-only", "--samples", "3", "--sleep", "10us"]
        command += ["--device", setup.disk]
        report = json.loads(check_command([*command, "--format", "json"]).stdout)
        text = check_command(command).stdout
    assert report["pairs"] == [] and report["idle"] == []
    check_prices(report["prices"], {10_000}, 3)
    named = {price["name"]: price for price in report["prices"]}
    assert named["wake_eventfd"]["unavailable"] is None, named
    assert named["timer_timerfd"]["unavailable"] is None, named
    assert named["device_interrupt"]["unavailable"] is None, named
    assert report["machine"]["device"]["kind"] == "file", report["machine"]
    assert report["machine"]["cpu"]["num_allowed"] == len(os.sched_getaffinity(0))
    assert any("has holes" in line for line in report["warnings"]), report["warnings"]
    assert text.startswith("prices of a sleep on CPU "), text
    assert "woken by an eventfd" in text and "warning: " in text, text


@test
def wake_has_prices_on_one_cpu():
    need_program("taskset")
    cpu = min(os.sched_getaffinity(0))
    command = ["taskset", "-c", cpu, BENCH, "wake", "--prices-only", "--samples", "2"]
    command += ["--sleep", "10us", "--format", "json"]
    report = json.loads(check_command([str(word) for word in command]).stdout)
    assert report["cores"] == [cpu], report["cores"]
    check_prices(report["prices"], {10_000}, 2)
    assert any("there is one CPU" in line for line in report["warnings"]), report["warnings"]


@test
def a_signal_ends_the_prices():
    command = [str(BENCH), "wake", "--prices-only", "--samples", "100000", "--format", "json"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    tasks = Path(f"/proc/{process.pid}/task")

    def is_measuring():
        names = [task / "comm" for task in tasks.iterdir()]
        return any(read_if_there(name) == "ebb-waker\n" for name in names)

    wait_for(process, is_measuring)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    report = json.loads(out)
    assert process.returncode == 0, err
    assert report["interrupted"] is True
    for price in report["prices"]:  # those that were not begun are not there
        assert price["samples"] > 0 or price["unavailable"] is not None, price


@test
def wake_measures_messages_and_an_idle_service():
    options = ["--rounds", "2", "--time", "50ms", "--settle", TRAILING_S, "--idle", "0.5"]
    options += ["--samples", "4", "--sleep", "1ms"]
    report = json.loads(check_command([BENCH, "wake", *options, "--format", "json"]).stdout)
    cpus = len(os.sched_getaffinity(0))
    assert len(report["cores"]) == min(cpus, 2), report["cores"]
    assert [idle["mode"] for idle in report["idle"]] == ["interrupt", "adaptive"]
    for idle in report["idle"]:
        assert idle["wakeups"] == 0 and idle["context_switches"] == 0, idle
    check_prices(report["prices"], {10_000, 1_000_000}, 4)
    if cpus < 2:
        raise Skip("messages between two reactors need two CPUs")
    assert len(report["pairs"]) == 5, report["pairs"]
    for pair in report["pairs"]:
        # What took less was not done; on a busy machine either of the two may take any time.
        assert pair["ebb_ns"] > 20 and pair["floor_ns"] > 20, pair
        assert len(pair["rounds"]) == 2, pair


@test
def rpc_measures_a_round_trip_and_leaves_nothing_behind():
    with tempfile.TemporaryDirectory(prefix="ebb") as folder:
        command = [BENCH, "rpc", "--rounds", "1", "--time", "50ms", "--format", "json"]
        environment = {**os.environ, "TMPDIR": folder}
        report = json.loads(check_command(command, env=environment).stdout)
        assert not os.listdir(folder), os.listdir(folder)
    names = [pair["name"] for pair in report["pairs"]]
    assert "rpc_on_one_core" in names, names
    for pair in report["pairs"]:
        assert pair["ebb_ns"] > 1000 and pair["floor_ns"] > 1000, pair


@test
def against_fio_compares_in_pairs():
    need_program("fio")
    with Setup() as setup:
        command = [ROOT / "bench" / "against-fio", "--ebb-bench", BENCH, "--format", "json"]
        command += ["--file", setup.folder / "fio.img", "--size", 8 * MIB, "--pairs", "1"]
        command += ["--qd", "4", "--rw", "randread", "--mode", "interrupt"]
        report = json.loads(check_command(command).stdout)
        left = [path.name for path in setup.folder.iterdir() if path.is_dir()]
    (result,) = report["comparisons"]
    assert (result["rw"], result["queue_depth"], result["mode"]) == ("randread", 4, "interrupt")
    assert result["ebb_iops"] > 10 and result["fio_iops"] > 10, result
    assert result["iops_ratio"] == result["ebb_iops"] / result["fio_iops"], result
    assert result["cpu_ratio"] > 0, result
    assert not left, left


run()
