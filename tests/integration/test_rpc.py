#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON-RPC socket as clients of every kind use and misuse it."""

import contextlib
import json
import os
import resource
import select
import socket
import stat
import time

from harness import BUILD, Client, Daemon, RpcError, run, run_command, test, wait_for
from quiet import assert_not_spinning, assert_quiet

MIB = 1 << 20
CLIENTS_MAX = 64
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
NOT_FOUND = -32601
INVALID_PARAMS = -32602
WRONG_STATE = -1


def request(method, params=None, **members):
    """A request's text; without an id it is a notification."""
    value = {"jsonrpc": "2.0", "method": method, **members}
    if params is not None:
        value["params"] = params
    return json.dumps(value)


def check_error(answer, code, *pieces):
    assert answer["error"]["code"] == code, answer
    for piece in pieces:
        assert piece in answer["error"]["message"], answer


def check_refused(daemon, method, params, code, *pieces):
    try:
        daemon.rpc(method, **params)
    except RpcError as error:
        assert error.code == code, error
        for piece in pieces:
            assert piece in error.message, error
        return
    raise AssertionError(f"{method} {params} was taken")


def check_closed(client):
    """The server has closed the connection: an end, or a reset if it left our bytes unread."""
    with contextlib.suppress(ConnectionResetError):
        assert client.sock.recv(1) == b""


@test
def a_request_is_taken_however_it_is_cut():
    text = request("spdk_get_version", id="äöü\\\"}{")
    data = text.encode()
    with Daemon() as daemon, daemon.client() as client:
        for cut in range(1, len(data)):
            client.send_raw(data[:cut])
            client.send_raw(data[cut:])
            assert client.receive()["id"] == json.loads(text)["id"], cut
        for index in range(len(data)):
            client.send_raw(data[index : index + 1])
        assert client.receive()["result"]["version"]


@test
def several_requests_in_one_write_need_nothing_between_them():
    with Daemon() as daemon, daemon.client() as client:
        client.send_raw("".join(request("spdk_get_version", id=i) for i in range(200)))
        got = [client.receive()["id"] for _ in range(200)]
        assert got == list(range(200)), got
        client.send_raw(" \n\t\r\n" + request("framework_get_state", id=1) + "\n\n")
        assert client.receive()["result"]["state"] == "running"


@test
def every_kind_of_id_comes_back():
    ids = [0, -1, 1.5, 2**63, "x", "", None]
    with Daemon() as daemon, daemon.client() as client:
        for wanted in ids:
            client.send_raw(request("spdk_get_version", id=wanted))
            answer = client.receive()
            assert answer["jsonrpc"] == "2.0" and "result" in answer, answer
            assert answer["id"] == wanted and type(answer["id"]) is type(wanted), answer
        for wrong in (True, [1, {"a": None}], {"b": 2}):
            client.send_raw(request("spdk_get_version", id=wrong))
            answer = client.receive()
            assert answer["id"] is None and answer["error"]["code"] == -32600, answer


@test
def notifications_are_not_answered():
    with Daemon() as daemon, daemon.client() as client:
        client.send_raw(request("spdk_get_version") + request("no_such_method"))
        client.send_raw(request("framework_get_state"))
        client.send_raw("[" + request("spdk_get_version") + "]")
        client.send_raw(request("spdk_get_version", id=5))
        assert client.receive()["id"] == 5


@test
def a_batch_is_answered_as_one_array():
    with Daemon() as daemon, daemon.client() as client:
        calls = [
            request("spdk_get_version", id=1),
            request("no_such_method", id=2),
            request("spdk_get_version"),
            "7",
            request("framework_get_state", id=3),
            request("bdev_get_bdevs", {"nmae": "x"}, id=4),
        ]
        client.send_raw("[" + ",".join(calls) + "]")
        answers = client.receive()
        assert [answer["id"] for answer in answers] == [1, 2, None, 3, 4], answers
        assert "version" in answers[0]["result"]
        check_error(answers[1], NOT_FOUND, "no_such_method")
        check_error(answers[2], INVALID_REQUEST)
        assert answers[3]["result"]["state"] == "running"
        check_error(answers[4], INVALID_PARAMS, "nmae")
        client.send_raw("[]")
        check_error(client.receive(), INVALID_REQUEST, "batch")
        client.send_raw("[" + ",".join(["1"] * 4097) + "]")
        check_error(client.receive(), INVALID_REQUEST, "4096")


@test
def a_batch_runs_in_its_order():
    with Daemon() as daemon, daemon.client() as client:
        calls = [
            request("bdev_null_create", {"name": "n", "num_blocks": 8, "block_size": 512}, id=1),
            request("bdev_get_bdevs", {"name": "n"}, id=2),
            request("bdev_null_delete", {"name": "n"}, id=3),
            request("bdev_get_bdevs", {"name": "n"}, id=4),
        ]
        client.send_raw("[" + ",".join(calls) + "]")
        answers = client.receive()
        assert answers[1]["result"][0]["name"] == "n", answers
        assert "error" in answers[3], answers


@test
def what_is_no_request_is_told_so():
    with Daemon() as daemon, daemon.client() as client:
        for text in ('{"id": 1}', '{"id": 1, "method": 7}', '{"id": 1, "method": "x", "param": {}}'):
            client.send_raw(text)
            answer = client.receive()
            check_error(answer, INVALID_REQUEST)
            assert answer["id"] == 1, answer
        client.send_raw('{"jsonrpc": "1.0", "id": 2, "method": "spdk_get_version"}')
        check_error(client.receive(), INVALID_REQUEST, "jsonrpc")
        for text in ("null ", "true ", '"x"', "12 "):
            client.send_raw(text)
            check_error(client.receive(), INVALID_REQUEST)
        client.send_raw(request("spdk_get_version", [1], id=3))
        check_error(client.receive(), INVALID_PARAMS, "by name")


@test
def garbage_is_answered_before_the_connection_closes():
    with Daemon() as daemon:
        for garbage in (b"hello", b"}", b'{"a" 1}', b"{'a': 1}", b"\0", b'"\xff"', b'{"a":1]'):
            with daemon.client() as client:
                client.send_raw(request("spdk_get_version", id=1).encode() + garbage)
                answers = [client.receive(), client.receive()]
                answers.sort(key=lambda answer: "error" in answer)
                assert answers[0]["id"] == 1, answers
                check_error(answers[1], PARSE_ERROR, "byte")
                assert answers[1]["id"] is None, answers
                check_closed(client)
        assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def the_limits_have_clear_errors():
    with Daemon() as daemon:
        with daemon.client() as client:
            start = request("spdk_get_version", {"x": "y"}, id=1)[:-3]
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.send_raw(start + "y" * MIB + '"}}')
            check_error(client.receive(), INVALID_REQUEST, "1048576")
            check_closed(client)
        with daemon.client() as client:
            text = request("spdk_get_version", {"x": "y"}, id=1)
            text = text[:-3] + "y" * (MIB - len(text)) + text[-3:]
            assert len(text) == MIB
            client.send_raw(text)
            check_error(client.receive(), INVALID_PARAMS, '"x"')
        with daemon.client() as client:
            nested = "[" * 30 + "]" * 30
            client.send_raw('{"id":1,"method":"spdk_get_version","params":{"x":%s}}' % nested)
            check_error(client.receive(), INVALID_PARAMS, '"x"')
            client.send_raw('{"id":1,"method":"spdk_get_version","params":{"x":[%s]}}' % nested)
            check_error(client.receive(), INVALID_REQUEST, "32")
            check_closed(client)


@test
def one_client_too_many_is_told_so():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(daemon.client()) for _ in range(CLIENTS_MAX)]
        for client in clients:
            assert client.call("spdk_get_version")
        with daemon.client() as late:
            check_error(late.receive(), -32603, "64 clients")
            check_closed(late)
        clients[7].close()

        def served():
            with contextlib.suppress(RpcError, EOFError, ConnectionError, AssertionError):
                return daemon.rpc("spdk_get_version")

        wait_for(served, "a client's place is not given to the next")


@test
def without_descriptors_clients_are_sent_away_and_nothing_spins():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        pid = daemon.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 8, limits[1]))
        for _ in range(CLIENTS_MAX):
            client = stack.enter_context(daemon.client())
            with contextlib.suppress(ConnectionError):
                client.send_raw(request("spdk_get_version", id=1))
            answer = client.receive()
            if "error" in answer:
                check_error(answer, -32603, "RLIMIT_NOFILE")
                check_closed(client)
                break
        else:
            raise AssertionError("the limit did not bite")
        assert "RLIMIT_NOFILE" in daemon.log(), daemon.log()
        assert_not_spinning(daemon)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def without_any_descriptor_clients_wait_and_nothing_spins():
    with Daemon() as daemon:
        pid = daemon.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        with daemon.client() as client:
            wait_for(lambda: "RLIMIT_NOFILE" in daemon.log(), "it does not say so")
            assert_not_spinning(daemon)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            assert client.call("framework_get_state")["state"] == "running"


@test
def wrong_parameters_are_named():
    with Daemon() as daemon:
        good = {"name": "n", "num_blocks": 8, "block_size": 512}
        for change, pieces in (
            ({"blocksize": 1}, ["blocksize", "block_size"]),
            ({"name": 7}, ["name", "a string", "7"]),
            ({"name": "a\0b"}, ["name", "byte 1 is 0x00"]),
            ({"num_blocks": "8"}, ["num_blocks", "integer", '"8"']),
            ({"num_blocks": -8}, ["num_blocks", "-8"]),
            ({"uuid": "1234"}, ["uuid", "UUID"]),
        ):
            check_refused(daemon, "bdev_null_create", {**good, **change}, INVALID_PARAMS, *pieces)
        check_refused(daemon, "bdev_null_create", {"name": "n"}, INVALID_PARAMS, "missing")
        good = {"name": "n", "trtype": "uring", "traddr": "/dev/nvme99"}
        for change, pieces in (
            ({"rebind": True}, ["rebind", "'uring'", "'PCIe'"]),
            ({"shadow_doorbells": False}, ["shadow_doorbells", "'PCIe'"]),
            ({"trtype": "TCP"}, ["trtype", "'TCP'", "PCIe, uring"]),
        ):
            attach = "bdev_nvme_attach_controller"
            check_refused(daemon, attach, {**good, **change}, INVALID_PARAMS, *pieces)
        fast = {"lcore": 0, "mode": "fast"}
        check_refused(daemon, "reactor_set_mode", fast, INVALID_PARAMS, "adaptive")
        check_refused(daemon, "no_such_method", {}, NOT_FOUND, "no_such_method")
        assert daemon.rpc("bdev_get_bdevs") == []


@test
def startup_and_runtime_methods_are_kept_apart():
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        now = daemon.rpc("rpc_get_methods", current=True)
        everything = daemon.rpc("rpc_get_methods")
        assert "framework_start_init" in now and "bdev_get_bdevs" not in now, now
        assert set(now) < set(everything) and "ebb_get_version" not in everything
        assert "ebb_get_version" in daemon.rpc("rpc_get_methods", include_aliases=True)
        check_refused(daemon, "bdev_get_bdevs", {}, WRONG_STATE, "RUNTIME", "framework_start_init")
        with daemon.client() as waiting:
            waiting.send_raw(request("framework_wait_init", id=1))
            assert waiting.call("framework_get_state")["state"] == "startup"
            assert daemon.rpc("framework_start_init") is True
            assert waiting.receive() == {"jsonrpc": "2.0", "id": 1, "result": True}
        check_refused(daemon, "framework_start_init", {}, WRONG_STATE, "STARTUP")
        assert daemon.rpc("framework_get_state")["state"] == "running"
        assert daemon.rpc("framework_wait_init") is True
        now = daemon.rpc("rpc_get_methods", current=True)
        assert "framework_start_init" not in now and "bdev_get_bdevs" in now, now


@test
def answers_go_out_as_they_are_ready():
    with Daemon("--wait-for-rpc", wait="startup") as daemon, daemon.client() as client:
        client.send_raw(request("framework_wait_init", id=1) + request("spdk_get_version", id=2))
        assert client.receive()["id"] == 2
        client.send_raw(request("framework_start_init", id=3))
        assert sorted([client.receive()["id"], client.receive()["id"]]) == [1, 3]


@test
def a_half_closed_client_gets_its_answers():
    with Daemon("--wait-for-rpc", wait="startup") as daemon, daemon.client() as client:
        client.send_raw(request("framework_wait_init", id=1) + request("spdk_get_version", id=2))
        client.sock.shutdown(socket.SHUT_WR)
        assert client.receive()["id"] == 2
        daemon.rpc("framework_start_init")
        assert client.receive()["id"] == 1
        check_closed(client)
        with daemon.client() as other:
            other.send_raw(request("spdk_get_version", id=1)[:-1])
            other.sock.shutdown(socket.SHUT_WR)
            check_error(other.receive(), PARSE_ERROR, "ends in the middle")
            check_closed(other)


@test
def a_client_goes_on_when_others_have_fewer_requests():
    with Daemon() as daemon, daemon.client() as client, daemon.client() as many:
        client.send_raw(request("bdev_get_bdevs", {"name": "never", "timeout": 60000}, id=1) * 2)
        many.send_raw(request("bdev_get_bdevs", {"name": "soon", "timeout": 60000}, id=1) * 62)
        daemon.rpc("spdk_get_version")  # by the time it is answered, these have come
        client.send_raw(request("spdk_get_version", id=2))
        daemon.rpc("spdk_get_version")
        assert select.select([client.sock], [], [], 0)[0] == [], "it was called"
        daemon.rpc("bdev_null_create", name="soon", num_blocks=8, block_size=512)
        assert client.receive()["id"] == 2


@test
def a_client_that_vanishes_in_a_call_leaves_nothing_behind():
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        for _ in range(10):
            client = daemon.client()
            client.send_raw(request("framework_wait_init", id=1) * 3 + '{"half')
            client.close()
        daemon.rpc("framework_start_init")
        sockets = f"/proc/{daemon.process.pid}/fd"

        def connections():
            count = 0
            for fd in os.listdir(sockets):
                with contextlib.suppress(OSError):  # it may be closed meanwhile
                    count += os.readlink(f"{sockets}/{fd}").startswith("socket:")
            return count

        wait_for(lambda: connections() <= 2, f"{connections()} sockets stay open")
        assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def a_client_that_does_not_read_holds_up_nobody():
    with Daemon() as daemon, daemon.client() as slow:
        slow.sock.settimeout(0.2)
        text = request("rpc_get_methods", id=1) * 100
        with contextlib.suppress(TimeoutError):
            for _ in range(2000):
                slow.send_raw(text)
        begin = time.monotonic()
        for _ in range(20):
            assert daemon.rpc("spdk_get_version")
        assert time.monotonic() - begin < 2
        status = open(f"/proc/{daemon.process.pid}/status", encoding="ascii").read()
        resident_kib = int(status.split("VmRSS:")[1].split()[0])
        assert resident_kib < 64 * 1024, f"{resident_kib} KiB for a client that does not read"


@test
def many_clients_ask_at_once():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(daemon.client()) for _ in range(CLIENTS_MAX)]
        for turn in range(20):
            for client in clients:
                client.send_raw(request("thread_get_stats", id=turn))
            for client in clients:
                assert client.receive()["id"] == turn


@test
def it_sleeps_when_nobody_asks():
    with Daemon() as daemon, daemon.client() as client:
        assert client.call("spdk_get_version")
        assert_quiet(daemon)


@test
def the_socket_is_the_owners_only():
    with Daemon() as daemon:
        for path in (daemon.rpc_socket, f"{daemon.rpc_socket}.lock"):
            assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600, path
        assert daemon.stop() == 0
        assert not os.path.lexists(daemon.rpc_socket)
        assert not os.path.lexists(f"{daemon.rpc_socket}.lock")


@test
def the_socket_has_the_mode_asked_for():
    with Daemon("--rpc-socket-mode", "0660") as daemon:
        assert stat.S_IMODE(os.lstat(daemon.rpc_socket).st_mode) == 0o660


def start_second(path):
    return run_command([BUILD / "ebbd", "--rpc-socket", path], timeout=20)


@test
def a_second_daemon_is_refused_and_the_first_goes_on():
    with Daemon() as daemon:
        second = start_second(daemon.rpc_socket)
        assert second.returncode != 0
        assert str(daemon.rpc_socket) in second.stderr, second.stderr
        assert str(daemon.process.pid) in second.stderr, second.stderr
        assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def after_kill_9_the_next_daemon_takes_over():
    with Daemon() as daemon:
        for _ in range(3):
            daemon.kill9()
            assert os.path.lexists(daemon.rpc_socket)
            daemon.start()
            assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def what_is_no_socket_is_left_alone():
    with Daemon() as daemon:
        path = daemon.sockets / "file"
        path.write_text("precious", encoding="ascii")
        second = start_second(path)
        assert second.returncode != 0 and "not a socket" in second.stderr, second.stderr
        assert path.read_text(encoding="ascii") == "precious"
        second = start_second("/tmp/" + "x" * 104)
        assert second.returncode != 0 and "107" in second.stderr, second.stderr


@test
def who_changes_something_is_logged():
    with Daemon() as daemon:
        daemon.rpc("spdk_get_version")
        daemon.rpc("reactor_set_mode", lcore=daemon_core(daemon), mode="interrupt")
        log = daemon.log()
        assert "spdk_get_version" not in log, log
        line = next(line for line in log.splitlines() if "reactor_set_mode" in line)
        assert f"process {os.getpid()}" in line and f"user {os.getuid()}" in line, line


def daemon_core(daemon):
    return daemon.rpc("framework_get_reactors")["reactors"][0]["lcore"]


@test
def the_framework_tells_of_itself():
    with Daemon() as daemon:
        reactors = daemon.rpc("framework_get_reactors")
        assert reactors["tick_rate"] == 10**9 and reactors["pid"] == daemon.process.pid
        reactor = reactors["reactors"][0]
        assert reactor["mode"] == "adaptive" and reactor["in_interrupt"] is True
        assert "app_thread" in [thread["name"] for thread in reactor["lw_threads"]]
        lcore = reactor["lcore"]
        assert daemon.rpc("reactor_set_mode", lcore=lcore, mode="poll") is True
        assert daemon.rpc("framework_get_reactors")["reactors"][0]["in_interrupt"] is False
        assert daemon.rpc("reactor_set_interrupt_mode", lcore=lcore, disable_interrupt=False)
        assert daemon.rpc("framework_get_reactors")["reactors"][0]["mode"] == "interrupt"
        modes = {"mode": {"mode": "poll"}, "interrupt_mode": {"disable_interrupt": True}}
        for name, wrong in modes.items():
            wrong["lcore"] = 999
            check_refused(daemon, f"reactor_set_{name}", wrong, INVALID_PARAMS, "on CPU 999")
        assert daemon.rpc("reactor_get_blockers")["reactors"] == [{"lcore": lcore, "blockers": []}]
        assert daemon.rpc("thread_get_violations") == []
        names = {thread["name"] for thread in daemon.rpc("thread_get_stats")["threads"]}
        for method in ("thread_get_pollers", "thread_get_io_channels"):
            found = {thread["name"] for thread in daemon.rpc(method)["threads"]}
            assert "app_thread" in found and found == names, (method, found)
        seen = set()
        for subsystem in daemon.rpc("framework_get_subsystems"):
            assert set(subsystem["depends_on"]) <= seen, subsystem
            seen.add(subsystem["subsystem"])


@test
def a_signal_by_rpc_stops_it_cleanly():
    for name in ("SIGTERM", "INT", 15, "15"):
        with Daemon() as daemon:
            # Those that ebb does not handle would end it in disorder, or not at all.
            for wrong in ("SIGSTOP", "SIGQUIT", "KILL", "SIGUSR1", 9, 0):
                params = {"sig_name": wrong}
                check_refused(daemon, "spdk_kill_instance", params, INVALID_PARAMS, str(wrong))
            assert daemon.rpc("spdk_kill_instance", sig_name=name) is True
            assert daemon.wait_exit() == 0, daemon.log_tail()


@test
def clients_may_come_while_it_stops():
    for _ in range(5):
        with Daemon() as daemon, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(daemon.rpc_socket)) for _ in range(8)]
            for client in clients:
                client.send_raw(request("thread_get_stats", id=1) * 50)
            begin = time.monotonic()
            assert daemon.stop() == 0, daemon.log_tail()
            assert time.monotonic() - begin < 5


run()
