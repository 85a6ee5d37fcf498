#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ebb-bench compare with peers: what they are asked, what they end as. (How fast they are, is no test.)"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import (
    BUILD,
    Daemon,
    Skip,
    nbd_uri,
    need_program,
    run,
    run_command,
    test,
    wait_for,
)

BENCH = BUILD / "ebb-bench"
MIB = 1 << 20
QEMU = "qemu-storage-daemon"
EBBD = [f"ebbd over NBD, {mode}" for mode in ("poll", "interrupt", "adaptive")]

# What bdevperf prints and answers, as SPDK's source has it. "failed" is a job that failed.
BDEVPERF = r"""#!/usr/bin/env python3
import json, os, signal, socket, sys
words = sys.argv[1:]
value = lambda name: words[words.index(name) + 1]
with open(value("--json")) as file:
    method = json.load(file)["subsystems"][0]["config"][0]
with open(os.environ["FAKE_LOG"], "a") as log:
    print(json.dumps({"words": words, "method": method}), file=log)
if method["method"] == os.environ.get("FAKE_LACKS"):
    sys.exit(f"Method {method['method']} not found")
server = socket.socket(socket.AF_UNIX)
server.bind(value("-r"))
server.listen()
def end(*_):
    print("   20.000 -    20.200:  50.0000%  (      500)")
    print("   40.000 -    40.200: 100.0000%  (      500)")
    sys.stdout.flush()
    os._exit(0)
signal.signal(signal.SIGTERM, end)
while True:
    client, _ = server.accept()
    request = json.loads(client.recv(65536))
    result = True
    if request["method"] == "perform_tests":
        job = {"job": "disk", "status": os.environ.get("FAKE_STATUS", "finished"), "runtime": 1.0}
        job |= {"iops": 1000.0, "mibps": 3.9, "io_failed": 0, "io_timeout": 0}
        job |= {"avg_latency_us": 30.1, "min_latency_us": 20.0, "max_latency_us": 40.2}
        result = {"results": [job], "core_count": 1}
    client.sendall(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode())
    client.close()
"""


class Setup:
    """A folder with a disk file, in which the programs make their temporary ones."""

    def __init__(self, size=4 * MIB):
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="peers-", dir=parent)
        self.folder = Path(self.temporary.name)
        self.disk = self.folder / "disk.img"
        self.disk.write_bytes(os.urandom(size))
        self.sockets = Path(tempfile.mkdtemp(prefix="peers-"))
        self.environment = {**os.environ, "TMPDIR": str(self.sockets)}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        left = list(self.sockets.iterdir())
        shutil.rmtree(self.sockets)
        self.temporary.cleanup()
        if kind is None:
            assert not left, f"ebb-bench left {left}"

    def command(self, *args, target=True, seconds="0.1"):
        command = [BENCH, "compare", *([self.disk] if target else []), "--format", "json"]
        command += ["--runs", "1", "--time", seconds, "--warmup", "0.01", "--bs", "4k"]
        command += ["--mode", "interrupt", "--qd", "4", "--rw", "randread", *args]
        return [str(word) for word in command]

    def start(self, *args, stdout=subprocess.PIPE, **options):
        return subprocess.Popen(
            self.command(*args, **options),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )

    def run(self, *args, **options):
        return run_command(self.command(*args, **options), env=self.environment)

    def report(self, *args, code=0, target=True):
        """A busy machine may let a peer do nothing in a short time: then it has a longer one."""
        for seconds in ("0.1", "1", "5"):
            done = self.run(*args, seconds=seconds, target=target)
            assert done.stdout, (done.returncode, done.stderr)
            report = Report(done.stdout)
            if not report.someone_did_nothing():
                break
        assert done.returncode == code, (done.returncode, done.stderr)
        return report


class Report:
    """The cells of a report by the names of their contenders; of one target and one load."""

    def __init__(self, text):
        self.json = json.loads(text)
        self.contenders = {item["name"]: item for item in self.json["contenders"]}
        names = list(self.contenders)
        self.cells = {names[cell["contender"]]: cell for cell in self.json["cells"]}

    def value(self, name, metric):
        return self.cells[name]["metrics"][metric]["median"]

    def someone_did_nothing(self):
        return any(
            "did no I/O" in (cell["error"] or "") or cell["metrics"]["iops"]["median"] == 0
            for cell in self.cells.values()
        )

    def check_measured(self, name, *metrics):
        cell = self.cells[name]
        assert cell["error"] is None and cell["errors"] == 0 and cell["runs"] == 1, (name, cell)
        for metric in ("iops", "latency_p50_ns", "latency_max_ns", *metrics):
            assert self.value(name, metric) > 0, (name, metric, cell)


def children_of(pid):
    """{process id: words of its command} of the peers that it runs now."""
    found = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                words = Path(f"/proc/{child}/cmdline").read_text().split("\0")[:-1]
                if words and "--version" not in words and words[0] != str(BENCH):
                    found[int(child)] = words
    return found


def process_is_there(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def wait_gone(processes):
    for pid in processes:
        wait_for(lambda pid=pid: not process_is_there(pid), f"process {pid} ends")


def need_libnbd():
    done = run_command([BENCH, "compare", "--nbd", "nbd+unix:///?socket=/nonexistent/socket"])
    if "built without libnbd" in done.stderr:
        raise Skip("ebb-bench was built without libnbd")


def wait_children(process, name, count=1):
    """Wait until ebb-bench runs so many peers of that name; {process id: words}."""

    def look():
        assert process.poll() is None, process.communicate()
        peers = children_of(process.pid)
        found = {pid: words for pid, words in peers.items() if Path(words[0]).name == name}
        return found if len(found) == count else None

    return wait_for(look, f"{count} of {name} run", timeout=60)


@test
def fio_does_the_same_on_the_same_file():
    need_program("fio")
    with Setup() as setup:
        report = setup.report("--with", "fio")
    for engine in ("io_uring", "libaio"):
        name = f"fio {engine}"
        report.check_measured(name, "context_switches_per_io")
        assert report.cells[name]["stamps"] == "foreign"
        assert report.value(name, "cpu_percent") > 0
        assert report.value(name, "wakeups_per_io") is None
        command = report.contenders[name]["command"]
        assert "--readonly" in command and str(setup.disk) in command, command


@test
def fio_writes_only_when_asked_to():
    need_program("fio")
    with Setup() as setup:
        before = setup.disk.read_bytes()
        setup.report("--with", "fio")
        assert setup.disk.read_bytes() == before
        report = setup.report("--with", "fio", "--write", "--rw", "randwrite")
        assert setup.disk.read_bytes() != before
    assert "--readonly" not in report.contenders["fio io_uring"]["command"]


@test
def fio_follows_an_open_loop():
    need_program("fio")
    with Setup() as setup:
        args = ("--with", "fio", "--rate", "500", "--qd", "32")
        report = setup.report(*args, "--shape", "poisson")
        assert "--rate_process=poisson" in report.contenders["fio io_uring"]["command"]
        report.check_measured("fio io_uring")
        done = setup.run(*args, "--shape", "burst", "--burst", "8")
    assert "it has no arrivals of the shape burst" in done.stdout + done.stderr, done


def check_server(setup, option):
    name = f"{option} over NBD"
    for _ in range(5):  # on a busy machine one may come to nothing in so short a time
        report = setup.report("--with", option, "--runs", "1")
        if all(report.value(contender, "iops") > 0 for contender in (name, *EBBD)):
            break
    for contender in (name, *EBBD):
        report.check_measured(contender, "cpu_percent")
        assert report.cells[contender]["stamps"] == "exact"
        assert report.cells[contender]["companion_percent"] > 0
        assert str(setup.disk) in report.contenders[contender]["command"]
    assert report.value(name, "wakeups_per_s") is None
    for contender in EBBD:
        assert report.value(contender, "wakeups_per_s") is not None, report.cells[contender]


@test
def qemu_storage_daemon_is_measured_over_nbd_beside_ebbd():
    need_program(QEMU)
    need_libnbd()
    with Setup() as setup:
        check_server(setup, QEMU)


def check_by_turns(report):
    """Everybody had the target to himself, in each of the rounds."""
    for name, cell in report.cells.items():
        assert cell["error"] is None and cell["runs"] == 2, (name, cell["error"], cell["runs"])


@test
def a_file_that_is_written_is_everybodys_by_turns():
    need_program("nbdkit")
    need_libnbd()
    with Setup() as setup:
        args = ("--with", "nbdkit", "--write", "--rw", "randwrite", "--runs", "2")
        check_by_turns(setup.report(*args))


@test
def a_block_device_is_everybodys_by_turns():
    need_program("nbdkit")
    need_libnbd()
    need_program("losetup")
    with Setup() as setup:
        done = run_command(["losetup", "--find", "--show", setup.disk])
        if done.returncode != 0:
            raise Skip(f"no loop device: {done.stderr.strip()}")
        setup.disk = Path(done.stdout.strip())
        try:
            args = ("--with", "nbdkit", "--runs", "2")
            check_by_turns(setup.report(*args, "--mode", "interrupt,adaptive"))
            check_by_turns(setup.report(*args, "--with", "fio", "--write", "--rw", "randwrite"))
        finally:
            run_command(["losetup", "--detach", setup.disk])


@test
def nbdkit_is_measured_over_nbd_beside_ebbd():
    need_program("nbdkit")
    need_libnbd()
    with Setup() as setup:
        check_server(setup, "nbdkit")


@test
def servers_are_kept_over_the_rounds():
    need_program("nbdkit")
    need_libnbd()
    seen = {}
    with Setup() as setup:
        with open(setup.folder / "report", "w+") as output:  # a pipe would be full
            process = setup.start("--with", "nbdkit", "--runs", "4", stdout=output)
            while process.poll() is None:
                seen |= children_of(process.pid)
                time.sleep(0.002)
            report = Report((setup.folder / "report").read_text())
        wait_gone(seen)
    assert process.returncode == 0
    for name in ("nbdkit over NBD", *EBBD):
        assert report.cells[name]["runs"] == 4
    names = [Path(words[0]).name for words in seen.values()]
    assert names.count("nbdkit") == 1, seen


@test
def an_ebbd_is_there_only_while_it_is_measured():
    need_program("nbdkit")
    need_libnbd()
    seen = {}
    with Setup() as setup:
        with open(setup.folder / "report", "w+") as output:
            process = setup.start("--with", "nbdkit", "--runs", "2", stdout=output)
            while process.poll() is None:
                ebbds = {
                    pid: words
                    for pid, words in children_of(process.pid).items()
                    if Path(words[0]).name == "ebbd" and process_is_there(pid)
                }
                assert len(ebbds) <= 1, ebbds
                seen |= ebbds
                time.sleep(0.002)
    assert process.returncode == 0
    modes = sorted(words[words.index("--mode") + 1] for words in seen.values())
    assert modes == sorted(["poll", "interrupt", "adaptive"] * 2), seen


@test
def ctrl_c_leaves_no_process_and_no_socket():
    need_libnbd()
    for name in (QEMU, "nbdkit", "fio"):
        need_program(name)
        with Setup() as setup:
            process = setup.start("--with", name, seconds="1")
            peers = wait_children(process, name)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
            wait_gone(peers)
        assert process.returncode >= 0, errors
        assert not output or json.loads(output)["interrupted"] is True


@test
def a_killed_ebb_bench_leaves_no_process():
    need_program("nbdkit")
    need_libnbd()
    with Setup() as setup:
        process = setup.start("--with", "nbdkit", "--runs", "90")
        servers = wait_children(process, "nbdkit") | wait_children(process, "ebbd")
        process.kill()
        process.communicate(timeout=60)
        wait_gone(servers)
        assert list(setup.sockets.iterdir())  # nobody was left to remove these: the next one does
        setup.report("--with", "nbdkit")


@test
def a_server_that_dies_amid_a_run_is_named():
    need_program("nbdkit")
    need_libnbd()
    with Setup() as setup:
        process = setup.start("--with", "nbdkit", seconds="1")
        (server,) = wait_children(process, "nbdkit")
        os.kill(server, signal.SIGKILL)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    report = Report(output)
    error = report.cells["nbdkit over NBD"]["error"]
    assert error.startswith("nbdkit") and "signal 9 (Killed)" in error, error
    for name in ("interrupt", *EBBD):
        report.check_measured(name)


@test
def a_server_that_answers_no_more_is_named():
    need_program("nbdkit")
    need_libnbd()
    with Setup() as setup:
        process = setup.start("--with", "nbdkit", seconds="1")
        (server,) = wait_children(process, "nbdkit")
        wait_for((Path(f"/proc/{server}/fd") / "7").exists, "a client is connected")
        os.kill(server, signal.SIGSTOP)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    report = Report(output)
    error = report.cells["nbdkit over NBD"]["error"]
    assert error.startswith("nbdkit") and "answer" in error, error
    report.check_measured("interrupt")


@test
def an_export_is_measured_as_a_client_sees_it():
    need_libnbd()
    with Daemon(config=[]) as daemon, Setup() as setup:
        daemon.add_disk("disk", MIB)
        uri = nbd_uri(daemon.add_export("disk"), "disk")
        report = setup.report("--nbd", uri, target=False)
        report.check_measured("client")
        assert report.json["targets"][0]["kind"] == "nbd"
        assert report.json["targets"][0]["size_bytes"] == MIB
        assert report.value("client", "cpu_percent") is None


@test
def an_export_by_tls_is_measured():
    need_program("nbdkit")
    need_libnbd()
    with Setup() as setup:
        keys = setup.folder / "keys.psk"
        keys.write_text(f"me:{os.urandom(32).hex()}\n")
        path = setup.sockets / "tls.sock"
        tls = ["--tls=require", f"--tls-psk={keys}"]
        server = subprocess.Popen(["nbdkit", "-f", "-U", path, *tls, "memory", "1M"])
        try:
            wait_for(path.exists, "nbdkit listens")
            uri = f"nbds+unix://me@/?socket={path}&tls-psk-file={keys}"
            report = setup.report("--nbd", uri, target=False)
        finally:
            server.terminate()
            server.wait(timeout=60)
            path.unlink(missing_ok=True)
    report.check_measured("client")


@test
def a_wrong_uri_is_named():
    need_libnbd()
    uris = {
        "http://localhost/": "http://localhost/",
        "nbd+unix:///x?socket=/nonexistent": "No such file",
        "nbd://localhost:1/": "refused",
    }
    with Setup() as setup:
        for uri, why in uris.items():
            done = setup.run("--nbd", uri, target=False)
            assert done.returncode in (1, 2), done
            line = [line for line in done.stderr.splitlines() if uri in line]
            assert line and why in line[0], done.stderr


@test
def an_export_that_is_not_there_is_named():
    need_libnbd()
    with Daemon(config=[]) as daemon, Setup() as setup:
        daemon.add_disk("disk", MIB)
        uri = nbd_uri(daemon.add_export("disk"), "other")
        done = setup.run("--nbd", uri, target=False)
    assert done.returncode in (1, 2) and "--nbd nbd+unix:///other" in done.stderr, done


def fake_bdevperf(setup, **environment):
    tree = setup.folder / "spdk"
    program = tree / "build" / "examples" / "bdevperf"
    program.parent.mkdir(parents=True)
    program.write_text(BDEVPERF)
    program.chmod(0o755)
    log = setup.folder / "bdevperf.log"
    setup.environment |= {"FAKE_LOG": str(log), **environment}
    return tree, lambda: [json.loads(line) for line in log.read_text().splitlines()]


@test
def bdevperf_is_asked_in_both_of_its_modes():
    with Setup() as setup:
        tree, calls = fake_bdevperf(setup)
        report = setup.report("--with", f"spdk={tree}")
        calls = calls()
    for name in ("spdk bdevperf, poll", "spdk bdevperf, interrupt"):
        report.check_measured(name)
        assert report.value(name, "iops") == 1000
        assert report.value(name, "latency_mean_ns") == 30100
        assert 40000 <= report.value(name, "latency_p90_ns") <= 40200
        assert str(tree) in report.contenders[name]["command"]
    methods = {call["method"]["method"] for call in calls}
    assert methods == {"bdev_aio_create", "bdev_uring_create"}, calls
    for call in calls:
        words = call["words"]
        interrupt = call["method"]["method"] == "bdev_aio_create"
        assert ("--interrupt-mode" in words) == interrupt, words
        assert "--no-huge" in words and words[words.index("-q") + 1] == "4", words
        assert words[words.index("-w") + 1] == "randread", words
        assert call["method"]["params"]["filename"] == str(setup.disk)


@test
def bdevperf_without_its_uring_bdev_takes_aio():
    with Setup() as setup:
        tree, calls = fake_bdevperf(setup, FAKE_LACKS="bdev_uring_create")
        report = setup.report("--with", f"spdk={tree}")
        tried = [call["method"]["method"] for call in calls()]
    assert sorted(tried[:3]) == ["bdev_aio_create", "bdev_aio_create", "bdev_uring_create"], tried
    report.check_measured("spdk bdevperf, poll")
    assert "bdev_aio_create" in report.contenders["spdk bdevperf, poll"]["command"]


@test
def a_bdevperf_that_fails_is_named():
    with Setup() as setup:
        tree, _ = fake_bdevperf(setup, FAKE_STATUS="failed")
        report = setup.report("--with", f"spdk={tree}", code=1)
    assert report.cells["spdk bdevperf, poll"]["error"] == "bdevperf: its job failed after 1.00 s"
    report.check_measured("interrupt")


@test
def what_a_peer_prints_is_harmless():
    with Setup() as setup:
        fake = setup.folder / "fio"
        fake.write_text("#!/bin/sh\nprintf 'x\\033[2J\\nebb-bench: all is well\\377\\n'\n")
        fake.chmod(0o755)
        setup.environment["PATH"] = f"{setup.folder}:{os.environ['PATH']}"
        done = setup.run("--with", "fio")
        assert done.returncode == 1, done
        assert "\\x1b[2J\\x0aebb-bench: all is well\\xff" in done.stderr, done.stderr
        assert "\x1b" not in done.stderr and "\nebb-bench: all" not in done.stderr, done.stderr


@test
def what_is_no_peer_is_named():
    with Setup() as setup:
        done = setup.run("--with", "nbdkid")
        assert done.returncode == 2 and "did you mean nbdkit?" in done.stderr, done
        done = setup.run("--with", "spdk=/nonexistent")
        assert done.returncode == 2 and "/nonexistent" in done.stderr, done
        setup.environment["PATH"] = "/nonexistent"
        done = setup.run("--with", "fio")
        assert done.returncode == 2 and "apt-get install fio" in done.stderr, done


run()
