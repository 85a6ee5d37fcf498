# SPDX-License-Identifier: Apache-2.0
"""ebb's service on this kernel: programs of tests/integration whose subject a kernel may change.

Their disk files lie on ext4 on an NVMe disk. Left out are those that measure time: an emulated
machine has its own.
"""

import contextlib
import os

import drives
from cases import case
from harness import BUILD, ROOT, Daemon, Skip, check_command, nbd_uri, run_command

MIB = 1 << 20
DISK_MIB = 16
NBD_TESTS = (
    "data_arrives_in_the_file",
    "qemu_writes_and_verifies",
    "many_requests_are_in_flight_and_each_gets_its_own_data",
    "the_longest_requests_pass_and_longer_ones_do_not",
    "flush_and_fua_are_answered",
    "trim_and_write_zeroes_do_as_advertised",
    "sixteen_clients_at_once",
)
SMOKE_TESTS = ("a_configuration_file_brings_up_disk_and_export",)


@contextlib.contextmanager
def files_on_nvme():
    """Where the tests keep their files is ext4 on controller 0."""
    folder = BUILD / "tests" / "run"
    drives.wait_free(drives.block(0))
    check_command(["mkfs.ext4", "-q", drives.block(0)])
    check_command(["mount", drives.block(0), folder])
    try:
        yield
    finally:
        drives.unmount(folder)


def integration(name, *tests, **environment):
    program = ROOT / "tests" / "integration" / f"test_{name}.py"
    done = run_command(
        ["python3", "-B", program, *tests], timeout=280, env={**os.environ, **environment}
    )
    print(done.stdout, done.stderr)
    results = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "not ok "))]
    failed = [line for line in results if line.startswith("not ok ")]
    assert done.returncode == 0 and results and not failed, failed
    if all("# SKIP" in line for line in results):
        raise Skip(results[0].partition("# SKIP ")[2])


@case(timeout_s=300)
def the_smoke_tests_pass():
    with files_on_nvme():
        integration("smoke", *SMOKE_TESTS)


@case(timeout_s=300)
def files_are_served_over_nbd():
    with files_on_nvme():
        integration("nbd", *NBD_TESTS)


@case(timeout_s=300)
def an_idle_service_does_not_wake():
    with files_on_nvme():
        integration("idle", EBB_IDLE_SECONDS="3")


@case()
def an_nvme_disk_is_served_over_nbd():
    source, copy = "/tmp/source", "/tmp/copy"
    with open(source, "wb") as file:
        file.write(os.urandom(DISK_MIB * MIB))
    for mode in ("interrupt", "poll"):
        with Daemon(mode=mode) as daemon:
            name = str(drives.block(0))
            daemon.rpc("bdev_uring_create", name="disk", filename=name)
            uri = nbd_uri(daemon.add_export("disk"), "disk")
            size = int(check_command(["nbdinfo", "--size", uri]).stdout)
            assert size == 256 * MIB, size
            check_command(["nbdcopy", "--flush", source, uri])
            check_command(["cmp", "-n", DISK_MIB * MIB, source, name])
            with open(copy, "wb"):
                check_command(["qemu-img", "dd", "-f", "raw", "-O", "raw", "bs=1M",
                               f"count={DISK_MIB}", f"if={uri}", f"of={copy}"])  # fmt: skip
            check_command(["cmp", source, copy])
