# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the Debian packages installed that the lab needs, with none of their services started."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from lab import apt
from lab.run import LabError, run, succeeds
from lab.settings import INCUS, SEARCH_PATH, STORAGE_DRIVER

PACKAGES = [
    "lxd",
    "lxd-client",
    "incus-base",
    "incus-client",
    # Classic LXC, and what its Python binding is built with.
    "lxc",
    "lxc-dev",
    "pkg-config",
    "gcc",
    "libc6-dev",
    "python3-dev",
    "dnsmasq-base",
    "iproute2",
    "iptables",
    "uidmap",
    "squashfs-tools",
    "zstd",
    "busybox-static",
    "mmdebstrap",
    "debian-archive-keyring",
    # What the tests look at pages with.
    "chromium-headless-shell",
    *{"btrfs": ["btrfs-progs"], "lvm": ["lvm2"], "zfs": ["zfsutils-linux"]}.get(STORAGE_DRIVER, []),
]

# Asked by package scripts before they start a service; 101 means "no" (see invoke-rc.d(8)).
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# flotilla-lab: there only while the lab installs packages\nexit 101\n"


def missing() -> list[str]:
    """Those of PACKAGES that are not installed."""
    status = Path("/var/lib/dpkg/status").read_text(errors="replace")
    installed = set(re.findall(r"^Package: (\S+)\nStatus: install ok installed$", status, re.MULTILINE))
    return [package for package in PACKAGES if package not in installed and not _is_provided(package)]


def install(packages: list[str]) -> None:
    """Install `packages`. Raises LabError if apt cannot."""
    complaint = ""
    if not all(map(apt.candidate, packages)):
        complaint = apt.update()
    if not apt.candidate("incus-base"):
        apt.add_backports()
        complaint = apt.update()
    unknown = [package for package in packages if not apt.candidate(package)]
    if unknown:
        raise LabError(f"apt cannot find {', '.join(unknown)}. {complaint}")
    with _no_services():
        try:
            apt.install(packages)
        except LabError:
            # Lists that are some days old name files the mirror no longer has.
            apt.update()
            apt.install(packages)
    _disable_units(packages)


def remove_policy() -> None:
    """Remove the policy of an installation that was cut off."""
    if POLICY.exists() and POLICY.read_text(errors="replace") == POLICY_TEXT:
        POLICY.unlink()


def _is_provided(package: str) -> bool:
    """Whether another package brought the daemon: `incus` has all of incus-base, and cannot be installed beside it."""
    return package == "incus-base" and Path(INCUS.server).exists()


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    remove_policy()
    if not POLICY.exists():
        POLICY.write_text(POLICY_TEXT)
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        remove_policy()


def _disable_units(packages: list[str]) -> None:
    """Keep the daemons just installed from starting at the next boot; they are not what the lab runs."""
    if not shutil.which("systemctl", path=SEARCH_PATH):
        return
    units = re.findall(r"/systemd/system/([^/@]+\.(?:service|socket))$", run("dpkg", "-L", *packages), re.MULTILINE)
    if units:
        succeeds("systemctl", "disable", *units)
