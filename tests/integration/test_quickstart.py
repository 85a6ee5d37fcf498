#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""config/quickstart in a fresh copy of the tree, in a folder with a space, from another folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import BUILD, ROOT, check_command, need_program, run, run_command, test

MARK = b"the user's own data"
BUILD_S = 400  # a bound on a build of everything, on a busy machine


class Copy:
    """A copy of the sources alone, as a clone is."""

    def __enter__(self):
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="a clone ", dir=parent))
        shutil.copytree(
            ROOT,
            self.folder / "ebb",
            ignore=shutil.ignore_patterns("build", "build-*", ".git", "__pycache__"),
        )
        self.quickstart = self.folder / "ebb" / "config" / "quickstart"
        self.disk = self.folder / "ebb" / "build" / "quickstart" / "disk.img"
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def once(self, *args):
        return run_command([self.quickstart, "--once", *args], cwd="/", timeout=BUILD_S)

    def serve(self, *args):
        """In the foreground of a process group of its own, up to the word ready."""
        log = self.folder / "quickstart.log"
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [self.quickstart, *args],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd="/",
                start_new_session=True,
            )
        deadline = time.monotonic() + BUILD_S
        while b"quickstart: ready" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        return process, log


@test
def a_fresh_copy_gets_ready_and_keeps_the_disk():
    need_program("nbdcopy")
    with Copy() as copy:
        first = copy.once("--size", "64M")
        assert first.returncode == 0, first.stdout + first.stderr
        assert first.stdout.endswith("quickstart: done\n"), first.stdout
        assert "proof: " in first.stdout, first.stdout
        assert copy.disk.stat().st_size == 64 << 20
        with open(copy.disk, "r+b") as disk:
            disk.write(MARK)
        content = copy.disk.read_bytes()

        begin = time.monotonic()
        process, log = copy.serve()
        took = time.monotonic() - begin
        try:
            assert took < 15, f"the second run took {took:.1f} s"
            assert copy.disk.read_bytes() == content, "the second run changed the user's disk"
            look = [line for line in log.read_text().splitlines() if line.startswith("Look:")]
            status = check_command(["bash", "-c", look[0].split(None, 1)[1]]).stdout
            assert "running" in status, status

            second = copy.once()
            assert second.returncode != 0
            assert "another quickstart" in second.stderr, second.stderr
        finally:
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait(30)
        assert code == 130, (code, log.read_text())
        assert "stopped; the disk is kept" in log.read_text(), log.read_text()
        assert copy.disk.read_bytes() == content, "the user's disk changed"


@test
def wrong_options_are_told():
    quickstart = ROOT / "config" / "quickstart"
    for arguments, text in (
        (["--dsk", "x"], "unknown option --dsk"),
        (["--disk"], "--disk needs a value"),
    ):
        done = run_command([quickstart, *arguments])
        assert done.returncode == 1 and text in done.stderr, done
    assert "Usage:" in check_command([quickstart, "--help"]).stdout


run()
