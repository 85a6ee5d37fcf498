#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SPDK's client as spdk_transcript.py has recorded it: what it sends is taken, and its shapes come.

Requests go out as it sends them: over several lines, nothing after them, ids from 1, parameters
left out where there are none, all on one connection.
"""

from harness import Daemon, RpcError, run, test
from spdk_transcript import GROUPS, KILL, OWN, STARTUP, Refused, running, saved_by_spdk

MIB = 1 << 20


def misfit(value, shape, place="result"):
    """How the value differs from the shape; None: it does not."""
    if isinstance(shape, (type, tuple)):
        good = isinstance(value, shape) and (shape is not int or not isinstance(value, bool))
        return None if good else f"{place} is {value!r}, no {shape}"
    if isinstance(shape, list) and shape:
        if not isinstance(value, list):
            return f"{place} is {value!r}, no list"
        places = ((one, f"{place}[{index}]") for index, one in enumerate(value))
        return next(filter(None, (misfit(one, shape[0], where) for one, where in places)), None)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{place} is {value!r}, no object"
        for name, member in shape.items():
            if name not in value:
                return f"{place} has no {name}"
            wrong = misfit(value[name], member, f"{place}.{name}")
            if wrong:
                return wrong
        return None
    good = value == shape and isinstance(value, type(shape))
    return None if good else f"{place} is {value!r}, not {shape!r}"


def play(client, rows):
    """Call each; how the answers differ from what must come."""
    wrong = []
    for row in rows:
        params = {name: value for name, value in (row.params or {}).items() if value is not None}
        try:
            differs = misfit(client.call(row.method, **params), row.shape)
            if isinstance(row.shape, Refused):
                differs = "was taken"
        except RpcError as error:
            refused = isinstance(row.shape, Refused) and error.code == row.shape.code
            good = refused and all(piece in error.message for piece in row.shape.pieces)
            differs = None if good else str(error)
        if differs:
            wrong.append(f"{row.method} {params}: {differs}")
    return wrong


def check(client, rows):
    wrong = play(client, rows)
    assert not wrong, "\n".join(wrong)


@test
def it_may_be_called_before_the_subsystems_start():
    with Daemon("--wait-for-rpc", wait="startup") as daemon, daemon.client() as client:
        check(client, STARTUP)


@test
def it_may_be_called_while_all_runs():
    with Daemon() as daemon, daemon.client() as client:
        check(client, running(str(daemon.disk("disk", MIB))))


def play_group(name):
    with Daemon() as daemon, daemon.client() as client:
        check(client, GROUPS[name])


for group in GROUPS:
    def play_one(name=group):
        play_group(name)

    play_one.__name__ = f"{group}_is_as_spdks_client_knows_it"
    test(play_one)


@test
def it_may_end_the_daemon():
    with Daemon() as daemon, daemon.client() as client:
        check(client, KILL)
        assert daemon.wait_exit() == 0


@test
def every_method_has_been_recorded():
    recorded = {row.method for row in [*STARTUP, *running(""), *KILL]}
    recorded |= {row.method for rows in GROUPS.values() for row in rows}
    with Daemon() as daemon:
        methods = set(daemon.rpc("rpc_get_methods"))
    assert not methods - recorded - OWN, methods - recorded - OWN
    assert OWN <= methods and not OWN & recorded, (OWN - methods, OWN & recorded)


@test
def what_changes_nothing_and_other_names_are_listed():
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        now = set(daemon.rpc("rpc_get_methods", current=True))
        every = set(daemon.rpc("rpc_get_methods"))
        assert {"iobuf_set_options", "bdev_raid_set_options"} <= now, now
        # SPDK's clients know these two as methods, not as other names for something.
        assert {"bdev_wait_for_examine", "bdev_aio_create", "bdev_aio_delete"} <= every - now, now
        assert "ebb_get_version" not in every
        assert "ebb_get_version" in daemon.rpc("rpc_get_methods", include_aliases=True)


@test
def ebbctl_takes_spdks_parameters_as_its_own():
    with Daemon() as daemon:
        attach = ["bdev_nvme_attach_controller", "name=N", "trtype=PCIe", "traddr=0000:fe:1f.7"]
        done = daemon.ebbctl(*attach, "trsvcid=4420", "prchk_guard=false", check=False)
        assert "no such PCI function" in done.stderr, done
        done = daemon.ebbctl(*attach, "trsvcid=4420", "prchk_guard=true", check=False)
        assert 'parameter "prchk_guard"' in done.stderr and "give false" in done.stderr, done
        assert daemon.ebbctl("bdev_examine", "name=7").stdout == "true\n"


def load_config(client, config):
    """As SPDK's client does it; what could not be called in the states there were."""
    subsystems = [dict(one) for one in config["subsystems"] if one["config"]]
    methods = client.call("rpc_get_methods", include_aliases=False)
    entries = [
        entry
        for subsystem in subsystems
        for element in subsystem["config"]
        for entry in (element if isinstance(element, list) else [element])
    ]
    unknown = {entry["method"] for entry in entries} - set(methods)
    assert not unknown, unknown
    while entries:
        methods = client.call("rpc_get_methods", current=True, include_aliases=False)
        legal = [entry for entry in entries if entry["method"] in methods]
        for entry in legal:
            client.call(entry["method"], **entry.get("params", {}))
            entries.remove(entry)
        if "framework_start_init" in methods:
            client.call("framework_start_init")
        elif not legal:
            break
    return entries


@test
def a_file_that_spdk_saved_is_loaded_by_its_client():
    with Daemon("--wait-for-rpc", wait="startup") as daemon, daemon.client() as client:
        assert load_config(client, saved_by_spdk(str(daemon.disk("disk", MIB)))) == []
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["Null0", "Aio0"]
    with Daemon() as daemon, daemon.client() as client:
        left = load_config(client, saved_by_spdk(str(daemon.disk("disk", MIB))))
        assert {"method": "nvmf_set_crdt"}.items() <= left[-2].items(), left
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["Null0", "Aio0"]


@test
def a_file_that_spdk_saved_is_loaded_at_the_start():
    def config(daemon):
        return saved_by_spdk(str(daemon.disk("disk", MIB)))

    with Daemon(config=config) as daemon:
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["Null0", "Aio0"]


run()
