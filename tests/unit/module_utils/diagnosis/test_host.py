# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host shows of a daemon: the CRIU on its PATH, which need not be that on ours."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._diagnosis import host


@contextmanager
def daemon(**environment):
    """A process with this environment, in place of a daemon."""
    process = subprocess.Popen(["/bin/sleep", "60"], env=environment)
    try:
        # It is there a moment before its environment is.
        while not host.read(f"/proc/{process.pid}/environ"):
            pass
        yield process.pid
    finally:
        process.kill()
        process.wait()


def program(directory, text: str) -> str:
    (directory / "criu").write_text(f"#!/bin/sh\n{text}\n")
    os.chmod(directory / "criu", 0o755)
    return str(directory)


@pytest.mark.parametrize(
    ("text", "version"),
    [("echo Version: 4.1.1; echo GitID: v4.1.1", "4.1.1"), ("echo it does not work; exit 1", None)],
)
def test_the_daemons_own_criu(tmp_path, text, version):
    with daemon(PATH=program(tmp_path, text)) as pid:
        assert host.criu(pid) == version


def test_none(tmp_path):
    with daemon(PATH=str(tmp_path)) as pid:
        assert host.criu(pid) == ""


def test_what_cannot_be_known():
    with daemon(HOME="/") as pid:
        assert host.criu(pid) is None
    assert host.criu(pid) is None
