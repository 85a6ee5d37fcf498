#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""JSON as ebbd takes it, by its socket and in a file: no more than RFC 8259, nothing twice, and what
comes back is what was sent."""

import json
import socket
import tempfile
import threading
from pathlib import Path

from harness import BUILD, Daemon, run, run_command, test

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602

# Each is JSON for somebody.
NO_JSON = [
    "[-01]",
    "[1.]",
    "[.5]",
    "[2.e3]",
    "[1e]",
    "[+1]",
    "[8e]",
    "[0x10]",
    "[NaN]",
    "[-Infinity]",
    "[1,]",
    '{"a": 1,}',
    "{'a': 1}",
    "{a: 1}",
    '["\\ud800"]',
    '["\\x41"]',
    '["a\tb"]',
    "[True]",
    "[1 2]",
]

ID_TEXTS = [
    "1.0",
    "1e2",
    "1E+2",
    "-0",
    "-0.0",
    "0.10",
    "12345678901234567890123",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "1e999",
    '"\u00e9"',
    '"a/b"',
]


def receive_line(client):
    """The bytes of the next answer, which a line end ends."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = client.sock.recv(65536)
        assert chunk, line
        line += chunk
    return line[:-1].decode()


@test
def an_id_comes_back_byte_for_byte():
    with Daemon() as daemon, daemon.client() as client:
        for text in ID_TEXTS:
            client.send_raw(f'{{"id":{text},"method":"spdk_get_version"}}')
            line = receive_line(client)
            assert line.startswith(f'{{"jsonrpc":"2.0","id":{text},"result":'), line
            client.send_raw(f'{{"id":{text},"method":"no_such_method"}}')
            line = receive_line(client)
            assert line.startswith(f'{{"jsonrpc":"2.0","id":{text},"error":'), line
            client.send_raw(f'[{{"id":{text},"method":"x"}},{{"id":{text},"method":1}}]')
            line = receive_line(client)
            assert line.count(f'"id":{text},"error"') == 2, line
        client.send_raw('{"id":"\\u00e9\\ud83d\\udc1f","method":"spdk_get_version"}')
        assert client.receive()["id"] == "\u00e9\U0001f41f"


@test
def a_name_that_comes_twice_is_refused_and_the_connection_goes_on():
    """Also where both are the same only when decoded. The id is told, unless that is in doubt."""
    refused = [
        ('{"id":1,"method":"bdev_get_bdevs","params":{"name":"a","name":"a"}}', 1, "params"),
        ('{"id":1,"method":"x","params":{"a":[0,{"b":1,"\\u0062":2}]}}', 1, "params.a[1]"),
        ('{"id":1,"method":"spdk_get_version","method":"spdk_get_version"}', 1, "outermost"),
        ('{"id":1,"id":1,"method":"spdk_get_version"}', None, "outermost"),
        ('{"id":1,"i\\u0064":2,"method":"spdk_get_version"}', None, "outermost"),
        ('{"method":"spdk_get_version","params":{},"params":{}}', None, "outermost"),
        ('{"id":1,"method":"x","params":{"a\\u0000":1}}', 1, "NUL"),
    ]
    with Daemon() as daemon, daemon.client() as client:
        for text, wanted, piece in refused:
            client.send_raw(text)
            answer = client.receive()
            assert answer["id"] == wanted, (text, answer)
            assert answer["error"]["code"] == INVALID_REQUEST, (text, answer)
            message = answer["error"]["message"]
            assert piece in message and "at byte" in message, (text, answer)
        assert "version" in client.call("spdk_get_version")
        null = '{"id":%d,"method":"bdev_null_create","params":{"name":"n%d","num_blocks":8,%s"block_size":512}}'
        client.send_raw("[" + ",".join(null % (i, i, '"num_blocks":9,' if i == 2 else "") for i in (1, 2, 3)) + "]")
        answers = client.receive()
        assert [answer["id"] for answer in answers] == [1, 2, 3], answers
        assert answers[0]["result"] == "n1" and answers[2]["result"] == "n3", answers
        message = answers[1]["error"]["message"]
        assert '"num_blocks" comes twice in [1].params' in message, answers
        assert [bdev["name"] for bdev in client.call("bdev_get_bdevs")] == ["n1", "n3"]


@test
def what_is_no_json_is_refused_by_both():
    with Daemon() as daemon:
        for text in NO_JSON:
            with daemon.client() as client:
                client.send_raw(f'{{"id":1,"method":"x","params":{text}}}')
                answer = client.receive()
                assert answer["error"]["code"] == PARSE_ERROR and answer["id"] is None, (text, answer)
                assert "at byte" in answer["error"]["message"], answer
                assert client.sock.recv(1) == b""
            config = daemon.folder / "wrong.json"
            config.write_text(f'{{"subsystems": [],\n"more": {text}}}')
            done = run_command([BUILD / "ebbd", "--json", config, "--no-rpc"], timeout=20)
            assert done.returncode > 0, (text, done)
            assert "line 2, column" in done.stderr and "not JSON" in done.stderr, (text, done)


@test
def a_batch_may_have_one_element_or_none_that_is_a_request():
    with Daemon() as daemon, daemon.client() as client:
        one = '{"jsonrpc": "2.0", "method": "bdev_get_bdevs", "id": "x"}'
        client.send_raw(f"[{one}]")
        assert client.receive() == [{"jsonrpc": "2.0", "id": "x", "result": []}]
        client.send_raw("[1, [], null]")
        answers = client.receive()
        assert [answer["id"] for answer in answers] == [None] * 3, answers
        assert {answer["error"]["code"] for answer in answers} == {INVALID_REQUEST}, answers
        # Nothing of a batch runs that is not JSON to its end.
        create = one.replace("bdev_get_bdevs", "bdev_null_create").replace(
            '"id"', '"params": {"name": "n", "num_blocks": 8, "block_size": 512}, "id"')
        client.send_raw(f'[{create}, {{"method"]')
        assert client.receive()["error"]["code"] == PARSE_ERROR
        assert daemon.rpc("bdev_get_bdevs") == []


@test
def a_file_says_where_a_name_comes_twice():
    text = """\ufeff// made by hand
{
  "subsystems": [{"subsystem": "bdev", "config": [
    {"method": "bdev_null_create", "params": {"name": "n", "num_blocks": 8, "block_size": 512,
      "num_bl\\u006fcks": 16}}
  ]}]
}
"""
    with Daemon() as daemon:
        config = daemon.folder / "twice.json"
        config.write_text(text)
        done = run_command([BUILD / "ebbd", "--json", config, "--no-rpc"], timeout=20)
    assert done.returncode > 0, done
    assert 'line 5, column 7: the name "num_blocks" comes twice in subsystems[0].config[0].params' in done.stderr, done


@test
def a_file_may_have_comments_and_a_byte_order_mark():
    entry = {"method": "bdev_null_create", "params": {"name": "n", "num_blocks": 8, "block_size": 512}}
    text = json.dumps({"subsystems": [{"subsystem": "bdev", "config": [entry]}]})
    with Daemon(config="\ufeff// x\n/* {[ */" + text.replace(": [", ": /**/ [ // y\n") + "// z") as daemon:
        assert daemon.rpc("bdev_get_bdevs")[0]["num_blocks"] == 8


@test
def a_number_that_does_not_fit_is_refused_and_never_moved():
    def create(client, num_blocks):
        params = f'{{"name":"n","num_blocks":{num_blocks},"block_size":512}}'
        client.send_raw(f'{{"id":1,"method":"bdev_null_create","params":{params}}}')
        return client.receive()

    with Daemon() as daemon, daemon.client() as client:
        for text in ("18446744073709551616", "1e300", "1e999", "8.5", "-9223372036854775809", "8.00000000000000000001"):
            answer = create(client, text)
            assert answer["error"]["code"] == INVALID_PARAMS, (text, answer)
            assert '"num_blocks"' in answer["error"]["message"] and text in answer["error"]["message"], answer
        for text in ("8", "8.0", "8e0", "0.8e1", "80e-1"):
            assert create(client, text)["result"] == "n", text
            assert client.call("bdev_get_bdevs")[0]["num_blocks"] == 8
            client.call("bdev_null_delete", name="n")
        for text in ("4294967311", '"4294967311"', "1.5", "-15", "1e15"):  # 15, in 32 bits, is SIGTERM
            client.send_raw(f'{{"id":1,"method":"spdk_kill_instance","params":{{"sig_name":{text}}}}}')
            answer = client.receive()
            assert answer["error"]["code"] == INVALID_PARAMS, (text, answer)


@test
def ebbctl_takes_no_value_that_says_two_things():
    with Daemon() as daemon:
        done = daemon.ebbctl("bdev_get_iostat", 'names={"a":1,"a":2}', check=False)
        assert done.returncode == 2 and "comes twice" in done.stderr, done
        # What is no JSON is text, and a number is not moved.
        for text in ("01", "1.", "'7'"):
            daemon.ebbctl("bdev_null_create", f"name={text}", "num_blocks=8", "block_size=512")
            assert len(daemon.rpc("bdev_get_bdevs", name=text)) == 1, text
        done = daemon.ebbctl("bdev_null_create", "name=x", f"num_blocks={1 << 64}", "block_size=512", check=False)
        assert done.returncode == 1 and f"{1 << 64}" in done.stderr, done


@test
def ebbctl_takes_no_answer_that_says_two_things():
    """From something that is not ebbd, say."""
    answers = [
        ('{"jsonrpc":"2.0","id":1,"result":1,"result":2}', 'the name "result" comes twice'),
        ('{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":1}}', "comes twice in result"),
        ('{"jsonrpc":"2.0","id":1,"result":01}', "no JSON"),
        ('{"jsonrpc":"2.0","id":1,"result":"fine"}', ""),
    ]
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        path = Path(folder) / "s"
        listener.bind(str(path))
        listener.listen()

        def serve():
            for answer, _ in answers:
                with listener.accept()[0] as peer:
                    peer.recv(65536)
                    peer.sendall(answer.encode())

        server = threading.Thread(target=serve)
        server.start()
        for _, wanted in answers:
            done = run_command([BUILD / "ebbctl", "-s", path, "spdk_get_version"])
            assert done.returncode == (1 if wanted else 0) and wanted in done.stderr, done
        server.join()


@test
def a_value_that_grows_too_large_is_refused_and_the_connection_goes_on():
    with Daemon() as daemon, daemon.client() as client:
        client.send_raw('{"id":1,"method":"x","params":[' + "{}," * 300000 + "1]}")
        answer = client.receive()
        assert answer["error"]["code"] == INVALID_REQUEST and answer["id"] is None, answer
        assert "bytes of memory" in answer["error"]["message"], answer
        assert "version" in client.call("spdk_get_version")


run()
