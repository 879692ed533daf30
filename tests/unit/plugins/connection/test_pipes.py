# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation with a process of this host."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.dialogue import CommandTimedOut, Task
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.pipes import converse
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.streams import STDERR, STDIN, STDOUT

BIG = os.urandom(1024) * 4096


def converse_with(script: str, task: Task) -> int:
    pipes = {number: os.pipe() for number in (STDIN, STDOUT, STDERR)}
    theirs = (pipes[STDIN][0], pipes[STDOUT][1], pipes[STDERR][1])
    process = subprocess.Popen(["/bin/sh", "-c", script], stdin=theirs[0], stdout=theirs[1], stderr=theirs[2])
    # Whoever waits for it is the one that is tested.
    process.returncode = 0
    for end in theirs:
        os.close(end)
    ours = {STDIN: pipes[STDIN][1], STDOUT: pipes[STDOUT][0], STDERR: pipes[STDERR][0]}
    return converse(process.pid, ours, task)


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 127", 127), ("kill -9 $$", 137)])
def test_exit_codes(script, code):
    assert converse_with(script, Task()) == code


def test_both_ways():
    task = Task(BIG)
    assert converse_with("tee /dev/stderr", task) == 0
    assert bytes(task.stdout) == BIG
    assert bytes(task.stderr) == BIG


def test_input_that_nobody_reads():
    task = Task(BIG)
    assert converse_with("exec <&-; echo done", task) == 0
    assert bytes(task.stdout) == b"done\n"


def test_output_that_is_closed_early():
    assert converse_with("exec >&- 2>&-; sleep 0.1; exit 5", Task()) == 5


def test_what_is_left_behind_is_not_waited_for():
    began = time.monotonic()
    task = Task()
    assert converse_with("sleep 20 & echo done", task) == 0
    assert bytes(task.stdout) == b"done\n"
    assert time.monotonic() - began < 10


def test_patience():
    began = time.monotonic()
    with pytest.raises(CommandTimedOut):
        converse_with("exec sleep 20", Task(deadline=Deadline(0.2)))
    assert time.monotonic() - began < 10


def test_descriptors_are_closed():
    before = len(os.listdir("/proc/self/fd"))
    converse_with("cat", Task(b"x"))
    assert len(os.listdir("/proc/self/fd")) == before
