# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file is an image: what the servers take is let through, and what they would choke on later is not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import re
import shutil
import struct
import subprocess
import tarfile
import threading
from collections import deque
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._images import check, compression
from ansible_collections.flotilla.lxd.plugins.module_utils._images.check import Holds, Inspector, inspect

METADATA = b"architecture: x86_64\ncreation_date: 1767225600\nproperties:\n  os: Debian\n  release: 12.04\n"
GOOD = {"metadata.yaml": METADATA, "rootfs/": None, "rootfs/etc/issue": b"hello"}
TREE = {"etc/": None, "etc/issue": b"hello"}
LONG = "/".join(["rootfs", *(["a-rather-long-name"] * 20), "file"])
PYTHON_FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
PACKERS = {
    "tar": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
}
needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="the program zstd is not there")


def tarball(members: dict[str, bytes | None], format_: int = tarfile.PAX_FORMAT) -> bytes:
    """A tarball of these files, and directories where there is no content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format_) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            member.size = len(content or b"")
            tar.addfile(member, io.BytesIO(content or b""))
    return stream.getvalue()


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def squashfs(size: int = 4096) -> bytes:
    """The beginning of a squashfs that says it has 4096 bytes, cut or filled up to size."""
    superblock = b"hsqs" + bytes(36) + struct.pack("<Q", 4096)
    return superblock + bytes(size - len(superblock))


def looked_at(data: bytes, holds: Holds = Holds.UNIFIED, chunk: int = 1 << 20) -> None:
    with closing(Inspector("image.tar", holds)) as inspector:
        for start in range(0, len(data), chunk):
            inspector.feed(data[start : start + chunk])
        inspector.finish()


def refused(data: bytes, text: str, holds: Holds = Holds.UNIFIED) -> None:
    """With one sentence that names the file."""
    with pytest.raises(InvalidInput, match=text) as caught:
        looked_at(data, holds)
    assert re.fullmatch(r"image file image\.tar [^\n]+[^.\n]", str(caught.value))


@pytest.mark.parametrize("format_", PYTHON_FORMATS)
@pytest.mark.parametrize("packer", PACKERS)
def test_good_tarballs(packer, format_):
    long = {LONG: b"x" * 1000} if format_ != tarfile.USTAR_FORMAT else {LONG[:200]: b"x"}
    pack = PACKERS[packer]
    looked_at(pack(tarball({**GOOD, **long, "rootfs/ünïcode": b""}, format_)))
    looked_at(pack(tarball({f"./{name}": content for name, content in GOOD.items()}, format_)))
    looked_at(pack(tarball({"metadata.yaml": METADATA, "rootfs.img": b"QFI\xfb"}, format_)))
    looked_at(pack(tarball({"metadata.yaml": METADATA, "rootfs/": None}, format_)), Holds.METADATA)
    looked_at(pack(tarball(TREE, format_)), Holds.ROOTFS)


@pytest.mark.parametrize("chunk", [1, 7, 511, 513])
@pytest.mark.parametrize("packer", PACKERS)
def test_chunks_of_any_size(packer, chunk):
    looked_at(PACKERS[packer](tarball({**GOOD, LONG: b"x" * 2000})), chunk=chunk)


@pytest.mark.parametrize("format_", ["gnu", "oldgnu", "posix", "ustar"])
def test_what_gnu_tar_makes(tmp_path, format_):
    """Links of both kinds, holes in files, attributes, devices' absence and all."""
    (tmp_path / "metadata.yaml").write_bytes(METADATA)
    rootfs = tmp_path / "rootfs"
    (rootfs / "etc").mkdir(parents=True)
    (rootfs / "etc/issue").write_text("hello")
    os.link(rootfs / "etc/issue", rootfs / "etc/issue.net")
    (rootfs / "bin").symlink_to("../../usr/bin")
    os.mkfifo(rootfs / "pipe")
    with open(rootfs / "holes", "wb") as holes:
        for part in range(60):
            holes.seek(part * 1024 * 1024)
            holes.write(b"x" * 4096)
    sparse = [] if format_ == "ustar" else ["--sparse"]
    command = ["tar", f"--format={format_}", *sparse, "-cf", "-", "-C", str(tmp_path), "metadata.yaml", "rootfs"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    looked_at(data)
    refused(data[: data.rindex(b"x" * 4096) + 1000], "is cut off after or within rootfs/")


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_sparse_files_of_pax(tmp_path, version):
    with open(tmp_path / "metadata.yaml", "wb") as holes:
        holes.write(METADATA)
        holes.truncate(1024 * 1024)
    (tmp_path / "rootfs").mkdir()
    command = ["tar", "--format=posix", "--sparse", f"--sparse-version={version}", "-cf", "-", "-C", str(tmp_path), "."]
    looked_at(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


@needs_zstd
def test_zstd():
    whole = zstd(tarball({**GOOD, "rootfs/random": random.Random(1).randbytes(3_000_000)}))
    looked_at(whole)
    looked_at(whole, chunk=10_000)
    for length in (20, 1000, len(whole) // 2, len(whole) - 1):
        refused(whole[:length], "is cut off or damaged: its zstd compression")
    refused(zstd(tarball({"../x": b""})) + bytes(5_000_000), "leads out of it: ../x")
    refused(zstd(b"text"), "is cut off")


def test_what_nothing_here_can_read_is_left_to_the_server(monkeypatch):
    monkeypatch.setattr(compression.shutil, "which", lambda name: None)
    looked_at(b"\x28\xb5\x2f\xfd" + bytes(10_000_000))
    looked_at(b"\x04\x22\x4d\x18" + b"anything")
    monkeypatch.setattr(compression, "HAS_LZMA", False)
    looked_at(lzma.compress(b"anything")[:-1])
    monkeypatch.setattr(compression, "HAS_LZMA", True)
    monkeypatch.setattr(compression, "_MOST_LZMA_MEMORY", 1024 * 1024)
    looked_at(lzma.compress(b"anything", preset=9))


def test_without_pyyaml_only_json_is_read(monkeypatch):
    monkeypatch.setattr(check, "HAS_YAML", False)
    looked_at(tarball({"metadata.yaml": b"{", "rootfs/": None}))
    refused(tarball({"metadata.yaml": b"{}", "rootfs/": None}), "architecture is missing")


@pytest.mark.parametrize("packer", PACKERS)
def test_a_truncated_file_is_refused_wherever_it_ends(packer):
    """Only what may follow the end marker can be missing."""
    source = random.Random(7)
    plain = tarball({**GOOD, **{f"rootfs/{i}": source.randbytes(source.randrange(2000)) for i in range(30)}})
    whole = PACKERS[packer](plain)
    marker = len(plain.rstrip(b"\0")) // 512 * 512 + 512
    least = marker + 512 if packer == "tar" else len(whole)
    for length in [0, 1, 2, 3, 100, 511, 512, least - 1, *(source.randrange(least) for _each in range(150))]:
        with pytest.raises(InvalidInput):
            looked_at(whole[:length])
    looked_at(whole[:least])


def test_half_of_the_metadata_is_not_taken_for_all_of_it():
    refused(tarball(GOOD)[: 512 + 10], "is cut off after or within metadata.yaml")


@pytest.mark.parametrize("packer", ["gzip", "bzip2", "xz"])
def test_a_corrupt_file_is_refused(packer):
    source = random.Random(8)
    whole = bytearray(PACKERS[packer](tarball({**GOOD, "rootfs/random": source.randbytes(20_000)})))
    for _each in range(20):
        at = source.randrange(200, len(whole) - 200)
        whole[at] ^= 0xFF
        refused(bytes(whole), "is damaged|is cut off")
        whole[at] ^= 0xFF
    looked_at(bytes(whole))


def test_a_damaged_header_is_refused():
    data = bytearray(tarball({**GOOD, "rootfs/last": b""}))
    data[data.index(b"rootfs/last")] = 0
    refused(bytes(data), "is damaged after rootfs/etc/issue")


def test_old_checksums_of_signed_bytes():
    data = bytearray(tarball({"rootfs/\xfc": None, **GOOD}, tarfile.GNU_FORMAT))
    header = data[:148] + b" " * 8 + data[156:512]
    signed = sum(byte - 256 if byte > 127 else byte for byte in header)
    assert signed != sum(header)
    data[148:156] = b"%06o\0 " % signed
    looked_at(bytes(data))


def test_large_numbers():
    """A file of more than 8 GiB, cut off: its size must have been understood both ways."""
    for format_ in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        member = tarfile.TarInfo("rootfs/big")
        member.size = 9 * 1024**3
        refused(member.tobuf(format_) + tarball(GOOD), "is cut off after or within rootfs/big")


@pytest.mark.parametrize(
    ("packer", "after", "good"),
    [
        ("gzip", bytes(1000), True),
        ("gzip", gzip.compress(b"") + bytes(10), True),
        ("gzip", b"garbage", False),
        ("xz", bytes(4), True),
        ("xz", b"garbage", False),
        ("bzip2", bz2.compress(b"more"), True),
        # bzip2 itself ignores it, and so do the servers.
        ("bzip2", b"garbage", True),
        ("tar", b"garbage", True),
    ],
)
def test_what_follows_the_end(packer, after, good):
    data = PACKERS[packer](tarball(GOOD)) + after
    if good:
        looked_at(data)
    else:
        refused(data, f"is damaged: its {packer} compression")


def test_compressed_in_several_streams():
    """As parallel compressors write it."""
    data = tarball({**GOOD, "rootfs/random": random.Random(3).randbytes(5000)})
    parts = [data[start : start + 3000] for start in range(0, len(data), 3000)]
    for packer in ("gzip", "bzip2", "xz"):
        packed = [PACKERS[packer](part) for part in parts]
        looked_at(b"".join(packed))
        refused(b"".join(packed[:2]), "is cut off")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"no image\n", "is no image"),
        (b"text " * 1000, "is no image"),
        (bytes(10240), "is no image"),
        (b"\n<!DOCTYPE html><html><body>Blocked</body></html>", "is a web page and no image"),
        (gzip.compress(b"text " * 1000), "holds no tarball"),
        (gzip.compress(b""), "is cut off at its beginning"),
        (gzip.compress(bytes(10240)), "is an empty tarball"),
        (b"QFI\xfb" + bytes(1000), "is a disk and no tarball"),
    ],
)
def test_no_tarball(data, text):
    refused(data, text)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"rootfs/": None}, "has no metadata.yaml"),
        ({"x/metadata.yaml": METADATA, "rootfs/": None}, "has no metadata.yaml"),
        # The servers look for it by its very name.
        ({"/metadata.yaml": METADATA, "rootfs/": None}, "has no metadata.yaml"),
        ({"metadata.yaml": bytes(5_000_000), "rootfs/": None}, "of 5000000 bytes"),
        ({"metadata.yaml": METADATA}, "has no root file system"),
        ({"metadata.yaml": METADATA, "etc/issue": b""}, "has no root file system"),
        ({**GOOD, "rootfs.img": b""}, "has both"),
        ({**GOOD, "rootfs/../../etc/passwd": b""}, "leads out of it: rootfs/../../etc/passwd"),
        ({**GOOD, "templates/..": None}, "leads out of it"),
    ],
)
def test_what_is_in_it(members, text):
    refused(tarball(members), text)


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        (b"", "is no map"),
        (b"- x\n", "is no map"),
        (b"a: [\n", r"no YAML: .*\(line 2\)"),
        (b"a: \xff\xfe\x00", "no YAML"),
        (b"[" * 5000, "no YAML"),
        (b"creation_date: 1\n", "architecture is missing"),
        (b"architecture: x86_64\n", "creation_date is missing"),
        (METADATA.replace(b"1767225600", b"99999999999999"), "creation_date is 99999999999999"),
        (METADATA + b"expiry_date: 99999999999999\n", "expiry_date is 99999999999999"),
        (METADATA + b"templates: {/x: {when: [create], template: ../../x}}\n", r"template is '\.\./\.\./x'"),
    ],
)
def test_metadata(metadata, text):
    refused(tarball({"metadata.yaml": metadata, "rootfs/": None}), text)


@pytest.mark.parametrize(
    "more",
    [
        b"---\nanother: [document",
        b"expiry_date: 0\n",
        # No date, and for the server, which reads properties as text, no matter.
        b"description: 2026-99-99\n",
    ],
)
def test_metadata_that_the_servers_take(more):
    looked_at(tarball({"metadata.yaml": METADATA + more, "rootfs/": None}))


def test_absolute_paths_and_links_are_normal():
    stream = io.BytesIO(tarball(GOOD))
    with tarfile.open(fileobj=stream, mode="a") as tar:
        for name, kind in [("rootfs/bin", tarfile.SYMTYPE), ("rootfs/hard", tarfile.LNKTYPE)]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "../" * 60 + "etc/passwd"
            tar.addfile(member)
        tar.addfile(tarfile.TarInfo("/rootfs/..almost"))
    looked_at(stream.getvalue())


def test_metadata_that_is_a_link():
    member = tarfile.TarInfo("metadata.yaml")
    member.type, member.linkname = tarfile.SYMTYPE, "elsewhere"
    refused(member.tobuf() + tarball({"elsewhere": METADATA, "rootfs/": None}), "a metadata.yaml that is no plain file")


def test_root_file_systems():
    looked_at(squashfs(), Holds.ROOTFS)
    looked_at(squashfs(8192), Holds.ROOTFS)
    looked_at(squashfs())
    looked_at(b"QFI\xfb" + bytes(100), Holds.ROOTFS)
    refused(squashfs(4095), "is cut off: it has 4095 bytes, and the squashfs in it 4096", Holds.ROOTFS)
    refused(b"hsqs", "is cut off", Holds.ROOTFS)
    refused(b"text", "is no image", Holds.ROOTFS)
    refused(tarball({"../x": b""}), "leads out of it", Holds.ROOTFS)


def test_metadata_of_a_split_image():
    refused(squashfs(), "that is the option rootfs", Holds.METADATA)
    refused(tarball(GOOD), "has a root file system of its own", Holds.METADATA)
    refused(
        tarball({"metadata.yaml": METADATA, "rootfs.img": b""}), "has a root file system of its own", Holds.METADATA
    )
    refused(tarball(TREE), "has no metadata.yaml", Holds.METADATA)


def test_files(tmp_path: Path):
    (tmp_path / "good").write_bytes(tarball(GOOD))
    (tmp_path / "metadata").write_bytes(tarball({"metadata.yaml": METADATA}))
    (tmp_path / "rootfs").write_bytes(squashfs())
    inspect(str(tmp_path / "good"), None)
    inspect(str(tmp_path / "metadata"), str(tmp_path / "rootfs"))
    for file, rootfs, text in [
        ("none", None, "none cannot be read: No such file"),
        (".", None, "cannot be read: Is a directory"),
        ("metadata", "none", "none cannot be read: No such file"),
        ("good", "rootfs", "good has a root file system of its own"),
        ("metadata", "metadata/x", "cannot be read: Not a directory"),
    ]:
        with pytest.raises(InvalidInput, match=text):
            inspect(str(tmp_path / file), str(tmp_path / rootfs) if rootfs else None)


def test_what_is_wrong_is_said_before_the_end():
    with closing(Inspector("x", Holds.UNIFIED)) as inspector:
        with pytest.raises(InvalidInput, match="is no image"):
            deque((inspector.feed(bytes(1024 * 1024)) for _each in range(1000)), maxlen=0)
        with pytest.raises(InvalidInput, match="is no image"):
            inspector.finish()


@pytest.mark.parametrize("begin", [b"", tarball(GOOD)[:1000], gzip.compress(tarball(GOOD))[:100], b"\x28\xb5\x2f\xfd"])
def test_closing_ends_its_threads(begin):
    before = threading.active_count()
    inspector = Inspector("x", Holds.UNIFIED)
    inspector.feed(begin)
    inspector.close()
    inspector.close()
    assert threading.active_count() == before


def test_a_bomb_is_unpacked_in_pieces():
    """Gigabytes of zeros, in a megabyte: they go by."""
    with closing(compression.unpacked(iter([gzip.compress(bytes(200_000_000), 9)]), "gzip")) as pieces:
        sizes = [len(piece) for piece in pieces]
    assert max(sizes) <= 1024 * 1024 and sum(sizes) == 200_000_000
