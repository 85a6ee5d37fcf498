# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: a daemon to test, a client for it, and a small TAP runner.

    from harness import Daemon, run, test

    @test
    def answers():
        with Daemon() as daemon:
            assert daemon.rpc("spdk_get_version")["version"]

    run()
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("EBB_BUILD_DIR") or ROOT / "build")
SOCKET_PATH_MAX = 107


class RpcError(Exception):
    """The daemon answered with an error."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")
        self.message = error.get("message")


class Skip(Exception):
    """The running test cannot run here; the text says why."""


class Client:
    """One connection to the RPC socket. Requests go out without a newline, as SPDK's clients do."""

    def __init__(self, path, timeout=10.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.buffer = ""
        self.next_id = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send_raw(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def receive(self):
        """The next complete JSON value; EOFError if the server closes first."""
        decoder = json.JSONDecoder()
        while True:
            text = self.buffer.lstrip()
            with contextlib.suppress(json.JSONDecodeError):
                value, end = decoder.raw_decode(text)
                self.buffer = text[end:]
                return value
            chunk = self.sock.recv(65536)
            if not chunk:
                raise EOFError(f"the server closed the connection; unread: {self.buffer!r}")
            self.buffer += chunk.decode()

    def call(self, method, **params):
        request = {"jsonrpc": "2.0", "method": method, "id": self.next_id}
        if params:
            request["params"] = params
        self.next_id += 1
        self.send_raw(json.dumps(request, indent=2))
        answer = self.receive()
        if "error" in answer and answer["id"] is None:  # it has turned away whoever asks
            raise RpcError(answer["error"])
        if answer.get("id") != request["id"]:
            raise AssertionError(f"answer to another request: {answer}")
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]


class Daemon:
    """An ebbd in a folder of its own, started on entry and stopped cleanly on exit.

    config: None, the text of a configuration file, its content as a dict, a list of (subsystem,
    method, params), or a function that makes one of these from the daemon, which has its folders.
    launcher: a command that ends by becoming the one given to it, ebbd's.
    """

    def __init__(self, *args, config=None, mode="adaptive", wait="running", launcher=()):
        self.args = [str(arg) for arg in args]
        self.mode = mode
        self.wait = wait
        self.launcher = [str(word) for word in launcher]
        self.process = None
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="ebbd-", dir=parent))
        self.sockets = self.folder
        if len(os.fsencode(self.folder)) > SOCKET_PATH_MAX - 32:
            self.sockets = Path(tempfile.mkdtemp(prefix="ebbd-"))
        self.rpc_socket = self.sockets / "rpc.sock"
        self.log_path = self.folder / "ebbd.log"
        self.config = config(self) if callable(config) else config

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, *_):
        try:
            if self.process is not None and self.process.poll() is None:
                code = self.stop()
                if kind is None and code != 0:
                    raise AssertionError(f"ebbd stopped with code {code}\n{self.log_tail()}")
            elif kind is None and self.process is not None and self.process.returncode > 0:
                code = self.process.returncode
                raise AssertionError(f"ebbd had ended with code {code}\n{self.log_tail()}")
            if kind is not None:
                print_comment(self.log_tail())
        finally:
            self.remove()

    def write_config(self):
        config = self.config
        if isinstance(config, list):
            subsystems = {}
            for subsystem, method, params in config:
                entries = subsystems.setdefault(subsystem, [])
                entries.append({"method": method, "params": params})
            config = {
                "subsystems": [
                    {"subsystem": name, "config": entries} for name, entries in subsystems.items()
                ]
            }
        path = self.folder / "ebbd.json"
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        path.write_text(text, encoding="utf-8")
        return path

    def start(self):
        """Start ebbd and wait for the state self.wait (None: only for the process)."""
        command = [str(BUILD / "ebbd"), "--rpc-socket", str(self.rpc_socket), "--mode", self.mode]
        if self.config is not None:
            command += ["--json", str(self.write_config())]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.launcher + command + self.args, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if self.wait is not None:
            self.wait_state(self.wait)
        return self

    def wait_state(self, wanted, timeout=20.0):
        """Poll framework_get_state until it says so; an early end of ebbd is an error."""
        deadline = time.monotonic() + timeout
        pause = 0.002
        state = None
        while True:
            with contextlib.suppress(OSError, EOFError):
                state = self.rpc("framework_get_state")
                if state["state"] == wanted:
                    return state
            if self.process.poll() is not None:
                code = self.process.returncode
                raise AssertionError(f"ebbd ended with {code} while starting\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"ebbd is {state}, not {wanted}\n{self.log_tail()}")
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    def client(self, timeout=10.0):
        return Client(self.rpc_socket, timeout)

    def rpc(self, method, **params):
        with self.client() as client:
            return client.call(method, **params)

    def ebbctl(self, *args, check=True):
        """Run ebbctl on this daemon; its output is in .stdout and .stderr."""
        command = [str(BUILD / "ebbctl"), "-s", str(self.rpc_socket), *map(str, args)]
        done = run_command(command)
        if check and done.returncode != 0:
            raise AssertionError(f"{command[3:]} ended with {done.returncode}: {done.stderr}")
        return done

    def disk(self, name, size):
        """A sparse file of that size in the daemon's folder."""
        path = self.folder / name
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def add_disk(self, name, size):
        """A file-backed bdev of that size; the file's path."""
        path = self.disk(f"{name}.img", size)
        self.rpc("bdev_uring_create", name=name, filename=str(path))
        return path

    def add_export(self, bdev):
        """Export a bdev under its own name; the socket's path."""
        path = self.sockets / f"{bdev}.nbd"
        self.rpc("nbd_start_export", bdev_name=bdev, path=str(path), export_name=bdev)
        return path

    def wait_exit(self, timeout=20.0):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"ebbd did not stop in {timeout} s\n{self.log_tail()}") from None

    def stop(self, timeout=20.0):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def log_tail(self, lines=30):
        with contextlib.suppress(OSError):
            return "log of ebbd:\n" + "\n".join(self.log().splitlines()[-lines:])
        return "ebbd has no log"

    def thread_facts(self):
        """{thread id: (name, how often it went to sleep, CPU ticks)} of every thread."""
        return thread_facts(self.process.pid)

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.sockets != self.folder:
            shutil.rmtree(self.sockets, ignore_errors=True)


def thread_facts(pid):
    """{thread id: (name, how often it went to sleep, CPU ticks)} of every thread of a process."""
    facts = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            lines = (task / "status").read_text().splitlines()
            status = dict(line.split(":", 1) for line in lines)
            stat = (task / "stat").read_text().rpartition(")")[2].split()
            facts[int(task.name)] = (
                status["Name"].strip(),
                int(status["voluntary_ctxt_switches"]),
                int(stat[11]) + int(stat[12]),
            )
    return facts


def wait_for(condition, what, timeout=10.0):
    """Wait until it is true; its value. The bound is generous, the usual wait is a millisecond."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.001)


def run_command(command, timeout=120.0, **options):
    """Run a program with its output captured as text."""
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        **options,
    )


def check_command(command, **options):
    """As run_command(), and it must succeed."""
    done = run_command(command, **options)
    if done.returncode != 0:
        raise AssertionError(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n"
            f"{done.stdout}{done.stderr}"
        )
    return done


def need_program(name):
    """Skip the running test if the program is not installed."""
    if shutil.which(name) is None:
        raise Skip(f"{name} is not installed")


def nbd_uri(path, export):
    """The URI of an export on a Unix socket, as libnbd's and QEMU's programs take it."""
    from urllib.parse import quote

    return f"nbd+unix:///{quote(export)}?socket={quote(str(path))}"


_tests = []


def test(function):
    """Decorator: a test, run by run() in the order of the file."""
    _tests.append(function)
    return function


def print_comment(text):
    for line in text.splitlines():
        print(f"# {line}")


def _run_one(number, function):
    name = function.__name__.replace("_", " ")
    begin = time.monotonic()
    try:
        function()
    except Skip as reason:
        print(f"ok {number} - {name} # SKIP {reason}")
        return True
    except Exception:  # every kind of failure is this test's alone
        print(f"not ok {number} - {name}")
        print_comment(traceback.format_exc())
        return False
    print(f"ok {number} - {name} ({time.monotonic() - begin:.2f} s)")
    return True


def run():
    """Run the tests of the calling file (or those named on its command line) and exit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.stdout.reconfigure(line_buffering=True)
    wanted = [name.replace("-", "_") for name in sys.argv[1:]]
    chosen = [function for function in _tests if not wanted or function.__name__ in wanted]
    print(f"1..{len(chosen)}")
    results = [_run_one(number, function) for number, function in enumerate(chosen, 1)]
    sys.exit(0 if all(results) else 1)
