# SPDX-License-Identifier: Apache-2.0
"""Faults of drives, made while the guest runs by QEMU's block layer and its hotplug.

A fault is a blkdebug node put between a namespace and its disk, by pointing the device's "drive"
property at it; healing points it back. What is under way in the moment of the change ends first.
"""

import time

ERRNO_IO = 5
RELEASE_TIMEOUT_S = 30
OPERATIONS = {"read": "read", "write": "write", "flush": "flush", "discard": "discard"}


def drive_property(guest, namespace):
    path = f"/machine/peripheral/{guest.machine.holder(namespace)}"
    return {"path": path, "property": "drive"}


def inject(guest, namespace, operation="read", first_block=None, errno=ERRNO_IO, once=False):
    """Fail what reads, writes, flushes or discards; first_block: only what touches that block of
    512 bytes; once: only the first time."""
    heal(guest, namespace)
    rule = {"event": "none", "iotype": OPERATIONS[operation], "errno": errno, "once": once}
    if first_block is not None:
        rule["sector"] = first_block
    guest.qmp(
        "blockdev-add",
        driver="blkdebug",
        **{"node-name": f"fault{namespace}"},
        image=f"disk{namespace}",
        **{"inject-error": [rule]},
    )
    guest.faults.add(namespace)
    guest.qmp("qom-set", **drive_property(guest, namespace), value=f"fault{namespace}")


def throttle(guest, namespace, iops):
    """iops 0 takes the limit away."""
    limits = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops_rd", "iops_wr"), 0)
    guest.qmp("block_set_io_throttle", id=guest.machine.holder(namespace), iops=iops, **limits)
    guest.slow.add(namespace)


def heal(guest, namespace):
    if namespace in guest.slow:
        throttle(guest, namespace, 0)
        guest.slow.discard(namespace)
    if namespace in guest.faults:
        guest.qmp("qom-set", **drive_property(guest, namespace), value=f"disk{namespace}")
        guest.qmp("blockdev-del", **{"node-name": f"fault{namespace}"})
        guest.faults.discard(namespace)


def plug(guest, controller):
    """device_add as the command line had it. The namespaces of a drive with several controllers
    outlive one of them."""
    driver, *properties = guest.controller_devices(controller)[0].split(",")
    arguments = dict(word.split("=", 1) for word in properties)
    deadline = time.monotonic() + RELEASE_TIMEOUT_S
    while True:
        # The guest sees it go a little before QEMU has let go of its disk.
        try:
            guest.qmp("device_add", driver=driver, **arguments)
            return
        except guest.Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
