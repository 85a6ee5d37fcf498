#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bdevs of memory and those on others, in a running daemon: made, used by clients, taken away."""

import errno
import json
import os
import threading
import time

from harness import Daemon, RpcError, run, test, wait_for
from nbd_client import NbdClient, NbdError
from quiet import assert_quiet

BLOCK = 4096
DISK = {"num_blocks": 256, "block_size": BLOCK}


def names(call):
    return [bdev["name"] for bdev in call("bdev_get_bdevs")]


def make_and_take_away(call):
    """Each step is seen in the list of bdevs as soon as it has been answered."""
    assert names(call) == []
    disk = call("bdev_malloc_create", **DISK)
    assert names(call) == [disk]
    assert call("bdev_error_create", base_name=disk) is True
    error = f"EE_{disk}"
    assert sorted(names(call)) == sorted([disk, error])
    claimed = {bdev["name"]: bdev["claimed"] for bdev in call("bdev_get_bdevs")}
    assert claimed == {disk: True, error: False}, claimed
    late = {"avg_read_latency": 1, "p99_read_latency": 1, "avg_write_latency": 1,
            "p99_write_latency": 1}
    assert call("bdev_delay_create", base_bdev_name=error, name="late", **late) == "late"
    assert len(names(call)) == 3
    assert call("bdev_delay_delete", name="late") is True
    assert call("bdev_error_delete", name=error) is True
    assert names(call) == [disk]
    assert call("bdev_malloc_delete", name=disk) is True
    assert names(call) == []


@test
def what_is_made_is_there_until_it_is_taken_away():
    with Daemon() as daemon:
        make_and_take_away(daemon.rpc)
        with daemon.client() as client:
            make_and_take_away(client.call)
            make_and_take_away(client.call)
        assert_quiet(daemon)


def pollers(daemon):
    """{(thread, poller)} of all kinds."""
    return {
        (thread["name"], poller["name"])
        for thread in daemon.rpc("thread_get_pollers")["threads"]
        for kind in ("active_pollers", "timed_pollers", "paused_pollers")
        for poller in thread[kind]
    }


@test
def what_was_made_and_taken_away_leaves_no_poller():
    for mode in ("interrupt", "adaptive"):
        with Daemon(mode=mode) as daemon:
            disk = daemon.disk("disk.img", 1 << 20)
            before = pollers(daemon)
            daemon.rpc("bdev_aio_create", name="file", filename=str(disk), block_size=BLOCK)
            make = daemon.rpc("bdev_malloc_create", **DISK)
            daemon.rpc("bdev_set_qos_limit", name=make, rw_ios_per_sec=1000)
            for name in ("file", make):
                with NbdClient(daemon.add_export(name), name) as client:
                    for turn in range(4):
                        client.write(turn * BLOCK, b"x" * BLOCK)
                    client.disconnect()
                daemon.rpc("nbd_stop_export", export_name=name)
            daemon.rpc("bdev_aio_delete", name="file")
            daemon.rpc("bdev_malloc_delete", name=make)
            wait_for(lambda: pollers(daemon) == before, "no poller is left")
            assert_quiet(daemon)


MANY = 50


@test
def a_batch_of_many_in_a_file_is_loaded_and_saved_one_by_one():
    batch = [
        {"method": "bdev_null_create", "params": {"name": f"Null{number}", **DISK}}
        for number in range(MANY)
    ]
    config = {"subsystems": [{"subsystem": "bdev", "config": [batch]}]}
    wanted = [f"Null{number}" for number in range(MANY)]
    with Daemon(config=config) as daemon:
        assert names(daemon.rpc) == wanted
        for with_batches in (False, True):
            saved = daemon.rpc("framework_get_config", name="bdev", with_batches=with_batches)
            assert [entry["params"]["name"] for entry in saved] == wanted, saved
    again = {"subsystems": [{"subsystem": "bdev", "config": saved}], "extra": [{"of": "others"}]}
    with Daemon(config=again) as daemon:
        assert names(daemon.rpc) == wanted
        assert daemon.rpc("framework_get_config", name="bdev") == saved


class Reader:
    """A client that reads one block after the other until it is told to stop, or hung up on."""

    def __init__(self, path, export):
        self.reads = 0
        self.errors = []
        self.over = threading.Event()
        self.client = NbdClient(path, export)
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.client.close()

    def work(self):
        while not self.over.is_set():
            try:
                self.client.read(self.reads % 256 * BLOCK, BLOCK)
            except NbdError as error:
                self.errors.append(error.code)
            except (EOFError, ConnectionError):
                return
            self.reads += 1

    def wait_for_more(self, count=10):
        wanted = self.reads + count
        wait_for(lambda: self.reads >= wanted, f"{count} reads more")


@test
def injected_failures_reach_clients_and_the_rest_goes_on():
    with Daemon() as daemon:
        daemon.rpc("bdev_malloc_create", name="good", **DISK)
        daemon.rpc("bdev_malloc_create", name="base", **DISK)
        daemon.rpc("bdev_error_create", base_name="base")
        try:
            daemon.add_export("base")
            raise AssertionError("a base was exported for writing")
        except RpcError as error:
            assert "base" in error.message and "claimed" in error.message, error
        good, bad = daemon.add_export("good"), daemon.add_export("EE_base")
        with Reader(good, "good") as well, Reader(bad, "EE_base") as ill:
            ill.wait_for_more()
            inject = {"name": "EE_base", "io_type": "all", "error_type": "failure", "num": 5}
            assert daemon.rpc("bdev_error_inject_error", **inject) is True
            wait_for(lambda: len(ill.errors) == 5, "five failures")
            ill.wait_for_more()
            well.wait_for_more()
            assert ill.errors == [errno.EIO] * 5 and well.errors == [], (ill.errors, well.errors)
            # The base goes, and takes along what stands on it.
            assert daemon.rpc("bdev_malloc_delete", name="base", force=True) is True
            wait_for(lambda: not ill.thread.is_alive(), "its client is hung up on")
            well.wait_for_more()
            wait_for(lambda: names(daemon.rpc) == ["good"], "all but the other has gone")
        assert [one["bdev_name"] for one in daemon.rpc("nbd_get_exports")] == ["good"]


@test
def statistics_of_channels_add_up_under_load():
    with Daemon() as daemon:
        daemon.rpc("bdev_malloc_create", name="disk", **DISK)
        path = daemon.add_export("disk")
        with Reader(path, "disk") as one, Reader(path, "disk") as other:
            for _ in range(10):
                one.wait_for_more(3)
                other.wait_for_more(3)
                before = daemon.rpc("bdev_get_iostat", name="disk")["bdevs"][0]["num_read_ops"]
                channels = daemon.rpc("bdev_get_iostat", name="disk", per_channel=True)["channels"]
                after = daemon.rpc("bdev_get_iostat", name="disk")["bdevs"][0]["num_read_ops"]
                assert channels, "nobody has a channel"
                summed = sum(channel["num_read_ops"] for channel in channels)
                assert before <= summed <= after, (before, channels, after)
        assert one.errors == other.errors == []


@test
def a_rate_holds_for_all_clients_and_costs_nothing_idle():
    with Daemon() as daemon:
        daemon.rpc("bdev_malloc_create", name="disk", **DISK)
        path = daemon.add_export("disk")
        limits = {"rw_ios_per_sec": 1000, "rw_mbytes_per_sec": 0, "r_mbytes_per_sec": 0,
                  "w_mbytes_per_sec": 0}
        assert daemon.rpc("bdev_set_qos_limit", name="disk", **limits) is True
        assert daemon.rpc("bdev_get_bdevs", name="disk")[0]["assigned_rate_limits"] == limits
        with Reader(path, "disk") as one, Reader(path, "disk") as other:
            one.wait_for_more()
            begin, reads = time.monotonic(), one.reads + other.reads
            wait_for(lambda: one.reads + other.reads >= reads + 400, "400 reads")
            # As slow as a busy machine makes it, but never faster.
            assert time.monotonic() - begin > 0.35, time.monotonic() - begin
            assert daemon.rpc("bdev_set_qos_limit", name="disk", rw_ios_per_sec=0) is True
            one.wait_for_more(1000)
            assert one.errors == other.errors == []
            daemon.rpc("bdev_set_qos_limit", name="disk", r_mbytes_per_sec=1)
            begin, reads = time.monotonic(), one.reads + other.reads
            wait_for(lambda: one.reads + other.reads >= reads + 64, "64 reads of 4 KiB")
            assert time.monotonic() - begin > 0.2, time.monotonic() - begin
        with NbdClient(path, "disk") as client:
            data = os.urandom(BLOCK)
            client.write(0, data)
            assert client.read(0, BLOCK) == data
            assert_quiet(daemon)


@test
def an_export_that_is_served_again_while_its_like_stops_is_another():
    with Daemon() as daemon, daemon.client() as first, daemon.client() as second:
        for name in ("disk", "other"):
            daemon.rpc("bdev_malloc_create", name=name, **DISK)
        daemon.rpc("bdev_error_create", base_name="disk")
        daemon.rpc("bdev_error_inject_error", name="EE_disk", io_type="read",
                   error_type="pending")
        path = daemon.sockets / "both.nbd"
        export = {"bdev_name": "EE_disk", "path": str(path)}
        for params in (export, {**export, "bdev_name": "other"}):
            daemon.rpc("nbd_start_export", **params)

        def exports():
            return [(one["bdev_name"], one["stopping"]) for one in daemon.rpc("nbd_get_exports")]

        with NbdClient(path, "EE_disk") as client:
            client.send(0, 0, BLOCK)  # a read that is kept until it may go on
            client.flush()  # so it has arrived
            stop = {"jsonrpc": "2.0", "id": 1, "method": "nbd_stop_export", "params": export}
            first.send_raw(json.dumps(stop))
            wait_for(lambda: ("EE_disk", True) in exports(), "it stops")
            assert second.call("nbd_start_export", **export) == "EE_disk"
            assert ("EE_disk", False) in exports() and ("EE_disk", True) in exports()
            assert second.call("nbd_stop_export", **export) is True, "the one that is served"
            assert ("EE_disk", False) not in exports() and ("EE_disk", True) in exports()
            assert second.call("nbd_start_export", **export) == "EE_disk"
            daemon.rpc("bdev_error_resume_pending", name="EE_disk")
            assert first.receive()["result"] is True
        assert sorted(exports()) == [("EE_disk", False), ("other", False)]
        saved = daemon.rpc("framework_get_config", name="nbd")
        assert [one["params"]["bdev_name"] for one in saved] == ["other", "EE_disk"], saved
        assert second.call("nbd_stop_export", **export) is True
        assert exports() == [("other", False)]


run()
