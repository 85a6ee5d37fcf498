# SPDX-License-Identifier: Apache-2.0
"""What SPDK's rpc.py of August 2026 sends for each command, and what it must get.

Sent(method, params, shape): with the parameters that rpc.py sends unasked, then with all that it
can send. A shape is a value, a type, [shape] for a list of any length, a dict that needs at least
these members, or Refused(code, pieces of the message). The rows of a list are for one daemon, in
their order.
"""

from typing import NamedTuple, Optional

INVALID = -32602
NO_DEVICE = -19
UUID = "01234567-89ab-cdef-0123-456789abcdef"
NUMBER = (int, float)


class Refused(NamedTuple):
    code: int
    pieces: tuple


class Sent(NamedTuple):
    method: str
    params: Optional[dict]
    shape: object


def refused(code, *pieces):
    return Refused(code, pieces)


def no_device(what):
    return refused(NO_DEVICE, what)


def harmful(parameter):
    """Would make a difference: the answer names it, says why, and what to give."""
    return refused(INVALID, f'parameter "{parameter}"', "but ebb ", "give ")


VERSION = {"version": str, "fields": {"major": int, "minor": int, "patch": int, "suffix": str}}
ANY_THREAD = {"name": str, "id": int}
POLLER = {"name": str, "id": int, "state": str, "run_count": int, "busy_count": int}
BDEV = {
    "name": str, "aliases": [str], "product_name": str, "block_size": int, "num_blocks": int,
    "uuid": str, "claimed": bool, "zoned": bool,
    "assigned_rate_limits": {
        "rw_ios_per_sec": int, "rw_mbytes_per_sec": int, "r_mbytes_per_sec": int,
        "w_mbytes_per_sec": int,
    },
    "supported_io_types": {
        "read": bool, "write": bool, "unmap": bool, "flush": bool, "reset": bool,
        "nvme_admin": bool, "nvme_io": bool, "write_zeroes": bool, "zcopy": bool, "compare": bool,
        "compare_and_write": bool, "abort": bool, "seek_hole": bool, "seek_data": bool,
        "copy": bool,
    },
    "driver_specific": dict,
}
IO_STAT = {
    f"{size}_{done}": int
    for size, done in (
        ("bytes", "read"), ("bytes", "written"), ("bytes", "unmapped"), ("bytes", "copied"),
        ("num", "read_ops"), ("num", "write_ops"), ("num", "unmap_ops"), ("num", "copy_ops"),
    )
} | {
    f"{least}{kind}_latency_ticks": int
    for kind in ("read", "write", "unmap", "copy")
    for least in ("", "max_", "min_")
} | {"io_error": dict}

# Sent unasked with bdev_nvme_set_options and bdev_nvme_attach_controller.
NVME_OPTIONS = {
    "delay_cmd_submit": True, "disable_auto_failback": False, "generate_uuids": False,
    "nvme_error_stat": False, "io_path_stat": False, "allow_accel_sequence": False,
    "enable_flush": False,
}
NVME_ATTACH = {
    "name": "N", "trtype": "PCIe", "traddr": "0000:fe:1f.7", "prchk_reftag": False,
    "prchk_guard": False, "hdgst": False, "ddgst": False, "allow_unrecognized_csi": False,
    "disable_sq_flow_control": False,
}
NULL = {"num_blocks": 2048, "block_size": 512, "name": "n", "dif_is_head_of_md": False}
MALLOC = {
    "num_blocks": 2048, "block_size": 512, "name": "m", "md_interleave": False,
    "dif_is_head_of_md": False,
}


def nvme_options():
    every = {
        "action_on_timeout": "none", "timeout_us": 0, "timeout_admin_us": 0,
        "keep_alive_timeout_ms": 10000, "arbitration_burst": 0, "low_priority_weight": 0,
        "medium_priority_weight": 0, "high_priority_weight": 0,
        "nvme_adminq_poll_period_us": 10000, "nvme_ioq_poll_period_us": 0,
        "io_queue_requests": 512, "delay_cmd_submit": False, "transport_retry_count": 4,
        "bdev_retry_count": 3, "transport_ack_timeout": 0, "ctrlr_loss_timeout_sec": 0,
        "reconnect_delay_sec": 0, "fast_io_fail_timeout_sec": 0, "disable_auto_failback": True,
        "generate_uuids": False, "transport_tos": 0, "nvme_error_stat": False, "rdma_srq_size": 0,
        "io_path_stat": False, "allow_accel_sequence": True, "rdma_max_cq_size": 0,
        "rdma_cm_event_timeout_ms": 0, "dhchap_digests": ["sha256"],
        "dhchap_dhgroups": ["null", "ffdhe2048"], "rdma_umr_per_io": True,
        "tcp_connect_timeout_ms": 0, "enable_flush": True,
        "multipath_opts": {"policy": "active_passive", "selector": "round_robin", "min_io": 1},
    }
    yield Sent("bdev_nvme_set_options", NVME_OPTIONS, True)
    yield Sent("bdev_nvme_set_options", every, True)
    for name, value in (
        ("action_on_timeout", "reset"), ("action_on_timeout", "abort"), ("generate_uuids", True),
        ("nvme_error_stat", True), ("io_path_stat", True), ("nvme_ioq_poll_period_us", 100),
        ("arbitration_burst", 7), ("timeout_admin_us", 1), ("ctrlr_loss_timeout_sec", -1),
    ):
        yield Sent("bdev_nvme_set_options", {**NVME_OPTIONS, name: value}, harmful(name))


# With --wait-for-rpc, before framework_start_init.
STARTUP = [
    Sent("rpc_get_methods", {"current": False, "include_aliases": False}, [str]),
    Sent("rpc_get_methods", {"current": True, "include_aliases": True}, [str]),
    Sent("spdk_get_version", None, VERSION),
    Sent("bdev_set_options", None, True),
    Sent("bdev_set_options", {"bdev_auto_examine": True}, True),
    Sent(
        "bdev_set_options",
        {
            "bdev_io_pool_size": 4096, "bdev_io_cache_size": 64, "bdev_auto_examine": False,
            "iobuf_small_cache_size": 16, "iobuf_large_cache_size": 4,
        },
        True,
    ),
    *nvme_options(),
    Sent("bdev_raid_set_options", None, True),
    Sent(
        "bdev_raid_set_options",
        {"process_window_size_kb": 1024, "process_max_bandwidth_mb_sec": 0},
        True,
    ),
    Sent("bdev_iscsi_set_options", None, True),
    Sent("bdev_iscsi_set_options", {"timeout_sec": 30}, True),
    Sent("iobuf_set_options", {"enable_numa": False}, True),
    Sent(
        "iobuf_set_options",
        {
            "small_pool_count": 8192, "large_pool_count": 1024, "small_bufsize": 8192,
            "large_bufsize": 135168, "enable_numa": True,
        },
        harmful("enable_numa"),
    ),
    Sent("sock_set_default_impl", {"impl_name": "posix"}, True),
    Sent("sock_impl_set_options", {"impl_name": "posix"}, True),
    Sent(
        "sock_impl_set_options",
        {
            "impl_name": "ssl", "recv_buf_size": 4096, "send_buf_size": 4096,
            "enable_recv_pipe": True, "enable_quickack": False, "enable_placement_id": 0,
            "enable_zerocopy_send_server": True, "enable_zerocopy_send_client": False,
            "zerocopy_threshold": 0, "tls_version": 13, "enable_ktls": False,
        },
        True,
    ),
    Sent("accel_set_options", None, True),
    Sent(
        "accel_set_options",
        {
            "small_cache_size": 1, "large_cache_size": 2, "task_count": 3, "sequence_count": 4,
            "buf_count": 5,
        },
        True,
    ),
    Sent("accel_assign_opc", {"opname": "crc32c", "module": "software"}, True),
    Sent("accel_assign_opc", {"opname": "crc32c", "module": "dsa"}, harmful("module")),
    Sent("accel_set_driver", None, True),
    Sent("accel_set_driver", {"name": "mlx5"}, harmful("name")),
    Sent("keyring_linux_set_options", {"enable": False}, True),
    Sent("keyring_linux_set_options", {"enable": True}, harmful("enable")),
    Sent("nvmf_set_max_subsystems", {"max_subsystems": 1024}, True),
    Sent("nvmf_set_config", None, True),
    Sent(
        "nvmf_set_config",
        {"admin_cmd_passthru": {"identify_ctrlr": True}, "poll_groups_mask": "0x1"},
        True,
    ),
    Sent("nvmf_set_crdt", None, True),
    Sent("nvmf_set_crdt", {"crdt1": 1, "crdt2": 2, "crdt3": 3}, True),
    Sent(
        "iscsi_set_options",
        {
            "node_base": "iqn.2016-06.io.spdk", "nop_timeout": 60, "disable_chap": False,
            "require_chap": False, "mutual_chap": False, "immediate_data": False,
            "allow_duplicated_isid": False,
        },
        True,
    ),
    Sent("framework_disable_cpumask_locks", None, True),
    Sent("bdev_wait_for_examine", None, refused(-1, "RUNTIME")),
    Sent("framework_start_init", None, True),
    Sent("framework_wait_init", None, True),
    Sent("iobuf_set_options", {"enable_numa": False}, refused(-1, "STARTUP")),
]


def running(disk):
    """While all runs; @disk: the path of a file of 1 MiB."""
    every_null = {
        **NULL, "physical_block_size": 512, "uuid": UUID, "md_size": 0, "dif_type": 0,
        "dif_pi_format": 0, "preferred_write_alignment": 0, "preferred_write_granularity": 0,
        "optimal_write_size": 0, "preferred_unmap_alignment": 0, "preferred_unmap_granularity": 0,
    }
    every_aio = {
        "filename": disk, "name": "a", "block_size": 512, "readonly": True, "fallocate": True,
        "uuid": UUID, "nowait": True,
    }
    every_attach = {
        **NVME_ATTACH, "adrfam": "ipv4", "trsvcid": "4420", "priority": "1", "subnqn": "nqn.x",
        "hostnqn": "nqn.y", "hostaddr": "192.0.2.1", "hostsvcid": "4420",
        "fabrics_connect_timeout_us": 1, "multipath": "disable", "num_io_queues": 65536,
        "ctrlr_loss_timeout_sec": 0, "reconnect_delay_sec": 0, "fast_io_fail_timeout_sec": 0,
        "max_bdevs": 128, "disable_sq_flow_control": True,
        "multipath_opts": {"policy": "active_active", "selector": "queue_depth", "min_io": 3},
    }
    where = {
        "name": "N", "trtype": "PCIe", "traddr": "0000:fe:1f.7", "adrfam": "ipv4",
        "trsvcid": "4420", "subnqn": "nqn.x", "hostaddr": "192.0.2.1", "hostsvcid": "4420",
    }
    yield Sent("rpc_get_methods", {"current": False, "include_aliases": False}, [str])
    yield Sent("spdk_get_version", None, VERSION)
    yield Sent("framework_wait_init", None, True)
    yield Sent("framework_get_subsystems", None, [{"subsystem": str, "depends_on": [str]}])
    yield Sent("framework_get_reactors", None, {
        "tick_rate": int, "pid": int,
        "reactors": [{
            "lcore": int, "tid": int, "busy": int, "idle": int, "in_interrupt": bool,
            "sys": int, "usr": int,
            "lw_threads": [{**ANY_THREAD, "cpumask": str, "elapsed": int}],
        }],
    })
    yield Sent("framework_disable_cpumask_locks", None, True)
    yield Sent("thread_get_stats", None, {
        "tick_rate": int,
        "threads": [{
            **ANY_THREAD, "cpumask": str, "busy": int, "idle": int, "active_pollers_count": int,
            "timed_pollers_count": int, "paused_pollers_count": int,
        }],
    })
    yield Sent("thread_get_pollers", None, {
        "tick_rate": int,
        "threads": [{
            **ANY_THREAD, "active_pollers": [POLLER],
            "timed_pollers": [{**POLLER, "period_ticks": int}], "paused_pollers": [POLLER],
        }],
    })
    yield Sent("thread_get_io_channels", None, {
        "tick_rate": int,
        "threads": [{"name": str, "io_channels": [{"name": str, "ref": int}]}],
    })

    yield Sent("bdev_get_bdevs", None, [BDEV])
    yield Sent("bdev_get_bdevs", {"name": "n", "timeout": 1}, no_device("n"))
    yield Sent("bdev_null_create", NULL, "n")
    yield Sent("bdev_get_bdevs", None, [{**BDEV, "name": "n"}])
    yield Sent("bdev_get_bdevs", {"name": "n", "timeout": 1}, [{**BDEV, "name": "n"}])
    yield Sent("bdev_get_iostat", {"per_channel": False}, {
        "tick_rate": int, "ticks": int, "bdevs": [{**IO_STAT, "name": "n"}],
    })
    yield Sent("bdev_get_iostat", {"per_channel": False, "reset_mode": "none", "names": ["n"]}, {
        "tick_rate": int, "ticks": int, "bdevs": [{**IO_STAT, "name": "n"}],
    })
    yield Sent("bdev_get_iostat", {"per_channel": True, "names": ["n"]}, {
        "tick_rate": int, "ticks": int, "name": "n", "channels": [IO_STAT],
    })
    yield Sent("bdev_examine", {"name": "n"}, True)
    yield Sent("bdev_wait_for_examine", None, True)
    yield Sent("bdev_null_delete", {"name": "n"}, True)
    yield Sent("bdev_null_delete", {"name": "n"}, no_device("n"))
    yield Sent("bdev_null_create", every_null, "n")
    yield Sent("bdev_null_delete", {"name": "n"}, True)
    for name, value in (
        ("md_size", 8), ("dif_type", 1), ("dif_is_head_of_md", True), ("dif_pi_format", 1),
        ("physical_block_size", 4096), ("optimal_write_size", 8),
    ):
        yield Sent("bdev_null_create", {**every_null, name: value}, harmful(name))

    aio = {
        "filename": disk, "name": "a", "readonly": False, "fallocate": False, "nowait": False,
    }
    yield Sent("bdev_aio_create", aio, "a")
    yield Sent("bdev_aio_delete", {"name": "a"}, True)
    yield Sent("bdev_aio_create", every_aio, "a")
    yield Sent("bdev_aio_rescan", {"name": "a"}, True)
    yield Sent("bdev_aio_rescan", {"name": "b"}, no_device("b"))
    yield Sent("bdev_aio_delete", {"name": "a"}, True)
    yield Sent("bdev_uring_create", {"filename": disk, "name": "u"}, "u")
    yield Sent("bdev_uring_delete", {"name": "u"}, True)
    uring = {"filename": disk, "name": "u", "block_size": 512, "uuid": UUID}
    yield Sent("bdev_uring_create", uring, "u")
    yield Sent("bdev_uring_rescan", {"name": "u"}, True)
    yield Sent("bdev_uring_delete", {"name": "u"}, True)

    yield Sent("bdev_nvme_attach_controller", NVME_ATTACH, no_device("0000:fe:1f.7"))
    yield Sent("bdev_nvme_attach_controller", every_attach, no_device("0000:fe:1f.7"))
    for name, value in (
        ("prchk_reftag", True), ("prchk_guard", True), ("hdgst", True), ("ddgst", True),
        ("psk", "key"), ("dhchap_key", "key"), ("dhchap_ctrlr_key", "key"),
        ("ctrlr_loss_timeout_sec", -1), ("reconnect_delay_sec", 1),
        ("fast_io_fail_timeout_sec", 1), ("allow_unrecognized_csi", True),
    ):
        yield Sent("bdev_nvme_attach_controller", {**NVME_ATTACH, name: value}, harmful(name))
    yield Sent("bdev_nvme_get_controllers", None, [])
    yield Sent("bdev_nvme_get_controllers", {"name": "N"}, no_device("'N'"))
    yield Sent("bdev_nvme_get_controller_health_info", {"name": "N"}, no_device("'N'"))
    yield Sent("bdev_nvme_reset_controller", {"name": "N"}, no_device("'N'"))
    yield Sent("bdev_nvme_reset_controller", {"name": "N", "cntlid": 1}, no_device("'N'"))
    yield Sent("bdev_nvme_detach_controller", {"name": "N"}, no_device("'N'"))
    yield Sent("bdev_nvme_detach_controller", where, no_device("'N'"))
    yield from nvme_options()
    yield Sent("bdev_nvme_set_hotplug", {"enable": False, "period_us": 100000}, True)
    yield Sent("bdev_nvme_set_hotplug", {"enable": True}, harmful("enable"))
    policy = {"name": "Nn1", "policy": "active_active"}
    yield Sent("bdev_nvme_set_multipath_policy", policy, True)
    policy = {**policy, "selector": "queue_depth", "rr_min_io": 5}
    yield Sent("bdev_nvme_set_multipath_policy", policy, True)
    yield Sent("bdev_raid_set_options", None, True)
    yield Sent("bdev_iscsi_set_options", {"timeout_sec": 30}, True)
    opts = {"fsdev_io_pool_size": 65535, "fsdev_io_cache_size": 256}
    yield Sent("fsdev_set_opts", opts, True)


GROUPS = {
    "malloc": [
        Sent("bdev_malloc_create", {**MALLOC, "name": None}, str),
        Sent("bdev_malloc_create", MALLOC, "m"),
        Sent("bdev_malloc_delete", {"name": "m"}, True),
        Sent(
            "bdev_malloc_create",
            {
                **MALLOC, "physical_block_size": 512, "uuid": UUID, "optimal_io_boundary": 0,
                "md_size": 0, "dif_type": 0, "dif_pi_format": 0, "numa_id": -1,
            },
            "m",
        ),
        Sent("bdev_malloc_create", {**MALLOC, "md_interleave": True}, harmful("md_interleave")),
        Sent("bdev_malloc_create", {**MALLOC, "numa_id": 1}, harmful("numa_id")),
    ],
    "error": [
        Sent("bdev_null_create", NULL, "n"),
        Sent("bdev_error_create", {"base_name": "n", "uuid": UUID}, True),
        Sent(
            "bdev_error_inject_error",
            {"name": "EE_n", "io_type": "read", "error_type": "failure"},
            True,
        ),
        Sent(
            "bdev_error_inject_error",
            {
                "name": "EE_n", "io_type": "all", "error_type": "corrupt_data", "num": 3,
                "queue_depth": 2, "corrupt_offset": 4, "corrupt_value": 5,
            },
            True,
        ),
        Sent(
            "bdev_error_inject_error",
            {"name": "EE_n", "io_type": "clear", "error_type": "failure"},
            True,
        ),
        Sent("bdev_error_resume_pending", {"name": "EE_n"}, True),
        Sent("bdev_error_delete", {"name": "EE_n"}, True),
        Sent("bdev_error_create", {"base_name": "n"}, True),
    ],
    "delay": [
        Sent("bdev_null_create", NULL, "n"),
        Sent(
            "bdev_delay_create",
            {
                "base_bdev_name": "n", "name": "d", "avg_read_latency": 1, "p99_read_latency": 2,
                "avg_write_latency": 3, "p99_write_latency": 4,
            },
            "d",
        ),
        Sent(
            "bdev_delay_update_latency",
            {"delay_bdev_name": "d", "latency_type": "avg_read", "latency_us": 2},
            True,
        ),
        Sent("bdev_delay_delete", {"name": "d"}, True),
    ],
    "histogram": [
        Sent("bdev_null_create", NULL, "n"),
        Sent("bdev_enable_histogram", {"name": "n", "enable": True}, True),
        Sent("bdev_get_histogram", {"name": "n"}, {
            "histogram": str, "granularity": int, "min_range": int, "max_range": int,
            "tsc_rate": int,
        }),
        Sent("bdev_get_histogram_borders", {"name": "n", "borders": [10, 1000]}, {
            "borders_count": [int],
        }),
        Sent("bdev_enable_histogram", {"name": "n", "enable": False}, True),
        Sent(
            "bdev_enable_histogram",
            {
                "name": "n", "enable": True, "opc": "read", "granularity": 5, "min_nsec": 1000,
                "max_nsec": 1000000,
            },
            True,
        ),
    ],
    "reset_iostat": [
        Sent("bdev_null_create", NULL, "n"),
        Sent("bdev_reset_iostat", None, True),
        Sent("bdev_reset_iostat", {"name": "n", "mode": "maxmin"}, True),
    ],
    "qos": [
        Sent("bdev_null_create", NULL, "n"),
        Sent("bdev_set_qos_limit", {"name": "n", "rw_ios_per_sec": 1000}, True),
        Sent(
            "bdev_set_qos_limit",
            {
                "name": "n", "rw_ios_per_sec": 1000, "rw_mbytes_per_sec": 1,
                "r_mbytes_per_sec": 1, "w_mbytes_per_sec": 1,
            },
            True,
        ),
    ],
    "log": [
        Sent("log_set_level", {"level": "INFO"}, True),
        Sent("log_get_level", None, "INFO"),
        Sent("log_set_print_level", {"level": "INFO"}, True),
        Sent("log_get_print_level", None, "INFO"),
        Sent("log_get_flags", None, {"bdev": bool}),
        Sent("log_set_flag", {"flag": "bdev"}, True),
        Sent("log_get_flags", None, {"bdev": True}),
        Sent("log_clear_flag", {"flag": "bdev"}, True),
    ],
    "notify": [
        Sent("notify_get_types", None, [str]),
        Sent("notify_get_notifications", None, [{"type": str, "ctx": str, "id": int}]),
        Sent("notify_get_notifications", {"id": 0, "max": 10}, [dict]),
    ],
    "scheduler": [
        Sent("framework_set_scheduler", {"name": "static"}, True),
        Sent("framework_get_scheduler", None, {
            "scheduler_name": "static", "scheduler_period": int, "isolated_core_mask": str,
            "scheduling_core": int,
        }),
    ],
    "context_switch": [
        Sent("framework_monitor_context_switch", None, {"enabled": bool}),
        Sent("framework_monitor_context_switch", {"enabled": True}, {"enabled": True}),
        Sent("framework_monitor_context_switch", {"enabled": False}, {"enabled": False}),
    ],
    "cpumask": [
        Sent("thread_set_cpumask", {"id": 99999, "cpumask": "[0]"}, refused(INVALID, "99999")),
    ],
    "save_config": [
        Sent("framework_get_subsystems", None, [{"subsystem": str, "depends_on": [str]}]),
        Sent("framework_get_config", {"name": "bdev", "with_batches": False}, [{"method": str}]),
        Sent("framework_get_config", {"name": "bdev", "with_batches": True}, [object]),
    ],
}

KILL = [Sent("spdk_kill_instance", {"sig_name": "SIGTERM"}, True)]

# SPDK's rpc.py has no command for these: they are ebb's own; perform_tests is bdevperf.py's.
OWN = {
    "framework_get_state", "nbd_get_exports", "nbd_start_export", "nbd_stop_export",
    "perform_tests", "reactor_get_blockers", "reactor_set_interrupt_mode", "reactor_set_mode",
    "thread_get_violations",
}


def saved_by_spdk(disk):
    """What SPDK saves of two bdevs and nothing else, with a batch; disk: a path."""
    null_bdev = {"name": "Null0", "num_blocks": 2048, "block_size": 512, "physical_block_size": 512,
                 "md_size": 0, "dif_type": 0, "dif_is_head_of_md": False, "dif_pi_format": 0}
    aio_bdev = {"name": "Aio0", "block_size": 512, "filename": disk, "readonly": False,
                "fallocate": False, "uuid": UUID, "nowait": False}
    in_order = {
        "fsdev": ["fsdev_set_opts"], "keyring": ["keyring_linux_set_options"],
        "iobuf": ["iobuf_set_options"], "sock": ["sock_set_default_impl", "sock_impl_set_options"],
        "vmd": [], "accel": ["accel_set_options"],
        "bdev": ["bdev_set_options", "bdev_raid_set_options", "bdev_iscsi_set_options",
                 "bdev_nvme_set_options", "bdev_nvme_set_hotplug"],
        "nbd": [], "ublk": [],
        "nvmf": ["nvmf_set_config", "nvmf_set_max_subsystems", "nvmf_set_crdt"],
        "iscsi": ["iscsi_set_options"], "vhost_scsi": [],
    }
    rows = [row for row in [*STARTUP, *running(disk)] if not isinstance(row.shape, Refused)]
    subsystems = []
    for subsystem, methods in in_order.items():
        config = [
            {"method": name, "params": [row.params for row in rows if row.method == name][-1] or {}}
            for name in methods
        ]
        subsystems.append({"subsystem": subsystem, "config": config})
    bdev = next(one["config"] for one in subsystems if one["subsystem"] == "bdev")
    bdev.append([{"method": "bdev_null_create", "params": null_bdev}])
    bdev.append({"method": "bdev_aio_create", "params": aio_bdev})
    bdev.append({"method": "bdev_wait_for_examine"})
    return {"subsystems": subsystems}
