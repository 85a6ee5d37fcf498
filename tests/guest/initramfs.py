# SPDX-License-Identifier: Apache-2.0
"""The guest's kernel, found, and its initramfs, built: static busybox, a few modules, init.

The kernel is the newest that Debian's linux-image packages installed. An emulated machine would
spend a third of its boot on unpacking it, so it is unpacked here, once, and started by the PVH
entry of the ELF image; where it is packed otherwise than with xz, it boots as it is.

Both depend on that kernel, on busybox and on this folder only; they are kept in build/guest.
"""

import lzma
import os
import re
import shutil
import stat
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("EBB_BUILD_DIR") or ROOT / "build")
# The root and the ways to the host; then what every guest wants, which loads sooner from here.
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "virtio_console", "virtio_blk")
MODULES += ("nvme", "vfio-pci", "vfio_iommu_type1")
NEWC_HEADER = "070701" + "%08x" * 13
SECTOR = 512
XZ_MAGIC = b"\xfd7zXZ\0"


class Missing(Exception):
    """What a guest needs is not on this machine; the text says what, and what installs it."""


def find_program(name, package):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{name} is not installed (package {package})")
    return path


def version_key(path):
    return [int(part) for part in re.findall(r"\d+", path.name)]


def find_kernel():
    """(vmlinuz, release) of the newest kernel whose modules are there as well."""
    found = [
        path
        for path in Path("/boot").glob("vmlinuz-*")
        if (Path("/lib/modules") / path.name[len("vmlinuz-") :] / "modules.dep").exists()
    ]
    if not found:
        raise Missing("there is no kernel with modules in /boot (package linux-image-amd64)")
    kernel = max(found, key=version_key)
    if not os.access(kernel, os.R_OK):
        raise Missing(f"{kernel} is not readable for this user")
    return kernel, kernel.name[len("vmlinuz-") :]


def made(path, inputs, make):
    """path, made by make() (bytes) if it is missing or older than one of inputs."""
    if path.exists() and path.stat().st_mtime > max(file.stat().st_mtime for file in inputs):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two runs at once may both make it: each replaces it whole.
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(make())
    os.replace(file.name, path)
    return path


def payload(image):
    """What is packed in a bzImage. Linux x86 boot protocol 2.08: payload_offset and _length."""
    setup_sectors = image[0x1F1] or 4
    version, offset, length = struct.unpack_from("<H", image, 0x206) + struct.unpack_from(
        "<II", image, 0x248
    )
    if image[0x202:0x206] != b"HdrS" or version < 0x208:
        return b""
    start = (setup_sectors + 1) * SECTOR + offset
    return image[start : start + length]


def unpacked_kernel(kernel, release):
    """The path of the kernel to boot."""
    packed = payload(kernel.read_bytes())
    if not packed.startswith(XZ_MAGIC):
        return kernel
    path = BUILD / "guest" / f"vmlinux-{release}"
    return made(path, [kernel, Path(__file__)], lambda: lzma.LZMADecompressor().decompress(packed))


def module_files(release):
    """The files of MODULES and of what they depend on, each once, in the order to load them."""
    files = []
    for name in MODULES:
        done = subprocess.run(
            [find_program("modprobe", "kmod"), "-S", release, "--show-depends", name],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        for line in done.stdout.splitlines():
            words = line.split()
            if words[0] == "insmod" and words[1] not in files:
                files.append(words[1])
    return [Path(file) for file in files]


def cpio(entries):
    """A newc archive of [(name, mode, content)]."""
    parts = []
    for inode, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        encoded = name.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        head = (NEWC_HEADER % fields).encode() + encoded
        parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]
    return b"".join(parts)


def archive(release):
    modules = module_files(release)
    busybox = Path(find_program("busybox", "busybox-static"))
    folder, program = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o755
    names = "".join(f"{module.name}\n" for module in modules)
    entries = [(name, folder, b"") for name in ("bin", "lib", "dev")]
    entries += [
        ("init", program, (HERE / "init").read_bytes()),
        ("bin/busybox", program, busybox.read_bytes()),
        ("modules", stat.S_IFREG | 0o644, names.encode()),
    ]
    entries += [(f"lib/{module.name}", program, module.read_bytes()) for module in modules]
    return cpio(entries)


def initramfs(release):
    """The path of the initramfs for that kernel."""
    inputs = [HERE / "init", Path(__file__), Path(find_program("busybox", "busybox-static"))]
    inputs.append(Path("/lib/modules") / release / "modules.dep")
    return made(
        BUILD / "guest" / f"initramfs-{release}.cpio", inputs, lambda: archive(release)
    )
