#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ebb-bench compare reports: JSON as its schema says, CSV, tables. (What it measures is tested by
test_bench_compare.py.)"""

import csv
import io
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import BUILD, ROOT, Skip, check_command, run, run_command, test

BENCH = BUILD / "ebb-bench"
SCHEMA = ROOT / "bench" / "report" / "report.schema.json"
MIB = 1 << 20


class Folder:
    """A folder with a file that has no holes, and one whose name turns what follows it round."""

    def __init__(self):
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="report-", dir=parent)
        self.path = Path(self.temporary.name)
        self.disk = self.path / "disk.img"
        self.disk.write_bytes(os.urandom(4 * MIB))
        self.foreign = self.path / 'a,"b" \u202egmi.img'
        self.foreign.write_bytes(os.urandom(MIB))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()


def command(*args):
    times = ["--time", "0.05", "--warmup", "0.01"]
    return [BENCH, "compare", *args, "--bs", "4k", *times]


def assert_valid(report):
    try:
        import jsonschema
    except ImportError as error:
        raise Skip("python3-jsonschema is needed") from error
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    errors = [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(report)]
    assert not errors, errors[:5]


@test
def json_is_as_its_schema_says():
    with Folder() as folder:
        words = command(folder.disk, "--qd", "1", "--rate", "2k", "--shape", "closed,poisson,on-off")
        report = json.loads(check_command([*words, "--runs", "2", "--format", "json"]).stdout)
    assert_valid(report)
    assert len(report["loads"]) == 3 and len(report["cells"]) == 9
    for cell in report["cells"]:
        assert cell["runs"] == 2 and cell["error"] is None, cell
        histogram = cell["latency_histogram"]
        assert sum(count for _, count in histogram["upper_ns_and_count"]) == histogram["count"]
        spread = cell["metrics"]["latency_p50_ns"]
        assert spread["low"] <= spread["median"] <= spread["high"]
    # Each of the three modes over the two others, under each load.
    assert len(report["ratios"]) == 18


@test
def json_of_an_interrupted_comparison_is_as_its_schema_says():
    with Folder() as folder:
        out = folder.path / "report.json"
        words = command(folder.disk, "--qd", "1", "--mode", "poll,interrupt", "--runs", "99")
        bench = subprocess.Popen(
            [*words, "--json", out],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # It says on stderr that it begins; a run or two are measured meanwhile, or none.
        bench.stderr.readline()
        time.sleep(0.3)
        bench.send_signal(signal.SIGINT)
        text, _ = bench.communicate(timeout=60)
        report = json.loads(out.read_text())
    assert_valid(report)
    assert report["interrupted"] and b"Ended early by a signal" in text, text


@test
def foreign_names_are_harmless_wherever_they_are_printed():
    with Folder() as folder:
        table = folder.path / "table.csv"
        out = folder.path / "report.json"
        words = command(folder.foreign, "--qd", "1", "--mode", "poll", "--runs", "1")
        text = check_command([*words, "--csv", table, "--json", out]).stdout
        rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode(), newline="")))
        report = json.loads(out.read_text())
        complaint = run_command(command(folder.path / "no\u202e\x1b[2J")).stderr
    assert "/no\\u202e\\x1b[2J: No such file" in complaint, complaint
    assert '/a,"b" \\u202egmi.img: file' in text, text
    assert "\u202e" not in text, text
    assert rows[0]["target"] == report["targets"][0]["name"] == str(folder.foreign)
    assert_valid(report)


@test
def csv_has_the_figures_of_the_json():
    with Folder() as folder:
        out = folder.path / "report.json"
        words = command(folder.disk, "--qd", "1,4", "--runs", "2", "--json", out)
        text = check_command([*words, "--format", "csv"]).stdout
        report = json.loads(out.read_text())
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(report["cells"]) == 6
    for row, cell in zip(rows, report["cells"]):
        assert row["load"] == report["loads"][cell["load"]]["name"]
        assert row["contender"] == report["contenders"][cell["contender"]]["name"]
        for name, spread in cell["metrics"].items():
            want = ["" if value is None else value for value in spread.values()]
            got = [row[name], row[name + "_low"], row[name + "_high"]]
            assert [value and float(value) for value in got] == want, (name, got, want)


@test
def tables_fit_the_columns_there_are():
    with Folder() as folder:
        words = command(folder.disk, "--qd", "1", "--runs", "2")
        environment = {**os.environ, "COLUMNS": "70"}
        text = check_command(words, env=environment).stdout
    assert "What does polling buy, and what does it cost?" in text, text
    path = str(folder.disk)
    for line in text.splitlines():
        assert len(line) <= 70 or path in line, line


run()
