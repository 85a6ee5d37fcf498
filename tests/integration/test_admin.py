#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an administrator asks a running daemon for: its log, what has happened, where threads run."""

import os
import threading

from harness import Daemon, RpcError, Skip, run, test, wait_for
from nbd_client import NbdClient
from quiet import assert_quiet

BLOCK = 4096


def check_refused(daemon, method, params, *pieces):
    try:
        daemon.rpc(method, **params)
    except RpcError as error:
        for piece in pieces:
            assert piece in error.message, error
        return
    raise AssertionError(f"{method} {params} was taken")


@test
def levels_and_flags_decide_what_is_written():
    with Daemon() as daemon:
        assert daemon.rpc("log_get_level") == "NOTICE"
        assert daemon.rpc("log_get_print_level") == "NOTICE"
        flags = daemon.rpc("log_get_flags")
        assert flags["bdev"] is False and flags["nvme"] is False and not any(flags.values())
        assert daemon.rpc("log_set_flag", flag="bdev") is True
        daemon.rpc("bdev_null_create", name="one", num_blocks=8, block_size=512)
        daemon.rpc("bdev_null_delete", name="one")
        assert "debug bdev: one" not in daemon.log(), daemon.log()
        assert daemon.rpc("log_set_print_level", level="DEBUG") is True
        daemon.rpc("bdev_null_create", name="two", num_blocks=8, block_size=512)
        daemon.rpc("bdev_null_delete", name="two")
        assert "debug bdev: two: removing" in daemon.log(), daemon.log()
        assert " debug " not in daemon.log().replace("debug bdev", ""), daemon.log()
        assert daemon.rpc("log_clear_flag", flag="bdev") is True
        daemon.rpc("bdev_null_create", name="three", num_blocks=8, block_size=512)
        daemon.rpc("bdev_null_delete", name="three")
        assert "debug bdev: three" not in daemon.log(), daemon.log()
        check_refused(daemon, "log_set_flag", {"flag": "nobody"}, "log_get_flags")


@test
def options_set_levels_and_flags():
    for options, print_level, level, flags in (
        (["--log-level", "debug"], "DEBUG", "DEBUG", None),
        (["--log-level", "warning"], "WARNING", "WARNING", set()),
        # As SPDK's: nobody has asked for debug lines in the system's log.
        (["-L", "bdev", "--logflag", "N*"], "DEBUG", "NOTICE", {"bdev", "nbd", "nvme"}),
    ):
        with Daemon(*options) as daemon:
            assert daemon.rpc("log_get_print_level") == print_level
            assert daemon.rpc("log_get_level") == level
            found = daemon.rpc("log_get_flags")
            wanted = set(found) if flags is None else flags
            assert {name for name, is_set in found.items() if is_set} == wanted, found


@test
def a_file_sets_levels_and_flags():
    config = [
        ("log", "log_set_level", {"level": "INFO"}),
        ("log", "log_set_print_level", {"level": "DEBUG"}),
        ("log", "log_set_flag", {"flag": "bdev"}),
    ]
    with Daemon(config=config) as daemon:
        assert daemon.rpc("log_get_level") == "INFO"
        assert daemon.rpc("log_get_print_level") == "DEBUG"
        found = daemon.rpc("log_get_flags")
        assert [name for name, is_set in found.items() if is_set] == ["bdev"], found


@test
def what_happens_to_bdevs_is_listed():
    with Daemon() as daemon:
        types = daemon.rpc("notify_get_types")
        assert {"bdev_register", "bdev_unregister"} <= set(types), types
        assert daemon.rpc("notify_get_notifications") == []
        for name in ("a", "b"):
            daemon.rpc("bdev_null_create", name=name, num_blocks=8, block_size=512)
        daemon.rpc("bdev_null_delete", name="a")
        wanted = [("bdev_register", "a"), ("bdev_register", "b"), ("bdev_unregister", "a")]
        wait_for(lambda: len(daemon.rpc("notify_get_notifications")) == 3, "three events")
        for first in range(4):
            events = daemon.rpc("notify_get_notifications", id=first)
            assert [event["id"] for event in events] == list(range(first, 3)), events
            assert [(event["type"], event["ctx"]) for event in events] == wanted[first:], events
        assert len(daemon.rpc("notify_get_notifications", id=0, max=2)) == 2
        assert_quiet(daemon)


@test
def context_switches_are_told_while_asked_for():
    with Daemon() as daemon:
        monitor = "framework_monitor_context_switch"
        assert daemon.rpc(monitor) == {"enabled": False}
        assert daemon.rpc(monitor, enabled=True) == {"enabled": True}
        assert daemon.rpc(monitor) == {"enabled": True}

        def told():
            daemon.rpc("spdk_get_version")  # the reactor sleeps, and is woken
            return "context switches in " in daemon.log()

        wait_for(told, "a line about context switches")
        assert daemon.rpc(monitor, enabled=False) == {"enabled": False}
        daemon.rpc(monitor, enabled=True)
        assert_quiet(daemon)


class Load:
    """A client that writes and reads back until it is told to stop."""

    def __init__(self, path, export):
        self.path, self.export = path, export
        self.rounds = 0
        self.error = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def work(self):
        try:
            with NbdClient(self.path, self.export) as client:
                while not self.over.is_set():
                    data = bytes([self.rounds % 251]) * BLOCK
                    offset = self.rounds % 16 * BLOCK
                    client.write(offset, data)
                    assert client.read(offset, BLOCK) == data, f"round {self.rounds}"
                    self.rounds += 1
                client.disconnect()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def check(self):
        """It still gets on."""
        before = self.rounds
        wait_for(lambda: self.error is not None or self.rounds > before + 2, "the load to go on")
        assert self.error is None, self.error


def threads_by_core(daemon):
    return {
        thread["id"]: (reactor["lcore"], thread["cpumask"])
        for reactor in daemon.rpc("framework_get_reactors")["reactors"]
        for thread in reactor["lw_threads"]
    }


@test
def threads_go_where_their_masks_say_under_load():
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        raise Skip("a thread needs two CPUs to move between")
    text = ",".join(map(str, cpus))
    with Daemon("--cpumask", f"[{text}]") as daemon:
        daemon.add_disk("disk", 16 * BLOCK)
        path = daemon.add_export("disk")
        with Load(path, "disk") as load:
            for mode in ("interrupt", "adaptive", "poll", "adaptive"):
                for cpu in cpus:
                    daemon.rpc("reactor_set_mode", lcore=cpu, mode=mode)
                for cpu in cpus * 3:
                    for thread in daemon.rpc("thread_get_stats")["threads"]:
                        params = {"id": thread["id"], "cpumask": f"{1 << cpu:x}"}
                        assert daemon.rpc("thread_set_cpumask", **params) is True, thread
                    load.check()
                    places = threads_by_core(daemon)
                    assert set(places.values()) == {(cpu, f"{1 << cpu:x}")}, (cpu, places)
        assert load.error is None, load.error
        params = {"id": 1, "cpumask": f"[{text}]"}
        daemon.rpc("thread_set_cpumask", **params)
        assert threads_by_core(daemon)[1][0] == cpus[1]  # where it is allowed, it stays
        none = [cpu for cpu in range(64) if cpu not in cpus][0]
        params = {"id": 1, "cpumask": f"[{none}]"}
        check_refused(daemon, "thread_set_cpumask", params, "app_thread", "reactors are on the CPUs")
        assert_quiet(daemon)


@test
def a_scheduler_puts_threads_on_cpus():
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        raise Skip("a thread needs two CPUs to move between")
    config = [("scheduler", "framework_set_scheduler", {"name": "static", "period": 1000000})]
    with Daemon("--cpumask", f"[{cpus[0]},{cpus[1]}]", config=config) as daemon:
        assert daemon.rpc("framework_get_scheduler")["scheduler_name"] == "static"
        threads = list(threads_by_core(daemon))
        for cpu in (cpus[1], cpus[0], cpus[1]):
            mappings = ",".join(f"{thread}:{cpu}" for thread in threads)
            assert daemon.rpc("framework_set_scheduler", name="static", mappings=mappings) is True
            assert {core for core, _ in threads_by_core(daemon).values()} == {cpu}
        daemon.rpc("thread_set_cpumask", id=1, cpumask=f"[{cpus[1]},{cpus[1]}]")
        static = {"name": "static", "mappings": f"1:{cpus[0]}"}
        check_refused(daemon, "framework_set_scheduler", static, "app_thread", "thread_set_cpumask")
        check_refused(daemon, "framework_set_scheduler", {"name": "dynamic"}, "dynamic")


run()
