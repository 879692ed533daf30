# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon of a test's own, for what must not be done to the lab's: it has no network and no storage, only images."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.settings import Kind, clean_environment


@contextmanager
def private_daemon(kind: Kind, *, megabytes: int, **environment: str) -> Iterator[str]:
    """Run one with so much room for all it keeps; yields the URL of its socket. environment: further variables."""
    # Under a short path: the socket's has to be shorter than 108 bytes.
    directory = Path(tempfile.mkdtemp(prefix="flotilla-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(directory)], check=True)
    variables = clean_environment({kind.dir_variable: str(directory), **environment})
    command = [kind.server, "--group", kind.group, "--logfile", "/dev/null"]
    server = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=-3)
    try:
        give_up = time.monotonic() + 60
        waiting = [*kind.admin, "waitready", "--timeout", "1"]
        while subprocess.run(waiting, env=variables, check=False, capture_output=True).returncode:
            assert server.poll() is None and time.monotonic() < give_up, "the daemon did not come up"
            time.sleep(0.1)
        yield f"unix://{directory}/unix.socket"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        # It has mounts of its own below.
        subprocess.run(["umount", "--recursive", "--lazy", str(directory)], check=True)
        shutil.rmtree(directory)
