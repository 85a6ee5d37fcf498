#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ebb-bench's device of known speed, under modes, plans and per-I/O adaptive sleep."""

import json
import os
import tempfile
from pathlib import Path

from harness import BUILD, Skip, run, run_command, test

BENCH = BUILD / "ebb-bench"
SERVICE_NS = 200_000
SHORT = ["--time", "200ms", "--warmup", "10ms", "--runs", "1", "--bs", "4k", "--qd", "1"]


def compare(*args):
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("the companion needs a CPU of its own")
    core = ["--core", str(min(os.sched_getaffinity(0)))]
    done = run_command([BENCH, "compare", *SHORT, *core, "--format", "json", *args])
    assert done.returncode == 0, done
    report = json.loads(done.stdout)
    cells = {}
    for cell in report["cells"]:
        assert cell["error"] is None and cell["errors"] == 0 and cell["runs"] == 1, cell
        cells[report["contenders"][cell["contender"]]["name"]] = cell["metrics"]
    return report, cells


def median(cell, metric):
    return cell[metric]["median"]


@test
def a_request_takes_its_time_however_it_is_waited_for():
    report, cells = compare(
        *["--stand-in", "200us", "--rw", "randread", "--with", "pas", "--size", "1m"],
        *["--plan", "100us,1s", "--plan", "0us,1s"],
    )
    assert len(cells) == 6, cells.keys()
    for name, cell in cells.items():
        assert median(cell, "iops") > 0, name
        assert median(cell, "latency_min_ns") >= SERVICE_NS, (name, cell)
    # Who looks is not woken; who sleeps is, once for each request at least.
    assert median(cells["poll"], "wakeups_per_io") == 0, cells["poll"]
    assert median(cells["interrupt"], "wakeups_per_io") > 0.5, cells["interrupt"]
    sleeping, looking = (cells[name] for name in cells if name.startswith("plan "))
    assert median(sleeping, "wakeups_per_io") > 0.5, sleeping
    assert median(looking, "wakeups_per_io") == 0, looking
    assert any("the stand-in itself: answered" in line for line in report["warnings"]), report


@test
def what_was_written_to_it_is_read():
    compare("--stand-in", "10us,5us", "--rw", "randrw", "--write", "--verify", "--mode", "interrupt")


@test
def adaptive_sleep_runs_on_a_file():
    with tempfile.TemporaryDirectory(prefix="pas-", dir=BUILD) as folder:
        disk = Path(folder) / "disk.img"
        disk.write_bytes(os.urandom(1 << 20))
        _, cells = compare(
            disk, "--rw", "randread", "--mode", "interrupt", "--with", "pas", "--rate", "1k"
        )
    assert median(cells["pas"], "iops") > 0, cells


if __name__ == "__main__":
    run()
