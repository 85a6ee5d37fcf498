#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No client of the RPC socket takes the service from the others, or wakes it when it asks nothing."""

import contextlib
import json
import os
import re
import resource
import select
import socket
import subprocess
import sys
import time

from harness import BUILD, Client, Daemon, run, run_command, test, wait_for
from quiet import assert_not_spinning, assert_quiet

MIB = 1 << 20
PLACES_ANY = 64
PLACES_OWN = 16
PROCESS_FEW = 2
FEW_DESCRIPTORS = 24
QUIET_S = 15.0

# Connects so many times, says so, and waits.
HOLDER = """
import socket, sys
held = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[2]))]
for sock in held:
    sock.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def request(method, params=None, **members):
    value = {"jsonrpc": "2.0", "method": method, **members}
    if params is not None:
        value["params"] = params
    return json.dumps(value)


def refusal(client):
    """What the server tells a client that it sends away."""
    error = client.receive()["error"]
    with contextlib.suppress(ConnectionResetError):
        assert client.sock.recv(1) == b""
    return error["message"]


@contextlib.contextmanager
def holders(daemon, processes, connections):
    with contextlib.ExitStack() as stack:
        started = []
        for _ in range(processes):
            process = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(daemon.rpc_socket), str(connections)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            stack.callback(process.wait)
            stack.callback(process.stdout.close)
            stack.callback(process.stdin.close)
            started.append(process)
        for process in started:
            assert process.stdout.readline() == b"held\n"
        yield


def memory_kib(daemon, key):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return int(re.search(rf"^{key}:\s*(\d+)", status.read(), re.MULTILINE)[1])


def limit_descriptors(daemon, count):
    limits = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (count, limits[1]))


@test
def a_process_with_many_connections_leaves_places_for_others():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        for _ in range(PLACES_ANY):
            stack.enter_context(daemon.client())
        with daemon.client() as late:
            text = refusal(late)
            assert f"process {os.getpid()} has {PLACES_ANY} of them" in text, text
        assert "running" in daemon.ebbctl("status").stdout
        for _ in range(20):
            with daemon.client() as late:
                refusal(late)
        assert daemon.log().count("is sent away") == 1, daemon.log()


@test
def ebbctl_tells_that_there_is_no_place():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        for _ in range(PLACES_ANY):
            stack.enter_context(daemon.client())
        with holders(daemon, PLACES_OWN // PROCESS_FEW, PROCESS_FEW):
            done = daemon.ebbctl("spdk_get_version", check=False)
            assert done.returncode == 1 and not done.stdout, done
            for piece in ("80 clients are connected", "try again", f"process {os.getpid()} has 64"):
                assert piece in done.stderr, done.stderr
        wait_for(
            lambda: daemon.ebbctl("spdk_get_version", check=False).returncode == 0,
            "a place that has become free is not given to the next",
        )


@test
def with_few_descriptors_it_is_managed_all_the_same():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        limit_descriptors(daemon, FEW_DESCRIPTORS)
        texts = []
        for _ in range(40):
            client = stack.enter_context(daemon.client())
            with contextlib.suppress(ConnectionError):
                client.send_raw(request("spdk_get_version", id=1))
            answer = client.receive()
            if "error" in answer:
                texts.append(answer["error"]["message"])
        assert len(texts) > 20 and all("RLIMIT_NOFILE" in text for text in texts), texts
        # Some are left to other processes; and then some to what a method opens.
        with holders(daemon, 1, 1):
            assert "running" in daemon.ebbctl("status").stdout
        with holders(daemon, 3, PROCESS_FEW):
            done = daemon.ebbctl("spdk_get_version", check=False)
            assert done.returncode == 1 and "ulimit -n" in done.stderr, done.stderr
        assert_not_spinning(daemon)
        assert daemon.log().count("RLIMIT_NOFILE") == 1, daemon.log()


@test
def after_a_shortage_of_descriptors_service_is_back_at_once():
    with Daemon() as daemon:
        limit_descriptors(daemon, 22)
        for _ in range(10):
            with contextlib.ExitStack() as clients:
                for _ in range(60):
                    clients.enter_context(daemon.client(timeout=None))
        begin = time.monotonic()

        def served():
            with contextlib.suppress(Exception):
                return daemon.rpc("spdk_get_version")

        wait_for(served, "nobody is served")
        spent = time.monotonic() - begin
        assert spent < 1, f"service is back after {spent:.1f} s"
        assert daemon.log().count("RLIMIT_NOFILE") == 1, daemon.log()


@test
def who_asks_much_and_reads_nothing_takes_little():
    """As text each answer has 0.2 MiB, as values 2; all 3,840 would be 750 MiB of text."""
    clients, asked, bdevs = 60, 64, 300
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        for index in range(bdevs):
            daemon.rpc("bdev_null_create", name=f"n{index}", num_blocks=8, block_size=512)
        before = memory_kib(daemon, "VmHWM")
        silent = [stack.enter_context(daemon.client(timeout=60)) for _ in range(clients)]
        for client in silent:
            client.send_raw(request("bdev_get_bdevs", id=1) * asked)
        for client in silent:
            assert select.select([client.sock], [], [], 60)[0], "one has no answer"
        assert daemon.rpc("spdk_get_version")
        grown = memory_kib(daemon, "VmHWM") - before
        assert grown < 96 * 1024, f"{grown} KiB for clients that do not read"
        # They are no enemies: one that reads gets all its answers.
        for _ in range(asked):
            assert len(silent[-1].receive()["result"]) == bdevs
        for client in silent:
            client.close()
        wait_for(lambda: memory_kib(daemon, "VmRSS") < before + 8 * 1024, "the memory stays away")


@test
def a_request_of_many_values_leaves_memory_to_others():
    """Each batch holds 20 MiB of values for as long as its first call waits."""
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        waits = request("bdev_get_bdevs", {"name": "soon", "timeout": 60000}, id=1)
        text = "[" + waits + ',{"id":2,"method":"x","params":{"y":[' + "{}," * 26000 + "{}]}}]"
        refused = 0
        for _ in range(8):
            client = stack.enter_context(daemon.client())
            client.send_raw(text)
            client.send_raw(request("framework_get_state", id=3))
            answer = client.receive()
            if "error" in answer:
                assert "bytes of memory" in answer["error"]["message"], answer
                refused += 1
                answer = client.receive()
            assert answer["id"] == 3, answer
        assert 1 <= refused <= 6, refused
        assert daemon.rpc("spdk_get_version")
        daemon.rpc("bdev_null_create", name="soon", num_blocks=8, block_size=512)


@test
def long_parameters_are_refused_by_their_form():
    long = "[" + "{}," * 20000 + "{}]"
    with Daemon() as daemon, daemon.client() as client:
        daemon.rpc("bdev_null_create", name="n", num_blocks=8, block_size=512)
        for method, params, piece in (
            ("bdev_get_bdevs", '{"x":%s}' % long, 'no parameter "x"'),
            ("bdev_get_bdevs", '{"name":%s}' % long, "must be a string"),
            ("spdk_kill_instance", '{"sig_name":%s}' % long, "is an array"),
            ("bdev_get_iostat", '{"names":[%s"n"]}' % ('"n",' * 200000), "give each once"),
            ("bdev_get_iostat", '{"names":%s}' % long, "array of strings"),
        ):
            client.send_raw('{"id":1,"method":"%s","params":%s}' % (method, params))
            answer = client.receive()
            assert piece in answer["error"]["message"], answer
        assert len(daemon.rpc("bdev_get_iostat", names=["n", "n"])["bdevs"]) == 2


@test
def each_client_has_its_turn():
    """One that asks for thousands of things at once does not delay one that asks for one."""
    with Daemon() as daemon, daemon.client() as greedy, daemon.client() as modest:
        greedy.sock.settimeout(30)
        text = request("rpc_get_methods", id=1)
        count = 3000
        greedy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MIB)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                greedy.send_raw(text * count)
            os._exit(0)
        seen = 0
        for number in range(200):
            modest.send_raw(request("spdk_get_version", id=number))
            assert modest.receive()["id"] == number
        while seen < count:
            assert greedy.receive()["id"] == 1
            seen += 1
        os.waitpid(pid, 0)


def connect_and_go(daemon):
    for _ in range(200):
        daemon.client(timeout=None).close()


def half_a_request(client):
    client.send_raw(request("spdk_get_version", id=1)[:-4])


def half_a_long_request(client):
    client.send_raw('{"id":1,"method":"x","params":{"y":"' + "z" * (MIB - 100))


def half_closed(client):
    client.send_raw(request("framework_get_state", id=1))
    client.sock.shutdown(socket.SHUT_WR)
    assert client.receive()["id"] == 1


def half_closed_in_a_call(client):
    client.send_raw(request("bdev_get_bdevs", {"name": "never", "timeout": 600000}, id=1))
    client.sock.shutdown(socket.SHUT_WR)


def half_closed_before_asking(client):
    client.sock.shutdown(socket.SHUT_WR)


def deaf(client):
    client.sock.shutdown(socket.SHUT_RD)
    with contextlib.suppress(ConnectionError):
        client.send_raw(request("rpc_get_methods", id=1) * 100)


def unread_answers(client):
    client.sock.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        for _ in range(400):
            client.send_raw(request("rpc_get_methods", id=1) * 100)


def in_a_call(client):
    client.send_raw(request("bdev_get_bdevs", {"name": "never", "timeout": 600000}, id=1) * 3)


def gone_in_a_call(client):
    in_a_call(client)
    client.close()


def garbage_unread(client):
    client.send_raw(request("spdk_get_version", id=1) + "nonsense")


def garbage_slowly(client):
    for byte in b'{"id": 1, "metho':
        client.send_raw(bytes([byte]))
    client.send_raw(b"\x01")


def notifications(client):
    client.send_raw(request("spdk_get_version") * 2000 + request("spdk_get_version", id=2))
    assert client.receive()["id"] == 2


def a_batch_of_ten_thousand(client):
    calls = ",".join([request("spdk_get_version", id=1)] * 10000)
    client.send_raw("[" + calls + "]")
    assert "4096" in client.receive()["error"]["message"]


def a_large_batch(client):
    client.send_raw("[" + ",".join(request("spdk_get_version", id=i) for i in range(4096)) + "]")
    assert [answer["id"] for answer in client.receive()] == list(range(4096))


def deep_nesting(client):
    client.send_raw("[" * 1000)
    assert "32" in client.receive()["error"]["message"]


def a_long_id(client):
    text = "i" * (MIB - 200)
    client.send_raw(request("spdk_get_version", id=text))
    assert client.receive()["id"] == text


BAD_COMPANY = (
    half_a_request,
    half_a_long_request,
    half_closed,
    half_closed_in_a_call,
    half_closed_before_asking,
    deaf,
    unread_answers,
    in_a_call,
    gone_in_a_call,
    garbage_unread,
    garbage_slowly,
    notifications,
    a_batch_of_ten_thousand,
    a_large_batch,
    deep_nesting,
    a_long_id,
)


@test
def in_bad_company_others_are_served_and_it_sleeps():
    with Daemon() as daemon, contextlib.ExitStack() as stack:
        for behave in BAD_COMPANY:
            client = stack.enter_context(daemon.client(timeout=30))
            behave(client)
            begin = time.monotonic()
            assert daemon.rpc("spdk_get_version"), behave
            spent = time.monotonic() - begin
            assert spent < 2, f"{behave.__name__} has delayed another client by {spent:.1f} s"
        connect_and_go(daemon)
        assert_quiet(daemon, window_s=QUIET_S)
        assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def after_bad_company_has_gone_nothing_is_left():
    with Daemon() as daemon:
        def descriptors():
            return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

        before = descriptors()
        for behave in BAD_COMPANY:
            if behave not in (in_a_call, gone_in_a_call, half_closed_in_a_call):
                with daemon.client(timeout=30) as client:
                    behave(client)
        wait_for(lambda: descriptors() <= before, "descriptors stay open")
        wait_for(lambda: memory_kib(daemon, "VmRSS") < 24 * 1024, "memory stays away")
        assert_quiet(daemon)


@test
def clients_killed_in_any_state_leave_nothing_behind():
    """A process that is killed leaves its sockets to the kernel, whatever it was about to do."""
    with Daemon() as daemon:
        for behave in (half_a_request, unread_answers, garbage_unread, a_large_batch):
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(Exception):
                    behave(Client(daemon.rpc_socket))
                os.kill(os.getpid(), 9)
            os.waitpid(pid, 0)
        assert daemon.rpc("spdk_get_version")
        assert run_command([BUILD / "ebbctl", "-s", daemon.rpc_socket, "status"]).returncode == 0
        assert_quiet(daemon)


run()
