# SPDX-License-Identifier: GPL-3.0-or-later
"""The image `debian/12`: systemd, Python and sudo, from the mirror this machine uses."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from lab import apt
from lab.images import metadata
from lab.run import run
from lab.settings import BUILD, MARK

SUITE = "bookworm"
PACKAGES = [
    *("systemd-sysv", "dbus", "ifupdown", "isc-dhcp-client", "iproute2", "netbase"),
    *("python3", "sudo", "ca-certificates"),
    "usr-is-merged",  # in place of usrmerge, which brings 70 MB of Perl
]
LEAVE_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]
SETUP = Path(__file__).parent / "debian-setup"


def build(directory: Path) -> None:
    """Write metadata.tar.gz and rootfs.tar.zst to `directory`."""
    architecture = run("dpkg", "--print-architecture").strip()
    metadata.write(
        directory / "metadata.tar.gz", os="Debian", release=SUITE, architecture=architecture, created=int(time.time())
    )
    run(
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        # Settings for apt and dpkg stay in the image: what is installed later should come as it was made.
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=APT::Install-Recommends "false"',
        *(f'--aptopt={name} "{value}"' for name, value in apt.settings().items()),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEAVE_OUT),
        "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
        f'--customize-hook={shlex.quote(str(SETUP))} "$1"',
        SUITE,
        str(directory / "rootfs.tar.zst"),
        *_sources(),
        # Below BUILD and marked, so that a build which was cut off is found and cleared.
        env={"TMPDIR": str(BUILD), MARK: str(BUILD)},
        timeout=900,
    )


def _sources() -> list[str]:
    archive, security = apt.archive(), apt.security_archive()
    lines = [f"deb {archive} {SUITE} main", f"deb {archive} {SUITE}-updates main"]
    if security is not None:
        lines.append(f"deb {security} {SUITE}-security main")
    return lines
