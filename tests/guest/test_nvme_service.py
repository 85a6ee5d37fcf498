# SPDX-License-Identifier: Apache-2.0
"""NVMe controllers as people meet them: in a configuration file as SPDK saves it, and refused while
they are in use."""

import os
import tempfile

import drives
from cases import case
from harness import Daemon, RpcError, check_command
from load import COLD, DRIVES, HOT, MIB, Ledger, attach, run_load


def spdk_file(hot, cold):
    """What SPDK's save_config writes for a bdev subsystem, among others'."""
    return {
        "subsystems": [
            {"subsystem": "keyring", "config": []},
            {"subsystem": "iobuf", "config": [
                {"method": "iobuf_set_options", "params": {
                    "small_pool_count": 8192, "large_pool_count": 1024,
                    "small_bufsize": 8192, "large_bufsize": 135168}},
            ]},
            {"subsystem": "bdev", "config": [
                {"method": "bdev_set_options", "params": {
                    "bdev_io_pool_size": 65535, "bdev_io_cache_size": 256,
                    "bdev_auto_examine": True, "iobuf_small_cache_size": 128,
                    "iobuf_large_cache_size": 16}},
                {"method": "bdev_nvme_set_options", "params": {
                    "action_on_timeout": "none", "timeout_us": 0, "timeout_admin_us": 0,
                    "keep_alive_timeout_ms": 10000, "arbitration_burst": 0,
                    "low_priority_weight": 0, "medium_priority_weight": 0,
                    "high_priority_weight": 0, "nvme_adminq_poll_period_us": 10000,
                    "nvme_ioq_poll_period_us": 0, "io_queue_requests": 0,
                    "delay_cmd_submit": True, "transport_retry_count": 4, "bdev_retry_count": 3,
                    "transport_ack_timeout": 0, "ctrlr_loss_timeout_sec": 0,
                    "reconnect_delay_sec": 0, "fast_io_fail_timeout_sec": 0,
                    "disable_auto_failback": False, "generate_uuids": False,
                    "transport_tos": 0, "nvme_error_stat": False, "rdma_srq_size": 0,
                    "io_path_stat": False}},
                {"method": "bdev_nvme_attach_controller", "params": {
                    "name": "Nvme0", "trtype": "PCIe", "traddr": hot, "prchk_reftag": False,
                    "prchk_guard": False, "ctrlr_loss_timeout_sec": 0, "reconnect_delay_sec": 0,
                    "fast_io_fail_timeout_sec": 0, "hdgst": False, "ddgst": False}},
                {"method": "bdev_nvme_attach_controller", "params": {
                    "name": "Nvme1", "trtype": "uring", "traddr": cold}},
                {"method": "bdev_nvme_set_hotplug", "params": {
                    "period_us": 100000, "enable": False}},
                {"method": "bdev_wait_for_examine"},
            ]},
        ]
    }  # fmt: skip


@case(machine=DRIVES)
def spdks_configuration_file_attaches_controllers():
    drives.bind(0, "vfio-pci")
    config = spdk_file(drives.address(0), f"/dev/{drives.nvme_folder(1).name}")
    with Daemon(config=config) as daemon:
        bdevs = {one["name"]: one for one in daemon.rpc("bdev_get_bdevs")}
        assert sorted(bdevs) == ["Nvme0n1", "Nvme1n1", "Nvme1n2"], bdevs
        assert bdevs["Nvme1n2"]["block_size"] == 4096, bdevs
        assert bdevs["Nvme0n1"]["driver_specific"]["nvme"][0]["trid"]["trtype"] == "PCIe", bdevs
        assert bdevs["Nvme0n1"]["num_blocks"] == 256 * MIB // 512, bdevs
        for name, unit in (("Nvme0n1", 512), ("Nvme1n2", 4096)):
            ledger = Ledger(2 * MIB, unit)
            run_load(ledger, daemon.add_export(name), name, depth=8, ios=50, verify=1)


def refusal(function, *args, **kwargs):
    try:
        answer = function(*args, **kwargs)
    except RpcError as error:
        return error.message
    raise AssertionError(f"not refused: {answer}")


@case(machine=DRIVES)
def a_mounted_namespace_is_refused_until_it_is_unmounted():
    block = drives.block(1, 2)
    check_command(["mkfs.ext4", "-q", block])
    folder = tempfile.mkdtemp(prefix="mounted-", dir="/tmp")
    check_command(["mount", block, folder])
    try:
        with Daemon(mode="interrupt") as daemon:
            text = refusal(
                daemon.rpc, "bdev_nvme_attach_controller", name="c", trtype=HOT,
                traddr=drives.address(1), rebind=True,
            )  # fmt: skip
            assert block.name in text and f"mounted on {folder}" in text, text
            assert drives.driver(1) == "nvme"
            text = refusal(
                daemon.rpc, "bdev_nvme_attach_controller", name="c", trtype=COLD,
                traddr=str(drives.generic(1, 2)),
            )  # fmt: skip
            assert block.name in text and f"mounted on {folder}" in text, text
            assert daemon.rpc("bdev_get_bdevs") == []
            # Its neighbour is nobody's.
            assert attach(daemon, COLD, 1) == ["cn1"]
            assert f"{block.name} is mounted on {folder}" in daemon.log(), daemon.log_tail()
            daemon.rpc("bdev_nvme_detach_controller", name="c")
            with open(f"{folder}/file", "wb") as file:
                file.write(b"still mine")
                os.fsync(file.fileno())
            check_command(["umount", folder])
            assert attach(daemon, HOT, 1, rebind=True) == ["cn1", "cn2"]
            assert drives.driver(1) == "vfio-pci"
            daemon.rpc("bdev_nvme_detach_controller", name="c")
            drives.wait_live(1)
        check_command(["mount", block, folder])
        with open(f"{folder}/file", "rb") as file:
            assert file.read() == b"still mine"
    finally:
        check_command(["umount", folder])
