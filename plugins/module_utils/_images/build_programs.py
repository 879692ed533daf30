# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of this host that images are packed and built with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from .._api.deadline import Deadline
from .._api.errors import DeadlineExceeded, InvalidInput

# Debian's names of the packages that bring them.
_PACKAGES: Mapping[str, str] = {
    "tar": "tar",
    "gzip": "gzip",
    "xz": "xz-utils",
    "zstd": "zstd",
    "mksquashfs": "squashfs-tools",
    "mmdebstrap": "mmdebstrap",
    "busybox": "busybox-static",
    "lxc-usernsexec": "lxc",
}
# Options in variables would make the same files another image.
_OPTIONS = ("TAR_OPTIONS", "GZIP", "XZ_OPT", "XZ_DEFAULTS", "ZSTD_CLEVEL", "ZSTD_NBTHREADS", "SOURCE_DATE_EPOCH")
_PATIENCE = 10.0
# Its mounts are seen by nobody else, and it ends with all it started when this process does, however that is.
APART = (
    *("setpriv", "--pdeathsig=KILL"),
    *("unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"),
)


def find(name: str) -> str:
    """Where a program is. Raises InvalidInput, with the package that brings it."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise InvalidInput(f"{name} is needed here and not installed: it is in the package {_PACKAGES[name]}")
    return found


@contextmanager
def started(
    command: Sequence[str],
    complaints: IO[bytes],
    *,
    stdin: IO[bytes] | None = None,
    extra: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
    directory: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that writes to a pipe. With the block it ends, if it has not by then, and all it started with it.

    directory: where it starts; it need not be able to get there by itself.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OPTIONS}
    # What AnsibleModule.run_command would return is text, and all of it at once; this streams.
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function
        [*within, find(command[0]), *command[1:]],
        cwd=directory,
        stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env={**environment, "LC_ALL": "C.UTF-8", **(extra or {})},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)
        if process.stdout:
            process.stdout.close()


def run(
    command: Sequence[str], deadline: Deadline, *, extra: Mapping[str, str] | None = None, within: Sequence[str] = ()
) -> str:
    """What a program prints. Raises InvalidInput with its complaint if it fails.

    extra: variables for its environment; within: a command that is to run it, as APART.
    """
    with tempfile.TemporaryFile() as complaints, started(command, complaints, extra=extra, within=within) as process:
        try:
            printed, _none = process.communicate(timeout=deadline.remaining())
        except subprocess.TimeoutExpired:
            raise DeadlineExceeded(f"{command[0]} was not done within {deadline.seconds:g} seconds") from None
        if process.returncode:
            raise InvalidInput(f"{command[0]} failed: {complaint(complaints) or complaint_in(printed)}")
    return printed.decode(errors="replace")


def complaint(complaints: IO[bytes]) -> str:
    """What a person needs of what a program complained of."""
    complaints.seek(0)
    return complaint_in(complaints.read())


def complaint_in(output: bytes) -> str:
    """The lines that call themselves errors, or else the last ones."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "FATAL"))]
    return "; ".join(errors[:3] or lines[-3:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Some, as mmdebstrap, tidy up when they are asked to end; they get a while for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            try:
                os.killpg(process.pid, number)
                process.wait(_PATIENCE)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
    process.wait()
