#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ebb-bench replay and trace: what they replay, make, and refuse. (How fast it is, is no test.)"""

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import BUILD, Skip, check_command, run, run_command, test

BENCH = BUILD / "ebb-bench"
MODES = ["poll", "interrupt", "adaptive"]
MIB = 1 << 20
BLKPARSE = """\
  8,0    3        1     0.000001000   697  Q   R 8 + 8 [kjournald]
  8,0    3        2     0.000003000   697  D   R 8 + 8 [kjournald]
  8,0    3        3     0.000004000   697  D   R 80 + 16 [kjournald]
CPU0 (8,0):
 Reads Queued:           1,        4KiB
"""
LATENCIES = "5, 1000000, 0, 4096, 12288\n7, 500000, 0, 8192, 0, 0\n"
IOLOG_2 = "fio version 2 iolog\nf add\nf open\nf read 0 4096\nf wait 500 0\nf read 4096 4096\n"


class Setup:
    """A folder with a file of data and a configuration that makes the bdev "null"."""

    def __init__(self, size=4 * MIB):
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="replay-", dir=parent)
        self.folder = Path(self.temporary.name)
        self.disk = self.folder / "disk.img"
        self.data = os.urandom(size)
        self.disk.write_bytes(self.data)
        self.config = self.folder / "bench.json"
        null = {"name": "null", "num_blocks": 1 << 20, "block_size": 4096}
        methods = [{"method": "bdev_null_create", "params": null}]
        subsystem = {"subsystem": "bdev", "config": methods}
        self.config.write_text(json.dumps({"subsystems": [subsystem]}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def trace(self, name, text=None):
        path = self.folder / f"{name}.log"
        if text is None:
            check_command([str(BENCH), "trace", name, "--out", str(path)])
        else:
            path.write_text(text)
        return path

    def command(self, *args):
        return [str(word) for word in [BENCH, "replay", *args]]

    def report(self, *args):
        result = check_command(self.command(*args, "--format", "json"))
        return json.loads(result.stdout), result.stderr


def cells_of(report):
    cells = report["cells"]
    assert [cell["error"] for cell in cells] == [None] * len(cells), cells
    return cells


@test
def samples_are_listed_and_the_same_from_the_same_seed():
    listed = check_command([str(BENCH), "trace", "--list"]).stdout
    names = [line.split()[0] for line in listed.splitlines()]
    assert names == ["laptop-day", "mail-server", "database", "vm-boot"], listed
    for name in names:
        one = check_command([str(BENCH), "trace", name]).stdout
        assert one.startswith(f"fio version 3 iolog\n0 {name} add\n0 {name} open\n"), one[:80]
        assert one == check_command([str(BENCH), "trace", name, "--seed", "1"]).stdout
        assert one != check_command([str(BENCH), "trace", name, "--seed", "2"]).stdout


@test
def a_sample_is_replayed_on_a_file_in_each_mode():
    with Setup() as setup:
        trace = setup.trace("vm-boot")
        report, said = setup.report(
            trace, setup.disk, "--reads-only", "--limit", 900, "--speed", 10, "--offsets", "wrap"
        )
        assert [contender["name"] for contender in report["contenders"]] == MODES, report
        for cell in cells_of(report):
            assert cell["runs"] == 1, cell
        assert "900 requests" in said and "moved" in said and "left out" in said, said
        assert setup.disk.read_bytes() == setup.data


@test
def every_format_is_replayed_on_a_bdev():
    with Setup() as setup:
        for name, text in (("blk", BLKPARSE), ("lat", LATENCIES), ("iolog", IOLOG_2)):
            trace = setup.trace(name, text)
            report, said = setup.report(trace, "null", "--bdev-json", setup.config)
            cells_of(report)
            assert "2 requests (0 write)" in said, said
            assert report["loads"][0]["shape"] == "trace", report["loads"]


@test
def a_stand_in_serves_a_trace():
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("a stand-in needs a second CPU")
    with Setup() as setup:
        trace = setup.trace("database")
        args = [trace, "--stand-in", "20us", "--limit", "100", "--reads-only", "--plan", "5us,30us"]
        report, _ = setup.report(*args)
        assert len(cells_of(report)) == 4, report


@test
def a_trace_comes_from_a_pipe_and_has_a_table():
    with Setup() as setup:
        page = setup.folder / "page.html"
        command = setup.command("-", setup.disk, "--mode", "interrupt", "--html", page)
        result = subprocess.run(
            command, input=BLKPARSE, capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result
        assert "trace stdin qd 128" in page.read_text(encoding="utf-8")
        assert "trace stdin qd 128" in result.stdout and "interrupt" in result.stdout, result


@test
def writes_are_refused_unless_they_are_allowed():
    text = "fio version 3 iolog\n0 f write 8192 4096\n50 f read 0 4096\n"
    with Setup() as setup:
        trace = setup.trace("writes", text)
        result = run_command(setup.command(trace, setup.disk))
        assert result.returncode == 2 and "1 of its 2 requests write" in result.stderr, result
        setup.report(trace, setup.disk, "--reads-only")
        assert setup.disk.read_bytes() == setup.data
        setup.report(trace, setup.disk, "--write", "--mode", "poll")
        now = setup.disk.read_bytes()
        assert now[:8192] == setup.data[:8192] and now[12288:] == setup.data[12288:]
        assert now[8192:12288] != setup.data[8192:12288]


@test
def several_cores_share_a_trace():
    if not {0, 1} <= os.sched_getaffinity(0):
        raise Skip("needs CPUs 0 and 1")
    blocks = range(0, 101, 2)
    text = "fio version 3 iolog\n"
    text += "".join(f"{i} f write {block * 4096} 4096\n" for i, block in enumerate(blocks))
    with Setup() as setup:
        trace = setup.trace("writes", text)
        setup.report(trace, setup.disk, "--write", "--mode", "poll", "--cpumask", "0x3")
        now = setup.disk.read_bytes()
        for block in range(len(now) // 4096):
            same = now[block * 4096 :][:4096] == setup.data[block * 4096 :][:4096]
            assert same != (block in blocks), block


@test
def ctrl_c_gives_what_there_is():
    text = "fio version 3 iolog\n0 f read 0 4096\n1000 f read 4096 4096\n"
    text += "1000000000 f read 0 4096\n"  # a quarter of an hour later
    with Setup() as setup:
        trace = setup.trace("long", text)
        process = subprocess.Popen(
            setup.command(trace, "null", "--bdev-json", setup.config, "--format", "json"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while "requests" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert json.loads(out)["interrupted"] is True, out


@test
def mistakes_are_one_line_and_code_2():
    with Setup() as setup:
        good = setup.trace("good", IOLOG_2)
        bad = setup.trace("bad", "fio version 3 iolog\n0 f read 0 4096\n0 f read here 4096\n")
        far = setup.trace("far", "fio version 3 iolog\n0 f read 1073741824 4096\n")
        for args, text in (
            ([], "which trace?"),
            ([good], "on what is it to be replayed?"),
            (["/nowhere.log", setup.disk], "/nowhere.log: No such file or directory"),
            ([bad, setup.disk], 'bad.log: line 3: "0 f read here 4096": expected'),
            ([setup.config, setup.disk], "bench.json: line 1:"),
            ([good, setup.folder / "none"], "none"),
            ([far, setup.disk, "--offsets", "refuse"], "is not in the device"),
            ([good, setup.disk, "--json", setup.folder / "no" / "where"], "--json"),
        ):
            result = run_command(setup.command(*args))
            lines = result.stderr.strip().splitlines()
            assert result.returncode == 2 and len(lines) == 1, result
            assert lines[0].startswith("ebb-bench: ") and text in lines[0], result
        result = run_command([str(BENCH), "trace", "laptop-dya"])
        assert result.returncode == 2 and "did you mean laptop-day?" in result.stderr, result
        result = run_command([str(BENCH), "trace", "vm-boot", "--out", "/dev/full"])
        assert result.returncode in (1, 2) and "/dev/full" in result.stderr, result


run()
