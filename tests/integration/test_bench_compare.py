#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ebb-bench compare: what it measures, what it refuses, how it ends. (How fast anything is, is no test.)"""

import csv
import json
import os
import pty
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import BUILD, Skip, run, run_command, test

BENCH = BUILD / "ebb-bench"
MODES = ["poll", "interrupt", "adaptive"]
MIB = 1 << 20
SHORT = ["--time", "50ms", "--warmup", "10ms", "--runs", "1"]


class Setup:
    """A folder with a file that is filled, and a configuration that makes bdevs."""

    def __init__(self, *methods):
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="compare-", dir=parent)
        self.folder = Path(self.temporary.name)
        self.disk = self.folder / "disk.img"
        with open(self.disk, "wb") as disk:
            disk.write(os.urandom(4 * MIB))
            os.fsync(disk.fileno())
        self.config = self.folder / "bench.json"
        null = {"name": "null", "num_blocks": 1024, "block_size": 4096}
        self.configure([("bdev_null_create", null), *methods])

    def configure(self, methods, *subsystems):
        config = [{"method": method, "params": params} for method, params in methods]
        bdev = {"subsystem": "bdev", "config": config}
        self.config.write_text(json.dumps({"subsystems": [bdev, *subsystems]}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def run(self, *args):
        return run_command([BENCH, "compare", *SHORT, *args])

    def report(self, *args, code=0):
        done = self.run(*args, "--format", "json")
        assert done.returncode == code, done
        return json.loads(done.stdout)


def complaint(done):
    """The one line that a command has complained with."""
    begins = ("ebb-bench: compare: ", "ebb-bench: cannot write ")
    lines = [line for line in done.stderr.splitlines() if line.startswith(begins)]
    assert len(lines) == 1, done
    return lines[0]


def names(report):
    return [contender["name"] for contender in report["contenders"]]


@test
def a_file_is_compared_without_a_word_of_configuration():
    with Setup() as setup:
        before = setup.disk.read_bytes()
        report = setup.report(setup.disk, "--qd", "1,4", "--runs", "2")
        assert setup.disk.read_bytes() == before
    assert names(report) == MODES, report
    assert len(report["loads"]) == 2 and report["rounds"] == 2
    assert report["interrupted"] is False
    cells = report["cells"]
    assert len(cells) == 6, cells
    for cell in cells:
        assert cell["error"] is None and cell["runs"] == 2, cell
    assert any(cell["metrics"]["iops"]["median"] > 0 for cell in cells), cells


@test
def every_kind_of_load_is_measured():
    with Setup() as setup:
        report = setup.report(
            setup.disk,
            *["--write", "--rw", "randread,randrw", "--rwmixread", "70,90", "--bs", "4k,16k"],
            *["--qd", "2", "--mode", "interrupt"],
        )
    assert len(report["loads"]) == 6, report["loads"]
    assert all(cell["error"] is None for cell in report["cells"]), report["cells"]


@test
def bdevs_of_a_configuration_are_compared_with_each_other():
    with Setup() as setup:
        report = setup.report("null", setup.disk, "--bdev-json", setup.config, "--qd", "1")
    assert [target["kind"] for target in report["targets"]] == ["bdev", "file"]
    assert len(report["cells"]) == 6
    assert all(cell["runs"] == 1 for cell in report["cells"]), report["cells"]


@test
def a_percentage_is_of_what_poll_mode_sustains():
    with Setup() as setup:
        done = setup.run("null", "--bdev-json", setup.config, "--rate", "1%,2%", "--mode", "poll")
    assert done.returncode in (0, 1), done
    lines = [line for line in done.stderr.splitlines() if "poll mode sustains" in line]
    assert len(lines) == 1, done.stderr  # measured once, and said


@test
def a_fixed_plan_is_a_contender():
    with Setup() as setup:
        report = setup.report(setup.disk, "--qd", "1", "--mode", "poll", "--plan", "30us,65us")
    assert names(report) == ["poll", "plan 30us,65us"]
    assert all(cell["runs"] == 1 for cell in report["cells"]), report["cells"]


@test
def mistakes_are_one_line_and_code_2():
    with Setup() as setup:
        disk = setup.disk
        (setup.folder / "empty").touch()
        cases = [
            ([], "what is to be measured?"),
            ([setup.folder / "none"], "No such file or directory"),
            ([setup.folder / "empty"], "too short"),
            ([setup.folder], "a folder"),
            (["/dev/null"], "no device that stores blocks"),
            (["other", "--bdev-json", setup.config], "no such bdev; the configuration makes null"),
            (["null", "--bdev-json", "/none.json"], "No such file"),
            ([disk, "--rate", "20x"], "give I/Os a second"),
            ([disk, "--mode", "adaptve"], "did you mean adaptive?"),
            ([disk, "--shape", "closed", "--rate", "1k"], "a closed loop has none"),
            ([disk, "--rw", "randwrite"], "give --write, too"),
            ([disk, disk], "the same twice"),
            ([disk, setup.folder / ".." / setup.folder.name / disk.name], "the same twice"),
            ([disk, "-q", "5"], "-q: no such option; they begin with --"),
            ([disk, "--size", "1g"], "give at most 4194304"),
            ([disk, "--bs", "8m"], "out of range"),
            (["null", "--bdev-json", setup.config, "--bs", "512"], "multiple of 4096"),
            ([disk, "--json", setup.folder / "no" / "x"], "No such file or directory; give a file"),
            ([disk, "--csv", setup.folder], "no regular file"),
            ([disk, "--with", "foo"], "foo"),
        ]
        for args, wanted in cases:
            done = setup.run(*args)
            assert done.returncode == 2, (args, done)
            assert wanted in done.stderr, (args, done.stderr)
            assert done.stdout == "", (args, done)
            last = done.stderr.splitlines()[-1]
            assert last.startswith("ebb-bench: "), (args, done.stderr)


@test
def what_others_use_is_not_written_to():
    with Setup() as setup:
        options = ["--write", "--rw", "randwrite", "--qd", "1"]
        nbd = {
            "subsystem": "nbd",
            "config": [
                {
                    "method": "nbd_start_export",
                    "params": {
                        "bdev_name": "null",
                        "path": str(setup.folder / "nbd.sock"),
                        "export_name": "mine",
                    },
                }
            ],
        }
        null = {"name": "null", "num_blocks": 1024, "block_size": 4096}
        setup.configure([("bdev_null_create", null)], nbd)
        done = setup.run("null", "--bdev-json", setup.config, *options)
        assert done.returncode == 2, done
        assert "exported as 'mine'" in complaint(done)
        done = setup.run("null", "--bdev-json", setup.config, *options, "--force")
        assert done.returncode == 2, done
        setup.configure([("bdev_null_create", null), ("bdev_error_create", {"base_name": "null"})])
        done = setup.run("null", "--bdev-json", setup.config, *options)
        assert done.returncode == 2 and "EE_null stands on it" in complaint(done), done
        assert setup.run("null", "--bdev-json", setup.config, "--qd", "1").returncode == 0


def loop_device(path):
    """A loop device of that file; skips where there can be none."""
    done = run_command(["losetup", "-f", "--show", path])
    if done.returncode != 0:
        raise Skip(f"no loop device: {done.stderr.strip()}")
    return done.stdout.strip()


@test
def the_file_behind_a_loop_device_is_not_written_to():
    with Setup() as setup:
        loop = loop_device(setup.disk)
        try:
            done = setup.run(setup.disk, "--write", "--rw", "randwrite", "--qd", "1")
            assert done.returncode == 2, done
            why = f"in use: behind {Path(loop).name}; losetup -d it"
            assert f"nothing is written to what is {why}" in complaint(done)
        finally:
            run_command(["losetup", "-d", loop])


@test
def a_sparse_file_is_said_to_be():
    with Setup() as setup:
        holes = setup.folder / "holes.img"
        holes.touch()
        os.truncate(holes, MIB)
        report = setup.report(holes, setup.disk, "--qd", "1", "--mode", "interrupt")
    assert [target["sparse"] for target in report["targets"]] == [True, False]
    lines = [line for line in report["warnings"] if "is sparse" in line]
    assert len(lines) == 1 and "holes.img" in lines[0] and "fill it" in lines[0], report["warnings"]


@test
def a_device_that_fails_has_an_error_in_its_cells_and_the_rest_goes_on():
    with Setup() as setup:
        null = {"name": "null", "num_blocks": 1024, "block_size": 4096}
        inject = {"name": "EE_null", "io_type": "read", "error_type": "failure", "num": 1000000000}
        setup.configure(
            [
                ("bdev_null_create", null),
                ("bdev_error_create", {"base_name": "null"}),
                ("bdev_error_inject_error", inject),
            ]
        )
        args = ["EE_null", setup.disk, "--bdev-json", setup.config, "--qd", "1", "--runs", "2"]
        report = setup.report(*args, code=1)
        done = setup.run(*args)
    for cell in report["cells"]:
        if cell["target"] == 0:
            assert cell["error"] is not None and "EE_null" in cell["error"], cell
        else:
            assert cell["error"] is None and cell["runs"] == 2, cell
    assert done.returncode == 1 and "disk.img" in done.stdout, done


@test
def one_read_that_fails_does_not_keep_the_rates_from_being_found():
    with Setup() as setup:
        null = {"name": "null", "num_blocks": 1024, "block_size": 4096}
        inject = {"name": "EE_null", "io_type": "read", "error_type": "failure", "num": 1}
        setup.configure(
            [
                ("bdev_null_create", null),
                ("bdev_error_create", {"base_name": "null"}),
                ("bdev_error_inject_error", inject),
            ]
        )
        args = ["EE_null", "--bdev-json", setup.config, "--rate", "1%", "--qd", "1", "--mode", "poll"]
        report = setup.report(*args)
    assert report["cells"][0]["error"] is None and report["cells"][0]["runs"] == 1, report["cells"]


def on_terminal(command, seen):
    """Run a command whose stderr is a terminal, and call seen(process, text) whenever it has written there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        text += part
        seen(process, text)
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, out.decode(), text


def interrupted(setup, number, *args):
    """Start a long comparison, and send a signal when some runs have been measured."""
    command = [BENCH, "compare", setup.disk, "--qd", "1", "--time", "30ms", "--warmup", "0"]
    command += ["--runs", "99", "--mode", "interrupt,adaptive", *args]
    sent = []

    def end(process, text):
        if not sent and b" 5/198" in text:
            sent.append(number)
            process.send_signal(number)

    return on_terminal(command, end)


def open_modes(pid, path):
    """How a process has that file open: the access modes of its descriptors."""
    modes = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        if os.path.realpath(fd) == str(path.resolve()):
            info = Path(f"/proc/{pid}/fdinfo/{fd.name}").read_text()
            flags = int(info.split("flags:")[1].split()[0], 8)
            modes.append(flags & os.O_ACCMODE)
    return modes


@test
def nothing_is_written_without_leave():
    """A file is opened for reading only, unless a load writes."""
    for rw, wanted in (("randread", os.O_RDONLY), ("randrw", os.O_RDWR)):
        seen = []

        def look(process, text, seen=seen, wanted=wanted):
            if not seen and b" 1/4" in text:
                seen.extend(open_modes(process.pid, setup.disk))

        with Setup() as setup:
            command = [BENCH, "compare", setup.disk, "--write", "--rw", rw, "--qd", "1"]
            command += ["--time", "50ms", "--runs", "4", "--mode", "interrupt"]
            code, _, text = on_terminal(command, look)
            assert setup.disk.stat().st_size == 4 * MIB
        assert code == 0 and seen and set(seen) == {wanted}, (rw, code, seen, text)


@test
def a_second_signal_ends_it_at_once():
    with Setup() as setup:
        command = [BENCH, "compare", setup.disk, "--qd", "1", "--time", "600", "--runs", "1"]
        sent = []

        def end(process, text):
            if not sent and b" 0/" in text:
                sent.append(True)
                # Stopped, it has both before it can answer to the first.
                process.send_signal(signal.SIGSTOP)
                process.send_signal(signal.SIGINT)
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGCONT)

        code, out, _ = on_terminal(command, end)
    assert sent and code in (-signal.SIGINT, -signal.SIGTERM), (code, out)


@test
def a_device_of_known_speed_is_a_target():
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU: the device has none of its own")
    args = ["--stand-in", "200us", "--qd", "1", "--mode", "poll,interrupt", "--size", "1m"]
    with Setup() as setup:
        for time_s in ("50ms", "1", "10"):  # on a busy machine nothing may be done in the first
            report = setup.report(*args, "--time", time_s)
            latencies = [cell["metrics"]["latency_max_ns"]["median"] for cell in report["cells"]]
            if None not in latencies:
                break
        done = setup.run("--stand-in", "200us,fast")
    target = report["targets"][0]
    assert target["kind"] == "stand-in" and target["driver"] == "Stand-in", target
    for cell in report["cells"]:
        assert cell["error"] is None, cell
        latency = cell["metrics"]["latency_min_ns"]["median"]
        assert latency is None or latency >= 200000, cell  # None: a busy machine let it do nothing
    lines = [line for line in report["warnings"] if line.startswith("the stand-in itself")]
    assert len(lines) == 1 and "late by" in lines[0], report["warnings"]
    assert done.returncode == 2 and "--stand-in 200us,fast: give a time" in complaint(done)


@test
def the_best_fixed_plan_is_searched_for_each_load():
    with Setup() as setup:
        args = [setup.disk, "--qd", "1,4", "--mode", "interrupt", "--search-plan", "--time", "20ms"]
        report = setup.report(*args, "--price", "2")
        done = setup.run(*args)
    assert len(names(report)) == 2, names(report)
    assert names(report)[1].startswith("best plan ") and names(report)[1].endswith("at price 2")
    assert report["contenders"][1]["kind"] == "plan"
    assert all(cell["runs"] == 1 for cell in report["cells"]), report["cells"]
    found = [line for line in done.stderr.splitlines() if "the best of" in line]
    assert len(found) == 6, done.stderr  # two loads, three prices
    for price in ("0.25", "1", "4"):
        assert f"at price {price}" in done.stdout, done.stdout


@test
def what_is_read_is_verified():
    with Setup() as setup:
        args = [setup.disk, "--verify", "--write", "--rw", "randrw", "--qd", "4", "--mode", "poll"]
        assert setup.run(*args).returncode == 0
        assert setup.run(setup.disk, "--verify").returncode == 2


@test
def every_form_of_output_is_of_the_same_results():
    with Setup() as setup:
        json_file, csv_file, html_file = (setup.folder / f"o.{end}" for end in ("json", "csv", "html"))
        files = ["--json", json_file, "--csv", csv_file, "--html", html_file]
        done = setup.run(setup.disk, "--qd", "1,4", *files, "--format", "csv")
        assert done.returncode == 0, done
        report = json.loads(json_file.read_text())
        with open(csv_file, newline="") as file:
            rows = list(csv.DictReader(file))
        with open(csv_file, newline="") as file:
            assert file.read().splitlines() == done.stdout.splitlines()
        page = html_file.read_text()
    assert [row["contender"] for row in rows] == MODES * 2
    for row, cell in zip(rows, report["cells"]):
        assert float(row["iops"]) == cell["metrics"]["iops"]["median"], (row, cell)
    assert page.lower().startswith("<!doctype html>") and page.rstrip().endswith("</html>")


@test
def a_signal_gives_what_was_measured_so_far():
    for number in (signal.SIGINT, signal.SIGTERM):
        with Setup() as setup:
            output = setup.folder / "out.json"
            code, out, err = interrupted(setup, number, "--format", "json", "--json", output)
            assert code == 0, (code, err)
            report = json.loads(out)
            assert json.loads(output.read_text())["cells"] == report["cells"]
        assert report["interrupted"] is True, report
        assert 0 < sum(cell["runs"] for cell in report["cells"]) < 198, report["cells"]


@test
def a_signal_before_the_first_round_leaves_nothing_and_says_so():
    """While it is being found out what poll mode sustains: no file that a script would take for one."""
    with Setup() as setup:
        output = setup.folder / "out.json"
        command = [BENCH, "compare", setup.disk, "--rate", "50%", "--time", "60", "--json", output]
        command += ["--warmup", "60"]
        sent = []

        def end(process, text):
            if not sent and b"Ctrl-C" in text:
                sent.append(True)
                process.send_signal(signal.SIGINT)

        code, out, text = on_terminal(command, end)
        assert sent and code == 1, (code, text)
        assert out == "" and not output.exists()
        assert b"a signal came before anything was measured" in text, text


@test
def an_output_never_takes_the_place_of_what_is_measured():
    with Setup() as setup:
        before = setup.disk.read_bytes()
        link = setup.folder / "link.json"
        link.symlink_to(setup.disk)
        for output in (setup.disk, link, setup.folder / "." / setup.disk.name):
            done = setup.run(setup.disk, "--json", output)
            assert done.returncode == 2 and "which would be lost" in complaint(done), done
        done = setup.run("null", "--bdev-json", setup.config, "--csv", setup.config)
        assert done.returncode == 2 and "which would be lost" in complaint(done), done
        done = setup.run(setup.disk, "--csv", setup.folder / "x", "--html", f"{setup.folder}/./x")
        assert done.returncode == 2 and "two outputs cannot be one" in complaint(done), done
        assert setup.disk.read_bytes() == before


@test
def a_reactor_that_may_sleep_is_held_on_a_cpu_that_is_not_the_devices():
    """The companion, which wakes it, would pull it to its own CPU, and be stopped while it looks."""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU: the device has none of its own")
    with Setup() as setup:
        places = set()
        command = [BENCH, "compare", "--stand-in", "100us", "--qd", "1", "--mode", "interrupt"]
        command += ["--time", "50ms", "--runs", "2", "--warmup", "0"]

        def look(process, text):
            if b" 1/2" in text and not places:
                for task in Path(f"/proc/{process.pid}/task").iterdir():
                    cpus = os.sched_getaffinity(int(task.name))
                    if len(cpus) == 1:
                        places.add((task.name, *cpus))

        code, _, text = on_terminal(command, look)
        report = setup.report(setup.disk, "--qd", "1", "--mode", "poll")
    assert code == 0, text
    assert len({cpu for _, cpu in places}) >= 2, places
    # The harness, which looks at the machine and starts peers, is not held with them.
    allowed = len(os.sched_getaffinity(0))
    assert report["machine"]["cpu"]["num_allowed"] == allowed, report["machine"]["cpu"]


@test
def outputs_are_written_whole_or_not_at_all():
    with Setup() as setup:
        output = setup.folder / "out.json"
        output.write_text("old")
        args = [setup.disk, "--qd", "1", "--mode", "interrupt", "--json", output]
        assert setup.run(*args).returncode == 0
        assert json.loads(output.read_text())["benchmark"] == "compare"
        assert sorted(path.name for path in setup.folder.iterdir()) == [
            "bench.json",
            "disk.img",
            "out.json",
        ]


@test
def a_full_disk_costs_the_file_and_not_the_table():
    with Setup() as setup:
        small = setup.folder / "small"
        small.mkdir()
        options = "size=16k,mode=700"
        done = run_command(["mount", "-t", "tmpfs", "-o", options, "tmpfs", small])
        if done.returncode != 0:
            raise Skip(f"no small file system: {done.stderr.strip()}")
        try:
            (small / "filler").write_bytes(bytes(12 << 10))
            output = small / "out.json"
            done = setup.run(setup.disk, "--qd", "1", "--mode", "poll", "--json", output)
            assert done.returncode == 1, done
            assert "No space left" in complaint(done) and "out.json" in complaint(done)
            assert "poll" in done.stdout, done
            assert not output.exists() and len(list(small.iterdir())) == 1
        finally:
            run_command(["umount", small])


@test
def the_progress_is_for_terminals():
    with Setup() as setup:
        command = [BENCH, "compare", setup.disk, "--qd", "1", *SHORT, "--mode", "poll,interrupt"]
        command = [str(word) for word in command]
        done = run_command(command)
        assert done.returncode == 0 and "\r" not in done.stderr and "[#" not in done.stderr, done
        code, out, seen = on_terminal(command, lambda *_: None)
    assert code == 0, seen
    assert b"0/2: randread 4k qd 1, " in seen and b"1/2, " in seen, seen
    assert "\r" not in out and "\x1b" not in out, out
    assert seen.rstrip(b"\r\n").endswith(b"\r\x1b[K"), seen


run()
