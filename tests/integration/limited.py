# SPDX-License-Identifier: Apache-2.0
"""What the tests of the machine's limits share: programs of ebb that are started short of something."""

import contextlib
import json
import resource
import signal
import subprocess
import time

from harness import BUILD, Daemon, RpcError, Skip, check_command, run_command

OUTCOME_SECONDS = 20.0


@contextlib.contextmanager
def folder_only():
    """A daemon that is not started, for its folders."""
    daemon = Daemon(wait=None)
    try:
        yield daemon
    finally:
        daemon.remove()


@contextlib.contextmanager
def small_file_system(options):
    """A folder that is a tmpfs of its own, with these mount options."""
    with folder_only() as place:
        folder = place.sockets / "small"
        folder.mkdir()
        done = run_command(["mount", "-t", "tmpfs", "-o", options, "none", folder])
        if done.returncode != 0:
            raise Skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            check_command(["umount", "--lazy", folder])


def limits(**values):
    """A preexec_fn that sets both limits of each: limits(NOFILE=24)."""

    def apply():
        for name, value in values.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    return apply


def config_of(place):
    """A configuration with a malloc bdev, one of a file, and an export."""
    disk = place.disk("disk.img", 1 << 20)
    disk.chmod(0o666)  # it may be somebody else who serves it
    malloc = {"name": "m", "num_blocks": 2048, "block_size": 512}
    entries = [
        {"method": "bdev_malloc_create", "params": malloc},
        {"method": "bdev_uring_create", "params": {"name": "disk", "filename": str(disk)}},
    ]
    params = {"bdev_name": "m", "path": str(place.sockets / "m.nbd"), "export_name": "m"}
    export = [{"method": "nbd_start_export", "params": params}]
    subsystems = [
        {"subsystem": "bdev", "config": entries},
        {"subsystem": "nbd", "config": export},
    ]
    path = place.folder / "c.json"
    path.write_text(json.dumps({"subsystems": subsystems}))
    return path


def is_running(place):
    with contextlib.suppress(OSError, EOFError, RpcError):
        return place.rpc("framework_get_state")["state"] == "running"
    return False


class Limited:
    """An ebbd under limits: .code is None while it serves, else its exit code; .text its log."""

    def __init__(self, place, *args, config=False, preexec_fn=None, **popen):
        self.place = place
        self.log_path = place.folder / "limited.log"
        command = [BUILD / "ebbd", "--rpc-socket", place.rpc_socket, *args]
        if config:
            command += ["--json", config_of(place)]
        with open(self.log_path, "wb") as log:
            popen.setdefault("stdout", log)
            popen.setdefault("stderr", log)
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                preexec_fn=preexec_fn,
                **popen,
            )
        self.code = self._outcome()

    def _outcome(self):
        deadline = time.monotonic() + OUTCOME_SECONDS
        while time.monotonic() < deadline:
            code = self.process.poll()
            if code is not None:
                return code
            if is_running(self.place):
                return None
            time.sleep(0.002)
        self.process.kill()
        raise AssertionError(f"it neither runs nor ends\n{self.text}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if self.code is None and kind is None:
                assert self.process.poll() is None, (self.process.returncode, self.text)
                self.process.send_signal(signal.SIGTERM)
                assert self.process.wait(10.0) == 0, self.text
        finally:
            self.process.kill()
            self.process.wait()

    @property
    def text(self):
        return self.log_path.read_text(errors="replace")

    def left_nothing(self):
        """No socket, and no lock."""
        files = self.place.sockets.iterdir()
        left = [file.name for file in files if file.suffix in (".sock", ".nbd", ".lock")]
        assert not left, (left, self.text)

    def check_refused(self, *words):
        """It has ended with 1, said one of the words, and left nothing behind."""
        assert self.code == 1, (self.code, self.text)
        assert any(word in self.text for word in words), (words, self.text)
        self.left_nothing()


def ended(command, preexec_fn=None, **options):
    """A program's end: it is never a signal's."""
    done = run_command(command, timeout=20.0, preexec_fn=preexec_fn, **options)
    assert done.returncode >= 0, (command, done)
    return done
