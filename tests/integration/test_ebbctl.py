#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ebbctl: what people give it, and what servers of every kind answer it."""

import contextlib
import json
import os
import socket
import threading
import time

from harness import BUILD, Daemon, run, run_command, test

MIB = 1 << 20


@test
def ebbctl_takes_json_and_words():
    with Daemon() as daemon:
        done = daemon.ebbctl("bdev_null_create", "name=n", "num_blocks=8", "block_size=512")
        assert json.loads(done.stdout) == "n" and "\033" not in done.stdout, done.stdout
        daemon.ebbctl("bdev_null_create", 'name="7"', "num_blocks=8", "block_size=512")
        names = {bdev["name"] for bdev in json.loads(daemon.ebbctl("bdev_get_bdevs").stdout)}
        assert names == {"n", "7"}, names
        # Where the method takes text, a number is text; where it takes a number, text is none.
        daemon.ebbctl("bdev_null_delete", "name=7")
        daemon.ebbctl("bdev_null_create", "name=true", "num_blocks=8", "block_size=512")
        assert len(daemon.rpc("bdev_get_bdevs", name="true")) == 1
        daemon.ebbctl("bdev_null_delete", "name=true")
        words = ["name=x", "num_blocks=many", "block_size=512"]
        done = daemon.ebbctl("bdev_null_create", *words, check=False)
        assert done.returncode == 1 and "an integer" in done.stderr, done.stderr
        assert not done.stdout, done.stdout
        done = daemon.ebbctl("bdev_null_create", "name=x", f"num_blocks={1 << 80}", "block_size=512", check=False)
        assert done.returncode == 1 and f"not the number {1 << 80}" in done.stderr, done.stderr
        for words in (["bdev_get_bdevs", "name"], ["--nope"], ["-t", "x", "status"], []):
            assert daemon.ebbctl(*words, check=False).returncode == 2, words
        status = daemon.ebbctl("status").stdout
        for piece in ("running", "adaptive", "asleep", "wakeups/s", "nothing keeps it awake"):
            assert piece in status, status
        assert "Bdev n: 4.0 KiB" in status and "0 reads" in status, status


@test
def ebbctl_says_what_is_wrong_with_the_socket():
    with Daemon() as daemon:
        stale = daemon.sockets / "stale.sock"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(stale))
        silent = daemon.sockets / "silent.sock"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(silent))
            sock.listen(8)
            for path, piece in (
                (daemon.sockets / "none.sock", "start ebbd"),
                (stale, "nobody listens"),
                (daemon.sockets, "is not a socket"),
                (silent, "no answer within"),
            ):
                command = [BUILD / "ebbctl", "-s", path, "-t", "0.2", "spdk_get_version"]
                done = run_command(command)
                assert done.returncode == 1 and piece in done.stderr, done.stderr
                assert path == silent or str(path) in done.stderr, done.stderr
        environment = {**os.environ, "EBB_RPC_SOCKET": str(daemon.rpc_socket)}
        done = run_command([BUILD / "ebbctl", "spdk_get_version"], env=environment)
        assert done.returncode == 0 and "version" in done.stdout, done.stderr
        done = run_command([BUILD / "ebbctl", "bdev_null_create", "--help"])
        assert done.returncode == 0 and "block_size" in done.stdout, done.stdout
        done = run_command([BUILD / "ebbctl", "--help"])
        assert done.returncode == 0 and "framework_get_state" in done.stdout


@test
def ebbctl_has_commands_of_its_own():
    with Daemon() as daemon:
        for options in (["-s", daemon.rpc_socket], ["-s", daemon.sockets / "none.sock"]):
            done = run_command([BUILD / "ebbctl", *options, "nvme", "list", "--json"])
            assert done.returncode == 0 and not done.stderr, done.stderr
            inventory = json.loads(done.stdout)
            assert isinstance(inventory["controllers"], list), inventory
            table = run_command([BUILD / "ebbctl", *options, "nvme", "list"]).stdout
            for controller in inventory["controllers"]:
                assert controller["hot"]["state"] in ("yes", "bind", "no"), controller
                assert controller.get("address", "-") in table, table
            assert inventory["controllers"] or "no NVMe controller" in table, table
        for words in ([], ["list", "more"], ["bind"], ["bind", "eth0"], ["nope"]):
            assert daemon.ebbctl("nvme", *words, check=False).returncode == 2, words
        done = daemon.ebbctl("nvme", "bind", "ffff:ff:1f.7", check=False)
        assert done.returncode == 1 and "no such PCI function" in done.stderr, done.stderr
        for words in (["nvme", "--help"], ["--help", "nvme"], ["nvme", "bind", "-h"]):
            assert "ebbctl nvme unbind ADDRESS" in daemon.ebbctl(*words).stdout, words
        assert "nvme" in daemon.ebbctl("--help").stdout.split("Commands:")[1].split("Methods:")[0]
        # What follows a method's name may still be an option of ebbctl's.
        done = run_command([BUILD / "ebbctl", "bdev_get_bdevs", "-s", daemon.rpc_socket])
        assert done.returncode == 0 and json.loads(done.stdout) == [], done.stderr


@contextlib.contextmanager
def server(folder, behave):
    """A server of the test's: behave(connection) once for each client."""
    path = folder / "bad.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    with connection, contextlib.suppress(OSError):
                        behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            path.unlink()


def answer(connection, data):
    """Once the request is there, this; and then until the client has gone."""
    connection.recv(65536)
    connection.sendall(data)
    while connection.recv(65536):
        pass


def answer_and_close(connection, data):
    connection.recv(65536)
    connection.sendall(data)


def check_failure(path, *pieces, timeout_s=0.5, words=("spdk_get_version",)):
    begin = time.monotonic()
    done = run_command([BUILD / "ebbctl", "-s", path, "-t", str(timeout_s), *words])
    assert done.returncode == 1, done
    assert not done.stdout, done.stdout
    for piece in pieces:
        assert piece in done.stderr, done.stderr
    assert time.monotonic() - begin < timeout_s + 10
    assert len(done.stderr) < 1000, len(done.stderr)


GOOD = b'{"jsonrpc":"2.0","id":1,"result":7}'


@test
def a_server_that_answers_nonsense_is_named():
    cases = (
        (b"HTTP/1.1 400 Bad Request", "no JSON"),
        (b"\0\0\0\0", "no JSON"),
        (b"[]", "not JSON-RPC"),
        (b"7 ", "not JSON-RPC"),
        (b'"text"', "not JSON-RPC"),
        (b"null ", "not JSON-RPC"),
        (b'{"id":1}', "not JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":2,"result":7}', "another request"),
        (b'{"jsonrpc":"2.0","id":1,"error":7}', "not JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}', "not JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":1,"result":1,"result":2}', "comes twice"),
        (b"[" * 100, "32"),
        (b'{"a":"' + b"x" * MIB + b'"}', "not JSON-RPC"),
    )
    with Daemon() as daemon:
        for data, piece in cases:
            with server(daemon.sockets, lambda sock, data=data: answer(sock, data)) as path:
                check_failure(path, piece)


@test
def a_screen_of_nonsense_is_no_crash():
    def echo(connection, result):
        while request := connection.recv(65536):
            number = json.loads(request)["id"]
            connection.sendall(b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (number, result))

    results = (b"7", b"null", b"[]", b"{}", b"[7,null,[],{}]", b'{"reactors":7,"threads":{}}')
    with Daemon() as daemon:
        for result in results:
            with server(daemon.sockets, lambda sock, result=result: echo(sock, result)) as path:
                done = run_command([BUILD / "ebbctl", "-s", path, "-t", "2", "status"])
                assert done.returncode in (0, 1), (result, done)
                target = daemon.sockets / "saved.json"
                words = ["-s", path, "-t", "2", "save_config", target]
                done = run_command([BUILD / "ebbctl", *words])
                assert done.returncode in (0, 1), (result, done)
                assert (done.returncode == 0) == target.exists(), (result, done)
                target.write_text('{"subsystems":[]}', encoding="ascii")
                done = run_command([BUILD / "ebbctl", "-s", path, "-t", "2", "load_config", target])
                assert done.returncode in (0, 1), (result, done)
                target.unlink()


@test
def a_server_that_stops_in_the_middle_is_named():
    with Daemon() as daemon:
        for data, piece in ((b"", "without an answer"), (GOOD[:-3], "in the middle of")):
            with server(daemon.sockets, lambda sock, data=data: answer_and_close(sock, data)) as path:
                check_failure(path, piece)
        for data in (b"", GOOD[:-1]):
            with server(daemon.sockets, lambda sock, data=data: answer(sock, data)) as path:
                check_failure(path, "no answer within 500 ms", "-t")


@test
def a_server_that_trickles_does_not_hold_it_for_ever():
    def trickle(connection):
        connection.recv(65536)
        while True:
            connection.sendall(b" ")
            time.sleep(0.01)

    with Daemon() as daemon, server(daemon.sockets, trickle) as path:
        check_failure(path, "no answer within 500 ms")


@test
def a_server_that_answers_without_end_is_cut_off():
    def flood(connection):
        connection.recv(65536)
        connection.sendall(b'{"jsonrpc":"2.0","id":1,"result":"')
        while True:
            connection.sendall(b"x" * MIB)

    with Daemon() as daemon, server(daemon.sockets, flood) as path:
        check_failure(path, "more than", timeout_s=60)


@test
def a_server_that_does_not_read_is_named():
    def deaf(connection):
        time.sleep(3)

    with Daemon() as daemon, server(daemon.sockets, deaf) as path:
        check_failure(path, "does not read", words=["x"] + [f"y{i}=" + "z" * 100000 for i in range(8)])


@test
def a_daemon_that_is_stopped_is_named():
    with Daemon() as daemon:
        daemon.process.send_signal(19)
        try:
            check_failure(daemon.rpc_socket, "no answer within 500 ms")
        finally:
            daemon.process.send_signal(18)
        assert daemon.ebbctl("spdk_get_version").returncode == 0


run()
