# SPDX-License-Identifier: Apache-2.0
"""A configuration as a target of SPDK's of 2026 saves it: the sections that it always writes, with
the values of one that nobody has tuned, and bdevs of the kinds that ebb has, too.

Modules write first what is theirs (malloc, null, options, virtual bdevs), then each other bdev writes
itself, so that a virtual bdev may stand before its base.
"""


def entry(method, **params):
    return {"method": method, "params": params} if params else {"method": method}


def uuid(number):
    return f"6e9d9d3c-3ee0-4d1c-9c0f-{number:012x}"


BLOCKS = {
    "block_size": 512, "physical_block_size": 512, "md_size": 0, "dif_type": 0,
    "dif_is_head_of_md": False, "dif_pi_format": 0,
}

BDEV_OPTIONS = entry(
    "bdev_set_options", bdev_io_pool_size=65535, bdev_io_cache_size=256, bdev_auto_examine=True,
    iobuf_small_cache_size=128, iobuf_large_cache_size=16,
)

NVME_OPTIONS = {
    "action_on_timeout": "none", "timeout_us": 0, "timeout_admin_us": 0,
    "keep_alive_timeout_ms": 10000, "arbitration_burst": 0, "low_priority_weight": 0,
    "medium_priority_weight": 0, "high_priority_weight": 0, "nvme_adminq_poll_period_us": 10000,
    "nvme_ioq_poll_period_us": 0, "io_queue_requests": 0, "delay_cmd_submit": True,
    "transport_retry_count": 4, "bdev_retry_count": 3, "transport_ack_timeout": 0,
    "ctrlr_loss_timeout_sec": 0, "reconnect_delay_sec": 0, "fast_io_fail_timeout_sec": 0,
    "disable_auto_failback": False, "generate_uuids": False, "transport_tos": 0,
    "nvme_error_stat": False, "rdma_srq_size": 0, "io_path_stat": False,
    "allow_accel_sequence": False, "rdma_max_cq_size": 0, "rdma_cm_event_timeout_ms": 0,
    "dhchap_digests": ["sha256", "sha384", "sha512"],
    "dhchap_dhgroups": ["null", "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"],
    "rdma_umr_per_io": False, "tcp_connect_timeout_ms": 0, "enable_flush": False,
    "multipath_opts": {"policy": "active_passive"},
}


def nvme_controller(name, address):
    return entry(
        "bdev_nvme_attach_controller", name=name, trtype="PCIe", traddr=address,
        prchk_reftag=False, prchk_guard=False, ctrlr_loss_timeout_sec=0, reconnect_delay_sec=0,
        fast_io_fail_timeout_sec=0, hostnqn="nqn.2014-08.org.nvmexpress:uuid:" + uuid(9),
        hdgst=False, ddgst=False, multipath="multipath", fabrics_connect_timeout_us=0,
        num_io_queues=32767, disable_sq_flow_control=False,
        multipath_opts={"policy": "active_passive"},
    )


def sock_options(impl):
    return entry(
        "sock_impl_set_options", impl_name=impl, recv_buf_size=2097152, send_buf_size=2097152,
        enable_recv_pipe=True, enable_quickack=False, enable_placement_id=0,
        enable_zerocopy_send_server=True, enable_zerocopy_send_client=False,
        zerocopy_threshold=0, tls_version=0, enable_ktls=False,
    )


def bdevs(files):
    """The methods of bdevs, in the order in which they are saved; files: two of them."""
    return [
        entry("bdev_malloc_create", name="Malloc0", num_blocks=65536, uuid=uuid(1),
              optimal_io_boundary=0, numa_id=-1, **BLOCKS),
        entry("bdev_null_create", name="Null0", num_blocks=65536, uuid=uuid(2),
              preferred_write_granularity=0, preferred_write_alignment=0, optimal_write_size=0,
              preferred_unmap_granularity=0, preferred_unmap_alignment=0, **BLOCKS),
        entry("bdev_delay_create", name="Delay0", base_bdev_name="Aio0", uuid=uuid(3),
              avg_read_latency=10, p99_read_latency=20, avg_write_latency=30,
              p99_write_latency=40),
        entry("bdev_error_create", base_name="Uring0", uuid=uuid(4)),
        entry("bdev_aio_create", name="Aio0", filename=str(files[0]), readonly=False,
              fallocate=False, uuid=uuid(5), nowait=False),
        entry("bdev_uring_create", name="Uring0", block_size=512, filename=str(files[1]),
              uuid=uuid(6)),
    ]


def target(bdev_entries, controllers=()):
    """The whole file."""
    bdev = [
        BDEV_OPTIONS,
        entry("bdev_raid_set_options", process_window_size_kb=1024,
              process_max_bandwidth_mb_sec=0),
        entry("bdev_iscsi_set_options", timeout_sec=30),
        entry("bdev_nvme_set_options", **NVME_OPTIONS),
        *controllers,
        entry("bdev_nvme_set_hotplug", period_us=100000, enable=False),
        *bdev_entries,
        entry("bdev_wait_for_examine"),
    ]
    passthru = ("identify_ctrlr", "identify_uuid_list", "get_log_page", "get_set_features",
                "sanitize", "security_send_recv", "fw_update", "nvme_mi", "vendor_specific")
    sections = {
        "fsdev": [entry("fsdev_set_opts", fsdev_io_pool_size=65535, fsdev_io_cache_size=256)],
        "keyring": [],
        "iobuf": [entry("iobuf_set_options", small_pool_count=8192, large_pool_count=1024,
                        small_bufsize=8192, large_bufsize=135168, enable_numa=False)],
        "sock": [entry("sock_set_default_impl", impl_name="posix"), sock_options("ssl"),
                 sock_options("posix")],
        "vmd": [],
        "accel": [entry("accel_set_options", small_cache_size=128, large_cache_size=16,
                        task_count=2048, sequence_count=2048, buf_count=2048)],
        "bdev": bdev,
        "nbd": [],
        "scheduler": [entry("framework_set_scheduler", name="static")],
        "nvmf": [
            entry("nvmf_set_config", discovery_filter="match_any",
                  admin_cmd_passthru={name: False for name in passthru},
                  dhchap_digests=["sha256"], dhchap_dhgroups=["null"], dup_host_policy="reject"),
            entry("nvmf_set_max_subsystems", max_subsystems=1024),
            entry("nvmf_set_crdt", crdt1=0, crdt2=0, crdt3=0),
        ],
        "ublk": [],
        "scsi": None,
        "vhost_blk": [],
        "vhost_scsi": [],
        "vfio_user_target": None,
        "iscsi": [entry("iscsi_set_options", node_base="iqn.2016-06.io.spdk", max_sessions=128,
                        max_connections_per_session=2, max_queue_depth=64, default_time2wait=2,
                        default_time2retain=20, first_burst_length=8192, immediate_data=True,
                        allow_duplicated_isid=False, error_recovery_level=0, nop_timeout=60,
                        nop_in_interval=30, disable_chap=False, require_chap=False,
                        mutual_chap=False, chap_group=0, max_large_datain_per_connection=64,
                        max_r2t_per_connection=4, pdu_pool_size=36864,
                        immediate_data_pool_size=16384, data_out_pool_size=2048)],
    }
    return {
        "subsystems": [{"subsystem": name, "config": config} for name, config in sections.items()]
    }
